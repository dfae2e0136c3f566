#include "gateway/acme/schedule.h"

#include <gtest/gtest.h>

namespace holdfast::acme {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(ScheduleTest, PausesGrowUpToHalfADay) {
  pool::Random random(1);
  pool::Duration before = pool::Duration::zero();
  for (uint32_t failures = 1; failures <= 6; ++failures) {
    const pool::Duration pause = PauseAfter(failures, {}, &random);
    EXPECT_GT(pause, 2 * before) << failures;
    before = pause;
  }
  EXPECT_GE(PauseAfter(1, {}, &random), seconds(54));
  EXPECT_LE(PauseAfter(1, {}, &random), seconds(66));
  for (const uint32_t failures : {7u, 8u, 100u, 4'000'000'000u}) {
    EXPECT_GE(PauseAfter(failures, {}, &random), kLastPause * 9 / 10);
    EXPECT_LE(PauseAfter(failures, {}, &random), kLastPause * 11 / 10);
  }
}

// Let's Encrypt counts failed proofs for a name: five in an hour.
TEST(ScheduleTest, NoMoreThanFiveTriesComeInAnHour) {
  pool::Random random(1);
  pool::Duration passed = pool::Duration::zero();
  int tries = 1;
  for (uint32_t failures = 1; passed < hours(1); ++failures) {
    passed += PauseAfter(failures, {.result = Result::kChallengeFailed}, &random);
    if (passed < hours(1)) ++tries;
  }
  EXPECT_LE(tries, 5);
}

TEST(ScheduleTest, AnAuthorityMayAskForMoreButNotForEver) {
  pool::Random random(1);
  EXPECT_EQ(PauseAfter(1, {.retry_after = hours(2)}, &random), hours(2));
  EXPECT_EQ(PauseAfter(1, {.retry_after = hours(2000)}, &random), kLongestPause);
  EXPECT_GE(PauseAfter(1, {.retry_after = seconds(1)}, &random), seconds(54));
  EXPECT_GE(PauseAfter(1, {.result = Result::kRateLimited}, &random), kRatePause * 9 / 10);
}

TEST(ScheduleTest, RenewalComesWithAThirdOfTheLifeLeftOrSoonBefore) {
  pool::Random random(1);
  const pool::WallTime begin{hours(1000)};
  const pool::WallTime end = begin + hours(90);
  for (int i = 0; i < 100; ++i) {
    const pool::WallTime at = RenewalOf(begin, end, &random);
    EXPECT_LE(at, begin + hours(60));
    EXPECT_GE(at, begin + hours(57));
  }
  EXPECT_EQ(RenewalOf(end, begin, &random), begin) << "one that makes no sense is renewed";
}

TEST(ScheduleTest, ATenthOfTheLifeIsLeftForWhatFails) {
  const pool::WallTime begin{hours(1000)};
  EXPECT_EQ(LastRenewalOf(begin, begin + hours(100)), begin + hours(90));
  EXPECT_EQ(LastRenewalOf(begin, begin - hours(100)), begin - hours(100));
}

TEST(ScheduleTest, AMomentIsWithinItsWindow) {
  pool::Random random(1);
  const pool::WallTime begin{hours(1000)};
  bool late = false;
  for (int i = 0; i < 100; ++i) {
    const pool::WallTime at = MomentIn(begin, begin + hours(2), &random);
    EXPECT_GE(at, begin);
    EXPECT_LT(at, begin + hours(2));
    late |= at > begin + hours(1);
  }
  EXPECT_TRUE(late);
  EXPECT_EQ(MomentIn(begin, begin, &random), begin);
}

}  // namespace
}  // namespace holdfast::acme
