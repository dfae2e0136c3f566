// What ends that which does not end by itself.

#include <poll.h>

#include <string>

#include <gtest/gtest.h>

#include "tests/support/raw_client.h"
#include "tests/support/scripted_hop.h"
#include "tests/support/unserved_address.h"
#include "tests/support/wire.h"

namespace holdfast::support {
namespace {

void ExpectEnded(UpstreamConnection& upstream) {
  StreamEnd end;
  upstream.ReadToEnd(&end);
  EXPECT_NE(end, StreamEnd::kOpen);
}

void ExpectReason(const Message& response, std::string_view reason) {
  EXPECT_NE(response.body.find(reason), std::string::npos) << response.body;
}

class HeadTimeoutTest : public OverEachWire {};
HOLDFAST_OVER_EACH_WIRE(HeadTimeoutTest);

TEST_P(HeadTimeoutTest, AHeadThatDoesNotEndIsAnswered) {
  GatewayProcess gateway(GatewayConfig{.listener = "head_timeout: 200ms"});
  RawClient client(gateway.address());
  client.Send("GET / HTTP/1.1\r\nHost: te");
  const Message response = client.Response();
  EXPECT_EQ(response.Status(), 408);
  EXPECT_TRUE(response.HasLine("Connection: close")) << response.head;
  client.ExpectClosed();
}

TEST_P(HeadTimeoutTest, AByteNowAndThenDoesNotHelp) {
  GatewayProcess gateway(GatewayConfig{.listener = "head_timeout: 300ms"});
  RawClient client(gateway.address());
  client.Send("GET / HTTP/1.1\r\nHost: ");
  const Deadline deadline;
  while (!AwaitReady(client.fd(), POLLIN, Deadline(std::chrono::milliseconds(20)))) {
    ASSERT_FALSE(deadline.passed());
    client.SendIfWanted("a");
  }
  EXPECT_EQ(client.Response().Status(), 408);
  client.ExpectClosed();
}

TEST_P(HeadTimeoutTest, TheSecondHeadIsTimedAsWell) {
  GatewayProcess gateway(GatewayConfig{.listener = "head_timeout: 200ms"});
  RawClient client(gateway.address());
  client.Send(GetRequest("/local") + "GET /");
  EXPECT_EQ(client.Response().Status(), 200);
  EXPECT_EQ(client.Response().Status(), 408);
  client.ExpectClosed();
}

// Between pieces, of which 11 take longer than the limit of 4 s, while each is early enough even
// where the test is kept from running.
constexpr int kSlowly = 400;

class BodyTimeoutTest : public OverEachWire {};
HOLDFAST_OVER_EACH_WIRE(BodyTimeoutTest);

TEST_P(BodyTimeoutTest, ABodyThatStopsIsAnsweredAndTheUpstreamsRequestCancelled) {
  ScriptedHop hop(GatewayConfig{.listener = "body_timeout: 200ms"});
  UpstreamConnection upstream =
      hop.Begin("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\npart");
  ReadHead(upstream);
  const Message response = hop.client.Response();
  EXPECT_EQ(response.Status(), 408);
  ExpectReason(response, "client_body_timeout");
  EXPECT_TRUE(response.HasLine("Connection: close")) << response.head;
  hop.client.ExpectClosed();
  ExpectEnded(upstream);
}

TEST_P(BodyTimeoutTest, ASlowBodyThatMovesIsNotEnded) {
  ScriptedHop hop(GatewayConfig{.listener = "body_timeout: 4s"});
  UpstreamConnection upstream =
      hop.Begin("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 11\r\n\r\n");
  ReadHead(upstream);
  for (int i = 0; i < 11; ++i) {
    poll(nullptr, 0, kSlowly);
    hop.client.ExpectQuiet();
    hop.client.Send("x");
    EXPECT_EQ(upstream.ReadBytes(1), "x");
  }
  upstream.Send(OkResponse("whole"));
  EXPECT_EQ(hop.client.Response().body, "whole");
}

class FirstByteTimeoutTest : public OverEachWire {};
HOLDFAST_OVER_EACH_WIRE(FirstByteTimeoutTest);

TEST_P(FirstByteTimeoutTest, AnUpstreamThatDoesNotAnswerGivesGatewayTimeout) {
  ScriptedHop hop(GatewayConfig{.route = "timeouts: {first_byte: 200ms}"});
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Request();
  const Message response = hop.client.Response();
  EXPECT_EQ(response.Status(), 504);
  ExpectReason(response, "first_byte_timeout");
  ExpectEnded(upstream);
  EXPECT_EQ(hop.client.Get("/local").Status(), 200) << "the client's connection is kept";
}

TEST_P(FirstByteTimeoutTest, ALateAnswerReachesNobody) {
  ScriptedHop hop(GatewayConfig{.route = "timeouts: {first_byte: 200ms}",
                                .routes = "- {match: {path: /next}, upstream: web}\n"});
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Request();
  EXPECT_EQ(hop.client.Response().Status(), 504);
  upstream.SendIfWanted(OkResponse("late"));
  hop.client.Send(GetRequest("/next"));
  UpstreamConnection fresh = hop.upstream.Accept();
  fresh.Answer(OkResponse("next"));
  EXPECT_EQ(hop.client.Response().body, "next");
}

TEST_P(FirstByteTimeoutTest, ItBeginsWithTheRequestsEnd) {
  ScriptedHop hop(GatewayConfig{.route = "timeouts: {first_byte: 4s}"});
  UpstreamConnection upstream =
      hop.Begin("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 11\r\n\r\n");
  ReadHead(upstream);
  for (int i = 0; i < 11; ++i) {
    poll(nullptr, 0, kSlowly);
    hop.client.ExpectQuiet();
    hop.client.Send("x");
  }
  EXPECT_EQ(upstream.ReadBytes(11), std::string(11, 'x'));
  upstream.Send(OkResponse("in time"));
  EXPECT_EQ(hop.client.Response().body, "in time");
}

class StallTimeoutTest : public OverEachWire {};
HOLDFAST_OVER_EACH_WIRE(StallTimeoutTest);

TEST_P(StallTimeoutTest, AResponseThatStopsIsBrokenOff) {
  ScriptedHop hop(GatewayConfig{.route = "timeouts: {stall: 200ms}"});
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart");
  ReadHead(hop.client);
  EXPECT_EQ(hop.client.ReadBytes(4), "part");
  StreamEnd end;
  EXPECT_EQ(hop.client.ReadToEnd(&end), "");
  EXPECT_NE(end, StreamEnd::kOpen);
  ExpectEnded(upstream);
}

TEST_P(StallTimeoutTest, AClientThatStopsReadingIsLetGo) {
  ScriptedHop hop(GatewayConfig{.route = "timeouts: {stall: 300ms}"});
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  constexpr size_t kMuch = 64 << 20;
  upstream.Answer("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kMuch) + "\r\n\r\n");
  upstream.SendIfWanted(Pattern(kMuch));
  ExpectEnded(upstream);
  hop.gateway.AwaitMetric("holdfast_client_connections", {{"listener", "edge"}}, 0);
}

class TotalTimeoutTest : public OverEachWire {};
HOLDFAST_OVER_EACH_WIRE(TotalTimeoutTest);

// To connect takes of that time as well, and so it is done before.
TEST_P(TotalTimeoutTest, AnExchangeThatTakesTooLongGivesGatewayTimeout) {
  ScriptedHop hop(GatewayConfig{.route = "timeouts: {total: 300ms}",
                                .routes = "- {match: {path: /warm}, upstream: web}\n"});
  UpstreamConnection upstream = hop.Warm();
  hop.client.Send(GetRequest("/"));
  upstream.Request();
  const Message response = hop.client.Response();
  EXPECT_EQ(response.Status(), 504);
  ExpectReason(response, "total_timeout");
  ExpectEnded(upstream);
}

TEST_P(TotalTimeoutTest, AResponseThatKeepsMovingIsEndedAllTheSame) {
  ScriptedHop hop(GatewayConfig{.route = "timeouts: {total: 4s}"});
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  const Deadline deadline;
  while (upstream.SendIfWanted(Chunk("x")) && !deadline.passed()) {
    AwaitReady(upstream.fd(), POLLIN, Deadline(std::chrono::milliseconds(10)));
  }
  EXPECT_FALSE(deadline.passed());
  StreamEnd end;
  EXPECT_EQ(hop.client.ReadToEnd(&end).find("0\r\n\r\n"), std::string::npos);
  EXPECT_NE(end, StreamEnd::kOpen);
}

TEST(ConnectTimeoutTest, AnUpstreamThatDoesNotAcceptGivesGatewayTimeout) {
  const SilentAddress silent;
  GatewayProcess gateway(
      GatewayConfig{.endpoints = {silent.text()}, .upstream = "connect_timeout: 200ms"});
  RawClient client(gateway.address());
  const Message response = client.Get("/");
  EXPECT_EQ(response.Status(), 504);
  ExpectReason(response, "connect_timeout");
  EXPECT_EQ(client.Get("/local").Status(), 200);
}

TEST(ConnectTimeoutTest, AnotherEndpointIsTried) {
  const SilentAddress silent;
  ScriptedUpstream upstream;
  GatewayProcess gateway(GatewayConfig{.endpoints = {silent.text(), upstream.address()},
                                       .upstream = "balance: round_robin, connect_timeout: 200ms"});
  // Of two requests in turn one begins at the endpoint that does not accept.
  for (int i = 0; i < 2; ++i) {
    RawClient client(gateway.address());
    client.Send(GetRequest("/", "Connection: close\r\n"));
    UpstreamConnection connection = upstream.Accept();
    connection.Answer(OkResponse("x", "Connection: close\r\n"));
    EXPECT_EQ(client.Response().Status(), 200);
  }
}

}  // namespace
}  // namespace holdfast::support
