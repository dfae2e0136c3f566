#include "pool/maglev.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/pool/hash_members.h"

namespace holdfast::pool {
namespace {

std::vector<std::string> Slots(const std::vector<HashMember>& members) {
  Maglev maglev;
  maglev.Build(members);
  std::vector<std::string> slots;
  for (const uint32_t member : maglev.table()) slots.push_back(members.at(member).identity);
  return slots;
}

std::map<std::string, size_t> SlotsOfEach(const std::vector<HashMember>& members) {
  std::map<std::string, size_t> counts;
  for (const std::string& owner : Slots(members)) ++counts[owner];
  return counts;
}

TEST(MaglevTest, AnEmptyTableOwnsNothing) {
  Maglev maglev;
  EXPECT_EQ(maglev.Find(1, [](size_t) { return true; }), Maglev::kNone);
  maglev.Build({});
  EXPECT_EQ(maglev.Find(1, [](size_t) { return true; }), Maglev::kNone);
}

TEST(MaglevTest, OneMemberOwnsEverySlot) {
  EXPECT_EQ(SlotsOfEach(Members(1)),
            (std::map<std::string, size_t>{{"10.0.0.1:80", Maglev::kTableSize}}));
}

// Computed by an implementation apart. If one of them changes, replicas of two versions disagree
// about the owner of every such key.
TEST(MaglevTest, GoldenValues) {
  const std::vector<std::string> owners = OwnersOfKeys<Maglev>(GoldenMembers(), 1000);
  EXPECT_EQ(owners[0], "10.0.0.9:80");
  EXPECT_EQ(owners[1], "10.0.0.10:80");
  EXPECT_EQ(owners[2], "10.0.0.7:80");
  EXPECT_EQ(owners[3], "10.0.0.3:80");
  EXPECT_EQ(owners[19], "10.0.0.6:80");
  EXPECT_EQ(Digest(owners), 0x90C70CFB27FDB38Eu);
  EXPECT_EQ(Digest(Slots(GoldenMembers())), 0x1FE41F293DC680FFu);
}

TEST(MaglevTest, GoldenValuesWithOneThatMayNotBeUsed) {
  const std::vector<HashMember> members = GoldenMembers();
  Maglev maglev;
  maglev.Build(members);
  EXPECT_EQ(Digest(OwnersOfKeys(maglev, members, 1000, [](size_t i) { return i != 1; })),
            0x495EACD67ECCEE45u);
}

TEST(MaglevTest, TheOrderOfTheMembersDoesNotMatter) {
  std::vector<HashMember> members = GoldenMembers();
  const std::vector<std::string> slots = Slots(members);
  std::ranges::reverse(members);
  EXPECT_EQ(Slots(members), slots);
  std::ranges::rotate(members, members.begin() + 3);
  EXPECT_EQ(Slots(members), slots);
}

TEST(MaglevTest, SharesAreEvenToWithinASlot) {
  for (const auto& [owner, slots] : SlotsOfEach(Members(10))) {
    EXPECT_NEAR(static_cast<double>(slots), 6553.7, 1.0) << owner;
  }
}

TEST(MaglevTest, SharesFollowTheWeights) {
  std::vector<HashMember> members = Members(4);
  members[0].weight = 1000;
  members[1].weight = 500;
  members[2].weight = 33;
  std::map<std::string, size_t> counts = SlotsOfEach(members);
  for (const HashMember& member : members) {
    EXPECT_NEAR(static_cast<double>(counts[member.identity]),
                Maglev::kTableSize * member.weight / 1534.0, 1.0)
        << member.identity;
  }
}

TEST(MaglevTest, TheLightestOfManyStillHasASlot) {
  EXPECT_EQ(SlotsOfEach({{"a:1", 1}, {"b:1", 4'000'000'000}})["a:1"], 1u);
  EXPECT_EQ(SlotsOfEach(Members(1024)).size(), 1024u);
}

TEST(MaglevTest, AMemberThatLeavesMovesFewKeysOfOthers) {
  const std::vector<HashMember> all = Members(10);
  const std::vector<std::string> before = Slots(all);
  for (size_t gone = 0; gone < all.size(); ++gone) {
    std::vector<HashMember> rest = all;
    rest.erase(rest.begin() + static_cast<ptrdiff_t>(gone));
    const std::vector<std::string> after = Slots(rest);
    size_t moved = 0;
    for (size_t slot = 0; slot < before.size(); ++slot) {
      if (before[slot] != all[gone].identity && before[slot] != after[slot]) ++moved;
    }
    EXPECT_LT(moved, Maglev::kTableSize * 4 / 100) << "without " << all[gone].identity;
  }
}

TEST(MaglevTest, OneThatMayNotBeUsedMovesItsOwnKeysOnlyAndToAllOthers) {
  const std::vector<HashMember> all = Members(10);
  Maglev maglev;
  maglev.Build(all);
  const std::vector<std::string> before = OwnersOfKeys<Maglev>(all);
  const std::vector<std::string> after =
      OwnersOfKeys(maglev, all, kKeys, [](size_t i) { return i != 4; });
  std::map<std::string, double> heirs;
  for (size_t key = 0; key < kKeys; ++key) {
    if (before[key] != all[4].identity) {
      ASSERT_EQ(after[key], before[key]) << "key " << key;
    } else {
      ++heirs[after[key]];
    }
  }
  EXPECT_EQ(heirs.size(), 9u);
  const double fair = kKeys / 10.0 / 9.0;
  for (const auto& [heir, keys] : heirs) EXPECT_NEAR(keys, fair, 4 * std::sqrt(fair)) << heir;
}

TEST(MaglevTest, GivesUpWhereNoneMayBeUsed) {
  Maglev maglev;
  maglev.Build(Members(3));
  int asked = 0;
  EXPECT_EQ(maglev.Find(5, [&](size_t) { return ++asked, false; }), Maglev::kNone);
  EXPECT_EQ(asked, Maglev::kMaxTries);
}

TEST(MaglevTest, BuildReplacesAndClearEmpties) {
  Maglev maglev;
  maglev.Build(Members(5));
  maglev.Build(Members(1));
  EXPECT_EQ(maglev.Find(123, [](size_t) { return true; }), 0u);
  maglev.Clear();
  EXPECT_TRUE(maglev.table().empty());
}

}  // namespace
}  // namespace holdfast::pool
