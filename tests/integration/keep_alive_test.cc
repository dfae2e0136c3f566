// Kept client connections: who decides that they end, and when.

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_hop.h"

namespace holdfast::support {
namespace {

constexpr std::string_view kClosed = "holdfast_client_connections_closed_total";

TEST(KeepAliveTest, OneConnectionServesManyRequests) {
  AutoUpstream upstream;
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}});
  RawClient client(gateway.address());
  for (int i = 0; i < 10; ++i) {
    const Message response = client.Get("/");
    EXPECT_EQ(response.body, "hello");
    EXPECT_FALSE(response.Has("connection")) << response.head;
  }
  client.ExpectQuiet();
  EXPECT_EQ(upstream.accepted(), 1);
  EXPECT_EQ(
      gateway.Scrape().Value("holdfast_client_connections_accepted_total", {{"listener", "edge"}}),
      1);
}

// The sockets of this host between these ports, as hexadecimal numbers, whose timer is that of TCP
// keepalive (proc(5): `tr` 02). No local port: any.
int WatchedSockets(const std::string& local, const std::string& remote) {
  std::ifstream table("/proc/net/tcp");
  std::string line;
  int watched = 0;
  while (std::getline(table, line)) {
    std::istringstream fields(line);
    std::string number, from, to, state, queues, timer;
    fields >> number >> from >> to >> state >> queues >> timer;
    if ((local.empty() || from.ends_with(":" + local)) && to.ends_with(":" + remote) &&
        state == "01" && timer.starts_with("02:")) {
      ++watched;
    }
  }
  return watched;
}

std::string HexPort(std::string_view address) {
  const std::string digits(address.substr(address.rfind(':') + 1));
  char hex[8];
  snprintf(hex, sizeof(hex), "%04X", static_cast<unsigned>(std::stoul(digits)));
  return hex;
}

// A peer that vanishes sends no end. Who is idle is asked from time to time whether it is there.
TEST(KeepAliveTest, TcpWatchesIdleConnectionsOnBothSides) {
  AutoUpstream upstream;
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}});
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/").body, "hello");
  const std::string client_port = HexPort(LocalAddress(client.fd()));
  EXPECT_TRUE(
      Eventually([&] { return WatchedSockets(HexPort(gateway.address()), client_port) == 1; }));
  // Other programs may have a connection to that port of another address.
  const std::string port = HexPort(upstream.address());
  EXPECT_TRUE(Eventually([&] { return WatchedSockets("", port) >= 1; }));
}

TEST(KeepAliveTest, TheClientMayAskToClose) {
  AutoUpstream upstream;
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}});
  RawClient client(gateway.address());
  const Message response = client.Get("/", "Connection: close\r\n");
  EXPECT_TRUE(response.HasLine("Connection: close")) << response.head;
  client.ExpectClosed();
  gateway.AwaitMetric(kClosed, {{"listener", "edge"}, {"reason", "client_asked"}}, 1);
}

TEST(KeepAliveTest, TheUpstreamsCloseIsNotTheClients) {
  AutoUpstream upstream([](const Message&) {
    return AutoUpstream::Reply{.bytes = OkResponse("x", "Connection: close\r\n"), .close = true};
  });
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}});
  RawClient client(gateway.address());
  for (int i = 0; i < 3; ++i) {
    const Message response = client.Get("/");
    EXPECT_EQ(response.body, "x");
    EXPECT_FALSE(response.Has("connection")) << response.head;
  }
  EXPECT_EQ(upstream.accepted(), 3);
}

TEST(KeepAliveTest, AnIdleConnectionIsClosedInOrder) {
  GatewayProcess gateway(GatewayConfig{.listener = "idle_timeout: 200ms"});
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/local").Status(), 200);
  client.ExpectClosed();
  gateway.AwaitMetric(kClosed, {{"listener", "edge"}, {"reason", "idle_timeout"}}, 1);
}

TEST(KeepAliveTest, AConnectionThatNeverSentAnythingIsClosedAsWell) {
  GatewayProcess gateway(GatewayConfig{.listener = "idle_timeout: 200ms"});
  RawClient client(gateway.address());
  client.ExpectClosed();
}

TEST(KeepAliveTest, TheIdleTimeoutIsNoLimitForAnExchange) {
  ScriptedHop hop(GatewayConfig{.listener = "idle_timeout: 100ms"});
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Request();
  RawClient idle(hop.gateway.address());
  idle.ExpectClosed();  // so long was the exchange without a byte
  upstream.Send(OkResponse("late"));
  EXPECT_EQ(hop.client.Response().body, "late");
}

TEST(KeepAliveTest, AnOldConnectionIsAskedToGo) {
  GatewayProcess gateway(GatewayConfig{.listener = "max_connection_age: 200ms"});
  RawClient client(gateway.address());
  EXPECT_FALSE(client.Get("/local").Has("connection"));
  Message response;
  EXPECT_TRUE(Eventually([&] {
    response = client.Get("/local");
    return response.HasLine("Connection: close") || response.Status() != 200;
  }));
  EXPECT_EQ(response.body, "local");
  client.ExpectClosed();
  gateway.AwaitMetric(kClosed, {{"listener", "edge"}, {"reason", "connection_age"}}, 1);
}

TEST(KeepAliveTest, EmptyLinesBeforeARequestAreIgnored) {
  GatewayProcess gateway(GatewayConfig{});
  RawClient client(gateway.address());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(client.Exchange("\r\n\r\n" + GetRequest("/local")).body, "local");
  }
}

TEST(KeepAliveTest, AHeadMayArriveByteByByte) {
  AutoUpstream upstream;
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}});
  RawClient client(gateway.address());
  for (const char byte : GetRequest("/path?query", "X-Field: value\r\n")) {
    client.Send(std::string_view(&byte, 1));
  }
  EXPECT_EQ(client.Response().body, "hello");
}

TEST(KeepAliveTest, AClientThatLeavesBetweenRequestsIsCounted) {
  GatewayProcess gateway(GatewayConfig{});
  RawClient client(gateway.address());
  client.Get("/local");
  client.Close();
  gateway.AwaitMetric(kClosed, {{"listener", "edge"}, {"reason", "client_closed"}}, 1);
  gateway.AwaitMetric("holdfast_client_connections", {{"listener", "edge"}}, 0);
}

TEST(KeepAliveTest, ConnectionsAreCountedByState) {
  ScriptedHop hop;
  RawClient idle(hop.gateway.address());
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  hop.gateway.AwaitMetric("holdfast_client_connections", {{"state", "active"}}, 1);
  hop.gateway.AwaitMetric("holdfast_client_connections", {{"state", "idle"}}, 1);
  upstream.Answer(OkResponse("x"));
  hop.client.Response();
  hop.gateway.AwaitMetric("holdfast_client_connections", {{"state", "idle"}}, 2);
}

}  // namespace
}  // namespace holdfast::support
