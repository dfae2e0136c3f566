#include "pool/limits.h"

#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

TEST(LimitsTest, ALimitIsACountAndNoneIsMoreThanAnyLimit) {
  EXPECT_EQ(CountOf(0), 0u);
  EXPECT_EQ(CountOf(7), 7u);
  EXPECT_GT(CountOf(std::nullopt), CountOf(std::numeric_limits<uint32_t>::max()));
}

TEST(LimitsTest, BreakersLimitNothingByDefault) {
  const BreakerLimits breakers;
  EXPECT_EQ(CountOf(breakers.connections), kNoLimit);
  EXPECT_EQ(CountOf(breakers.pending), kNoLimit);
  EXPECT_EQ(CountOf(breakers.requests), kNoLimit);
  EXPECT_EQ(CountOf(breakers.retries), kNoLimit);
}

}  // namespace
}  // namespace holdfast::pool
