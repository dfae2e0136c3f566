#include "gateway/proxy/exchange_pool.h"

#include <vector>

#include <gtest/gtest.h>

#include "gateway/proxy/exchange.h"
#include "tests/gateway/proxy/proxy_harness.h"

namespace holdfast::proxy {
namespace {

TEST(ExchangePoolTest, GivesBackTheOneUsedLast) {
  ProxyHarness harness;
  ExchangePool pool;
  Exchange* a = pool.Take(&harness.context);
  Exchange* b = pool.Take(&harness.context);
  EXPECT_NE(a, b);
  pool.Give(&harness.context, a);
  pool.Give(&harness.context, b);
  EXPECT_EQ(pool.Take(&harness.context), b);
  EXPECT_EQ(pool.Take(&harness.context), a);
  pool.Give(&harness.context, a);
  pool.Give(&harness.context, b);
}

// Destroyed at once it would pull the ground from under the frames that led to Give.
TEST(ExchangePoolTest, OneTooManyIsDestroyedAtTheTurnsEnd) {
  ProxyHarness harness;
  ExchangePool pool;
  std::vector<Exchange*> taken;
  for (size_t i = 0; i < ExchangePool::kMaxFree + 1; ++i) {
    taken.push_back(pool.Take(&harness.context));
  }
  for (Exchange* exchange : taken) pool.Give(&harness.context, exchange);
  EXPECT_FALSE(taken.back()->refused()) << "still alive";
  EXPECT_EQ(pool.Take(&harness.context), taken[ExchangePool::kMaxFree - 1]);
  pool.Give(&harness.context, taken[ExchangePool::kMaxFree - 1]);
  harness.Turn();
}

TEST(ExchangePoolTest, AtRestAnExchangeHoldsNoBuffer) {
  ProxyHarness harness;
  ExchangePool pool;
  pool.Give(&harness.context, pool.Take(&harness.context));
  EXPECT_EQ(harness.slabs.in_use(), 0u);
}

}  // namespace
}  // namespace holdfast::proxy
