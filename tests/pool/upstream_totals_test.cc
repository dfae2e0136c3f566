#include "pool/upstream_totals.h"

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

TEST(UpstreamTotalsTest, SumsTheWorkers) {
  UpstreamTotals totals(3);
  totals.AddActive(0, 5);
  totals.AddActive(2, 2);
  totals.AddActive(0, -1);
  totals.AddPending(1, 1);
  totals.AddRetries(2, 3);
  EXPECT_EQ(totals.active(), 6u);
  EXPECT_EQ(totals.pending(), 1u);
  EXPECT_EQ(totals.retries(), 3u);
}

TEST(UpstreamTotalsTest, WhatBeganIsNeverForgotten) {
  UpstreamTotals totals(2);
  EXPECT_EQ(totals.begun(), 0u);
  totals.AddActive(0, 1);
  totals.AddActive(1, 1);
  totals.AddActive(0, -1);
  EXPECT_EQ(totals.begun(), 2u);
}

TEST(UpstreamTotalsTest, PanicIsAsTheLastHasSaid) {
  UpstreamTotals totals(1);
  EXPECT_FALSE(totals.panic());
  totals.SetPanic(true);
  EXPECT_TRUE(totals.panic());
  totals.SetPanic(false);
  EXPECT_FALSE(totals.panic());
}

TEST(UpstreamTotalsTest, BreakersOpenAtTheirLimit) {
  UpstreamTotals totals(2);
  EXPECT_TRUE(totals.MayRequest() && totals.MayWait());
  totals.SetLimits({.connections = 1, .pending = 2, .requests = 3}, {});
  totals.AddActive(0, 2);
  EXPECT_TRUE(totals.MayRequest());
  totals.AddActive(1, 1);
  EXPECT_FALSE(totals.MayRequest());
  totals.AddPending(0, 2);
  EXPECT_FALSE(totals.MayWait());
  EXPECT_TRUE(totals.TakeConnection());
  EXPECT_FALSE(totals.TakeConnection());
  totals.ReturnConnection();
  EXPECT_TRUE(totals.TakeConnection());
}

TEST(UpstreamTotalsTest, TheIdleLimitIsTheOneThatIsInForce) {
  UpstreamTotals totals(1);
  EXPECT_EQ(totals.IdleLimit(), LearnedExpiry::kStart);
  totals.SetIdleLimit(false, std::chrono::seconds(30));
  EXPECT_EQ(totals.IdleLimit(), std::chrono::seconds(30));
  totals.SetIdleLimit(false, std::nullopt);
  EXPECT_EQ(totals.IdleLimit(), std::nullopt);
  totals.SetIdleLimit(true, std::chrono::seconds(30));
  EXPECT_EQ(totals.IdleLimit(), LearnedExpiry::kStart);
}

TEST(UpstreamTotalsTest, TheRetryBudgetIsAShareAndAFloor) {
  UpstreamTotals totals(1);
  totals.SetLimits({}, RetryBudgetLimits{.percent = 20, .min_retries = 3});
  totals.AddActive(0, 4);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(totals.MayRetry());
    totals.AddRetries(0, 1);
  }
  EXPECT_FALSE(totals.MayRetry()) << "a fifth of four is less than the floor";
  totals.AddActive(0, 12);
  EXPECT_TRUE(totals.MayRetry()) << "3 of 16 are less than a fifth";
  totals.AddRetries(0, 1);
  EXPECT_FALSE(totals.MayRetry());
}

TEST(UpstreamTotalsTest, TheRetryBreakerHoldsWhateverTheBudget) {
  UpstreamTotals totals(1);
  totals.SetLimits({.retries = 1}, RetryBudgetLimits{.percent = 100, .min_retries = 10});
  EXPECT_TRUE(totals.MayRetry());
  totals.AddRetries(0, 1);
  EXPECT_FALSE(totals.MayRetry());
}

TEST(UpstreamTotalsTest, WithoutABudgetOnlyTheBreakerHolds) {
  UpstreamTotals totals(1);
  totals.SetLimits({.retries = 100}, std::nullopt);
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(totals.MayRetry()) << i;
    totals.AddRetries(0, 1);
  }
  EXPECT_FALSE(totals.MayRetry());
}

TEST(UpstreamTotalsTest, WhatOneWorkerLearnsCountsForAll) {
  UpstreamTotals totals(2);
  EXPECT_EQ(totals.idle_expiry(), LearnedExpiry::kStart);
  TimePoint now(std::chrono::hours(1));
  for (int i = 0; i < 8; ++i) {
    now += std::chrono::seconds(10);
    totals.LearnPeerClose(std::chrono::seconds(3), now);
  }
  EXPECT_LT(totals.idle_expiry(), std::chrono::seconds(3));
}

}  // namespace
}  // namespace holdfast::pool
