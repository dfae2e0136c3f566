#include "pool/waiter.h"

#include <memory>

#include <gtest/gtest.h>

#include "tests/pool/fake_dialer.h"
#include "tests/pool/pool_harness.h"

namespace holdfast::pool {
namespace {

class WaiterTest : public testing::Test, protected PoolHarness {
 protected:
  WaiterTest() {
    dialer = &fake_;
    pool_ = std::make_unique<ConnectionPool>(
        context(), EndpointKey{upstream, *SocketAddress::Parse("192.0.2.1:80")}, PoolLimits{},
        &cells_);
  }
  void Ask(Holder& holder) { ASSERT_EQ(holder.Ask(*pool_), Checkout::Status::kWaiting); }

  FakeDialer fake_{&loop, &slabs};
  PoolCells cells_{shard, upstream};
  std::unique_ptr<ConnectionPool> pool_;
};

TEST_F(WaiterTest, WaitsUntilItIsServed) {
  Holder holder;
  Ask(holder);
  EXPECT_TRUE(holder.waiting());
  fake_.Succeed();
  EXPECT_FALSE(holder.waiting());
  EXPECT_TRUE(holder.holds());
}

TEST_F(WaiterTest, CancellingEndsTheWaitAndIsCountedOnce) {
  Holder holder;
  Ask(holder);
  holder.CancelWait();
  holder.CancelWait();
  EXPECT_EQ(Checkouts(CheckoutResult::kCancelled), 1u);
  EXPECT_EQ(pool_->waiters(), 0u);
  fake_.Succeed();
  EXPECT_TRUE(holder.at_rest());
  EXPECT_EQ(pool_->idle(), 1u);
}

TEST_F(WaiterTest, DestructionCancels) {
  {
    Holder holder;
    Ask(holder);
  }
  EXPECT_EQ(Checkouts(CheckoutResult::kCancelled), 1u);
  EXPECT_EQ(pool_->waiters(), 0u);
}

TEST_F(WaiterTest, ItMayWaitAgainFromInsideTheCallThatEndsItsWait) {
  Holder holder;
  holder.on_failure = [&] {
    holder.on_failure = nullptr;
    holder.ForgetFailure();
    Ask(holder);
  };
  Ask(holder);
  fake_.Fail(CheckoutResult::kConnectRefused);
  EXPECT_TRUE(holder.waiting());
  fake_.Succeed();
  EXPECT_TRUE(holder.holds());
}

TEST_F(WaiterTest, OneThatWaitsCannotAskAgain) {
  Holder holder;
  Ask(holder);
  EXPECT_DEATH(pool_->Acquire(&holder, false), "broken invariant");
}

}  // namespace
}  // namespace holdfast::pool
