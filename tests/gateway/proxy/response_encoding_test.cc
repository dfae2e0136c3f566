#include "gateway/proxy/response_encoding.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/gateway/proxy/proxy_harness.h"

namespace holdfast::proxy {
namespace {

using metrics::Metric;

// What the bytes are is the compression room's own business (tests/gateway/compression).
class ResponseEncodingTest : public testing::Test {
 protected:
  static HarnessConfig Compressing(const std::string& rules) {
    return {.listener = "",
            .upstream = "",
            .routes = "- {name: all, compression: " + rules + ", upstream: web}"};
  }

  // The head of the response, and in `body_` what has come of its body.
  std::string Ask(std::string_view request_fields, std::string_view response) {
    client_.Send("GET / HTTP/1.1\r\nHost: a\r\n" + std::string(request_fields) + "\r\n");
    upstream_ = harness_.Accept();
    harness_.Await(upstream_, kHeadEnd);
    upstream_.Send(response);
    EXPECT_TRUE(harness_.TurnUntil([&] {
      client_.Pull();
      return client_.received().find(kHeadEnd) != std::string::npos;
    }));
    harness_.Turns(20);
    client_.Pull();
    const std::string all = client_.Take();
    const size_t end = all.find(kHeadEnd) + 4;
    body_ = all.substr(end);
    return all.substr(0, end);
  }
  uint64_t Outcomes(const std::string& word) {
    return harness_.Count(Metric::kCompressionResponsesTotal, {"all", word});
  }

  ProxyHarness harness_{Compressing("{algorithms: [gzip], min_size: 10B}")};
  Wire client_ = harness_.Connect();
  Wire upstream_;
  std::string body_;
};

std::string Json(size_t bytes) {
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nETag: \"v1\"\r\nContent-Length: " +
         std::to_string(bytes) + "\r\n\r\n" + std::string(bytes, 'x');
}

TEST_F(ResponseEncodingTest, ABodyIsMadeSmaller) {
  const std::string head = Ask("Accept-Encoding: gzip\r\n", Json(50'000));
  EXPECT_NE(head.find("Content-Encoding: gzip\r\n"), head.npos) << head;
  EXPECT_NE(head.find("Transfer-Encoding: chunked\r\n"), head.npos) << head;
  EXPECT_EQ(head.find("Content-Length"), head.npos) << head;
  EXPECT_NE(head.find("ETag: W/\"v1\"\r\n"), head.npos) << head;
  EXPECT_NE(head.find("Vary: Accept-Encoding\r\n"), head.npos) << head;
  EXPECT_LT(body_.size(), 2000u);
  EXPECT_TRUE(body_.ends_with("0\r\n\r\n"));
  EXPECT_EQ(Outcomes("encoded"), 1u);
  EXPECT_EQ(harness_.Count(Metric::kCompressionInputBytesTotal, {"gzip"}), 50'000u);
  EXPECT_GT(harness_.Count(Metric::kCompressionOutputBytesTotal, {"gzip"}), 0u);
  harness_.Serve(client_, upstream_);  // Both connections are kept.
}

TEST_F(ResponseEncodingTest, WhoTakesNoneGetsItAsItIs) {
  const std::string head = Ask("", Json(50));
  EXPECT_EQ(head.find("Content-Encoding"), head.npos) << head;
  EXPECT_NE(head.find("Content-Length: 50\r\n"), head.npos) << head;
  EXPECT_NE(head.find("Vary: Accept-Encoding\r\n"), head.npos) << head;
  EXPECT_EQ(body_, std::string(50, 'x'));
  EXPECT_EQ(Outcomes("not_accepted"), 1u);
}

TEST_F(ResponseEncodingTest, AShortOneStays) {
  EXPECT_EQ(Ask("Accept-Encoding: gzip\r\n", Json(9)).find("Content-Encoding"), std::string::npos);
  EXPECT_EQ(Outcomes("too_short"), 1u);
}

// Events that a page waits for are not held until there are enough of them.
TEST_F(ResponseEncodingTest, WhatHasComeIsThereWhenTheUpstreamPauses) {
  Ask("Accept-Encoding: gzip\r\n",
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\n");
  EXPECT_GT(body_.size(), 10u);
  EXPECT_FALSE(body_.ends_with("0\r\n\r\n"));
  upstream_.Send("5\r\nworld\r\n");
  harness_.Turns(20);
  client_.Pull();
  EXPECT_GT(client_.Take().size(), 5u);
  upstream_.Send("0\r\n\r\n");
  harness_.Await(client_, "0\r\n\r\n");
}

TEST_F(ResponseEncodingTest, ABodyThatBreaksOffEndsTheConnection) {
  Ask("Accept-Encoding: gzip\r\n",
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nhello");
  upstream_.Close();
  EXPECT_TRUE(harness_.AwaitEnd(client_));
  EXPECT_FALSE(client_.received().ends_with("0\r\n\r\n"));
}

TEST_F(ResponseEncodingTest, OldClientsGetItAsItIs) {
  client_.Send("GET / HTTP/1.0\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, kHeadEnd);
  upstream_.Send(Json(50));
  EXPECT_TRUE(harness_.AwaitEnd(client_));
  EXPECT_EQ(client_.received().find("Content-Encoding"), std::string::npos);
  EXPECT_EQ(Outcomes("old_client"), 1u);
}

TEST_F(ResponseEncodingTest, AWorkerWithoutTimeSendsItAsItIs) {
  EXPECT_TRUE(harness_.context.encoding->time.HasRoom(harness_.loop.now()));
  harness_.context.encoding->time.Spend(std::chrono::seconds(10));
  const std::string head = Ask("Accept-Encoding: gzip\r\n", Json(500));
  EXPECT_EQ(head.find("Content-Encoding"), head.npos) << head;
  EXPECT_NE(head.find("Content-Length: 500\r\n"), head.npos) << head;
  EXPECT_EQ(Outcomes("no_room"), 1u);
}

}  // namespace
}  // namespace holdfast::proxy
