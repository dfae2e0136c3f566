#include "pool/reuse.h"

#include <algorithm>
#include <cctype>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

// The facts of an exchange after which nothing speaks against reuse.
ReuseFacts AllWell() {
  return {.asked = true, .request_finished = true, .response_finished = true, .peer_allows = true};
}

struct Row {
  ReuseDecision decision;
  void (*spoil)(ReuseFacts&);
};

// In the order of gravity: each spoils one fact.
const Row kRefusals[] = {
    {ReuseDecision::kNotAsked, [](ReuseFacts& facts) { facts.asked = false; }},
    {ReuseDecision::kBroken, [](ReuseFacts& facts) { facts.broken = true; }},
    {ReuseDecision::kPeerClosed, [](ReuseFacts& facts) { facts.peer_closed = true; }},
    {ReuseDecision::kUpgraded, [](ReuseFacts& facts) { facts.upgraded = true; }},
    {ReuseDecision::kRequestUnfinished, [](ReuseFacts& facts) { facts.request_finished = false; }},
    {ReuseDecision::kResponseUnfinished,
     [](ReuseFacts& facts) { facts.response_finished = false; }},
    {ReuseDecision::kExtraBytes, [](ReuseFacts& facts) { facts.extra_bytes = true; }},
    {ReuseDecision::kPeerAskedClose, [](ReuseFacts& facts) { facts.peer_allows = false; }},
    {ReuseDecision::kDraining, [](ReuseFacts& facts) { facts.draining = true; }},
    {ReuseDecision::kMaxAge, [](ReuseFacts& facts) { facts.too_old = true; }},
    {ReuseDecision::kIdleOff, [](ReuseFacts& facts) { facts.idle_off = true; }},
};

TEST(ReuseTest, EveryDecisionButKeepHasARow) {
  EXPECT_EQ(std::size(kRefusals), static_cast<size_t>(kReuseDecisions) - 1);
  for (size_t i = 0; i < std::size(kRefusals); ++i) {
    EXPECT_EQ(static_cast<size_t>(kRefusals[i].decision), i + 1) << "in the order of the enum";
  }
}

TEST(ReuseTest, KeepsWhenNothingSpeaksAgainstIt) {
  EXPECT_EQ(DecideReuse(AllWell()), ReuseDecision::kKeep);
}

TEST(ReuseTest, AForgottenLeaseIsClosed) {
  EXPECT_EQ(DecideReuse(ReuseFacts{}), ReuseDecision::kNotAsked);
}

TEST(ReuseTest, EachFactAloneRefuses) {
  for (const Row& row : kRefusals) {
    ReuseFacts facts = AllWell();
    row.spoil(facts);
    EXPECT_EQ(DecideReuse(facts), row.decision) << ReuseDecisionName(row.decision);
  }
}

TEST(ReuseTest, OfSeveralFactsTheGravestIsNamed) {
  constexpr unsigned kSets = 1u << std::size(kRefusals);
  for (unsigned set = 1; set < kSets; ++set) {
    ReuseFacts facts = AllWell();
    const Row* gravest = nullptr;
    for (size_t i = 0; i < std::size(kRefusals); ++i) {
      if ((set & (1u << i)) == 0) continue;
      if (gravest == nullptr) gravest = &kRefusals[i];
      kRefusals[i].spoil(facts);
    }
    ASSERT_EQ(DecideReuse(facts), gravest->decision) << "set " << set;
  }
}

TEST(ReuseTest, NamesAreDistinctLabelValues) {
  std::set<std::string_view> names;
  for (int i = 0; i < kReuseDecisions; ++i) {
    const std::string_view name = ReuseDecisionName(static_cast<ReuseDecision>(i));
    EXPECT_TRUE(std::ranges::all_of(name, [](char c) { return std::islower(c) || c == '_'; }))
        << name;
    names.insert(name);
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(kReuseDecisions));
}

TEST(ReuseDeathTest, AValueOutsideTheEnumHasNoName) {
  EXPECT_DEATH(ReuseDecisionName(static_cast<ReuseDecision>(kReuseDecisions)), "broken invariant");
}

}  // namespace
}  // namespace holdfast::pool
