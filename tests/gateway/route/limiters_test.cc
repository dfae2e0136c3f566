#include "gateway/route/limiters.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/address_space.h"

namespace holdfast::route {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr uint64_t kManyKeys = 10'000'000;  // 153 MiB

// Routes of these names, with one limit each, and one more without.
config::Config WithLimits(const std::vector<std::string>& names, uint64_t max_keys = 1000) {
  config::Config config;
  config.routes.emplace_back().name = "free";
  for (const std::string& name : names) {
    config::Route& route = config.routes.emplace_back();
    route.name = name;
    route.rate_limit = policy::RateLimitRule{.requests = 1, .max_keys = max_keys};
  }
  return config;
}

TEST(LimitersTest, EachRouteWithALimitHasOneOfItsOwn) {
  const absl::StatusOr<Limiters> made = MakeLimiters(WithLimits({"a", "b"}));
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->size(), 2u);
  EXPECT_NE(made->at("a"), made->at("b"));
  EXPECT_EQ(made->at("a")->rule().max_keys, 1000u);
}

TEST(LimitersTest, WhatWasCountedGoesOnWhileTheLimitIsTheSame) {
  const absl::StatusOr<Limiters> before = MakeLimiters(WithLimits({"a", "b"}));
  ASSERT_TRUE(before.ok());
  config::Config config = WithLimits({"a", "b", "c"});
  config.routes[2].rate_limit->requests = 2;
  const absl::StatusOr<Limiters> after = MakeLimiters(config, *before);
  ASSERT_TRUE(after.ok());
  EXPECT_EQ(after->at("a"), before->at("a"));
  EXPECT_NE(after->at("b"), before->at("b"));
  EXPECT_EQ(after->size(), 3u);
}

TEST(LimitersTest, WhereThereIsNoRoomForOneItsRouteAndKeyAreTold) {
  const support::ScarceAddressSpace scarce(size_t{64} << 20);
  const absl::StatusOr<Limiters> made = MakeLimiters(WithLimits({"wide"}, kManyKeys));
  ASSERT_FALSE(made.ok());
  const std::string why(made.status().message());
  EXPECT_THAT(why, StartsWith("route wide: rate_limit: "));
  EXPECT_THAT(why, HasSubstr("153 MiB"));
  EXPECT_THAT(why, HasSubstr("lower max_keys"));
  EXPECT_TRUE(MakeLimiters(WithLimits({"wide"})).ok()) << "a smaller one";
}

TEST(LimitersTest, OneThatGoesOnNeedsNoMoreRoom) {
  const config::Config config = WithLimits({"wide"}, kManyKeys);
  const absl::StatusOr<Limiters> before = MakeLimiters(config);
  ASSERT_TRUE(before.ok());
  const support::ScarceAddressSpace scarce(size_t{64} << 20);
  EXPECT_TRUE(MakeLimiters(config, *before).ok());
}

}  // namespace
}  // namespace holdfast::route
