// Kept connections to the upstream: reuse, its end, and the race between the two.

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/auto_upstream.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_hop.h"
#include "tests/support/unserved_address.h"
#include "tests/support/wire.h"

namespace holdfast::support {
namespace {

constexpr std::string_view kClosed = "holdfast_upstream_connections_closed_total";
constexpr std::string_view kConnections = "holdfast_upstream_connections";

class ReuseTest : public OverEachWire {};
HOLDFAST_OVER_EACH_WIRE(ReuseTest);

TEST_P(ReuseTest, RequestsOfDifferentClientsShareAConnection) {
  AutoUpstream upstream;
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}});
  for (int i = 0; i < 5; ++i) {
    RawClient client(gateway.address());
    EXPECT_EQ(client.Get("/").Status(), 200);
  }
  EXPECT_EQ(upstream.accepted(), 1);
  gateway.AwaitMetric(kConnections, {{"upstream", "web"}, {"state", "idle"}}, 1);
  const MetricsScrape scrape = gateway.Scrape();
  EXPECT_EQ(scrape.Value("holdfast_upstream_checkouts_total", {{"result", "fresh"}}), 1);
  EXPECT_EQ(scrape.Value("holdfast_upstream_checkouts_total", {{"result", "reused"}}), 4);
}

TEST_P(ReuseTest, TheConnectionUsedLastIsUsedFirst) {
  ScriptedHop hop;
  RawClient other(hop.gateway.address());
  hop.client.Send(GetRequest("/1"));
  UpstreamConnection first = hop.upstream.Accept();
  first.Request();
  other.Send(GetRequest("/2"));
  UpstreamConnection second = hop.upstream.Accept();
  second.Answer(OkResponse("x"));
  other.Response();
  first.Send(OkResponse("x"));
  hop.client.Response();
  hop.client.Send(GetRequest("/3"));
  EXPECT_EQ(first.Answer(OkResponse("x")).Target(), "/3");
}

TEST_P(ReuseTest, AConnectionWhosePeerAsksToCloseIsNotReused) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Answer(OkResponse("x", "Connection: close\r\n"));
  EXPECT_EQ(hop.client.Response().Status(), 200);
  upstream.ExpectClosed();
  hop.gateway.AwaitMetric(kClosed, {{"reason", "peer_asked_close"}}, 1);
}

TEST_P(ReuseTest, AnUnusedConnectionIsClosed) {
  ScriptedHop hop(GatewayConfig{.upstream = "idle_timeout: 200ms"});
  UpstreamConnection upstream = hop.Warm();
  upstream.ExpectClosed();
  hop.gateway.AwaitMetric(kConnections, {{"upstream", "web"}}, 0);
}

TEST_P(ReuseTest, AnOldConnectionIsNotReused) {
  ScriptedHop hop(GatewayConfig{.upstream = "max_connection_age: 1ms"});
  UpstreamConnection upstream = hop.Warm();
  upstream.ExpectClosed();
  hop.gateway.AwaitMetric(kClosed, {{"reason", "max_age"}}, 1);
}

TEST_P(ReuseTest, NoneIsKeptWhenNoneMayBe) {
  ScriptedHop hop(GatewayConfig{.upstream = "max_idle: 0"});
  UpstreamConnection upstream = hop.Warm();
  upstream.ExpectClosed();
}

class IdleCloseTest : public OverEachWire {};
HOLDFAST_OVER_EACH_WIRE(IdleCloseTest);

TEST_P(IdleCloseTest, AnUpstreamThatClosedIsConnectedToAnew) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Warm();
  upstream.Close();
  hop.gateway.AwaitMetric(kConnections, {{"upstream", "web"}, {"state", "idle"}}, 0);
  hop.client.Send(PostRequest("/", "body"));
  UpstreamConnection fresh = hop.upstream.Accept();
  EXPECT_EQ(fresh.Answer(OkResponse("x")).body, "body");
  EXPECT_EQ(hop.client.Response().Status(), 200);
}

TEST_P(IdleCloseTest, AnUpstreamThatResetIsConnectedToAnew) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Warm();
  upstream.Reset();
  hop.gateway.AwaitMetric(kConnections, {{"upstream", "web"}, {"state", "idle"}}, 0);
  hop.client.Send(GetRequest("/"));
  UpstreamConnection fresh = hop.upstream.Accept();
  fresh.Answer(OkResponse("x"));
  EXPECT_EQ(hop.client.Response().Status(), 200);
}

// Over TLS the peer speaks while nobody asks, and none of it is an answer.
TEST_P(IdleCloseTest, WhatIsNobodysDataIsTakenAndTheConnectionServesOn) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Warm();
  for (int i = 0; i < 5; ++i) {
    hop.gateway.Pause();  // What comes is found with the request, or by the idle reader before.
    upstream.SendAside();
    if (i % 2 == 0) hop.client.Send(PostRequest("/order", "one"));
    hop.gateway.Resume();
    if (i % 2 == 1) hop.client.Send(PostRequest("/order", "one"));
    EXPECT_EQ(upstream.Answer(OkResponse("x")).body, "one");
    EXPECT_EQ(hop.client.Response().Status(), 200);
  }
  hop.upstream.ExpectNoConnection();
}

TEST_P(IdleCloseTest, DataBehindItStillEndsTheConnection) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Warm();
  hop.gateway.Pause();
  upstream.SendAside();
  upstream.Send("HTTP/1.1 408 Request Timeout\r\n\r\n");
  hop.client.Send(PostRequest("/order", "one"));
  hop.gateway.Resume();
  UpstreamConnection fresh = hop.upstream.Accept();
  EXPECT_EQ(fresh.Answer(OkResponse("x")).body, "one");
  EXPECT_EQ(hop.client.Response().Status(), 200);
  hop.gateway.AwaitMetric(kClosed, {{"reason", "idle_bytes"}}, 1);
}

// By a FIN, by a close_notify before it, or by that alone.
TEST_P(IdleCloseTest, HoweverThePeerSaysItTheEndIsSeen) {
  ScriptedHop hop;
  double closed = 0;
  for (void (WireSocket::*end)() : {&WireSocket::Cut, &WireSocket::ShutdownWrite,
                                    OverTls() ? &WireSocket::SendCloseNotify : &WireSocket::Cut}) {
    UpstreamConnection upstream = hop.Warm();
    (upstream.*end)();
    hop.gateway.AwaitMetric(kConnections, {{"upstream", "web"}, {"state", "idle"}}, 0);
    hop.gateway.AwaitMetric(kClosed, {{"reason", "idle_peer_closed"}}, ++closed);
  }
}

class StaleRaceTest : public OverEachWire {};
HOLDFAST_OVER_EACH_WIRE(StaleRaceTest);

// The upstream had decided to close when the request arrived: it reads, and answers nothing.
TEST_P(StaleRaceTest, AnIdempotentRequestIsSentAgainOnce) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Warm();
  hop.client.Send(GetRequest("/again"));
  upstream.Request();
  upstream.Close();
  UpstreamConnection fresh = hop.upstream.Accept();
  EXPECT_EQ(fresh.Answer(OkResponse("second time")).Target(), "/again");
  EXPECT_EQ(hop.client.Response().body, "second time");
  EXPECT_EQ(hop.gateway.Scrape().Value("holdfast_upstream_retries_total",
                                       {{"result", "retry_idempotent"}}),
            1);
}

TEST_P(StaleRaceTest, AnIdempotentRequestWithABodyIsSentAgainWhole) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Warm();
  const std::string body = Pattern(30'000);
  hop.client.Send("PUT /again HTTP/1.1\r\nHost: test\r\nContent-Length: 30000\r\n\r\n" + body);
  EXPECT_EQ(upstream.Request().body, body);
  upstream.Close();
  UpstreamConnection fresh = hop.upstream.Accept();
  EXPECT_EQ(fresh.Answer(OkResponse("x")).body, body);
  EXPECT_EQ(hop.client.Response().Status(), 200);
}

TEST_P(StaleRaceTest, AChunkedBodyIsSentAgainWithItsTrailers) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Warm();
  hop.client.Send("PUT / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n" +
                  Chunk("one") + Chunk("two") + "0\r\nSum: 2\r\n\r\n");
  EXPECT_EQ(upstream.Request().body, "onetwo");
  upstream.Close();
  UpstreamConnection fresh = hop.upstream.Accept();
  const Message again = fresh.Answer(OkResponse("x"));
  EXPECT_EQ(again.body, "onetwo");
  EXPECT_EQ(again.Trailer("sum"), "2");
  EXPECT_EQ(hop.client.Response().Status(), 200);
}

TEST_P(StaleRaceTest, ASecondLossIsTheEnd) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Warm();
  hop.client.Send(GetRequest("/"));
  upstream.Request();
  upstream.Close();
  UpstreamConnection fresh = hop.upstream.Accept();
  fresh.Request();
  fresh.Close();
  EXPECT_EQ(hop.client.Response().Status(), 502);
  hop.upstream.ExpectNoConnection();
}

TEST_P(StaleRaceTest, ARequestThatMayHaveBeenActedOnIsNotSentAgain) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Warm();
  hop.client.Send(PostRequest("/order", "one"));
  EXPECT_EQ(upstream.Request().body, "one");
  upstream.Close();
  EXPECT_EQ(hop.client.Response().Status(), 502);
  hop.upstream.ExpectNoConnection();
  EXPECT_EQ(
      hop.gateway.Scrape().Value("holdfast_upstream_retries_total", {{"result", "not_proven"}}), 1);
}

TEST_P(StaleRaceTest, AResetAfterItWasReadIsNoReasonToSendAPostAgain) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Warm();
  hop.client.Send(PostRequest("/order", "one"));
  upstream.Request();
  upstream.Reset();
  EXPECT_EQ(hop.client.Response().Status(), 502);
  hop.upstream.ExpectNoConnection();
}

TEST_P(StaleRaceTest, AFreshConnectionsLossIsNoRace) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Request();
  upstream.Close();
  EXPECT_EQ(hop.client.Response().Status(), 502);
  hop.upstream.ExpectNoConnection();
}

TEST_P(StaleRaceTest, AResponseThatHadBegunIsNotAskedForAgain) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Warm();
  hop.client.Send(GetRequest("/"));
  upstream.Request();
  upstream.Send("HTTP/1.1 2");
  upstream.Close();
  EXPECT_EQ(hop.client.Response().Status(), 502);
  hop.upstream.ExpectNoConnection();
}

TEST_P(StaleRaceTest, TheRouteMayForbidIt) {
  ScriptedHop hop(GatewayConfig{.route = "retry: {attempts: 0}"});
  UpstreamConnection upstream = hop.Warm();
  hop.client.Send(GetRequest("/"));
  upstream.Request();
  upstream.Close();
  EXPECT_EQ(hop.client.Response().Status(), 502);
  hop.upstream.ExpectNoConnection();
}

// While the gateway is stopped the upstream resets and a request comes: it finds both at once, in
// either order. Nothing of the request can be written, so even a POST is safe to send elsewhere.
TEST_P(StaleRaceTest, ARequestOfWhichNothingWasWrittenIsSentAgainWhateverItIs) {
  ScriptedHop hop;
  for (int i = 0; i < 10; ++i) {
    UpstreamConnection upstream = hop.Warm();
    hop.gateway.Pause();
    upstream.Reset();
    hop.client.Send(PostRequest("/order", "one"));
    hop.gateway.Resume();
    UpstreamConnection fresh = hop.upstream.Accept();
    EXPECT_EQ(fresh.Answer(OkResponse("x", "Connection: close\r\n")).body, "one");
    EXPECT_EQ(hop.client.Response().Status(), 200);
  }
}

TEST_P(StaleRaceTest, ACloseAndARequestAtTheSameMomentLoseNoGet) {
  ScriptedHop hop;
  for (int i = 0; i < 10; ++i) {
    UpstreamConnection upstream = hop.Warm();
    hop.gateway.Pause();
    upstream.Close();
    hop.client.Send(GetRequest("/"));
    hop.gateway.Resume();
    UpstreamConnection fresh = hop.upstream.Accept();
    fresh.Answer(OkResponse("x", "Connection: close\r\n"));
    EXPECT_EQ(hop.client.Response().Status(), 200);
  }
}

// The end was there before the request was: even a POST goes to another connection, once.
TEST_P(StaleRaceTest, ACloseThatCameBeforeAPostLosesNothing) {
  ScriptedHop hop;
  for (int i = 0; i < 10; ++i) {
    UpstreamConnection upstream = hop.Warm();
    hop.gateway.Pause();
    hop.client.Send(PostRequest("/order", "one"));
    i % 2 == 0 ? upstream.Close() : upstream.Cut();
    hop.gateway.Resume();
    UpstreamConnection fresh = hop.upstream.Accept();
    EXPECT_EQ(fresh.Answer(OkResponse("x", "Connection: close\r\n")).body, "one");
    EXPECT_EQ(hop.client.Response().Status(), 200);
    hop.upstream.ExpectNoConnection();
  }
}

class ConnectTest : public OverEachWire {};
HOLDFAST_OVER_EACH_WIRE(ConnectTest);

TEST_P(ConnectTest, ARefusedConnectionGivesBadGateway) {
  const RefusingAddress refusing;
  GatewayProcess gateway(GatewayConfig{.endpoints = {refusing.address().ToString()}});
  RawClient client(gateway.address());
  const Message response = client.Get("/");
  EXPECT_EQ(response.Status(), 502);
  EXPECT_NE(response.body.find("connect_refused"), std::string::npos) << response.body;
  EXPECT_EQ(client.Get("/local").Status(), 200);
}

TEST_P(ConnectTest, AnotherEndpointIsTriedWhateverTheMethod) {
  const RefusingAddress refusing;
  AutoUpstream upstream;
  GatewayProcess gateway(
      GatewayConfig{.endpoints = {refusing.address().ToString(), upstream.address()},
                    .upstream = "balance: round_robin, max_idle: 0"});
  RawClient client(gateway.address());
  for (int i = 0; i < 6; ++i) EXPECT_EQ(client.Exchange(PostRequest("/", "body")).Status(), 200);
  EXPECT_EQ(upstream.requests(), 6);
  EXPECT_GE(gateway.Scrape().Value("holdfast_upstream_retries_total",
                                   {{"result", "retry_next_endpoint"}}),
            1);
}

TEST_P(ConnectTest, AnUpstreamThatComesBackIsFound) {
  std::optional<RefusingAddress> refusing(std::in_place);
  const std::string address = refusing->address().ToString();
  GatewayProcess gateway(GatewayConfig{.endpoints = {address}});
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/").Status(), 502);
  refusing.reset();
  AutoUpstream upstream("back", address);
  EXPECT_EQ(client.Get("/").body, "back");
}

}  // namespace
}  // namespace holdfast::support
