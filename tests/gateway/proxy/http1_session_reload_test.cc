// What a reload changes holds for the next request on every connection, and timers that run are
// looked at again.

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "gateway/proxy/http1_session.h"
#include "tests/gateway/proxy/proxy_harness.h"

namespace holdfast::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kHi = "\r\n\r\nhi";
constexpr std::string_view kRespond =
    "- {match: {path_prefix: /}, respond: {status: 200, body: hi}}";
constexpr std::string_view kAllOff =
    "idle_timeout: off, head_timeout: off, body_timeout: off, max_connection_age: off";

class SessionReloadTest : public testing::Test {
 protected:
  // As the worker does it.
  static void Reload(ProxyHarness& harness, const std::string& listener,
                     const std::string& routes = std::string(kRespond)) {
    harness.Adopt(ProxyHarness::Load("listeners:\n  - {name: edge, bind: 127.0.0.1:0, " + listener +
                                     "}\nupstreams:\n  web: {endpoints: [\"127.0.0.1:1\"]}\n" +
                                     "routes:\n  " + routes + "\n"));
    harness.listener->Configure(ProxyHarness::ListenerConfig(harness.snapshot, 0), 0);
    for (Session* session = harness.context.sessions.front(); session != nullptr;
         session = decltype(harness.context.sessions)::Next(*session)) {
      session->OnReconfigured();
    }
    harness.Turn();
  }
  static HarnessConfig Respond(std::string_view listener) {
    return {.listener = std::string(listener), .routes = std::string(kRespond)};
  }
};

TEST_F(SessionReloadTest, AnIdleTimeReachesWhatIsIdleAlready) {
  for (const std::string_view before : {"idle_timeout: off", "idle_timeout: 3600s"}) {
    ProxyHarness harness(Respond(before));
    Wire client = harness.Connect();
    client.Send(kGet);
    harness.Await(client, kHi);
    harness.Advance(milliseconds(500));
    Reload(harness, "idle_timeout: 1s");
    EXPECT_EQ(harness.context.sessions.size(), 1u);
    harness.Advance(milliseconds(500));
    EXPECT_TRUE(harness.context.sessions.empty()) << before;
    EXPECT_EQ(harness.Closed("idle_timeout"), 1u);
  }
}

TEST_F(SessionReloadTest, WhatHasBeenIdleForLongerThanTheNewTimeEnds) {
  ProxyHarness harness(Respond("idle_timeout: 60s"));
  Wire client = harness.Connect();
  harness.Advance(seconds(30));
  Reload(harness, "idle_timeout: 5s");
  EXPECT_TRUE(harness.context.sessions.empty());
}

TEST_F(SessionReloadTest, ALongerIdleTimeHoldsAtOnce) {
  ProxyHarness harness(Respond("idle_timeout: 5s"));
  Wire client = harness.Connect();
  Reload(harness, "idle_timeout: 60s");
  harness.Advance(seconds(59));
  EXPECT_EQ(harness.context.sessions.size(), 1u);
  harness.Advance(seconds(1));
  EXPECT_TRUE(harness.context.sessions.empty());
}

TEST_F(SessionReloadTest, AHeadTimeReachesAHeadUnderWay) {
  ProxyHarness harness(Respond("head_timeout: off"));
  Wire client = harness.Connect();
  client.Send("GET / HTTP/1.1\r\n");
  harness.Turns(5);
  Reload(harness, "head_timeout: 2s");
  harness.Advance(seconds(2));
  EXPECT_TRUE(harness.AwaitEnd(client));
  EXPECT_TRUE(client.received().starts_with("HTTP/1.1 408 ")) << client.received();
}

TEST_F(SessionReloadTest, ABodyTimeReachesABodyUnderWay) {
  ProxyHarness harness({.listener = std::string(kAllOff)});
  Wire client = harness.Connect();
  client.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345");
  Wire upstream = harness.Accept();
  harness.Await(upstream, "12345");
  Reload(harness, "body_timeout: 2s", "- {match: {path_prefix: /}, upstream: web}");
  harness.Advance(seconds(2));
  EXPECT_TRUE(harness.AwaitEnd(client));
  EXPECT_TRUE(client.received().starts_with("HTTP/1.1 408 ")) << client.received();
}

TEST_F(SessionReloadTest, AnAgeIsAskedOfConnectionsThatHadNone) {
  ProxyHarness harness(Respond(kAllOff));
  Wire client = harness.Connect();
  client.Send(kGet);
  harness.Await(client, kHi);
  harness.Advance(seconds(100));
  Reload(harness, "idle_timeout: off, max_connection_age: 10s");
  client.Send(kGet);
  EXPECT_TRUE(harness.AwaitEnd(client));
  EXPECT_NE(client.received().find("Connection: close\r\n"), std::string::npos);
  EXPECT_EQ(harness.Closed("connection_age"), 1u);
}

TEST_F(SessionReloadTest, ANumberOfRequestsCountsThoseOfBefore) {
  ProxyHarness harness(Respond("max_requests: off"));
  Wire client = harness.Connect();
  for (int i = 0; i < 3; ++i) {
    client.Send(kGet);
    harness.Await(client, kHi);
  }
  Reload(harness, "max_requests: 2");
  client.Send(kGet);
  EXPECT_TRUE(harness.AwaitEnd(client));
  EXPECT_EQ(harness.Closed("max_requests"), 1u);
  // And more of them count as well.
  Reload(harness, "max_requests: 1");
  Wire other = harness.Connect();
  Reload(harness, "max_requests: off");
  for (int i = 0; i < 3; ++i) {
    other.Send(kGet);
    EXPECT_EQ(harness.Await(other, kHi).find("Connection: close"), std::string::npos);
  }
}

TEST_F(SessionReloadTest, LimitsOfHeadsAreThoseOfTheNextRequest) {
  for (const std::string_view limit : {"max_header_fields: 3", "max_uri_bytes: 64B",
                                       "max_head_bytes: 1KiB, max_uri_bytes: 1KiB"}) {
    ProxyHarness harness(Respond(kAllOff));
    Wire client = harness.Connect();
    const std::string request = "GET /" + std::string(100, 'a') +
                                " HTTP/1.1\r\nHost: a\r\nA: 1\r\n" +
                                "B: 1\r\nC: " + std::string(1000, 'c') + "\r\n\r\n";
    client.Send(request);
    harness.Await(client, kHi);
    Reload(harness, std::string(limit));
    client.Send(request);
    EXPECT_TRUE(harness.AwaitEnd(client));
    EXPECT_TRUE(client.received().starts_with("HTTP/1.1 4")) << limit << client.received();
  }
}

TEST_F(SessionReloadTest, WhoIsTrustedIsAskedForEachRequest) {
  constexpr std::string_view kToWeb = "- {match: {path_prefix: /}, upstream: web}";
  constexpr std::string_view kClaim =
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n";
  ProxyHarness harness({.listener = "trusted_proxies: [192.0.2.0/24]"});
  harness.LogExchanges();
  Wire client = harness.Connect();
  Wire upstream;
  const auto forwarded = [&] {
    client.Send(kClaim);
    if (upstream.fd() < 0) upstream = harness.Accept();
    const std::string request = harness.Await(upstream, kHeadEnd);
    upstream.Send(kOk);
    harness.Await(client, "\r\n\r\nok");
    return request;
  };
  EXPECT_NE(forwarded().find("X-Forwarded-For: 203.0.113.7, 192.0.2.7\r\n"), std::string::npos);
  Reload(harness, "trusted_proxies: []", std::string(kToWeb));
  EXPECT_NE(forwarded().find("X-Forwarded-For: 192.0.2.7\r\n"), std::string::npos);
  Reload(harness, "trusted_proxies: [192.0.2.7]", std::string(kToWeb));
  EXPECT_NE(forwarded().find("X-Forwarded-For: 203.0.113.7, 192.0.2.7\r\n"), std::string::npos);
}

// Where X-Real-IP says who the client is, an untrusted one's own goes nowhere.
TEST_F(SessionReloadTest, ARealIpGoesOnFromATrustedPeerUnlessNobodyGoesByIt) {
  constexpr std::string_view kToWeb = "- {match: {path_prefix: /}, upstream: web}";
  ProxyHarness harness({.listener = "client_ip: {from: x_real_ip}, trusted_proxies: [192.0.2.7]"});
  Wire client = harness.Connect();
  Wire upstream;
  const auto forwarded = [&] {
    client.Send(
        "GET / HTTP/1.1\r\nHost: a\r\nx-Real-IP: 203.0.113.7\r\nX_Real_Ip: 6.6.6.6\r\n\r\n");
    if (upstream.fd() < 0) upstream = harness.Accept();
    const std::string request = harness.Await(upstream, kHeadEnd);
    upstream.Send(kOk);
    harness.Await(client, "\r\n\r\nok");
    return request;
  };
  const std::string trusted = forwarded();
  EXPECT_NE(trusted.find("x-Real-IP: 203.0.113.7\r\n"), std::string::npos);
  EXPECT_NE(trusted.find("X-Forwarded-For: 203.0.113.7, 192.0.2.7\r\n"), std::string::npos);
  Reload(harness, "client_ip: {from: x_real_ip}, trusted_proxies: [198.51.100.1]",
         std::string(kToWeb));
  const std::string untrusted = forwarded();
  EXPECT_EQ(untrusted.find("203.0.113.7"), std::string::npos) << untrusted;
  EXPECT_EQ(untrusted.find("6.6.6.6"), std::string::npos) << untrusted;
  Reload(harness, "trusted_proxies: [198.51.100.1]", std::string(kToWeb));
  EXPECT_NE(forwarded().find("x-Real-IP: 203.0.113.7\r\n"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::proxy
