// Ring hash and maglev as the balancer uses them: keys, health, tiers and repetitions.

#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "tests/pool/balancer_harness.h"

namespace holdfast::pool {
namespace {

using std::chrono::seconds;

constexpr size_t kKeys = 5000;

class HashPolicyTest : public testing::TestWithParam<BalancePolicy> {
 protected:
  BalancerHarness Harness(std::vector<BalancerEndpoint> endpoints) const {
    return BalancerHarness(BalancerOptions{.policy = GetParam()}, std::move(endpoints));
  }
  std::vector<BalancerEndpoint> endpoints_ = EndpointsOf({1, 1, 2, 1, 1, 1, 1, 1, 1, 1});
};

INSTANTIATE_TEST_SUITE_P(Policies, HashPolicyTest,
                         testing::Values(BalancePolicy::kRingHash, BalancePolicy::kMaglev));

TEST_P(HashPolicyTest, AKeyStaysWhateverTheLoadAndTheSeed) {
  BalancerHarness one = Harness(endpoints_);
  const std::vector<size_t> owners = one.Owners(kKeys);
  one.loads.assign(endpoints_.size(), 50);
  EXPECT_EQ(one.Owners(kKeys), owners);
  BalancerHarness other(BalancerOptions{.policy = GetParam()}, /*seed=*/99);
  other.Set(endpoints_);
  EXPECT_EQ(other.Owners(kKeys), owners);
}

TEST_P(HashPolicyTest, EverybodyOwnsKeys) {
  BalancerHarness harness = Harness(endpoints_);
  const std::vector<size_t> owners = harness.Owners(kKeys);
  for (size_t i = 0; i < endpoints_.size(); ++i) EXPECT_GT(std::ranges::count(owners, i), 250);
  EXPECT_GT(std::ranges::count(owners, 2u), 600);  // its weight is 2
}

TEST_P(HashPolicyTest, ReplicasWithAnotherOrderOfEndpointsAgree) {
  const std::vector<size_t> here = Harness(endpoints_).Owners(kKeys);
  std::vector<BalancerEndpoint> reversed(endpoints_.rbegin(), endpoints_.rend());
  const std::vector<size_t> there = Harness(reversed).Owners(kKeys);
  for (size_t key = 0; key < kKeys; ++key) {
    ASSERT_EQ(endpoints_[here[key]].address, reversed[there[key]].address) << "key " << key;
  }
}

TEST_P(HashPolicyTest, ALostEndpointMovesItsOwnKeysAndGetsThemBack) {
  BalancerHarness harness = Harness(endpoints_);
  const std::vector<size_t> before = harness.Owners(kKeys);
  std::vector<BalancerEndpoint> changed = endpoints_;
  changed[2].usable = false;
  changed[5].drained = true;
  harness.Set(changed);
  const std::vector<size_t> during = harness.Owners(kKeys);
  for (size_t key = 0; key < kKeys; ++key) {
    const bool lost = before[key] == 2 || before[key] == 5;
    ASSERT_EQ(during[key] != before[key], lost) << "key " << key;
    ASSERT_TRUE(during[key] != 2 && during[key] != 5) << "key " << key;
  }
  harness.Set(endpoints_);
  EXPECT_EQ(harness.Owners(kKeys), before);
}

TEST_P(HashPolicyTest, ARepetitionGoesWhereTheKeyGoesWithoutTheTried) {
  BalancerHarness harness = Harness(endpoints_);
  const std::vector<size_t> before = harness.Owners(kKeys);
  const std::array<size_t, 2> tried = {2, 5};
  const std::vector<size_t> repeated = harness.Owners(kKeys, tried);
  std::vector<BalancerEndpoint> changed = endpoints_;
  changed[2].usable = false;
  changed[5].usable = false;
  harness.Set(changed);
  EXPECT_EQ(harness.Owners(kKeys), repeated);
  EXPECT_NE(before, repeated);
}

TEST_P(HashPolicyTest, WhenAllWereTriedTheKeyGoesHome) {
  BalancerHarness harness = Harness(EndpointsOf({1, 1, 1}));
  const std::array<size_t, 3> tried = {2, 1, 0};
  EXPECT_EQ(harness.Owners(kKeys, tried), harness.Owners(kKeys));
}

TEST_P(HashPolicyTest, BackupsOwnNothingUntilTheyAreNeeded) {
  std::vector<BalancerEndpoint> endpoints = EndpointsOf({1, 1, 1, 1, 1});
  const std::vector<size_t> without = Harness(EndpointsOf({1, 1, 1})).Owners(kKeys);
  endpoints[3].backup = true;
  endpoints[4].backup = true;
  BalancerHarness harness = Harness(endpoints);
  EXPECT_EQ(harness.Owners(kKeys), without);
  for (size_t i = 0; i < 3; ++i) endpoints[i].usable = false;
  harness.Set(endpoints);
  const std::vector<size_t> owners = harness.Owners(kKeys);
  EXPECT_EQ(std::set<size_t>(owners.begin(), owners.end()), (std::set<size_t>{3, 4}));
}

TEST_P(HashPolicyTest, ARepetitionAtTheBackupsGoesByTheKeyToo) {
  std::vector<BalancerEndpoint> endpoints = EndpointsOf({1, 1, 1, 1});
  for (size_t i = 1; i < 4; ++i) endpoints[i].backup = true;
  BalancerHarness harness = Harness(endpoints);
  const std::array<size_t, 1> tried = {0};
  const std::vector<size_t> owners = harness.Owners(kKeys, tried);
  EXPECT_EQ(harness.Owners(kKeys, tried), owners);
  EXPECT_EQ(std::set<size_t>(owners.begin(), owners.end()), (std::set<size_t>{1, 2, 3}));
}

TEST_P(HashPolicyTest, InAPanicKeysStayWhereTheyAre) {
  BalancerHarness harness = Harness(endpoints_);
  const std::vector<size_t> before = harness.Owners(kKeys);
  for (BalancerEndpoint& endpoint : endpoints_) endpoint.usable = false;
  harness.Set(endpoints_);
  EXPECT_EQ(harness.Owners(kKeys), before);
}

// Far fewer than a look-up can be expected to find.
TEST_P(HashPolicyTest, AHandfulLeftOfManyShareTheKeysByWeightAndForGood) {
  std::vector<BalancerEndpoint> endpoints = EndpointsOf(std::vector<uint32_t>(1024, 100));
  for (BalancerEndpoint& endpoint : endpoints) endpoint.usable = false;
  endpoints[7].usable = true;
  endpoints[7].weight = 1;
  endpoints[900].usable = true;
  endpoints[900].weight = 3;
  BalancerHarness harness = Harness(endpoints);
  const std::vector<size_t> owners = harness.Owners(kKeys);
  EXPECT_EQ(harness.Owners(kKeys), owners);
  EXPECT_NEAR(static_cast<double>(std::ranges::count(owners, 7u)), kKeys / 4.0, kKeys / 20.0);
  EXPECT_NEAR(static_cast<double>(std::ranges::count(owners, 900u)), kKeys * 3 / 4.0, kKeys / 20.0);
}

TEST_P(HashPolicyTest, SlowStartMovesNoKeys) {
  const std::vector<size_t> before = Harness(endpoints_).Owners(kKeys);
  endpoints_[3].up_since = TimePoint() + seconds(10);
  BalancerHarness harness(BalancerOptions{.policy = GetParam(), .slow_start = seconds(60)},
                          endpoints_);
  harness.now = TimePoint() + seconds(11);
  EXPECT_EQ(harness.Owners(kKeys), before);
}

TEST_P(HashPolicyTest, ANewWeightMovesKeysToItsEndpointOnly) {
  BalancerHarness harness = Harness(endpoints_);
  const std::vector<size_t> before = harness.Owners(kKeys);
  endpoints_[4].weight = 3;
  harness.Set(endpoints_);
  const std::vector<size_t> after = harness.Owners(kKeys);
  size_t gained = 0;
  size_t elsewhere = 0;
  for (size_t key = 0; key < kKeys; ++key) {
    if (after[key] == before[key]) continue;
    ++(after[key] == 4 ? gained : elsewhere);
  }
  EXPECT_GT(gained, kKeys / 10);
  EXPECT_LE(elsewhere, GetParam() == BalancePolicy::kRingHash ? 0 : kKeys / 20);
}

TEST_P(HashPolicyTest, GoesFromOneHashPolicyToTheOther) {
  const BalancePolicy other =
      GetParam() == BalancePolicy::kMaglev ? BalancePolicy::kRingHash : BalancePolicy::kMaglev;
  BalancerHarness harness = Harness(endpoints_);
  const std::vector<size_t> before = harness.Owners(kKeys);
  harness.balancer.Configure({.policy = other});
  BalancerHarness fresh(BalancerOptions{.policy = other}, endpoints_);
  EXPECT_EQ(harness.Owners(kKeys), fresh.Owners(kKeys));
  EXPECT_NE(harness.Owners(kKeys), before);
  harness.balancer.Configure({.policy = BalancePolicy::kRandom});
  harness.balancer.Configure({.policy = GetParam()});
  EXPECT_EQ(harness.Owners(kKeys), before);
}

TEST(KeyTest, OtherPoliciesDoNotLookAtTheKey) {
  BalancerHarness harness({.policy = BalancePolicy::kRandom}, EndpointsOf({1, 1}));
  std::set<size_t> picked;
  for (int i = 0; i < 100; ++i) picked.insert(harness.Pick(uint64_t{7}));
  EXPECT_EQ(picked.size(), 2u);
}

}  // namespace
}  // namespace holdfast::pool
