#include "pool/tls/made_certificate.h"

#include <string>

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "pool/tls/certificate_facts.h"
#include "pool/tls/digest.h"
#include "pool/tls/keyed_chain.h"
#include "pool/tls/tls_material.h"
#include "tests/pool/tls/support/test_certificates.h"

namespace holdfast::pool {
namespace {

constexpr WallTime kNow{std::chrono::seconds(1'800'000'000)};

TEST(MadeCertificateTest, ARequestIsForTheKeyAndTheNames) {
  const SigningKey key = SigningKey::Make();
  const std::string der = MakeCertificateRequest(key, {"a.test", "b.test"});
  // An authority checks its signature, and takes the key from it.
  const std::string pem = PemFor(der, {.names = {"dns:a.test"}});
  EXPECT_TRUE(CheckKey({.pem = pem, .name = "a.pem"}, {.pem = key.Pem(), .name = "a.key"}).ok());
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  X509_REQ* request = d2i_X509_REQ(nullptr, &bytes, static_cast<long>(der.size()));
  ASSERT_NE(request, nullptr);
  STACK_OF(X509_EXTENSION)* extensions = X509_REQ_get_extensions(request);
  auto* names = static_cast<GENERAL_NAMES*>(
      X509V3_get_d2i(extensions, NID_subject_alt_name, nullptr, nullptr));
  ASSERT_NE(names, nullptr);
  EXPECT_EQ(sk_GENERAL_NAME_num(names), 2);
  GENERAL_NAMES_free(names);
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  X509_REQ_free(request);
}

TEST(MadeCertificateTest, ALongNameIsNoCommonName) {
  const std::string name = std::string(60, 'a') + "." + std::string(60, 'b') + ".test";
  const std::string der = MakeCertificateRequest(SigningKey::Make(), {name});
  EXPECT_NE(der.find(name), std::string::npos) << "it is in the subjectAltName";
}

TEST(MadeCertificateTest, OneThatVouchesForItselfServesAListener) {
  const TlsCertificate made =
      MakeSelfSigned({"a.test", "b.test"}, kNow, std::chrono::hours(24), "(temporary)");
  const auto material = TlsServerMaterial::Load({.listener = "edge", .certificates = {made}});
  ASSERT_TRUE(material.ok()) << material.status();
  const CertificateFacts& facts = (*material)->certificates()[0];
  EXPECT_EQ(facts.names, (std::vector<std::string>{"a.test", "b.test"}));
  EXPECT_EQ(facts.file, "(temporary)");
  EXPECT_TRUE(facts.self_signed);
  EXPECT_EQ(facts.not_before, kNow - std::chrono::hours(1));
  EXPECT_EQ(facts.not_after, kNow + std::chrono::hours(24));
  const TlsCertificate another = MakeSelfSigned({"a.test"}, kNow, std::chrono::hours(24), "");
  EXPECT_NE(another.key.pem, made.key.pem);
}

// RFC 8737 section 3: for the name alone, and the digest in a critical extension.
TEST(MadeCertificateTest, AChallengeHoldsTheDigest) {
  const std::string digest = Sha256("token.thumbprint");
  const TlsCertificate made = MakeChallengeCertificate("a.test", digest, kNow);
  const auto chain = ParseKeyedChain(made.chain, made.key);
  ASSERT_TRUE(chain.ok()) << chain.status();
  EXPECT_EQ(chain->facts.names, std::vector<std::string>{"a.test"});
  ASN1_OBJECT* object = OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1);
  const int index = X509_get_ext_by_OBJ(chain->leaf.get(), object, -1);
  ASN1_OBJECT_free(object);
  ASSERT_GE(index, 0);
  X509_EXTENSION* extension = X509_get_ext(chain->leaf.get(), index);
  EXPECT_EQ(X509_EXTENSION_get_critical(extension), 1);
  const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(extension);
  const std::string bytes(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                          static_cast<size_t>(ASN1_STRING_length(value)));
  EXPECT_EQ(bytes, std::string("\x04\x20", 2) + digest);
}

// The example of RFC 9773 section 4.1: its serial has its highest bit set.
TEST(MadeCertificateTest, ARenewalIdIsWhatTheCertificateSays) {
  X509Ptr x509(X509_new());
  const SigningKey key = SigningKey::Make();
  X509_set_version(x509.get(), X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509.get()), 0x87654321);
  X509_gmtime_adj(X509_getm_notBefore(x509.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(x509.get()), 3600);
  X509_set_pubkey(x509.get(), key.get());
  AUTHORITY_KEYID* authority = AUTHORITY_KEYID_new();
  const std::string key_id = "\x69\x88\x5b\x6b";
  authority->keyid = ASN1_OCTET_STRING_new();
  ASN1_OCTET_STRING_set(authority->keyid, reinterpret_cast<const unsigned char*>(key_id.data()), 4);
  X509_add1_ext_i2d(x509.get(), NID_authority_key_identifier, authority, 0, 0);
  AUTHORITY_KEYID_free(authority);
  ASSERT_GT(X509_sign(x509.get(), key.get(), EVP_sha256()), 0);
  const Issued issued{.certificate = std::move(x509), .key = nullptr};
  const auto id = ReadRenewalId(issued.chain());
  ASSERT_TRUE(id.ok()) << id.status();
  EXPECT_EQ(id->authority_key, key_id);
  EXPECT_EQ(id->serial, std::string("\x00\x87\x65\x43\x21", 5));
}

TEST(MadeCertificateTest, ACertificateOfNoAuthorityHasNoRenewalId) {
  EXPECT_TRUE(absl::IsNotFound(ReadRenewalId(SelfSigned({}).chain()).status()));
  EXPECT_FALSE(ReadRenewalId({.pem = "garbage", .name = "a.pem"}).ok());
}

}  // namespace
}  // namespace holdfast::pool
