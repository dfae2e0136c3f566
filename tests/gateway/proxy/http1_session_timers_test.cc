#include <chrono>
#include <set>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "gateway/proxy/http1_session.h"
#include "tests/gateway/proxy/proxy_harness.h"

namespace holdfast::proxy {
namespace {

using metrics::Metric;
using pool::Duration;
using pool::TimerWheel;
using std::chrono::seconds;

constexpr std::string_view kHi = "\r\n\r\nhi";

class SessionTimersTest : public testing::Test {
 protected:
  int64_t Active() { return harness_.Level(Metric::kClientConnections, {"edge", "active"}); }
  void SendPartOfHead(std::string_view part) {
    client_.Send(part);
    ASSERT_TRUE(harness_.TurnUntil([&] { return Active() == 1; }));
  }

  ProxyHarness harness_{
      {.listener = "idle_timeout: 60s, head_timeout: 10s, max_connection_age: 1000s",
       .routes = "- {match: {path_prefix: /}, respond: {status: 200, body: hi}}"}};
  Wire client_ = harness_.Connect();
};

TEST_F(SessionTimersTest, AnIdleConnectionEndsWithItsTime) {
  harness_.Advance(seconds(60) - TimerWheel::kTick);
  EXPECT_EQ(harness_.context.sessions.size(), 1u);
  harness_.Advance(TimerWheel::kTick);
  EXPECT_TRUE(harness_.context.sessions.empty());
  EXPECT_TRUE(harness_.AwaitEnd(client_));
  EXPECT_FALSE(client_.reset());
  EXPECT_EQ(harness_.Closed("idle_timeout"), 1u);
  EXPECT_EQ(harness_.loop.timers().size(), 0u);
}

TEST_F(SessionTimersTest, EachRequestBeginsTheIdleTimeAnew) {
  for (int i = 0; i < 5; ++i) {
    harness_.Advance(seconds(59));
    client_.Send(kGet);
    harness_.Await(client_, kHi);
  }
  harness_.Advance(seconds(60) - TimerWheel::kTick);
  EXPECT_EQ(harness_.context.sessions.size(), 1u);
  harness_.Advance(TimerWheel::kTick);
  EXPECT_TRUE(harness_.context.sessions.empty());
}

TEST_F(SessionTimersTest, ARequestMovesNoTimer) {
  const auto expiry = harness_.loop.timers().NextExpiry();
  client_.Send(kGet);
  harness_.Await(client_, kHi);
  EXPECT_EQ(harness_.loop.timers().NextExpiry(), expiry);
}

// RFC 9110 section 15.5.9: the response says that the connection ends, and it does.
TEST_F(SessionTimersTest, AHeadThatDoesNotComeToItsEndIsToldAndEnds) {
  SendPartOfHead("GET / HTTP/1.1\r\nHo");
  harness_.Advance(seconds(10) - TimerWheel::kTick);
  client_.Pull();
  EXPECT_EQ(client_.received(), "");
  harness_.Advance(TimerWheel::kTick);
  EXPECT_TRUE(harness_.AwaitEnd(client_));
  EXPECT_TRUE(client_.received().starts_with("HTTP/1.1 408 Request Timeout\r\n"));
  EXPECT_NE(client_.received().find("Connection: close\r\n"), std::string::npos);
  EXPECT_NE(client_.received().find("head_timeout"), std::string::npos);
  client_.Close();
  EXPECT_TRUE(harness_.TurnUntil([&] { return harness_.context.sessions.empty(); }));
  EXPECT_EQ(harness_.Closed("head_timeout"), 1u);
  EXPECT_EQ(harness_.Count(Metric::kRequestsTotal, {"edge", "none", "OTHER", "408", "gateway"}),
            1u);
}

TEST_F(SessionTimersTest, TheHeadsTimeRunsFromItsFirstByteWhateverComesMeanwhile) {
  SendPartOfHead("GET / HTTP/1.1\r\n");
  for (int i = 0; i < 9; ++i) {
    harness_.Advance(seconds(1));
    client_.Send("a: b\r\n");
    harness_.Turns(3);
  }
  client_.Pull();
  EXPECT_EQ(client_.received(), "");
  harness_.Advance(seconds(1));
  EXPECT_TRUE(harness_.AwaitEnd(client_));
  EXPECT_TRUE(client_.received().starts_with("HTTP/1.1 408 "));
}

TEST_F(SessionTimersTest, AHeadThatComesInTimeIsServed) {
  SendPartOfHead("GET / HTTP/1.1\r\nHo");
  harness_.Advance(seconds(9));
  client_.Send("st: a\r\n\r\n");
  harness_.Await(client_, kHi);
  harness_.Advance(seconds(59));
  EXPECT_EQ(harness_.context.sessions.size(), 1u) << "the head's timer means nothing any more";
}

TEST_F(SessionTimersTest, TheHeadsTimeDoesNotCountWhatTheRequestBeforeItTook) {
  client_.Send(std::string(kGet) + "GET /");
  harness_.Await(client_, kHi);
  harness_.Advance(seconds(9));
  EXPECT_EQ(Active(), 1);
  client_.Send(" HTTP/1.1\r\nHost: a\r\n\r\n");
  harness_.Await(client_, kHi);
}

TEST_F(SessionTimersTest, AnOldConnectionIsEndedByItsNextResponse) {
  for (int i = 0; i < 22; ++i) {
    harness_.Advance(seconds(50));
    client_.Send(kGet);
    const std::string response = harness_.Await(client_, kHi);
    if (response.find("Connection: close\r\n") != response.npos) break;
    ASSERT_LT(i, 21) << "a tenth above its age it is old for certain";
    ASSERT_FALSE(client_.ended());
  }
  EXPECT_GE(harness_.clock.Now() - pool::ManualClock::kStart, seconds(900));
  EXPECT_TRUE(harness_.AwaitEnd(client_));
  EXPECT_EQ(harness_.Closed("connection_age"), 1u);
}

TEST(SessionRequestsTest, TheLastRequestOfAConnectionIsToldSo) {
  ProxyHarness harness({.listener = "max_requests: 3",
                        .routes = "- {match: {path_prefix: /}, respond: {status: 200, body: hi}}"});
  Wire client = harness.Connect();
  for (int i = 1; i <= 3; ++i) {
    client.Send(kGet);
    const std::string response = harness.Await(client, kHi);
    EXPECT_EQ(response.find("Connection: close\r\n") != response.npos, i == 3) << i;
  }
  EXPECT_TRUE(harness.AwaitEnd(client));
  EXPECT_EQ(harness.Closed("max_requests"), 1u);
}

TEST(SessionRequestsTest, ConnectionsHaveDifferentNumbersOfRequests) {
  ProxyHarness harness({.listener = "max_requests: 100",
                        .routes = "- {match: {path_prefix: /}, respond: {status: 200, body: hi}}"});
  std::set<int> served;
  for (int connection = 0; connection < 5; ++connection) {
    Wire client = harness.Connect();
    for (int i = 1;; ++i) {
      ASSERT_LE(i, 110);
      client.Send(kGet);
      if (harness.Await(client, kHi).find("Connection: close") == std::string::npos) continue;
      EXPECT_GE(i, 90);
      served.insert(i);
      break;
    }
  }
  EXPECT_GT(served.size(), 1u);
}

TEST(SessionTimersOffTest, WithoutTimeoutsNothingIsArmed) {
  ProxyHarness harness({.listener = "idle_timeout: off, head_timeout: off, body_timeout: off, "
                                    "max_connection_age: off",
                        .routes = "- {match: {path_prefix: /}, respond: {status: 200, body: hi}}"});
  Wire client = harness.Connect();
  client.Send("GET / HTTP/1.1\r\n");
  harness.Turns(3);
  EXPECT_EQ(harness.loop.timers().size(), 0u);
  harness.Advance(std::chrono::hours(1000));
  client.Send("Host: a\r\n\r\n");
  harness.Await(client, kHi);
  EXPECT_EQ(harness.loop.timers().size(), 0u);
}

}  // namespace
}  // namespace holdfast::proxy
