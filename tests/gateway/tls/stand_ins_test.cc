#include "gateway/tls/stand_ins.h"

#include <gtest/gtest.h>

namespace holdfast::tls {
namespace {

constexpr pool::WallTime kNow{std::chrono::seconds(1'800'000'000)};

AcmeCertificate Ending(pool::WallTime at) {
  AcmeCertificate pair;
  pair.certificate.chain.pem = "chain";
  pair.facts.not_after = at;
  return pair;
}

TEST(LastPairsTest, OneIsThereUntilItEnds) {
  LastPairs last;
  EXPECT_EQ(last.Of("/a", kNow), nullptr);
  last.Keep("/a", Ending(kNow + std::chrono::seconds(1)));
  ASSERT_NE(last.Of("/a", kNow), nullptr);
  EXPECT_EQ(last.Of("/a", kNow)->certificate.chain.pem, "chain");
  EXPECT_EQ(last.Of("/b", kNow), nullptr);
  EXPECT_EQ(last.Of("/a", kNow + std::chrono::seconds(1)), nullptr);
}

TEST(LastPairsTest, ThoseThatHaveEndedAreForgotten) {
  LastPairs last;
  last.Keep("/a", Ending(kNow));
  last.Keep("/b", Ending(kNow + std::chrono::hours(1)));
  last.Prune(kNow);
  EXPECT_EQ(last.Of("/a", kNow - std::chrono::hours(1)), nullptr);
  EXPECT_NE(last.Of("/b", kNow), nullptr);
}

}  // namespace
}  // namespace holdfast::tls
