#include "gateway/proxy/span_queue.h"

#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "metrics/registry.h"
#include "tests/support/manual_clock.h"

namespace holdfast::proxy {
namespace {

class SpanQueueTest : public testing::Test {
 protected:
  SpanQueueTest() { queue_.Configure(/*limit=*/100, /*batch=*/SpanQueue::kBatchSpans); }

  void Add(size_t spans = 1) {
    for (size_t i = 0; i < spans; ++i) {
      queue_.Record({.method = "GET"}, {.ids = {.trace = "t", .span = "s"}});
    }
  }
  void Advance(pool::Duration step) {
    clock_.Advance(step);
    loop_.RunOnce(pool::Duration::zero());
  }
  uint64_t Dropped() {
    return shard_->CounterFor(metrics::Metric::kSpansTotal, {"dropped_queue"}).value();
  }

  pool::ManualClock clock_;
  pool::EventLoop loop_{&clock_};
  metrics::Registry registry_;
  metrics::Shard* shard_ = registry_.AddShard();
  std::vector<SpanQueue::Batch> batches_;
  SpanQueue queue_{&loop_, shard_,
                   [this](SpanQueue::Batch batch) { batches_.push_back(std::move(batch)); }};
};

TEST_F(SpanQueueTest, SpansWaitForTheTimer) {
  Add();
  Advance(SpanQueue::kFlushInterval / 2);
  Add();
  EXPECT_TRUE(batches_.empty());
  Advance(SpanQueue::kFlushInterval / 2);
  ASSERT_EQ(batches_.size(), 1u);
  EXPECT_EQ(batches_[0].size(), 2u);
  EXPECT_EQ(batches_[0][0].method.view(), "GET");
  EXPECT_EQ(loop_.timers().size(), 0u) << "nothing to do, nothing armed";
}

TEST_F(SpanQueueTest, AFullBatchDoesNotWait) {
  Add(SpanQueue::kBatchSpans);
  ASSERT_EQ(batches_.size(), 1u);
  EXPECT_EQ(batches_[0].size(), SpanQueue::kBatchSpans);
  EXPECT_EQ(loop_.timers().size(), 0u);
  queue_.Configure(/*limit=*/100, /*batch=*/2);
  Add(2);
  EXPECT_EQ(batches_.size(), 2u) << "or a smaller one, where requests are";
}

TEST_F(SpanQueueTest, DropsWhatDoesNotFitAndGoesOnAfterwards) {
  queue_.Configure(/*limit=*/3, /*batch=*/2);
  Add(5);
  EXPECT_EQ(Dropped(), 2u);
  queue_.Flush();
  ASSERT_EQ(batches_.size(), 2u);
  Add();
  EXPECT_EQ(Dropped(), 3u) << "handed over is not done with";
  queue_.OnDone(2);
  Add(3);
  EXPECT_EQ(Dropped(), 4u);
}

TEST_F(SpanQueueTest, ASmallerLimitDropsNothingThatWaits) {
  Add(10);
  queue_.Configure(/*limit=*/1, /*batch=*/1);
  ASSERT_EQ(batches_.size(), 1u);
  EXPECT_EQ(batches_[0].size(), 10u);
  Add();
  EXPECT_EQ(Dropped(), 1u);
  queue_.OnDone(10);
  Add();
  EXPECT_EQ(batches_.size(), 2u);
}

TEST(SpanQueueLifeTest, MayGoWithSpansUnsent) {
  pool::ManualClock clock;
  pool::EventLoop loop(&clock);
  metrics::Registry registry;
  {
    SpanQueue queue(&loop, registry.AddShard(), [](SpanQueue::Batch) { FAIL(); });
    queue.Configure(/*limit=*/10, /*batch=*/10);
    queue.Record({}, {});
  }
  clock.Advance(SpanQueue::kFlushInterval);
  loop.RunOnce(pool::Duration::zero());
}

}  // namespace
}  // namespace holdfast::proxy
