#include "pool/tls/made_certificate.h"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "pool/net/check.h"
#include "pool/tls/keyed_chain.h"
#include "pool/tls/openssl_ptr.h"

namespace holdfast::pool {

using RequestPtr = OpenSslPtr<X509_REQ, &X509_REQ_free>;
using ExtensionPtr = OpenSslPtr<X509_EXTENSION, &X509_EXTENSION_free>;
using OctetsPtr = OpenSslPtr<ASN1_OCTET_STRING, &ASN1_OCTET_STRING_free>;
using ObjectPtr = OpenSslPtr<ASN1_OBJECT, &ASN1_OBJECT_free>;
using AuthorityKeyPtr = OpenSslPtr<AUTHORITY_KEYID, &AUTHORITY_KEYID_free>;

namespace {

// A common name has room for so much (RFC 5280, ub-common-name); the names themselves are in the
// subjectAltName.
constexpr size_t kMaxCommonName = 64;
// A challenge is over long before.
constexpr Duration kChallengeLife = std::chrono::hours(24 * 7);
// Clocks differ.
constexpr Duration kBackdate = std::chrono::hours(1);
// id-pe-acmeIdentifier (RFC 8737 section 6.1).
constexpr const char* kAcmeIdentifier = "1.3.6.1.5.5.7.1.31";

GeneralNamesPtr NamesOf(const std::vector<std::string>& names) {
  HOLDFAST_CHECK(!names.empty());
  GeneralNamesPtr all(GENERAL_NAMES_new());
  HOLDFAST_CHECK(all != nullptr);
  for (const std::string& name : names) {
    ASN1_IA5STRING* text = ASN1_IA5STRING_new();
    HOLDFAST_CHECK(ASN1_STRING_set(text, name.data(), static_cast<int>(name.size())) == 1);
    GENERAL_NAME* general = GENERAL_NAME_new();
    GENERAL_NAME_set0_value(general, GEN_DNS, text);
    HOLDFAST_CHECK(sk_GENERAL_NAME_push(all.get(), general) > 0);
  }
  return all;
}

void SetSubject(X509_NAME* subject, const std::string& name) {
  if (name.size() > kMaxCommonName) return;
  const auto* text = reinterpret_cast<const unsigned char*>(name.data());
  const int set = X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8, text,
                                             static_cast<int>(name.size()), -1, 0);
  HOLDFAST_CHECK(set == 1);
}

std::string PemOf(X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  HOLDFAST_CHECK(PEM_write_bio_X509(bio.get(), certificate) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<size_t>(size));
}

void SetTime(ASN1_TIME* time, WallTime at) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch());
  ASN1_TIME_set(time, static_cast<time_t>(seconds.count()));
}

// All but its extensions of its own, and the signature.
X509Ptr Begin(const SigningKey& key, const std::vector<std::string>& names, WallTime now,
              Duration life) {
  X509Ptr made(X509_new());
  X509* const x509 = made.get();
  HOLDFAST_CHECK(x509 != nullptr);
  X509_set_version(x509, X509_VERSION_3);
  unsigned char serial[16];
  HOLDFAST_CHECK(RAND_bytes(serial, sizeof(serial)) == 1);
  serial[0] &= 0x7f;  // positive
  BIGNUM* number = BN_bin2bn(serial, sizeof(serial), nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509));
  BN_free(number);
  SetTime(X509_getm_notBefore(x509), now - kBackdate);
  SetTime(X509_getm_notAfter(x509), now + life);
  X509_set_pubkey(x509, key.get());
  SetSubject(X509_get_subject_name(x509), names.front());
  X509_set_issuer_name(x509, X509_get_subject_name(x509));
  const GeneralNamesPtr general = NamesOf(names);
  HOLDFAST_CHECK(X509_add1_ext_i2d(x509, NID_subject_alt_name, general.get(), 0, 0) == 1);
  return made;
}

TlsCertificate Finish(const SigningKey& key, X509* x509, const std::string& file) {
  HOLDFAST_CHECK(X509_sign(x509, key.get(), EVP_sha256()) > 0);
  return {.chain = {.pem = PemOf(x509), .name = file}, .key = {.pem = key.Pem(), .name = file}};
}

}  // namespace

std::string MakeCertificateRequest(const SigningKey& key, const std::vector<std::string>& names) {
  const RequestPtr request(X509_REQ_new());
  HOLDFAST_CHECK(request != nullptr);
  X509_REQ_set_version(request.get(), X509_REQ_VERSION_1);
  SetSubject(X509_REQ_get_subject_name(request.get()), names.front());
  X509_REQ_set_pubkey(request.get(), key.get());
  const GeneralNamesPtr general = NamesOf(names);
  const ExtensionPtr extension(X509V3_EXT_i2d(NID_subject_alt_name, 0, general.get()));
  HOLDFAST_CHECK(extension != nullptr);
  STACK_OF(X509_EXTENSION)* extensions = sk_X509_EXTENSION_new_null();
  sk_X509_EXTENSION_push(extensions, extension.get());
  HOLDFAST_CHECK(X509_REQ_add_extensions(request.get(), extensions) == 1);
  sk_X509_EXTENSION_free(extensions);
  HOLDFAST_CHECK(X509_REQ_sign(request.get(), key.get(), EVP_sha256()) > 0);
  unsigned char* der = nullptr;
  const int size = i2d_X509_REQ(request.get(), &der);
  HOLDFAST_CHECK(size > 0);
  std::string bytes(reinterpret_cast<char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return bytes;
}

TlsCertificate MakeSelfSigned(const std::vector<std::string>& names, WallTime now, Duration life,
                              std::string_view file) {
  const SigningKey key = SigningKey::Make();
  const X509Ptr made = Begin(key, names, now, life);
  return Finish(key, made.get(), std::string(file));
}

TlsCertificate MakeChallengeCertificate(const std::string& name, std::string_view digest,
                                        WallTime now) {
  const SigningKey key = SigningKey::Make();
  const X509Ptr made = Begin(key, {name}, now, kChallengeLife);
  // The extension's value is itself an octet string in DER: its tag, its length, the digest.
  HOLDFAST_CHECK(digest.size() == 32);
  const std::string der = std::string("\x04\x20", 2) + std::string(digest);
  const OctetsPtr octets(ASN1_OCTET_STRING_new());
  ASN1_OCTET_STRING_set(octets.get(), reinterpret_cast<const unsigned char*>(der.data()),
                        static_cast<int>(der.size()));
  const ObjectPtr object(OBJ_txt2obj(kAcmeIdentifier, 1));
  const ExtensionPtr extension(
      X509_EXTENSION_create_by_OBJ(nullptr, object.get(), /*crit=*/1, octets.get()));
  HOLDFAST_CHECK(extension != nullptr);
  HOLDFAST_CHECK(X509_add_ext(made.get(), extension.get(), -1) == 1);
  return Finish(key, made.get(), "challenge for " + name);
}

absl::StatusOr<RenewalId> ReadRenewalId(const TlsFile& chain) {
  absl::StatusOr<std::vector<X509Ptr>> certificates = ParseCertificates(chain);
  if (!certificates.ok()) return certificates.status();
  X509* const leaf = certificates->front().get();
  const AuthorityKeyPtr authority(static_cast<AUTHORITY_KEYID*>(
      X509_get_ext_d2i(leaf, NID_authority_key_identifier, nullptr, nullptr)));
  if (authority == nullptr || authority->keyid == nullptr) {
    return absl::NotFoundError(chain.name + ": the certificate does not name its authority's key");
  }
  RenewalId id;
  id.authority_key.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(authority->keyid)),
                          static_cast<size_t>(ASN1_STRING_length(authority->keyid)));
  // Tag and length come first; a serial number has at most 20 bytes, so that the length is one.
  unsigned char* der = nullptr;
  const int size = i2d_ASN1_INTEGER(X509_get0_serialNumber(leaf), &der);
  if (size > 2) id.serial.assign(reinterpret_cast<char*>(der) + 2, static_cast<size_t>(size - 2));
  OPENSSL_free(der);
  return id;
}

}  // namespace holdfast::pool
