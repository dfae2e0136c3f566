#include "gateway/auth/verified_cache.h"

#include <cstdint>

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"

namespace holdfast::auth {
namespace {

VerifiedCache::Key Key(uint32_t number) {
  VerifiedCache::Key key{};
  for (int i = 0; i < 4; ++i) key[i] = static_cast<uint8_t>(number >> 8 * i);
  return key;
}

class VerifiedCacheTest : public testing::Test {
 protected:
  void Put(uint32_t number, bool good) { cache_.Put(Key(number), Verdict::Of(good, clock_.Now())); }
  // 1 and 0: good and bad; -1: not known.
  int Find(uint32_t number) {
    const auto verdict = cache_.Find(Key(number), clock_.Now());
    return verdict.has_value() ? verdict->good : -1;
  }

  pool::ManualClock clock_;
  VerifiedCache cache_;
};

TEST_F(VerifiedCacheTest, KnowsWhatItWasTold) {
  EXPECT_EQ(Find(1), -1);
  Put(1, true);
  Put(2, false);
  EXPECT_EQ(Find(1), 1);
  EXPECT_EQ(Find(2), 0);
  EXPECT_EQ(Find(3), -1);
}

TEST_F(VerifiedCacheTest, GoodForAMinuteHoweverOftenItIsUsed) {
  Put(1, true);
  clock_.Advance(std::chrono::seconds(30));
  EXPECT_EQ(Find(1), 1);
  clock_.Advance(std::chrono::seconds(30) - pool::Duration(1));
  EXPECT_EQ(Find(1), 1);
  clock_.Advance(pool::Duration(1));
  EXPECT_EQ(Find(1), -1);
  EXPECT_EQ(cache_.size(), 0u);
}

TEST_F(VerifiedCacheTest, BadForFiveSeconds) {
  Put(1, false);
  clock_.Advance(std::chrono::seconds(5) - pool::Duration(1));
  EXPECT_EQ(Find(1), 0);
  clock_.Advance(pool::Duration(1));
  EXPECT_EQ(Find(1), -1);
}

TEST_F(VerifiedCacheTest, TheLastVerdictCounts) {
  Put(1, false);
  Put(1, true);
  EXPECT_EQ(Find(1), 1);
  Put(1, false);
  EXPECT_EQ(Find(1), 0);
  EXPECT_EQ(cache_.size(), 1u);
}

TEST_F(VerifiedCacheTest, TheLeastRecentlyUsedGivesWay) {
  for (uint32_t i = 0; i < VerifiedCache::kMaxGood; ++i) Put(i, true);
  EXPECT_EQ(Find(0), 1);  // and so it is used
  Put(1'000'000, true);
  EXPECT_EQ(cache_.size(), VerifiedCache::kMaxGood);
  EXPECT_EQ(Find(1), -1);
  EXPECT_EQ(Find(0), 1);
  EXPECT_EQ(Find(2), 1);
  EXPECT_EQ(Find(1'000'000), 1);
}

TEST_F(VerifiedCacheTest, WhoGuessesPushesNobodyOut) {
  Put(0, true);
  for (uint32_t i = 1; i < 10'000; ++i) Put(i, false);
  EXPECT_EQ(cache_.size(), VerifiedCache::kMaxBad + 1);
  EXPECT_EQ(Find(0), 1);
  EXPECT_EQ(Find(9'999), 0);
  EXPECT_EQ(Find(10'000 - VerifiedCache::kMaxBad), 0);
  EXPECT_EQ(Find(10'000 - VerifiedCache::kMaxBad - 1), -1);
}

}  // namespace
}  // namespace holdfast::auth
