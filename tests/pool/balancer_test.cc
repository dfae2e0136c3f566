#include "pool/balancer.h"

#include <array>
#include <cstddef>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

constexpr size_t kPicks = 30'000;

// How often each endpoint was picked.
std::vector<size_t> Histogram(Balancer& balancer, const std::vector<size_t>& loads,
                              size_t avoid = Balancer::kNoEndpoint) {
  std::vector<size_t> counts(loads.size());
  for (size_t i = 0; i < kPicks; ++i) ++counts.at(balancer.Pick(loads, avoid));
  return counts;
}

class EveryPolicyTest : public testing::TestWithParam<BalancePolicy> {
 protected:
  Random random_{7};
  Balancer balancer_{GetParam(), &random_};
};

TEST_P(EveryPolicyTest, PicksNothingFromNothing) {
  EXPECT_EQ(balancer_.Pick({}), Balancer::kNoEndpoint);
}

TEST_P(EveryPolicyTest, PicksTheOnlyOneEvenIfItIsToBeAvoided) {
  const std::vector<size_t> loads = {9};
  EXPECT_EQ(balancer_.Pick(loads), 0u);
  EXPECT_EQ(balancer_.Pick(loads, /*avoid=*/0), 0u);
}

TEST_P(EveryPolicyTest, NeverPicksTheAvoidedOneOfSeveral) {
  for (const size_t count : {2u, 3u, 5u}) {
    for (size_t avoid = 0; avoid < count; ++avoid) {
      const std::vector<size_t> counts = Histogram(balancer_, std::vector<size_t>(count), avoid);
      EXPECT_EQ(counts[avoid], 0u);
      // The others share its part evenly instead of its neighbour getting it all.
      for (size_t i = 0; i < count; ++i) {
        if (i == avoid) continue;
        const double fair = static_cast<double>(kPicks) / static_cast<double>(count - 1);
        EXPECT_NEAR(static_cast<double>(counts[i]), fair, fair * 0.1) << i << " of " << count;
      }
    }
  }
}

TEST_P(EveryPolicyTest, SpreadsEvenlyOverEqualLoads) {
  for (const size_t count : Histogram(balancer_, std::vector<size_t>(6, 4))) {
    EXPECT_NEAR(static_cast<double>(count), kPicks / 6.0, kPicks / 6.0 * 0.1);
  }
}

TEST_P(EveryPolicyTest, AnAvoidedIndexThatIsGoneAvoidsNothing) {
  const std::vector<size_t> counts = Histogram(balancer_, {0, 0}, /*avoid=*/2);
  EXPECT_GT(counts[0], 0u);
  EXPECT_GT(counts[1], 0u);
}

INSTANTIATE_TEST_SUITE_P(Policies, EveryPolicyTest,
                         testing::Values(BalancePolicy::kRoundRobin, BalancePolicy::kLeastRequest));

TEST(RoundRobinTest, TakesTurnsWhateverTheLoad) {
  Random random(1);
  Balancer balancer(BalancePolicy::kRoundRobin, &random);
  const std::vector<size_t> loads = {100, 0, 3};
  const size_t first = balancer.Pick(loads);
  for (size_t i = 1; i < 12; ++i) EXPECT_EQ(balancer.Pick(loads), (first + i) % 3);
}

TEST(RoundRobinTest, WorkersDoNotMarchInStep) {
  std::set<size_t> starts;
  for (uint64_t seed = 1; seed <= 64; ++seed) {
    Random random(seed);
    Balancer balancer(BalancePolicy::kRoundRobin, &random);
    starts.insert(balancer.Pick(std::array<size_t, 4>{}));
  }
  EXPECT_EQ(starts.size(), 4u);
}

TEST(LeastRequestTest, OfTwoPicksTheLessLoaded) {
  Random random(3);
  Balancer balancer(BalancePolicy::kLeastRequest, &random);
  EXPECT_EQ(Histogram(balancer, {5, 4}), (std::vector<size_t>{0, kPicks}));
  EXPECT_EQ(Histogram(balancer, {0, 1}), (std::vector<size_t>{kPicks, 0}));
}

TEST(LeastRequestTest, OfManyNeverPicksTheMostLoadedAndPrefersTheLeast) {
  Random random(3);
  Balancer balancer(BalancePolicy::kLeastRequest, &random);
  // Of two different ones chosen evenly among n, the k-th least wins with 2 (n - k) / (n (n - 1)).
  const std::vector<size_t> counts = Histogram(balancer, {3, 0, 2, 1});
  EXPECT_EQ(counts[0], 0u);
  EXPECT_NEAR(static_cast<double>(counts[1]), kPicks * 6 / 12.0, kPicks * 0.02);
  EXPECT_NEAR(static_cast<double>(counts[3]), kPicks * 4 / 12.0, kPicks * 0.02);
  EXPECT_NEAR(static_cast<double>(counts[2]), kPicks * 2 / 12.0, kPicks * 0.02);
}

TEST(LeastRequestTest, OfTwoLeftByAvoidingPicksTheLessLoaded) {
  Random random(3);
  Balancer balancer(BalancePolicy::kLeastRequest, &random);
  EXPECT_EQ(Histogram(balancer, {7, 0, 6}, /*avoid=*/1), (std::vector<size_t>{0, 0, kPicks}));
}

TEST(BalancerTest, ANewPolicyCountsAtOnce) {
  Random random(5);
  Balancer balancer(BalancePolicy::kRoundRobin, &random);
  balancer.set_policy(BalancePolicy::kLeastRequest);
  EXPECT_EQ(Histogram(balancer, {1, 0}), (std::vector<size_t>{0, kPicks}));
}

}  // namespace
}  // namespace holdfast::pool
