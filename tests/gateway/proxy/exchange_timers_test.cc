#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "gateway/proxy/exchange.h"
#include "tests/gateway/proxy/proxy_harness.h"
#include "tests/pool/net/socket_pair.h"

namespace holdfast::proxy {
namespace {

using metrics::Metric;
using pool::Duration;
using pool::Pattern;
using pool::TimerWheel;
using std::chrono::seconds;

constexpr std::string_view kPost10 = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n";

// Each limit has a length of its own, so that none can stand in for another.
HarnessConfig Limits(std::string total = "off") {
  return {.listener = "idle_timeout: 500s, body_timeout: 30s",
          .upstream =
              "idle_timeout: 400s, connect_timeout: 3s, "
              "max_connections: 1, queue: {size: 1, timeout: 8s}",
          .routes =
              "- {name: all, match: {path_prefix: /}, upstream: web, "
              "timeouts: {first_byte: 11s, stall: 60s, total: " +
              total + "}, tunnel_idle_timeout: 90s}"};
}

class ExchangeTimersTest : public testing::Test {
 protected:
  explicit ExchangeTimersTest(const HarnessConfig& config = Limits()) : harness_(config) {}

  void ReachUpstream(std::string_view request = kGet) {
    client_.Send(request);
    upstream_ = harness_.Accept();
    harness_.Await(upstream_, request.substr(request.size() - 4));
  }
  // Nothing happens before `limit`, and at it something does.
  void ExpectAt(Duration limit) {
    harness_.Advance(limit - TimerWheel::kTick);
    harness_.Turns(3);
    client_.Pull();
    EXPECT_EQ(client_.received(), "");
    EXPECT_FALSE(client_.ended());
    harness_.Advance(TimerWheel::kTick);
  }
  void ExpectReply(std::string_view status, std::string_view reason) {
    EXPECT_TRUE(harness_.TurnUntil([&] {
      client_.Pull();
      return client_.received().ends_with("reason: " + std::string(reason) + "\n");
    })) << client_.received();
    EXPECT_TRUE(client_.received().starts_with("HTTP/1.1 " + std::string(status)));
  }
  // One has the only connection, one waits for it; the third finds no room to wait.
  void ExpectQueueFull() {
    Wire first = harness_.Connect();
    first.Send(kGet);
    Wire busy = harness_.Accept();
    harness_.Await(busy, kHeadEnd);
    Wire second = harness_.Connect();
    second.Send(kGet);
    ASSERT_TRUE(harness_.TurnUntil([&] { return harness_.cluster->pool(0).waiters() == 1; }));
    client_.Send(kGet);
    ExpectReply("503 ", "queue_full");
    busy.Send(kOk);
    harness_.Await(busy, kHeadEnd);
    busy.Send(kOk);
    harness_.Await(second, "\r\n\r\nok");
  }
  uint64_t Failures(const std::string& reason) {
    return harness_.Count(Metric::kUpstreamRequestFailuresTotal, {"web", reason});
  }

  ProxyHarness harness_;
  Wire client_ = harness_.Connect();
  Wire upstream_;
};

TEST_F(ExchangeTimersTest, AResponseThatDoesNotBegin) {
  ReachUpstream();
  ExpectAt(seconds(11));
  ExpectReply("504 ", "first_byte_timeout");
  EXPECT_TRUE(harness_.AwaitEnd(upstream_));
}

TEST_F(ExchangeTimersTest, AfterABodyTheResponsesTimeRunsFromTheBodysEnd) {
  ReachUpstream(std::string(kPost10) + "12345");
  harness_.Advance(seconds(29));
  client_.Send("67890");
  harness_.Await(upstream_, "67890");
  ExpectAt(seconds(11));
  ExpectReply("504 ", "first_byte_timeout");
}

TEST_F(ExchangeTimersTest, ABodyThatDoesNotCome) {
  ReachUpstream(std::string(kPost10) + "12345");
  ExpectAt(seconds(30));
  ExpectReply("408 ", "client_body_timeout");
  EXPECT_NE(client_.received().find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(harness_.AwaitEnd(client_)) << "nobody waits for the rest of it";
  EXPECT_EQ(Failures("client_body_timeout"), 0u) << "it was not the upstream";
}

TEST_F(ExchangeTimersTest, WhileTheBodyIsHeldBackItIsTheUpstreamThatIsSilent) {
  ReachUpstream("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n");
  ExpectAt(seconds(11));
  ExpectReply("504 ", "first_byte_timeout");
  EXPECT_EQ(Failures("first_byte_timeout"), 1u);
}

TEST_F(ExchangeTimersTest, ToldToGoOnTheClientHasABodysTime) {
  ReachUpstream("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n");
  upstream_.Send("HTTP/1.1 100 Continue\r\n\r\n");
  harness_.Await(client_, "\r\n\r\n");
  client_.Take();
  ExpectAt(seconds(30));
  ExpectReply("408 ", "client_body_timeout");
}

TEST_F(ExchangeTimersTest, EachPieceOfABodyBeginsItsTimeAnew) {
  ReachUpstream(std::string(kPost10) + "1");
  for (int i = 0; i < 9; ++i) {
    harness_.Advance(seconds(29));
    client_.Send("2");
    harness_.Await(upstream_, "2");
  }
  upstream_.Send(kOk);
  harness_.Await(client_, "\r\n\r\nok");
}

TEST_F(ExchangeTimersTest, AResponseThatStalls) {
  ReachUpstream();
  upstream_.Send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
  harness_.Await(client_, "part");
  harness_.Advance(seconds(59));
  upstream_.Send("more");
  harness_.Await(client_, "more");
  ExpectAt(seconds(60));
  EXPECT_TRUE(harness_.AwaitEnd(client_));
  EXPECT_EQ(Failures("stall_timeout"), 1u);
}

TEST_F(ExchangeTimersTest, AClientThatDoesNotReadIsNotTheUpstreamsFault) {
  ReachUpstream();
  upstream_.Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "10000\r\n" + Pattern(65536) + "\r\n";
  for (int quiet = 0; quiet < 20; ++quiet) {
    if (upstream_.SendSome(chunk) == chunk.size()) quiet = 0;
    harness_.Turn();
  }
  harness_.Advance(seconds(59));
  EXPECT_EQ(harness_.context.sessions.size(), 1u);
  harness_.Advance(seconds(2));
  EXPECT_TRUE(harness_.context.sessions.empty());
  EXPECT_EQ(Failures("stall_timeout"), 0u);
}

TEST_F(ExchangeTimersTest, ATunnelThatIsIdle) {
  ReachUpstream("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
  upstream_.Send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
  harness_.Await(client_, kHeadEnd);
  harness_.Advance(seconds(89));
  client_.Send("ping");
  harness_.Await(upstream_, "ping");
  ExpectAt(seconds(90));
  EXPECT_TRUE(harness_.AwaitEnd(client_));
  EXPECT_TRUE(harness_.AwaitEnd(upstream_));
  EXPECT_EQ(harness_.Level(Metric::kTunnels, {"web"}), 0);
}

TEST_F(ExchangeTimersTest, AWaitInTheQueue) {
  Wire first = harness_.Connect();
  first.Send(kGet);
  Wire busy = harness_.Accept();
  harness_.Await(busy, kHeadEnd);
  client_.Send(kGet);
  ASSERT_TRUE(harness_.TurnUntil([&] { return harness_.cluster->pool(0).waiters() == 1; }));
  ExpectAt(seconds(8));
  ExpectReply("503 ", "queue_timeout");
  EXPECT_NE(client_.received().find("Retry-After: "), std::string::npos);
  busy.Send(kOk);
  harness_.Await(first, "\r\n\r\nok");
}

TEST_F(ExchangeTimersTest, AQueueThatIsFull) { ExpectQueueFull(); }

// Nor does the request go to an endpoint that checks have found unfit.
TEST_F(ExchangeTimersTest, AQueueThatIsFullIsNoReasonToAskWhoIsNotUp) {
  Backend unfit;
  pool::EndpointSet set;
  set.endpoints.push_back({{.address = harness_.backend.address()}});
  set.endpoints.push_back({{.address = unfit.address()}});
  set.endpoints.back().availability = pool::Availability::kUnhealthy;
  harness_.cluster->SetEndpoints(set);
  ExpectQueueFull();
}

// The timer of an exchange stays armed when it ends, to be found by the next one in its object.
TEST_F(ExchangeTimersTest, TheTimerOfAnEarlierExchangeMeansNothing) {
  for (int i = 0; i < 5; ++i) {
    if (i == 0) {
      ReachUpstream();
    } else {
      client_.Send(kGet);
      harness_.Await(upstream_, kHeadEnd);
    }
    harness_.Advance(seconds(10));
    upstream_.Send(kOk);
    harness_.Await(client_, "\r\n\r\nok");
  }
  client_.Send(kGet);
  harness_.Await(upstream_, kHeadEnd);
  ExpectAt(seconds(11));
  ExpectReply("504 ", "first_byte_timeout");
}

TEST_F(ExchangeTimersTest, AtRestNothingFiresButTheIdleTimes) {
  ReachUpstream();
  upstream_.Send(kOk);
  harness_.Await(client_, "\r\n\r\nok");
  harness_.Advance(seconds(399));
  EXPECT_EQ(harness_.cluster->pool(0).idle(), 1u);
  EXPECT_EQ(harness_.context.sessions.size(), 1u);
  harness_.Advance(seconds(1));
  EXPECT_EQ(harness_.cluster->pool(0).idle(), 0u);
  harness_.Advance(seconds(100));
  EXPECT_TRUE(harness_.context.sessions.empty());
  EXPECT_EQ(harness_.loop.timers().size(), 0u);
}

class TotalTimeoutTest : public ExchangeTimersTest {
 protected:
  TotalTimeoutTest() : ExchangeTimersTest(Limits("9s")) {}
};

TEST_F(TotalTimeoutTest, EndsAResponseThatHasNotBegun) {
  ReachUpstream();
  ExpectAt(seconds(9));
  ExpectReply("504 ", "total_timeout");
}

TEST_F(TotalTimeoutTest, EndsABodyThatKeepsComing) {
  ReachUpstream(std::string(kPost10) + "1");
  for (int i = 0; i < 8; ++i) {
    harness_.Advance(seconds(1));
    client_.Send("2");
    harness_.Await(upstream_, "2");
  }
  ExpectAt(seconds(1));
  ExpectReply("504 ", "total_timeout");
}

TEST_F(TotalTimeoutTest, BreaksAResponseOff) {
  ReachUpstream();
  upstream_.Send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
  harness_.Await(client_, "part");
  ExpectAt(seconds(9));
  EXPECT_TRUE(harness_.AwaitEnd(client_));
  EXPECT_EQ(Failures("total_timeout"), 1u);
}

TEST_F(TotalTimeoutTest, DoesNotCountForATunnel) {
  ReachUpstream("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
  upstream_.Send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
  harness_.Await(client_, kHeadEnd);
  harness_.Advance(seconds(60));
  client_.Send("ping");
  harness_.Await(upstream_, "ping");
}

// After the response: what the client does not read, and what it does not send.
class FinishTest : public ExchangeTimersTest {
 protected:
  FinishTest()
      : ExchangeTimersTest({.listener = "idle_timeout: 500s, body_timeout: 30s",
                            .routes = "- {name: all, match: {path_prefix: /}, respond: {status: "
                                      "200, body: \"" +
                                      std::string(60'000, 'x') + "\"}}"}) {
    pool::SocketPair pair = pool::UnixPair();
    const int small = 4096;
    EXPECT_EQ(setsockopt(pair.ours.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
    slow_ = harness_.Connect(std::move(pair.ours), std::move(pair.theirs));
    client_.Close();
    EXPECT_TRUE(harness_.TurnUntil([&] { return harness_.context.sessions.size() == 1; }));
  }
  Wire slow_;
};

TEST_F(FinishTest, AClientThatReadsNothingIsGivenUp) {
  slow_.Send(kGet);
  harness_.Turns(3);
  harness_.Advance(seconds(30) - TimerWheel::kTick);
  EXPECT_EQ(harness_.context.sessions.size(), 1u);
  harness_.Advance(TimerWheel::kTick);
  EXPECT_TRUE(harness_.context.sessions.empty());
  EXPECT_TRUE(harness_.AtRest());
}

TEST_F(FinishTest, AClientThatReadsSlowlyIsNot) {
  slow_.Send(kGet);
  size_t received = 0;
  for (int i = 0; i < 100 && received < 60'000; ++i) {
    harness_.Advance(seconds(29));
    slow_.Pull();
    received += slow_.Take().size();
    harness_.Turns(3);
  }
  EXPECT_GT(received, 60'000u);
  EXPECT_FALSE(slow_.ended());
}

TEST_F(FinishTest, AClientThatNeitherSendsItsBodyNorReadsTheReplyIsGivenUp) {
  slow_.Send(kPost10);
  harness_.Turns(3);
  for (int i = 0; i < 3; ++i) harness_.Advance(seconds(30));
  EXPECT_TRUE(harness_.context.sessions.empty());
  EXPECT_TRUE(harness_.AtRest());
}

TEST_F(FinishTest, ABodyThatNeverComesKeepsNobodyWaiting) {
  slow_.Send(kPost10);
  size_t received = 0;
  ASSERT_TRUE(harness_.TurnUntil([&] {
    slow_.Pull();
    received += slow_.Take().size();
    return received > 60'000;
  }));
  harness_.Advance(seconds(30));
  EXPECT_TRUE(harness_.AwaitEnd(slow_));
  harness_.Advance(Http1Session::kLingerStall);
  EXPECT_TRUE(harness_.context.sessions.empty());
}

}  // namespace
}  // namespace holdfast::proxy
