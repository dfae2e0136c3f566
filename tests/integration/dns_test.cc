// Upstreams by name.

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/auto_upstream.h"
#include "tests/support/dns_server.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"

namespace holdfast::support {
namespace {

std::string PortOf(const std::string& address) { return address.substr(address.rfind(':')); }

// One worker with `endpoints`, which asks `dns` and believes it for as little as it may.
GatewayConfig Named(const DnsServer& dns, std::vector<std::string> endpoints) {
  return {.endpoints = std::move(endpoints),
          .upstream = "balance: round_robin, max_idle: 0",
          .top = "dns: {servers: [\"" + dns.address() +
                 "\"], min_ttl: 20ms, timeout: 300ms, attempts: 1}\n"};
}

void AwaitEndpoints(const GatewayProcess& gateway, double count) {
  gateway.AwaitMetric("holdfast_upstream_endpoints", {{"upstream", "web"}}, count);
}

TEST(DnsTest, LocalhostIsFound) {
  AutoUpstream upstream;
  GatewayProcess gateway(GatewayConfig{.endpoints = {"localhost" + PortOf(upstream.address())}});
  RawClient client(gateway.address());
  gateway.AwaitMetricAtLeast("holdfast_upstream_endpoints", {{"upstream", "web"}}, 1);
  EXPECT_EQ(client.Get("/").body, "hello");
}

TEST(DnsTest, ANameIsLookedUp) {
  AutoUpstream upstream;
  DnsServer dns;
  dns.Set("web.test", {"127.0.0.1"}, 60);
  GatewayProcess gateway(Named(dns, {"web.test" + PortOf(upstream.address())}));
  AwaitEndpoints(gateway, 1);
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/").body, "hello");
}

TEST(DnsTest, EachAddressIsAnEndpoint) {
  AutoUpstream one("one", "127.0.0.1:0");
  AutoUpstream two("two", "127.0.0.2" + PortOf(one.address()));
  DnsServer dns;
  dns.Set("web.test", {"127.0.0.1", "127.0.0.2"}, 60);
  GatewayProcess gateway(Named(dns, {"web.test" + PortOf(one.address())}));
  AwaitEndpoints(gateway, 2);
  RawClient client(gateway.address());
  for (int i = 0; i < 6; ++i) EXPECT_EQ(client.Get("/").Status(), 200);
  EXPECT_EQ(one.requests(), 3);
  EXPECT_EQ(two.requests(), 3);
}

TEST(DnsTest, AChangedAnswerIsFollowedOnceItsTimeIsOver) {
  AutoUpstream one("one", "127.0.0.1:0");
  AutoUpstream two("two", "127.0.0.2" + PortOf(one.address()));
  DnsServer dns;
  dns.Set("web.test", {"127.0.0.1"}, 0);
  GatewayProcess gateway(Named(dns, {"web.test" + PortOf(one.address())}));
  AwaitEndpoints(gateway, 1);
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/").body, "one");
  dns.Set("web.test", {"127.0.0.2"}, 0);
  EXPECT_TRUE(Eventually([&] { return client.Get("/").body == "two"; }));
}

TEST(DnsTest, AnAnswerIsNotAskedForAgainBeforeItsTimeIsOver) {
  AutoUpstream upstream;
  DnsServer dns;
  dns.Set("web.test", {"127.0.0.1"}, 300);
  GatewayProcess gateway(Named(dns, {"web.test" + PortOf(upstream.address())}));
  AwaitEndpoints(gateway, 1);
  const int queries = dns.queries();
  RawClient client(gateway.address());
  for (int i = 0; i < 50; ++i) EXPECT_EQ(client.Get("/").Status(), 200);
  EXPECT_EQ(dns.queries(), queries);
}

TEST(DnsTest, AnOldAnswerIsKeptWhileTheServerFails) {
  AutoUpstream upstream;
  DnsServer dns;
  dns.Set("web.test", {"127.0.0.1"}, 0);
  GatewayProcess gateway(Named(dns, {"web.test" + PortOf(upstream.address())}));
  AwaitEndpoints(gateway, 1);
  dns.SetMood(DnsServer::Mood::kFailure);
  const int queries = dns.queries();
  EXPECT_TRUE(Eventually([&] { return dns.queries() >= queries + 4; }));
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/").body, "hello");
}

TEST(DnsTest, TheStartDoesNotWaitForAnAnswer) {
  AutoUpstream upstream;
  DnsServer dns;
  dns.Set("web.test", {"127.0.0.1"}, 60);
  dns.SetMood(DnsServer::Mood::kSilent);
  GatewayProcess gateway(Named(dns, {"web.test" + PortOf(upstream.address())}));
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/local").Status(), 200);
  const Message response = client.Get("/");
  EXPECT_EQ(response.Status(), 503);
  EXPECT_TRUE(response.Has("retry-after")) << response.head;
  EXPECT_NE(response.body.find("web.test"), std::string::npos) << response.body;
  dns.SetMood(DnsServer::Mood::kAnswer);
  EXPECT_TRUE(Eventually([&] { return client.Get("/").Status() == 200; }));
}

TEST(DnsTest, ANameThatDoesNotExistIsSaidSoWhileOthersWork) {
  AutoUpstream upstream;
  DnsServer dns;
  GatewayConfig config = Named(dns, {"nobody.test:80"});
  config.routes = "- {match: {path: /respond}, respond: {body: \"fine\"}}\n";
  GatewayProcess gateway(config);
  gateway.AwaitMetricAtLeast("holdfast_dns_lookups_total", {{"upstream", "web"}}, 1);
  RawClient client(gateway.address());
  const Message response = client.Get("/");
  EXPECT_EQ(response.Status(), 503);
  EXPECT_NE(response.body.find("nobody.test"), std::string::npos) << response.body;
  EXPECT_EQ(client.Get("/respond").body, "fine");
}

TEST(DnsTest, AnEndpointWhoseNameFailsDoesNotStopItsNeighbours) {
  AutoUpstream upstream;
  DnsServer dns;
  GatewayProcess gateway(Named(dns, {"nobody.test:80", upstream.address()}));
  AwaitEndpoints(gateway, 1);
  RawClient client(gateway.address());
  for (int i = 0; i < 4; ++i) EXPECT_EQ(client.Get("/").body, "hello");
}

TEST(DnsTest, AnEndpointThatLeftIsNotUsedAgainAndItsRequestEnds) {
  ScriptedUpstream one("127.0.0.1:0");
  AutoUpstream two("two", "127.0.0.2" + PortOf(one.address()));
  DnsServer dns;
  dns.Set("web.test", {"127.0.0.1"}, 0);
  GatewayProcess gateway(Named(dns, {"web.test" + PortOf(one.address())}));
  AwaitEndpoints(gateway, 1);
  RawClient client(gateway.address());
  client.Send(GetRequest("/"));
  UpstreamConnection connection = one.Accept();
  connection.Request();
  dns.Set("web.test", {"127.0.0.2"}, 0);
  const int queries = dns.queries();
  EXPECT_TRUE(Eventually([&] { return dns.queries() >= queries + 4; }));
  RawClient other(gateway.address());
  EXPECT_EQ(other.Get("/").body, "two");
  connection.Send(OkResponse("last"));
  EXPECT_EQ(client.Response().body, "last");
}

}  // namespace
}  // namespace holdfast::support
