// Who gets how much, and in what order: round robin, least request, slow start.

#include <algorithm>
#include <array>
#include <deque>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "tests/pool/balancer_harness.h"

namespace holdfast::pool {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr size_t kPicks = 30'000;

TEST(RoundRobinTest, EqualEndpointsTakeTurnsWhateverTheirLoad) {
  BalancerHarness harness({.policy = BalancePolicy::kRoundRobin}, EndpointsOf({3, 3, 3}));
  harness.loads = {100, 0, 3};
  const std::array<size_t, 3> round = {harness.Pick(), harness.Pick(), harness.Pick()};
  EXPECT_EQ(std::set<size_t>(round.begin(), round.end()).size(), 3u);
  for (size_t i = 0; i < 30; ++i) EXPECT_EQ(harness.Pick(), round[i % 3]);
}

// After the first, which may begin anywhere.
TEST(RoundRobinTest, EveryRoundGivesEverybodyItsWeight) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    BalancerHarness harness({.policy = BalancePolicy::kRoundRobin}, seed);
    harness.Set(EndpointsOf({5, 1, 3, 1}));
    harness.Count(10);
    for (int round = 0; round < 20; ++round) {
      EXPECT_EQ(harness.Count(10), (std::vector<size_t>{5, 1, 3, 1})) << "seed " << seed;
    }
  }
}

// The random start may put off one turn, not more.
TEST(RoundRobinTest, TurnsOfAHeavyEndpointAreSpread) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    BalancerHarness harness({.policy = BalancePolicy::kRoundRobin}, seed);
    harness.Set(EndpointsOf({6, 1, 1, 1, 1, 1, 1}));
    size_t run = 0;
    size_t pause = 0;
    for (size_t i = 0; i < 1200; ++i) {
      const bool heavy = harness.Pick() == 0;
      run = heavy ? run + 1 : 0;
      pause = heavy ? 0 : pause + 1;
      EXPECT_LE(run, 2u) << "seed " << seed;
      EXPECT_LE(pause, 2u) << "seed " << seed;
    }
  }
}

TEST(RoundRobinTest, AnAvoidedEndpointIsNotOwedTheTurnsItMissed) {
  BalancerHarness harness({.policy = BalancePolicy::kRoundRobin}, EndpointsOf({1, 1, 1}));
  const std::array<size_t, 1> tried = {1};
  EXPECT_EQ(harness.Count(300, tried)[1], 0u);
  EXPECT_EQ(harness.Count(30)[1], 10u);
}

TEST(RoundRobinTest, AReloadThatChangesNothingDoesNotInterruptTheRound) {
  BalancerHarness harness({.policy = BalancePolicy::kRoundRobin}, EndpointsOf({1, 1, 1, 1, 1}));
  std::set<size_t> round;
  for (int i = 0; i < 5; ++i) {
    round.insert(harness.Pick());
    harness.balancer.Configure({.policy = BalancePolicy::kRoundRobin});
  }
  EXPECT_EQ(round.size(), 5u);
}

TEST(RoundRobinTest, WorkersDoNotMarchInStep) {
  std::set<std::vector<size_t>> orders;
  std::vector<size_t> light_turns;
  for (uint64_t seed = 1; seed <= 64; ++seed) {
    BalancerHarness harness({.policy = BalancePolicy::kRoundRobin}, seed * 0x9E3779B97F4A7C15u);
    harness.Set(EndpointsOf({1, 1, 1, 1}));
    orders.insert({harness.Pick(), harness.Pick(), harness.Pick(), harness.Pick()});
    harness.Set(EndpointsOf({99, 1}));
    size_t turn = 0;
    while (harness.Pick() == 0) ++turn;
    light_turns.push_back(turn);
  }
  EXPECT_GT(orders.size(), 15u);
  // Somewhere in each quarter of the hundred turns, not all at once.
  for (size_t quarter = 0; quarter < 100; quarter += 25) {
    EXPECT_GT(std::ranges::count_if(light_turns,
                                    [&](size_t t) { return t >= quarter && t < quarter + 25; }),
              5);
  }
}

TEST(LeastRequestTest, OfTwoPicksTheLessLoaded) {
  BalancerHarness harness({.policy = BalancePolicy::kLeastRequest}, EndpointsOf({1, 1}));
  harness.loads = {5, 4};
  ExpectDrawn(harness.Count(kPicks), {0, 1});
  harness.loads = {0, 1};
  ExpectDrawn(harness.Count(kPicks), {1, 0});
  harness.loads = {4, 4};
  ExpectDrawn(harness.Count(kPicks), {1, 1});
}

TEST(LeastRequestTest, OfManyNeverPicksTheMostLoadedAndPrefersTheLeast) {
  BalancerHarness harness({.policy = BalancePolicy::kLeastRequest}, EndpointsOf({1, 1, 1, 1}));
  harness.loads = {3, 0, 2, 1};
  // Of two different ones drawn evenly from four, the k-th least wins 4 - k of 6 pairs.
  ExpectDrawn(harness.Count(kPicks), {0, 3, 1, 2});
}

TEST(LeastRequestTest, OfTheTwoThatWereNotTriedPicksTheLessLoaded) {
  BalancerHarness harness({.policy = BalancePolicy::kLeastRequest}, EndpointsOf({1, 1, 1}));
  harness.loads = {7, 0, 6};
  const std::array<size_t, 1> tried = {1};
  ExpectDrawn(harness.Count(kPicks, tried), {0, 0, 1});
}

TEST(LeastRequestTest, LoadCountsInProportionToTheWeight) {
  BalancerHarness harness({.policy = BalancePolicy::kLeastRequest}, EndpointsOf({4, 1}));
  // With this request the light one would be fuller than the heavy one is: each keeps its share...
  harness.loads = {3, 0};
  ExpectDrawn(harness.Count(kPicks), {4, 1});
  // ...and here just as full.
  harness.loads = {4, 0};
  ExpectDrawn(harness.Count(kPicks), {0, 1});
  // A light one that hangs gets nothing while the heavy one has room for its weight.
  harness.loads = {7, 2};
  ExpectDrawn(harness.Count(kPicks), {1, 0});
}

// A closed loop: so many requests are in flight, and when one ends the next begins. `speed` is how
// likely an endpoint's requests are to be the next to end.
std::vector<double> MeanInFlight(const std::vector<uint32_t>& weights,
                                 const std::vector<uint32_t>& speed, size_t in_flight) {
  BalancerHarness harness({.policy = BalancePolicy::kLeastRequest}, EndpointsOf(weights));
  Random random(5);
  std::vector<double> sum(weights.size());
  constexpr size_t kRounds = 40'000;
  size_t began = 0;
  for (size_t round = 0; round < kRounds;) {
    if (began < in_flight) {
      ++harness.loads[harness.Pick()];
      ++began;
      continue;
    }
    const size_t i = random.Below(static_cast<uint32_t>(weights.size()));
    if (random.Below(1000) >= speed[i] * harness.loads[i]) continue;
    --harness.loads[i];
    --began;
    ++round;
    for (size_t j = 0; j < sum.size(); ++j) sum[j] += static_cast<double>(harness.loads[j]);
  }
  for (double& mean : sum) mean /= kRounds;
  return sum;
}

TEST(LeastRequestTest, RequestsInFlightSettleInProportionToTheWeights) {
  const std::vector<double> mean = MeanInFlight({1, 2, 4, 1}, {10, 10, 10, 10}, 80);
  EXPECT_NEAR(mean[0], 10, 1.5);
  EXPECT_NEAR(mean[1], 20, 2.5);
  EXPECT_NEAR(mean[2], 40, 4);
  EXPECT_NEAR(mean[3], 10, 1.5);
}

// With random choice the slow one would collect most of all that is in flight.
TEST(LeastRequestTest, ASlowEndpointDoesNotCollectRequests) {
  const std::vector<double> mean = MeanInFlight({1, 1, 1, 1}, {1, 10, 10, 10}, 40);
  EXPECT_LT(mean[0], 13);
  EXPECT_GT(mean[0], 8);
}

class SlowStartTest : public testing::TestWithParam<BalancePolicy> {
 protected:
  // The first of the endpoints is picked with this share after that time.
  void ExpectShare(Duration after, double weight, double others) {
    harness_.now = kUp + after;
    ExpectDrawn(harness_.Count(kPicks), {weight, others});
  }

  static constexpr TimePoint kUp = TimePoint() + seconds(1000);
  BalancerHarness harness_{BalancerOptions{.policy = GetParam(), .slow_start = seconds(10)}};
};

INSTANTIATE_TEST_SUITE_P(Policies, SlowStartTest,
                         testing::Values(BalancePolicy::kRoundRobin, BalancePolicy::kLeastRequest,
                                         BalancePolicy::kRandom));

TEST_P(SlowStartTest, TheWeightGrowsFromATenthToTheWhole) {
  std::vector<BalancerEndpoint> endpoints = EndpointsOf({2, 3});
  endpoints[0].up_since = kUp;
  harness_.Set(endpoints);
  ExpectShare(seconds(0), 0.1 * 2, 3);
  ExpectShare(milliseconds(2500), 0.325 * 2, 3);
  ExpectShare(seconds(5), 0.55 * 2, 3);
  ExpectShare(milliseconds(9999), 2, 3);
  ExpectShare(seconds(10), 2, 3);
  ExpectShare(seconds(100'000), 2, 3);
}

TEST_P(SlowStartTest, EachEndpointHasItsOwn) {
  std::vector<BalancerEndpoint> endpoints = EndpointsOf({1, 1});
  endpoints[0].up_since = kUp;
  endpoints[1].up_since = kUp - seconds(5);
  harness_.Set(endpoints);
  ExpectShare(seconds(0), 0.1, 0.55);
  ExpectShare(seconds(5), 0.55, 1);
}

// The main thread's clock may be ahead of this loop's.
TEST_P(SlowStartTest, ATimeToComeCountsAsNow) {
  std::vector<BalancerEndpoint> endpoints = EndpointsOf({1, 1});
  endpoints[0].up_since = kUp;
  harness_.Set(endpoints);
  ExpectShare(-seconds(1), 0.1, 1);
}

TEST_P(SlowStartTest, CountsAmongThoseLeftByTheOnesTried) {
  std::vector<BalancerEndpoint> endpoints = EndpointsOf({1, 1, 1});
  endpoints[0].up_since = kUp;
  harness_.Set(endpoints);
  harness_.now = kUp + seconds(5);
  const std::array<size_t, 1> tried = {1};
  ExpectDrawn(harness_.Count(kPicks, tried), {0.55, 0, 1});
}

TEST_P(SlowStartTest, CanBeSwitchedOff) {
  std::vector<BalancerEndpoint> endpoints = EndpointsOf({1, 1});
  endpoints[0].up_since = kUp;
  harness_.Set(endpoints);
  harness_.balancer.Configure({.policy = GetParam()});
  ExpectShare(seconds(0), 1, 1);
  harness_.balancer.Configure({.policy = GetParam(), .slow_start = seconds(0)});
  ExpectShare(-seconds(1), 1, 1);
}

}  // namespace
}  // namespace holdfast::pool
