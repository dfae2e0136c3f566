#include "pool/net/clock.h"

#include <ctime>

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"

namespace holdfast::pool {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(SystemClockTest, NeverGoesBack) {
  const SystemClock clock;
  TimePoint last = clock.Now();
  for (int i = 0; i < 10000; ++i) {
    const TimePoint now = clock.Now();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(SystemClockTest, ReadsTheMachinesClocks) {
  const SystemClock clock;
  timespec before;
  timespec after;
  ASSERT_EQ(clock_gettime(CLOCK_MONOTONIC, &before), 0);
  const Duration monotonic = clock.Now().time_since_epoch();
  ASSERT_EQ(clock_gettime(CLOCK_MONOTONIC, &after), 0);
  EXPECT_GE(monotonic, seconds(before.tv_sec) + Duration(before.tv_nsec));
  EXPECT_LE(monotonic, seconds(after.tv_sec) + Duration(after.tv_nsec));

  ASSERT_EQ(clock_gettime(CLOCK_REALTIME, &before), 0);
  const Duration calendar = clock.WallNow().time_since_epoch();
  EXPECT_GE(calendar, seconds(before.tv_sec) + Duration(before.tv_nsec));
}

TEST(ManualClockTest, MovesOnlyWhenTold) {
  ManualClock clock;
  EXPECT_EQ(clock.Now(), ManualClock::kStart);
  EXPECT_EQ(clock.WallNow(), ManualClock::kWallStart);

  clock.Advance(milliseconds(5));
  EXPECT_EQ(clock.Now(), ManualClock::kStart + milliseconds(5));
  EXPECT_EQ(clock.WallNow(), ManualClock::kWallStart + milliseconds(5));

  clock.Set(ManualClock::kStart + seconds(1));
  EXPECT_EQ(clock.Now(), ManualClock::kStart + seconds(1));
  EXPECT_EQ(clock.WallNow(), ManualClock::kWallStart + seconds(1));
}

TEST(ManualClockTest, TheCalendarAloneMayJumpBack) {
  ManualClock clock;
  clock.SetWall(ManualClock::kWallStart - seconds(60));
  EXPECT_EQ(clock.WallNow(), ManualClock::kWallStart - seconds(60));
  EXPECT_EQ(clock.Now(), ManualClock::kStart);
}

TEST(ManualClockDeathTest, RefusesToGoBack) {
  ManualClock clock;
  EXPECT_DEATH(clock.Set(ManualClock::kStart - Duration(1)), "broken invariant");
}

}  // namespace
}  // namespace holdfast::pool
