// The cap on an upstream's connections, and those who wait because of it.

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/raw_client.h"
#include "tests/support/scripted_hop.h"

namespace holdfast::support {
namespace {

// Those who wait do so for as long as the test takes.
constexpr char kOneConnection[] = "max_connections: 1, queue: {timeout: 60s}";

void ExpectTurnedAway(const Message& response, std::string_view reason) {
  EXPECT_EQ(response.Status(), 503);
  EXPECT_TRUE(response.Has("retry-after")) << response.head;
  EXPECT_NE(response.body.find(reason), std::string::npos) << response.body;
}

TEST(QueueTest, ARequestOverTheCapWaitsForAConnection) {
  ScriptedHop hop(GatewayConfig{.upstream = kOneConnection});
  UpstreamConnection upstream = hop.Begin(GetRequest("/first"));
  upstream.Request();
  RawClient second(hop.gateway.address());
  second.Send(GetRequest("/second"));
  hop.gateway.AwaitMetric("holdfast_upstream_waiters", {{"upstream", "web"}}, 1);
  hop.upstream.ExpectNoConnection();
  upstream.Send(OkResponse("first"));
  EXPECT_EQ(hop.client.Response().body, "first");
  EXPECT_EQ(upstream.Answer(OkResponse("second")).Target(), "/second");
  EXPECT_EQ(second.Response().body, "second");
}

TEST(QueueTest, ThoseWhoWaitAreServedInTheirOrder) {
  ScriptedHop hop(GatewayConfig{.upstream = kOneConnection});
  UpstreamConnection upstream = hop.Begin(GetRequest("/0"));
  upstream.Request();
  std::vector<RawClient> waiting;
  for (int i = 1; i <= 5; ++i) {
    waiting.emplace_back(hop.gateway.address()).Send(GetRequest("/" + std::to_string(i)));
    hop.gateway.AwaitMetric("holdfast_upstream_waiters", {{"upstream", "web"}}, i);
  }
  upstream.Send(OkResponse("0"));
  for (int i = 1; i <= 5; ++i) {
    EXPECT_EQ(upstream.Answer(OkResponse("x")).Target(), "/" + std::to_string(i));
    EXPECT_EQ(waiting[static_cast<size_t>(i) - 1].Response().Status(), 200);
  }
}

TEST(QueueTest, AConnectionThatBreaksMakesRoomForAFreshOne) {
  ScriptedHop hop(GatewayConfig{.upstream = kOneConnection});
  UpstreamConnection upstream = hop.Begin(GetRequest("/first"));
  upstream.Request();
  RawClient second(hop.gateway.address());
  second.Send(GetRequest("/second"));
  hop.gateway.AwaitMetric("holdfast_upstream_waiters", {{"upstream", "web"}}, 1);
  upstream.Close();
  EXPECT_EQ(hop.client.Response().Status(), 502);
  UpstreamConnection fresh = hop.upstream.Accept();
  EXPECT_EQ(fresh.Answer(OkResponse("second")).Target(), "/second");
  EXPECT_EQ(second.Response().body, "second");
}

TEST(QueueTest, AFullQueueTurnsAway) {
  ScriptedHop hop(GatewayConfig{.upstream = "max_connections: 1, queue: {size: 1, timeout: 60s}"});
  UpstreamConnection upstream = hop.Begin(GetRequest("/first"));
  upstream.Request();
  RawClient second(hop.gateway.address());
  second.Send(GetRequest("/second"));
  hop.gateway.AwaitMetric("holdfast_upstream_waiters", {{"upstream", "web"}}, 1);
  RawClient third(hop.gateway.address());
  ExpectTurnedAway(third.Get("/third"), "queue_full");
  EXPECT_EQ(third.Get("/local").Status(), 200);
  upstream.Send(OkResponse("first"));
  upstream.Answer(OkResponse("second"));
  EXPECT_EQ(second.Response().body, "second");
}

TEST(QueueTest, WithoutAQueueNobodyWaits) {
  ScriptedHop hop(GatewayConfig{.upstream = "max_connections: 1, queue: {size: 0}"});
  UpstreamConnection upstream = hop.Begin(GetRequest("/first"));
  upstream.Request();
  RawClient second(hop.gateway.address());
  ExpectTurnedAway(second.Get("/second"), "queue_full");
  upstream.Send(OkResponse("first"));
  EXPECT_EQ(hop.client.Response().body, "first");
  hop.client.Send(GetRequest("/again"));
  upstream.Answer(OkResponse("again"));
  EXPECT_EQ(hop.client.Response().body, "again");
}

TEST(QueueTest, ALongWaitTurnsAway) {
  ScriptedHop hop(GatewayConfig{.upstream = "max_connections: 1, queue: {timeout: 200ms}"});
  UpstreamConnection upstream = hop.Begin(GetRequest("/first"));
  upstream.Request();
  RawClient second(hop.gateway.address());
  ExpectTurnedAway(second.Get("/second"), "queue_timeout");
  hop.gateway.AwaitMetric("holdfast_upstream_checkouts_total", {{"result", "queue_timeout"}}, 1);
}

TEST(QueueTest, ABodyWaitsWithItsRequest) {
  ScriptedHop hop(GatewayConfig{.upstream = kOneConnection});
  UpstreamConnection upstream = hop.Begin(GetRequest("/first"));
  upstream.Request();
  const std::string body = Pattern(1 << 20);
  RawClient second(hop.gateway.address());
  const std::string request = PostRequest("/second", body);
  const size_t sent = second.TrySend(request);
  hop.gateway.AwaitMetric("holdfast_upstream_waiters", {{"upstream", "web"}}, 1);
  upstream.Send(OkResponse("first"));
  EXPECT_EQ(hop.client.Response().body, "first");
  std::thread sender([&] { second.Send(std::string_view(request).substr(sent)); });
  EXPECT_TRUE(upstream.Answer(OkResponse("second")).body == body);
  sender.join();
  EXPECT_EQ(second.Response().body, "second");
}

}  // namespace
}  // namespace holdfast::support
