#include "pool/hash_ring.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/pool/hash_members.h"

namespace holdfast::pool {
namespace {

size_t PointsOf(const std::vector<HashMember>& members) {
  HashRing ring;
  ring.Build(members);
  return ring.points();
}

TEST(HashRingTest, AnEmptyRingOwnsNothing) {
  const HashRing ring;
  EXPECT_EQ(ring.Find(1, [](size_t) { return true; }), HashRing::kNone);
}

TEST(HashRingTest, OneMemberOwnsEverything) {
  HashRing ring;
  ring.Build(Members(1));
  for (const uint64_t hash : {uint64_t{0}, uint64_t{1} << 63, ~uint64_t{0}}) {
    EXPECT_EQ(ring.Find(hash, [](size_t) { return true; }), 0u);
  }
}

// Computed by an implementation apart. If one of them changes, replicas of two versions disagree
// about the owner of every such key.
TEST(HashRingTest, GoldenValues) {
  const std::vector<std::string> owners = OwnersOfKeys<HashRing>(GoldenMembers(), 1000);
  EXPECT_EQ(owners[0], "10.0.0.8:80");
  EXPECT_EQ(owners[1], "10.0.0.10:80");
  EXPECT_EQ(owners[2], "10.0.0.7:80");
  EXPECT_EQ(owners[3], "10.0.0.2:80");
  EXPECT_EQ(owners[19], "10.0.0.9:80");
  EXPECT_EQ(Digest(owners), 0xB575BD325442C71Du);
}

TEST(HashRingTest, TheOrderOfTheMembersDoesNotMatter) {
  std::vector<HashMember> members = GoldenMembers();
  const std::vector<std::string> owners = OwnersOfKeys<HashRing>(members);
  std::ranges::reverse(members);
  EXPECT_EQ(OwnersOfKeys<HashRing>(members), owners);
  std::ranges::rotate(members, members.begin() + 3);
  EXPECT_EQ(OwnersOfKeys<HashRing>(members), owners);
}

TEST(HashRingTest, AMemberThatLeavesMovesItsOwnKeysOnly) {
  const std::vector<HashMember> all = GoldenMembers();
  const std::vector<std::string> before = OwnersOfKeys<HashRing>(all);
  for (size_t gone = 0; gone < all.size(); ++gone) {
    std::vector<HashMember> rest = all;
    rest.erase(rest.begin() + static_cast<ptrdiff_t>(gone));
    const std::vector<std::string> after = OwnersOfKeys<HashRing>(rest);
    for (size_t key = 0; key < kKeys; ++key) {
      if (before[key] != all[gone].identity) {
        ASSERT_EQ(after[key], before[key]) << "key " << key;
      }
    }
  }
}

TEST(HashRingTest, OneThatMayNotBeUsedMovesKeysAsIfItHadLeft) {
  const std::vector<HashMember> all = GoldenMembers();
  HashRing ring;
  ring.Build(all);
  std::vector<HashMember> rest = all;
  rest.erase(rest.begin() + 1);
  EXPECT_EQ(OwnersOfKeys(ring, all, kKeys, [](size_t i) { return i != 1; }),
            OwnersOfKeys<HashRing>(rest));
}

TEST(HashRingTest, TheKeysOfALostMemberGoToSeveralOthers) {
  const std::vector<HashMember> all = Members(10);
  HashRing ring;
  ring.Build(all);
  const std::vector<std::string> before = OwnersOfKeys<HashRing>(all);
  const std::vector<std::string> after =
      OwnersOfKeys(ring, all, kKeys, [](size_t i) { return i != 4; });
  std::map<std::string, size_t> heirs;
  for (size_t key = 0; key < kKeys; ++key) {
    if (before[key] != after[key]) ++heirs[after[key]];
  }
  EXPECT_EQ(heirs.size(), 9u);
  for (const auto& [heir, keys] : heirs) EXPECT_LT(keys, kKeys / 10 / 3) << heir;
}

TEST(HashRingTest, SharesFollowTheWeights) {
  std::vector<HashMember> members = Members(8);
  members[0].weight = 4;
  members[1].weight = 2;
  std::map<std::string, double> counts;
  for (const std::string& owner : OwnersOfKeys<HashRing>(members)) ++counts[owner];
  for (const HashMember& member : members) {
    const double fair = kKeys * member.weight / 12.0;
    // Three deviations of the arcs' lengths, and three of the sample's.
    const double bound = 3 * fair / std::sqrt(160.0 * member.weight) + 3 * std::sqrt(fair);
    EXPECT_NEAR(counts[member.identity], fair, bound) << member.identity;
  }
}

TEST(HashRingTest, PointsArePerWeight) {
  EXPECT_EQ(PointsOf(Members(2)), 320u);
  EXPECT_EQ(PointsOf(GoldenMembers()), 12 * 160u);
  EXPECT_EQ(PointsOf({{"a:1", 1}, {"b:1", 300}}), 301 * 160u);
}

TEST(HashRingTest, PointsAreBoundedAndEveryMemberHasOne) {
  EXPECT_EQ(PointsOf({{"a:1", 1}, {"b:1", 1000}}), 80u + 80'000u);
  EXPECT_EQ(PointsOf({{"a:1", 1}, {"b:1", 1'000'000'000}}), 1u + (160'000'000'000u >> 21));
  std::vector<HashMember> many = Members(1024);
  EXPECT_EQ(PointsOf(many), 1024 * 80u);
  for (HashMember& member : many) member.weight = 1000;
  EXPECT_LE(PointsOf(many), HashRing::kMaxPoints);
  EXPECT_GE(PointsOf(many), HashRing::kMaxPoints / 2);
}

TEST(HashRingTest, BehindTheLastPointComesTheFirst) {
  const std::vector<HashMember> members = Members(10);
  HashRing ring;
  ring.Build(members);
  const auto any = [](size_t) { return true; };
  EXPECT_EQ(ring.Find(~uint64_t{0}, any), ring.Find(0, any));
}

TEST(HashRingTest, GivesUpWhereNoneMayBeUsed) {
  HashRing ring;
  ring.Build(Members(1024));
  size_t asked = 0;
  EXPECT_EQ(ring.Find(5,
                      [&](size_t) {
                        ++asked;
                        return false;
                      }),
            HashRing::kNone);
  EXPECT_EQ(asked, HashRing::kMaxSteps);
}

TEST(HashRingTest, AsksEachPointOfASmallRingOnce) {
  HashRing ring;
  ring.Build(Members(2));
  size_t asked = 0;
  EXPECT_EQ(ring.Find(~uint64_t{0}, [&](size_t) { return ++asked, false; }), HashRing::kNone);
  EXPECT_EQ(asked, 320u);
}

TEST(HashRingTest, BuildReplacesAndClearEmpties) {
  HashRing ring;
  ring.Build(Members(5));
  ring.Build(Members(1));
  EXPECT_EQ(ring.Find(123, [](size_t) { return true; }), 0u);
  ring.Clear();
  EXPECT_EQ(ring.Find(123, [](size_t) { return true; }), HashRing::kNone);
}

}  // namespace
}  // namespace holdfast::pool
