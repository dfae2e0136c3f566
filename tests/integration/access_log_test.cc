// One line of JSON for each exchange.

#include <fcntl.h>
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_hop.h"
#include "tests/support/temp_dir.h"

namespace holdfast::support {
namespace {

using nlohmann::json;

std::vector<json> Parse(const std::string& text) {
  std::vector<json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(json::parse(line, nullptr, /*allow_exceptions=*/false));
    EXPECT_FALSE(lines.back().is_discarded()) << "not JSON: " << line;
  }
  return lines;
}

size_t Lines(const std::string& path) {
  const std::string text = ReadFile(path);
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

// Waits for `count` lines in the file.
std::vector<json> AwaitLines(const std::string& path, size_t count) {
  EXPECT_TRUE(Eventually([&] { return Lines(path) >= count; })) << ReadFile(path);
  std::vector<json> lines = Parse(ReadFile(path));
  EXPECT_EQ(lines.size(), count) << ReadFile(path);
  lines.resize(count);
  return lines;
}

struct LoggedHop {
  explicit LoggedHop(GatewayConfig config = {}) : hop(WithLog(std::move(config), path)) {}

  TempDir dir;
  std::string path = dir.Path("access.log");
  ScriptedHop hop;

 private:
  static GatewayConfig WithLog(GatewayConfig config, const std::string& path) {
    config.top += "access_log: {path: " + path + "}\n";
    return config;
  }
};

TEST(AccessLogTest, AProxiedExchangeIsTold) {
  LoggedHop logged;
  ScriptedHop& hop = logged.hop;
  const std::string request = PostRequest("/path?query=1", "body", "User-Agent: tester/1\r\n");
  UpstreamConnection upstream = hop.Begin(request);
  upstream.Answer(OkResponse("answer"));
  const Message response = hop.client.Response();
  const json line = AwaitLines(logged.path, 1)[0];
  EXPECT_EQ(line["listener"], "edge");
  EXPECT_EQ(line["client"], "127.0.0.1");
  EXPECT_EQ(line["method"], "POST");
  EXPECT_EQ(line["host"], "test");
  EXPECT_EQ(line["target"], "/path?query=1");
  EXPECT_EQ(line["protocol"], "HTTP/1.1");
  EXPECT_EQ(line["user_agent"], "tester/1");
  EXPECT_EQ(line["status"], 200);
  EXPECT_EQ(line["route"], "web");
  EXPECT_EQ(line["upstream"], "web");
  EXPECT_EQ(line["endpoint"], hop.upstream.address());
  EXPECT_EQ(line["reused"], false);
  EXPECT_EQ(line["retries"], 0);
  EXPECT_EQ(line["bytes_in"], request.size());
  EXPECT_EQ(line["bytes_out"], response.head.size() + response.body.size());
  EXPECT_EQ(line["reason"], "none");
}

TEST(AccessLogTest, TheClientIsWhomATrustedProxySpeaksFor) {
  for (const bool trusted : {true, false}) {
    LoggedHop logged(GatewayConfig{.listener = trusted ? "trusted_proxies: [127.0.0.1]" : ""});
    EXPECT_EQ(
        logged.hop.client.Get("/local", "X-Forwarded-For: 198.51.100.1, 203.0.113.7, 127.0.0.1\r\n")
            .Status(),
        200);
    EXPECT_EQ(AwaitLines(logged.path, 1)[0]["client"], trusted ? "203.0.113.7" : "127.0.0.1");
  }
}

TEST(AccessLogTest, ThePhasesAreTimedInTheirOrder) {
  LoggedHop logged;
  UpstreamConnection upstream = logged.hop.Begin(GetRequest("/"));
  upstream.Answer(OkResponse("x"));
  logged.hop.client.Response();
  const json line = AwaitLines(logged.path, 1)[0];
  EXPECT_GE(line["head_us"].get<int64_t>(), 0);
  EXPECT_GE(line["connection_us"].get<int64_t>(), 0);
  EXPECT_GE(line["first_byte_us"], line["connection_us"]);
  EXPECT_GE(line["duration_us"], line["first_byte_us"]);
  EXPECT_LT(line["duration_us"].get<int64_t>(), 20'000'000);
  const std::string time = line["time"];
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, millisecond = 0;
  EXPECT_EQ(std::sscanf(time.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ", &year, &month, &day, &hour,
                        &minute, &second, &millisecond),
            7)
      << time;
  EXPECT_GE(year, 2020);
}

TEST(AccessLogTest, AReusedConnectionAndARetryAreTold) {
  LoggedHop logged;
  ScriptedHop& hop = logged.hop;
  UpstreamConnection upstream = hop.Warm();
  hop.client.Send(GetRequest("/"));
  upstream.Answer(OkResponse("x"));
  hop.client.Response();
  hop.client.Send(GetRequest("/"));
  upstream.Request();
  upstream.Close();
  UpstreamConnection fresh = hop.upstream.Accept();
  fresh.Answer(OkResponse("x"));
  hop.client.Response();
  const std::vector<json> lines = AwaitLines(logged.path, 3);
  EXPECT_EQ(lines[1]["reused"], true);
  EXPECT_EQ(lines[1]["retries"], 0);
  EXPECT_EQ(lines[2]["reused"], false);
  EXPECT_EQ(lines[2]["retries"], 1);
  EXPECT_EQ(lines[0]["connection"], "empty");
  EXPECT_FALSE(lines[0].contains("retry"));
  EXPECT_EQ(lines[1]["connection"], "reused");
  EXPECT_FALSE(lines[1].contains("close")) << "it was kept";
  EXPECT_EQ(lines[2]["connection"], "retry");
  EXPECT_EQ(lines[2]["retry"], "retry_idempotent");
}

TEST(AccessLogTest, AnAnswerOfTheGatewayNamesNoUpstream) {
  LoggedHop logged;
  logged.hop.client.Get("/local");
  const json line = AwaitLines(logged.path, 1)[0];
  EXPECT_EQ(line["route"], "local");
  EXPECT_FALSE(line.contains("upstream"));
  EXPECT_FALSE(line.contains("endpoint"));
}

TEST(AccessLogTest, AFailureNamesItsReason) {
  LoggedHop logged;
  UpstreamConnection upstream = logged.hop.Begin(GetRequest("/"));
  upstream.Request();
  upstream.Close();
  logged.hop.client.Response();
  const json line = AwaitLines(logged.path, 1)[0];
  EXPECT_EQ(line["status"], 502);
  EXPECT_EQ(line["reason"], "upstream_closed");
}

TEST(AccessLogTest, AClientThatLeftIsTold) {
  LoggedHop logged;
  UpstreamConnection upstream = logged.hop.Begin(GetRequest("/"));
  upstream.Request();
  logged.hop.client.Close();
  const json line = AwaitLines(logged.path, 1)[0];
  EXPECT_EQ(line["status"], 499);
  EXPECT_EQ(line["reason"], "client_gone");
}

TEST(AccessLogTest, ARefusedRequestIsToldWithoutItsBytes) {
  LoggedHop logged;
  logged.hop.client.Exchange("GET / HTTP/1.1\r\nHost : forged\r\n\r\n");
  const json line = AwaitLines(logged.path, 1)[0];
  EXPECT_EQ(line["status"], 400);
  EXPECT_EQ(line["reason"], "refused_framing");
}

TEST(AccessLogTest, BytesThatJsonCannotHoldAreEscaped) {
  LoggedHop logged;
  logged.hop.client.Get("/local",
                        "User-Agent: quote \" back \\ tab \t latin \xe9 utf \xc3\xa9\r\n");
  const json line = AwaitLines(logged.path, 1)[0];
  EXPECT_EQ(line["user_agent"], "quote \" back \\ tab \t latin \xc3\xa9 utf \xc3\xa9");
}

TEST(AccessLogTest, ItGoesToStandardOutputAsWell) {
  GatewayConfig config;
  config.top = "access_log: {path: stdout, format: json}\n";
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  client.Get("/local");
  EXPECT_TRUE(Eventually([&] { return gateway.Stdout().ends_with("\n"); }));
  EXPECT_EQ(Parse(gateway.Stdout()).size(), 1u);
}

TEST(AccessLogTest, ItIsOffUnlessAskedFor) {
  GatewayProcess gateway(GatewayConfig{});
  RawClient client(gateway.address());
  client.Get("/local");
  client.Close();
  gateway.Signal(SIGTERM);
  EXPECT_EQ(gateway.WaitExit(), 0);
  EXPECT_EQ(gateway.Stdout(), "");
}

TEST(AccessLogTest, TheFileIsOpenedAnewForRotation) {
  LoggedHop logged;
  logged.hop.client.Get("/local");
  AwaitLines(logged.path, 1);
  const std::string rotated = logged.dir.Path("access.log.1");
  ASSERT_EQ(std::rename(logged.path.c_str(), rotated.c_str()), 0);
  logged.hop.gateway.Signal(SIGUSR1);
  logged.hop.gateway.AwaitStderr("logs reopened");  // The file is there before it is written to.
  EXPECT_TRUE(std::filesystem::exists(logged.path));
  logged.hop.client.Get("/local");
  AwaitLines(logged.path, 1);
  EXPECT_EQ(Lines(rotated), 1u);
}

TEST(AccessLogTest, NoLineIsLostAtTheEnd) {
  const TempDir dir;
  const std::string path = dir.Path("access.log");
  AutoUpstream upstream;
  GatewayConfig config{.endpoints = {upstream.address()}, .workers = "2"};
  config.top = "access_log: {path: " + path + "}\n";
  GatewayProcess gateway(config);
  for (int i = 0; i < 20; ++i) {
    RawClient client(gateway.address());
    for (int j = 0; j < 10; ++j) EXPECT_EQ(client.Get("/").Status(), 200);
  }
  gateway.Signal(SIGTERM);
  EXPECT_EQ(gateway.WaitExit(), 0);
  EXPECT_EQ(Parse(ReadFile(path)).size(), 200u);
}

TEST(AccessLogTest, WrittenLinesAreCounted) {
  LoggedHop logged;
  logged.hop.client.Get("/local");
  logged.hop.gateway.AwaitMetric("holdfast_access_log_written_total", {}, 1);
  EXPECT_EQ(logged.hop.gateway.Scrape().Value("holdfast_access_log_dropped_total"), 0);
}

TEST(AccessLogTest, AReaderThatDoesNotReadHoldsNothingUp) {
  const TempDir dir;
  const std::string path = dir.Path("pipe");
  ASSERT_EQ(RunProgram({"mkfifo", path}).code, 0);
  WireSocket reader(open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
  GatewayConfig config;
  config.top = "access_log: {path: " + path + "}\n";
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  const std::string agent = "User-Agent: " + std::string(8000, 'a') + "\r\n";
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(client.Get("/local", agent).Status(), 200);
  gateway.AwaitMetricAtLeast("holdfast_access_log_dropped_total", {}, 1);
}

}  // namespace
}  // namespace holdfast::support
