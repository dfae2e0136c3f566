#include "gateway/proxy/log_batches.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "metrics/registry.h"
#include "tests/support/manual_clock.h"

namespace holdfast::proxy {
namespace {

using pool::ManualClock;

constexpr const char* kLine = "line\n";

class LogBatchesTest : public testing::Test {
 protected:
  uint64_t Value(metrics::Metric metric) { return shard_->CounterFor(metric, {}).value(); }
  uint64_t Written() { return Value(metrics::Metric::kAccessLogWrittenTotal); }
  uint64_t Dropped() { return Value(metrics::Metric::kAccessLogDroppedTotal); }
  void Advance(pool::Duration step) {
    clock_.Advance(step);
    loop_.RunOnce(pool::Duration::zero());
  }
  void Add(const std::string& line) {
    sender_.line()->append(line);
    sender_.EndLine();
  }
  // Lines of about 1 KiB until a batch is full.
  size_t FillBatch() {
    const std::string line = std::string(1000, 'a') + "\n";
    size_t lines = 0;
    for (size_t bytes = 0; bytes < LogBatches::kBatchBytes; ++lines) {
      bytes += line.size();
      Add(line);
    }
    return lines;
  }

  ManualClock clock_;
  pool::EventLoop loop_{&clock_};
  metrics::Registry registry_;
  metrics::Shard* shard_ = registry_.AddShard();
  std::vector<std::string> batches_;
  LogBatches sender_{&loop_, shard_,
                     [this](std::string batch) { batches_.push_back(std::move(batch)); }};
};

TEST_F(LogBatchesTest, LinesWaitForTheTimer) {
  Add(kLine);
  Advance(LogBatches::kFlushInterval / 2);
  Add(kLine);
  EXPECT_TRUE(batches_.empty());
  Advance(LogBatches::kFlushInterval / 2);
  EXPECT_EQ(batches_, std::vector<std::string>{std::string(kLine) + kLine})
      << "counted from the first line";
  EXPECT_EQ(loop_.timers().size(), 0u) << "nothing to do, nothing armed";
}

TEST_F(LogBatchesTest, AFullBatchDoesNotWait) {
  const size_t lines = FillBatch();
  ASSERT_EQ(batches_.size(), 1u);
  EXPECT_GE(batches_[0].size(), LogBatches::kBatchBytes);
  EXPECT_TRUE(batches_[0].ends_with('\n')) << "whole lines only";
  EXPECT_EQ(Written(), 0u) << "not before the writer says so";
  sender_.OnBatchWritten(/*written=*/true);
  EXPECT_EQ(Written(), lines);
  EXPECT_EQ(loop_.timers().size(), 0u) << "the timer of its first line is not for the next batch";
}

TEST_F(LogBatchesTest, FlushHandsOverWhatThereIs) {
  sender_.Flush();
  EXPECT_TRUE(batches_.empty());
  Add(kLine);
  sender_.Flush();
  sender_.Flush();
  EXPECT_EQ(batches_.size(), 1u);
}

TEST_F(LogBatchesTest, DropsWhileTheWriterIsBehindAndGoesOnAfterwards) {
  const size_t lines = FillBatch();
  for (size_t i = 1; i < LogBatches::kMaxInFlight; ++i) FillBatch();
  ASSERT_EQ(batches_.size(), LogBatches::kMaxInFlight);
  EXPECT_EQ(Dropped(), 0u);
  const size_t dropped = FillBatch();
  EXPECT_EQ(batches_.size(), LogBatches::kMaxInFlight);
  EXPECT_EQ(Dropped(), dropped);

  sender_.OnBatchWritten(/*written=*/true);
  EXPECT_EQ(Written(), lines);
  Add(kLine);
  sender_.Flush();
  EXPECT_EQ(batches_.back(), kLine) << "none of the lines that were dropped";
  EXPECT_EQ(Dropped(), dropped);
}

TEST_F(LogBatchesTest, WhatTheWriterLostIsDropped) {
  const size_t lost = FillBatch();
  Add(kLine);
  sender_.Flush();
  sender_.OnBatchWritten(/*written=*/false);
  sender_.OnBatchWritten(/*written=*/true);
  EXPECT_EQ(Dropped(), lost);
  EXPECT_EQ(Written(), 1u);
}

TEST(LogBatchesLifeTest, MayGoWithLinesUnwritten) {
  ManualClock clock;
  pool::EventLoop loop(&clock);
  metrics::Registry registry;
  {
    LogBatches sender(&loop, registry.AddShard(), [](std::string) { FAIL(); });
    sender.line()->append(kLine);
    sender.EndLine();
  }
  clock.Advance(LogBatches::kFlushInterval);
  loop.RunOnce(pool::Duration::zero());
}

}  // namespace
}  // namespace holdfast::proxy
