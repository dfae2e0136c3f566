#include "gateway/route/branches.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::route {
namespace {

struct Share {
  std::string upstream;
  uint32_t weight;
};

config::Config Splitting(const std::vector<Share>& shares) {
  config::Config config;
  config::Route& route = config.routes.emplace_back();
  route.name = "all";
  for (const auto& [upstream, weight] : shares) {
    route.split.push_back({static_cast<uint32_t>(config.upstreams.size()), weight});
    config.upstreams.emplace_back().name = upstream;
  }
  return config;
}

uint64_t TotalOf(const Branches& branches) {
  uint64_t total = 0;
  for (size_t i = 0; i < branches.routes.size(); ++i) total += branches.draw.weight(i);
  return total;
}

// The upstreams on which as many numbers fall as the weights sum up to, evenly over 64 bits.
std::string ChosenBy(const RouteTable& table) {
  const Branches& branches = *table.routes()[0].branches;
  const uint64_t total = TotalOf(branches);
  std::string chosen;
  for (uint64_t i = 0; i < total; ++i) {
    const auto number = ((static_cast<unsigned __int128>(i) << 64) + total - 1) / total;
    chosen += branches.At(static_cast<uint64_t>(number)).cluster.name;
  }
  return chosen;
}

TEST(BranchesTest, EachGetsExactlyItsShare) {
  EXPECT_EQ(ChosenBy(RouteTable(Splitting({{"a", 9}, {"b", 1}}))), "aaaaaaaaab");
  EXPECT_EQ(ChosenBy(RouteTable(Splitting({{"a", 1}, {"b", 3}, {"c", 2}}))), "abbbcc");
  EXPECT_EQ(ChosenBy(RouteTable(Splitting({{"a", 1}, {"b", 1}}))), "ab");
  EXPECT_EQ(ChosenBy(RouteTable(Splitting({{"a", 1}}))), "a");
}

TEST(BranchesTest, WithoutAWeightThereIsNone) {
  const RouteTable table(Splitting({{"a", 0}, {"b", 2}, {"c", 0}, {"d", 1}}));
  EXPECT_EQ(table.routes()[0].branches->routes.size(), 2u);
  EXPECT_EQ(ChosenBy(table), "bbd");
}

// At both ends of what a random number may be.
TEST(BranchesTest, TheLargestWeightsSumUp) {
  std::vector<Share> shares(32, {.upstream = "a", .weight = 1'000'000});
  shares.front() = {.upstream = "first", .weight = 1};
  shares.back() = {.upstream = "last", .weight = 1};
  const RouteTable table(Splitting(shares));
  const Branches& branches = *table.routes()[0].branches;
  EXPECT_EQ(branches.At(0).cluster.name, "first");
  EXPECT_EQ(branches.At(~uint64_t{0}).cluster.name, "last");
  EXPECT_EQ(branches.At(~uint64_t{0} / 2).cluster.name, "a");
}

// What was the larger one's stays there.
TEST(BranchesTest, OnlyTheDifferenceMovesWhenWeightsChange) {
  const RouteTable before(Splitting({{"a", 9}, {"b", 1}}));
  const RouteTable after(Splitting({{"a", 5}, {"b", 5}}));
  for (uint64_t i = 0; i < 1000; ++i) {
    const uint64_t number = i * (~uint64_t{0} / 1000);
    if (before.routes()[0].branches->At(number).cluster.name == "b") {
      EXPECT_EQ(after.routes()[0].branches->At(number).cluster.name, "b") << i;
    }
  }
}

TEST(BranchesTest, ABranchIsItsRouteWithAnUpstreamOfItsOwn) {
  config::Config config = Splitting({{"a", 1}, {"b", 1}});
  config.upstreams[0].host = "endpoint";
  config.upstreams[1].host = "b.test";
  config.routes[0].index = 0;
  config.routes[0].retry.attempts = 7;
  config.routes[0].rate_limit = policy::RateLimitRule{.requests = 1};
  config.routes[0].max_in_flight = config::MaxInFlight{.requests = 1};
  const RouteTable table(config);
  const Route& route = table.routes()[0];
  ASSERT_NE(route.branches, nullptr);
  const std::vector<Route>& branches = route.branches->routes;
  ASSERT_EQ(branches.size(), 2u);
  EXPECT_EQ(branches[0].upstream, 0u);
  EXPECT_EQ(branches[1].upstream, 1u);
  EXPECT_TRUE(branches[0].cluster.endpoint_host);
  EXPECT_EQ(branches[1].cluster.host, "b.test");
  for (const Route& branch : branches) {
    EXPECT_EQ(branch.name, "all");
    EXPECT_EQ(branch.index, route.index);
    EXPECT_EQ(branch.retry.attempts, 7u);
    EXPECT_TRUE(branch.guarded);
    EXPECT_EQ(branch.limiter, route.limiter) << "one limit for all of them";
    EXPECT_EQ(branch.in_flight, route.in_flight);
    EXPECT_NE(branch.in_flight, nullptr);
    EXPECT_EQ(branch.branches, nullptr);
  }
}

TEST(BranchesTest, ARouteWithOneUpstreamHasNone) {
  config::Config config;
  config.upstreams.emplace_back().name = "a";
  config.routes.emplace_back();
  const RouteTable table(config);
  EXPECT_EQ(table.routes()[0].branches, nullptr);
  EXPECT_EQ(table.routes()[0].cluster.name, "a");
}

}  // namespace
}  // namespace holdfast::route
