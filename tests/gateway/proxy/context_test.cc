#include "gateway/proxy/context.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "metrics/registry.h"
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

// Exchanges point into it while others come and go.
TEST(AnnouncedTest, WhatIsSaidStaysWhereItIsAndTheRestIsGivenBack) {
  ManualClock clock;
  pool::EventLoop loop{&clock};
  pool::SlabPool slabs;
  metrics::Registry registry;
  pool::Random random{1};
  WorkerContext context(&loop, &slabs, registry.AddShard(), &random);
  constexpr size_t kMany = 10'000;
  std::vector<char> places(kMany);  // Addresses of no sessions, which nobody looks into.
  const auto session = [&](size_t i) { return reinterpret_cast<const Session*>(&places[i]); };
  const auto ends = [](size_t i) {
    return pool::ProxiedEnds{
        .source = *pool::SocketAddress::FromIp("192.0.2.1", static_cast<uint16_t>(i)),
        .destination = {}};
  };
  context.announced.emplace(session(0), ends(0));
  const pool::ProxiedEnds* const first = &context.announced.at(session(0));
  for (size_t i = 1; i < kMany; ++i) context.announced.emplace(session(i), ends(i));
  EXPECT_EQ(&context.announced.at(session(0)), first);
  const size_t most = context.announced.bucket_count();
  for (size_t i = 1; i < kMany; ++i) context.ForgetAnnounced(session(i));
  EXPECT_LT(context.announced.bucket_count(), most / 8);
  ASSERT_EQ(context.announced.size(), 1u);
  EXPECT_EQ(&context.announced.at(session(0)), first);
  EXPECT_EQ(*first, ends(0));
}

}  // namespace
}  // namespace holdfast::proxy
