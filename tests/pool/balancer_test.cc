#include "pool/balancer.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "tests/pool/balancer_harness.h"
#include "tests/support/allocation_counter.h"

namespace holdfast::pool {
namespace {

using std::chrono::seconds;

constexpr size_t kPicks = 30'000;

// What every policy has in common. The hash policies choose as random does: no key is given.
class EveryPolicyTest : public testing::TestWithParam<BalancePolicy> {
 protected:
  std::vector<size_t> Count(std::vector<BalancerEndpoint> endpoints,
                            std::span<const size_t> tried = {}) {
    harness_.Set(std::move(endpoints));
    return harness_.Count(kPicks, tried);
  }

  BalancerHarness harness_{BalancerOptions{.policy = GetParam()}};
};

INSTANTIATE_TEST_SUITE_P(Policies, EveryPolicyTest, testing::ValuesIn(kEveryPolicy));

TEST_P(EveryPolicyTest, PicksNothingFromNothing) {
  EXPECT_EQ(harness_.Pick(), Balancer::kNoEndpoint);
  EXPECT_EQ(harness_.Pick(uint64_t{7}), Balancer::kNoEndpoint);
  harness_.Set({});
  EXPECT_EQ(harness_.Pick(), Balancer::kNoEndpoint);
  EXPECT_EQ(harness_.Pick(uint64_t{7}), Balancer::kNoEndpoint);
}

TEST_P(EveryPolicyTest, PicksTheOnlyOneEvenIfItWasTriedOrIsNotUsable) {
  const std::array<size_t, 1> tried = {0};
  harness_.Set(EndpointsOf({9}));
  EXPECT_EQ(harness_.Pick(), 0u);
  EXPECT_EQ(harness_.Pick(tried), 0u);
  std::vector<BalancerEndpoint> down = EndpointsOf({9});
  down[0].usable = false;
  harness_.Set(down);
  EXPECT_EQ(harness_.Pick(), 0u);
  EXPECT_EQ(harness_.Pick(uint64_t{7}), 0u);
}

TEST_P(EveryPolicyTest, TheOnlyOneIsKnownWithoutAQuery) {
  EXPECT_EQ(harness_.balancer.only(), Balancer::kNoEndpoint) << "there is none";
  std::vector<BalancerEndpoint> endpoints = EndpointsOf({9, 1});
  harness_.Set(endpoints);
  EXPECT_EQ(harness_.balancer.only(), Balancer::kNoEndpoint);
  endpoints[0].usable = false;
  endpoints[1].backup = true;
  harness_.Set(endpoints);
  EXPECT_EQ(harness_.balancer.only(), 1u) << "the backup serves alone";
  EXPECT_EQ(harness_.Pick(), 1u);
  EXPECT_EQ(harness_.Pick(uint64_t{7}), 1u);
}

TEST_P(EveryPolicyTest, SpreadsEvenlyOverEqualEndpoints) {
  ExpectDrawn(Count(EndpointsOf({1, 1, 1, 1, 1, 1})), {1, 1, 1, 1, 1, 1});
}

TEST_P(EveryPolicyTest, SpreadsByWeight) {
  ExpectDrawn(Count(EndpointsOf({1, 4, 2, 1})), {1, 4, 2, 1});
}

TEST_P(EveryPolicyTest, OneInAThousandIsNotForgotten) {
  ExpectDrawn(Count(EndpointsOf({1000, 1})), {1000, 1});
}

TEST_P(EveryPolicyTest, OthersShareThePartOfThoseThatWereTried) {
  const std::array<size_t, 1> one = {1};
  ExpectDrawn(Count(EndpointsOf({1, 1, 1}), one), {1, 0, 1});
  ExpectDrawn(Count(EndpointsOf({3, 1, 2, 1}), one), {3, 0, 2, 1});
  const std::array<size_t, 2> two = {3, 0};
  ExpectDrawn(Count(EndpointsOf({3, 1, 2, 1}), two), {0, 1, 2, 0});
  const std::array<size_t, 3> all_but_one = {3, 0, 1};
  ExpectDrawn(Count(EndpointsOf({3, 1, 2, 1}), all_but_one), {0, 0, 1, 0});
}

TEST_P(EveryPolicyTest, WhenAllWereTriedAnyWillDo) {
  const std::array<size_t, 3> tried = {2, 0, 1};
  ExpectDrawn(Count(EndpointsOf({1, 3, 1}), tried), {1, 3, 1});
}

TEST_P(EveryPolicyTest, TriedIndicesThatAreGoneAvoidNothing) {
  const std::array<size_t, 3> tried = {2, 3, Balancer::kNoEndpoint};
  ExpectDrawn(Count(EndpointsOf({1, 1}), tried), {1, 1});
}

TEST_P(EveryPolicyTest, OneThatIsNotUsableGetsNothing) {
  std::vector<BalancerEndpoint> endpoints = EndpointsOf({1, 2, 3});
  endpoints[1].usable = false;
  ExpectDrawn(Count(endpoints), {1, 0, 3});
  // Even if all that are usable were tried: they are the better choice still.
  const std::array<size_t, 2> tried = {0, 2};
  ExpectDrawn(Count(endpoints, tried), {1, 0, 3});
}

TEST_P(EveryPolicyTest, BackupsAreForWhenTheFirstTierIsDown) {
  std::vector<BalancerEndpoint> endpoints = EndpointsOf({1, 1, 2, 1});
  endpoints[0].backup = true;
  endpoints[2].backup = true;
  ExpectDrawn(Count(endpoints), {0, 1, 0, 1});
  endpoints[1].usable = false;
  ExpectDrawn(Count(endpoints), {0, 0, 0, 1});
  endpoints[3].usable = false;
  ExpectDrawn(Count(endpoints), {1, 0, 2, 0});
  endpoints[2].usable = false;
  ExpectDrawn(Count(endpoints), {1, 0, 0, 0});
}

TEST_P(EveryPolicyTest, WhenTheFirstTierWasTriedABackupServes) {
  std::vector<BalancerEndpoint> endpoints = EndpointsOf({2, 1, 1, 3, 1, 1});
  for (size_t i = 2; i < 6; ++i) endpoints[i].backup = true;
  endpoints[4].usable = false;
  endpoints[5].drained = true;
  const std::array<size_t, 1> one = {1};
  ExpectDrawn(Count(endpoints, one), {1, 0, 0, 0, 0, 0});
  const std::array<size_t, 2> both = {1, 0};
  ExpectDrawn(Count(endpoints, both), {0, 0, 1, 3, 0, 0});
  const std::array<size_t, 3> more = {1, 3, 0};
  ExpectDrawn(Count(endpoints, more), {0, 0, 1, 0, 0, 0});
  const std::array<size_t, 4> all = {1, 3, 0, 2};
  ExpectDrawn(Count(endpoints, all), {2, 1, 0, 0, 0, 0});
}

TEST_P(EveryPolicyTest, TheLastResortAreThoseThatAreNotUsable) {
  std::vector<BalancerEndpoint> endpoints = EndpointsOf({1, 1, 1, 1});
  endpoints[1].usable = false;
  endpoints[2].backup = true;
  endpoints[3].drained = true;
  harness_.Set(endpoints);
  using Reach = Balancer::Reach;
  const auto pick = [&](Reach reach, std::span<const size_t> tried) {
    return harness_.balancer.Pick({.hash = uint64_t{7}, .tried = tried, .reach = reach},
                                  [](size_t) { return size_t{0}; });
  };
  const std::array<size_t, 3> all = {0, 2, 1};
  const std::span<const size_t> one(all.data(), 1), both(all.data(), 2);
  for (const Reach reach : {Reach::kUntried, Reach::kUsable, Reach::kLastResort}) {
    EXPECT_EQ(pick(reach, {}), 0u);
    EXPECT_EQ(pick(reach, one), 2u);
  }
  EXPECT_EQ(pick(Reach::kUntried, both), Balancer::kNoEndpoint);
  EXPECT_EQ(pick(Reach::kUsable, both), 0u);
  EXPECT_EQ(pick(Reach::kLastResort, both), 1u);
  EXPECT_EQ(pick(Reach::kLastResort, all), 0u);
  EXPECT_TRUE(harness_.balancer.HasUntried(both));
  EXPECT_FALSE(harness_.balancer.HasUntried(all)) << "nothing is sent to the drained one";
}

TEST_P(EveryPolicyTest, ABackupServesWhenTheOnlyEndpointWasTried) {
  std::vector<BalancerEndpoint> endpoints = EndpointsOf({1, 1});
  endpoints[1].backup = true;
  const std::array<size_t, 1> tried = {0};
  ExpectDrawn(Count(endpoints, tried), {0, 1});
}

TEST_P(EveryPolicyTest, WithNobodyUsableTheFirstTierServes) {
  std::vector<BalancerEndpoint> endpoints = EndpointsOf({2, 1, 1});
  for (BalancerEndpoint& endpoint : endpoints) endpoint.usable = false;
  endpoints[1].backup = true;
  ExpectDrawn(Count(endpoints), {2, 0, 1});
}

TEST_P(EveryPolicyTest, ADrainedOneGetsNothingWhateverElseIsDown) {
  std::vector<BalancerEndpoint> endpoints = EndpointsOf({1, 1, 1});
  endpoints[0].drained = true;
  ExpectDrawn(Count(endpoints), {0, 1, 1});
  endpoints[1].usable = false;
  endpoints[2].usable = false;
  ExpectDrawn(Count(endpoints), {0, 1, 1});
  endpoints[1].drained = true;
  endpoints[2].drained = true;
  harness_.Set(endpoints);
  EXPECT_EQ(harness_.Pick(), Balancer::kNoEndpoint);
  EXPECT_EQ(harness_.Pick(uint64_t{7}), Balancer::kNoEndpoint);
}

TEST_P(EveryPolicyTest, ADrainedFirstTierGivesWayToBackups) {
  std::vector<BalancerEndpoint> endpoints = EndpointsOf({1, 1});
  endpoints[0].drained = true;
  endpoints[1].backup = true;
  ExpectDrawn(Count(endpoints), {0, 1});
  endpoints[1].usable = false;
  ExpectDrawn(Count(endpoints), {0, 1});
}

TEST_P(EveryPolicyTest, NewEndpointsReplaceTheOld) {
  std::vector<BalancerEndpoint> down = EndpointsOf({1, 1, 1});
  down[0].usable = false;
  Count(down);
  ExpectDrawn(Count(EndpointsOf({1, 1})), {1, 1});
}

TEST_P(EveryPolicyTest, PickAllocatesNothing) {
  std::vector<BalancerEndpoint> endpoints = EndpointsOf(std::vector<uint32_t>(1024, 2));
  for (size_t i = 0; i < endpoints.size(); ++i) {
    endpoints[i].weight = static_cast<uint32_t>(1 + i % 7);
    endpoints[i].usable = i % 3 != 0;
    endpoints[i].up_since = TimePoint() + seconds(i % 5);
  }
  harness_.balancer.Configure({.policy = GetParam(), .slow_start = seconds(4)});
  harness_.Set(endpoints);
  std::vector<size_t> tried;
  for (size_t i = 0; i < 12; ++i) tried.push_back(i);
  const uint64_t before = support::AllocationCount();
  for (int second = 0; second < 12; ++second) {
    harness_.now = TimePoint() + seconds(second);
    for (uint64_t hash = 0; hash < 20; ++hash) {
      harness_.Pick();
      harness_.Pick(tried);
      harness_.Pick(NextHash(hash));
      harness_.Pick(NextHash(hash), tried);
    }
  }
  EXPECT_EQ(support::AllocationCount(), before);
}

struct PanicCase {
  uint32_t percent;
  size_t usable;  // of ten
  bool panic;
};

class PanicTest : public testing::TestWithParam<PanicCase> {};

INSTANTIATE_TEST_SUITE_P(Thresholds, PanicTest,
                         testing::Values(PanicCase{0, 10, false}, PanicCase{0, 1, false},
                                         PanicCase{0, 0, true}, PanicCase{50, 10, false},
                                         PanicCase{50, 5, false}, PanicCase{50, 4, true},
                                         PanicCase{50, 0, true}, PanicCase{10, 1, false},
                                         PanicCase{11, 1, true}, PanicCase{100, 10, false},
                                         PanicCase{100, 9, true}));

TEST_P(PanicTest, UsesEverybodyBelowTheThreshold) {
  const auto [percent, usable, panic] = GetParam();
  std::vector<BalancerEndpoint> endpoints = EndpointsOf(std::vector<uint32_t>(10, 1));
  std::vector<double> expected(10, panic ? 1 : 0);
  for (size_t i = 0; i < 10; ++i) {
    endpoints[i].usable = i < usable;
    if (endpoints[i].usable) expected[i] = 1;
  }
  BalancerHarness harness({.policy = BalancePolicy::kRandom, .panic_percent = percent}, endpoints);
  EXPECT_EQ(harness.balancer.panic(), panic);
  ExpectDrawn(harness.Count(kPicks), expected);
}

class PanicTierTest : public testing::Test {
 protected:
  std::vector<size_t> Count(std::vector<BalancerEndpoint> endpoints) {
    harness_.Set(std::move(endpoints));
    return harness_.Count(kPicks);
  }

  BalancerHarness harness_{{.policy = BalancePolicy::kRandom, .panic_percent = 50}};
};

TEST_F(PanicTierTest, BackupsDoNotCountInTheFirstTiersShare) {
  std::vector<BalancerEndpoint> endpoints = EndpointsOf({1, 1, 1, 1});
  endpoints[0].usable = false;
  endpoints[2].backup = true;
  endpoints[3].backup = true;
  ExpectDrawn(Count(endpoints), {0, 1, 0, 0});
  endpoints[1].usable = false;
  ExpectDrawn(Count(endpoints), {0, 0, 1, 1});
}

TEST_F(PanicTierTest, BackupsPanicAmongThemselves) {
  std::vector<BalancerEndpoint> endpoints = EndpointsOf({1, 1, 1, 1});
  for (BalancerEndpoint& endpoint : endpoints) {
    endpoint.backup = true;
    endpoint.usable = false;
  }
  endpoints[0].backup = false;
  endpoints[1].usable = true;
  ExpectDrawn(Count(endpoints), {0, 1, 1, 1});
}

TEST_F(PanicTierTest, DrainedOnesDoNotCount) {
  std::vector<BalancerEndpoint> endpoints = EndpointsOf({1, 1, 1, 1});
  endpoints[0].drained = true;
  endpoints[1].drained = true;
  endpoints[2].usable = false;
  ExpectDrawn(Count(endpoints), {0, 0, 0, 1});
}

TEST_F(PanicTierTest, ANewThresholdCountsAtOnce) {
  std::vector<BalancerEndpoint> endpoints = EndpointsOf({1, 1, 1});
  endpoints[0].usable = false;
  ExpectDrawn(Count(endpoints), {0, 1, 1});
  harness_.balancer.Configure({.policy = BalancePolicy::kRandom, .panic_percent = 70});
  ExpectDrawn(harness_.Count(kPicks), {1, 1, 1});
}

TEST(BalancerTest, ANewPolicyCountsAtOnce) {
  BalancerHarness harness({.policy = BalancePolicy::kRoundRobin}, EndpointsOf({1, 1}));
  harness.loads = {1, 0};
  ExpectDrawn(harness.Count(kPicks), {1, 1});
  harness.balancer.Configure({.policy = BalancePolicy::kLeastRequest});
  ExpectDrawn(harness.Count(kPicks), {0, 1});
  harness.balancer.Configure({.policy = BalancePolicy::kMaglev});
  const std::vector<size_t> owners = harness.Owners(1000);
  EXPECT_EQ(harness.Owners(1000), owners);
  EXPECT_GT(std::ranges::count(owners, 0u), 0);
  EXPECT_GT(std::ranges::count(owners, 1u), 0);
}

TEST(BalancerDeathTest, AWeightOfZeroIsRefused) {
  BalancerHarness harness({});
  EXPECT_DEATH(harness.Set(EndpointsOf({1, 0})), "weight > 0");
}

}  // namespace
}  // namespace holdfast::pool
