#include "gateway/compression/time_budget.h"

#include <gtest/gtest.h>

namespace holdfast::compression {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(TimeBudgetTest, ABurstIsFree) {
  TimeBudget budget;
  const pool::TimePoint now{seconds(1)};
  EXPECT_TRUE(budget.HasRoom(now));
  budget.Spend(TimeBudget::kBurst - milliseconds(1));
  EXPECT_TRUE(budget.HasRoom(now));
  budget.Spend(milliseconds(1));
  EXPECT_FALSE(budget.HasRoom(now));
}

TEST(TimeBudgetTest, AShareOfTheTimeComesBack) {
  TimeBudget budget;
  pool::TimePoint now{seconds(1)};
  EXPECT_TRUE(budget.HasRoom(now));
  budget.Spend(TimeBudget::kBurst + milliseconds(50));
  EXPECT_FALSE(budget.HasRoom(now += milliseconds(100))) << "half of it pays the debt";
  EXPECT_TRUE(budget.HasRoom(now += milliseconds(2)));
}

// Whoever spends all that there is gets half of the time.
TEST(TimeBudgetTest, AllThatIsSpentIsAShareOfTheTime) {
  TimeBudget budget;
  pool::TimePoint now{seconds(1)};
  pool::Duration spent{0};
  for (int i = 0; i < 10'000; ++i) {
    now += milliseconds(1);
    if (!budget.HasRoom(now)) continue;
    budget.Spend(milliseconds(1));
    spent += milliseconds(1);
  }
  EXPECT_GE(spent, seconds(5));
  EXPECT_LE(spent, seconds(5) + TimeBudget::kBurst + milliseconds(1));
}

TEST(TimeBudgetTest, RestSavesNoMoreThanABurst) {
  TimeBudget budget;
  EXPECT_TRUE(budget.HasRoom(pool::TimePoint{std::chrono::hours(1)}));
  budget.Spend(TimeBudget::kBurst);
  EXPECT_FALSE(budget.HasRoom(pool::TimePoint{std::chrono::hours(1)}));
}

}  // namespace
}  // namespace holdfast::compression
