#include "gateway/proxy/context.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"

namespace holdfast::proxy {
namespace {

using pool::ManualClock;

TEST(DateCacheTest, GivesTheDateFieldOfTheSecond) {
  DateCache cache;
  EXPECT_EQ(cache.At(ManualClock::kWallStart), "Thu, 01 Jan 2026 00:00:00 GMT");
  EXPECT_EQ(cache.At(ManualClock::kWallStart + std::chrono::seconds(1)),
            "Thu, 01 Jan 2026 00:00:01 GMT");
}

TEST(DateCacheTest, ASecondLastsUntilTheNext) {
  DateCache cache;
  const std::string first(cache.At(ManualClock::kWallStart));
  EXPECT_EQ(cache.At(ManualClock::kWallStart + std::chrono::milliseconds(999)), first);
  EXPECT_NE(cache.At(ManualClock::kWallStart + std::chrono::milliseconds(1000)), first);
}

TEST(DateCacheTest, FollowsACalendarThatIsSetBack) {
  DateCache cache;
  cache.At(ManualClock::kWallStart);
  EXPECT_EQ(cache.At(ManualClock::kWallStart - std::chrono::hours(1)),
            "Wed, 31 Dec 2025 23:00:00 GMT");
}

TEST(DateCacheTest, KnowsTheFirstSecondOfAll) {
  DateCache cache;
  EXPECT_EQ(cache.At(pool::WallTime{}), "Thu, 01 Jan 1970 00:00:00 GMT");
}

}  // namespace
}  // namespace holdfast::proxy
