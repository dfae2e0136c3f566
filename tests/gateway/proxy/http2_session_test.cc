#include "gateway/proxy/http2_session.h"

#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "tests/gateway/http2/support/http2_client.h"
#include "tests/gateway/proxy/proxy_harness.h"
#include "tests/pool/net/socket_pair.h"

namespace holdfast::proxy {
namespace {

using metrics::Metric;
using std::chrono::milliseconds;
using std::chrono::seconds;
using support::Http2Client;
using support::Http2Request;
using support::Http2Response;

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const std::string kSettings("\0\0\0\4\0\0\0\0\0", 9);
constexpr uint32_t kNoError = 0;
constexpr int32_t kMaxId = 0x7fffffff;
constexpr char kRoutes[] =
    "- {name: local, match: {path_prefix: /local}, respond: {status: 200, body: hi}}\n"
    "  - {name: all, match: {path_prefix: /}, upstream: web}";

HarnessConfig H2(const std::string& listener = "") {
  return {.listener = "protocols: [h2, h1]" + (listener.empty() ? "" : ", " + listener),
          .routes = kRoutes};
}

class Http2SessionTest : public testing::Test {
 protected:
  void Begin(const HarnessConfig& config = H2(), const Http2Client::Options& options = {}) {
    client_.reset();
    harness_ = std::make_unique<ProxyHarness>(config);
    Connect(options);
  }
  void Connect(const Http2Client::Options& options = {}) {
    client_ = Another(options);
    ASSERT_TRUE(TurnUntil([&] { return client_->Room(0) > 65'535; })) << "greeted";
  }
  std::unique_ptr<Http2Client> Another(const Http2Client::Options& options = {}) {
    pool::SocketPair pair = pool::TcpPair();
    const int theirs = dup(pair.theirs.get());
    harness_->Connect(std::move(pair.ours), std::move(pair.theirs));
    return std::make_unique<Http2Client>(support::WireSocket(theirs), options);
  }
  void Turn() {
    client_->SendWhatFits();
    harness_->Turn();
    client_->TakeWhatIsThere();
  }
  void Turns(int n) {
    for (int i = 0; i < n; ++i) Turn();
  }
  template <class Condition>
  bool TurnUntil(Condition condition) {
    return harness_->TurnUntil([&] {
      client_->SendWhatFits();
      client_->TakeWhatIsThere();
      return condition();
    });
  }
  // Time passes, and what it leads to is heard by the client.
  void Advance(pool::Duration step) {
    harness_->Advance(step);
    Turns(5);
  }
  Http2Response Get(const std::string& path = "/local") {
    const int32_t id = client_->Send({.path = path});
    EXPECT_TRUE(TurnUntil([&] { return client_->At(id).ended || client_->At(id).reset; }));
    return client_->At(id);
  }
  bool ClientEnded() {
    return TurnUntil([&] { return client_->ended(); });
  }
  // The client has gone, or its connection was ended: nothing is left.
  void ExpectNothingLeft(const std::string& reason) {
    client_->wire().Close();
    EXPECT_TRUE(harness_->TurnUntil([&] { return harness_->context.sessions.empty(); }));
    EXPECT_EQ(harness_->Closed(reason), 1u) << reason;
    EXPECT_EQ(Idle(), 0);
    EXPECT_EQ(Active(), 0);
    EXPECT_EQ(harness_->places.all().taken(), 0u);
    EXPECT_TRUE(harness_->AtRest());
  }
  int64_t Idle() { return harness_->Level(Metric::kClientConnections, {"edge", "idle"}); }
  int64_t Active() { return harness_->Level(Metric::kClientConnections, {"edge", "active"}); }
  // The upstream's end of a request for "/" that is under way.
  Wire BeginUpstream(int32_t* id) {
    *id = client_->Send({});
    client_->SendWhatFits();
    Wire upstream = harness_->Accept();
    harness_->Await(upstream, kHeadEnd);
    return upstream;
  }

  std::unique_ptr<ProxyHarness> harness_;
  std::unique_ptr<Http2Client> client_;
};

TEST_F(Http2SessionTest, RequestsSideBySideMakeItActiveOnce) {
  Begin();
  EXPECT_EQ(Idle(), 1);
  int32_t first = 0;
  Wire upstream = BeginUpstream(&first);
  EXPECT_EQ(Active(), 1);
  EXPECT_EQ(Get().body, "hi");
  EXPECT_EQ(Active(), 1);
  EXPECT_EQ(Idle(), 0);
  upstream.Send(kOk);
  ASSERT_TRUE(TurnUntil([&] { return client_->At(first).ended; }));
  EXPECT_EQ(client_->At(first).body, "ok");
  EXPECT_EQ(Idle(), 1);
  EXPECT_EQ(Active(), 0);
  ExpectNothingLeft("client_closed");
}

TEST_F(Http2SessionTest, APrefaceMayComeByteByByte) {
  harness_ = std::make_unique<ProxyHarness>(H2());
  client_ = Another();
  // What the client of the tests says first, in pieces; then it goes on.
  for (const char byte : std::string(kPreface) + kSettings) {
    client_->wire().Send({&byte, 1});
    harness_->Turns(2);
  }
  // GET http://a/local
  const std::string head =
      std::string("\x82\x86\x41\x01") + "a" + std::string("\x04\x06") + "/local";
  std::string frame("\0\0\0\1\5\0\0\0\1", 9);
  frame[2] = static_cast<char>(head.size());
  for (const char byte : frame + head) {
    client_->wire().Send({&byte, 1});
    harness_->Turns(2);
  }
  EXPECT_TRUE(harness_->TurnUntil([&] {
    return harness_->Count(Metric::kRequestsTotal, {"edge", "local", "GET", "200", "gateway"}) == 1;
  }));
}

TEST_F(Http2SessionTest, AnIdleClientIsToldGoodbye) {
  Begin(H2("idle_timeout: 60s, head_timeout: 10s"));
  for (int i = 0; i < 3; ++i) {
    Advance(seconds(59));
    EXPECT_EQ(Get().body, "hi") << "each request begins the time anew";
  }
  Advance(seconds(60) - pool::TimerWheel::kTick);
  EXPECT_TRUE(client_->goaways().empty());
  Advance(2 * pool::TimerWheel::kTick);
  ASSERT_EQ(client_->goaways().size(), 1u);
  EXPECT_FALSE(client_->ended());
  Advance(Http2Session::kGoodbyeStep);
  EXPECT_TRUE(ClientEnded());
  EXPECT_EQ(client_->goaways()[0], std::pair(kNoError, kMaxId));
  ExpectNothingLeft("idle_timeout");
}

TEST_F(Http2SessionTest, AClientThatDoesNotAnswerTheGoodbyeIsLeftASecondLater) {
  Begin(H2("idle_timeout: 60s"));
  harness_->Advance(seconds(60));
  harness_->Turns(5);
  EXPECT_EQ(harness_->context.sessions.size(), 1u);
  harness_->Advance(Http2Session::kGoodbyeStep);
  harness_->Turns(5);
  harness_->Advance(Http2Session::kLingerTime);
  EXPECT_TRUE(harness_->context.sessions.empty()) << "it never sent a thing";
  ExpectNothingLeft("idle_timeout");
}

TEST_F(Http2SessionTest, SettingsAreAwaitedForAHeadsTime) {
  harness_ = std::make_unique<ProxyHarness>(H2("head_timeout: 10s"));
  client_ = Another();
  client_->wire().Send(kPreface);
  harness_->Turns(5);
  harness_->Advance(seconds(10) - pool::TimerWheel::kTick);
  EXPECT_EQ(harness_->context.sessions.size(), 1u);
  harness_->Advance(2 * pool::TimerWheel::kTick);
  EXPECT_TRUE(harness_->context.sessions.empty());
  ExpectNothingLeft("head_timeout");
}

TEST_F(Http2SessionTest, AHeadThatDoesNotComeToItsEndEndsTheConnection) {
  Begin(H2("head_timeout: 10s"));
  EXPECT_EQ(Get().body, "hi");
  Advance(seconds(30));
  client_->SendRaw(std::string("\0\0\1\1\1\0\0\0\3\x82", 10));
  Turns(3);
  for (int i = 0; i < 3; ++i) {
    Advance(seconds(3));
    client_->SendRaw(std::string("\0\0\0\x9\0\0\0\0\3", 9));  // an empty CONTINUATION
    Turns(2);
  }
  EXPECT_FALSE(client_->ended());
  Advance(seconds(1) + pool::TimerWheel::kTick);
  EXPECT_TRUE(ClientEnded());
  ExpectNothingLeft("head_timeout");
}

TEST_F(Http2SessionTest, AnOldConnectionServesWhatIsUnderWay) {
  Begin(H2("max_connection_age: 10s"));
  int32_t id = 0;
  Wire upstream = BeginUpstream(&id);
  Advance(seconds(11) + pool::TimerWheel::kTick);
  Advance(Http2Session::kGoodbyeStep);
  ASSERT_FALSE(client_->goaways().empty());
  EXPECT_FALSE(client_->ended());
  upstream.Send(kOk);
  EXPECT_TRUE(ClientEnded());
  EXPECT_EQ(client_->At(id).body, "ok");
  ExpectNothingLeft("connection_age");
}

TEST_F(Http2SessionTest, TheLastRequestsAreServed) {
  Begin(H2("max_requests: 3"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Get().body, "hi");
  Turns(3);
  Advance(Http2Session::kGoodbyeStep);
  EXPECT_TRUE(ClientEnded());
  EXPECT_FALSE(client_->goaways().empty());
  ExpectNothingLeft("max_requests");
}

TEST_F(Http2SessionTest, ADrainServesWhatIsUnderWayAndOnItsWay) {
  Begin();
  int32_t id = 0;
  Wire upstream = BeginUpstream(&id);
  harness_->context.sessions.front()->BeginDrain();
  const int32_t late = client_->Send({.path = "/local"});
  client_->SendWhatFits();
  ASSERT_TRUE(TurnUntil([&] { return client_->At(late).ended; }));
  EXPECT_EQ(client_->At(late).body, "hi");
  Turns(5);
  EXPECT_FALSE(client_->ended());
  upstream.Send(kOk);
  EXPECT_TRUE(ClientEnded());
  EXPECT_EQ(client_->At(id).body, "ok");
  ExpectNothingLeft("drained");
}

TEST_F(Http2SessionTest, ACutBreaksWhatIsUnderWay) {
  Begin();
  int32_t id = 0;
  Wire upstream = BeginUpstream(&id);
  EXPECT_TRUE(harness_->context.sessions.front()->Cut());
  EXPECT_TRUE(ClientEnded());
  EXPECT_FALSE(client_->At(id).ended);
  ExpectNothingLeft("drained");
}

TEST_F(Http2SessionTest, ACutOfAClientAtRestBreaksNothing) {
  Begin();
  EXPECT_FALSE(harness_->context.sessions.front()->Cut());
  ExpectNothingLeft("drained");
}

TEST_F(Http2SessionTest, AtACapAnIdleClientGivesWay) {
  Begin();
  EXPECT_EQ(Get().body, "hi");
  Turns(3);
  EXPECT_TRUE(harness_->listener->EvictIdle(pool::TimePoint::max()));
  EXPECT_TRUE(ClientEnded());
  ExpectNothingLeft("idle_evicted");
}

TEST_F(Http2SessionTest, AClientThatHasJustAskedDoesNotGiveWay) {
  Begin();
  Turns(3);
  const int32_t id = client_->Send({.path = "/local"});
  client_->SendWhatFits();
  EXPECT_FALSE(harness_->listener->EvictIdle(pool::TimePoint::max()));
  ASSERT_TRUE(TurnUntil([&] { return client_->At(id).ended; }));
  EXPECT_EQ(client_->At(id).body, "hi");
  ExpectNothingLeft("client_closed");
}

// Its exchange is over, and so it counts as idle; but the client has nothing of it yet.
TEST_F(Http2SessionTest, AClientThatIsJustBeingAnsweredDoesNotGiveWay) {
  Begin(H2(), {.connection_window = 65'535, .reads_bodies = false});
  client_->wire();
  int32_t id = 0;
  Wire upstream = BeginUpstream(&id);
  upstream.Send("HTTP/1.1 200 OK\r\nContent-Length: 65535\r\n\r\n" + std::string(65'535, 'x'));
  ASSERT_TRUE(TurnUntil([&] { return client_->At(id).ended; }));
  const int32_t next = client_->Send({.path = "/local"});
  Turns(5);
  EXPECT_FALSE(client_->At(next).ended) << "the connection's window is used up";
  EXPECT_FALSE(harness_->listener->EvictIdle(pool::TimePoint::max()));
  client_->GrantConnection(65'535);
  ASSERT_TRUE(TurnUntil([&] { return client_->At(next).ended; }));
  EXPECT_EQ(client_->At(next).body, "hi");
}

// What fits the windows counts as sent although several share them.
TEST_F(Http2SessionTest, AClientThatOpensNoWindowIsNotWaitedForWithoutEnd) {
  HarnessConfig config = H2("idle_timeout: 60s");
  config.routes = "- {match: {path_prefix: /}, respond: {status: 200, body: \"" +
                  std::string(15'000, 'x') + "\"}}";
  Begin(config, {.stream_window = 1'000'000, .connection_window = 65'535, .reads_bodies = false});
  for (int i = 0; i < 8; ++i) client_->Send({});
  Turns(10);
  EXPECT_EQ(Idle(), 1) << "all exchanges are over";
  Advance(seconds(61));
  for (int i = 0; i < 10; ++i) Advance(seconds(10));
  EXPECT_TRUE(client_->ended());
  EXPECT_TRUE(harness_->context.sessions.empty());
  ExpectNothingLeft("write_stalled");
}

TEST_F(Http2SessionTest, WhatIsNotTakenEndsTheConnection) {
  Begin(H2("http2: {write_timeout: 30s}"),
        {.stream_window = 64 * 1024 * 1024, .connection_window = 64 * 1024 * 1024});
  int32_t id = 0;
  Wire upstream = BeginUpstream(&id);
  upstream.Send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
  const std::string part(256 * 1024, 'x');
  int stuck = 0;
  for (int turn = 0; turn < 5'000 && stuck < 20; ++turn) {
    stuck = upstream.SendSome(part) == 0 ? stuck + 1 : 0;
    harness_->Turn();
  }
  ASSERT_EQ(stuck, 20);
  harness_->Advance(seconds(29));
  EXPECT_EQ(harness_->context.sessions.size(), 1u);
  harness_->Advance(seconds(2));
  EXPECT_TRUE(harness_->context.sessions.empty());
  ExpectNothingLeft("write_stalled");
}

TEST_F(Http2SessionTest, AReloadReachesTheTimesOfAnOpenConnection) {
  Begin(H2("idle_timeout: 3600s"));
  EXPECT_EQ(Get().body, "hi");
  Advance(seconds(30));
  harness_->Adopt(ProxyHarness::Load(
      "listeners:\n  - {name: edge, bind: 127.0.0.1:0, protocols: [h2, h1], idle_timeout: 5s}\n"
      "upstreams:\n  web: {endpoints: [\"127.0.0.1:1\"]}\nroutes:\n  " +
      std::string(kRoutes) + "\n"));
  harness_->listener->Configure(ProxyHarness::ListenerConfig(harness_->snapshot, 0), 0);
  harness_->context.sessions.front()->OnReconfigured();
  Turns(3);
  Advance(pool::TimerWheel::kTick);
  Advance(Http2Session::kGoodbyeStep);
  EXPECT_TRUE(ClientEnded()) << "it has been idle for longer already";
  ExpectNothingLeft("idle_timeout");
}

TEST_F(Http2SessionTest, ABrokenConnectionIsCountedAsSuch) {
  Begin();
  int32_t id = 0;
  Wire upstream = BeginUpstream(&id);
  client_->SendRaw(std::string("\0\0\1\0\0\0\0\0\0x", 10));
  EXPECT_TRUE(ClientEnded());
  ASSERT_EQ(client_->goaways().size(), 1u);
  EXPECT_EQ(client_->goaways()[0].first, 1u);
  ExpectNothingLeft("http2_broken");
}

TEST_F(Http2SessionTest, AFloodIsCountedAsSuch) {
  Begin(H2("http2: {max_glitches: 40}"));
  std::string pings;
  for (int i = 0; i < 40; ++i) pings += std::string("\0\0\x8\6\0\0\0\0\0", 9) + "12345678";
  client_->SendRaw(pings);
  EXPECT_TRUE(ClientEnded());
  EXPECT_EQ(harness_->Count(Metric::kClientGlitchesTotal, {"edge", "ping"}), 40u);
  ExpectNothingLeft("http2_flood");
}

TEST_F(Http2SessionTest, AClientThatIsGoneEndsItsExchanges) {
  Begin();
  int32_t id = 0;
  Wire upstream = BeginUpstream(&id);
  client_->wire().Reset();
  EXPECT_TRUE(harness_->TurnUntil([&] { return harness_->context.sessions.empty(); }));
  EXPECT_TRUE(harness_->AwaitEnd(upstream));
  ExpectNothingLeft("client_reset");
}

}  // namespace
}  // namespace holdfast::proxy
