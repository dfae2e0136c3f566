// The end: SIGTERM, what it leaves time for, and its exit codes.

#include <signal.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/raw_client.h"
#include "tests/support/scripted_hop.h"
#include "tests/support/wire.h"

namespace holdfast::support {
namespace {

constexpr int kDeadlineHit = 3;

GatewayConfig WithDrain(const std::string& drain) {
  GatewayConfig config;
  config.drain = drain;
  return config;
}

void AwaitNotReady(const GatewayProcess& gateway) {
  EXPECT_TRUE(Eventually([&] { return gateway.Status("/readyz").Status() == 503; }));
}

class DrainTest : public OverEachWire {};
HOLDFAST_OVER_EACH_WIRE(DrainTest);

TEST_P(DrainTest, NothingInFlightEndsAtOnce) {
  GatewayProcess gateway(WithDrain("{delay: 0s, timeout: 60s}"));
  gateway.Signal(SIGTERM);
  EXPECT_EQ(gateway.WaitExit(), 0);
}

TEST_P(DrainTest, InterruptAndQuitDrainAsWell) {
  for (const int signal : {SIGINT, SIGQUIT}) {
    GatewayProcess gateway(WithDrain("{delay: 0s, timeout: 60s}"));
    gateway.Signal(signal);
    EXPECT_EQ(gateway.WaitExit(), 0) << signal;
  }
}

TEST_P(DrainTest, IdleConnectionsAreClosed) {
  GatewayProcess gateway(WithDrain("{delay: 0s, timeout: 60s}"));
  RawClient unused(gateway.address());
  RawClient kept(gateway.address());
  EXPECT_EQ(kept.Get("/local").Status(), 200);
  gateway.AwaitMetric("holdfast_client_connections", {{"listener", "edge"}}, 2);
  gateway.Signal(SIGTERM);
  unused.ExpectClosed();
  kept.ExpectClosed();
  EXPECT_EQ(gateway.WaitExit(), 0);
}

TEST_P(DrainTest, ARequestInFlightIsFinishedAndItsConnectionClosed) {
  ScriptedHop hop(WithDrain("{delay: 0s, timeout: 60s}"));
  RawClient idle(hop.gateway.address());
  EXPECT_EQ(idle.Get("/local").Status(), 200);
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Request();
  hop.gateway.Signal(SIGTERM);
  AwaitNotReady(hop.gateway);
  idle.ExpectClosed();  // and so the worker has heard of it
  EXPECT_TRUE(hop.gateway.running());
  upstream.Send(OkResponse("finished"));
  const Message response = hop.client.Response();
  EXPECT_EQ(response.body, "finished");
  EXPECT_TRUE(response.HasLine("Connection: close")) << response.head;
  hop.client.ExpectClosed();
  EXPECT_EQ(hop.gateway.WaitExit(), 0);
}

TEST_P(DrainTest, ReadinessEndsAndLifeGoesOn) {
  GatewayProcess gateway(WithDrain("{delay: 60s, timeout: 1s}"));
  EXPECT_EQ(gateway.Status("/readyz").Status(), 200);
  gateway.Signal(SIGTERM);
  AwaitNotReady(gateway);
  EXPECT_EQ(gateway.Status("/healthz").Status(), 200);
}

TEST_P(DrainTest, ConnectionsAreStillAcceptedDuringTheDelayAndAskedToGo) {
  GatewayProcess gateway(WithDrain("{delay: 60s, timeout: 1s}"));
  RawClient kept(gateway.address());
  EXPECT_FALSE(kept.Get("/local").Has("connection"));
  gateway.Signal(SIGTERM);
  AwaitNotReady(gateway);
  RawClient late(gateway.address());
  for (RawClient* client : {&kept, &late}) {
    Message response;
    // The workers hear of the drain a moment after readiness has changed.
    EXPECT_TRUE(Eventually([&] {
      response = client->Get("/local");
      return response.HasLine("Connection: close") || response.Status() != 200;
    }));
    EXPECT_EQ(response.Status(), 200);
    client->ExpectClosed();
  }
}

TEST_P(DrainTest, AfterTheDelayConnectionsAreRefused) {
  GatewayConfig config = WithDrain("{delay: 100ms, timeout: 60s}");
  config.bind = UnusedAddress();  // which nobody else takes
  ScriptedHop hop(config);
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Request();
  const std::string address = hop.gateway.address();
  RawClient idle(address);
  hop.gateway.Signal(SIGTERM);
  idle.ExpectClosed();  // and with it the listeners
  EXPECT_EQ(RunProgram({"curl", "--silent", "http://" + address + "/local"}).code, 7);
  upstream.Send(OkResponse("x"));
  EXPECT_EQ(hop.client.Response().Status(), 200);
  EXPECT_EQ(hop.gateway.WaitExit(), 0);
}

TEST_P(DrainTest, TheDeadlineCutsWhatIsLeft) {
  ScriptedHop hop(WithDrain("{delay: 0s, timeout: 300ms}"));
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Request();
  hop.gateway.Signal(SIGTERM);
  EXPECT_EQ(hop.gateway.WaitExit(), kDeadlineHit);
  StreamEnd end;
  hop.client.ReadToEnd(&end);
  EXPECT_NE(end, StreamEnd::kOpen);
}

TEST_P(DrainTest, ASecondSignalStopsAtOnce) {
  ScriptedHop hop(WithDrain("{delay: 60s, timeout: 60s}"));
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Request();
  hop.gateway.Signal(SIGTERM);
  AwaitNotReady(hop.gateway);
  hop.gateway.Signal(SIGTERM);
  EXPECT_EQ(hop.gateway.WaitExit(), kDeadlineHit);
}

TEST_P(DrainTest, ATunnelIsLeftUntilTheDeadline) {
  ScriptedHop hop(WithDrain("{delay: 0s, timeout: 5s}"));
  UpstreamConnection upstream =
      hop.Begin(GetRequest("/", "Connection: upgrade\r\nUpgrade: test\r\n"));
  upstream.Answer("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: test\r\n\r\n");
  EXPECT_EQ(hop.client.Response().Status(), 101);
  hop.gateway.Signal(SIGTERM);
  AwaitNotReady(hop.gateway);
  hop.client.Send("still");
  EXPECT_EQ(upstream.ReadBytes(5), "still");
  EXPECT_EQ(hop.gateway.WaitExit(), kDeadlineHit);
}

// Sends half a request, lets the drain begin, and sends the rest. False: that took as long as such
// a client is waited for, so nothing is known.
bool DrainsWithinAHead() {
  ScriptedHop hop(WithDrain("{delay: 0s, timeout: 60s}"));
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));  // lets the gateway live on
  upstream.Request();
  RawClient client(hop.gateway.address());
  client.Send("GET /local HTTP/1.1\r\nHo");
  hop.gateway.AwaitMetric("holdfast_client_connections", {{"state", "active"}}, 2);
  const auto began = std::chrono::steady_clock::now();
  hop.gateway.Signal(SIGTERM);
  AwaitNotReady(hop.gateway);
  client.SendIfWanted("st: test\r\n\r\n");
  if (std::chrono::steady_clock::now() - began >= std::chrono::seconds(1)) return false;
  const Message response = client.Response();
  EXPECT_EQ(response.body, "local");
  EXPECT_TRUE(response.HasLine("Connection: close")) << response.head;
  upstream.Send(OkResponse("x"));
  EXPECT_EQ(hop.client.Response().Status(), 200);
  EXPECT_EQ(hop.gateway.WaitExit(), 0);
  return true;
}

TEST_P(DrainTest, AHalfSentRequestIsStillServed) { EXPECT_TRUE(Eventually(&DrainsWithinAHead)); }

// Stopped, the gateway finds the request and the signal at the same moment.
TEST_P(DrainTest, ARequestThatArrivedBeforeTheSignalIsServed) {
  for (int i = 0; i < 5; ++i) {
    GatewayProcess gateway(WithDrain("{delay: 0s, timeout: 60s}"));
    RawClient client(gateway.address());
    EXPECT_EQ(client.Get("/local").Status(), 200);
    gateway.Pause();
    client.Send(GetRequest("/local"));
    gateway.Signal(SIGTERM);
    gateway.Resume();
    EXPECT_EQ(client.Response().body, "local");
    EXPECT_EQ(gateway.WaitExit(), 0);
  }
}

// The head was sent before the signal, so that it does not ask the client to go.
void BeginResponse(ScriptedHop& hop, UpstreamConnection& upstream) {
  upstream.Request();
  upstream.Send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf ");
  const std::string head = hop.client.ReadUntil("half ");
  EXPECT_EQ(head.find("Connection: close"), std::string::npos) << head;
}

TEST_P(DrainTest, AResponseThatBeganBeforeTheSignalIsTheEndOfItsConnection) {
  ScriptedHop hop(WithDrain("{delay: 0s, timeout: 60s}"));
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  BeginResponse(hop, upstream);
  hop.gateway.Signal(SIGTERM);
  AwaitNotReady(hop.gateway);
  upstream.Send("whole");
  EXPECT_EQ(hop.client.ReadUntil("whole"), "whole");
  hop.client.ExpectClosed();
  EXPECT_EQ(hop.gateway.WaitExit(), 0);
}

TEST_P(DrainTest, SoItIsOnARemovedListener) {
  ScriptedHop hop(GatewayConfig{.listener = "idle_timeout: off"});
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  BeginResponse(hop, upstream);
  GatewayConfig config{.endpoints = {hop.upstream.address()}};
  std::string text = config.Text();
  text.replace(text.find("name: edge"), 10, "name: door");
  hop.gateway.Reload(text);
  upstream.Send("whole");
  EXPECT_EQ(hop.client.ReadUntil("whole"), "whole");
  hop.client.ExpectClosed();
}

// A sample of the second that http1_session_drain_test goes through by the millisecond.
TEST_P(DrainTest, WheneverTheSignalComesNothingIsWaitedForAfterTheLastByte) {
  for (const int pieces_before : {0, 1, 2, 3}) {
    ScriptedHop hop(WithDrain("{delay: 0s, timeout: 60s}"));
    UpstreamConnection upstream = hop.Begin(GetRequest("/"));
    upstream.Request();
    const std::vector<std::string> pieces = {"HTTP/1.1 200 OK\r\n", "Content-Length: 4\r\n\r\n",
                                             "ha", "lf"};
    for (int i = 0; i < 4; ++i) {
      if (i == pieces_before) {
        hop.gateway.Signal(SIGTERM);
        AwaitNotReady(hop.gateway);
      }
      upstream.Send(pieces[static_cast<size_t>(i)]);
      if (i == 2) hop.client.ReadUntil("ha");
    }
    EXPECT_EQ(hop.client.ReadUntil("lf"), "lf");
    hop.client.ExpectClosed();
    EXPECT_EQ(hop.gateway.WaitExit(), 0) << pieces_before;
  }
}

TEST_P(DrainTest, AShortUnreadBodyIsNotWaitedForOnceTheResponseIsOut) {
  ScriptedHop hop(WithDrain("{delay: 0s, timeout: 60s}"));
  hop.client.Send("POST /local HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhalf ");
  EXPECT_EQ(hop.client.Response("POST").body, "local");
  hop.gateway.Signal(SIGTERM);
  hop.client.ExpectClosed();
  hop.client.Close();
  EXPECT_EQ(hop.gateway.WaitExit(), 0);
}

TEST_P(DrainTest, APartOfAHeadIsNotWaitedForToTheDeadline) {
  ScriptedHop hop(
      GatewayConfig{.listener = "head_timeout: off", .drain = "{delay: 0s, timeout: 600s}"});
  hop.client.Send("GET /local HTTP/1.1\r\nHo");
  hop.gateway.AwaitMetric("holdfast_client_connections", {{"state", "active"}}, 1);
  hop.gateway.Signal(SIGTERM);
  hop.client.ExpectClosed();
  EXPECT_EQ(hop.gateway.WaitExit(), 0);
}

// Ends the gateway at a deadline of nothing. nullopt: a worker did not come to run within the
// second in which it is to answer, so nothing is known.
std::optional<int> CutAtOnce(GatewayProcess& gateway) {
  gateway.Signal(SIGTERM);
  const int code = gateway.WaitExit();
  if (gateway.Stderr().find("a worker does not answer") != std::string::npos) return std::nullopt;
  return code;
}

TEST_P(DrainTest, ADeadlineThatFindsNothingToCutIsNotMissed) {
  const auto ends = [](const char* workers) {
    GatewayConfig config = WithDrain("{delay: 0s, timeout: 0s}");
    config.workers = workers;
    GatewayProcess gateway(config);
    RawClient idle(gateway.address());
    EXPECT_EQ(idle.Get("/local").Status(), 200);
    RawClient begun(gateway.address());
    begun.Send("GET /local HT");
    gateway.AwaitMetric("holdfast_client_connections", {{"state", "active"}}, 1);
    const std::optional<int> code = CutAtOnce(gateway);
    if (!code.has_value()) return false;
    EXPECT_EQ(*code, 0) << workers;
    EXPECT_TRUE(gateway.AwaitStderr("drained: nothing was cut off"));
    return true;
  };
  for (const char* workers : {"1", "3"}) EXPECT_TRUE(Eventually([&] { return ends(workers); }));
}

TEST_P(DrainTest, ADeadlineOfNothingStillCutsARequest) {
  EXPECT_TRUE(Eventually([] {
    ScriptedHop hop(WithDrain("{delay: 0s, timeout: 0s}"));
    UpstreamConnection upstream = hop.Begin(GetRequest("/"));
    upstream.Request();
    const std::optional<int> code = CutAtOnce(hop.gateway);
    if (!code.has_value()) return false;
    EXPECT_EQ(*code, kDeadlineHit);
    EXPECT_TRUE(hop.gateway.AwaitStderr("1 exchange was cut off"));
    return true;
  }));
}

TEST_P(DrainTest, IdleUpstreamConnectionsDoNotHoldItUp) {
  ScriptedHop hop(WithDrain("{delay: 0s, timeout: 60s}"));
  UpstreamConnection upstream = hop.Warm();
  hop.client.Close();
  hop.gateway.Signal(SIGTERM);
  EXPECT_EQ(hop.gateway.WaitExit(), 0);
  upstream.ExpectClosed();
}

}  // namespace
}  // namespace holdfast::support
