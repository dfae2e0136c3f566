#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/gateway/proxy/proxy_harness.h"

// Clients whose bytes the loop knows of while they wait for their turn.

namespace holdfast::proxy {
namespace {

using std::chrono::seconds;

constexpr int kThrong = pool::EventLoop::kMaxServedPerTurn * 2;

class SessionTurnsTest : public testing::Test {
 protected:
  static HarnessConfig Config() {
    return {.listener = "idle_timeout: 10s, head_timeout: 10s",
            .routes =
                "- {match: {path: /own}, respond: {status: 200, body: hi}}\n"
                "  - {match: {path_prefix: /}, upstream: web}\n"};
  }
  // Half of them are behind the others when the time is over.
  void ExpectServed(const std::string& first, const std::string& rest) {
    for (int i = 0; i < kThrong; ++i) {
      clients_.push_back(std::make_unique<Wire>(harness_.Connect()));
      clients_.back()->Send(first);
    }
    harness_.Turns(6);
    for (auto& client : clients_) client->Send(rest);
    harness_.Advance(seconds(10));
    for (auto& client : clients_) harness_.Await(*client, "\r\n\r\nhi");
  }

  ProxyHarness harness_{Config()};
  std::vector<std::unique_ptr<Wire>> clients_;
};

TEST_F(SessionTurnsTest, ARequestThatCameInTimeIsServedThoughItsTurnIsLater) {
  ExpectServed("", "GET /own HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(harness_.Closed("idle_timeout"), 0u);
}

TEST_F(SessionTurnsTest, ARestOfAHeadThatCameInTimeIsReadThoughItsTurnIsLater) {
  ExpectServed("GET /own HTTP/1.1\r\n", "Host: a\r\n\r\n");
  EXPECT_EQ(harness_.Closed("head_timeout"), 0u);
}

// A reset would overtake the response.
TEST_F(SessionTurnsTest, WhatWaitsForItsTurnIsUnread) {
  Wire client = harness_.Connect();
  client.Send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  Wire upstream = harness_.Accept();
  harness_.Await(upstream, kHeadEnd);
  client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  upstream.Send(kOk);
  harness_.Await(client, "\r\n\r\nok");
  ASSERT_TRUE(harness_.AwaitEnd(client));
  EXPECT_FALSE(client.reset());
}

}  // namespace
}  // namespace holdfast::proxy
