// Where lines of the access log go, which exchanges have one, and how they look.

#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <regex>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/auto_upstream.h"
#include "tests/support/deadline.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_hop.h"
#include "tests/support/temp_dir.h"

namespace holdfast::support {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::MatchesRegex;

// "ann:correct horse", as htpasswd -B has it with a cost of 4, and in base64.
constexpr std::string_view kUsers =
    "ann:$2y$04$.IQH/CZ9cug7KeZx18rMiuYXN6OadGpLdg0Ksu7WurmZcxz7zrkai\n";
constexpr std::string_view kAnn = "Authorization: Basic YW5uOmNvcnJlY3QgaG9yc2U=\r\n";
constexpr std::string_view kNotAnn = "Authorization: Basic YW5uOndyb25n\r\n";

class AccessLogFormatsTest : public testing::Test {
 protected:
  // {name} stands for a file's path.
  GatewayConfig With(std::string log) const {
    for (const char* name : {"a", "b"}) {
      const std::string sign = "{" + std::string(name) + "}";
      for (size_t at; (at = log.find(sign)) != log.npos;) {
        log.replace(at, sign.size(), dir_.Path(name));
      }
    }
    GatewayConfig config;
    config.top = "access_log: " + log + "\n";
    return config;
  }
  std::vector<std::string> Lines(const std::string& name) const {
    std::vector<std::string> lines;
    std::istringstream text(ReadFile(dir_.Path(name)));
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
  }
  std::vector<std::string> AwaitLines(const std::string& name, size_t count) const {
    EXPECT_TRUE(Eventually([&] { return Lines(name).size() >= count; })) << name;
    std::vector<std::string> lines = Lines(name);
    EXPECT_EQ(lines.size(), count) << ReadFile(dir_.Path(name));
    lines.resize(count);
    return lines;
  }

  TempDir dir_;
};

TEST_F(AccessLogFormatsTest, CombinedIsWhatNginxWrites) {
  GatewayProcess gateway(With("{path: {a}, format: combined}"));
  RawClient client(gateway.address());
  client.Get("/local?x=1", "Referer: http://a.test/\r\nUser-Agent: tester/1 (\"x\")\r\n");
  EXPECT_THAT(AwaitLines("a", 1)[0],
              MatchesRegex("127\\.0\\.0\\.1 - - \\[[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:[0-9]"
                           "{2}:[0-9]{2} \\+0000\\] \"GET /local\\?x=1 HTTP/1\\.1\" 200 5 "
                           "\"http://a\\.test/\" \"tester/1 \\(\\\\x22x\\\\x22\\)\""));
}

TEST_F(AccessLogFormatsTest, CombinedCountsBodiesAlone) {
  AutoUpstream upstream(
      [](const Message&) { return AutoUpstream::Reply{.bytes = OkResponse("seven b")}; });
  GatewayConfig config = With("{path: {a}, format: combined}");
  config.endpoints = {upstream.address()};
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  client.Get("/x");
  client.Exchange("HEAD /x HTTP/1.1\r\nHost: test\r\n\r\n");
  client.Get("/x");
  const std::vector<std::string> lines = AwaitLines("a", 3);
  EXPECT_NE(lines[0].find("\" 200 7 \""), std::string::npos) << lines[0];
  EXPECT_NE(lines[1].find("\" 200 0 \""), std::string::npos) << lines[1];
  EXPECT_NE(lines[2].find("\" 200 7 \""), std::string::npos) << lines[2];
}

TEST_F(AccessLogFormatsTest, CombinedNamesUsersWhosePasswordWasRight) {
  GatewayConfig config = With("{path: {a}, format: combined}");
  config.routes = "- {name: office, match: {path: /office}, respond: {}, basic_auth: {file: " +
                  dir_.Write("users", kUsers) + "}}\n";
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/office", kAnn).Status(), 200);
  EXPECT_EQ(client.Get("/office", kNotAnn).Status(), 401);
  EXPECT_EQ(client.Get("/local", kAnn).Status(), 200);
  const std::vector<std::string> lines = AwaitLines("a", 3);
  EXPECT_TRUE(lines[0].starts_with("127.0.0.1 - ann [")) << lines[0];
  EXPECT_TRUE(lines[1].starts_with("127.0.0.1 - - [")) << "anybody may claim a name: " << lines[1];
  EXPECT_TRUE(lines[2].starts_with("127.0.0.1 - - [")) << "nobody has looked: " << lines[2];
}

TEST_F(AccessLogFormatsTest, FieldsAreThoseThatWereAskedFor) {
  GatewayProcess gateway(
      With("[{path: {a}, fields: [status, target, upstream]}, {path: {b}, format: logfmt, fields: "
           "[route, status, user_agent]}]"));
  RawClient client(gateway.address());
  client.Get("/local", "User-Agent: two words\r\n");
  EXPECT_THAT(AwaitLines("a", 1), ElementsAre("{\"status\":200,\"target\":\"/local\"}"));
  EXPECT_THAT(AwaitLines("b", 1), ElementsAre("route=local status=200 user_agent=\"two words\""));
}

// What reaches a line of what a client may try: bytes that no head may have are refused before.
TEST_F(AccessLogFormatsTest, NobodyForgesALine) {
  const std::string_view attempts[] = {
      "\" 200 0 \"-\" \"forged\"",
      "x\" status=200 y=\"",
      "status=200 route=forged",
      "\\\" status=200",
      "\\",
      "\",\"status\":200,\"x\":\"",
      "tab\tstatus=200",
      "\xff\xfe",
      "\xe2\x80\xa8status=200",
      "\xc2\x85status=200",
      "\\x0a\\n\\u000a",
  };
  for (const std::string_view attempt : attempts) {
    std::filesystem::remove(dir_.Path("a"));
    std::filesystem::remove(dir_.Path("b"));
    GatewayProcess gateway(
        With("[{path: {a}, format: combined}, {path: {b}, format: logfmt, fields: [user_agent, "
             "status]}, {path: stdout}]"));
    RawClient client(gateway.address());
    const std::string value(attempt);
    EXPECT_EQ(
        client.Get("/none", "User-Agent: " + value + "\r\nReferer: " + value + "\r\n").Status(),
        404);
    const std::string combined = AwaitLines("a", 1)[0];
    EXPECT_EQ(std::ranges::count(combined, '"'), 6) << combined;
    EXPECT_NE(combined.find("\" 404 "), std::string::npos) << combined;
    const std::string logfmt = AwaitLines("b", 1)[0];
    EXPECT_TRUE(std::regex_match(
        logfmt, std::regex(R"re(user_agent=("([^"\\]|\\.)*"|[^" =\\]+) status=404)re")))
        << logfmt;
    EXPECT_TRUE(Eventually([&] { return gateway.Stdout().ends_with("\n"); }));
    EXPECT_EQ(json::parse(gateway.Stdout()).at("status"), 404) << "one line, and it is JSON";
  }
}

// A line feed, a carriage return or a NUL in a head never comes as far.
TEST_F(AccessLogFormatsTest, WhatEndsALineIsRefusedBefore) {
  GatewayProcess gateway(With("{path: {a}, format: combined}"));
  for (const std::string_view bytes : {std::string_view("a\rb"), std::string_view("a\0b", 3),
                                       std::string_view("a\x01"
                                                        "b")}) {
    RawClient client(gateway.address());
    client.Exchange("GET /local HTTP/1.1\r\nHost: test\r\nUser-Agent: " + std::string(bytes) +
                    "\r\n\r\n");
  }
  for (const std::string& line : AwaitLines("a", 3)) {
    EXPECT_NE(line.find("\" 400 "), std::string::npos) << line;
  }
}

TEST_F(AccessLogFormatsTest, AFilterKeepsWhatItIsFor) {
  GatewayConfig config = With(
      "[{path: {a}, format: logfmt, fields: [status, route], filter: {status: [404, 5xx], routes: "
      "[kept]}}, {path: {b}, format: logfmt, fields: [status]}]");
  config.routes =
      "- {name: kept, match: {path: /kept}, respond: {}}\n"
      "- {name: broken, match: {path: /broken}, respond: {status: 503}}\n";
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  for (const char* target : {"/local", "/kept", "/broken", "/nowhere", "/local"}) {
    client.Get(target);
  }
  AwaitLines("b", 5);
  EXPECT_THAT(AwaitLines("a", 3),
              ElementsAre("status=200 route=kept", "status=503 route=broken", "status=404"));
}

TEST_F(AccessLogFormatsTest, AShareOfNothingKeepsWhatFailed) {
  GatewayConfig config = With(
      "[{path: {a}, format: logfmt, fields: [target], filter: {share: 0}}, {path: {b}, fields: "
      "[status]}]");
  ScriptedHop hop(config);
  hop.client.Get("/local");
  UpstreamConnection refused = hop.Begin(GetRequest("/refused"));
  refused.Request();
  refused.Close();
  EXPECT_EQ(hop.client.Response().Status(), 502);
  // An answer that breaks off has a good status, and has failed all the same.
  UpstreamConnection broken = hop.Begin(GetRequest("/broken"));
  broken.Request();
  broken.Send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  broken.Close();
  StreamEnd end;
  hop.client.ReadToEnd(&end);
  AwaitLines("b", 3);
  EXPECT_THAT(AwaitLines("a", 2), ElementsAre("target=/refused", "target=/broken"));
}

TEST_F(AccessLogFormatsTest, ARouteMayBeLeftOut) {
  GatewayConfig config = With("{path: {a}, format: logfmt, fields: [target]}");
  config.routes = "- {name: probe, match: {path: /probe}, access_log: off, respond: {}}\n";
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  client.Get("/probe");
  client.Get("/local");
  client.Get("/nowhere");
  EXPECT_THAT(AwaitLines("a", 2), ElementsAre("target=/local", "target=/nowhere"));
  gateway.AwaitMetric("holdfast_requests_total", {{"route", "probe"}}, 1);
}

TEST_F(AccessLogFormatsTest, EveryFileIsOpenedAnewForRotation) {
  GatewayProcess gateway(With("[{path: {a}, fields: [target]}, {path: {b}, fields: [target]}]"));
  RawClient client(gateway.address());
  client.Get("/local");
  for (const char* name : {"a", "b"}) {
    AwaitLines(name, 1);
    ASSERT_EQ(std::rename(dir_.Path(name).c_str(), dir_.Path(name + std::string(".1")).c_str()), 0);
  }
  gateway.Signal(SIGUSR1);
  // Files are there before they are written to.
  gateway.AwaitStderr("logs reopened");
  for (const char* name : {"a", "b"}) EXPECT_TRUE(std::filesystem::exists(dir_.Path(name)));
  client.Get("/local");
  for (const char* name : {"a", "b"}) {
    AwaitLines(name, 1);
    EXPECT_EQ(Lines(name + std::string(".1")).size(), 1u);
  }
}

TEST_F(AccessLogFormatsTest, AReloadMovesAddsAndDropsTargets) {
  GatewayProcess gateway(With("{path: {a}, format: logfmt, fields: [target]}"));
  RawClient client(gateway.address());
  client.Get("/local?1");
  AwaitLines("a", 1);
  const GatewayConfig both = With(
      "[{path: {b}, format: logfmt, fields: [status]}, {path: {a}, format: logfmt, fields: "
      "[route]}]");
  gateway.Reload(both.Text());
  client.Get("/local?2");
  EXPECT_THAT(AwaitLines("b", 1), ElementsAre("status=200"));
  EXPECT_THAT(AwaitLines("a", 2), ElementsAre("target=/local?1", "route=local"));
  gateway.Reload(With("{path: {b}, format: logfmt, fields: [target]}").Text());
  client.Get("/local?3");
  EXPECT_THAT(AwaitLines("b", 2), ElementsAre("status=200", "target=/local?3"));
  gateway.Reload(With("off").Text());
  client.Get("/local?4");
  gateway.Reload(both.Text());
  client.Get("/local?5");
  AwaitLines("b", 3);
  EXPECT_THAT(AwaitLines("a", 3), ElementsAre("target=/local?1", "route=local", "route=local"));
}

TEST_F(AccessLogFormatsTest, LogAndMetricTellOneStatus) {
  GatewayConfig config = With("{path: {a}, format: logfmt, fields: [status, reason]}");
  ScriptedHop hop(config);
  hop.client.Get("/local");
  UpstreamConnection upstream = hop.Begin(GetRequest("/x"));
  upstream.Request();
  upstream.Close();
  EXPECT_EQ(hop.client.Response().Status(), 502);
  RawClient(hop.gateway.address()).Exchange("GET / HTTP/1.1\r\nHost : x\r\n\r\n");
  AwaitLines("a", 3);
  RawClient leaver(hop.gateway.address());
  leaver.Send(GetRequest("/x"));
  UpstreamConnection waiting = hop.upstream.Accept();
  waiting.Request();
  leaver.Close();
  EXPECT_THAT(AwaitLines("a", 4),
              ElementsAre("status=200 reason=none", "status=502 reason=upstream_closed",
                          "status=400 reason=refused_framing", "status=499 reason=client_gone"));
  const MetricsScrape scrape = hop.gateway.Scrape();
  for (const char* code : {"200", "502", "400", "499"}) {
    EXPECT_EQ(scrape.Value("holdfast_requests_total", {{"code", code}}), 1) << code;
  }
  EXPECT_EQ(scrape.Value("holdfast_requests_total"), 4);
}

}  // namespace
}  // namespace holdfast::support
