#include "gateway/proxy/interim_budget.h"

#include <chrono>

#include <gtest/gtest.h>

namespace holdfast::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const pool::TimePoint kStart = pool::TimePoint() + seconds(1000);

TEST(InterimBudgetTest, SomeMayComeAtOnce) {
  InterimBudget budget;
  for (int i = 0; i < InterimBudget::kResponses; ++i) EXPECT_TRUE(budget.Spend(30, kStart)) << i;
  EXPECT_FALSE(budget.Spend(30, kStart));
}

TEST(InterimBudgetTest, ThoseThatTakeTheirTimeMayBeAnyNumber) {
  InterimBudget budget;
  for (int i = 0; i < 10'000; ++i) EXPECT_TRUE(budget.Spend(30, kStart + milliseconds(100) * i));
}

TEST(InterimBudgetTest, WhatWasSpentIsEarnedAgain) {
  InterimBudget budget;
  for (int i = 0; i < InterimBudget::kResponses; ++i) EXPECT_TRUE(budget.Spend(30, kStart));
  EXPECT_TRUE(budget.Spend(30, kStart + milliseconds(63)));
  EXPECT_FALSE(budget.Spend(30, kStart + milliseconds(64)));
}

TEST(InterimBudgetTest, ARateAboveItIsFoundOut) {
  InterimBudget budget;
  int accepted = 0;
  while (budget.Spend(30, kStart + milliseconds(10) * accepted)) ++accepted;
  EXPECT_GE(accepted, InterimBudget::kResponses);
  EXPECT_LT(accepted, 2 * InterimBudget::kResponses);
}

TEST(InterimBudgetTest, LargeOnesAreFewer) {
  InterimBudget budget;
  EXPECT_TRUE(budget.Spend(InterimBudget::kBytes / 2, kStart));
  EXPECT_TRUE(budget.Spend(InterimBudget::kBytes / 2, kStart));
  EXPECT_FALSE(budget.Spend(1, kStart));
  budget = InterimBudget();
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(budget.Spend(InterimBudget::kBytes / 2, kStart + milliseconds(500) * i));
  }
}

}  // namespace
}  // namespace holdfast::proxy
