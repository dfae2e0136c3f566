// A slow reader stops the fast writer, and a client that goes away stops everything.

#include <poll.h>

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/raw_client.h"
#include "tests/support/scripted_hop.h"
#include "tests/support/wire.h"

namespace holdfast::support {
namespace {

constexpr size_t kMuch = 64 << 20;

// Sends what is left of `bytes` until nobody has taken any more for a while.
size_t SendUntilStopped(WireSocket& socket, std::string_view bytes) {
  constexpr std::chrono::milliseconds kStopped{300};
  size_t sent = 0;
  do {
    sent += socket.TrySend(bytes.substr(sent));
  } while (sent < bytes.size() && AwaitReady(socket.fd(), POLLOUT, Deadline(kStopped)));
  return sent;
}

// Sends the rest while the other end reads, and returns whether all arrived as it was sent.
bool Finish(WireSocket& from, std::string_view bytes, size_t sent, WireSocket& to) {
  for (size_t received = 0; received < bytes.size();) {
    sent += from.TrySend(bytes.substr(sent));
    const std::string piece = to.ReadSome(1 << 20);
    if (piece.empty() || piece != bytes.substr(received, piece.size())) return false;
    received += piece.size();
  }
  return true;
}

class BackpressureTest : public OverEachWire {};
HOLDFAST_OVER_EACH_WIRE(BackpressureTest);

TEST_P(BackpressureTest, AClientThatDoesNotReadStopsTheUpstream) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  const std::string body = Pattern(kMuch);
  upstream.Answer("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kMuch) + "\r\n\r\n");
  const size_t sent = SendUntilStopped(upstream, body);
  EXPECT_LT(sent, kMuch / 2);
  ReadHead(hop.client);
  EXPECT_TRUE(Finish(upstream, body, sent, hop.client));
  EXPECT_EQ(hop.client.Get("/local").Status(), 200);
}

TEST_P(BackpressureTest, AnUpstreamThatDoesNotReadStopsTheClient) {
  ScriptedHop hop;
  const std::string body = Pattern(kMuch);
  UpstreamConnection upstream = hop.Begin(
      "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(kMuch) + "\r\n\r\n");
  const size_t sent = SendUntilStopped(hop.client, body);
  EXPECT_LT(sent, kMuch / 2);
  ReadHead(upstream);
  EXPECT_TRUE(Finish(hop.client, body, sent, upstream));
  upstream.Send(OkResponse("x"));
  EXPECT_EQ(hop.client.Response().Status(), 200);
}

TEST_P(BackpressureTest, OneStoppedClientDoesNotHoldUpAnother) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Answer("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kMuch) + "\r\n\r\n");
  SendUntilStopped(upstream, Pattern(kMuch));
  RawClient other(hop.gateway.address());
  EXPECT_EQ(other.Get("/local").Status(), 200);
}

// How the gateway's end of the connection reaches the upstream does not matter.
void ExpectCancelled(UpstreamConnection& upstream) {
  StreamEnd end;
  upstream.ReadToEnd(&end);
  EXPECT_NE(end, StreamEnd::kOpen) << "the upstream goes on working for nobody";
}

class ClientGoneTest : public OverEachWire {};
HOLDFAST_OVER_EACH_WIRE(ClientGoneTest);

TEST_P(ClientGoneTest, TheUpstreamsRequestIsCancelledWhileItIsWaitedFor) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Request();
  hop.client.Close();
  ExpectCancelled(upstream);
  hop.gateway.AwaitMetric("holdfast_requests_total", {{"route", "web"}, {"code", "499"}}, 1);
}

TEST_P(ClientGoneTest, AResetCancelsAsWell) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Request();
  hop.client.Reset();
  ExpectCancelled(upstream);
}

TEST_P(ClientGoneTest, TheUpstreamsRequestIsCancelledWhileItsBodyIsSent) {
  ScriptedHop hop;
  UpstreamConnection upstream =
      hop.Begin("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\npart");
  ReadHead(upstream);
  EXPECT_EQ(upstream.ReadBytes(4), "part");
  hop.client.Close();
  ExpectCancelled(upstream);
}

TEST_P(ClientGoneTest, TheResponseIsCancelledInItsMiddle) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + Chunk("part"));
  Message response = ReadHead(hop.client);
  ReadChunk(hop.client, &response);
  hop.client.Reset();
  ExpectCancelled(upstream);
}

TEST_P(ClientGoneTest, AStoppedResponseIsCancelled) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Answer("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kMuch) + "\r\n\r\n");
  SendUntilStopped(upstream, Pattern(kMuch));
  hop.client.Reset();
  ExpectCancelled(upstream);
}

TEST_P(ClientGoneTest, OneThatWaitsForAConnectionGivesItsPlaceUp) {
  ScriptedHop hop(GatewayConfig{.upstream = "max_connections: 1"});
  UpstreamConnection upstream = hop.Begin(GetRequest("/first"));
  upstream.Request();
  RawClient waiting(hop.gateway.address());
  waiting.Send(GetRequest("/second"));
  hop.gateway.AwaitMetric("holdfast_upstream_waiters", {{"upstream", "web"}}, 1);
  waiting.Close();
  hop.gateway.AwaitMetric("holdfast_upstream_waiters", {{"upstream", "web"}}, 0);
  upstream.Send(OkResponse("first"));
  EXPECT_EQ(hop.client.Response().body, "first");
  hop.client.Send(GetRequest("/third"));
  EXPECT_EQ(upstream.Answer(OkResponse("third")).Target(), "/third");
  EXPECT_EQ(hop.client.Response().body, "third");
}

TEST_P(ClientGoneTest, TheGatewayIsLeftWithNothing) {
  ScriptedHop hop;
  for (int i = 0; i < 20; ++i) {
    RawClient client(hop.gateway.address());
    client.Send(GetRequest("/"));
    UpstreamConnection upstream = hop.upstream.Accept();
    upstream.Request();
    client.Reset();
    ExpectCancelled(upstream);
  }
  hop.gateway.AwaitMetric("holdfast_upstream_connections", {{"upstream", "web"}}, 0);
  hop.gateway.AwaitMetric("holdfast_client_connections", {{"listener", "edge"}}, 1);
}

}  // namespace
}  // namespace holdfast::support
