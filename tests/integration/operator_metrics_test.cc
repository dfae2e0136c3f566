// What operators build dashboards and alerts on: that the numbers are right, and agree with each
// other and with the access log.

#include <signal.h>

#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_hop.h"
#include "tests/support/scripted_upstream.h"
#include "tests/support/temp_dir.h"
#include "tests/support/unserved_address.h"

namespace holdfast::support {
namespace {

using nlohmann::json;

const Labels kWeb = {{"upstream", "web"}};
const Labels kEdge = {{"listener", "edge"}};

Labels With(Labels labels, const std::string& name, const std::string& value) {
  labels[name] = value;
  return labels;
}

std::string Response(int status) {
  return "HTTP/1.1 " + std::to_string(status) + " Told\r\nContent-Length: 2\r\n\r\nok";
}

// Answers /404 and /500 with these, and closes after /close.
AutoUpstream::Reply AnswerByPath(const Message& request) {
  if (request.Target() == "/404") return {.bytes = Response(404)};
  if (request.Target() == "/500") return {.bytes = Response(500)};
  return {.bytes = Response(200), .close = request.Target() == "/close"};
}

size_t Occurrences(const std::string& text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(OperatorMetricsTest, WhatIsCountedInSeveralPlacesAgrees) {
  TempDir dir;
  const std::string log = dir.Path("access.log");
  AutoUpstream one(AnswerByPath);
  AutoUpstream two(AnswerByPath);
  GatewayProcess gateway(GatewayConfig{.endpoints = {one.address(), two.address()},
                                       .upstream = "balance: round_robin",
                                       .top = "access_log: {path: " + log + "}\n"});
  {
    RawClient client(gateway.address());
    for (int i = 0; i < 10; ++i) EXPECT_EQ(client.Get("/").Status(), 200);
    for (int i = 0; i < 6; ++i) EXPECT_EQ(client.Get("/404").Status(), 404);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(client.Get("/500").Status(), 500);
  }
  gateway.AwaitMetric("holdfast_client_connection_requests_count", kEdge, 1);
  const MetricsScrape scrape = gateway.Scrape();
  const auto endpoints = [&](const Labels& labels) {
    return scrape.Value("holdfast_upstream_endpoint_requests_total", labels);
  };

  // Endpoints: together the upstream's requests, each what it has seen itself.
  EXPECT_EQ(endpoints(kWeb), 20);
  EXPECT_EQ(endpoints(With(kWeb, "endpoint", one.address())), one.requests());
  EXPECT_EQ(endpoints(With(kWeb, "endpoint", two.address())), two.requests());
  EXPECT_EQ(endpoints(With(kWeb, "code_class", "2xx")), 10);
  EXPECT_EQ(endpoints(With(kWeb, "code_class", "4xx")), 6);
  EXPECT_EQ(endpoints(With(kWeb, "code_class", "5xx")), 4);
  EXPECT_EQ(endpoints(With(kWeb, "code_class", "none")), 0);
  EXPECT_EQ(scrape.Value("holdfast_upstream_checkouts_total", kWeb), endpoints(kWeb));
  EXPECT_EQ(scrape.Value("holdfast_requests_total", {{"source", "upstream"}}), endpoints(kWeb));
  EXPECT_EQ(scrape.Value("holdfast_requests_total", {{"code", "500"}}), 4);

  // Times: of each request, and of each connection.
  EXPECT_EQ(scrape.Value("holdfast_upstream_first_byte_seconds_count", kWeb), 20);
  EXPECT_EQ(scrape.Value("holdfast_request_first_byte_seconds_count", kEdge), 20);
  const double opened = scrape.Value("holdfast_upstream_connections_opened_total", kWeb);
  EXPECT_EQ(opened, one.accepted() + two.accepted());
  EXPECT_EQ(scrape.Value("holdfast_upstream_connect_seconds_count", kWeb), opened);
  EXPECT_EQ(scrape.Value("holdfast_upstream_queue_seconds_count", kWeb), opened)
      << "who had to have one opened has waited for it";
  EXPECT_EQ(scrape.Value("holdfast_upstream_endpoint_connections", kWeb), opened);

  // The client's connection brought them all.
  EXPECT_EQ(scrape.Value("holdfast_client_connection_requests_sum", kEdge), 20);
  EXPECT_EQ(scrape.Value("holdfast_client_requests_in_flight", kEdge), 0);
  EXPECT_TRUE(scrape.Has("holdfast_client_requests_in_flight", kEdge));

  // The log has the same to tell.
  gateway.Signal(SIGTERM);
  EXPECT_EQ(gateway.WaitExit(), 0);
  double lines = 0;
  double of_one = 0;
  double errors = 0;
  std::istringstream text(ReadFile(log));
  for (std::string line; std::getline(text, line); ++lines) {
    const json entry = json::parse(line);
    of_one += entry["endpoint"] == one.address() ? 1 : 0;
    errors += entry["status"] == 500 ? 1 : 0;
  }
  EXPECT_EQ(lines, endpoints(kWeb));
  EXPECT_EQ(of_one, endpoints(With(kWeb, "endpoint", one.address())));
  EXPECT_EQ(errors, endpoints(With(kWeb, "code_class", "5xx")));
}

TEST(OperatorMetricsTest, AnUpstreamConnectionTellsItsRequestsWhenItCloses) {
  AutoUpstream upstream(AnswerByPath);
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}});
  RawClient client(gateway.address());
  for (const char* path : {"/", "/", "/", "/close"}) EXPECT_EQ(client.Get(path).Status(), 200);
  gateway.AwaitMetric("holdfast_upstream_connection_requests_count", kWeb, 1);
  gateway.AwaitMetric("holdfast_upstream_connection_requests_sum", kWeb, 4);
}

TEST(OperatorMetricsTest, WhatIsUnderWayIsSeenOnBothSides) {
  ScriptedHop hop(GatewayConfig{.upstream = "breakers: {requests: 1}"});
  UpstreamConnection upstream = hop.Begin(GetRequest("/slow"));
  upstream.Request();
  hop.gateway.AwaitMetric("holdfast_client_requests_in_flight", kEdge, 1);
  const Labels breaker = With(kWeb, "breaker", "requests");
  MetricsScrape scrape = hop.gateway.Scrape();
  EXPECT_EQ(scrape.Value("holdfast_upstream_streams", kWeb), 1);
  EXPECT_EQ(scrape.Value("holdfast_upstream_endpoint_connections", kWeb), 1);
  EXPECT_EQ(scrape.Value("holdfast_upstream_breaker_open", breaker), 1);
  EXPECT_EQ(scrape.Value("holdfast_upstream_breaker_open", With(kWeb, "breaker", "pending")), 0);

  // What the breaker refuses has had no endpoint.
  RawClient other(hop.gateway.address());
  EXPECT_EQ(other.Get("/").Status(), 503);
  hop.gateway.AwaitMetric("holdfast_request_failures_total",
                          {{"route", "web"}, {"reason", "breaker_open"}}, 1);
  scrape = hop.gateway.Scrape();
  EXPECT_EQ(scrape.Value("holdfast_upstream_endpoint_requests_total", kWeb), 0)
      << "it is counted when it ends";

  upstream.Send(Response(200));
  EXPECT_EQ(hop.client.Response().Status(), 200);
  hop.gateway.AwaitMetric("holdfast_client_requests_in_flight", kEdge, 0);
  scrape = hop.gateway.Scrape();
  EXPECT_EQ(scrape.Value("holdfast_upstream_breaker_open", breaker), 0);
  EXPECT_EQ(scrape.Value("holdfast_upstream_endpoint_requests_total", kWeb), 1);
}

TEST(OperatorMetricsTest, AnAttemptWithoutAnAnswerCountsAsNone) {
  ScriptedHop hop;
  {
    UpstreamConnection upstream = hop.Begin(PostRequest("/", "body"));
    upstream.Request();
  }
  EXPECT_EQ(hop.client.Response("POST").Status(), 502);
  hop.gateway.AwaitMetric("holdfast_request_failures_total", {{"route", "web"}}, 1);
  const MetricsScrape scrape = hop.gateway.Scrape();
  EXPECT_EQ(
      scrape.Value("holdfast_upstream_endpoint_requests_total",
                   With(With(kWeb, "code_class", "none"), "endpoint", hop.upstream.address())),
      1);
  EXPECT_EQ(scrape.Value("holdfast_upstream_endpoint_requests_total", kWeb), 1);
  EXPECT_EQ(scrape.Value("holdfast_upstream_first_byte_seconds_count", kWeb), 0);
}

TEST(OperatorMetricsTest, FailuresAreToldByRouteAndReason) {
  RefusingAddress nobody;
  GatewayProcess gateway(GatewayConfig{.endpoints = {nobody.address().ToString()}});
  RawClient client(gateway.address());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.Get("/").Status(), 502);
  EXPECT_EQ(client.Get("/local").Status(), 200);
  const MetricsScrape scrape = gateway.Scrape();
  EXPECT_EQ(scrape.Value("holdfast_request_failures_total",
                         {{"route", "web"}, {"reason", "connect_refused"}}),
            3);
  EXPECT_EQ(scrape.Value("holdfast_request_failures_total"), 3);
  EXPECT_EQ(scrape.Value("holdfast_upstream_request_failures_total", kWeb), 3);
  EXPECT_EQ(scrape.Value("holdfast_upstream_endpoint_requests_total", kWeb), 0);
}

TEST(OperatorMetricsTest, AnUpstreamWithoutAGoodEndpointIsInPanic) {
  RefusingAddress nobody;
  GatewayProcess gateway(GatewayConfig{.endpoints = {nobody.address().ToString()},
                                       .upstream = "health_check: {type: tcp, interval: 50ms}"});
  gateway.AwaitMetric("holdfast_upstream_panic", kWeb, 1);
  EXPECT_EQ(gateway.Scrape().Value("holdfast_upstream_endpoint_up", kWeb), 0);
}

TEST(OperatorMetricsTest, ManyEndpointsShareASeries) {
  constexpr int kEndpoints = 250;
  constexpr size_t kSeries = 101;  // EndpointSeries::kMaxNamed and the one they share
  std::vector<std::string> endpoints;
  for (int i = 0; i < kEndpoints; ++i) endpoints.push_back("127.0.1." + std::to_string(i) + ":9");
  GatewayProcess gateway(GatewayConfig{.endpoints = endpoints});
  gateway.AwaitMetric("holdfast_upstream_endpoints", With(kWeb, "state", "up"), kEndpoints);
  EXPECT_TRUE(Eventually([&] {
    return gateway.Scrape().Has("holdfast_upstream_endpoint_connections",
                                With(kWeb, "endpoint", "other"));
  }));
  const MetricsScrape scrape = gateway.Scrape();
  EXPECT_EQ(Occurrences(scrape.text(), "\nholdfast_upstream_endpoint_connections{"), kSeries);
  EXPECT_EQ(Occurrences(scrape.text(), "\nholdfast_upstream_endpoint_up{"), kSeries);
  EXPECT_LE(Occurrences(scrape.text(), "\nholdfast_upstream_endpoint_requests_total{"),
            6 * kSeries);
  EXPECT_EQ(scrape.Value("holdfast_upstream_endpoint_up", With(kWeb, "endpoint", "other")), 1);
  EXPECT_EQ(scrape.Value("holdfast_series_dropped_total"), 0);
}

TEST(OperatorMetricsTest, LimitsMemoryAndReadiness) {
  AutoUpstream upstream;
  GatewayProcess gateway(
      GatewayConfig{.endpoints = {upstream.address()},
                    .listener = "max_connections: 50",
                    .routes = "- {name: limited, match: {path: /limited}, rate_limit: {requests: "
                              "1, per: 60s, key: client}, respond: {status: 204}}\n"});
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/").Status(), 200);
  const MetricsScrape scrape = gateway.Scrape();
  for (const char* limit : {"client_connections", "upstream_connections"}) {
    EXPECT_EQ(scrape.Value("holdfast_limit_used", {{"limit", limit}}), 1) << limit;
  }
  for (const char* limit :
       {"client_connections", "upstream_connections", "idle_upstream_connections"}) {
    EXPECT_GT(scrape.Value("holdfast_limit_max", {{"limit", limit}}), 1) << limit;
  }
  EXPECT_EQ(scrape.Value("holdfast_client_connections_max", kEdge), 50);
  EXPECT_EQ(scrape.Value("holdfast_ready"), 1);
  EXPECT_EQ(scrape.Value("holdfast_draining"), 0);
  EXPECT_TRUE(scrape.Has("holdfast_draining"));
  EXPECT_TRUE(scrape.Has("holdfast_series_dropped_total"));
  EXPECT_GT(scrape.Value("holdfast_memory_bytes", {{"kind", "rate_limits"}}), 0);
  EXPECT_GT(scrape.Value("holdfast_memory_bytes", {{"kind", "client_counts"}}), 0);
  gateway.AwaitMetricAtLeast("holdfast_memory_bytes", {{"kind", "client_sessions"}}, 1);
  gateway.AwaitMetricAtLeast("holdfast_memory_bytes", {{"kind", "buffers"}}, 1);
}

TEST(OperatorMetricsTest, ADrainIsSeen) {
  ScriptedHop hop(GatewayConfig{.drain = "{delay: 60s, timeout: 1s}"});
  hop.gateway.Signal(SIGTERM);
  hop.gateway.AwaitMetric("holdfast_draining", {}, 1);
  EXPECT_EQ(hop.gateway.Scrape().Value("holdfast_ready"), 0);
}

TEST(OperatorMetricsTest, LookUpsAreTimed) {
  AutoUpstream upstream;
  const std::string port = upstream.address().substr(upstream.address().rfind(':'));
  GatewayProcess gateway(GatewayConfig{.endpoints = {"localhost" + port}});
  gateway.AwaitMetricAtLeast("holdfast_dns_lookup_seconds_count", kWeb, 1);
  const MetricsScrape scrape = gateway.Scrape();
  EXPECT_EQ(scrape.Value("holdfast_dns_lookup_seconds_count", kWeb),
            scrape.Value("holdfast_dns_lookups_total", kWeb));
}

}  // namespace
}  // namespace holdfast::support
