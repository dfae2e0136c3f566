#include "gateway/proxy/exchange_account.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "gateway/proxy/span_queue.h"
#include "tests/gateway/proxy/proxy_harness.h"
#include "tests/support/unserved_address.h"

namespace holdfast::proxy {
namespace {

using metrics::Metric;
using nlohmann::json;
using std::chrono::milliseconds;

constexpr std::string_view kOkEnd = "\r\n\r\nok";

class ExchangeAccountTest : public testing::Test {
 protected:
  ExchangeAccountTest() { harness_.LogExchanges(); }

  std::vector<json> Lines() {
    harness_.access_log->Flush();
    std::vector<json> lines;
    std::string_view text = harness_.log_lines;
    for (size_t end; (end = text.find('\n')) != text.npos; text.remove_prefix(end + 1)) {
      lines.push_back(json::parse(text.substr(0, end), nullptr, /*allow_exceptions=*/false));
    }
    return lines;
  }
  void Serve(std::string_view response = kOk) {
    client_.Send(kGet);
    if (upstream_.fd() < 0) upstream_ = harness_.Accept();
    harness_.Await(upstream_, kHeadEnd);
    upstream_.Send(response);
    harness_.Await(client_, kOkEnd);
  }

  ProxyHarness harness_;
  Wire client_ = harness_.Connect();
  Wire upstream_;
};

TEST_F(ExchangeAccountTest, ALineTellsTheWholeStory) {
  client_.Send("GET /x?y HTTP/1.1\r\nHost: A.example:80\r\nUser-Agent: t\r\n\r\n");
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, kHeadEnd);
  harness_.Advance(milliseconds(20));
  upstream_.Send(kOk);
  const std::string response = harness_.Await(client_, kOkEnd);
  client_.Send("BAD\r\n\r\n");
  ASSERT_TRUE(harness_.AwaitEnd(client_));
  const std::vector<json> lines = Lines();
  ASSERT_EQ(lines.size(), 2u) << harness_.log_lines;
  EXPECT_EQ(lines[0].value("target", ""), "/x?y");
  EXPECT_EQ(lines[0].value("host", ""), "A.example:80");
  EXPECT_EQ(lines[0].value("user_agent", ""), "t");
  EXPECT_EQ(lines[0].value("endpoint", ""), harness_.backend.address().ToString());
  EXPECT_EQ(lines[0].value("status", 0), 200);
  EXPECT_EQ(lines[0].value("first_byte_us", 0), 20'000);
  EXPECT_EQ(lines[0].value("bytes_out", size_t{0}), response.size());
  EXPECT_EQ(lines[0].value("reason", ""), "none");
  EXPECT_EQ(lines[1].value("status", 0), 400);
  EXPECT_EQ(lines[1].value("reason", ""), "refused_framing");
  EXPECT_FALSE(lines[0].contains("detail"));
  for (const char* key : {"method", "target", "host", "route", "upstream", "endpoint"}) {
    EXPECT_FALSE(lines[1].contains(key)) << "of the request before: " << key;
  }
}

// The connection that came first may be one to the name's other address.
TEST_F(ExchangeAccountTest, TheEndpointIsTheOneThatTheConnectionLeadsTo) {
  struct : pool::Waiter {
    void OnLease(pool::Lease) override {}
    void OnCheckoutFailed(pool::CheckoutFailure, const pool::SocketAddress&) override {}
  } waiter;
  Serve();
  ExchangeAccount account{.endpoint = *pool::SocketAddress::FromIp("::1", 1)};
  pool::SocketAddress picked;
  const pool::Checkout checkout = harness_.cluster->Acquire(&waiter, {}, &picked);
  ASSERT_TRUE(checkout.lease.held());
  account.NoteLease(checkout.lease, harness_.loop.now());
  EXPECT_EQ(account.endpoint, harness_.backend.address());
}

TEST_F(ExchangeAccountTest, HowTheConnectionWasHadAndWhyItWasClosed) {
  Serve();
  Serve("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
  upstream_ = Wire();
  Serve();
  const std::vector<json> lines = Lines();
  ASSERT_EQ(lines.size(), 3u) << harness_.log_lines;
  EXPECT_EQ(lines[0].value("connection", ""), "empty");
  EXPECT_EQ(lines[0].value("reused", true), false);
  EXPECT_FALSE(lines[0].contains("close")) << "it was kept";
  EXPECT_EQ(lines[1].value("connection", ""), "reused");
  EXPECT_EQ(lines[1].value("close", ""), "peer_asked_close");
  EXPECT_EQ(lines[2].value("connection", ""), "not_kept");
  EXPECT_FALSE(lines[2].contains("retry"));
}

TEST_F(ExchangeAccountTest, TheLastAttemptIsTheOneThatIsTold) {
  Serve();
  client_.Send(kGet);
  harness_.Await(upstream_, kHeadEnd);
  upstream_.Close();
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, kHeadEnd);
  upstream_.Close();
  harness_.Await(client_, "not_in_policy\n");
  const std::vector<json> lines = Lines();
  ASSERT_EQ(lines.size(), 2u) << harness_.log_lines;
  EXPECT_EQ(lines[1].value("connection", ""), "retry");
  EXPECT_EQ(lines[1].value("close", ""), "peer_closed");
  EXPECT_EQ(lines[1].value("retries", 0), 1);
  EXPECT_EQ(lines[1].value("retry", ""), "not_in_policy");
  EXPECT_EQ(lines[1].value("reason", ""), "upstream_closed");
  EXPECT_EQ(harness_.Count(Metric::kRequestsTotal, {"edge", "all", "GET", "200", "upstream"}), 1u);
  EXPECT_EQ(harness_.Count(Metric::kRequestsTotal, {"edge", "all", "GET", "502", "gateway"}), 1u);
}

TEST_F(ExchangeAccountTest, ItIsUnderWayUntilItIsWritten) {
  const auto in_flight = [this] {
    return harness_.Level(Metric::kClientRequestsInFlight, {"edge"});
  };
  EXPECT_EQ(in_flight(), 0);
  client_.Send(kGet);
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, kHeadEnd);
  EXPECT_EQ(in_flight(), 1);
  upstream_.Send(kOk);
  harness_.Await(client_, kOkEnd);
  EXPECT_EQ(in_flight(), 0);
}

TEST_F(ExchangeAccountTest, ARequestThatNobodyWaitedForIsCountedAs499) {
  client_.Send(kGet);
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, kHeadEnd);
  client_.Reset();
  ASSERT_TRUE(harness_.TurnUntil([&] { return harness_.context.sessions.empty(); }));
  EXPECT_EQ(harness_.Count(Metric::kRequestsTotal, {"edge", "all", "GET", "499", "gateway"}), 1u);
  const json line = Lines()[0];
  EXPECT_EQ(line.value("reason", ""), "client_gone");
  EXPECT_EQ(line.value("status", 0), 499) << "one truth in metrics and log";
}

TEST_F(ExchangeAccountTest, TheCombinedFormatCountsWhatFollowsTheHead) {
  harness_.LogExchanges({.format = record::LineFormat::kCombined});
  client_.Send("GET /x HTTP/1.1\r\nHost: a\r\nReferer: r\r\n\r\n");
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, kHeadEnd);
  upstream_.Send(kOk);
  harness_.Await(client_, kOkEnd);
  harness_.access_log->Flush();
  EXPECT_NE(harness_.log_lines.find("\"GET /x HTTP/1.1\" 200 2 \"r\" \"-\"\n"), std::string::npos)
      << harness_.log_lines;
}

TEST_F(ExchangeAccountTest, AnAnswerThatTheUpstreamBreaksOffHasFailed) {
  harness_.LogExchanges({.filter = record::LineFilter{.share = 0}});
  Serve();
  client_.Send(kGet);
  harness_.Await(upstream_, kHeadEnd);
  upstream_.Send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok");
  harness_.Await(client_, kOkEnd);
  upstream_.Close();
  ASSERT_TRUE(harness_.AwaitEnd(client_));
  const std::vector<json> lines = Lines();
  ASSERT_EQ(lines.size(), 1u) << harness_.log_lines;
  EXPECT_EQ(lines[0].value("status", 0), 200);
  EXPECT_NE(lines[0].value("reason", "none"), "none");
}

TEST_F(ExchangeAccountTest, ACallOfGrpcThatTheServiceFailedHasFailed) {
  harness_.LogExchanges({.filter = record::LineFilter{.share = 0}});
  const auto call = [this](std::string_view status) {
    client_.Send(
        "POST /a.B/C HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\nTE: trailers\r\n"
        "Content-Length: 0\r\n\r\n");
    if (upstream_.fd() < 0) upstream_ = harness_.Accept();
    harness_.Await(upstream_, kHeadEnd);
    upstream_.Take();
    upstream_.Send("HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\ngrpc-status: " +
                   std::string(status) + "\r\nContent-Length: 0\r\n\r\n");
    harness_.Await(client_, kHeadEnd);
    client_.Take();
  };
  call("0");
  call("5");   // NOT_FOUND is an answer like any
  call("13");  // INTERNAL
  const std::vector<json> lines = Lines();
  ASSERT_EQ(lines.size(), 1u) << harness_.log_lines;
  EXPECT_EQ(lines[0].value("grpc_status", ""), "13");
}

TEST_F(ExchangeAccountTest, WhatClientsAreNotToldIsInTheLog) {
  harness_.SetEndpoints({}, "db.internal: no answer from DNS yet");
  client_.Send(kGet);
  harness_.Await(client_, "reason: no_endpoint\n");
  EXPECT_EQ(Lines()[0].value("detail", ""), "db.internal: no answer from DNS yet");
  EXPECT_FALSE(Lines()[0].contains("endpoint")) << "there is none";
}

TEST_F(ExchangeAccountTest, TheEndpointThatCouldNotBeReachedIsNamed) {
  const support::RefusingAddress nobody;
  harness_.SetEndpoints({nobody.address()});
  client_.Send(kGet);
  ASSERT_TRUE(harness_.TurnUntil([&] { return harness_.Retries("retry_connect_failure") == 1; }));
  harness_.Advance(milliseconds(30));
  harness_.Await(client_, "reason: connect_refused\n");
  EXPECT_EQ(Lines()[0].value("endpoint", ""), nobody.address().ToString());
  for (const char* key : {"reused", "connection", "close", "connection_us"}) {
    EXPECT_FALSE(Lines()[0].contains(key)) << key;
  }
}

TEST_F(ExchangeAccountTest, TheClockRunsFromTheRequestsFirstByte) {
  Serve();
  harness_.Advance(milliseconds(500));  // at rest
  client_.Send(kGet.substr(0, 5));
  harness_.Turns(3);
  harness_.Advance(milliseconds(30));
  client_.Send(kGet.substr(5));
  harness_.Await(upstream_, kHeadEnd);
  harness_.Advance(milliseconds(20));
  upstream_.Send(kOk);
  harness_.Await(client_, kOkEnd);
  const json line = Lines()[1];
  EXPECT_EQ(line.value("head_us", 0), 30'000);
  EXPECT_EQ(line.value("connection_us", 0), 30'000);
  EXPECT_EQ(line.value("first_byte_us", 0), 50'000);
  EXPECT_EQ(line.value("duration_us", 0), 50'000);
}

class ExchangeSpanTest : public testing::Test {
 protected:
  ExchangeSpanTest() {
    queue_.Configure(/*limit=*/100, /*batch=*/1);
    harness_.context.spans = &queue_;
  }

  ProxyHarness harness_{{.listener = "trace: {sample: 1}"}};
  std::vector<record::Span> spans_;
  SpanQueue queue_{&harness_.loop, harness_.shard,
                   [this](SpanQueue::Batch batch) { spans_.push_back(batch[0]); }};
  Wire client_ = harness_.Connect();
};

TEST_F(ExchangeSpanTest, ASpanTellsTheWholeStory) {
  client_.Send("GET /x?secret HTTP/1.1\r\nHost: A.example:80\r\nUser-Agent: t\r\n\r\n");
  Wire upstream = harness_.Accept();
  harness_.Await(upstream, kHeadEnd);
  harness_.Advance(milliseconds(20));
  upstream.Send(kOk);
  harness_.Await(client_, kOkEnd);
  ASSERT_EQ(spans_.size(), 1u) << "with no access log";
  const record::Span& span = spans_[0];
  EXPECT_EQ(span.method.view(), "GET");
  EXPECT_EQ(span.path.view(), "/x");
  EXPECT_EQ(span.host.view(), "A.example");
  EXPECT_EQ(span.client.view(), "192.0.2.7");
  EXPECT_EQ(span.version.view(), "1.1");
  EXPECT_EQ(span.user_agent.view(), "t");
  EXPECT_EQ(span.route.view(), "all");
  EXPECT_EQ(span.upstream.view(), "web");
  EXPECT_EQ(span.endpoint.view(), harness_.backend.address().ToString());
  EXPECT_EQ(span.status, 200);
  EXPECT_EQ(span.end - span.start, 20'000'000);
  EXPECT_FALSE(span.failed);
  EXPECT_FALSE(span.encrypted);
}

TEST_F(ExchangeSpanTest, WhatTheGatewayAnswersHasOneToo) {
  client_.Send("GET /x HTTP/1.1\r\nHost: a\r\nExpect: the-worst\r\n\r\n");
  harness_.Await(client_, "unknown_expectation\n");
  client_ = harness_.Connect();
  client_.Send("BAD\r\n\r\n");
  ASSERT_TRUE(harness_.AwaitEnd(client_));
  ASSERT_EQ(spans_.size(), 1u) << "a head that nobody can read belongs to no trace";
  EXPECT_EQ(spans_[0].status, 417);
  EXPECT_EQ(spans_[0].reason.view(), "unknown_expectation");
  EXPECT_EQ(spans_[0].endpoint.view(), "");
}

TEST_F(ExchangeSpanTest, OneThatBeganBeforeThereWereAnyHasNone) {
  harness_.context.spans = nullptr;
  client_.Send(kGet);
  Wire upstream = harness_.Accept();
  harness_.Await(upstream, kHeadEnd);
  harness_.context.spans = &queue_;
  upstream.Send(kOk);
  harness_.Await(client_, kOkEnd);
  EXPECT_TRUE(spans_.empty());
}

TEST_F(ExchangeSpanTest, OneThatEndsAfterThereWereAnyHasNone) {
  client_.Send(kGet);
  Wire upstream = harness_.Accept();
  harness_.Await(upstream, kHeadEnd);
  harness_.context.spans = nullptr;
  upstream.Send(kOk);
  harness_.Await(client_, kOkEnd);
  EXPECT_TRUE(spans_.empty());
}

}  // namespace
}  // namespace holdfast::proxy
