#include "pool/cluster_options.h"

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

TEST(ClusterOptionsTest, EveryPolicyHasItsWord) {
  EXPECT_EQ(WordsOf(BalancePolicy{}).size(), 5u);
  EXPECT_EQ(kBalancePolicyWords.WordOf(BalancePolicy::kRoundRobin), "round_robin");
  EXPECT_EQ(kBalancePolicyWords.ValueOf("least_request"), BalancePolicy::kLeastRequest);
  EXPECT_EQ(kBalancePolicyWords.ValueOf("random"), BalancePolicy::kRandom);
  EXPECT_EQ(kBalancePolicyWords.ValueOf("ring_hash"), BalancePolicy::kRingHash);
  EXPECT_EQ(kBalancePolicyWords.ValueOf("maglev"), BalancePolicy::kMaglev);
}

TEST(ClusterOptionsTest, RetriesAreBudgetedAndOutliersEjectedByDefault) {
  const ClusterOptions options;
  EXPECT_TRUE(options.retry_budget);
  ASSERT_TRUE(options.outlier);
  EXPECT_EQ(*options.outlier, OutlierOptions());
  EXPECT_EQ(options.pool, PoolLimits());
}

}  // namespace
}  // namespace holdfast::pool
