#include "gateway/record/span.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

namespace holdfast::record {
namespace {

TEST(SpanTest, TakesWhatTheRecordTells) {
  const ExchangeRecord record{.time = pool::WallTime(std::chrono::seconds(100)),
                              .listener = "edge",
                              .client = "192.0.2.7",
                              .method = "GET",
                              .protocol = "HTTP/1.1",
                              .status = 502,
                              .route = "web",
                              .upstream = "app",
                              .retries = 2,
                              .duration = std::chrono::seconds(3),
                              .reason = "connect_refused",
                              .failed = true};
  const SpanFacts facts{.ids = {.trace = "t", .span = "s", .parent = "p"},
                        .path = "/a",
                        .host = "a.test",
                        .encrypted = true};
  const Span span = SpanOf(record, facts);
  EXPECT_EQ(span.trace_id.view(), "t");
  EXPECT_EQ(span.span_id.view(), "s");
  EXPECT_EQ(span.parent_id.view(), "p");
  EXPECT_EQ(span.end, 100'000'000'000);
  EXPECT_EQ(span.start, 97'000'000'000);
  EXPECT_EQ(span.status, 502);
  EXPECT_EQ(span.retries, 2u);
  EXPECT_TRUE(span.failed);
  EXPECT_TRUE(span.encrypted);
  EXPECT_EQ(span.version.view(), "1.1");
  EXPECT_EQ(span.path.view(), "/a");
  EXPECT_EQ(span.upstream.view(), "app");
  EXPECT_EQ(span.reason.view(), "connect_refused");
  EXPECT_EQ(span.user_agent.view(), "");
}

TEST(SpanTest, Http2IsTwo) {
  const Span span = SpanOf({.protocol = "HTTP/2.0"}, {});
  EXPECT_EQ(span.version.view(), "2");
  EXPECT_EQ(SpanOf({.protocol = "gopher"}, {}).version.view(), "");
}

TEST(SpanTest, LongTextsAreCut) {
  const std::string text(100'000, 'a');
  const Span span = SpanOf({.method = text, .user_agent = text}, {.path = text});
  EXPECT_EQ(span.path.view(), std::string(1024, 'a'));
  EXPECT_EQ(span.method.view().size(), 32u);
  EXPECT_EQ(span.user_agent.view().size(), 256u);
  EXPECT_LE(sizeof(Span), 2560u) << "a queue is so large for each";
}

}  // namespace
}  // namespace holdfast::record
