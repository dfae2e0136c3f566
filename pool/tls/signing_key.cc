#include "pool/tls/signing_key.h"

#include <array>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "pool/net/check.h"
#include "pool/tls/context_setup.h"
#include "pool/tls/keyed_chain.h"
#include "pool/tls/openssl_ptr.h"

namespace holdfast::pool {

using BignumPtr = OpenSslPtr<BIGNUM, &BN_free>;
using DigestPtr = OpenSslPtr<EVP_MD_CTX, &EVP_MD_CTX_free>;
using SignaturePtr = OpenSslPtr<ECDSA_SIG, &ECDSA_SIG_free>;

namespace {

constexpr int kCoordinateBytes = 32;
constexpr const char* kCurve = "prime256v1";

int NoPassword(char*, int, int, void*) { return -1; }

absl::Status Error(const TlsFile& file, const std::string& what) {
  return absl::InvalidArgumentError(file.name + ": " + what);
}

std::string Padded(const BIGNUM* number) {
  std::string bytes(kCoordinateBytes, '\0');
  const int written =
      BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()), kCoordinateBytes);
  HOLDFAST_CHECK(written == kCoordinateBytes);
  return bytes;
}

std::string Coordinate(const EVP_PKEY* key, const char* which) {
  BIGNUM* raw = nullptr;
  HOLDFAST_CHECK(EVP_PKEY_get_bn_param(key, which, &raw) == 1);
  const BignumPtr number(raw);
  return Padded(number.get());
}

bool OnOurCurve(const EVP_PKEY* key) {
  std::array<char, 64> name{};
  size_t size = 0;
  const bool known = EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
                     EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) == 1;
  return known && std::string_view(name.data(), size) == kCurve;
}

}  // namespace

SigningKey::SigningKey(evp_pkey_st* key) : key_(key, &EVP_PKEY_free) {
  HOLDFAST_CHECK(key != nullptr);
}

SigningKey SigningKey::Make() {
  InitLibrary();
  return SigningKey(EVP_EC_gen(kCurve));
}

absl::StatusOr<SigningKey> SigningKey::Parse(const TlsFile& file) {
  InitLibrary();
  ERR_clear_error();
  const BioPtr bio(BIO_new_mem_buf(file.pem.data(), static_cast<int>(file.pem.size())));
  HOLDFAST_CHECK(bio != nullptr);
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassword, nullptr));
  if (key == nullptr) return Error(file, "the private key can't be read: " + TakeLibraryError());
  if (!OnOurCurve(key.get())) return Error(file, "expected a private key on the curve P-256");
  return SigningKey(key.release());
}

std::string SigningKey::Pem() const {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  HOLDFAST_CHECK(bio != nullptr);
  const int written =
      PEM_write_bio_PrivateKey(bio.get(), get(), nullptr, nullptr, 0, nullptr, nullptr);
  HOLDFAST_CHECK(written == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<size_t>(size));
}

std::string SigningKey::X() const { return Coordinate(get(), OSSL_PKEY_PARAM_EC_PUB_X); }
std::string SigningKey::Y() const { return Coordinate(get(), OSSL_PKEY_PARAM_EC_PUB_Y); }

std::string SigningKey::Sign(std::string_view message) const {
  const DigestPtr digest(EVP_MD_CTX_new());
  HOLDFAST_CHECK(digest != nullptr);
  HOLDFAST_CHECK(EVP_DigestSignInit(digest.get(), nullptr, EVP_sha256(), nullptr, get()) == 1);
  const auto* bytes = reinterpret_cast<const unsigned char*>(message.data());
  size_t size = 0;
  HOLDFAST_CHECK(EVP_DigestSign(digest.get(), nullptr, &size, bytes, message.size()) == 1);
  std::string der(size, '\0');
  auto* room = reinterpret_cast<unsigned char*>(der.data());
  HOLDFAST_CHECK(EVP_DigestSign(digest.get(), room, &size, bytes, message.size()) == 1);
  const unsigned char* at = room;
  const SignaturePtr signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
  HOLDFAST_CHECK(signature != nullptr);
  return Padded(ECDSA_SIG_get0_r(signature.get())) + Padded(ECDSA_SIG_get0_s(signature.get()));
}

}  // namespace holdfast::pool
