#include "pool/tls/ticket_keys.h"

#include <cstring>
#include <span>
#include <string>

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

#include "pool/tls/context_setup.h"
#include "pool/tls/openssl_ptr.h"

namespace holdfast::pool {
namespace {

bool Fill(std::span<uint8_t> bytes) {
  return RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1;
}

std::optional<TicketKey> FreshKey() {
  InitLibrary();
  TicketKey key;
  if (!Fill(key.name) || !Fill(key.cipher) || !Fill(key.mac)) return std::nullopt;
  return key;
}

TicketKey KeyAt(const char* bytes) {
  TicketKey key;
  std::memcpy(key.name.data(), bytes, key.name.size());
  std::memcpy(key.cipher.data(), bytes + key.name.size(), key.cipher.size());
  std::memcpy(key.mac.data(), bytes + key.name.size() + key.cipher.size(), key.mac.size());
  return key;
}

using KdfPtr = OpenSslPtr<EVP_KDF, &EVP_KDF_free>;
using KdfContextPtr = OpenSslPtr<EVP_KDF_CTX, &EVP_KDF_CTX_free>;

// HKDF (RFC 5869) of the secret, with the period's number as what it is for.
std::optional<TicketKey> DerivedKey(std::string_view secret, uint64_t period) {
  InitLibrary();
  const KdfPtr kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
  const KdfContextPtr context(kdf != nullptr ? EVP_KDF_CTX_new(kdf.get()) : nullptr);
  if (context == nullptr) return std::nullopt;
  std::string purpose = "holdfast session tickets " + std::to_string(period);
  std::string from(secret);
  char digest[] = "SHA256";
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, from.data(), from.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, purpose.data(), purpose.size()),
      OSSL_PARAM_construct_end(),
  };
  std::array<uint8_t, TicketKey::kBytes> bytes;
  if (EVP_KDF_derive(context.get(), bytes.data(), bytes.size(), parameters) != 1) {
    return std::nullopt;
  }
  return KeyAt(reinterpret_cast<const char*>(bytes.data()));
}

void Append(const TicketKey& key, std::string* bytes) {
  bytes->append(key.name.begin(), key.name.end());
  bytes->append(key.cipher.begin(), key.cipher.end());
  bytes->append(key.mac.begin(), key.mac.end());
}

}  // namespace

std::optional<TicketKeys> TicketKeys::Derived(std::string_view secret, uint64_t period) {
  const auto previous = DerivedKey(secret, period - 1), current = DerivedKey(secret, period),
             next = DerivedKey(secret, period + 1);
  if (!previous.has_value() || !current.has_value() || !next.has_value()) return std::nullopt;
  return TicketKeys{.previous = *previous, .current = *current, .next = *next};
}

std::optional<TicketKeys> TicketKeys::Fresh() {
  const auto previous = FreshKey(), current = FreshKey(), next = FreshKey();
  if (!previous.has_value() || !current.has_value() || !next.has_value()) return std::nullopt;
  return TicketKeys{.previous = *previous, .current = *current, .next = *next};
}

std::optional<TicketKeys> TicketKeys::Rotated() const {
  const auto fresh = FreshKey();
  if (!fresh.has_value()) return std::nullopt;
  return TicketKeys{.previous = current, .current = next, .next = *fresh};
}

std::string TicketKeys::Serialize() const {
  std::string bytes;
  bytes.reserve(kBytes);
  for (const TicketKey* key : {&previous, &current, &next}) Append(*key, &bytes);
  return bytes;
}

std::optional<TicketKeys> TicketKeys::Parse(std::string_view bytes) {
  if (bytes.size() != kBytes) return std::nullopt;
  return TicketKeys{.previous = KeyAt(bytes.data()),
                    .current = KeyAt(bytes.data() + TicketKey::kBytes),
                    .next = KeyAt(bytes.data() + 2 * TicketKey::kBytes)};
}

const TicketKey* TicketKeys::Find(const uint8_t* name, bool* renew) const {
  for (const TicketKey* key : {&current, &previous, &next}) {
    if (std::memcmp(key->name.data(), name, key->name.size()) != 0) continue;
    *renew = key != &current;
    return key;
  }
  return nullptr;
}

}  // namespace holdfast::pool
