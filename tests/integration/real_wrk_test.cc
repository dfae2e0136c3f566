// wrk: many connections at full speed, and not one error.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/subprocess.h"

namespace holdfast::support {
namespace {

std::vector<std::string> Wrk(const GatewayProcess& gateway, const std::string& path,
                             int connections) {
  return {"wrk",
          "--threads",
          "1",
          "--connections",
          std::to_string(connections),
          "--duration",
          "1s",
          "--timeout",
          "15s",
          "http://" + gateway.address() + path};
}

// Errors are lines of wrk's report.
void ExpectNoErrors(const std::string& report) {
  EXPECT_NE(report.find("Requests/sec"), std::string::npos) << report;
  EXPECT_EQ(report.find("Socket errors"), std::string::npos) << report;
  EXPECT_EQ(report.find("Non-2xx"), std::string::npos) << report;
}

double Answered(const GatewayProcess& gateway, const std::string& route) {
  return gateway.Scrape().Value("holdfast_requests_total", {{"route", route}, {"code", "200"}});
}

// Loads `path` for a second, and once more where the machine has had no time for more than `least`
// requests.
void Load(const GatewayProcess& gateway, const std::string& path, int connections, double least) {
  const std::string route = path == "/" ? "web" : "local";
  for (int tries = 0; tries < 5 && Answered(gateway, route) <= least; ++tries) {
    const Finished wrk = RunProgram(Wrk(gateway, path, connections), 2 * kPatience);
    EXPECT_EQ(wrk.code, 0) << wrk.err;
    ExpectNoErrors(wrk.out);
  }
  EXPECT_GT(Answered(gateway, route), least);
}

TEST(WrkTest, AnswersOfTheGateway) {
  GatewayProcess gateway(GatewayConfig{.workers = "2"});
  Load(gateway, "/local", 64, 100);
}

TEST(WrkTest, ProxiedOverKeptConnections) {
  AutoUpstream upstream(std::string(70, 'x'));
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}, .workers = "2"});
  Load(gateway, "/", 32, 100);
  EXPECT_LE(upstream.accepted(), 64) << "connections are not kept";
}

TEST(WrkTest, LargeBodies) {
  AutoUpstream upstream(std::string(100'000, 'x'));
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}, .workers = "2"});
  Load(gateway, "/", 16, 10);
}

TEST(WrkTest, AnUpstreamThatClosesAfterEachResponse) {
  AutoUpstream upstream([](const Message&) {
    return AutoUpstream::Reply{.bytes = OkResponse("x", "Connection: close\r\n"), .close = true};
  });
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}, .workers = "2"});
  Load(gateway, "/", 8, 10);
}

TEST(WrkTest, MoreClientsThanUpstreamConnections) {
  AutoUpstream upstream(std::string(70, 'x'));
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()},
                                       .upstream = "max_connections: 4, queue: {timeout: 15s}",
                                       .workers = "2"});
  Subprocess wrk(Wrk(gateway, "/", 64));
  // Until then nobody leaves; those who leave in the end take connections with them.
  EXPECT_TRUE(Eventually([&] { return upstream.requests() > 500 || wrk.Poll().has_value(); }));
  EXPECT_LE(upstream.accepted(), 4);
  EXPECT_EQ(wrk.Wait(), 0);
  ExpectNoErrors(wrk.Stdout());
  EXPECT_GT(Answered(gateway, "web"), 100);
}

}  // namespace
}  // namespace holdfast::support
