#include "gateway/server/span_sender.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "metrics/registry.h"
#include "tests/support/manual_clock.h"

namespace holdfast::server {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

class SpanSenderTest : public testing::Test {
 protected:
  SpanSenderTest() { sender_.Configure(Rules()); }

  static config::Tracing Rules() {
    return {.otlp = "http://a/x", .interval = seconds(1), .max_batch = 10, .max_queue = 100};
  }
  void Add(size_t spans) {
    sender_.Add(SpanSender::Batch(spans), [this](size_t n) { done_ += n; });
  }
  void Advance(pool::Duration step) {
    clock_.Advance(step);
    loop_.RunOnce(pool::Duration::zero());
  }
  // To the request that was posted last.
  void Answer(int status, const std::string& body = {}, const std::string& retry_after = {}) {
    ASSERT_TRUE(answered_ != nullptr);
    std::exchange(answered_, nullptr)({.status = status, .body = body, .retry_after = retry_after});
  }
  void AnswerTrouble() { std::exchange(answered_, nullptr)({.trouble = "connect_refused"}); }
  size_t SpansIn(const std::string& body) const {
    return json::parse(body)["resourceSpans"][0]["scopeSpans"][0]["spans"].size();
  }
  uint64_t Counted(const char* result) {
    return shard_->CounterFor(metrics::Metric::kSpansTotal, {result}).value();
  }

  pool::ManualClock clock_;
  pool::EventLoop loop_{&clock_};
  metrics::Registry registry_;
  metrics::Shard* shard_ = registry_.AddShard();
  pool::Random random_{7};
  std::vector<std::string> posts_;
  fetch::Exchanges::Callback answered_;
  std::vector<std::string> told_;
  size_t done_ = 0;
  int idle_ = 0;
  SpanSender sender_{&loop_,
                     shard_,
                     &random_,
                     {.post =
                          [this](const std::string& body, fetch::Exchanges::Callback answered) {
                            EXPECT_TRUE(answered_ == nullptr) << "one at a time";
                            posts_.emplace_back(body);
                            answered_ = std::move(answered);
                          },
                      .tell = [this](const std::string& trouble) { told_.push_back(trouble); }}};
};

TEST_F(SpanSenderTest, SpansWaitForOthers) {
  Add(1);
  Advance(milliseconds(500));
  Add(2);
  EXPECT_TRUE(posts_.empty());
  Advance(milliseconds(500));
  ASSERT_EQ(posts_.size(), 1u);
  EXPECT_EQ(SpansIn(posts_[0]), 3u);
  EXPECT_EQ(done_, 0u) << "not before the collector has them";
  Answer(200, "{}");
  EXPECT_EQ(done_, 3u);
  EXPECT_EQ(Counted("sent"), 3u);
  EXPECT_TRUE(told_.empty());
  EXPECT_EQ(loop_.timers().size(), 0u) << "nothing to do, nothing armed";
}

TEST_F(SpanSenderTest, AFullRequestDoesNotWaitAndIsNoLarger) {
  for (int i = 0; i < 4; ++i) Add(4);
  ASSERT_EQ(posts_.size(), 1u);
  EXPECT_EQ(SpansIn(posts_[0]), 8u) << "8 of 10; batches stay whole" << posts_[0];
  Answer(200);
  Advance(seconds(1));
  ASSERT_EQ(posts_.size(), 2u);
  EXPECT_EQ(SpansIn(posts_[1]), 8u);
}

TEST_F(SpanSenderTest, WhatTheCollectorHasNoTimeForIsSentAgain) {
  Add(10);
  for (const int status : {429, 502, 503, 504}) {
    Answer(status);
    const size_t before = posts_.size();
    Advance(seconds(20));
    ASSERT_EQ(posts_.size(), before + 1) << status;
    EXPECT_EQ(posts_.back(), posts_.front()) << "the same spans";
  }
  Answer(200);
  EXPECT_EQ(done_, 10u);
  EXPECT_EQ(Counted("sent"), 10u);
  EXPECT_EQ(told_, (std::vector<std::string>{"status 429", ""})) << "once, and when it is over";
}

TEST_F(SpanSenderTest, PausesGrow) {
  Add(10);
  pool::Duration last{0};
  for (int attempt = 1; attempt < SpanSender::kMaxAttempts; ++attempt) {
    AnswerTrouble();
    pool::Duration waited{0};
    while (answered_ == nullptr && waited < seconds(60)) {
      Advance(milliseconds(100));
      waited += milliseconds(100);
    }
    EXPECT_GT(waited, last);
    last = waited;
  }
  AnswerTrouble();
  EXPECT_EQ(Counted("failed"), 10u) << "there is an end";
  EXPECT_EQ(done_, 10u);
  EXPECT_EQ(posts_.size(), static_cast<size_t>(SpanSender::kMaxAttempts));
}

TEST_F(SpanSenderTest, RetryAfterIsHeededWithinReason) {
  Add(10);
  Answer(429, "", "30");
  Advance(seconds(29));
  EXPECT_EQ(posts_.size(), 1u);
  Advance(seconds(1));
  EXPECT_EQ(posts_.size(), 2u);
  Answer(503, "", "86400");
  Advance(SpanSender::kLongestPause);
  EXPECT_EQ(posts_.size(), 3u);
}

TEST_F(SpanSenderTest, WhatIsRefusedIsDropped) {
  Add(10);
  Answer(400);
  EXPECT_EQ(Counted("dropped_rejected"), 10u);
  EXPECT_EQ(done_, 10u);
  Add(10);
  Answer(200, R"({"partialSuccess":{"rejectedSpans":"4","errorMessage":"old"}})");
  EXPECT_EQ(Counted("dropped_rejected"), 14u);
  EXPECT_EQ(Counted("sent"), 6u);
  Add(10);
  Answer(200, R"({"partialSuccess":{"rejectedSpans":"999"}})");
  EXPECT_EQ(Counted("dropped_rejected"), 24u) << "no more than there were";
  EXPECT_EQ(Counted("sent"), 6u);
  EXPECT_EQ(told_, std::vector<std::string>{"status 400"});
}

// Its body broke off, was too long, or did not end in time.
TEST_F(SpanSenderTest, AStatusCountsWhateverBecameOfTheBody) {
  Add(10);
  std::exchange(answered_, nullptr)({.trouble = "the response broke off", .status = 200});
  EXPECT_EQ(Counted("sent"), 10u);
  EXPECT_EQ(done_, 10u);
  EXPECT_TRUE(told_.empty());
  Advance(SpanSender::kLongestPause);
  EXPECT_EQ(posts_.size(), 1u) << "what was taken is never sent again";
  Add(10);
  std::exchange(answered_, nullptr)({.trouble = "the response broke off", .status = 400});
  EXPECT_EQ(Counted("dropped_rejected"), 10u);
  Add(10);
  std::exchange(answered_,
                nullptr)({.trouble = "the response broke off", .status = 503, .retry_after = "30"});
  Advance(seconds(29));
  EXPECT_EQ(posts_.size(), 3u);
  Advance(seconds(1));
  EXPECT_EQ(posts_.size(), 4u);
  EXPECT_EQ(told_.back(), "status 400");
}

TEST_F(SpanSenderTest, OthersWaitMeanwhile) {
  Add(10);
  AnswerTrouble();
  Add(10);
  Add(3);
  EXPECT_EQ(posts_.size(), 1u);
  Advance(seconds(2));
  ASSERT_EQ(posts_.size(), 2u);
  Answer(200);
  ASSERT_EQ(posts_.size(), 3u) << "without another wait";
  Answer(200);
  EXPECT_EQ(posts_.size(), 4u) << "they have waited long enough";
}

TEST_F(SpanSenderTest, ASmallerRequestTakesOneLargerBatch) {
  config::Tracing rules = Rules();
  rules.max_batch = 2;
  Add(5);
  sender_.Configure(rules);
  ASSERT_EQ(posts_.size(), 1u);
  EXPECT_EQ(SpansIn(posts_[0]), 5u);
}

TEST_F(SpanSenderTest, InAHurryNothingWaits) {
  Add(1);
  sender_.Hurry([this] { ++idle_; });
  ASSERT_EQ(posts_.size(), 1u);
  Advance(seconds(0));
  EXPECT_EQ(idle_, 0);
  Answer(503);
  EXPECT_EQ(Counted("failed"), 1u) << "it is not sent again";
  Advance(seconds(0));
  EXPECT_EQ(idle_, 1);
}

TEST_F(SpanSenderTest, AHurryEndsAPause) {
  Add(10);
  AnswerTrouble();
  sender_.Hurry([this] { ++idle_; });
  ASSERT_EQ(posts_.size(), 2u);
  Answer(200);
  Advance(seconds(0));
  EXPECT_EQ(idle_, 1);
  EXPECT_EQ(Counted("sent"), 10u);
}

TEST_F(SpanSenderTest, WithNothingLeftAHurryIsOverAtOnce) {
  sender_.Hurry([this] { ++idle_; });
  EXPECT_EQ(idle_, 0) << "never from within the call";
  Advance(seconds(0));
  EXPECT_EQ(idle_, 1);
}

TEST_F(SpanSenderTest, WhatIsGivenUpHasFailed) {
  Add(10);
  Add(4);
  sender_.GiveUp();
  EXPECT_EQ(Counted("failed"), 14u);
  EXPECT_EQ(done_, 14u);
}

}  // namespace
}  // namespace holdfast::server
