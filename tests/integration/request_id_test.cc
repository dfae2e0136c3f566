// By what a request is found again: at its client, at its upstream and in the log.

#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
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

// Answers with what it was told.
AutoUpstream Echoing() {
  return AutoUpstream([](const Message& request) {
    return AutoUpstream::Reply{
        .bytes = OkResponse(request.Value("x-request-id") + " " + request.Value("traceparent"))};
  });
}

// The lines of the log, once there are so many.
std::vector<json> AwaitLines(const std::string& path, size_t count) {
  EXPECT_TRUE(Eventually([&] {
    const std::string text = ReadFile(path);
    return static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) >= count;
  })) << ReadFile(path);
  std::vector<json> lines;
  std::istringstream text(ReadFile(path));
  for (std::string line; std::getline(text, line);) lines.push_back(json::parse(line));
  EXPECT_EQ(lines.size(), count);
  lines.resize(count);
  return lines;
}

TEST(RequestIdTest, OneRequestHasOneIdEverywhere) {
  TempDir dir;
  AutoUpstream upstream = Echoing();
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()},
                                       .listener = "request_id: keep, trace: {sample: 1}",
                                       .top = "access_log: {path: " + dir.Path("log") + "}\n"});
  RawClient client(gateway.address());
  const Message kept = client.Get("/", "X-Request-Id: mine\r\n");
  EXPECT_TRUE(kept.body.starts_with("mine 00-")) << kept.body;
  EXPECT_EQ(kept.Value("x-request-id"), "mine");
  const Message made = client.Get("/");
  const std::string id = made.Value("x-request-id");
  EXPECT_EQ(id.size(), 36u);
  EXPECT_TRUE(made.body.starts_with(id + " 00-")) << made.body;
  const Message local = client.Get("/local", "X-Request-Id: local\r\n");
  EXPECT_EQ(local.Value("x-request-id"), "local");
  const std::vector<json> lines = AwaitLines(dir.Path("log"), 3);
  EXPECT_EQ(lines[0].value("request_id", ""), "mine");
  EXPECT_EQ(lines[0].value("trace_id", ""), kept.body.substr(8, 32));
  EXPECT_EQ(lines[1].value("request_id", ""), id);
  EXPECT_EQ(lines[2].value("request_id", ""), "local");
}

TEST(RequestIdTest, EveryRefusalHasOne) {
  GatewayProcess gateway(GatewayConfig{.listener = "request_id: create, max_uri_bytes: 64"});
  std::set<std::string> ids;
  const std::vector<std::pair<std::string, int>> requests = {
      {GetRequest("/nowhere"), 404},
      {GetRequest("/" + std::string(100, 'a')), 414},
      {GetRequest("/%00"), 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
       400},
      {"GET / HTTP/1.1\r\nHost: a\r\nExpect: the-worst\r\n\r\n", 417},
  };
  for (const auto& [request, status] : requests) {
    RawClient client(gateway.address());
    const Message answer = client.Exchange(request);
    EXPECT_EQ(answer.Status(), status) << request;
    EXPECT_EQ(answer.Value("x-request-id").size(), 36u) << answer.head;
    EXPECT_EQ(answer.Count("x-request-id"), 1u) << answer.head;
    ids.insert(answer.Value("x-request-id"));
  }
  EXPECT_EQ(ids.size(), requests.size());
}

TEST(RequestIdTest, OfManyNoTwoAreTheSame) {
  GatewayProcess gateway(GatewayConfig{.listener = "request_id: create", .workers = "2"});
  std::set<std::string> ids;
  constexpr size_t kClients = 8;
  constexpr size_t kRequests = 100;
  for (size_t i = 0; i < kClients; ++i) {
    RawClient client(gateway.address());
    std::string last;
    for (size_t n = 0; n < kRequests; ++n) {
      const std::string id = client.Get("/local").Value("x-request-id");
      EXPECT_LT(last, id) << "of one worker they are in order";
      ids.insert(id);
      last = id;
    }
  }
  EXPECT_EQ(ids.size(), kClients * kRequests);
}

TEST(RequestIdTest, ARequestThatIsSentAgainKeepsItsId) {
  ScriptedHop hop(GatewayConfig{.listener = "request_id: create, trace: {sample: 0}"});
  UpstreamConnection first = hop.Warm();
  hop.client.Send(GetRequest("/"));
  const Message once = first.Request();
  first.Close();
  UpstreamConnection second = hop.upstream.Accept();
  const Message again = second.Answer(OkResponse("x"));
  const std::string id = hop.client.Response().Value("x-request-id");
  EXPECT_EQ(once.Value("x-request-id"), id);
  EXPECT_EQ(again.Value("x-request-id"), id);
  EXPECT_EQ(again.Count("x-request-id"), 1u);
  EXPECT_EQ(again.Value("traceparent"), once.Value("traceparent"));
  EXPECT_EQ(again.Count("traceparent"), 1u);
}

TEST(RequestIdTest, AReloadChangesTheRuleForTheNextRequest) {
  GatewayConfig config{.listener = "request_id: create"};
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/local", "X-Request-Id: a\r\n").Value("x-request-id").size(), 36u);
  config.listener = "request_id: {mode: keep, header: x-other}";
  gateway.Reload(config.Text());
  const Message after = client.Get("/local", "X-Request-Id: a\r\nX-Other: b\r\n");
  EXPECT_EQ(after.Value("x-other"), "b");
  EXPECT_FALSE(after.Has("x-request-id")) << after.head;
}

}  // namespace
}  // namespace holdfast::support
