#include "gateway/proxy/http1_session.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "tests/gateway/proxy/proxy_harness.h"
#include "tests/pool/net/socket_pair.h"

namespace holdfast::proxy {
namespace {

using metrics::Metric;
using pool::Duration;
using std::chrono::seconds;

HarnessConfig Local() {
  return {.routes = "- {name: hello, match: {path_prefix: /}, respond: {status: 200, body: hi}}"};
}

// A reply of `hi`, the last of a response that the gateway makes.
constexpr std::string_view kHi = "\r\n\r\nhi";

size_t CountOf(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

class LocalSessionTest : public testing::Test {
 protected:
  int64_t Idle() { return harness_.Level(Metric::kClientConnections, {"edge", "idle"}); }
  int64_t Active() { return harness_.Level(Metric::kClientConnections, {"edge", "active"}); }

  ProxyHarness harness_{Local()};
  Wire client_ = harness_.Connect();
};

TEST_F(LocalSessionTest, WhatFollowsAHeadThatCannotBeReadIsNotAnsweredWithAReset) {
  client_.Send(
      "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n");
  ASSERT_TRUE(harness_.TurnUntil([&] {
    client_.Pull();
    return client_.ended();
  }));
  EXPECT_TRUE(client_.received().starts_with("HTTP/1.1 400 "));
  client_.Send("5\r\nhello\r\n0\r\n\r\n");
  harness_.Turns(3);
  client_.Send("more");
  harness_.Turns(3);
  client_.Pull();
  EXPECT_TRUE(client_.ended()) << "our end has come";
  EXPECT_FALSE(client_.reset());
}

TEST_F(LocalSessionTest, ADrainServesTheRequestThatIsInTheSocketAlready) {
  harness_.Turns(3);
  client_.Send(kGet);
  harness_.context.draining = true;
  harness_.context.sessions.front()->BeginDrain();
  const std::string response = harness_.Await(client_, kHi);
  EXPECT_NE(response.find("Connection: close\r\n"), response.npos) << response;
  EXPECT_TRUE(harness_.AwaitEnd(client_));
}

TEST_F(LocalSessionTest, RequestsFollowOneAnotherOnOneConnection) {
  for (int i = 0; i < 3; ++i) {
    client_.Send(kGet);
    const std::string response = harness_.Await(client_, kHi);
    EXPECT_TRUE(response.starts_with("HTTP/1.1 200 OK\r\n")) << response;
    EXPECT_EQ(response.find("onnection:"), response.npos) << response;
  }
  EXPECT_EQ(harness_.Count(Metric::kRequestsTotal, {"edge", "hello", "GET", "200", "gateway"}), 3u);
  EXPECT_EQ(harness_.Count(Metric::kClientConnectionsAcceptedTotal, {"edge"}), 1u);
  EXPECT_TRUE(harness_.AtRest());
}

TEST_F(LocalSessionTest, PipelinedRequestsAreAnsweredInOrderWhateverTheSplit) {
  const std::string wire =
      "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nHEAD /2 HTTP/1.1\r\nHost: a\r\n\r\n" + std::string(kGet);
  for (size_t split = 1; split < wire.size(); ++split) {
    client_.Send(wire.substr(0, split));
    harness_.Turn();
    client_.Send(wire.substr(split));
    ASSERT_TRUE(harness_.TurnUntil([&] {
      client_.Pull();
      return CountOf(client_.received(), "HTTP/1.1 200 OK") == 3;
    })) << split;
    EXPECT_EQ(CountOf(client_.Take(), kHi), 2u) << "HEAD has no body; split " << split;
  }
  EXPECT_EQ(harness_.Count(Metric::kRequestsTotal, {"edge", "hello", "HEAD", "200", "gateway"}),
            wire.size() - 1);
}

TEST_F(LocalSessionTest, PipelinedRequestsBeforeAnEndAreStillAnswered) {
  client_.Send(std::string(kGet) + std::string(kGet));
  client_.End();
  EXPECT_TRUE(harness_.AwaitEnd(client_));
  EXPECT_EQ(CountOf(client_.received(), kHi), 2u);
  EXPECT_FALSE(client_.reset());
  EXPECT_EQ(harness_.Closed("client_closed"), 1u);
}

// One client that sends without a pause must not have the worker for itself.
// What is left for later has one more go with the same turn's timers.
TEST_F(LocalSessionTest, ATurnAnswersNoMoreThanItsShareOfPipelinedRequests) {
  std::string wire;
  for (int i = 0; i < 2000; ++i) wire += kGet;
  client_.Send(wire);
  harness_.Turn();
  const uint64_t first =
      harness_.Count(Metric::kRequestsTotal, {"edge", "hello", "GET", "200", "gateway"});
  EXPECT_GT(first, 0u);
  EXPECT_LE(first, uint64_t{2} * Http1Session::kMaxReadSteps);
  EXPECT_TRUE(harness_.TurnUntil([&] {
    client_.Pull();
    return CountOf(client_.received(), kHi) == 2000;
  })) << "the rest follows by itself";
}

TEST_F(LocalSessionTest, EmptyLinesBeforeARequestAreSkipped) {
  client_.Send("\r\n\r\n" + std::string(kGet) + "\r\n");
  harness_.Await(client_, kHi);
  EXPECT_EQ(Active(), 0) << "an empty line begins no head";
}

TEST_F(LocalSessionTest, ARefusalIsAnsweredAndEndsTheConnection) {
  client_.Send("GET / HTTP/1.1\r\nHost: a\r\nfolded: 1\r\n 2\r\n\r\n" + std::string(kGet));
  EXPECT_TRUE(harness_.AwaitEnd(client_));
  EXPECT_TRUE(client_.received().starts_with("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_NE(client_.received().find("Connection: close"), std::string::npos);
  EXPECT_EQ(CountOf(client_.received(), "HTTP/1.1"), 1u) << "what came behind it is not looked at";
  EXPECT_EQ(harness_.Count(Metric::kFramingRefusalsTotal, {"client", "obs_fold"}), 1u);
  client_.Close();
  EXPECT_TRUE(harness_.TurnUntil([&] { return harness_.Closed("framing_error") == 1; }));
}

TEST_F(LocalSessionTest, WhatCannotBecomeAHeadIsRefusedBeforeItsEnd) {
  client_.Send("\x16\x03\x01\x02");
  EXPECT_TRUE(harness_.AwaitEnd(client_));
  EXPECT_TRUE(client_.received().starts_with("HTTP/1.1 400 "));
}

TEST_F(LocalSessionTest, ConnectionsAreCountedByWhatTheyDo) {
  EXPECT_EQ(Idle(), 1);
  EXPECT_EQ(Active(), 0);
  client_.Send("GET /");
  EXPECT_TRUE(harness_.TurnUntil([&] { return Active() == 1; })) << "part of a head";
  EXPECT_EQ(Idle(), 0);
  client_.Send(" HTTP/1.1\r\nHost: a\r\n\r\n");
  harness_.Await(client_, kHi);
  EXPECT_EQ(Idle(), 1);
  EXPECT_EQ(Active(), 0);
  client_.Close();
  EXPECT_TRUE(harness_.TurnUntil([&] { return Idle() == 0; }));
  EXPECT_EQ(Active(), 0);
  EXPECT_TRUE(harness_.context.sessions.empty());
  EXPECT_EQ(harness_.listener->sessions(), 0u);
}

TEST_F(LocalSessionTest, BytesAreCountedWithoutThoseOfTheNextRequest) {
  client_.Send(std::string(kGet) + "GET /half");
  const std::string response = harness_.Await(client_, kHi);
  EXPECT_EQ(harness_.Count(Metric::kRequestBytesTotal, {"edge"}), kGet.size());
  EXPECT_EQ(harness_.Count(Metric::kResponseBytesTotal, {"edge"}), response.size());
}

TEST_F(LocalSessionTest, AClientThatGoesAwayBetweenRequestsIsClosed) {
  harness_.Turn();
  client_.Reset();
  EXPECT_TRUE(harness_.TurnUntil([&] { return harness_.Closed("client_reset") == 1; }));
}

TEST_F(LocalSessionTest, AClientThatGoesAwayInsideAHeadIsClosed) {
  client_.Send("GET / HT");
  client_.End();
  EXPECT_TRUE(harness_.AwaitEnd(client_));
  EXPECT_EQ(client_.received(), "");
  EXPECT_EQ(harness_.Closed("client_closed"), 1u);
  EXPECT_EQ(Active(), 0);
}

TEST_F(LocalSessionTest, WhatTheClientAskedForIsWhyItsConnectionEnds) {
  client_.Send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(harness_.AwaitEnd(client_));
  EXPECT_TRUE(client_.received().ends_with(kHi));
  EXPECT_NE(client_.received().find("Connection: close\r\n"), std::string::npos);
  EXPECT_FALSE(client_.reset());
  EXPECT_EQ(harness_.Closed("client_asked"), 1u);
}

TEST_F(LocalSessionTest, DrainingEndsIdleConnectionsAtOnceAndOthersAfterTheirResponse) {
  Wire busy = harness_.Connect();
  busy.Send("GET / HTTP/1.1\r\n");
  ASSERT_TRUE(harness_.TurnUntil([&] { return Active() == 1; }));
  harness_.context.draining = true;
  for (Session* session = harness_.context.sessions.front(); session != nullptr;) {
    Session* next = decltype(harness_.context.sessions)::Next(*session);
    session->BeginDrain();
    session = next;
  }
  EXPECT_TRUE(harness_.AwaitEnd(client_));
  EXPECT_EQ(harness_.Closed("drained"), 1u);
  busy.Send("Host: a\r\n\r\n");
  EXPECT_TRUE(harness_.AwaitEnd(busy));
  EXPECT_TRUE(busy.received().ends_with(kHi));
  EXPECT_NE(busy.received().find("Connection: close\r\n"), std::string::npos);
  EXPECT_EQ(harness_.Closed("draining"), 1u);
}

class CountingTask final : public pool::Task {
 public:
  int runs = 0;

 private:
  void Run() override { ++runs; }
};

TEST_F(LocalSessionTest, TheLastOneToCloseSaysSo) {
  CountingTask empty;
  harness_.context.when_empty = &empty;
  Wire other = harness_.Connect();
  other.Close();
  ASSERT_TRUE(harness_.TurnUntil([&] { return harness_.Closed("client_closed") == 1; }));
  harness_.Turn();
  EXPECT_EQ(empty.runs, 0);
  client_.Close();
  EXPECT_TRUE(harness_.TurnUntil([&] { return empty.runs == 1; }));
  harness_.context.when_empty = nullptr;
}

TEST_F(LocalSessionTest, CutEndsIdleAndHalfReadConnections) {
  Wire half = harness_.Connect();
  half.Send("GET /");
  ASSERT_TRUE(harness_.TurnUntil([&] { return Active() == 1; }));
  while (!harness_.context.sessions.empty()) harness_.context.sessions.front()->Cut();
  EXPECT_TRUE(harness_.AwaitEnd(client_));
  EXPECT_TRUE(harness_.AwaitEnd(half));
  EXPECT_EQ(harness_.Closed("drained"), 2u);
}

// A client over a UNIX socket has no address to tell anybody.
TEST_F(LocalSessionTest, AUnixClientIsServed) {
  pool::SocketPair pair = pool::UnixPair();
  Wire client = harness_.Connect(std::move(pair.ours), std::move(pair.theirs), "unix:@x");
  client.Send(kGet);
  EXPECT_TRUE(harness_.Await(client, kHi).starts_with("HTTP/1.1 200"));
}

// What a client still sends after an early response is read and dropped, or the reset that the
// kernel would send could reach it before the response.
class LingerTest : public LocalSessionTest {
 protected:
  // Announces a body that nobody will read.
  void BeginLinger() {
    client_.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n");
    EXPECT_TRUE(harness_.AwaitEnd(client_));
    EXPECT_TRUE(client_.received().ends_with(kHi));
    EXPECT_NE(client_.received().find("Connection: close\r\n"), std::string::npos);
    ASSERT_FALSE(harness_.context.sessions.empty()) << "it lingers";
  }
};

TEST_F(LingerTest, EndsWithTheClientsEnd) {
  BeginLinger();
  client_.Send(std::string(10'000, 'x'));
  harness_.Turns(3);
  EXPECT_FALSE(harness_.context.sessions.empty());
  EXPECT_EQ(harness_.slabs.in_use(), 0u) << "what is thrown away is not kept";
  client_.Close();
  EXPECT_TRUE(harness_.TurnUntil([&] { return harness_.context.sessions.empty(); }));
  EXPECT_EQ(harness_.Closed("request_unread"), 1u);
}

TEST_F(LingerTest, EndsWhenTheClientStalls) {
  BeginLinger();
  harness_.Advance(Http1Session::kLingerStall - seconds(1));
  client_.Send("more");
  harness_.Turns(3);
  harness_.Advance(Http1Session::kLingerStall - seconds(1));
  EXPECT_FALSE(harness_.context.sessions.empty()) << "it sent something meanwhile";
  harness_.Advance(seconds(1));
  EXPECT_TRUE(harness_.context.sessions.empty());
}

TEST_F(LingerTest, EndsInTheEndHoweverMuchTheClientSends) {
  BeginLinger();
  for (Duration passed{0}; passed < Http1Session::kLingerTotal; passed += seconds(1)) {
    EXPECT_FALSE(harness_.context.sessions.empty()) << passed.count();
    client_.Send("more");
    harness_.Turns(3);
    harness_.Advance(seconds(1));
  }
  EXPECT_TRUE(harness_.context.sessions.empty());
}

TEST_F(LingerTest, ReadsItsShareInEachTurnAndTheRestLater) {
  BeginLinger();
  const size_t sent = client_.SendSome(std::string(4'000'000, 'x'));
  ASSERT_GT(sent, 1'000'000u);
  client_.End();
  EXPECT_TRUE(harness_.TurnUntil([&] { return harness_.context.sessions.empty(); }))
      << "no new readiness comes; the session goes on by itself";
}

TEST_F(LingerTest, AnEndThatWasReadIsNotWaitedFor) {
  client_.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12");
  client_.End();
  EXPECT_TRUE(harness_.AwaitEnd(client_));
  EXPECT_TRUE(harness_.context.sessions.empty());
}

TEST_F(LingerTest, ASmallUnreadBodyIsReadAndTheConnectionKept) {
  client_.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
  harness_.Await(client_, kHi);
  client_.Send("12345" + std::string(kGet));
  harness_.Await(client_, kHi);
  EXPECT_FALSE(client_.ended());
  EXPECT_EQ(Idle(), 1);
}

}  // namespace
}  // namespace holdfast::proxy
