#include "pool/tls/certificate_facts.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/pool/tls/support/test_certificates.h"

namespace holdfast::pool {
namespace {

using std::chrono::days;
using std::chrono::hours;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

CertificateFacts FactsFor(const CertificatePlan& plan) {
  return *ReadCertificate(IssuedBy(TestAuthority(), plan, "web").chain());
}

TEST(CertificateFactsTest, SaysWhatItIsFor) {
  const CertificateFacts facts = FactsFor(
      {.names = {"dns:A.test", "dns:*.b.test", "ip:10.0.0.7", "ip:::1", "uri:spiffe://x"}});
  EXPECT_THAT(facts.names, ElementsAre("a.test", "*.b.test"));
  EXPECT_THAT(facts.addresses, ElementsAre("10.0.0.7", "::1"));
  EXPECT_EQ(facts.subject, "CN=web");
  EXPECT_EQ(facts.issuer, "CN=Test Authority");
  EXPECT_EQ(facts.key_type, KeyType::kEcdsa);
  EXPECT_EQ(facts.key_bits, 256);
  EXPECT_FALSE(facts.self_signed);
  EXPECT_EQ(facts.file, "site.pem");
  EXPECT_FALSE(facts.serial.empty());
  EXPECT_EQ(facts.not_after - facts.not_before, days(31));
}

TEST(CertificateFactsTest, SaysWhatItsKeyIs) {
  EXPECT_EQ(FactsFor({.rsa = true}).key_type, KeyType::kRsa);
  EXPECT_EQ(FactsFor({.rsa = true}).key_bits, 2048);
  EXPECT_TRUE(ReadCertificate(SelfSigned({}).chain())->self_signed);
}

TEST(CertificateFactsTest, AHostIsOneOfItsNames) {
  const CertificateFacts facts = FactsFor({.names = {"dns:a.test", "dns:*.b.test", "ip:10.0.0.7"}});
  for (const char* host : {"a.test", "A.TEST", "x.b.test", "10.0.0.7"}) {
    EXPECT_TRUE(IsFor(facts, host)) << host;
  }
  for (const char* host : {"b.test", "x.y.b.test", "10.0.0.8", "web", ""}) {
    EXPECT_FALSE(IsFor(facts, host)) << host;
  }
}

TEST(CertificateFactsTest, ANameWithANulIsNoName) {
  EXPECT_THAT(FactsFor({.names = {std::string("dns:a.test\0.evil.test", 21)}}).names, IsEmpty());
}

TEST(CertificateFactsTest, WarnsBeforeTheEndAndAfterIt) {
  CertificateFacts facts = FactsFor({.names = {"dns:a.test"}});
  const WallTime end = facts.not_after;
  EXPECT_THAT(Warnings(facts, end - days(15), days(14)), IsEmpty());
  EXPECT_THAT(Warnings(facts, end - days(14), days(14)),
              ElementsAre(HasSubstr("site.pem: the certificate expires on 20")));
  EXPECT_THAT(Warnings(facts, end, days(14)), ElementsAre(HasSubstr("expired on 20")));
  EXPECT_THAT(Warnings(facts, facts.not_before - hours(1), days(14)),
              ElementsAre(HasSubstr("is not valid before 20")));
}

TEST(CertificateFactsTest, WarnsOfItsChain) {
  const Issued between =
      IssuedBy(TestAuthority(), {.authority = true, .ends_in_days = 3}, "between");
  const Issued site = IssuedBy(between, {.names = {"dns:a.test"}}, "site");
  const CertificateFacts facts =
      *ReadCertificate({.pem = site.pem() + between.pem(), .name = "site.pem"});
  EXPECT_EQ(facts.chain_length, 2u);
  EXPECT_EQ(facts.chain_fault, "");
  EXPECT_LT(facts.chain_not_after, facts.not_after);
  EXPECT_THAT(Warnings(facts, facts.not_before + hours(1), days(14)),
              ElementsAre(HasSubstr("a certificate of the chain expires on")));
  const CertificateFacts wrong =
      *ReadCertificate({.pem = site.pem() + TestAuthority().pem(), .name = "site.pem"});
  EXPECT_EQ(wrong.chain_fault,
            "certificate 2 (CN=Test Authority) does not vouch for the one before it");
}

TEST(CertificateFactsTest, WarnsOfOneWithoutNames) {
  const CertificateFacts facts = FactsFor({});
  EXPECT_THAT(Warnings(facts, facts.not_before + hours(1), days(1)),
              ElementsAre(HasSubstr("has no name in subjectAltName")));
}

TEST(CertificateFactsTest, AKeyBelongsToACertificateOrNot) {
  const Issued one = SiteFor({"a.test"}), other = SiteFor({"a.test"});
  EXPECT_TRUE(CheckKey(one.chain(), one.key_file()).ok());
  EXPECT_EQ(CheckKey(one.chain(), other.key_file()).message(),
            "site.key: the private key is not that of the certificate in site.pem");
}

}  // namespace
}  // namespace holdfast::pool
