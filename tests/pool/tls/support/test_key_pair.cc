#include "tests/pool/tls/support/test_key_pair.h"

#include <utility>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "pool/net/check.h"

namespace holdfast::pool {
namespace {

using BignumPtr = OpenSslPtr<BIGNUM, &BN_free>;
using DigestPtr = OpenSslPtr<EVP_MD_CTX, &EVP_MD_CTX_free>;
using SignaturePtr = OpenSslPtr<ECDSA_SIG, &ECDSA_SIG_free>;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* Room(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

std::string Padded(const BIGNUM* number, size_t size) {
  std::string bytes(size, '\0');
  HOLDFAST_CHECK(BN_bn2binpad(number, Room(bytes), static_cast<int>(size)) ==
                 static_cast<int>(size));
  return bytes;
}

std::string Signed(EVP_PKEY* key, const EVP_MD* digest, int salt_bytes, std::string_view message) {
  const DigestPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* settings = nullptr;
  HOLDFAST_CHECK(EVP_DigestSignInit(context.get(), &settings, digest, nullptr, key) == 1);
  if (salt_bytes >= 0) {
    HOLDFAST_CHECK(EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) == 1);
    HOLDFAST_CHECK(EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, salt_bytes) == 1);
  }
  size_t size = 0;
  HOLDFAST_CHECK(EVP_DigestSign(context.get(), nullptr, &size, Bytes(message), message.size()) ==
                 1);
  std::string signature(size, '\0');
  HOLDFAST_CHECK(
      EVP_DigestSign(context.get(), Room(signature), &size, Bytes(message), message.size()) == 1);
  signature.resize(size);
  return signature;
}

}  // namespace

TestKeyPair TestKeyPair::Make(PublicKey::Kind kind, unsigned rsa_bits) {
  switch (kind) {
    case PublicKey::Kind::kP256: return {kind, KeyPtr(EVP_EC_gen("P-256"))};
    case PublicKey::Kind::kP384: return {kind, KeyPtr(EVP_EC_gen("P-384"))};
    case PublicKey::Kind::kRsa: return {kind, KeyPtr(EVP_RSA_gen(rsa_bits))};
    case PublicKey::Kind::kEd25519:
      return {kind, KeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"))};
  }
  HOLDFAST_CHECK(false);
}

std::string TestKeyPair::Sign(SignatureAlgorithm algorithm, std::string_view message) const {
  switch (algorithm) {
    case SignatureAlgorithm::kRs256: return Signed(key_.get(), EVP_sha256(), -1, message);
    case SignatureAlgorithm::kPs256: return SignPss(message, 32);
    case SignatureAlgorithm::kEdDsa: return Signed(key_.get(), nullptr, -1, message);
    case SignatureAlgorithm::kEs256:
    case SignatureAlgorithm::kEs384: break;
  }
  const bool longer = algorithm == SignatureAlgorithm::kEs384;
  const std::string der = Signed(key_.get(), longer ? EVP_sha384() : EVP_sha256(), -1, message);
  const unsigned char* at = Bytes(der);
  const SignaturePtr pair(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  return Padded(ECDSA_SIG_get0_r(pair.get()), coordinate_bytes()) +
         Padded(ECDSA_SIG_get0_s(pair.get()), coordinate_bytes());
}

std::string TestKeyPair::SignPss(std::string_view message, int salt_bytes) const {
  return Signed(key_.get(), EVP_sha256(), salt_bytes, message);
}

std::string TestKeyPair::Number(const char* name, size_t bytes) const {
  BIGNUM* raw = nullptr;
  HOLDFAST_CHECK(EVP_PKEY_get_bn_param(key_.get(), name, &raw) == 1);
  const BignumPtr number(raw);
  return Padded(number.get(), bytes != 0 ? bytes : static_cast<size_t>(BN_num_bytes(number.get())));
}

std::string TestKeyPair::x() const {
  if (kind_ != PublicKey::Kind::kEd25519) {
    return Number(OSSL_PKEY_PARAM_EC_PUB_X, coordinate_bytes());
  }
  std::string bytes(32, '\0');
  size_t size = bytes.size();
  HOLDFAST_CHECK(EVP_PKEY_get_raw_public_key(key_.get(), Room(bytes), &size) == 1);
  return bytes;
}

std::string TestKeyPair::y() const { return Number(OSSL_PKEY_PARAM_EC_PUB_Y, coordinate_bytes()); }
std::string TestKeyPair::n() const { return Number(OSSL_PKEY_PARAM_RSA_N, 0); }
std::string TestKeyPair::e() const { return Number(OSSL_PKEY_PARAM_RSA_E, 0); }

std::string TestKeyPair::PublicPem() const {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  HOLDFAST_CHECK(PEM_write_bio_PUBKEY(bio.get(), key_.get()) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<size_t>(size));
}

PublicKey TestKeyPair::Public() const {
  switch (kind_) {
    case PublicKey::Kind::kP256:
    case PublicKey::Kind::kP384: return *PublicKey::OfCurve(kind_, x(), y());
    case PublicKey::Kind::kRsa: return *PublicKey::OfRsa(n(), e());
    case PublicKey::Kind::kEd25519: return *PublicKey::OfEd25519(x());
  }
  HOLDFAST_CHECK(false);
}

std::string TestHmac(std::string_view key, std::string_view message) {
  std::string digest(32, '\0');
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), Bytes(message), message.size(),
       Room(digest), &size);
  return digest;
}

}  // namespace holdfast::pool
