#include "gateway/tls/temporary_certificates.h"

#include <gtest/gtest.h>

#include "pool/tls/certificate_facts.h"

namespace holdfast::tls {
namespace {

constexpr pool::WallTime kNow{std::chrono::seconds(1'800'000'000)};

TEST(TemporaryCertificatesTest, TheSameNamesHaveTheSameOne) {
  TemporaryCertificates temporary;
  const pool::TlsCertificate first = temporary.For({"a.test", "b.test"}, kNow);
  EXPECT_EQ(temporary.For({"a.test", "b.test"}, kNow + std::chrono::hours(24)), first);
  EXPECT_NE(temporary.For({"a.test"}, kNow), first);
  EXPECT_EQ(first.chain.name, TemporaryCertificates::kFile);
  EXPECT_TRUE(CheckKey(first.chain, first.key).ok());
  EXPECT_EQ(pool::ReadCertificate(first.chain)->names.size(), 2u);
}

TEST(TemporaryCertificatesTest, OneThatEndsIsReplaced) {
  TemporaryCertificates temporary;
  const pool::TlsCertificate first = temporary.For({"a.test"}, kNow);
  const pool::WallTime late = kNow + TemporaryCertificates::kLife - std::chrono::hours(24);
  const pool::TlsCertificate second = temporary.For({"a.test"}, late);
  EXPECT_NE(second, first);
  EXPECT_GT(pool::ReadCertificate(second.chain)->not_after,
            late + TemporaryCertificates::kRenewBefore);
}

}  // namespace
}  // namespace holdfast::tls
