// WebSocket and its like where one side speaks HTTP/2: extended CONNECT (RFC 8441).

#include <atomic>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/proxy/websocket_handshake.h"
#include "tests/gateway/http2/http2_upstream.h"
#include "tests/gateway/http2/support/http2_client.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"

namespace holdfast::support {
namespace {

using http2::Http2Upstream;
using http2::ScriptedServer;
using http2::SeenRequest;
using ::testing::HasSubstr;

constexpr uint32_t kCancel = 8;
constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";  // of RFC 6455 section 1.3
constexpr std::string_view kKeysAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

GatewayConfig Config(const std::string& endpoint, const std::string& upstream = "") {
  return {.endpoints = {endpoint},
          .listener = "protocols: [h2, h1]",
          .upstream = upstream,
          .routes = "- {name: own, match: {path_prefix: /own}, respond: {body: \"own\"}}"};
}

Http2Request Tunnel(const std::string& path = "/chat") {
  return {.open = true,
          .pseudo_fields = {{":method", "CONNECT"},
                            {":protocol", "websocket"},
                            {":scheme", "http"},
                            {":path", path},
                            {":authority", "web.example"}}};
}

std::string Switching(std::string_view accept, std::string_view more = "") {
  return "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
         "Sec-WebSocket-Accept: " +
         std::string(accept) + "\r\n" + std::string(more) + "\r\n";
}

// A client of HTTP/2 and an upstream of HTTP/1.1, which the test plays.
struct Hop {
  explicit Hop(const Http2Request& request = Tunnel()) : stream(client.Send(request)) {
    client.Flush();
  }
  // The upstream's part of the opening.
  UpstreamConnection Switch() {
    UpstreamConnection connection = upstream.Accept();
    const Message seen = connection.Request();
    connection.Send(Switching(proxy::WebSocketAccept(seen.Value("sec-websocket-key"))));
    client.AwaitHead(stream);
    return connection;
  }

  ScriptedUpstream upstream;
  GatewayProcess gateway{Config(upstream.address())};
  Http2Client client{gateway.address()};
  int32_t stream;
};

TEST(Http2TunnelTest, AnUpstreamOfHttp1SeesAnUpgrade) {
  Http2Request request = Tunnel("/chat?room=1");
  request.fields = {{"sec-websocket-version", "13"}, {"sec-websocket-protocol", "a, b"}};
  Hop hop(request);
  UpstreamConnection upstream = hop.upstream.Accept();
  const Message seen = upstream.Request();
  EXPECT_THAT(seen.head, HasSubstr("GET /chat?room=1 HTTP/1.1\r\nHost: web.example\r\n"));
  EXPECT_TRUE(seen.HasLine("Upgrade: websocket")) << seen.head;
  EXPECT_TRUE(seen.HasLine("Connection: upgrade")) << seen.head;
  EXPECT_EQ(seen.Value("sec-websocket-version"), "13");
  EXPECT_EQ(seen.Value("sec-websocket-protocol"), "a, b");
  const std::string key(seen.Value("sec-websocket-key"));
  EXPECT_EQ(key.size(), kKey.size()) << key;
  EXPECT_FALSE(seen.Has("transfer-encoding"));
  EXPECT_FALSE(seen.Has("content-length"));
  upstream.Send(Switching(proxy::WebSocketAccept(key), "Sec-WebSocket-Protocol: b\r\n"));
  hop.client.AwaitHead(hop.stream);
  const Http2Response& response = hop.client.At(hop.stream);
  EXPECT_EQ(response.Status(), 200);
  EXPECT_EQ(response.Value("sec-websocket-protocol"), "b");
  for (const char* const of_http1 : {"sec-websocket-accept", "upgrade", "connection"}) {
    EXPECT_EQ(response.Value(of_http1), "") << of_http1;
  }
}

TEST(Http2TunnelTest, BytesGoBothWaysUntilEachEnd) {
  Hop hop;
  UpstreamConnection upstream = hop.Switch();
  hop.client.SendBody(hop.stream, "ping", /*last=*/false);
  hop.client.Flush();
  EXPECT_EQ(upstream.ReadBytes(4), "ping");
  upstream.Send("pong");
  hop.client.AwaitBody(hop.stream, 4);
  hop.client.SendBody(hop.stream, "last", /*last=*/true);
  hop.client.Flush();
  EXPECT_EQ(upstream.ReadBytes(4), "last");
  upstream.ExpectClosed();
  upstream.Send("bye");
  upstream.Close();
  const Http2Response& response = hop.client.Await(hop.stream);
  EXPECT_EQ(response.body, "pongbye");
  EXPECT_TRUE(response.ended);
  hop.gateway.AwaitMetric("holdfast_tunnels", {{"upstream", "web"}}, 0);
  // The connection goes on.
  EXPECT_EQ(hop.client.Get("/own").Status(), 200);
}

TEST(Http2TunnelTest, MuchGoesThroughAsItIsRead) {
  Hop hop;
  UpstreamConnection upstream = hop.Switch();
  const std::string block(16 * 1024, 'x');
  constexpr size_t kBlocks = 200;
  for (size_t i = 0; i < kBlocks; ++i) {
    upstream.Send(block);
    hop.client.AwaitBody(hop.stream, (i + 1) * block.size());
    hop.client.SendBody(hop.stream, block, /*last=*/false);
    hop.client.Flush();
    EXPECT_EQ(upstream.ReadBytes(block.size()).size(), block.size());
  }
}

TEST(Http2TunnelTest, WhatIsSentBeforeTheAnswerWaits) {
  Hop hop;
  hop.client.SendBody(hop.stream, "early", /*last=*/false);
  hop.client.Flush();
  UpstreamConnection upstream = hop.Switch();
  EXPECT_EQ(upstream.ReadBytes(5), "early");
}

TEST(Http2TunnelTest, AResetEndsTheOtherSide) {
  Hop hop;
  UpstreamConnection upstream = hop.Switch();
  hop.client.Reset(hop.stream, kCancel);
  hop.client.Flush();
  upstream.ExpectClosed();
  EXPECT_EQ(hop.client.Get("/own").Status(), 200);
}

TEST(Http2TunnelTest, AnUpstreamThatBreaksOffCancels) {
  Hop hop;
  UpstreamConnection upstream = hop.Switch();
  upstream.Reset();
  EXPECT_EQ(hop.client.Await(hop.stream).reset, kCancel);
}

TEST(Http2TunnelTest, ARefusalOfTheUpstreamsIsAnAnswer) {
  Hop hop;
  UpstreamConnection upstream = hop.upstream.Accept();
  upstream.Answer("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
  const Http2Response& response = hop.client.Await(hop.stream);
  EXPECT_EQ(response.Status(), 403);
  EXPECT_EQ(response.body, "no");
}

// To a client of HTTP/2 each 2xx would mean that it has its tunnel.
TEST(Http2TunnelTest, WhatIsNoSwitchIsNoTunnel) {
  for (const std::string& answer : {OkResponse("plain"), Switching(kKeysAccept),
                                    std::string("HTTP/1.1 204 No Content\r\n\r\n")}) {
    Hop hop;
    UpstreamConnection upstream = hop.upstream.Accept();
    upstream.Answer(answer);
    const Http2Response& response = hop.client.Await(hop.stream);
    EXPECT_EQ(response.Status(), 502) << answer;
    EXPECT_THAT(response.body, HasSubstr("reason: upstream_bad_response"));
  }
  Hop own(Tunnel("/own"));
  EXPECT_EQ(own.client.Await(own.stream).Status(), 501);
}

TEST(Http2TunnelTest, WhatIsNoExtendedConnectIsRefused) {
  Hop hop;
  UpstreamConnection upstream = hop.Switch();
  for (const auto& [name, value] : Http2Fields{{":protocol", "h2c"},
                                               {":protocol", "a b"},
                                               {":method", "GET"},
                                               {":path", ""},
                                               {":authority", ""}}) {
    Http2Request request = Tunnel();
    std::erase_if(request.pseudo_fields, [&](const auto& field) { return field.first == name; });
    if (!value.empty()) request.pseudo_fields.emplace_back(name, value);
    const Http2Response& response = hop.client.Await(hop.client.Send(request));
    EXPECT_EQ(response.Status(), 400) << name << value;
  }
  Http2Request length = Tunnel();
  length.fields = {{"content-length", "4"}};
  EXPECT_EQ(hop.client.Await(hop.client.Send(length)).Status(), 400);
}

// An upstream of HTTP/2 that echoes what comes through its tunnels.
class TunnelServer {
 public:
  explicit TunnelServer(const http2::ServerTerms& terms = {.tunnels = true})
      : upstream([this](ScriptedServer& server, SeenRequest& request) { End(server, request); },
                 terms,
                 [this](ScriptedServer& server, SeenRequest& request) { Begin(server, request); }) {
  }

  Http2Upstream upstream;
  std::atomic<int> tunnels = 0;

 private:
  void Begin(ScriptedServer& server, SeenRequest& request) {
    if (request.Field(":method") != "CONNECT") return;
    ++tunnels;
    EXPECT_EQ(request.Field(":protocol"), "websocket");
    EXPECT_EQ(request.Field(":path"), "/chat");
    EXPECT_EQ(request.Field(":scheme"), "http");
    EXPECT_EQ(request.Field("sec-websocket-key"), "");
    EXPECT_EQ(request.Field("sec-websocket-version"), "13");
    server.Respond(request.id, 200, {{"sec-websocket-protocol", "b"}}, "begin:", /*end=*/false);
  }
  static void End(ScriptedServer& server, SeenRequest& request) {
    if (request.Field(":method") == "CONNECT") {
      server.SendBody(request.id, request.body, /*end=*/true);
    } else {
      server.Respond(request.id, 200, {}, "plain");
    }
  }
};

std::string UpgradeRequest() {
  return GetRequest("/chat", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: " +
                                 std::string(kKey) + "\r\nSec-WebSocket-Version: 13\r\n");
}

TEST(Http2TunnelTest, AnUpstreamOfHttp2SeesAnExtendedConnect) {
  TunnelServer server;
  GatewayProcess gateway(Config(server.upstream.address(), "protocol: h2"));
  RawClient client(gateway.address());
  // The first of a connection waits until the upstream has said that it takes those; the next
  // knows.
  for (int i = 0; i < 2; ++i) {
    RawClient next(gateway.address());
    next.Send(UpgradeRequest());
    const Message answer = next.Response();
    EXPECT_EQ(answer.start_line, "HTTP/1.1 101 Switching Protocols");
    EXPECT_TRUE(answer.HasLine("Upgrade: websocket")) << answer.head;
    EXPECT_TRUE(answer.HasLine("Connection: upgrade")) << answer.head;
    EXPECT_EQ(answer.Value("sec-websocket-accept"), kKeysAccept);
    EXPECT_EQ(answer.Value("sec-websocket-protocol"), "b");
    EXPECT_EQ(next.ReadBytes(6), "begin:");
    next.Send("hello");
    next.ShutdownWrite();
    EXPECT_EQ(next.ReadBytes(5), "hello");
    next.ExpectClosed();
  }
  EXPECT_EQ(client.Get("/").body, "plain");
  EXPECT_EQ(server.upstream.accepted(), 1) << "tunnels and requests share it";
  EXPECT_EQ(server.tunnels, 2);
}

TEST(Http2TunnelTest, FromHttp2ToHttp2) {
  TunnelServer server;
  GatewayProcess gateway(Config(server.upstream.address(), "protocol: h2"));
  Http2Client client(gateway.address());
  Http2Request request = Tunnel();
  request.fields = {{"sec-websocket-version", "13"}};
  const int32_t stream = client.Send(request);
  client.AwaitHead(stream);
  client.SendBody(stream, "hello", /*last=*/true);
  const Http2Response& response = client.Await(stream);
  EXPECT_EQ(response.Status(), 200);
  EXPECT_EQ(response.Value("sec-websocket-accept"), "");
  EXPECT_EQ(response.body, "begin:hello");
  EXPECT_TRUE(response.ended);
}

TEST(Http2TunnelTest, AnUpstreamThatHasNoSuchThingIsNotAsked) {
  TunnelServer server(http2::ServerTerms{});
  GatewayProcess gateway(Config(server.upstream.address(), "protocol: h2"));
  for (int i = 0; i < 2; ++i) {
    RawClient client(gateway.address());
    client.Send(UpgradeRequest());
    const Message answer = client.Response();
    EXPECT_EQ(answer.Status(), 501);
    EXPECT_THAT(answer.body, HasSubstr("reason: upgrade_unsupported"));
  }
  // A body would be lost in it.
  RawClient client(gateway.address());
  client.Send(
      "POST /chat HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Content-Length: 0\r\n\r\n");
  EXPECT_EQ(client.Response().Status(), 501);
  EXPECT_EQ(server.upstream.requests(), 0);
}

TEST(Http2TunnelTest, OneThatNeverGreetsIsGivenUp) {
  ScriptedUpstream silent;
  GatewayConfig config = Config(silent.address(), "protocol: h2");
  config.route = "timeouts: {first_byte: 200ms}, retry: {attempts: 0}";
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  client.Send(UpgradeRequest());
  EXPECT_EQ(client.Response().Status(), 504);
}

}  // namespace
}  // namespace holdfast::support
