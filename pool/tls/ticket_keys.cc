#include "pool/tls/ticket_keys.h"

#include <cstring>
#include <span>

#include <openssl/rand.h>

#include "pool/tls/context_setup.h"

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

void Append(const TicketKey& key, std::string* bytes) {
  bytes->append(key.name.begin(), key.name.end());
  bytes->append(key.cipher.begin(), key.cipher.end());
  bytes->append(key.mac.begin(), key.mac.end());
}

TicketKey KeyAt(const char* bytes) {
  TicketKey key;
  std::memcpy(key.name.data(), bytes, key.name.size());
  std::memcpy(key.cipher.data(), bytes + key.name.size(), key.cipher.size());
  std::memcpy(key.mac.data(), bytes + key.name.size() + key.cipher.size(), key.mac.size());
  return key;
}

}  // namespace

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
