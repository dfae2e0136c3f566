#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "tests/gateway/config/route_testing.h"

namespace holdfast::config {
namespace {

std::string WithShared(const std::string& shared) {
  return "  - {upstream: web, rate_limit: {requests: 10, shared: " + shared + "}}\n";
}
std::string Errors(const std::string& shared) { return RouteErrors(WithShared(shared)); }

TEST(SharedLimitShapeTest, HasARedisAndHowToAskIt) {
  const Route route = LoadRoute(
      WithShared("{redis: \"redis.internal:6379\", username: edge, password: \"s3cret word\", "
                 "database: 2, prefix: shop, sync: 250ms, timeout: 2s}"));
  ASSERT_TRUE(route.rate_limit.has_value() && route.rate_limit->shared.has_value());
  const policy::SharedLimit& shared = *route.rate_limit->shared;
  EXPECT_EQ(shared.redis, "redis.internal:6379");
  EXPECT_EQ(shared.username, "edge");
  EXPECT_EQ(shared.password, "s3cret word");
  EXPECT_EQ(shared.database, 2u);
  EXPECT_EQ(shared.prefix, "shop");
  EXPECT_EQ(shared.sync, std::chrono::milliseconds(250));
  EXPECT_EQ(shared.timeout, std::chrono::seconds(2));
}

TEST(SharedLimitShapeTest, ByDefaultALimitIsShared) {
  EXPECT_FALSE(LoadRoute("  - {upstream: web, rate_limit: {requests: 10}}\n")
                   .rate_limit->shared.has_value());
  const Route route = LoadRoute(WithShared("{redis: \"unix:/run/redis.sock\"}"));
  EXPECT_EQ(route.rate_limit->shared, policy::SharedLimit{.redis = "unix:/run/redis.sock"});
}

// As where `defaults` has it.
TEST(SharedLimitShapeTest, MayBeOff) {
  EXPECT_FALSE(LoadRoute(WithShared("off")).rate_limit->shared.has_value());
}

TEST(SharedLimitShapeTest, ARedisIsAnAddressWithAPort) {
  for (const char* redis : {"127.0.0.1:6379", "[::1]:6379", "redis:6379", "unix:/s"}) {
    EXPECT_EQ(Errors("{redis: \"" + std::string(redis) + "\"}"), "") << redis;
  }
  for (const char* redis :
       {"redis", "redis:0", "redis:x", ":6379", "redis://h:6379", "unix:", ""}) {
    const std::string errors = Errors("{redis: \"" + std::string(redis) + "\"}");
    EXPECT_NE(errors.find("expected host:port such as redis.internal:6379, or unix:/path"),
              errors.npos)
        << redis << ": " << errors;
  }
  EXPECT_NE(Errors("{prefix: a}"), "");
  EXPECT_NE(Errors("redis:6379"), "");
}

TEST(SharedLimitShapeTest, BoundsTheRest) {
  const auto with = [](const std::string& key) { return Errors("{redis: \"r:1\", " + key + "}"); };
  for (const char* key : {"sync: 10ms", "sync: 60s", "timeout: 10ms", "database: 0"}) {
    EXPECT_EQ(with(key), "") << key;
  }
  for (const char* key :
       {"sync: 9ms", "sync: 61s", "sync: off", "timeout: 0s", "timeout: 61s", "database: -1",
        "database: 65536", "prefix: \"\"", "password: \"\"", "password: \"a\\nb\"", "tls: {}"}) {
    EXPECT_NE(with(key), "") << key;
  }
}

}  // namespace
}  // namespace holdfast::config
