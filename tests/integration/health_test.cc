// Endpoints that are left out, by their health checks or by how they answer, and their return.

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/auto_upstream.h"
#include "tests/support/deadline.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/unserved_address.h"

namespace holdfast::support {
namespace {

constexpr std::string_view kEndpoints = "holdfast_upstream_endpoints";
constexpr std::string_view kChecks = "holdfast_health_checks_total";

// An origin whose health and answers the test decides, apart from each other.
class Origin {
 public:
  const std::string& address() const { return upstream_.address(); }
  int accepted() const { return upstream_.accepted(); }
  int checks() const { return checks_; }
  int served() const { return served_; }
  void SetHealth(int status) { health_ = status; }
  void SetAnswer(int status) { answer_ = status; }

 private:
  static AutoUpstream::Reply Status(int status) {
    return {.bytes = "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: 0\r\n\r\n"};
  }

  std::atomic<int> health_ = 200;
  std::atomic<int> answer_ = 200;
  std::atomic<int> checks_ = 0;
  std::atomic<int> served_ = 0;
  AutoUpstream upstream_{[this](const Message& request) {
    if (request.Target() == "/healthz") {
      ++checks_;
      return Status(health_);
    }
    ++served_;
    return Status(answer_);
  }};
};

// A check may take no longer than the time to the next, so that a machine which has much to do lets
// a few of these fail. With `fall: 80` an endpoint that is well stays up all the same.
std::string Checked(const std::string& keys = "") {
  return "balance: round_robin, health_check: {path: /healthz, interval: 50ms" +
         (keys.empty() ? "" : ", " + keys) + "}";
}

GatewayConfig ConfigFor(const std::vector<const Origin*>& origins, const std::string& upstream) {
  GatewayConfig config{.upstream = upstream};
  for (const Origin* origin : origins) config.endpoints.push_back(origin->address());
  return config;
}

void AwaitState(const GatewayProcess& gateway, const std::string& state, double endpoints) {
  gateway.AwaitMetric(kEndpoints, {{"upstream", "web"}, {"state", state}}, endpoints);
}

double Changes(const GatewayProcess& gateway, const Origin& origin, const std::string& state) {
  return gateway.Scrape().Value("holdfast_upstream_endpoint_state_changes_total",
                                {{"endpoint", origin.address()}, {"state", state}});
}

// Sends requests until none of `out` is left in the rotation: what the main thread knows is on its
// way to the workers for a moment.
void AwaitLeftOut(RawClient& client, const Origin& out) {
  EXPECT_TRUE(Eventually([&] {
    const int before = out.served();
    for (int i = 0; i < 4; ++i) client.Get("/");
    return out.served() == before;
  }));
}

void AwaitUsed(RawClient& client, const Origin& origin) {
  const int before = origin.served();
  EXPECT_TRUE(Eventually([&] {
    client.Get("/");
    return origin.served() > before;
  }));
}

TEST(HealthCheckTest, AnEndpointThatFailsItsChecksIsLeftOutAndReturns) {
  Origin good;
  Origin bad;
  GatewayProcess gateway(ConfigFor({&good, &bad}, Checked("fall: 80, rise: 2")));
  RawClient client(gateway.address());
  AwaitUsed(client, bad);
  bad.SetHealth(503);
  AwaitState(gateway, "unhealthy", 1);
  AwaitLeftOut(client, bad);
  const int before = bad.served();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(client.Get("/").Status(), 200);
  EXPECT_EQ(bad.served(), before);
  const Labels endpoint = {{"upstream", "web"}, {"endpoint", bad.address()}};
  EXPECT_EQ(gateway.Scrape().Value("holdfast_upstream_endpoint_up", endpoint), 0);
  bad.SetHealth(200);
  AwaitState(gateway, "up", 2);
  AwaitUsed(client, bad);
  EXPECT_EQ(gateway.Scrape().Value("holdfast_upstream_endpoint_up", endpoint), 1);
  EXPECT_EQ(Changes(gateway, bad, "unhealthy"), 1);
  EXPECT_EQ(Changes(gateway, bad, "up"), 1);
  const std::string fell = "endpoint " + bad.address() + " is unhealthy, was up (check: ";
  EXPECT_TRUE(gateway.AwaitStderr(fell));
  const std::string log = gateway.Stderr();
  const auto tells = [&](const std::string& cause) {
    return log.find(fell + cause + ", 80 in a row); 1 of 2 are up") != std::string::npos;
  };
  EXPECT_TRUE(tells("503") || tells("timeout")) << log;
  EXPECT_TRUE(gateway.AwaitStderr("endpoint " + bad.address() +
                                  " is up, was unhealthy (check: ok, 2 in a row); 2 of 2 are up"));
}

TEST(HealthCheckTest, FewerFailuresThanFallChangeNothing) {
  Origin origin;
  GatewayProcess gateway(ConfigFor({&origin}, Checked("fall: 1000")));
  origin.SetHealth(500);
  gateway.AwaitMetricAtLeast(kChecks, {{"result", "bad_status"}}, 5);
  EXPECT_EQ(gateway.Scrape().Value(kEndpoints, {{"state", "up"}}), 1);
}

TEST(HealthCheckTest, WhenAllAreUnhealthyRequestsGoThereAllTheSame) {
  Origin one;
  Origin two;
  GatewayProcess gateway(ConfigFor({&one, &two}, Checked("fall: 1")));
  one.SetHealth(503);
  two.SetHealth(503);
  AwaitState(gateway, "unhealthy", 2);
  RawClient client(gateway.address());
  // The workers may not know it yet.
  EXPECT_TRUE(Eventually([&] {
    const int before_one = one.served();
    const int before_two = two.served();
    for (int i = 0; i < 10; ++i) EXPECT_EQ(client.Get("/").Status(), 200);
    return one.served() == before_one + 5 && two.served() == before_two + 5;
  }));
}

TEST(HealthCheckTest, ChecksShareAConnectionOfTheirOwn) {
  Origin origin;
  GatewayProcess gateway(ConfigFor({&origin}, Checked()));
  gateway.AwaitMetricAtLeast(kChecks, {{"result", "ok"}}, 5);
  const int connections = origin.accepted();
  const MetricsScrape scrape = gateway.Scrape();
  // One that came too late has cost its connection.
  const double failed = scrape.Value(kChecks) - scrape.Value(kChecks, {{"result", "ok"}});
  EXPECT_LE(connections, 1 + failed);
  EXPECT_EQ(scrape.Value("holdfast_upstream_connections"), 0);
}

TEST(HealthCheckTest, ChecksMaySpeakAnotherProtocolThanRequests) {
  Origin origin;  // It knows HTTP/1.1 only.
  GatewayProcess gateway(ConfigFor({&origin}, "protocol: h2, " + Checked("protocol: h1")));
  gateway.AwaitMetricAtLeast(kChecks, {{"result", "ok"}}, 3);
}

TEST(HealthCheckTest, ADeadEndpointIsFoundWithoutARequest) {
  Origin good;
  std::optional<RefusingAddress> refusing(std::in_place);
  const std::string dead = refusing->address().ToString();
  GatewayConfig config = ConfigFor(
      {&good}, "balance: round_robin, health_check: {type: tcp, interval: 50ms, fall: 10}");
  config.endpoints.push_back(dead);
  GatewayProcess gateway(config);
  AwaitState(gateway, "unhealthy", 1);
  EXPECT_GE(gateway.Scrape().Value(kChecks, {{"endpoint", dead}, {"result", "connect_failed"}}),
            10);
  RawClient client(gateway.address());
  const auto retries = [&] { return gateway.Scrape().Value("holdfast_upstream_retries_total"); };
  // The workers may not know it yet.
  EXPECT_TRUE(Eventually([&] {
    const double before = retries();
    for (int i = 0; i < 4; ++i) EXPECT_EQ(client.Get("/").Status(), 200);
    return retries() == before;
  }));
  const int served = good.served();
  const double before = retries();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(client.Get("/").Status(), 200);
  EXPECT_EQ(good.served(), served + 10);
  EXPECT_EQ(retries(), before);
  refusing.reset();
  const AutoUpstream back("back", dead);
  AwaitState(gateway, "up", 2);
}

// Checks that hang hold up neither each other nor the loop that serves /healthz and signals.
TEST(HealthCheckTest, SlowChecksDelayNothing) {
  Origin good;
  const SilentAddress silent;
  GatewayConfig config = ConfigFor({&good}, Checked("timeout: 50ms, fall: 1"));
  config.endpoints.push_back(silent.text());
  GatewayProcess gateway(config);
  gateway.AwaitMetricAtLeast(kChecks, {{"endpoint", silent.text()}, {"result", "timeout"}}, 3);
  AwaitState(gateway, "unhealthy", 1);
  RawClient client(gateway.address());
  AwaitUsed(client, good);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(client.Get("/").Status(), 200);
  EXPECT_EQ(gateway.Status("/healthz").Status(), 200);
  EXPECT_TRUE(Eventually([&] { return good.checks() >= 3; }));
}

TEST(HealthCheckTest, AReloadKeepsWhatIsKnown) {
  Origin good;
  Origin bad;
  GatewayConfig config = ConfigFor({&good, &bad}, Checked("fall: 80"));
  GatewayProcess gateway(config);
  bad.SetHealth(503);
  AwaitState(gateway, "unhealthy", 1);
  config.routes = "- {match: {path: /more}, respond: {body: more}}\n";
  gateway.Reload(config.Text());
  RawClient client(gateway.address());
  EXPECT_TRUE(Eventually([&] { return client.Get("/more").body == "more"; }));
  const int before = bad.served();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(client.Get("/").Status(), 200);
  EXPECT_EQ(bad.served(), before);
  EXPECT_EQ(Changes(gateway, bad, "unhealthy"), 1);
  EXPECT_EQ(Changes(gateway, bad, "up"), 0);
}

TEST(HealthCheckTest, AReloadMayChangeTheCheckAndEndIt) {
  Origin origin;
  GatewayConfig config = ConfigFor({&origin}, Checked("fall: 1"));
  GatewayProcess gateway(config);
  origin.SetHealth(503);
  AwaitState(gateway, "unhealthy", 1);
  config.upstream = Checked("fall: 1, rise: 1, status: 200-503");
  gateway.Reload(config.Text());
  AwaitState(gateway, "up", 1);
  config.upstream = Checked("fall: 1");
  gateway.Reload(config.Text());
  AwaitState(gateway, "unhealthy", 1);
  config.upstream = "";
  gateway.Reload(config.Text());
  AwaitState(gateway, "up", 1);
  EXPECT_FALSE(gateway.Scrape().Has(kChecks));
  RawClient client(gateway.address());
  // The last one may still be on its way to the origin.
  EXPECT_TRUE(Eventually([&] {
    const int checks = origin.checks();
    for (int i = 0; i < 10; ++i) EXPECT_EQ(client.Get("/").Status(), 200);
    return origin.checks() == checks;
  }));
}

TEST(EjectionTest, AnEndpointThatAnswersBadlyIsLeftOutAndReturns) {
  Origin good;
  Origin bad;
  GatewayProcess gateway(
      ConfigFor({&good, &bad},
                "balance: round_robin, outlier: {consecutive_errors: 3, base_ejection: 300ms, "
                "max_ejection: 300ms}"));
  RawClient client(gateway.address());
  bad.SetAnswer(503);
  int failed = 0;
  EXPECT_TRUE(Eventually([&] {
    failed += client.Get("/").Status() == 503 ? 1 : 0;
    return Changes(gateway, bad, "ejected") >= 1;
  }));
  EXPECT_GE(failed, 3);
  bad.SetAnswer(200);
  AwaitState(gateway, "up", 2);
  AwaitUsed(client, bad);
  EXPECT_EQ(gateway.Scrape().Value("holdfast_upstream_ejections_total", {{"result", "ejected"}}),
            1);
}

TEST(EjectionTest, AnEndpointThatRefusesConnectionsIsLeftOut) {
  Origin good;
  GatewayConfig config = ConfigFor(
      {&good}, "balance: round_robin, outlier: {consecutive_errors: 3, base_ejection: 1m}");
  const RefusingAddress refusing;
  config.endpoints.push_back(refusing.address().ToString());
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(client.Get("/").Status(), 200) << "the other endpoint is tried";
    return gateway.Scrape().Value(kEndpoints, {{"state", "ejected"}}) == 1;
  }));
  EXPECT_TRUE(gateway.AwaitStderr("endpoint " + config.endpoints.back() +
                                  " is ejected, was up (3 failures in a row, the last: "
                                  "connect_refused); 1 of 2 are up"));
  // The workers' way of knowing it is a letter.
  EXPECT_TRUE(Eventually([&] {
    const double before = gateway.Scrape().Value("holdfast_upstream_retries_total");
    for (int i = 0; i < 6; ++i) EXPECT_EQ(client.Get("/").Status(), 200);
    return gateway.Scrape().Value("holdfast_upstream_retries_total") == before;
  }));
}

TEST(EjectionTest, TheLastEndpointStaysHoweverItAnswers) {
  Origin bad;
  GatewayProcess gateway(
      ConfigFor({&bad}, "outlier: {consecutive_errors: 2, base_ejection: 1m, max_ejected: 100%}"));
  bad.SetAnswer(503);
  RawClient client(gateway.address());
  for (int i = 0; i < 10; ++i) EXPECT_EQ(client.Get("/").Status(), 503);
  gateway.AwaitMetricAtLeast("holdfast_upstream_ejections_total", {{"result", "last_usable"}}, 1);
  EXPECT_EQ(gateway.Scrape().Value(kEndpoints, {{"state", "up"}}), 1);
  EXPECT_EQ(bad.served(), 10);
}

TEST(EjectionTest, OneOfTwoBadEndpointsStays) {
  Origin one;
  Origin two;
  GatewayProcess gateway(ConfigFor({&one, &two},
                                   "balance: round_robin, outlier: {consecutive_errors: 2, "
                                   "base_ejection: 1m, max_ejected: 100%}"));
  one.SetAnswer(503);
  two.SetAnswer(503);
  RawClient client(gateway.address());
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(client.Get("/").Status(), 503);
    const MetricsScrape scrape = gateway.Scrape();
    return scrape.Value("holdfast_upstream_ejections_total", {{"result", "last_usable"}}) >= 1;
  }));
  EXPECT_EQ(gateway.Scrape().Value(kEndpoints, {{"state", "ejected"}}), 1);
  EXPECT_EQ(gateway.Scrape().Value(kEndpoints, {{"state", "up"}}), 1);
}

TEST(EjectionTest, AGoodAnswerBreaksTheRow) {
  Origin one;
  Origin two;
  GatewayProcess gateway(
      ConfigFor({&one, &two}, "balance: round_robin, outlier: {consecutive_errors: 3}"));
  RawClient client(gateway.address());
  for (int i = 0; i < 10; ++i) {
    one.SetAnswer(503);
    two.SetAnswer(503);
    for (int j = 0; j < 4; ++j) EXPECT_EQ(client.Get("/").Status(), 503);
    one.SetAnswer(200);
    two.SetAnswer(200);
    for (int j = 0; j < 2; ++j) EXPECT_EQ(client.Get("/").Status(), 200);
  }
  EXPECT_EQ(gateway.Scrape().Value("holdfast_upstream_ejections_total"), 0);
}

TEST(EjectionTest, ItCanBeSwitchedOff) {
  Origin one;
  Origin two;
  GatewayProcess gateway(ConfigFor({&one, &two}, "balance: round_robin, outlier: off"));
  one.SetAnswer(503);
  RawClient client(gateway.address());
  for (int i = 0; i < 40; ++i) client.Get("/");
  EXPECT_EQ(one.served(), 20);
  EXPECT_EQ(gateway.Scrape().Value(kEndpoints, {{"state", "up"}}), 2);
}

}  // namespace
}  // namespace holdfast::support
