#include "pool/reuse.h"

#include <cstddef>
#include <iterator>

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

// The facts of an exchange after which nothing speaks against reuse.
ReuseFacts AllWell() {
  return {.asked = true, .request_finished = true, .response_finished = true, .peer_allows = true};
}

struct Row {
  CloseReason decision;
  void (*spoil)(ReuseFacts&);
};

// In the order of gravity: each spoils one fact.
const Row kRefusals[] = {
    {CloseReason::kNotAsked, [](ReuseFacts& facts) { facts.asked = false; }},
    {CloseReason::kBroken, [](ReuseFacts& facts) { facts.broken = true; }},
    {CloseReason::kPeerClosed, [](ReuseFacts& facts) { facts.peer_closed = true; }},
    {CloseReason::kUpgraded, [](ReuseFacts& facts) { facts.upgraded = true; }},
    {CloseReason::kRequestUnfinished, [](ReuseFacts& facts) { facts.request_finished = false; }},
    {CloseReason::kResponseUnfinished, [](ReuseFacts& facts) { facts.response_finished = false; }},
    {CloseReason::kExtraBytes, [](ReuseFacts& facts) { facts.extra_bytes = true; }},
    {CloseReason::kForbiddenContent, [](ReuseFacts& facts) { facts.forbidden_content = true; }},
    {CloseReason::kPeerAskedClose, [](ReuseFacts& facts) { facts.peer_allows = false; }},
    {CloseReason::kOwnerGone, [](ReuseFacts& facts) { facts.authenticated = true; }},
    {CloseReason::kDraining, [](ReuseFacts& facts) { facts.draining = true; }},
    {CloseReason::kMaxAge, [](ReuseFacts& facts) { facts.too_old = true; }},
    {CloseReason::kMaxRequests, [](ReuseFacts& facts) { facts.worn_out = true; }},
    {CloseReason::kIdleOff, [](ReuseFacts& facts) { facts.idle_off = true; }},
};

TEST(ReuseTest, EveryEndOfALeaseHasARow) {
  // kGoaway is said between leases.
  EXPECT_EQ(std::size(kRefusals), static_cast<size_t>(CloseReason::kIdleTimeout) - 2);
  const auto goaway = static_cast<size_t>(CloseReason::kGoaway);
  for (size_t i = 0; i < std::size(kRefusals); ++i) {
    const size_t place = i + 1 < goaway ? i + 1 : i + 2;
    EXPECT_EQ(static_cast<size_t>(kRefusals[i].decision), place) << "in the order of the enum";
  }
}

TEST(ReuseTest, KeepsWhenNothingSpeaksAgainstIt) {
  EXPECT_EQ(DecideReuse(AllWell()), CloseReason::kNone);
}

TEST(ReuseTest, AForgottenLeaseIsClosed) {
  EXPECT_EQ(DecideReuse(ReuseFacts{}), CloseReason::kNotAsked);
}

TEST(ReuseTest, EachFactAloneRefuses) {
  for (const Row& row : kRefusals) {
    ReuseFacts facts = AllWell();
    row.spoil(facts);
    EXPECT_EQ(DecideReuse(facts), row.decision) << CloseReasonName(row.decision);
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

// One of several leases speaks for the connection only in what concerns all of them.
TEST(DecideReuseOfSharedTest, OnlyTheConnectionItselfCounts) {
  EXPECT_EQ(DecideReuseOfShared({}), CloseReason::kNone) << "a lease that was dropped";
  EXPECT_EQ(DecideReuseOfShared({.extra_bytes = true, .idle_off = true}), CloseReason::kNone);
  EXPECT_EQ(DecideReuseOfShared({.broken = true, .draining = true}), CloseReason::kBroken);
  EXPECT_EQ(DecideReuseOfShared({.peer_closed = true, .too_old = true}), CloseReason::kPeerClosed);
  EXPECT_EQ(DecideReuseOfShared({.too_old = true, .authenticated = true}), CloseReason::kOwnerGone);
  EXPECT_EQ(DecideReuseOfShared({.draining = true, .too_old = true}), CloseReason::kDraining);
  EXPECT_EQ(DecideReuseOfShared({.too_old = true, .worn_out = true}), CloseReason::kMaxAge);
  EXPECT_EQ(DecideReuseOfShared({.worn_out = true}), CloseReason::kMaxRequests);
}

}  // namespace
}  // namespace holdfast::pool
