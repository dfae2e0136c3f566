// Kept client connections: who decides that they end, and when.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "pool/net/socket.h"
#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_hop.h"
#include "tests/support/wire.h"

namespace holdfast::support {
namespace {

constexpr std::string_view kClosed = "holdfast_client_connections_closed_total";

class KeepAliveTest : public OverEachWire {};
HOLDFAST_OVER_EACH_WIRE(KeepAliveTest);

TEST_P(KeepAliveTest, OneConnectionServesManyRequests) {
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

// The connections of a process to an address, seen through copies of its descriptors: how many have
// TCP keepalive on.
int WatchedSockets(pid_t process, std::string_view peer) {
  const pool::FileDescriptor handle(static_cast<int>(syscall(SYS_pidfd_open, process, 0)));
  EXPECT_TRUE(handle.valid());
  int watched = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/fd")) {
    const int number = std::stoi(entry.path().filename().string());
    const pool::FileDescriptor copy(
        static_cast<int>(syscall(SYS_pidfd_getfd, handle.get(), number, 0)));
    if (!copy.valid()) continue;  // Closed meanwhile.
    sockaddr_in address{};
    socklen_t size = sizeof(address);
    if (getpeername(copy.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) continue;
    std::array<char, INET_ADDRSTRLEN> ip{};
    inet_ntop(AF_INET, &address.sin_addr, ip.data(), ip.size());
    if (std::string(ip.data()) + ":" + std::to_string(ntohs(address.sin_port)) != peer) continue;
    int on = 0;
    size = sizeof(on);
    EXPECT_EQ(getsockopt(copy.get(), SOL_SOCKET, SO_KEEPALIVE, &on, &size), 0);
    watched += on;
  }
  return watched;
}

// A peer that vanishes sends no end. Who is idle is asked from time to time whether it is there.
TEST_P(KeepAliveTest, TcpWatchesIdleConnectionsOnBothSides) {
  AutoUpstream upstream;
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}});
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/").body, "hello");
  EXPECT_EQ(WatchedSockets(gateway.pid(), LocalAddress(client.fd())), 1);
  EXPECT_EQ(WatchedSockets(gateway.pid(), upstream.address()), 1);
}

TEST_P(KeepAliveTest, TheClientMayAskToClose) {
  AutoUpstream upstream;
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}});
  RawClient client(gateway.address());
  const Message response = client.Get("/", "Connection: close\r\n");
  EXPECT_TRUE(response.HasLine("Connection: close")) << response.head;
  client.ExpectClosed();
  gateway.AwaitMetric(kClosed, {{"listener", "edge"}, {"reason", "client_asked"}}, 1);
}

TEST_P(KeepAliveTest, TheUpstreamsCloseIsNotTheClients) {
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

TEST_P(KeepAliveTest, AnIdleConnectionIsClosedInOrder) {
  GatewayProcess gateway(GatewayConfig{.listener = "idle_timeout: 3s"});
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/local").Status(), 200);
  client.ExpectClosed();
  gateway.AwaitMetric(kClosed, {{"listener", "edge"}, {"reason", "idle_timeout"}}, 1);
}

TEST_P(KeepAliveTest, AConnectionThatNeverSentAnythingIsClosedAsWell) {
  GatewayProcess gateway(GatewayConfig{.listener = "idle_timeout: 200ms"});
  RawClient client(gateway.address());
  client.ExpectClosed();
}

TEST_P(KeepAliveTest, TheIdleTimeoutIsNoLimitForAnExchange) {
  ScriptedHop hop(GatewayConfig{.listener = "idle_timeout: 3s"});
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Request();
  RawClient idle(hop.gateway.address());
  idle.ExpectClosed();  // so long was the exchange without a byte
  upstream.Send(OkResponse("late"));
  EXPECT_EQ(hop.client.Response().body, "late");
}

TEST_P(KeepAliveTest, AnOldConnectionIsAskedToGo) {
  GatewayProcess gateway(GatewayConfig{.listener = "max_connection_age: 3s"});
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

TEST_P(KeepAliveTest, EmptyLinesBeforeARequestAreIgnored) {
  GatewayProcess gateway(GatewayConfig{});
  RawClient client(gateway.address());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(client.Exchange("\r\n\r\n" + GetRequest("/local")).body, "local");
  }
}

TEST_P(KeepAliveTest, AHeadMayArriveByteByByte) {
  AutoUpstream upstream;
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}});
  RawClient client(gateway.address());
  for (const char byte : GetRequest("/path?query", "X-Field: value\r\n")) {
    client.Send(std::string_view(&byte, 1));
  }
  EXPECT_EQ(client.Response().body, "hello");
}

TEST_P(KeepAliveTest, AClientThatLeavesBetweenRequestsIsCounted) {
  GatewayProcess gateway(GatewayConfig{});
  RawClient client(gateway.address());
  client.Get("/local");
  client.Close();
  gateway.AwaitMetric(kClosed, {{"listener", "edge"}, {"reason", "client_closed"}}, 1);
  gateway.AwaitMetric("holdfast_client_connections", {{"listener", "edge"}}, 0);
}

TEST_P(KeepAliveTest, ConnectionsAreCountedByState) {
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
