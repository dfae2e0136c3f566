#include "tests/pool/tls/support/test_certificates.h"

#include <arpa/inet.h>

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "pool/net/check.h"

namespace holdfast::pool {
namespace {

constexpr long kDay = 24 * 60 * 60;

EVP_PKEY* NewKey(bool rsa) { return rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"); }

// RSA keys take long to find; one does for all.
KeyPtr KeyFor(const CertificatePlan& plan) {
  if (!plan.rsa) return KeyPtr(NewKey(false));
  static const KeyPtr common(NewKey(true));
  EVP_PKEY_up_ref(common.get());
  return KeyPtr(common.get());
}

GENERAL_NAME* GeneralName(std::string_view name) {
  const std::string_view kind = name.substr(0, name.find(':') + 1);
  const std::string text(name.substr(kind.size()));
  GENERAL_NAME* general = GENERAL_NAME_new();
  if (kind == "ip:") {
    unsigned char bytes[16];
    const bool v4 = inet_pton(AF_INET, text.c_str(), bytes) == 1;
    if (!v4) HOLDFAST_CHECK(inet_pton(AF_INET6, text.c_str(), bytes) == 1);
    ASN1_OCTET_STRING* address = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(address, bytes, v4 ? 4 : 16);
    GENERAL_NAME_set0_value(general, GEN_IPADD, address);
  } else {
    ASN1_IA5STRING* string = ASN1_IA5STRING_new();
    ASN1_STRING_set(string, text.data(), static_cast<int>(text.size()));
    GENERAL_NAME_set0_value(general, kind == "uri:" ? GEN_URI : GEN_DNS, string);
  }
  return general;
}

void AddExtension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  HOLDFAST_CHECK(extension != nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

// `key`: whose it is; null: a new one's.
Issued Issue(const CertificatePlan& plan, std::string_view subject, const Issued* authority,
             KeyPtr key = nullptr) {
  Issued made{.certificate = X509Ptr(X509_new()),
              .key = key != nullptr ? std::move(key) : KeyFor(plan)};
  X509* const x509 = made.certificate.get();
  static long serial = 1;
  X509_set_version(x509, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x509), serial++);
  X509_gmtime_adj(X509_getm_notBefore(x509), plan.begins_in_days * kDay);
  X509_gmtime_adj(X509_getm_notAfter(x509), plan.ends_in_days * kDay);
  X509_set_pubkey(x509, made.key.get());
  X509_NAME* name = X509_get_subject_name(x509);
  const auto* text = reinterpret_cast<const unsigned char*>(subject.data());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, text, static_cast<int>(subject.size()), -1,
                             0);
  X509* const issuer = authority != nullptr ? authority->certificate.get() : x509;
  X509_set_issuer_name(x509, X509_get_subject_name(issuer));
  AddExtension(x509, issuer, NID_subject_key_identifier, "hash");
  AddExtension(x509, issuer, NID_basic_constraints,
               plan.authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (authority != nullptr) {
    AddExtension(x509, issuer, NID_authority_key_identifier, "keyid");
  }
  if (plan.authority) AddExtension(x509, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
  if (!plan.names.empty()) {
    const GeneralNamesPtr names(GENERAL_NAMES_new());
    for (const std::string& each : plan.names) {
      sk_GENERAL_NAME_push(names.get(), GeneralName(each));
    }
    X509_add1_ext_i2d(x509, NID_subject_alt_name, names.get(), 0, 0);
  }
  EVP_PKEY* const signer = authority != nullptr ? authority->key.get() : made.key.get();
  HOLDFAST_CHECK(X509_sign(x509, signer, EVP_sha256()) > 0);
  return made;
}

template <class Write>
std::string Pem(Write write) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  HOLDFAST_CHECK(write(bio.get()) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<size_t>(size));
}

}  // namespace

std::string Issued::pem() const {
  return Pem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate.get()); });
}

TlsFile Issued::chain(std::string_view file) const {
  return {.pem = pem(), .name = std::string(file)};
}

TlsFile Issued::key_file(std::string_view file) const {
  return {.pem = Pem([&](BIO* bio) {
            return PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          }),
          .name = std::string(file)};
}

Issued SelfSigned(const CertificatePlan& plan, std::string_view subject) {
  return Issue(plan, subject, nullptr);
}

Issued IssuedBy(const Issued& authority, const CertificatePlan& plan, std::string_view subject) {
  return Issue(plan, subject, &authority);
}

std::string PemFor(std::string_view request_der, const CertificatePlan& plan) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(request_der.data());
  X509_REQ* request = d2i_X509_REQ(nullptr, &bytes, static_cast<long>(request_der.size()));
  HOLDFAST_CHECK(request != nullptr);
  KeyPtr key(X509_REQ_get_pubkey(request));
  HOLDFAST_CHECK(X509_REQ_verify(request, key.get()) == 1);
  X509_REQ_free(request);
  const Issued made = Issue(plan, "leaf", &TestAuthority(), std::move(key));
  return made.pem() + TestAuthority().pem();
}

std::string RevocationList(const Issued& authority, const std::vector<const Issued*>& revoked) {
  const CrlPtr list(X509_CRL_new());
  X509_CRL_set_version(list.get(), X509_CRL_VERSION_2);
  X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(authority.certificate.get()));
  ASN1_TIME* time = ASN1_TIME_new();
  X509_gmtime_adj(time, -kDay);
  X509_CRL_set1_lastUpdate(list.get(), time);
  for (const Issued* each : revoked) {
    X509_REVOKED* entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(each->certificate.get()));
    X509_REVOKED_set_revocationDate(entry, time);
    X509_CRL_add0_revoked(list.get(), entry);
  }
  X509_gmtime_adj(time, kDay);
  X509_CRL_set1_nextUpdate(list.get(), time);
  ASN1_TIME_free(time);
  HOLDFAST_CHECK(X509_CRL_sign(list.get(), authority.key.get(), EVP_sha256()) > 0);
  return Pem([&](BIO* bio) { return PEM_write_bio_X509_CRL(bio, list.get()); });
}

const Issued& TestAuthority() {
  static const Issued authority = SelfSigned({.authority = true}, "Test Authority");
  return authority;
}

Issued SiteFor(const std::vector<std::string>& hosts, bool rsa) {
  CertificatePlan plan{.rsa = rsa};
  for (const std::string& host : hosts) plan.names.push_back("dns:" + host);
  return IssuedBy(TestAuthority(), plan);
}

}  // namespace holdfast::pool
