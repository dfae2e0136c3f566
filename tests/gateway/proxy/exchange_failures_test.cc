#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "gateway/http/hops.h"
#include "gateway/proxy/exchange.h"
#include "tests/gateway/proxy/proxy_harness.h"
#include "tests/pool/pool_harness.h"

namespace holdfast::proxy {
namespace {

using metrics::Metric;

std::string Post(size_t length) {
  return "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n";
}
constexpr std::string_view kPostChunked =
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

class ExchangeFailuresTest : public testing::Test {
 protected:
  void ReachUpstream(std::string_view request = kGet, std::string_view last = kHeadEnd) {
    client_.Send(request);
    upstream_ = harness_.Accept();
    harness_.Await(upstream_, last);
  }
  // The whole of an error response, which names its reason last.
  bool ClientGets(std::string_view status, std::string_view last) {
    return harness_.TurnUntil([&] {
      client_.Pull();
      return client_.received().starts_with("HTTP/1.1 " + std::string(status)) &&
             client_.received().ends_with(last);
    });
  }
  bool SaysClose() { return client_.received().find("Connection: close\r\n") != std::string::npos; }
  // Nobody holds a connection, a body or an exchange on their account.
  void ExpectNothingLeft() {
    EXPECT_TRUE(harness_.TurnUntil([&] { return harness_.context.sessions.empty(); }));
    EXPECT_TRUE(harness_.AtRest());
    EXPECT_EQ(harness_.cluster->pool(0).load(), 0u);
    EXPECT_EQ(harness_.Level(Metric::kClientConnections, {"edge", "active"}), 0);
    EXPECT_EQ(harness_.Level(Metric::kClientConnections, {"edge", "idle"}), 0);
  }
  uint64_t Failures(const std::string& reason) {
    return harness_.Count(Metric::kUpstreamRequestFailuresTotal, {"web", reason});
  }
  uint64_t Requests(const std::string& code, const std::string& method = "GET") {
    return harness_.Count(Metric::kRequestsTotal, {"edge", "all", method, code, "upstream"}) +
           harness_.Count(Metric::kRequestsTotal, {"edge", "all", method, code, "gateway"});
  }

  ProxyHarness harness_;
  Wire client_ = harness_.Connect();
  Wire upstream_;
};

// The client goes away in each of an exchange's states.

TEST_F(ExchangeFailuresTest, AClientGoneWhileAConnectionIsAwaitedCancelsTheWait) {
  client_.Send(kGet);
  ASSERT_TRUE(harness_.TurnUntil([&] { return harness_.cluster->pool(0).waiters() == 1; }));
  client_.Close();
  harness_.Turns(3);
  harness_.Advance(Exchange::kHalfClosedPatience);
  ExpectNothingLeft();
  EXPECT_EQ(harness_.Closed("exchange_cut"), 1u);
}

TEST_F(ExchangeFailuresTest, AClientGoneBeforeTheResponseCancelsTheRequest) {
  ReachUpstream();
  client_.Close();
  harness_.Turns(3);
  harness_.Advance(Exchange::kHalfClosedPatience);
  EXPECT_TRUE(harness_.AwaitEnd(upstream_));
  ExpectNothingLeft();
  EXPECT_EQ(Requests("499"), 1u);
}

TEST_F(ExchangeFailuresTest, AClientThatEndsItsSideIsAnsweredIfThatDoesNotTakeLong) {
  for (const bool at_once : {true, false}) {
    Wire client = harness_.Connect();
    client.Send(kGet);
    if (at_once) client.End();
    Wire upstream = harness_.Accept();
    harness_.Await(upstream, kHeadEnd);
    if (!at_once) client.End();
    harness_.Turns(3);
    harness_.Advance(Exchange::kHalfClosedPatience - pool::TimerWheel::kTick);
    upstream.Send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    harness_.Await(client, "\r\n\r\nok");
    EXPECT_TRUE(harness_.AwaitEnd(client));
  }
}

// Whether the end comes with the request or after it, over a new upstream connection or a kept one,
// with a body or without.
TEST_F(ExchangeFailuresTest, AClientThatEndsItsSideIsGivenUpAfterTheSameTime) {
  for (const bool kept : {false, true}) {
    for (const std::string& request : {std::string(kGet), Post(4) + "body"}) {
      for (const bool at_once : {true, false}) {
        Wire client = harness_.Connect();
        Wire upstream;
        if (kept) {
          client.Send(kGet);
          upstream = harness_.Accept();
          harness_.Await(upstream, kHeadEnd);
          upstream.Send(kOk);
          harness_.Await(client, "\r\n\r\nok");
        }
        client.Send(request);
        if (at_once) client.End();
        if (!kept) upstream = harness_.Accept();
        harness_.Await(upstream, request.substr(request.size() - 4));
        if (!at_once) client.End();
        harness_.Turns(3);
        harness_.Advance(Exchange::kHalfClosedPatience - 2 * pool::TimerWheel::kTick);
        EXPECT_FALSE(harness_.context.sessions.empty()) << "too early: " << request << at_once;
        harness_.Advance(4 * pool::TimerWheel::kTick);
        EXPECT_TRUE(harness_.AwaitEnd(upstream)) << request << kept << at_once;
        EXPECT_TRUE(harness_.AwaitEnd(client));
      }
    }
  }
}

TEST_F(ExchangeFailuresTest, AClientGoneInsideItsBodyCancelsTheRequest) {
  ReachUpstream(Post(100) + "part", "part");
  client_.End();
  EXPECT_TRUE(harness_.AwaitEnd(upstream_));
  EXPECT_TRUE(harness_.AwaitEnd(client_));
  EXPECT_EQ(client_.received(), "");
  ExpectNothingLeft();
}

TEST_F(ExchangeFailuresTest, AClientGoneDuringTheResponseCancelsTheRequest) {
  ReachUpstream();
  upstream_.Send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
  harness_.Await(client_, "part");
  client_.Reset();
  EXPECT_TRUE(harness_.AwaitEnd(upstream_));
  ExpectNothingLeft();
  EXPECT_EQ(Requests("200"), 1u);
}

TEST_F(ExchangeFailuresTest, AClientThatOnlyEndedItsSideStillGetsTheResponse) {
  ReachUpstream();
  upstream_.Send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\none");
  harness_.Await(client_, "one");
  client_.End();
  harness_.Turns(5);
  upstream_.Send("two");
  EXPECT_TRUE(harness_.AwaitEnd(client_));
  EXPECT_EQ(client_.received(), "two");
  ExpectNothingLeft();
}

TEST_F(ExchangeFailuresTest, AClientGoneWithItsResponseWaitingIsClosed) {
  ReachUpstream();
  upstream_.Send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
  const std::string piece(100'000, 'x');
  size_t sent = 0;
  for (int quiet = 0; quiet < 20; ++quiet) {
    const size_t now = upstream_.SendSome(piece);
    sent += now;
    if (now > 0) quiet = 0;
    harness_.Turn();
  }
  EXPECT_GT(sent, 4 * stream::kHighWatermark);
  EXPECT_LE(harness_.slabs.in_use() * pool::SlabPool::kSlabBytes, 4 * stream::kHighWatermark);
  client_.Reset();
  ExpectNothingLeft();
}

// The upstream dies in each of an exchange's states.

TEST_F(ExchangeFailuresTest, AnUpstreamThatClosesWithoutAWordIsABadGateway) {
  ReachUpstream();
  upstream_.Close();
  EXPECT_TRUE(ClientGets(
      "502 ", "reason: upstream_closed\ndetail: The request was not sent again: not_in_policy\n"));
  EXPECT_FALSE(SaysClose()) << "the client's connection is none the worse";
  EXPECT_EQ(Failures("upstream_closed"), 1u);
  EXPECT_EQ(Requests("502"), 1u);
}

TEST_F(ExchangeFailuresTest, AnUpstreamThatResetsIsABadGateway) {
  ReachUpstream();
  upstream_.Reset();
  EXPECT_TRUE(ClientGets(
      "502 ", "reason: upstream_reset\ndetail: The request was not sent again: not_in_policy\n"));
}

TEST_F(ExchangeFailuresTest, AnUpstreamThatDiesInsideItsHeadIsABadGateway) {
  ReachUpstream();
  upstream_.Send("HTTP/1.1 200 OK\r\nContent-Le");
  upstream_.Close();
  EXPECT_TRUE(ClientGets(
      "502 ",
      "reason: upstream_head_truncated\ndetail: The request was not sent again: response_begun\n"));
}

TEST_F(ExchangeFailuresTest, AResetInsideAHeadHasTheSameName) {
  ReachUpstream();
  upstream_.Send("HTTP/1.1 2");
  harness_.Turns(3);
  upstream_.Reset();
  EXPECT_TRUE(ClientGets(
      "502 ",
      "reason: upstream_head_truncated\ndetail: The request was not sent again: response_begun\n"));
  EXPECT_EQ(Failures("upstream_head_truncated"), 1u);
}

TEST_F(ExchangeFailuresTest, AFloodOfInterimResponsesIsNoResponse) {
  ReachUpstream();
  std::string heads;
  for (int i = 0; i <= InterimBudget::kResponses; ++i) heads += "HTTP/1.1 103 E\r\n\r\n";
  upstream_.Send(heads + std::string(kOk));
  ASSERT_TRUE(harness_.TurnUntil([&] {
    client_.Pull();
    return client_.received().find("reason: upstream_bad_response\n") != std::string::npos;
  }));
  EXPECT_EQ(
      harness_.Count(Metric::kFramingRefusalsTotal, {"upstream", "too_many_interim_responses"}),
      1u);
  EXPECT_TRUE(harness_.AwaitEnd(upstream_));
}

TEST_F(ExchangeFailuresTest, InterimResponsesMayGoOnForLong) {
  ReachUpstream();
  for (int i = 0; i < 100; ++i) {
    upstream_.Send("HTTP/1.1 102 Processing\r\n\r\n");
    EXPECT_NE(harness_.Await(client_, kHeadEnd).find(" 102 "), std::string::npos);
    harness_.Advance(std::chrono::milliseconds(100));
  }
  upstream_.Send(kOk);
  EXPECT_TRUE(harness_.Await(client_, "\r\n\r\nok").starts_with("HTTP/1.1 200 "));
}

// More than the sockets hold, at a rate that is allowed.
TEST_F(ExchangeFailuresTest, InterimResponsesThatNobodyReadsTakeNoMemoryWithoutEnd) {
  ReachUpstream();
  const std::string head = "HTTP/1.1 103 E\r\nLink: " + std::string(6000, 'x') + "\r\n\r\n";
  size_t most = 0;
  for (int i = 0; i < 1500; ++i) {
    upstream_.Send(head);
    harness_.Turns(2);
    harness_.Advance(std::chrono::milliseconds(100));
    most = std::max(most, harness_.slabs.in_use());
  }
  EXPECT_LT(most * pool::SlabPool::kSlabBytes, size_t{4} * stream::kHighWatermark);
  upstream_.Send(kOk);
  EXPECT_TRUE(harness_.TurnUntil([&] {
    client_.Pull();
    return client_.received().ends_with("\r\n\r\nok");
  }));
}

TEST_F(ExchangeFailuresTest, AnUpstreamThatDiesAfterAnInterimResponseIsABadGateway) {
  ReachUpstream();
  upstream_.Send("HTTP/1.1 103 Early Hints\r\n\r\n");
  EXPECT_TRUE(harness_.TurnUntil([&] {
    client_.Pull();
    return client_.received().starts_with("HTTP/1.1 103 ");
  }));
  client_.Take();
  upstream_.Close();
  EXPECT_TRUE(ClientGets(
      "502 ",
      "reason: upstream_head_truncated\ndetail: The request was not sent again: response_begun\n"));
}

struct Truncated {
  const char* name;
  std::string_view head;
};

class TruncatedTest : public ExchangeFailuresTest, public testing::WithParamInterface<Truncated> {};

// The client must be able to tell: no last chunk, and an end where bytes were promised.
TEST_P(TruncatedTest, AResponseThatBreaksOffIsBrokenOff) {
  ReachUpstream();
  upstream_.Send(std::string("HTTP/1.1 200 OK\r\n") + std::string(GetParam().head));
  ASSERT_TRUE(harness_.TurnUntil([&] {
    client_.Pull();
    return client_.received().find("part") != std::string::npos;
  }));
  upstream_.Close();
  EXPECT_TRUE(harness_.AwaitEnd(client_));
  EXPECT_EQ(client_.received().find("0\r\n\r\n"), std::string::npos);
  EXPECT_EQ(Failures("upstream_truncated"), 1u);
  EXPECT_EQ(harness_.Closed("exchange_cut"), 1u);
  ExpectNothingLeft();
}

INSTANTIATE_TEST_SUITE_P(
    All, TruncatedTest,
    testing::Values(Truncated{"Length", "Content-Length: 9\r\n\r\npart"},
                    Truncated{"InAChunk", "Transfer-Encoding: chunked\r\n\r\n9\r\npart"},
                    Truncated{"BetweenChunks", "Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n"},
                    Truncated{"InTheTrailers",
                              "Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n0\r\nx-a: 1\r\n"}),
    [](const auto& info) { return info.param.name; });

// An HTTP/1.0 client has nothing but the connection's end to go by, so it must not be an orderly
// one.
TEST_F(ExchangeFailuresTest, ATruncatedResponseWithoutAnEndOfItsOwnIsReset) {
  client_.Send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, kHeadEnd);
  upstream_.Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\npart");
  ASSERT_TRUE(harness_.TurnUntil([&] {
    client_.Pull();
    return client_.received().ends_with("part");
  }));
  upstream_.Close();
  EXPECT_TRUE(harness_.AwaitEnd(client_));
  EXPECT_TRUE(client_.reset());
}

TEST_F(ExchangeFailuresTest, AChunkThatBreaksTheRulesBreaksTheResponseOff) {
  ReachUpstream();
  upstream_.Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n+1\r\n");
  EXPECT_TRUE(harness_.AwaitEnd(client_));
  EXPECT_EQ(client_.received().find("0\r\n\r\n"), std::string::npos);
  EXPECT_EQ(harness_.Count(Metric::kFramingRefusalsTotal, {"upstream", "malformed_chunk_size"}),
            1u);
  EXPECT_TRUE(harness_.AwaitEnd(upstream_));
}

TEST_F(ExchangeFailuresTest, ABrokenHeadIsABadGatewayThatSaysWhy) {
  ReachUpstream();
  upstream_.Send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx");
  EXPECT_TRUE(ClientGets("502 ", "\n"));
  EXPECT_NE(client_.received().find("upstream_bad_response"), std::string::npos);
  EXPECT_EQ(harness_.Count(Metric::kFramingRefusalsTotal, {"upstream", "repeated_content_length"}),
            1u);
  EXPECT_TRUE(harness_.AwaitEnd(upstream_)) << "it serves nobody else";
}

TEST_F(ExchangeFailuresTest, WhatFollowsAResponseNeverBecomesTheNextOne) {
  ReachUpstream();
  upstream_.Send(std::string(kOk) + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
  EXPECT_TRUE(harness_.Await(client_, "ok").starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(harness_.AwaitEnd(upstream_));
  client_.Send(kGet);
  Wire second = harness_.Accept();
  harness_.Await(second, kHeadEnd);
  second.Send(kOk);
  EXPECT_EQ(harness_.Await(client_, "\r\n\r\nok").find("evil"), std::string::npos);
  EXPECT_EQ(harness_.Count(Metric::kUpstreamConnectionsClosedTotal, {"web", "extra_bytes"}), 1u);
}

TEST_F(ExchangeFailuresTest, AnUpstreamThatDiesDuringAnUploadIsToldAboutAtOnce) {
  ReachUpstream(Post(1'000'000) + "part", "part");
  upstream_.Reset();
  EXPECT_TRUE(ClientGets(
      "502 ", "reason: upstream_reset\ndetail: The request was not sent again: not_in_policy\n"));
  EXPECT_TRUE(SaysClose()) << "the rest of the body is not worth reading";
  client_.Send(std::string(100'000, 'x'));
  client_.Close();
  ExpectNothingLeft();
}

// What the client sends wrong.

TEST_F(ExchangeFailuresTest, ABrokenChunkFromTheClientEndsBothSides) {
  ReachUpstream(std::string(kPostChunked) + "4\r\npart", "part\r\n");
  client_.Send("\r\n-1\r\n" + std::string(kGet));
  EXPECT_TRUE(ClientGets("400 ", "\n"));
  EXPECT_TRUE(SaysClose());
  EXPECT_NE(client_.received().find("client_body_broken"), std::string::npos);
  EXPECT_TRUE(harness_.AwaitEnd(upstream_));
  EXPECT_TRUE(harness_.AwaitEnd(client_));
  client_.Close();
  ExpectNothingLeft();
  EXPECT_EQ(Requests("200"), 0u) << "what followed the breach was not served";
}

// A breach in the trailers leaves the input at the next request, where a smuggler wants it read as
// part of this one.
TEST_F(ExchangeFailuresTest, BrokenTrailersDoNotSwallowTheNextRequest) {
  ReachUpstream(std::string(kPostChunked) + "4\r\npart", "part\r\n");
  client_.Send("\r\n0\r\nbroken\r\n\r\nx: y\r\n\r\n" + std::string(kGet));
  EXPECT_TRUE(ClientGets("400 ", "\n"));
  EXPECT_TRUE(SaysClose());
  EXPECT_TRUE(harness_.AwaitEnd(client_));
  client_.Close();
  ExpectNothingLeft();
  EXPECT_EQ(Requests("200"), 0u);
}

TEST_F(ExchangeFailuresTest, WithoutAnEndpointTheReasonIsToldAndNoName) {
  harness_.SetEndpoints({}, "web.example: no answer from DNS yet");
  client_.Send(kGet);
  EXPECT_TRUE(ClientGets("503 ", "\r\n\r\n503 Service Unavailable\nreason: no_endpoint\n"));
  EXPECT_NE(client_.received().find("Retry-After: 1\r\n"), std::string::npos);
}

TEST_F(ExchangeFailuresTest, ARefusedConnectionIsABadGateway) {
  const pool::RefusingAddress nobody;
  harness_.SetEndpoints({nobody.address()});
  client_.Send(kGet);
  EXPECT_TRUE(harness_.TurnUntil([&] { return harness_.Retries("retry_connect_failure") == 1; }));
  harness_.Advance(std::chrono::milliseconds(30));
  EXPECT_TRUE(ClientGets("502 ", "reason: connect_refused\n"));
  EXPECT_EQ(Failures("connect_refused"), 1u);
}

// The pool that fails to connect has been given up by then, and the exchange turns to another one.
TEST_F(ExchangeFailuresTest, AnEndpointMayLeaveWhileSomebodyWaitsForIt) {
  const pool::RefusingAddress nobody;
  Backend other;
  harness_.SetEndpoints({nobody.address()});
  client_.Send(kGet);
  ASSERT_TRUE(harness_.TurnUntil([&] { return harness_.cluster->pool(0).waiters() == 1; }));
  harness_.SetEndpoints({harness_.backend.address(), other.address()});
  Wire first;
  ASSERT_TRUE(harness_.TurnUntil([&] {
    pool::FileDescriptor socket = harness_.backend.TryAccept();
    if (!socket.valid()) socket = other.TryAccept();
    const bool accepted = socket.valid();
    if (accepted) first = Wire(std::move(socket));
    return accepted;
  }));
  harness_.Await(first, kHeadEnd);
  first.Send(kOk);
  harness_.Await(client_, "\r\n\r\nok");
  EXPECT_EQ(harness_.Retries("retry_next_endpoint"), 1u);
}

TEST_F(ExchangeFailuresTest, ABodyOverTheRoutesLimitIsRefusedBeforeOrWhileItComes) {
  ProxyHarness harness(
      {.routes = "- {match: {path_prefix: /}, upstream: web, max_request_body: 10B}"});
  Wire announced = harness.Connect();
  announced.Send(Post(11));
  EXPECT_TRUE(harness.TurnUntil([&] {
    announced.Pull();
    return announced.received().starts_with("HTTP/1.1 413 ");
  }));
  Wire streaming = harness.Connect();
  streaming.Send(std::string(kPostChunked) + "6\r\n123456\r\n");
  Wire upstream = harness.Accept();
  harness.Await(upstream, "123456\r\n");
  streaming.Send("5\r\n12345\r\n");
  EXPECT_TRUE(harness.TurnUntil([&] {
    streaming.Pull();
    return streaming.received().starts_with("HTTP/1.1 413 ");
  }));
  EXPECT_TRUE(harness.AwaitEnd(upstream));
  upstream.Pull();
  EXPECT_EQ(upstream.received(), "") << "not a byte over the limit goes on";
}

// What is over the limit is thrown away, not read as framing: its bytes are whatever somebody let
// the client send.
TEST_F(ExchangeFailuresTest, AChunkOverTheLimitHasNoRequestInside) {
  const std::string inside = "\r\n0\r\n\r\nGET /inside HTTP/1.1\r\nHost: a\r\n\r\n";
  std::array<char, 8> size;
  std::snprintf(size.data(), size.size(), "%zx", inside.size());
  const std::string chunk = std::string(size.data()) + "\r\n" + inside + "\r\n";
  const std::string request =
      std::string(kPostChunked) + chunk + "0\r\n\r\n" + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
  // At once, and with the first part of the chunk alone.
  for (const size_t first : {request.size(), kPostChunked.size() + 16}) {
    ProxyHarness harness(
        {.routes = "- {match: {path_prefix: /}, upstream: web, max_request_body: 10B}"});
    Wire client = harness.Connect();
    client.Send(request.substr(0, first));
    Wire upstream = harness.Accept();
    ASSERT_TRUE(harness.TurnUntil([&] {
      client.Pull();
      return client.received().starts_with("HTTP/1.1 413 ");
    }));
    client.Send(request.substr(first));
    EXPECT_TRUE(harness.AwaitEnd(upstream));
    Wire next = harness.Accept();
    EXPECT_TRUE(harness.Await(next, kHeadEnd).starts_with("GET /next "));
    next.Send(kOk);
    EXPECT_EQ(harness.Await(client, "\r\n\r\nok").find("HTTP/1.1 400"), std::string::npos);
  }
}

TEST_F(ExchangeFailuresTest, MethodsThatAReverseProxyMustNotServeAreRefused) {
  client_.Send("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(ClientGets("501 ", "reason: unsupported_method\n"));
  client_.Take();
  client_.Send("GET / HTTP/1.1\r\nHost: a\r\nExpect: cake\r\n\r\n");
  EXPECT_TRUE(ClientGets("417 ", "reason: unknown_expectation\n"));
}

// The end of the process.

// A gateway that is its own upstream: each round adds an entry to Via.
TEST_F(ExchangeFailuresTest, ARequestThatGoesInACircleEndsAfterAFewRounds) {
  harness_.SetEndpoints({harness_.listener_address});
  client_.Send(kGet);
  EXPECT_TRUE(ClientGets("508 Loop Detected\r\n", "reason: loop_detected\n"));
  EXPECT_EQ(Requests("508"), http::kMaxRoundsThroughUs + 1u) << "the first one, and its rounds";
  EXPECT_EQ(Failures("loop_detected"), 0u) << "no upstream's fault";
  EXPECT_EQ(harness_.troubles, 0);
}

TEST_F(ExchangeFailuresTest, GatewaysInARowAreNoCircle) {
  ReachUpstream(
      "GET / HTTP/1.1\r\nHost: a\r\n"
      "Via: 1.1 holdfast, 1.1 holdfast, 1.1 holdfast, 1.1 holdfast\r\n\r\n");
  upstream_.Send(kOk);
  EXPECT_TRUE(ClientGets("200 ", "ok"));
}

TEST_F(ExchangeFailuresTest, CutEndsAnExchangeInEachState) {
  Wire waiting = harness_.Connect();
  ReachUpstream();
  Wire relaying = harness_.Connect();
  relaying.Send(kGet);
  Wire second = harness_.Accept();
  harness_.Await(second, kHeadEnd);
  second.Send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart");
  harness_.Await(relaying, "part");
  Wire tunnel = harness_.Connect();
  tunnel.Send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
  Wire third = harness_.Accept();
  harness_.Await(third, kHeadEnd);
  third.Send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
  harness_.Await(tunnel, kHeadEnd);
  waiting.Send(kGet);
  ASSERT_TRUE(harness_.TurnUntil([&] { return harness_.cluster->pool(0).load() == 4; }));
  while (!harness_.context.sessions.empty()) harness_.context.sessions.front()->Cut();
  for (Wire* wire : {&client_, &relaying, &tunnel, &waiting, &upstream_, &second, &third}) {
    EXPECT_TRUE(harness_.AwaitEnd(*wire));
  }
  EXPECT_EQ(harness_.Level(Metric::kTunnels, {"web"}), 0);
  ExpectNothingLeft();
}

}  // namespace
}  // namespace holdfast::proxy
