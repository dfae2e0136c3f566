#include "gateway/server/span_exporter.h"

#include <future>
#include <mutex>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "metrics/registry.h"
#include "pool/net/clock.h"
#include "tests/support/auto_upstream.h"
#include "tests/support/deadline.h"
#include "tests/support/http_message.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"

namespace holdfast::server {
namespace {

class SpanExporterTest : public testing::Test {
 protected:
  static config::Tracing To(const std::string& address) {
    return {.otlp = "http://" + address + "/v1/traces",
            .interval = std::chrono::milliseconds(10),
            .max_batch = 4,
            .max_queue = 100};
  }
  // Of a thread that has ended.
  uint64_t Counted(const char* result) {
    return shard_->CounterFor(metrics::Metric::kSpansTotal, {result}).value();
  }
  // Waits until they are done with.
  void Send(size_t spans) {
    std::promise<size_t> done;
    exporter_->Submit(SpanSender::Batch(spans), [&done](size_t n) { done.set_value(n); });
    std::future<size_t> number = done.get_future();
    ASSERT_EQ(number.wait_for(support::kPatience), std::future_status::ready);
    EXPECT_EQ(number.get(), spans);
  }

  pool::SystemClock clock_;
  metrics::Registry registry_;
  metrics::Shard* shard_ = registry_.AddShard();
  std::optional<SpanExporter> exporter_{std::in_place, &clock_, shard_};
};

TEST_F(SpanExporterTest, SpansArrive) {
  support::AutoUpstream collector("{}");
  exporter_->Configure(To(collector.address()), {});
  Send(3);
  Send(2);
  exporter_.reset();
  EXPECT_EQ(collector.requests(), 2);
  EXPECT_EQ(collector.accepted(), 1);
  EXPECT_EQ(Counted("sent"), 5u);
}

TEST_F(SpanExporterTest, ARequestHasNoFieldsButThese) {
  std::mutex mutex;
  support::Message last;
  support::AutoUpstream collector([&](const support::Message& request) {
    const std::lock_guard lock(mutex);
    last = request;
    return support::AutoUpstream::Reply{.bytes = support::OkResponse("{}")};
  });
  config::Tracing tracing = To(collector.address());
  tracing.headers = {{"authorization", "Bearer x"}};
  exporter_->Configure(tracing, {});
  Send(1);
  const std::lock_guard lock(mutex);
  EXPECT_EQ(last.start_line, "POST /v1/traces HTTP/1.1");
  EXPECT_EQ(last.fields, (support::Fields{{"Host", collector.address()},
                                          {"User-Agent", "holdfast"},
                                          {"Content-Type", "application/json"},
                                          {"Content-Length", std::to_string(last.body.size())},
                                          {"authorization", "Bearer x"}}));
}

// One that is sent again would be counted twice by its collector.
TEST_F(SpanExporterTest, AnAnswerWhoseBodyBreaksOffIsOneAllTheSame) {
  support::AutoUpstream collector([](const support::Message&) {
    return support::AutoUpstream::Reply{.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{",
                                        .close = true};
  });
  exporter_->Configure(To(collector.address()), {});
  Send(2);
  exporter_.reset();
  EXPECT_EQ(collector.requests(), 1);
  EXPECT_EQ(Counted("sent"), 2u);
}

TEST_F(SpanExporterTest, OneThatIsTooLongIsOne) {
  const std::string body(SpanExporter::kMaxAnswerBytes + 1, ' ');
  support::AutoUpstream collector(body);
  exporter_->Configure(To(collector.address()), {});
  Send(2);
  exporter_.reset();
  EXPECT_EQ(collector.requests(), 1);
  EXPECT_EQ(Counted("sent"), 2u);
}

TEST_F(SpanExporterTest, TheCollectorMayBeAnother) {
  support::AutoUpstream first("{}");
  support::AutoUpstream second("{}");
  exporter_->Configure(To(first.address()), {});
  Send(1);
  exporter_->Configure(To(first.address()), {});
  exporter_->Configure(To(second.address()), {});
  Send(1);
  EXPECT_EQ(first.requests(), 1);
  EXPECT_EQ(second.requests(), 1);
}

TEST_F(SpanExporterTest, TheLastSpansAreSent) {
  support::AutoUpstream collector("{}");
  config::Tracing slow = To(collector.address());
  slow.interval = std::chrono::seconds(60);
  exporter_->Configure(slow, {});
  size_t done = 0;
  exporter_->Submit(SpanSender::Batch(3), [&done](size_t n) { done += n; });
  exporter_.reset();
  EXPECT_EQ(done, 3u);
  EXPECT_EQ(Counted("sent"), 3u);
}

TEST_F(SpanExporterTest, ACollectorThatHangsHoldsTheEndUpForAMoment) {
  support::ScriptedUpstream collector;  // lets in, and says nothing
  config::Tracing patient = To(collector.address());
  patient.timeout = std::chrono::seconds(60);
  exporter_->Configure(patient, {});
  size_t done = 0;
  exporter_->Submit(SpanSender::Batch(3), [&done](size_t n) { done += n; });
  exporter_.reset();
  EXPECT_EQ(done, 3u);
  EXPECT_EQ(Counted("failed"), 3u);
}

TEST_F(SpanExporterTest, MayEndWithoutEverHavingBeenAsked) { exporter_.reset(); }

}  // namespace
}  // namespace holdfast::server
