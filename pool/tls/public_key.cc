#include "pool/tls/public_key.h"

#include <array>
#include <string>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "pool/net/check.h"
#include "pool/tls/context_setup.h"
#include "pool/tls/openssl_ptr.h"

namespace holdfast::pool {
namespace {

using BignumPtr = OpenSslPtr<BIGNUM, &BN_free>;
using DigestPtr = OpenSslPtr<EVP_MD_CTX, &EVP_MD_CTX_free>;
using KeyContextPtr = OpenSslPtr<EVP_PKEY_CTX, &EVP_PKEY_CTX_free>;
using ParametersPtr = OpenSslPtr<OSSL_PARAM, &OSSL_PARAM_free>;
using BuilderPtr = OpenSslPtr<OSSL_PARAM_BLD, &OSSL_PARAM_BLD_free>;
using SignaturePtr = OpenSslPtr<ECDSA_SIG, &ECDSA_SIG_free>;

constexpr size_t kMaxExponentBytes = 8;
constexpr size_t kEd25519Bytes = 32;
// Of two numbers of at most 48 bytes, each with its head and a sign, behind a head.
constexpr size_t kMaxDerBytes = 2 * (48 + 3) + 3;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

size_t CoordinateBytes(PublicKey::Kind kind) { return kind == PublicKey::Kind::kP384 ? 48 : 32; }

BignumPtr Number(std::string_view bytes) {
  BignumPtr number(BN_bin2bn(Bytes(bytes), static_cast<int>(bytes.size()), nullptr));
  HOLDFAST_CHECK(number != nullptr);
  return number;
}

// Null: the library finds that there is no such key.
KeyPtr Made(const char* type, OSSL_PARAM* parameters) {
  const KeyContextPtr context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  HOLDFAST_CHECK(context != nullptr);
  EVP_PKEY* raw = nullptr;
  const bool made = EVP_PKEY_fromdata_init(context.get()) == 1 &&
                    EVP_PKEY_fromdata(context.get(), &raw, EVP_PKEY_PUBLIC_KEY, parameters) == 1;
  KeyPtr key(raw);
  if (made) {
    const KeyContextPtr check(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
    HOLDFAST_CHECK(check != nullptr);
    if (EVP_PKEY_public_check(check.get()) == 1) return key;
  }
  ERR_clear_error();
  return nullptr;
}

// As the library wants it (RFC 3279 section 2.2.3). 0: it is none.
size_t ToDer(std::string_view signature, std::array<unsigned char, kMaxDerBytes>* der) {
  const SignaturePtr pair(ECDSA_SIG_new());
  HOLDFAST_CHECK(pair != nullptr);
  const size_t half = signature.size() / 2;
  BignumPtr r = Number(signature.substr(0, half));
  BignumPtr s = Number(signature.substr(half));
  HOLDFAST_CHECK(ECDSA_SIG_set0(pair.get(), r.release(), s.release()) == 1);
  const int size = i2d_ECDSA_SIG(pair.get(), nullptr);
  if (size <= 0 || static_cast<size_t>(size) > der->size()) return 0;
  unsigned char* at = der->data();
  return i2d_ECDSA_SIG(pair.get(), &at) == size ? static_cast<size_t>(size) : 0;
}

const EVP_MD* DigestOf(SignatureAlgorithm algorithm) {
  switch (algorithm) {
    case SignatureAlgorithm::kEs256:
    case SignatureAlgorithm::kRs256:
    case SignatureAlgorithm::kPs256: return EVP_sha256();
    case SignatureAlgorithm::kEs384: return EVP_sha384();
    case SignatureAlgorithm::kEdDsa: return nullptr;  // it has its own (RFC 8032)
  }
  HOLDFAST_CHECK(false);
}

// RFC 7518 section 3.5: the salt is as long as the digest, and the mask is of the same one.
bool SetPadding(EVP_PKEY_CTX* context) {
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1;
}

}  // namespace

PublicKey::PublicKey(Kind kind, evp_pkey_st* key)
    : kind_(kind),
      signature_bytes_(kind == Kind::kRsa ? static_cast<size_t>(EVP_PKEY_get_size(key))
                                          : 2 * CoordinateBytes(kind)),
      key_(key, &EVP_PKEY_free) {}

absl::StatusOr<PublicKey> PublicKey::OfCurve(Kind kind, std::string_view x, std::string_view y) {
  HOLDFAST_CHECK(kind == Kind::kP256 || kind == Kind::kP384);
  InitLibrary();
  const size_t size = CoordinateBytes(kind);
  if (x.size() != size || y.size() != size) {
    return absl::InvalidArgumentError("expected x and y of " + std::to_string(size) +
                                      " bytes each");
  }
  // RFC 5480 section 2.2: 4, and both in full.
  std::string point("\x04");
  point.append(x).append(y);
  std::string curve(kind == Kind::kP256 ? SN_X9_62_prime256v1 : SN_secp384r1);
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
      OSSL_PARAM_construct_end(),
  };
  KeyPtr key = Made("EC", parameters);
  if (key == nullptr) return absl::InvalidArgumentError("x and y are no point on the curve");
  return PublicKey(kind, key.release());
}

absl::StatusOr<PublicKey> PublicKey::OfRsa(std::string_view modulus, std::string_view exponent) {
  InitLibrary();
  // More would be a number that is not worth looking at.
  if (modulus.size() > kMaxSignatureBytes || exponent.size() > kMaxExponentBytes) {
    return absl::InvalidArgumentError("expected n of at most 8192 bits and e of at most 64");
  }
  const BignumPtr n = Number(modulus);
  const BignumPtr e = Number(exponent);
  if (static_cast<size_t>(BN_num_bits(n.get())) < kMinRsaBits || BN_is_odd(n.get()) != 1) {
    return absl::InvalidArgumentError("expected n to be an odd number of at least 2048 bits");
  }
  if (BN_is_odd(e.get()) != 1 || BN_is_one(e.get()) == 1) {
    return absl::InvalidArgumentError("expected e to be an odd number from 3 on");
  }
  const BuilderPtr builder(OSSL_PARAM_BLD_new());
  HOLDFAST_CHECK(builder != nullptr);
  HOLDFAST_CHECK(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) == 1);
  HOLDFAST_CHECK(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) == 1);
  const ParametersPtr parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  HOLDFAST_CHECK(parameters != nullptr);
  KeyPtr key = Made("RSA", parameters.get());
  if (key == nullptr) return absl::InvalidArgumentError("n and e are no key of RSA");
  return PublicKey(Kind::kRsa, key.release());
}

absl::StatusOr<PublicKey> PublicKey::OfEd25519(std::string_view x) {
  InitLibrary();
  if (x.size() != kEd25519Bytes) return absl::InvalidArgumentError("expected x of 32 bytes");
  KeyPtr key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, Bytes(x), x.size()));
  if (key == nullptr) {
    ERR_clear_error();
    return absl::InvalidArgumentError("x is no key of Ed25519");
  }
  return PublicKey(Kind::kEd25519, key.release());
}

bool PublicKey::Fits(SignatureAlgorithm algorithm) const {
  switch (algorithm) {
    case SignatureAlgorithm::kEs256: return kind_ == Kind::kP256;
    case SignatureAlgorithm::kEs384: return kind_ == Kind::kP384;
    case SignatureAlgorithm::kRs256:
    case SignatureAlgorithm::kPs256: return kind_ == Kind::kRsa;
    case SignatureAlgorithm::kEdDsa: return kind_ == Kind::kEd25519;
  }
  HOLDFAST_CHECK(false);
}

bool PublicKey::Verify(SignatureAlgorithm algorithm, std::string_view message,
                       std::string_view signature) const {
  if (!Fits(algorithm) || signature.size() != signature_bytes_) return false;
  std::array<unsigned char, kMaxDerBytes> der;
  const unsigned char* bytes = Bytes(signature);
  size_t size = signature.size();
  if (kind_ == Kind::kP256 || kind_ == Kind::kP384) {
    bytes = der.data();
    size = ToDer(signature, &der);
    if (size == 0) return false;
  }
  const DigestPtr digest(EVP_MD_CTX_new());
  HOLDFAST_CHECK(digest != nullptr);
  EVP_PKEY_CTX* context = nullptr;  // the digest's
  const bool begun =
      EVP_DigestVerifyInit(digest.get(), &context, DigestOf(algorithm), nullptr, key_.get()) == 1 &&
      (algorithm != SignatureAlgorithm::kPs256 || SetPadding(context));
  const bool good =
      begun && EVP_DigestVerify(digest.get(), bytes, size, Bytes(message), message.size()) == 1;
  // A wrong signature leaves an error behind, which the next call for TLS would take for its own.
  if (!good) ERR_clear_error();
  return good;
}

}  // namespace holdfast::pool
