// The status listener: health, readiness, metrics.

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/subprocess.h"
#include "tests/support/temp_dir.h"

namespace holdfast::support {
namespace {

TEST(StatusTest, AServingGatewayIsHealthyAndReady) {
  GatewayProcess gateway(GatewayConfig{.workers = "2"});
  EXPECT_EQ(gateway.Status("/healthz").Status(), 200);
  EXPECT_EQ(gateway.Status("/readyz").Status(), 200);
}

TEST(StatusTest, OtherPathsAreNotFound) {
  GatewayProcess gateway(GatewayConfig{});
  EXPECT_EQ(gateway.Status("/").Status(), 404);
  EXPECT_EQ(gateway.Status("/local").Status(), 404) << "routes belong to the other listeners";
}

TEST(StatusTest, ItIsForReadingOnly) {
  GatewayProcess gateway(GatewayConfig{});
  RawClient client(gateway.address("status"));
  EXPECT_EQ(client.Exchange(PostRequest("/healthz", "x")).Status(), 405);
}

TEST(StatusTest, HeadWorks) {
  GatewayProcess gateway(GatewayConfig{});
  RawClient client(gateway.address("status"));
  EXPECT_EQ(client.Exchange("HEAD /metrics HTTP/1.1\r\nHost: test\r\n\r\n").Status(), 200);
  EXPECT_EQ(client.Get("/healthz").body, "ok\n");
}

TEST(StatusTest, ConnectionsAreKept) {
  GatewayProcess gateway(GatewayConfig{});
  RawClient client(gateway.address("status"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.Get("/healthz").Status(), 200);
}

TEST(StatusTest, ABrokenRequestIsRefusedAndTheNextClientServed) {
  GatewayProcess gateway(GatewayConfig{});
  RawClient client(gateway.address("status"));
  EXPECT_EQ(client.Exchange("GET / HTTP/1.1\r\nHost : x\r\n\r\n").Status(), 400);
  EXPECT_EQ(gateway.Status("/healthz").Status(), 200);
}

TEST(StatusTest, ItMayBeOff) {
  std::string text = GatewayConfig{}.Text();
  text.replace(text.find("status:"), text.find('\n', text.find("status:")) - text.find("status:"),
               "status: off");
  GatewayProcess gateway(text);
  EXPECT_EQ(gateway.Stderr().find("name=status"), std::string::npos);
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/local").Status(), 200);
}

// A gateway that has seen a little of everything.
void Exercise(GatewayProcess& gateway) {
  RawClient client(gateway.address());
  client.Get("/");
  client.Get("/");
  client.Get("/local");
  client.Exchange(PostRequest("/", "body"));
  client.Exchange("GET /odd HTTP/1.1\r\nHost : test\r\n\r\n");
  gateway.AwaitMetric("holdfast_requests_total", {}, 5);
}

TEST(MetricsTest, TheLinterFindsNothing) {
  AutoUpstream upstream;
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}, .workers = "2"});
  Exercise(gateway);
  const TempDir dir;
  const std::string input = dir.Write("metrics.prom", gateway.Scrape().text());
  const Finished lint =
      RunProgram({"promtool", "check", "metrics"}, Subprocess::Options{.stdin_path = input});
  EXPECT_EQ(lint.code, 0) << lint.out << lint.err;
  EXPECT_EQ(lint.out + lint.err, "");
}

TEST(MetricsTest, TheFormIsNamed) {
  GatewayProcess gateway(GatewayConfig{});
  EXPECT_TRUE(
      gateway.Status("/metrics").Value("content-type").starts_with("text/plain; version=0.0.4"));
}

TEST(MetricsTest, EveryPartOfTheGatewayIsThere) {
  AutoUpstream upstream;
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}});
  Exercise(gateway);
  const Labels edge = {{"listener", "edge"}};
  // The last to come: a refused client's connection lingers until the client has seen why.
  gateway.AwaitMetricAtLeast("holdfast_client_connections_closed_total", edge, 1);
  const MetricsScrape scrape = gateway.Scrape();
  const Labels web = {{"upstream", "web"}};
  for (const auto& [name, labels] : std::vector<std::pair<std::string, Labels>>{
           {"holdfast_requests_total", edge},
           {"holdfast_request_first_byte_seconds_count", edge},
           {"holdfast_request_duration_seconds_bucket", edge},
           {"holdfast_request_bytes_total", edge},
           {"holdfast_response_bytes_total", edge},
           {"holdfast_client_connections", edge},
           {"holdfast_client_connections_accepted_total", edge},
           {"holdfast_client_connections_closed_total", edge},
           {"holdfast_upstream_connections", web},
           {"holdfast_upstream_connections_opened_total", web},
           {"holdfast_upstream_checkouts_total", web},
           {"holdfast_upstream_endpoints", web},
           {"holdfast_framing_refusals_total", {{"side", "client"}}},
           {"holdfast_loop_turns_total", {{"worker", "0"}}},
           {"holdfast_loop_timers_fired_total", {{"worker", "0"}}},
           {"holdfast_loop_busy_seconds_total", {{"worker", "0"}}},
           {"holdfast_build_info", {}},
           {"holdfast_workers", {}},
           {"holdfast_config_last_reload_successful", {}},
           {"process_cpu_seconds_total", {}},
           {"process_resident_memory_bytes", {}},
           {"process_open_fds", {}},
           {"process_start_time_seconds", {}},
       }) {
    EXPECT_TRUE(scrape.Has(name, labels)) << name << " is missing from\n" << scrape.text();
  }
}

// As a neighbour can: connections that say nothing, 6,000 a second, and probes whose request comes
// 20 ms after they connect.
TEST(StatusTest, ProbesLiveBesideAFloodOfSilentConnections) {
  GatewayProcess gateway(GatewayConfig{});
  const std::string address = gateway.address("status");
  std::deque<WireSocket> silent;
  for (int i = 0; i < 20; ++i) {
    RawClient probe(address);
    for (int j = 0; j < 120; ++j) {
      silent.push_back(Connect(address, {.local_address = "127.0.0.3"}));
      if (silent.size() <= 500) continue;
      silent.front().Reset();  // An orderly end would hold the port for a minute.
      silent.pop_front();
    }
    probe.Send(GetRequest("/healthz"));
    EXPECT_EQ(probe.Response().Status(), 200) << i;
  }
  for (WireSocket& socket : silent) socket.Reset();
}

TEST(MetricsTest, LatenciesAreCountedByRoute) {
  AutoUpstream upstream;
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}});
  RawClient client(gateway.address());
  for (int i = 0; i < 3; ++i) client.Get("/");
  const Labels route = {{"listener", "edge"}, {"route", "web"}};
  for (const std::string name :
       {"holdfast_request_first_byte_seconds", "holdfast_request_duration_seconds"}) {
    gateway.AwaitMetric(name + "_count", route, 3);
    const MetricsScrape scrape = gateway.Scrape();
    EXPECT_GT(scrape.Value(name + "_sum", route), 0);
    EXPECT_LT(scrape.Value(name + "_sum", route), 60) << "seconds, not another unit";
  }
}

TEST(MetricsTest, BytesAreCounted) {
  AutoUpstream upstream(std::string(100'000, 'x'));
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}});
  RawClient client(gateway.address());
  const std::string request = PostRequest("/", Pattern(50'000));
  const Message response = client.Exchange(request);
  gateway.AwaitMetric("holdfast_request_bytes_total", {}, static_cast<double>(request.size()));
  gateway.AwaitMetric("holdfast_response_bytes_total", {},
                      static_cast<double>(response.head.size() + response.body.size()));
}

}  // namespace
}  // namespace holdfast::support
