#include "gateway/policy/token_buckets.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <utility>

#include <gtest/gtest.h>

#include "pool/net/random.h"

namespace holdfast::policy {
namespace {

using pool::Duration;
using pool::TimePoint;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr TimePoint kStart{hours(1234) + nanoseconds(567)};
constexpr uint64_t kKey = 0x0123'4567'89AB'CDEF;
constexpr uint64_t kOtherKey = 0xFEDC'BA98'7654'3210;

// How many are allowed of one every `step` in [from, from + span).
uint64_t CountAllowed(TokenBuckets* buckets, TimePoint from, Duration span, Duration step) {
  uint64_t allowed = 0;
  for (TimePoint now = from; now < from + span; now += step) {
    allowed += buckets->Take(kKey, now).allowed ? 1 : 0;
  }
  return allowed;
}

uint64_t CountAllowedAtOnce(TokenBuckets* buckets, uint64_t key, TimePoint now) {
  uint64_t allowed = 0;
  while (allowed < 10'000 && buckets->Take(key, now).allowed) ++allowed;
  return allowed;
}

TEST(RateLimitTest, AsManyAtOnceAsPerPeriodUnlessABurstIsGiven) {
  EXPECT_EQ((RateLimit{.requests = 7}).capacity(), 7u);
  EXPECT_EQ((RateLimit{.requests = 7, .burst = 1}).capacity(), 1u);
}

TEST(RateLimitTest, APaceOfNothingOrOfTooMuchIsNoLimit) {
  EXPECT_TRUE(IsUsable({1, hours(24), 0}));
  EXPECT_TRUE(IsUsable({100'000'000, seconds(1), 0}));
  EXPECT_FALSE(IsUsable({100'000'001, seconds(1), 0}));
  EXPECT_FALSE(IsUsable({0, seconds(1), 0}));
  EXPECT_FALSE(IsUsable({1, Duration(0), 0}));
  EXPECT_FALSE(IsUsable({1, seconds(-1), 0}));
}

TEST(TokenBucketsTest, AnIdleKeyMaySendItsBurstAtOnceAndNoMore) {
  for (const uint32_t burst : {1u, 2u, 5u, 1000u}) {
    TokenBuckets buckets({10, seconds(1), burst}, 100, kStart);
    for (uint32_t left = burst; left > 0; --left) {
      const TokenBuckets::Verdict verdict = buckets.Take(kKey, kStart);
      EXPECT_TRUE(verdict.allowed);
      EXPECT_FALSE(verdict.displaced);
      EXPECT_EQ(verdict.remaining, left - 1);
      EXPECT_EQ(verdict.retry_after, Duration::zero());
      EXPECT_EQ(verdict.reset, milliseconds(100) * (burst - left + 1));
    }
    const TokenBuckets::Verdict verdict = buckets.Take(kKey, kStart);
    EXPECT_FALSE(verdict.allowed);
    EXPECT_EQ(verdict.remaining, 0u);
    EXPECT_EQ(verdict.retry_after, milliseconds(100));
    EXPECT_EQ(verdict.reset, milliseconds(100) * burst);
  }
}

TEST(TokenBucketsTest, ABurstOfOneIsAnEvenPace) {
  for (const TimePoint start : {kStart, TimePoint{}}) {
    TokenBuckets buckets({10, seconds(1), 1}, 100, start);
    for (int i = 0; i < 1000; ++i) {
      const TimePoint turn = start + milliseconds(100) * i;
      EXPECT_TRUE(buckets.Take(kKey, turn).allowed) << i;
      EXPECT_FALSE(buckets.Take(kKey, turn + milliseconds(99)).allowed) << i;
    }
  }
}

TEST(TokenBucketsTest, AnEmptyBucketRefillsEvenly) {
  TokenBuckets buckets({10, seconds(1), 5}, 100, kStart);
  ASSERT_EQ(CountAllowedAtOnce(&buckets, kKey, kStart), 5u);
  EXPECT_EQ(CountAllowedAtOnce(&buckets, kKey, kStart + milliseconds(99)), 0u);
  EXPECT_EQ(CountAllowedAtOnce(&buckets, kKey, kStart + milliseconds(350)), 3u);
  EXPECT_EQ(CountAllowedAtOnce(&buckets, kKey, kStart + milliseconds(400)), 1u);
  EXPECT_EQ(CountAllowedAtOnce(&buckets, kKey, kStart + seconds(20)), 5u) << "no more than full";
}

TEST(TokenBucketsTest, RefusedRequestsTakeNothing) {
  TokenBuckets buckets({10, seconds(1), 5}, 100, kStart);
  ASSERT_EQ(CountAllowedAtOnce(&buckets, kKey, kStart), 5u);
  for (int i = 0; i < 10'000; ++i) ASSERT_FALSE(buckets.Take(kKey, kStart).allowed);
  EXPECT_TRUE(buckets.Take(kKey, kStart + milliseconds(100)).allowed);
}

TEST(TokenBucketsTest, KeysDoNotTakeFromEachOther) {
  TokenBuckets buckets({10, seconds(1), 5}, 100, kStart);
  EXPECT_EQ(CountAllowedAtOnce(&buckets, kKey, kStart), 5u);
  EXPECT_EQ(CountAllowedAtOnce(&buckets, kOtherKey, kStart), 5u);
  // The same set, and a tag of zero, which stands for an empty place.
  EXPECT_EQ(CountAllowedAtOnce(&buckets, kKey & ~uint64_t{0xFFFFFF}, kStart), 5u);
  EXPECT_FALSE(buckets.Take(kKey, kStart).allowed);
}

TEST(TokenBucketsTest, OneADayIsExact) {
  TokenBuckets buckets({1, hours(24), 1}, 100, kStart);
  ASSERT_TRUE(buckets.Take(kKey, kStart).allowed);
  EXPECT_FALSE(buckets.Take(kKey, kStart + hours(24) - milliseconds(1)).allowed);
  EXPECT_EQ(buckets.Take(kKey, kStart).retry_after, hours(24));
  EXPECT_TRUE(buckets.Take(kKey, kStart + hours(24)).allowed);
  EXPECT_EQ(CountAllowed(&buckets, kStart + hours(48), hours(24) * 365, minutes(5)), 365u);
}

TEST(TokenBucketsTest, AHundredADayAtOnceAreExact) {
  TokenBuckets buckets({100, hours(24), 100}, 100, kStart);
  EXPECT_EQ(CountAllowedAtOnce(&buckets, kKey, kStart), 100u);
  EXPECT_FALSE(buckets.Take(kKey, kStart + seconds(863)).allowed);
  EXPECT_TRUE(buckets.Take(kKey, kStart + seconds(864)).allowed);
  EXPECT_EQ(CountAllowedAtOnce(&buckets, kKey, kStart + hours(25)), 100u);
}

TEST(TokenBucketsTest, AMillionPerSecondIsExact) {
  TokenBuckets buckets({1'000'000, seconds(1), 1}, 100, kStart);
  EXPECT_EQ(CountAllowed(&buckets, kStart, milliseconds(100), nanoseconds(100)), 100'000u);
  // With turns that are no multiple of the interval, a token may wait for the next turn.
  TokenBuckets bursting({1'000'000, seconds(1), 1000}, 100, kStart);
  const uint64_t allowed =
      CountAllowed(&bursting, kStart, milliseconds(100), nanoseconds(333)) - 1000;
  EXPECT_NEAR(static_cast<double>(allowed), 100'000, 1);
}

// A client that comes when it was told to is served then, and not much earlier: at any limit.
TEST(TokenBucketsTest, TheTimeToRetryIsRight) {
  pool::Random random(7);
  for (const RateLimit& limit :
       {RateLimit{7, seconds(3), 4}, RateLimit{1'000'000, seconds(1), 10},
        RateLimit{100'000'000, seconds(1), 3}, RateLimit{3, hours(24), 2},
        RateLimit{999, minutes(1), 100}, RateLimit{1, hours(24 * 30), 1}}) {
    TokenBuckets buckets(limit, 100, kStart);
    const Duration interval = limit.per / limit.requests;
    // A unit, in which times are kept, and a nanosecond on either side.
    const Duration unit = std::max<Duration>(std::min<Duration>(interval / 128, microseconds(2)),
                                             interval / (int64_t{1} << 33)) +
                          nanoseconds(2);
    TimePoint now = kStart;
    for (int i = 0; i < 1000; ++i) {
      now += interval / 1000 * random.Below(1000) + nanoseconds(random.Below(10));
      if (buckets.Take(kKey, now).allowed) continue;
      const TokenBuckets::Verdict refused = buckets.Take(kKey, now);
      EXPECT_GT(refused.retry_after, Duration::zero());
      EXPECT_LE(refused.retry_after, interval + nanoseconds(1));
      EXPECT_FALSE(buckets.Take(kKey, now + refused.retry_after - unit).allowed) << i;
      now += refused.retry_after;
      EXPECT_TRUE(buckets.Take(kKey, now).allowed) << i << " " << limit.requests;
    }
  }
}

TEST(TokenBucketsTest, AResetIsWhenTheBucketIsFull) {
  TokenBuckets buckets({7, seconds(3), 20}, 100, kStart);
  ASSERT_TRUE(buckets.Take(kKey, kStart).allowed);
  const Duration reset = buckets.Take(kKey, kStart + milliseconds(200)).reset;
  EXPECT_EQ(buckets.Take(kKey, kStart + milliseconds(200) + reset).remaining, 19u);
}

TEST(TokenBucketsTest, AWholeSecondIsNoNanosecondLonger) {
  TokenBuckets buckets({3, seconds(1), 3}, 100, kStart);
  ASSERT_EQ(CountAllowedAtOnce(&buckets, kKey, kStart), 3u);
  EXPECT_EQ(buckets.Take(kKey, kStart).reset, seconds(1));
}

TEST(TokenBucketsTest, TheLargestBucketsAreKept) {
  constexpr auto kNever = std::numeric_limits<uint32_t>::max();
  TokenBuckets buckets({kNever, hours(24 * 365 * 100), kNever}, 1, kStart);
  EXPECT_EQ(buckets.Take(kKey, kStart).remaining, kNever - 1);
  EXPECT_EQ(buckets.Take(kKey, kStart).remaining, kNever - 2);
  // What lasts longer than can be told.
  TokenBuckets slow({2, hours(24 * 365 * 290), kNever}, 1, kStart);
  slow.Take(kKey, kStart);
  slow.Take(kKey, kStart);
  EXPECT_EQ(slow.Take(kKey, kStart).reset, Duration::max());
}

TEST(TokenBucketsTest, AClockThatGoesBackDoesNoHarm) {
  TokenBuckets buckets({1000, seconds(1), 100}, 100, kStart);
  ASSERT_TRUE(buckets.Take(kKey, kStart).allowed);
  // Twenty milliseconds are twenty tokens.
  const TokenBuckets::Verdict early = buckets.Take(kKey, kStart - milliseconds(20));
  EXPECT_TRUE(early.allowed);
  EXPECT_NEAR(early.remaining, 100 - 2 - 20, 1);
  EXPECT_EQ(buckets.Take(kKey, kStart).remaining, 97u) << "and it did not count twice";

  ASSERT_EQ(CountAllowedAtOnce(&buckets, kKey, kStart), 97u);
  const TokenBuckets::Verdict refused = buckets.Take(kKey, kStart - hours(1));
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.retry_after, milliseconds(1)) << "never emptier than empty";
  EXPECT_EQ(refused.reset, milliseconds(100));
}

TEST(TokenBucketsTest, WorkersWhoseClocksDifferKeepOnePace) {
  pool::Random random(3);
  TokenBuckets buckets({1000, seconds(1), 50}, 100, kStart);
  uint64_t allowed = 0;
  for (TimePoint now = kStart; now < kStart + seconds(10); now += microseconds(100)) {
    allowed += buckets.Take(kKey, now + microseconds(random.Below(8000)) - milliseconds(4)).allowed;
  }
  EXPECT_NEAR(static_cast<double>(allowed), 10'000 + 50, 10);
}

TEST(TokenBucketsTest, TimeMayBeginBeforeZero) {
  TokenBuckets buckets({10, seconds(1), 5}, 100, TimePoint{});
  const TimePoint before = TimePoint{} - hours(3);
  EXPECT_EQ(CountAllowedAtOnce(&buckets, kKey, before), 5u);
  EXPECT_EQ(CountAllowedAtOnce(&buckets, kKey, before + milliseconds(200)), 2u);
  EXPECT_EQ(CountAllowedAtOnce(&buckets, kKey, TimePoint{} + seconds(1)), 5u);
  const TimePoint zero = TimePoint{} - milliseconds(100) + nanoseconds(1);
  EXPECT_EQ(CountAllowedAtOnce(&buckets, 0, zero), 5u) << "with a word that is all zero";
}

// The times in the table repeat after this, which must not be seen.
constexpr RateLimit kWrapping{1, nanoseconds(1280), 1000};
constexpr Duration kWrap = kWrapping.per / 128 * (int64_t{1} << 40);  // three hours

TEST(TokenBucketsTest, AfterAnySilenceTheBucketIsFull) {
  pool::Random random(11);
  for (const size_t max_keys : {1u, 300u}) {
    TimePoint now = TimePoint{} - kWrap * 1000;
    TokenBuckets buckets(kWrapping, max_keys, now);
    for (int i = 0; i < 2000; ++i) {
      const uint64_t key = random.Next();
      ASSERT_EQ(CountAllowedAtOnce(&buckets, key, now), 1000u) << i;
      // Silences of an eighth, or of some of the whole, or of anything between, and in the end the
      // time that the bucket takes. Others may come between them.
      for (uint32_t others = random.Below(4); others > 0; --others) {
        now += kWrap / 1'000'000 * random.Below(300'000);
        ASSERT_TRUE(buckets.Take(random.Next(), now).allowed);
      }
      now += kWrap / 8 * random.Below(25) + milliseconds(2);
      ASSERT_EQ(buckets.Take(key, now).remaining, 999u) << i;
    }
  }
}

TEST(TokenBucketsTest, AKeyThatWasIdleForLongHasAFullBucketWhoeverElseCame) {
  // With one set all others are neighbours; with many the sweep alone comes by.
  for (const size_t max_keys : {1u, 100u, 10'000u}) {
    TokenBuckets buckets(kWrapping, max_keys, kStart);
    ASSERT_EQ(CountAllowedAtOnce(&buckets, kKey, kStart), 1000u);
    for (TimePoint now = kStart + seconds(1); now < kStart + kWrap; now += seconds(1)) {
      ASSERT_TRUE(buckets.Take(kOtherKey, now).allowed);
    }
    EXPECT_EQ(buckets.Take(kKey, kStart + kWrap + microseconds(1)).remaining, 999u) << max_keys;
  }
}

TEST(TokenBucketsTest, AYearOfRequestsIsLimitedAsTheFirst) {
  TokenBuckets buckets({1'000'000, seconds(1), 20}, 100, kStart);
  for (TimePoint now = kStart; now < kStart + hours(24 * 365); now += minutes(7)) {
    ASSERT_EQ(CountAllowedAtOnce(&buckets, kKey, now), 20u);
    ASSERT_EQ(CountAllowedAtOnce(&buckets, kKey, now + microseconds(5)), 5u);
    ASSERT_EQ(CountAllowedAtOnce(&buckets, now.time_since_epoch().count(), now), 20u);
  }
}

TEST(TokenBucketsTest, AMillionKeysTakeSixteenMebibytes) {
  constexpr size_t kKeys = 1'000'000;
  TokenBuckets buckets({10, seconds(1), 10}, kKeys, kStart);
  EXPECT_LE(buckets.bytes(), size_t{16} << 20);
  EXPECT_LE(TokenBuckets({10, seconds(1), 10}, 1000, kStart).bytes(), size_t{16'000});
  pool::Random first(1);
  size_t displaced = 0;
  for (size_t i = 0; i < kKeys; ++i) displaced += buckets.Take(first.Next(), kStart).displaced;
  // Twice as many places as keys: few sets are full.
  EXPECT_LT(displaced, kKeys / 100);
  EXPECT_GT(displaced, 0u) << "eight places in a set are sometimes too few";
  pool::Random again(1);
  size_t known = 0;
  for (size_t i = 0; i < kKeys; ++i) known += buckets.Take(again.Next(), kStart).remaining == 8;
  EXPECT_GT(known, kKeys - kKeys / 50);
}

// How often a key that asks a thousand times a second is allowed, while others come that are new
// each time, a million a second.
uint64_t CountAllowedInFlood(TokenBuckets* buckets, TimePoint now, int strangers) {
  pool::Random random(5);
  uint64_t allowed = 0;
  for (int i = 0; i < strangers; ++i, now += microseconds(1)) {
    buckets->Take(random.Next(), now);
    if (i % 1000 == 0) allowed += buckets->Take(kKey, now).allowed ? 1 : 0;
  }
  return allowed;
}

TEST(TokenBucketsTest, AKeyAtItsLimitStaysThereInAFloodOfOthers) {
  TokenBuckets buckets({10, seconds(1), 10}, 1'000'000, kStart);
  EXPECT_EQ(CountAllowedInFlood(&buckets, kStart, 10'000'000), 10u + 99);
}

TEST(TokenBucketsTest, SoItDoesInATableThatIsMuchTooSmall) {
  TokenBuckets buckets({10, seconds(1), 10}, 1000, kStart);
  EXPECT_EQ(CountAllowedInFlood(&buckets, kStart, 2'000'000), 10u + 19);
}

// The limit of what can be known: where every bucket holds one token, those of the strangers are as
// empty as that of the key, and it is forgotten when they fill the table twice within its interval.
TEST(TokenBucketsTest, AnEvenPaceHoldsInAFloodThatTheTableHasPlaceFor) {
  TokenBuckets buckets({1, seconds(1), 1}, 1'000'000, kStart);
  EXPECT_LE(CountAllowedInFlood(&buckets, kStart, 3'000'000), 3u + 3);
  TokenBuckets small({1, seconds(1), 1}, 1000, kStart);
  EXPECT_GT(CountAllowedInFlood(&small, kStart, 1'000'000), 20u);
}

TEST(TokenBucketsTest, OnlyAKeyThatTakesTheBucketOfAnotherDisplacesIt) {
  TokenBuckets buckets({1, seconds(1), 1}, 1, kStart);
  for (uint64_t key = 1; key <= 8; ++key) EXPECT_FALSE(buckets.Take(key, kStart).displaced);
  EXPECT_TRUE(buckets.Take(9, kStart).displaced);
  EXPECT_FALSE(buckets.Take(10, kStart + seconds(1)).displaced) << "all are full again";
}

// Of two gateways that share a limit each hears what both have used.
TEST(TokenBucketsTest, WhatOthersTookIsGone) {
  TokenBuckets buckets({10, seconds(1), 5}, 100, kStart, TokenBuckets::Debts::kKept);
  EXPECT_TRUE(buckets.Take(kKey, kStart).allowed);
  buckets.Raise(kKey, milliseconds(300), kStart);
  EXPECT_EQ(CountAllowedAtOnce(&buckets, kKey, kStart), 2u);
  buckets.Raise(kKey, milliseconds(100), kStart);
  EXPECT_EQ(CountAllowedAtOnce(&buckets, kKey, kStart), 0u) << "nobody gives anything back";
  EXPECT_EQ(CountAllowedAtOnce(&buckets, kOtherKey, kStart), 5u);
}

TEST(TokenBucketsTest, ADebtIsPaidOffBeforeAnythingIsAllowed) {
  TokenBuckets buckets({10, seconds(1), 5}, 100, kStart, TokenBuckets::Debts::kKept);
  buckets.Raise(kKey, milliseconds(1500), kStart);
  const TokenBuckets::Verdict verdict = buckets.Take(kKey, kStart);
  EXPECT_FALSE(verdict.allowed);
  EXPECT_GE(verdict.retry_after, milliseconds(1100));
  EXPECT_LE(verdict.retry_after, milliseconds(1101));
  EXPECT_FALSE(buckets.Take(kKey, kStart + milliseconds(1099)).allowed);
  EXPECT_TRUE(buckets.Take(kKey, kStart + milliseconds(1101)).allowed);
  EXPECT_EQ(CountAllowed(&buckets, kStart + milliseconds(1101), seconds(10), milliseconds(10)), 99u)
      << "and then it goes on at its pace";
}

TEST(TokenBucketsTest, WithoutDebtsABucketIsNeverEmptierThanEmpty) {
  TokenBuckets buckets({10, seconds(1), 5}, 100, kStart);
  buckets.Raise(kKey, hours(1), kStart);
  EXPECT_FALSE(buckets.Take(kKey, kStart).allowed);
  EXPECT_TRUE(buckets.Take(kKey, kStart + milliseconds(101)).allowed);
}

TEST(TokenBucketsTest, ADebtHasABoundAndThreeFullBucketsAreWithinIt) {
  for (const RateLimit& limit : {RateLimit{10, seconds(1), 5}, RateLimit{1, hours(24), 1},
                                 RateLimit{100'000'000, seconds(1), 0}}) {
    TokenBuckets buckets(limit, 100, kStart, TokenBuckets::Debts::kKept);
    const Duration full = limit.per / limit.requests * limit.capacity();
    buckets.Raise(kKey, 4 * full - full / 16, kStart);
    EXPECT_FALSE(buckets.Take(kKey, kStart + 3 * full - full / 8).allowed);
    buckets.Raise(kKey, hours(24) * 400, kStart);
    buckets.Raise(kKey, Duration(-1), kStart);
    EXPECT_FALSE(buckets.Take(kKey, kStart).allowed);
  }
}

TEST(TokenBucketsTest, AKeyThatUsedMoreKeepsItsPlace) {
  TokenBuckets buckets({10, seconds(1), 5}, 1, kStart, TokenBuckets::Debts::kKept);
  for (uint64_t key = 1; key <= 8; ++key) {
    while (buckets.Take(key << 4, kStart).allowed) {
    }
  }
  buckets.Raise(uint64_t{9} << 4, milliseconds(100), kStart);
  for (uint64_t key = 1; key <= 8; ++key) EXPECT_FALSE(buckets.Take(key << 4, kStart).allowed);
}

}  // namespace
}  // namespace holdfast::policy
