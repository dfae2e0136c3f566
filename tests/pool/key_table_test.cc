#include "pool/key_table.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "pool/balancer.h"
#include "tests/pool/balancer_harness.h"

namespace holdfast::pool {
namespace {

using Kind = KeyTable::Kind;

const std::vector<HashMember> kMembers = {{"10.0.0.1:80", 1}, {"10.0.0.2:80", 2}, {"x", 1}};

bool Any(size_t) { return true; }

TEST(KeyTableTest, FindsWhatTheRingOrTheTableFinds) {
  const KeyTable ring(Kind::kRing, false, kMembers);
  const KeyTable maglev(Kind::kMaglev, false, kMembers);
  HashRing expected_ring;
  expected_ring.Build(kMembers);
  Maglev expected_maglev;
  expected_maglev.Build(kMembers);
  for (size_t key = 0; key < 1000; ++key) {
    EXPECT_EQ(ring.Find(KeyHash(key), Any), expected_ring.Find(KeyHash(key), Any));
    EXPECT_EQ(maglev.Find(KeyHash(key), Any), expected_maglev.Find(KeyHash(key), Any));
  }
}

TEST(KeyTableTest, OfNobodyIsNobody) {
  for (const Kind kind : {Kind::kRing, Kind::kMaglev}) {
    EXPECT_EQ(KeyTable(kind, false, {}).Find(7, Any), KeyTable::kNone);
  }
}

TEST(KeyTableTest, KnowsWhatItIsFor) {
  const KeyTable table(Kind::kRing, true, kMembers);
  EXPECT_TRUE(table.IsFor(Kind::kRing, true, 3));
  EXPECT_FALSE(table.IsFor(Kind::kMaglev, true, 3));
  EXPECT_FALSE(table.IsFor(Kind::kRing, false, 3));
  EXPECT_FALSE(table.IsFor(Kind::kRing, true, 2));
  EXPECT_EQ(table.members(), kMembers);
}

TEST(MakeKeyTableTest, OnlyThePoliciesThatGoByKeysHaveOne) {
  for (const BalancePolicy policy : kEveryPolicy) {
    const bool by_keys = policy == BalancePolicy::kRingHash || policy == BalancePolicy::kMaglev;
    EXPECT_EQ(MakeKeyTable(policy, EndpointsOf({1, 2}), nullptr) != nullptr, by_keys);
  }
}

TEST(MakeKeyTableTest, ChangesOfHealthKeepTheTableAndChangesOfMembersMakeAnother) {
  std::vector<BalancerEndpoint> endpoints = EndpointsOf({1, 2, 3});
  const auto table = MakeKeyTable(BalancePolicy::kRingHash, endpoints, nullptr);
  const auto next = [&] { return MakeKeyTable(BalancePolicy::kRingHash, endpoints, table); };
  endpoints[0].usable = false;
  endpoints[1].drained = true;
  EXPECT_EQ(next(), table);
  EXPECT_NE(MakeKeyTable(BalancePolicy::kMaglev, endpoints, table), table);
  endpoints[2].weight = 4;
  EXPECT_NE(next(), table);
  endpoints = EndpointsOf({1, 2});
  EXPECT_NE(next(), table);
}

TEST(MakeKeyTableTest, TheMembersAreThoseOfTheTierInUse) {
  std::vector<BalancerEndpoint> endpoints = EndpointsOf({1, 1, 1});
  endpoints[1].backup = true;
  endpoints[2].backup = true;
  const auto members = [&] {
    return MakeKeyTable(BalancePolicy::kRingHash, endpoints, nullptr)->members().size();
  };
  EXPECT_EQ(members(), 1u);
  endpoints[0].usable = false;
  EXPECT_EQ(members(), 2u);
}

}  // namespace
}  // namespace holdfast::pool
