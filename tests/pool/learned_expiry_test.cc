#include "pool/learned_expiry.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "pool/net/random.h"

namespace holdfast::pool {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr TimePoint kBegin = TimePoint(hours(1));

// The peer closes one connection at this age, in bursts of their own from `now` on.
TimePoint CloseAlone(LearnedExpiry* expiry, Duration age, int times, TimePoint now) {
  for (int i = 0; i < times; ++i) {
    expiry->ObservePeerClose(age, now);
    now += LearnedExpiry::kBurst + seconds(1);
  }
  return now;
}

// Connections are idle for the whole expiry, one after the other.
TimePoint Survive(LearnedExpiry* expiry, int times, TimePoint now) {
  for (int i = 0; i < times; ++i) {
    now += expiry->current();
    expiry->ObserveSurvived(expiry->current(), now);
  }
  return now;
}

TEST(LearnedExpiryTest, BeginsAtFourSeconds) {
  const LearnedExpiry expiry;
  EXPECT_EQ(expiry.current(), seconds(4));
  EXPECT_EQ(expiry.learned(), std::nullopt);
}

TEST(LearnedExpiryTest, TheMarginIsATenthButNotLessThanTheLongestWay) {
  EXPECT_EQ(LearnedExpiry::WithMargin(seconds(60)), seconds(54));
  EXPECT_EQ(LearnedExpiry::WithMargin(seconds(2)), milliseconds(1800));
  EXPECT_EQ(LearnedExpiry::WithMargin(seconds(1)), milliseconds(800));
  EXPECT_EQ(LearnedExpiry::WithMargin(milliseconds(250)), LearnedExpiry::kFloor);
  EXPECT_EQ(LearnedExpiry::WithMargin(seconds(0)), LearnedExpiry::kFloor);
}

TEST(LearnedExpiryTest, RisesByAQuarterWithEachConnectionThatSurvived) {
  LearnedExpiry expiry;
  expiry.ObserveSurvived(seconds(4), kBegin);
  EXPECT_EQ(expiry.current(), seconds(5));
  expiry.ObserveSurvived(seconds(5), kBegin);
  EXPECT_EQ(expiry.current(), milliseconds(6250));
}

TEST(LearnedExpiryTest, ManyThatSurvivedTheSameTimeRaiseItOnce) {
  LearnedExpiry expiry;
  for (int i = 0; i < 100; ++i) expiry.ObserveSurvived(seconds(4), kBegin);
  EXPECT_EQ(expiry.current(), seconds(5));
}

TEST(LearnedExpiryTest, RisesToTheCapForAPeerWithALongTimeout) {
  LearnedExpiry expiry;
  Survive(&expiry, 12, kBegin);
  EXPECT_EQ(expiry.current(), LearnedExpiry::kCap);
  Survive(&expiry, 1, kBegin);
  EXPECT_EQ(expiry.current(), LearnedExpiry::kCap);
}

TEST(LearnedExpiryTest, OneCloseLowersItAtOnce) {
  LearnedExpiry expiry;
  expiry.ObservePeerClose(seconds(3), kBegin);
  EXPECT_EQ(expiry.current(), milliseconds(2700));
}

TEST(LearnedExpiryTest, ACloseAboveItLeavesItAlone) {
  LearnedExpiry expiry;
  expiry.ObservePeerClose(seconds(30), kBegin);
  EXPECT_EQ(expiry.current(), seconds(4));
}

TEST(LearnedExpiryTest, OneCloseLowersItByHalfAtMost) {
  LearnedExpiry expiry;
  const TimePoint later = CloseAlone(&expiry, seconds(1), 1, kBegin);
  EXPECT_EQ(expiry.current(), seconds(2));
  EXPECT_EQ(expiry.learned(), std::nullopt);
  CloseAlone(&expiry, milliseconds(1050), 1, later);
  EXPECT_LT(expiry.current(), milliseconds(810));
  EXPECT_GE(*expiry.learned(), seconds(1));
  EXPECT_LT(*expiry.learned(), milliseconds(1050));
}

TEST(LearnedExpiryTest, AnotherCloseThatIsNotAlikeProvesNothing) {
  LearnedExpiry expiry;
  Survive(&expiry, 12, kBegin);
  const TimePoint later = CloseAlone(&expiry, seconds(1), 1, kBegin + minutes(5));
  EXPECT_EQ(expiry.current(), LearnedExpiry::kCap / 2);
  CloseAlone(&expiry, seconds(26), 1, later);
  EXPECT_EQ(expiry.current(), milliseconds(23400));
  EXPECT_EQ(expiry.learned(), std::nullopt);
}

TEST(LearnedExpiryTest, ClosesAtOneMomentAndOneAgeAreOneObservation) {
  LearnedExpiry expiry;
  for (int i = 0; i < 50; ++i) {
    expiry.ObservePeerClose(milliseconds(1000 + i % 3), kBegin + milliseconds(i));
  }
  EXPECT_EQ(expiry.current(), seconds(2));
  EXPECT_EQ(expiry.learned(), std::nullopt);
}

TEST(LearnedExpiryTest, ARestartIsForgotten) {
  LearnedExpiry expiry;
  const TimePoint now = Survive(&expiry, 12, kBegin);
  expiry.ObservePeerClose(seconds(30), now);
  EXPECT_EQ(expiry.current(), LearnedExpiry::kCap / 2);  // it cannot be known yet
  expiry.ObservePeerClose(seconds(7), now + milliseconds(1));
  EXPECT_EQ(expiry.current(), LearnedExpiry::kCap);
  for (int i = 0; i < 200; ++i) {
    expiry.ObservePeerClose(milliseconds(i * 100), now + milliseconds(2 + i));
    ASSERT_EQ(expiry.current(), LearnedExpiry::kCap) << i;
  }
  EXPECT_EQ(expiry.learned(), std::nullopt);
}

TEST(LearnedExpiryTest, ARestartDoesNotShakeWhatIsKnown) {
  LearnedExpiry expiry;
  TimePoint now = CloseAlone(&expiry, seconds(5), 2, kBegin);
  ASSERT_EQ(expiry.learned(), seconds(5));
  for (const int age_ms : {100, 900, 1700, 2500, 3300, 3900, 4100, 4300, 4400, 50, 5000}) {
    expiry.ObservePeerClose(milliseconds(age_ms), now);
  }
  // The burst may have climbed back to where it began, but not beyond.
  EXPECT_EQ(expiry.learned(), seconds(5));
  EXPECT_LE(expiry.current(), milliseconds(4500));
  now = Survive(&expiry, 20, now);
  EXPECT_EQ(expiry.current(), milliseconds(4500));
}

TEST(LearnedExpiryTest, ARestartOfAServerWithOneIdleConnectionIsForgottenSoon) {
  LearnedExpiry expiry;
  TimePoint now = Survive(&expiry, 12, kBegin);
  expiry.ObservePeerClose(seconds(1), now);
  EXPECT_EQ(expiry.current(), LearnedExpiry::kCap / 2);
  now = Survive(&expiry, 8, now + LearnedExpiry::kDoubtfulHold);
  EXPECT_EQ(expiry.current(), LearnedExpiry::kCap);
}

// Each closes what was in use a moment ago.
TEST(LearnedExpiryTest, ServersThatRestartUnderLoadAreNoTimeout) {
  LearnedExpiry expiry;
  TimePoint now = Survive(&expiry, 60, kBegin);
  for (int server = 0; server < 5; ++server) {
    now += seconds(20);
    for (int i = 0; i < 10; ++i) expiry.ObservePeerClose(milliseconds(i * 4), now);
  }
  EXPECT_EQ(expiry.current(), LearnedExpiry::kCap);
}

// Most were busy until then, one was not.
TEST(LearnedExpiryTest, AnIdleOneAmongThoseOfARestartIsNoTimeout) {
  LearnedExpiry expiry;
  const TimePoint now = Survive(&expiry, 60, kBegin) + seconds(20);
  expiry.ObservePeerClose(seconds(3), now);
  for (int i = 0; i < 10; ++i) expiry.ObservePeerClose(milliseconds(i * 4), now);
  EXPECT_EQ(expiry.current(), LearnedExpiry::kCap);
}

TEST(LearnedExpiryTest, WhileADoubtfulCloseHoldsNothingRises) {
  LearnedExpiry expiry;
  expiry.ObservePeerClose(seconds(3), kBegin);
  for (int second = 0; second < 60; ++second) {
    expiry.ObserveSurvived(expiry.current(), kBegin + seconds(second));
    ASSERT_EQ(expiry.current(), milliseconds(2700)) << second;
  }
  expiry.ObserveSurvived(expiry.current(), kBegin + seconds(60));
  EXPECT_EQ(expiry.current(), milliseconds(3375));
}

TEST(LearnedExpiryTest, ADoubtfulCloseIsRememberedUntilTheNextLikeIt) {
  LearnedExpiry expiry;
  expiry.ObservePeerClose(seconds(3), kBegin);
  Survive(&expiry, 1, kBegin + minutes(2));
  EXPECT_GT(expiry.current(), seconds(3));
  expiry.ObservePeerClose(seconds(3), kBegin + minutes(3));
  EXPECT_EQ(expiry.learned(), seconds(3));
}

TEST(LearnedExpiryTest, AnOldDoubtfulCloseIsNotRemembered) {
  LearnedExpiry expiry;
  expiry.ObservePeerClose(seconds(3), kBegin);
  expiry.ObservePeerClose(seconds(3), kBegin + LearnedExpiry::kMemory + seconds(1));
  EXPECT_EQ(expiry.learned(), std::nullopt);
}

TEST(LearnedExpiryTest, WhatIsKnownHoldsForLonger) {
  EXPECT_EQ(LearnedExpiry::Hold(milliseconds(100)), minutes(1));
  EXPECT_EQ(LearnedExpiry::Hold(seconds(3)), minutes(5));
  EXPECT_EQ(LearnedExpiry::Hold(seconds(60)), minutes(10));
  LearnedExpiry expiry;
  TimePoint now = CloseAlone(&expiry, seconds(6), 2, kBegin);
  const TimePoint last = now - LearnedExpiry::kBurst - seconds(1);
  ASSERT_EQ(expiry.current(), seconds(4));
  while (now < last + minutes(10) - seconds(6)) {
    now = Survive(&expiry, 1, now);
    ASSERT_LE(expiry.current(), milliseconds(5400));
  }
  EXPECT_EQ(expiry.current(), milliseconds(5400));
}

TEST(LearnedExpiryTest, ThenItIsDoubtedInSmallSteps) {
  LearnedExpiry expiry;
  const TimePoint now = CloseAlone(&expiry, seconds(3), 2, kBegin) + minutes(6);
  ASSERT_EQ(expiry.current(), milliseconds(2700));
  Survive(&expiry, 1, now);
  EXPECT_EQ(expiry.current(), milliseconds(2835));
  Survive(&expiry, 2, now);
  EXPECT_GT(expiry.current(), seconds(3));
  EXPECT_LT(expiry.current(), milliseconds(3200));
  // The timeout is what it was.
  expiry.ObservePeerClose(seconds(3), now);
  EXPECT_EQ(expiry.current(), milliseconds(2700));
  Survive(&expiry, 3, now);
  EXPECT_EQ(expiry.current(), milliseconds(2700));
}

TEST(LearnedExpiryTest, ATimeoutThatWasRaisedIsNoticed) {
  LearnedExpiry expiry;
  const TimePoint now = CloseAlone(&expiry, seconds(3), 2, kBegin) + minutes(6);
  Survive(&expiry, 25, now);
  EXPECT_EQ(expiry.current(), LearnedExpiry::kCap);
  EXPECT_EQ(expiry.learned(), std::nullopt);
}

// Two endpoints of one upstream with timeouts of their own: every burst is mixed.
TEST(LearnedExpiryTest, MixedBurstsAgreeInTheEnd) {
  LearnedExpiry expiry;
  Survive(&expiry, 12, kBegin);
  TimePoint now = kBegin + minutes(5);
  for (int i = 0; i < 4; ++i) {
    expiry.ObservePeerClose(seconds(9), now);
    expiry.ObservePeerClose(seconds(3), now + milliseconds(300));
    now += seconds(2);
  }
  EXPECT_EQ(expiry.learned(), seconds(3));
  EXPECT_EQ(expiry.current(), milliseconds(2700));
}

TEST(LearnedExpiryTest, NeverFallsBelowTheFloor) {
  LearnedExpiry expiry;
  TimePoint now = CloseAlone(&expiry, LearnedExpiry::kFloor, 50, kBegin);
  EXPECT_EQ(expiry.current(), LearnedExpiry::kFloor);
  // And rises from there when that is over.
  now = Survive(&expiry, 60, now + minutes(2));
  EXPECT_EQ(expiry.current(), LearnedExpiry::kCap);
}

TEST(LearnedExpiryTest, TakesClocksThatDisagree) {
  LearnedExpiry expiry;
  expiry.ObservePeerClose(milliseconds(-5), kBegin);
  EXPECT_EQ(expiry.current(), LearnedExpiry::kStart);
  expiry.ObserveSurvived(milliseconds(-5), kBegin);
  expiry.ObserveSurvived(hours(5), kBegin - seconds(1));
  EXPECT_LE(expiry.current(), LearnedExpiry::kCap);
}

TEST(LearnedExpiryTest, WhatItKnowsIsNotPushedOutByRestarts) {
  LearnedExpiry expiry;
  const TimePoint now = CloseAlone(&expiry, seconds(40), 2, kBegin);
  for (int age = 1; age < 30; ++age) expiry.ObservePeerClose(seconds(age), now);
  EXPECT_EQ(expiry.learned(), seconds(40));
}

TEST(LearnedExpiryTest, OfManyAgesTheLowestAreKept) {
  LearnedExpiry expiry;
  for (int burst = 0; burst < 4; ++burst) {
    for (int age = 1; age < 30; ++age) {
      expiry.ObservePeerClose(seconds(age), kBegin + seconds(2 * burst));
    }
  }
  EXPECT_EQ(expiry.learned(), seconds(1));
}

TEST(LearnedExpiryTest, FollowsATimeoutThatWasRaisedALittle) {
  LearnedExpiry expiry;
  TimePoint now = CloseAlone(&expiry, milliseconds(2800), 2, kBegin);
  now = CloseAlone(&expiry, seconds(3), 30, now);
  EXPECT_GT(*expiry.learned(), milliseconds(2990));
}

TEST(LearnedExpiryTest, StaysInItsBoundsWhateverHappens) {
  Random random(11);
  for (int run = 0; run < 50; ++run) {
    LearnedExpiry expiry;
    TimePoint now = kBegin;
    for (int i = 0; i < 2000; ++i) {
      now += milliseconds(random.Below(1 + random.Below(5000)));
      const Duration age = milliseconds(random.Below(1 + random.Below(120'000)));
      if (random.Below(2) == 0) {
        expiry.ObservePeerClose(age, now);
      } else {
        const Duration before = expiry.current();
        expiry.ObserveSurvived(age, now);
        ASSERT_GE(expiry.current(), before);
      }
      ASSERT_GE(expiry.current(), LearnedExpiry::kFloor);
      ASSERT_LE(expiry.current(), LearnedExpiry::kCap);
    }
  }
}

// A server with one timeout and a client whose requests come at random, on one connection.
struct Trickle {
  Duration timeout;
  // A request that is sent within this of the peer's close is lost.
  Duration window = milliseconds(1);
  uint64_t reuses = 0;
  uint64_t dead = 0;

  TimePoint Run(LearnedExpiry* expiry, Duration shortest, Duration longest, TimePoint begin,
                TimePoint end) {
    Random random(7);
    const auto span = static_cast<uint32_t>((longest - shortest) / milliseconds(1));
    TimePoint idle_since = begin;
    while (idle_since < end) {
      const Duration gap = shortest + milliseconds(random.Below(span));
      const Duration ours = expiry->current();
      const TimePoint next = idle_since + gap;
      if (gap < ours && gap < timeout + window) {
        ++reuses;
        if (gap >= timeout - window) ++dead;
      } else if (ours < timeout) {
        expiry->ObserveSurvived(ours, idle_since + ours);
      } else {
        expiry->ObservePeerClose(timeout, idle_since + timeout);
      }
      idle_since = next;
    }
    return idle_since;
  }
};

TEST(LearnedExpiryTest, HardlyARequestMeetsADeadConnection) {
  for (const Duration timeout : {milliseconds(700), milliseconds(1000), milliseconds(3000),
                                 milliseconds(5000), milliseconds(15000), milliseconds(60000)}) {
    LearnedExpiry expiry;
    Trickle trickle{.timeout = timeout};
    const Duration shortest = timeout / 2;
    const Duration longest = timeout * 3 / 2;
    const TimePoint learned = trickle.Run(&expiry, shortest, longest, kBegin, kBegin + hours(1));
    trickle.reuses = trickle.dead = 0;
    trickle.Run(&expiry, shortest, longest, learned, learned + hours(200));
    const std::string about = "timeout " + std::to_string(timeout.count() / 1'000'000) +
                              " ms: " + std::to_string(trickle.dead) + " of " +
                              std::to_string(trickle.reuses);
    EXPECT_GT(trickle.reuses, 1000u) << about;
    EXPECT_LT(trickle.dead * 1000, trickle.reuses) << about;
    EXPECT_LE(expiry.current(), timeout * 5 / 4) << about;
    EXPECT_GE(expiry.current(), std::min<Duration>(timeout / 2, LearnedExpiry::kCap)) << about;
  }
}

TEST(LearnedExpiryTest, AServerThatIsReconfiguredIsFollowedBothWays) {
  LearnedExpiry expiry;
  TimePoint now = kBegin;
  Trickle five{.timeout = seconds(5)};
  now = five.Run(&expiry, seconds(1), seconds(9), now, now + hours(1));
  EXPECT_LE(expiry.current(), milliseconds(5300));
  Trickle minute{.timeout = seconds(60)};
  now = minute.Run(&expiry, seconds(1), seconds(90), now, now + hours(1));
  EXPECT_EQ(expiry.current(), LearnedExpiry::kCap);
  Trickle two{.timeout = seconds(2)};
  two.Run(&expiry, seconds(1), seconds(90), now, now + minutes(10));
  EXPECT_LE(expiry.current(), milliseconds(2100));
}

}  // namespace
}  // namespace holdfast::pool
