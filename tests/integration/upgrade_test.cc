// Connections that leave HTTP.

#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "tests/support/raw_client.h"
#include "tests/support/scripted_hop.h"
#include "tests/support/wire.h"

namespace holdfast::support {
namespace {

constexpr std::string_view kUpgradeLines =
    "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: key\r\n";
constexpr std::string_view kSwitching =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Accept: accepted\r\n\r\n";

struct TunnelHop : ScriptedHop {
  explicit TunnelHop(GatewayConfig config = {})
      : ScriptedHop(std::move(config)), server(Begin(GetRequest("/ws", kUpgradeLines))) {
    server.Answer(kSwitching);
    EXPECT_EQ(client.Response().Status(), 101);
  }
  UpstreamConnection server;
};

class UpgradeTest : public OverEachWire {};
HOLDFAST_OVER_EACH_WIRE(UpgradeTest);

TEST_P(UpgradeTest, TheRequestToSwitchGoesOn) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/ws", kUpgradeLines));
  const Message request = upstream.Answer(kSwitching);
  EXPECT_TRUE(request.HasLine("Upgrade: websocket")) << request.head;
  EXPECT_TRUE(request.HasLine("Connection: upgrade")) << request.head;
  EXPECT_TRUE(request.HasLine("Sec-WebSocket-Key: key")) << request.head;
  const Message response = hop.client.Response();
  EXPECT_EQ(response.start_line, "HTTP/1.1 101 Switching Protocols");
  EXPECT_TRUE(response.HasLine("Upgrade: websocket")) << response.head;
  EXPECT_TRUE(response.HasLine("Connection: upgrade")) << response.head;
  EXPECT_TRUE(response.HasLine("Sec-WebSocket-Accept: accepted")) << response.head;
}

// Proxmox does so; nginx passes it, too.
TEST_P(UpgradeTest, ASwitchThatOnlyNamesItsProtocolIsOne) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/ws", kUpgradeLines));
  upstream.Answer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nframe");
  const Message response = hop.client.Response();
  EXPECT_EQ(response.Status(), 101);
  EXPECT_TRUE(response.HasLine("Connection: upgrade")) << response.head;
  EXPECT_TRUE(response.HasLine("Upgrade: websocket")) << response.head;
  EXPECT_EQ(hop.client.ReadBytes(5), "frame");
}

TEST_P(UpgradeTest, ASwitchToNothingIsNone) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/ws", kUpgradeLines));
  upstream.Answer("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\r\n");
  const Message response = hop.client.Response();
  EXPECT_EQ(response.Status(), 502);
  EXPECT_NE(response.body.find("did not say to which protocol"), std::string::npos)
      << response.body;
}

// RFC 9110 section 15.5.22.
TEST_P(UpgradeTest, WhatAnUpstreamRequiresReachesTheClient) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Answer(
      "HTTP/1.1 426 Upgrade Required\r\nConnection: upgrade\r\nUpgrade: websocket, TLS/1.3\r\n"
      "Content-Length: 2\r\n\r\nno");
  const Message response = hop.client.Response();
  EXPECT_EQ(response.Status(), 426);
  EXPECT_TRUE(response.HasLine("Connection: upgrade")) << response.head;
  EXPECT_TRUE(response.HasLine("Upgrade: websocket, TLS/1.3")) << response.head;
  EXPECT_EQ(response.body, "no");
  hop.client.Send(GetRequest("/next"));  // Neither connection has switched to anything.
  EXPECT_EQ(upstream.Answer(OkResponse("x")).Target(), "/next");
  EXPECT_EQ(hop.client.Response().body, "x");
}

TEST_P(UpgradeTest, BytesGoBothWays) {
  TunnelHop hop;
  for (int i = 0; i < 3; ++i) {
    hop.client.Send(std::string("\0\xff up", 5));
    EXPECT_EQ(hop.server.ReadBytes(5), std::string("\0\xff up", 5));
    hop.server.Send("down\r\n\r\n");
    EXPECT_EQ(hop.client.ReadBytes(8), "down\r\n\r\n");
  }
}

TEST_P(UpgradeTest, BytesRightBehindTheSwitchReachTheClient) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/ws", kUpgradeLines));
  upstream.Answer(std::string(kSwitching) + "first frame");
  EXPECT_EQ(hop.client.Response().Status(), 101);
  EXPECT_EQ(hop.client.ReadBytes(11), "first frame");
}

TEST_P(UpgradeTest, BytesRightBehindTheRequestReachTheUpstreamAfterTheSwitch) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/ws", kUpgradeLines) + "hasty frame");
  upstream.Request();
  upstream.ExpectQuiet();
  upstream.Send(kSwitching);
  EXPECT_EQ(upstream.ReadBytes(11), "hasty frame");
  EXPECT_EQ(hop.client.Response().Status(), 101);
}

TEST_P(UpgradeTest, TheClientsEndGoesOnAndTheUpstreamMayStillSend) {
  TunnelHop hop;
  hop.client.Send("last words");
  hop.client.ShutdownWrite();
  EXPECT_EQ(hop.server.ReadBytes(10), "last words");
  hop.server.ExpectClosed();
  hop.server.Send("answer");
  EXPECT_EQ(hop.client.ReadBytes(6), "answer");
  hop.server.Close();
  hop.client.ExpectClosed();
}

TEST_P(UpgradeTest, TheUpstreamsEndGoesOnAndTheClientMayStillSend) {
  TunnelHop hop;
  hop.server.Send("last words");
  hop.server.ShutdownWrite();
  EXPECT_EQ(hop.client.ReadBytes(10), "last words");
  hop.client.ExpectClosed();
  hop.client.Send("answer");
  EXPECT_EQ(hop.server.ReadBytes(6), "answer");
  hop.client.Close();
  hop.server.ExpectClosed();
}

TEST_P(UpgradeTest, AResetOnOneSideEndsTheOther) {
  TunnelHop hop;
  hop.client.Reset();
  StreamEnd end;
  hop.server.ReadToEnd(&end);
  EXPECT_NE(end, StreamEnd::kOpen);
}

TEST_P(UpgradeTest, AnIdleTunnelIsClosed) {
  TunnelHop hop(GatewayConfig{.route = "tunnel_idle_timeout: 200ms"});
  StreamEnd end;
  hop.client.ReadToEnd(&end);
  // Nobody has said that what went through it is whole; only TLS can leave that unsaid.
  EXPECT_EQ(end, OverTls() ? StreamEnd::kCut : StreamEnd::kClosed);
  hop.server.ReadToEnd(&end);
  EXPECT_NE(end, StreamEnd::kOpen);
}

TEST_P(UpgradeTest, TheTimeoutsOfRequestsDoNotEndATunnel) {
  TunnelHop hop(GatewayConfig{.listener = "idle_timeout: 3s, head_timeout: 3s, body_timeout: 3s",
                              .route = "timeouts: {first_byte: 3s, stall: 3s, total: 3s}"});
  RawClient idle(hop.gateway.address());
  idle.ExpectClosed();  // so long was the tunnel silent
  hop.client.Send("up");
  EXPECT_EQ(hop.server.ReadBytes(2), "up");
}

// One end of a tunnel that sends and reads at the same time.
struct Busy {
  WireSocket& socket;
  std::string_view bytes;
  size_t sent = 0;
  std::string received = {};

  bool done() const { return received.size() >= bytes.size(); }
  void Turn() {
    StreamEnd end;
    sent += socket.TrySend(bytes.substr(sent));
    received += socket.ReadNow(&end);
    EXPECT_EQ(end, StreamEnd::kOpen);
  }
};

TEST_P(UpgradeTest, MegabytesGoBothWaysAtOnce) {
  const std::string bytes = Pattern(4 << 20);
  TunnelHop hop;
  Busy client{hop.client, bytes};
  Busy server{hop.server, bytes};
  EXPECT_TRUE(Eventually([&] {
    for (int i = 0; i < 100 && !HasFailure() && !(client.done() && server.done()); ++i) {
      client.Turn();
      server.Turn();
    }
    return HasFailure() || (client.done() && server.done());
  }));
  EXPECT_TRUE(client.received == bytes);
  EXPECT_TRUE(server.received == bytes);
}

TEST_P(UpgradeTest, TunnelsAreCounted) {
  TunnelHop hop;
  hop.gateway.AwaitMetric("holdfast_tunnels", {{"upstream", "web"}}, 1);
  hop.client.Close();
  hop.server.ExpectClosed();
  hop.server.Close();
  hop.gateway.AwaitMetric("holdfast_tunnels", {{"upstream", "web"}}, 0);
  EXPECT_EQ(hop.gateway.Scrape().Value("holdfast_tunnels_total", {{"upstream", "web"}}), 1);
}

TEST_P(UpgradeTest, ATunnelsUpstreamConnectionIsNeverUsedAgain) {
  TunnelHop hop;
  hop.client.Close();
  hop.server.ExpectClosed();
  hop.server.Close();
  RawClient next(hop.gateway.address());
  next.Send(GetRequest("/"));
  UpstreamConnection fresh = hop.upstream.Accept();
  fresh.Answer(OkResponse("x"));
  EXPECT_EQ(next.Response().body, "x");
}

TEST_P(UpgradeTest, AnUpstreamMayDeclineAndTheConnectionIsKept) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/ws", kUpgradeLines));
  upstream.Answer("HTTP/1.1 426 No\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_EQ(hop.client.Response().Status(), 426);
  hop.client.Send(GetRequest("/"));
  upstream.Answer(OkResponse("x"));
  EXPECT_EQ(hop.client.Response().body, "x");
}

TEST_P(UpgradeTest, AnUpgradeToHttp2IsNotOffered) {
  ScriptedHop hop;
  UpstreamConnection upstream =
      hop.Begin(GetRequest("/",
                           "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                           "HTTP2-Settings: AAMAAABkAAQAAP__\r\n"));
  const Message request = upstream.Answer(OkResponse("x"));
  EXPECT_FALSE(request.Has("upgrade")) << request.head;
  EXPECT_FALSE(request.Has("http2-settings")) << request.head;
  EXPECT_EQ(hop.client.Response().Status(), 200);
}

}  // namespace
}  // namespace holdfast::support
