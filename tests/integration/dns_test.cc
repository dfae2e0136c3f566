// Upstreams by name.

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>
#include <thread>
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

using std::chrono::milliseconds;

// Which names the gateway looks up, and what resolvers say, is not for clients.
constexpr std::string_view kNoEndpoint = "503 Service Unavailable\nreason: no_endpoint\n";

// A host beside 127.0.0.1 whose ports are free: clients of other tests have some of 127.0.0.2.
const std::string kOther = "127.0.53.2";

std::string PortOf(const std::string& address) { return address.substr(address.rfind(':')); }
uint16_t PortNumber(const std::string& address) {
  return static_cast<uint16_t>(std::stoi(PortOf(address).substr(1)));
}

// What the gateway waits for an answer: for servers that give none, and otherwise longer than a
// busy machine keeps one from running.
constexpr std::string_view kShortTimeout = ", timeout: 300ms";
constexpr std::string_view kLongTimeout = ", timeout: 10s";

// One worker with `endpoints`, which asks `dns` and believes it for as little as it may.
GatewayConfig Named(const DnsServer& dns, std::vector<std::string> endpoints,
                    const std::string& more_dns = std::string(kLongTimeout)) {
  return {.endpoints = std::move(endpoints),
          .upstream = "balance: round_robin, max_idle: 0",
          .top = "dns: {servers: [\"" + dns.address() + "\"], min_ttl: 20ms, attempts: 1" +
                 more_dns + "}\n"};
}

// The same with the services of one name as endpoints.
std::string Served(const DnsServer& dns, const std::string& name) {
  std::string text = Named(dns, {name}).Text();
  const std::string plain = "[\"" + name + "\"]";
  return text.replace(text.find(plain), plain.size(), "[{srv: " + name + "}]");
}

// Waits until the gateway has had `count` more answers (A and AAAA are two) in this mood.
void AwaitQueries(const DnsServer& dns, int count) {
  const int before = dns.queries();
  EXPECT_TRUE(Eventually([&] { return dns.queries() >= before + count; }));
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
  AutoUpstream two("two", kOther + PortOf(one.address()));
  DnsServer dns;
  dns.Set("web.test", {"127.0.0.1", kOther}, 60);
  GatewayProcess gateway(Named(dns, {"web.test" + PortOf(one.address())}));
  AwaitEndpoints(gateway, 2);
  RawClient client(gateway.address());
  for (int i = 0; i < 6; ++i) EXPECT_EQ(client.Get("/").Status(), 200);
  EXPECT_EQ(one.requests(), 3);
  EXPECT_EQ(two.requests(), 3);
}

TEST(DnsTest, AChangedAnswerIsFollowedOnceItsTimeIsOver) {
  AutoUpstream one("one", "127.0.0.1:0");
  AutoUpstream two("two", kOther + PortOf(one.address()));
  DnsServer dns;
  dns.Set("web.test", {"127.0.0.1"}, 0);
  GatewayProcess gateway(Named(dns, {"web.test" + PortOf(one.address())}));
  AwaitEndpoints(gateway, 1);
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/").body, "one");
  dns.Set("web.test", {kOther}, 0);
  EXPECT_TRUE(Eventually([&] { return client.Get("/").body == "two"; }));
}

TEST(DnsTest, AnAnswerIsNotAskedForAgainBeforeItsTimeIsOver) {
  AutoUpstream upstream;
  DnsServer dns;
  dns.Set("web.test", {"127.0.0.1"}, 300);
  GatewayProcess gateway(Named(dns, {"web.test" + PortOf(upstream.address())}));
  AwaitEndpoints(gateway, 1);
  // The family that has an address is not held up by the other one.
  EXPECT_TRUE(Eventually([&] { return dns.queries() >= 2; }));
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
  GatewayProcess gateway(
      Named(dns, {"web.test" + PortOf(upstream.address())}, std::string(kShortTimeout)));
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/local").Status(), 200);
  const Message response = client.Get("/");
  EXPECT_EQ(response.Status(), 503);
  EXPECT_TRUE(response.Has("retry-after")) << response.head;
  EXPECT_EQ(response.body, kNoEndpoint);
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
  EXPECT_EQ(response.body, kNoEndpoint);
  EXPECT_EQ(client.Get("/respond").body, "fine");
}

TEST(DnsTest, ANameThatDoesNotResolveIsInTheLogAndTheMetrics) {
  AutoUpstream upstream;
  DnsServer dns;
  GatewayProcess gateway(Named(dns, {"web.test" + PortOf(upstream.address())}));
  EXPECT_TRUE(gateway.AwaitStderr("upstream web: DNS: web.test: not found (addresses known: 0)"));
  gateway.AwaitMetricAtLeast("holdfast_dns_name_failures_total", {{"name", "web.test"}}, 1);
  gateway.AwaitMetric("holdfast_dns_name_last_success_timestamp_seconds", {{"name", "web.test"}},
                      0);
  EXPECT_EQ(gateway.Status("/readyz").Status(), 200);
  dns.Set("web.test", {"127.0.0.1"}, 60);
  EXPECT_TRUE(gateway.AwaitStderr("DNS: web.test: all is answered (addresses known: 1)"));
  gateway.AwaitMetricAtLeast("holdfast_dns_name_last_success_timestamp_seconds",
                             {{"name", "web.test"}}, 1);
}

// The timeout is far beyond the test's patience.
TEST(DnsTest, AFamilyThatIsNeverAnsweredDoesNotHoldUpTheOther) {
  AutoUpstream upstream;
  DnsServer dns;
  dns.Set("web.test", {"127.0.0.1"}, 60);
  dns.SetServices("_http._tcp.web.test", {{"web.test", PortNumber(upstream.address()), 1, 1}}, 60);
  dns.SetMood(DnsServer::Type::kAaaa, DnsServer::Mood::kSilent);
  const std::string top = "dns: {servers: [\"" + dns.address() + "\"], timeout: 60s}\n";
  GatewayConfig config{.endpoints = {"web.test" + PortOf(upstream.address())}, .top = top};
  GatewayProcess gateway(config);
  AwaitEndpoints(gateway, 1);
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/").body, "hello");
  std::string services = Served(dns, "_http._tcp.web.test");
  services.replace(services.find("timeout: 10s"), 12, "timeout: 60s");
  GatewayProcess other(services);
  AwaitEndpoints(other, 1);
  RawClient second(other.address());
  EXPECT_EQ(second.Get("/").body, "hello");
}

TEST(DnsTest, AnEndpointWhoseNameFailsDoesNotStopItsNeighbours) {
  AutoUpstream upstream;
  DnsServer dns;
  GatewayProcess gateway(Named(dns, {"nobody.test:80", upstream.address()}));
  AwaitEndpoints(gateway, 1);
  RawClient client(gateway.address());
  for (int i = 0; i < 4; ++i) EXPECT_EQ(client.Get("/").body, "hello");
}

TEST(DnsTest, AnAnswerCutShortIsAskedForAgainOverTcp) {
  AutoUpstream upstream;
  DnsServer dns;
  dns.Set("web.test", {"127.0.0.1"}, 60);
  dns.SetMood(DnsServer::Mood::kTruncated);
  GatewayProcess gateway(Named(dns, {"web.test" + PortOf(upstream.address())}));
  AwaitEndpoints(gateway, 1);
  EXPECT_GE(dns.tcp_queries(), 1);
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/").body, "hello");
}

TEST(DnsTest, WhileAnAnswerTakesItsTimeTheOldOneServes) {
  AutoUpstream one("one", "127.0.0.1:0");
  AutoUpstream two("two", kOther + PortOf(one.address()));
  DnsServer dns;
  dns.Set("web.test", {"127.0.0.1"}, 0);
  GatewayProcess gateway(Named(dns, {"web.test" + PortOf(one.address())}));
  AwaitEndpoints(gateway, 1);
  dns.SetDelay(milliseconds(100));
  AwaitQueries(dns, 2);
  dns.Set("web.test", {kOther}, 0);
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/").Status(), 200);
  EXPECT_TRUE(Eventually([&] { return client.Get("/").body == "two"; }));
}

TEST(DnsTest, ANameThatIsGoneGoesOnServing) {
  AutoUpstream upstream;
  DnsServer dns;
  dns.Set("web.test", {"127.0.0.1"}, 0);
  GatewayProcess gateway(Named(dns, {"web.test" + PortOf(upstream.address())}));
  AwaitEndpoints(gateway, 1);
  dns.SetMood(DnsServer::Mood::kNoSuchName);
  AwaitQueries(dns, 4);
  AwaitEndpoints(gateway, 1);
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/").body, "hello");
}

TEST(DnsTest, WithHoldANameThatIsGoneServesForThatTimeOnly) {
  AutoUpstream upstream;
  DnsServer dns;
  dns.Set("web.test", {"127.0.0.1"}, 0);
  GatewayProcess gateway(
      Named(dns, {"web.test" + PortOf(upstream.address())}, ", timeout: 10s, hold: 5s"));
  AwaitEndpoints(gateway, 1);
  const auto gone = std::chrono::steady_clock::now();
  dns.SetMood(DnsServer::Mood::kNoSuchName);
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/").body, "hello");
  AwaitEndpoints(gateway, 0);
  EXPECT_GE(std::chrono::steady_clock::now() - gone, std::chrono::seconds(5));
  const Message response = client.Get("/");
  EXPECT_EQ(response.Status(), 503);
  EXPECT_EQ(response.body, kNoEndpoint);
  dns.SetMood(DnsServer::Mood::kAnswer);
  EXPECT_TRUE(Eventually([&] { return client.Get("/").Status() == 200; }));
}

TEST(DnsTest, AFamilyThatFailsKeepsItsAddresses) {
  AutoUpstream upstream;
  DnsServer dns;
  dns.Set("web.test", {"127.0.0.1", "::1"}, 0);
  GatewayProcess gateway(Named(dns, {"web.test" + PortOf(upstream.address())}));
  AwaitEndpoints(gateway, 2);
  dns.SetMood(DnsServer::Type::kAaaa, DnsServer::Mood::kFailure);
  AwaitQueries(dns, 6);
  AwaitEndpoints(gateway, 2);
  dns.Set("web.test", {"127.0.0.1"}, 0);
  AwaitQueries(dns, 6);
  AwaitEndpoints(gateway, 2);
  dns.SetMood(DnsServer::Mood::kAnswer);
  AwaitEndpoints(gateway, 1);
}

TEST(DnsTest, ServicesBringPortsWeightsAndBackups) {
  AutoUpstream one("one");
  AutoUpstream two("two");
  AutoUpstream spare("spare");
  DnsServer dns;
  for (const char* host : {"a.test", "b.test", "c.test"}) dns.Set(host, {"127.0.0.1"}, 0);
  const DnsServer::Service last{"c.test", PortNumber(spare.address()), 20, 100};
  dns.SetServices("_http._tcp.web.test",
                  {last,
                   {"a.test", PortNumber(one.address()), 10, 30},
                   {"b.test", PortNumber(two.address()), 10, 10}},
                  0);
  GatewayProcess gateway(Served(dns, "_http._tcp.web.test"));
  AwaitEndpoints(gateway, 3);
  RawClient client(gateway.address());
  constexpr int kRequests = 40;
  for (int i = 0; i < kRequests; ++i) EXPECT_EQ(client.Get("/").Status(), 200);
  EXPECT_EQ(one.requests() + two.requests(), kRequests);
  EXPECT_NEAR(one.requests(), kRequests * 3 / 4, 2);
  EXPECT_EQ(spare.requests(), 0);
  dns.SetServices("_http._tcp.web.test", {last}, 0);
  AwaitEndpoints(gateway, 1);
  EXPECT_EQ(client.Get("/").body, "spare") << "alone it is the first tier";
}

TEST(DnsTest, AServiceWithTargetsThatFailKeepsTheirAddresses) {
  AutoUpstream upstream;
  DnsServer dns;
  dns.Set("a.test", {"127.0.0.1"}, 0);
  dns.SetServices("_http._tcp.web.test", {{"a.test", PortNumber(upstream.address()), 1, 1}}, 0);
  GatewayProcess gateway(Served(dns, "_http._tcp.web.test"));
  AwaitEndpoints(gateway, 1);
  dns.SetMood(DnsServer::Type::kA, DnsServer::Mood::kFailure);
  AwaitQueries(dns, 6);
  AwaitEndpoints(gateway, 1);
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/").body, "hello");
}

TEST(DnsTest, AServiceThatIsNotAvailableIsSaidSo) {
  DnsServer dns;
  dns.SetServices("_http._tcp.web.test", {{"", 0, 0, 0}}, 60);
  GatewayProcess gateway(Served(dns, "_http._tcp.web.test"));
  gateway.AwaitMetricAtLeast("holdfast_dns_lookups_total",
                             {{"upstream", "web"}, {"result", "not_found"}}, 1);
  RawClient client(gateway.address());
  const Message response = client.Get("/");
  EXPECT_EQ(response.Status(), 503);
  EXPECT_EQ(response.body, kNoEndpoint);
}

TEST(DnsTest, AnEndpointThatLeftLosesItsIdleConnectionsAtOnce) {
  ScriptedUpstream one("127.0.0.1:0");
  AutoUpstream two("two", kOther + PortOf(one.address()));
  DnsServer dns;
  dns.Set("web.test", {"127.0.0.1"}, 0);
  GatewayConfig config = Named(dns, {"web.test" + PortOf(one.address())});
  config.upstream = "idle_timeout: 1h, max_connection_age: off";
  GatewayProcess gateway(config);
  AwaitEndpoints(gateway, 1);
  RawClient client(gateway.address());
  client.Send(GetRequest("/"));
  UpstreamConnection connection = one.Accept();
  connection.Answer(OkResponse("one"));
  EXPECT_EQ(client.Response().body, "one");
  gateway.AwaitMetric("holdfast_upstream_connections", {{"upstream", "web"}, {"state", "idle"}}, 1);
  connection.ExpectQuiet();
  dns.Set("web.test", {kOther}, 0);
  connection.ExpectClosed();
  gateway.AwaitMetric("holdfast_upstream_connections_closed_total",
                      {{"upstream", "web"}, {"reason", "drained"}}, 1);
  EXPECT_EQ(client.Get("/").body, "two");
}

TEST(DnsTest, AnEndpointThatLeftIsNotUsedAgainAndItsRequestEnds) {
  ScriptedUpstream one("127.0.0.1:0");
  AutoUpstream two("two", kOther + PortOf(one.address()));
  DnsServer dns;
  dns.Set("web.test", {"127.0.0.1"}, 0);
  GatewayProcess gateway(Named(dns, {"web.test" + PortOf(one.address())}));
  AwaitEndpoints(gateway, 1);
  RawClient client(gateway.address());
  client.Send(GetRequest("/"));
  UpstreamConnection connection = one.Accept();
  connection.Request();
  dns.Set("web.test", {kOther}, 0);
  const int queries = dns.queries();
  EXPECT_TRUE(Eventually([&] { return dns.queries() >= queries + 4; }));
  RawClient other(gateway.address());
  EXPECT_EQ(other.Get("/").body, "two");
  connection.Send(OkResponse("last"));
  EXPECT_EQ(client.Response().body, "last");
  connection.ExpectClosed();
}

TEST(DnsTest, EndpointsThatComeAndGoUnderTrafficLoseNoRequest) {
  AutoUpstream one("one", "127.0.0.1:0");
  AutoUpstream two("two", kOther + PortOf(one.address()));
  DnsServer dns;
  dns.Set("web.test", {"127.0.0.1"}, 0);
  GatewayConfig config = Named(dns, {"web.test" + PortOf(one.address())});
  config.workers = "2";
  config.upstream = "";
  GatewayProcess gateway(config);
  gateway.AwaitMetricAtLeast("holdfast_upstream_endpoints", {{"upstream", "web"}}, 1);
  std::atomic<bool> stop = false;
  std::atomic<int> sent = 0;
  std::atomic<int> failed = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      RawClient client(gateway.address());
      while (!stop) {
        ++sent;
        if (client.Get("/").Status() != 200) ++failed;
        ++sent;
        if (client.Exchange(PostRequest("/", "body")).Status() != 200) ++failed;
      }
    });
  }
  const std::vector<std::vector<std::string>> sets = {
      {"127.0.0.1", kOther}, {kOther}, {"127.0.0.1"}};
  for (int i = 0; i < 30; ++i) {
    const int before = sent;
    dns.Set("web.test", sets[i % sets.size()], 0);
    AwaitQueries(dns, 4);
    EXPECT_TRUE(Eventually([&] { return sent >= before + 20; }));
  }
  stop = true;
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(failed, 0) << "of " << sent;
  EXPECT_GT(one.requests(), 0);
  EXPECT_GT(two.requests(), 0);
  EXPECT_EQ(one.requests() + two.requests(), sent) << "none was sent twice";
}

}  // namespace
}  // namespace holdfast::support
