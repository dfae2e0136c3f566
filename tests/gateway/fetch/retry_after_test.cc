#include "gateway/fetch/retry_after.h"

#include <chrono>
#include <optional>

#include <gtest/gtest.h>

namespace holdfast::fetch {
namespace {

using std::chrono::seconds;

TEST(RetryAfterTest, IsSecondsOrADate) {
  const pool::WallTime now(seconds(1767225600));  // 2026-01-01, a Thursday
  EXPECT_EQ(ParseRetryAfter("120", now), seconds(120));
  EXPECT_EQ(ParseRetryAfter("Thu, 01 Jan 2026 00:01:00 GMT", now), seconds(60));
  EXPECT_EQ(ParseRetryAfter("Wed, 31 Dec 2025 00:01:00 GMT", now), seconds(0)) << "it is over";
  EXPECT_EQ(ParseRetryAfter("-5", now), seconds(0));
  EXPECT_LT(ParseRetryAfter("9223372036854775807", now), std::chrono::hours(24 * 400));
  for (const char* none : {"", "soon", "1.5", "99999999999999999999"}) {
    EXPECT_EQ(ParseRetryAfter(none, now), std::nullopt) << none;
  }
}

}  // namespace
}  // namespace holdfast::fetch
