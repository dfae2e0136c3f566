#include "pool/wait_queue.h"

#include <chrono>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "tests/pool/pool_harness.h"

namespace holdfast::pool {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class WaitQueueTest : public testing::Test, protected PoolHarness, private WaitQueueOwner {
 protected:
  ~WaitQueueTest() override {
    for (WaitQueue* queue : {&queue_, &other_}) {
      while (!queue->empty()) queue->Remove(*queue->front());
    }
    EXPECT_EQ(cells_.waiters.value(), 0);
    EXPECT_EQ(shelf_->totals().active(), 0u);
    EXPECT_EQ(shelf_->totals().pending(), 0u);
  }
  void CheckBoth() {
    EXPECT_TRUE(queue_.Validate());
    EXPECT_TRUE(other_.Validate());
  }

  PoolLimits limits_{.connect_timeout = seconds(2), .queue_timeout = seconds(3)};
  PoolCells cells_{shard, upstream};
  std::shared_ptr<Shelf> shelf_ = shelves.For({upstream, *SocketAddress::Parse("127.0.0.1:80")});
  WaitQueue queue_{&loop, &limits_, &cells_, &shelf_->totals(), 0, this};
  WaitQueue other_{&loop, &limits_, &cells_, &shelf_->totals(), 0, this};
  Holder a_, b_, c_;
  int cancelled_ = 0;
  std::vector<CheckoutResult> due_;

 private:
  void OnWaitCancelled() override { ++cancelled_; }
  void OnWaitsDue(TimePoint now) override {
    for (WaitQueue* queue : {&queue_, &other_}) {
      while (Waiter* due = queue->FirstDue(now)) {
        due_.push_back(queue->WhyDue(*due, now));
        queue->Remove(*due);
      }
      queue->ArmForAll();
    }
  }
};

TEST_F(WaitQueueTest, LongestFirstAndTheyCountAsPending) {
  EXPECT_EQ(queue_.SinceOr(TimePoint::max()), TimePoint::max());
  const TimePoint begin = loop.now();
  queue_.Begin(a_, /*fresh=*/false);
  Advance(milliseconds(100));
  queue_.Begin(b_, /*fresh=*/false);
  EXPECT_EQ(queue_.front(), &a_);
  EXPECT_EQ(queue_.SinceOr(TimePoint::max()), begin);
  EXPECT_EQ(cells_.waiters.value(), 2);
  EXPECT_EQ(shelf_->totals().pending(), 2u);
  EXPECT_EQ(shelf_->totals().active(), 2u);
  CheckBoth();
}

TEST_F(WaitQueueTest, WhoWantsAFreshOneIsPassedOverForUsedOnes) {
  queue_.Begin(a_, /*fresh=*/true);
  queue_.Begin(b_, /*fresh=*/false);
  EXPECT_EQ(queue_.size(), 2u);
  EXPECT_EQ(queue_.willing(), 1u);
  EXPECT_EQ(&queue_.FirstWilling(), &b_);
  EXPECT_EQ(queue_.front(), &a_);
  queue_.Remove(b_);
  EXPECT_EQ(queue_.willing(), 0u);
  CheckBoth();
}

TEST_F(WaitQueueTest, SeniorityIsKeptWhereverTheWaitGoesOn) {
  queue_.Begin(a_, false);
  Advance(milliseconds(100));
  other_.Begin(b_, false);
  Advance(milliseconds(100));
  other_.Begin(c_, false);
  queue_.Lend(a_, *shelf_);
  EXPECT_FALSE(a_.waiting());
  other_.Add(a_);
  EXPECT_EQ(other_.front(), &a_) << "it has waited longest";
  const auto any = [](const Request&) { return true; };
  EXPECT_EQ(other_.FirstLentBy(*shelf_, any), &a_);
  EXPECT_EQ(queue_.FirstLentBy(*shelf_, any), nullptr);
  EXPECT_EQ(other_.FirstLentBy(*shelf_, [](const Request& wanted) { return wanted.fresh; }),
            nullptr);
  const auto stranger = shelves.For({upstream, *SocketAddress::Parse("127.0.0.1:81")});
  EXPECT_EQ(other_.FirstLentBy(*stranger, any), nullptr);
  CheckBoth();
}

TEST_F(WaitQueueTest, AWaitIsTimedOnceWhereverItGoesOn) {
  queue_.Begin(a_, false);
  queue_.Begin(b_, false);
  Advance(milliseconds(100));
  queue_.Lend(a_, *shelf_);
  other_.Add(a_);
  EXPECT_EQ(cells_.queue().value().count(), 0u);
  Advance(milliseconds(100));
  queue_.Remove(b_);
  other_.Cancel(a_);
  EXPECT_EQ(cells_.queue().value().count(), 2u);
  EXPECT_EQ(cells_.queue().value().sum_nanoseconds, 400'000'000u);
}

TEST_F(WaitQueueTest, TheTimeInTheQueueIsUpAtItsTimeout) {
  queue_.Begin(a_, false);
  Advance(seconds(1));
  queue_.Begin(b_, false);
  Advance(seconds(2) - milliseconds(10));
  EXPECT_TRUE(due_.empty());
  Advance(milliseconds(30));
  EXPECT_EQ(due_, std::vector{CheckoutResult::kQueueTimeout});
  EXPECT_EQ(queue_.front(), &b_);
  Advance(seconds(1));
  EXPECT_EQ(due_.size(), 2u);
}

TEST_F(WaitQueueTest, OneThatWasLentHasTheTimeOfAConnectSinceItsBegin) {
  queue_.Begin(a_, false);
  Advance(seconds(1));
  queue_.Lend(a_, *shelf_);
  other_.Add(a_);
  Advance(seconds(1) + milliseconds(20));
  EXPECT_EQ(due_, std::vector{CheckoutResult::kConnectTimeout});
}

TEST_F(WaitQueueTest, NewLimitsCountForThoseWhoWait) {
  queue_.Begin(a_, false);
  limits_.queue_timeout = milliseconds(200);
  queue_.ArmForAll();
  Advance(milliseconds(220));
  EXPECT_EQ(due_, std::vector{CheckoutResult::kQueueTimeout});
}

TEST_F(WaitQueueTest, OneThatGoesAwayIsCountedAndTold) {
  queue_.Begin(a_, false);
  a_.CancelWait();
  EXPECT_EQ(cancelled_, 1);
  EXPECT_TRUE(queue_.empty());
  EXPECT_EQ(Checkouts(CheckoutResult::kCancelled), 1u);
}

using WaitQueueDeathTest = WaitQueueTest;

TEST_F(WaitQueueDeathTest, NobodyWaitsInTwoQueues) {
  queue_.Begin(a_, false);
  EXPECT_DEATH(other_.Begin(a_, false), "broken invariant");
  EXPECT_DEATH(other_.Remove(a_), "broken invariant");
}

TEST_F(WaitQueueDeathTest, TheFirstWillingMustBeThere) {
  queue_.Begin(a_, /*fresh=*/true);
  EXPECT_DEATH(queue_.FirstWilling(), "broken invariant");
}

}  // namespace
}  // namespace holdfast::pool
