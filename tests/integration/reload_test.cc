// SIGHUP: a new configuration without losing anything of the old.

#include <unistd.h>

#include <string>

#include <gtest/gtest.h>

#include "tests/support/auto_upstream.h"
#include "tests/support/dns_server.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_hop.h"
#include "tests/support/wire.h"

namespace holdfast::support {
namespace {

constexpr char kNewRoute[] = "- {name: new, match: {path: /new}, respond: {body: \"new\"}}\n";

// What ScriptedHop began with.
GatewayConfig Base(const ScriptedUpstream& upstream) { return {.endpoints = {upstream.address()}}; }

class KeptOverReloadTest : public OverEachWire {};
HOLDFAST_OVER_EACH_WIRE(KeptOverReloadTest);

TEST_P(KeptOverReloadTest, ANewRouteIsServedOnKeptConnections) {
  ScriptedHop hop;
  EXPECT_EQ(hop.client.Get("/local").Status(), 200);
  GatewayConfig config = Base(hop.upstream);
  config.routes = kNewRoute;
  hop.gateway.Reload(config.Text());
  EXPECT_TRUE(Eventually([&] {
    hop.client.Send(GetRequest("/new"));
    return hop.client.Response().body == "new";
  }));
}

TEST_P(KeptOverReloadTest, AWarmUpstreamConnectionIsUsedAfterwards) {
  constexpr char kKept[] = "idle_timeout: 60s";
  ScriptedHop hop(GatewayConfig{.upstream = kKept});
  UpstreamConnection upstream = hop.Warm();
  GatewayConfig config = Base(hop.upstream);
  config.upstream = kKept;
  config.routes = kNewRoute;
  hop.gateway.Reload(config.Text());
  hop.client.Send(GetRequest("/after"));
  EXPECT_EQ(upstream.Answer(OkResponse("after")).Target(), "/after");
  EXPECT_EQ(hop.client.Response().body, "after");
  hop.upstream.ExpectNoConnection();
}

TEST_P(KeptOverReloadTest, ARequestInFlightEndsAsItBegan) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Request();
  GatewayConfig config;
  config.routes = "- {match: {path: /}, respond: {body: \"no upstream any more\"}}\n";
  hop.gateway.Reload(config.Text());
  upstream.Send(OkResponse("old"));
  EXPECT_EQ(hop.client.Response().body, "old");
  EXPECT_EQ(hop.client.Get("/").body, "no upstream any more");
  upstream.ExpectClosed();
}

TEST_P(KeptOverReloadTest, ATunnelLivesOn) {
  ScriptedHop hop;
  UpstreamConnection upstream =
      hop.Begin(GetRequest("/", "Connection: upgrade\r\nUpgrade: test\r\n"));
  upstream.Answer("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: test\r\n\r\n");
  EXPECT_EQ(hop.client.Response().Status(), 101);
  hop.gateway.Reload(GatewayConfig{}.Text());
  hop.client.Send("up");
  EXPECT_EQ(upstream.ReadBytes(2), "up");
  upstream.Send("down");
  EXPECT_EQ(hop.client.ReadBytes(4), "down");
}

TEST(ReloadTest, ABadFileChangesNothing) {
  ScriptedHop hop;
  hop.gateway.Reload("listeners: [{bind: nowhere}]\nroutes: []\n");
  EXPECT_EQ(hop.client.Get("/local").Status(), 200);
  const MetricsScrape scrape = hop.gateway.Scrape();
  EXPECT_EQ(scrape.Value("holdfast_config_reloads_total", {{"result", "failure"}}), 1);
  EXPECT_EQ(scrape.Value("holdfast_config_last_reload_successful"), 0);
  hop.gateway.AwaitStderr("holdfast.yaml:1:");
}

TEST(ReloadTest, AFixedFileIsTakenAfterABadOne) {
  ScriptedHop hop;
  hop.gateway.Reload("nonsense");
  GatewayConfig config = Base(hop.upstream);
  config.routes = kNewRoute;
  hop.gateway.Reload(config.Text());
  EXPECT_TRUE(Eventually([&] {
    hop.client.Send(GetRequest("/new"));
    return hop.client.Response().body == "new";
  }));
  EXPECT_EQ(hop.gateway.Scrape().Value("holdfast_config_last_reload_successful"), 1);
}

TEST(ReloadTest, AListenerIsAdded) {
  ScriptedHop hop;
  GatewayConfig config = Base(hop.upstream);
  config.listeners = "- {name: added, bind: \"127.0.0.1:0\"}\n";
  hop.gateway.Reload(config.Text());
  RawClient client(hop.gateway.address("added"));
  EXPECT_EQ(client.Get("/local").Status(), 200);
  EXPECT_EQ(hop.client.Get("/local").Status(), 200);
}

TEST(ReloadTest, AListenerIsRemovedAndItsKeptConnectionsAskedToGo) {
  const std::string address = UnusedAddress();
  GatewayConfig config;
  config.listeners = "- {name: removed, bind: \"" + address + "\"}\n";
  GatewayProcess gateway(config);
  RawClient kept(address);
  EXPECT_EQ(kept.Get("/local").Status(), 200);
  gateway.Reload(GatewayConfig{}.Text());
  kept.ExpectClosed();
  EXPECT_TRUE(Eventually([&] {
    return RunProgram({"curl", "--silent", "http://" + address + "/local"}).code == 7;
  }));
}

// The workers close a removed listener's sockets some time after the reload.
TEST(ReloadTest, AListenerThatWasRemovedComesBackToItsPort) {
  const std::string address = UnusedAddress();
  GatewayConfig without{.workers = "4"};
  GatewayConfig with = without;
  with.listeners = "- {name: back, bind: \"" + address + "\"}\n";
  GatewayProcess gateway(with);
  for (int i = 0; i < 15; ++i) {
    gateway.Reload(without.Text());
    gateway.Reload(with.Text());
  }
  EXPECT_EQ(gateway.Scrape().Value("holdfast_config_reloads_total", {{"result", "failure"}}), 0);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(RawClient(address).Get("/local").Status(), 200);
  gateway.Reload(without.Text());
  EXPECT_TRUE(Eventually([&] {
    return RunProgram({"curl", "--silent", "http://" + address + "/local"}).code == 7;
  }));
}

TEST(ReloadTest, AListenerMovesToAnotherAddressOfItsPort) {
  // On every address: a client of another test may have this port on one of them.
  const int held = HoldPort("0.0.0.0:0");
  const std::string all = LocalAddress(held);
  const std::string port = all.substr(all.rfind(':'));
  const std::string address = "127.0.0.1" + port;
  GatewayConfig config{.bind = address};
  GatewayProcess gateway(config);
  for (const std::string& bind : {"0.0.0.0" + port, address, "0.0.0.0" + port}) {
    config.bind = bind;
    gateway.Reload(config.Text());
    // Who is still in the queue of the socket that goes is told so by a reset.
    EXPECT_TRUE(Eventually([&] {
      return RunProgram({"curl", "--silent", "http://" + address + "/local"}).out == "local";
    })) << bind;
  }
  EXPECT_EQ(gateway.Scrape().Value("holdfast_config_reloads_total", {{"result", "failure"}}), 0)
      << gateway.Stderr();
  close(held);
}

TEST(ReloadTest, AListenerIsRenamedOnItsPort) {
  GatewayConfig config;
  config.bind = UnusedAddress();
  GatewayProcess gateway(config);
  RawClient kept(gateway.address());
  EXPECT_EQ(kept.Get("/local").Status(), 200);
  std::string text = config.Text();
  text.replace(text.find("name: edge"), 10, "name: door");
  gateway.Reload(text);
  EXPECT_EQ(gateway.Scrape().Value("holdfast_config_reloads_total", {{"result", "success"}}), 1);
  RawClient client(config.bind);
  EXPECT_EQ(client.Get("/local").Status(), 200);
}

TEST(ReloadTest, ARequestOnARemovedListenerIsFinished) {
  ScriptedUpstream upstream;
  GatewayConfig config = Base(upstream);
  config.listeners = "- {name: removed, bind: \"127.0.0.1:0\"}\n";
  GatewayProcess gateway(config);
  RawClient client(gateway.address("removed"));
  client.Send(GetRequest("/"));
  UpstreamConnection connection = upstream.Accept();
  connection.Request();
  gateway.Reload(Base(upstream).Text());
  connection.Send(OkResponse("finished"));
  const Message response = client.Response();
  EXPECT_EQ(response.body, "finished");
  EXPECT_TRUE(response.HasLine("Connection: close")) << response.head;
  client.ExpectClosed();
}

TEST(ReloadTest, AListenerThatCannotBeBoundChangesNothing) {
  ScriptedHop hop;
  const ScriptedUpstream taken;
  GatewayConfig config = Base(hop.upstream);
  config.listeners = "- {name: added, bind: \"" + taken.address() + "\"}\n";
  config.routes = kNewRoute;
  hop.gateway.Reload(config.Text());
  EXPECT_EQ(hop.client.Get("/local").Status(), 200);
  EXPECT_EQ(hop.gateway.Scrape().Value("holdfast_config_reloads_total", {{"result", "failure"}}),
            1);
}

TEST_P(KeptOverReloadTest, ATimeoutOfTheNewFileHoldsForKeptConnections) {
  ScriptedHop hop;
  EXPECT_EQ(hop.client.Get("/local").Status(), 200);
  GatewayConfig config = Base(hop.upstream);
  config.route = "timeouts: {first_byte: 200ms}";
  hop.gateway.Reload(config.Text());
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Request();
  EXPECT_EQ(hop.client.Response().Status(), 504);
}

TEST_P(KeptOverReloadTest, AnIdleTimeReachesConnectionsThatAreIdle) {
  GatewayConfig config{.listener = "idle_timeout: off"};
  GatewayProcess gateway(config);
  RawClient kept(gateway.address());
  EXPECT_EQ(kept.Get("/local").Status(), 200);
  config.listener = "idle_timeout: 100ms";
  gateway.Reload(config.Text());
  kept.ExpectClosed();
}

TEST(ReloadTest, WhoIsTrustedNoMoreIsNotBelievedOnAnOpenConnection) {
  AutoUpstream upstream([](const Message& request) {
    return AutoUpstream::Reply{.bytes = OkResponse(request.Value("x-forwarded-for"))};
  });
  GatewayConfig config{.endpoints = {upstream.address()},
                       .listener = "trusted_proxies: [127.0.0.1]"};
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  constexpr std::string_view kClaim = "X-Forwarded-For: 203.0.113.7\r\n";
  EXPECT_EQ(client.Get("/", kClaim).body, "203.0.113.7, 127.0.0.1");
  config.listener = "";
  gateway.Reload(config.Text());
  EXPECT_TRUE(Eventually([&] { return client.Get("/", kClaim).body == "127.0.0.1"; }));
}

TEST_P(KeptOverReloadTest, AnEndpointThatLeftClosesItsIdleConnections) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Warm();
  ScriptedUpstream other;
  hop.gateway.Reload(Base(other).Text());
  upstream.ExpectClosed();
  hop.client.Send(GetRequest("/"));
  UpstreamConnection fresh = other.Accept();
  fresh.Answer(OkResponse("other"));
  EXPECT_EQ(hop.client.Response().body, "other");
}

TEST(ReloadTest, OtherNameServersAreAskedAndTheOldAddressesServeUntilTheyAnswer) {
  AutoUpstream one("one", "127.0.0.1:0");
  const std::string port = one.address().substr(one.address().rfind(':'));
  // An address that nobody else has ports at.
  AutoUpstream two("two", "127.86.0.2" + port);
  DnsServer first;
  first.Set("web.test", {"127.0.0.1"}, 60);
  DnsServer second;
  second.Set("web.test", {"127.86.0.2"}, 60);
  second.SetMood(DnsServer::Mood::kSilent);
  GatewayConfig config{.endpoints = {"web.test" + port},
                       .upstream = "max_idle: 0",
                       .top = "dns: {servers: [\"" + first.address() + "\"]}\n"};
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  EXPECT_TRUE(Eventually([&] { return client.Get("/").body == "one"; }));
  config.top = "dns: {servers: [\"" + second.address() + "\"], timeout: 100ms}\n";
  gateway.Reload(config.Text());
  EXPECT_TRUE(Eventually([&] { return second.queries() > 0; }));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(client.Get("/").body, "one");
  second.SetMood(DnsServer::Mood::kAnswer);
  EXPECT_TRUE(Eventually([&] { return client.Get("/").body == "two"; }));
  gateway.AwaitMetric("holdfast_upstream_endpoints", {{"state", "up"}}, 1);
}

TEST_P(KeptOverReloadTest, ManyReloadsUnderLoadLoseNoRequest) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Warm();
  for (int i = 0; i < 20; ++i) {
    GatewayConfig config = Base(hop.upstream);
    if (i % 2 == 0) config.routes = kNewRoute;
    hop.client.Send(GetRequest("/" + std::to_string(i)));
    hop.gateway.Reload(config.Text());
    EXPECT_EQ(upstream.Answer(OkResponse("x")).Target(), "/" + std::to_string(i));
    EXPECT_EQ(hop.client.Response().Status(), 200);
  }
}

}  // namespace
}  // namespace holdfast::support
