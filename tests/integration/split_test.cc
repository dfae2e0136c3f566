// Routes whose requests several upstreams share.

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"
#include "tests/support/unserved_address.h"

namespace holdfast::support {
namespace {

std::string User(int number) { return "X-User: " + std::to_string(number) + "\r\n"; }

class SplitTest : public testing::Test {
 protected:
  // All requests are split so; `keys` are more of the route's.
  GatewayConfig Config(int v1, int v2, const std::string& keys = "") const {
    return {.routes = "- {name: all, split: [{upstream: v1, weight: " + std::to_string(v1) +
                      "}, {upstream: v2, weight: " + std::to_string(v2) + "}]" +
                      (keys.empty() ? "" : ", ") + keys + "}\n",
            .top = "upstreams:\n  v1: {endpoints: [\"" + v1_.address() +
                   "\"]}\n  v2: {endpoints: [\"" + v2_.address() + "\"]}\n"};
  }

  AutoUpstream v1_{"v1"};
  AutoUpstream v2_{"v2"};
};

TEST_F(SplitTest, RequestsOfOneConnectionGoToBoth) {
  GatewayProcess gateway(Config(1, 1));
  RawClient client(gateway.address());
  std::set<std::string> answered;
  EXPECT_TRUE(Eventually([&] {
    answered.insert(client.Get("/").body);
    return answered.size() == 2;
  }));
  EXPECT_EQ(answered, (std::set<std::string>{"v1", "v2"}));
}

TEST_F(SplitTest, WithoutAWeightAnUpstreamGetsNone) {
  GatewayProcess gateway(Config(0, 1));
  RawClient client(gateway.address());
  for (int i = 0; i < 200; ++i) EXPECT_EQ(client.Get("/").body, "v2");
  EXPECT_EQ(v1_.requests(), 0);
  EXPECT_EQ(v2_.requests(), 200);
}

TEST_F(SplitTest, WhoHasTheSameKeyStaysWithOneUpstream) {
  GatewayProcess gateway(Config(1, 1, "split_by: \"header:x-user\""));
  std::set<std::string> answered;
  std::vector<std::string> of_user;
  RawClient client(gateway.address());
  for (int user = 0; user < 32; ++user) {
    of_user.push_back(client.Get("/", User(user)).body);
    answered.insert(of_user.back());
  }
  EXPECT_EQ(answered.size(), 2u);
  RawClient another(gateway.address());
  for (int round = 0; round < 3; ++round) {
    for (int user = 0; user < 32; ++user) {
      EXPECT_EQ(another.Get("/", User(user)).body, of_user[user]) << user;
    }
  }
  // Another process of the same configuration agrees.
  GatewayProcess replica(Config(1, 1, "split_by: \"header:x-user\""));
  RawClient elsewhere(replica.address());
  for (int user = 0; user < 32; ++user) {
    EXPECT_EQ(elsewhere.Get("/", User(user)).body, of_user[user]) << user;
  }
}

// No spelling of a key crashes, hangs or is answered by anybody else.
TEST_F(SplitTest, WhateverAClientSendsAsAKey) {
  GatewayProcess gateway(Config(1, 1, "split_by: \"cookie:sid\""));
  RawClient client(gateway.address());
  for (const std::string& lines :
       {std::string(), std::string("Cookie: \r\n"), std::string("Cookie: sid\r\n"),
        std::string("Cookie: sid=\r\n"), std::string("Cookie: ;;;=;sid==;\r\n"),
        std::string("Cookie: sid=\xff\x80\r\n"),
        std::string("Cookie: sid=a; sid=b\r\nCookie: x\r\n"),
        "Cookie: sid=" + std::string(8000, 'x') + "\r\n"}) {
    const Message response = client.Get("/", lines);
    EXPECT_EQ(response.Status(), 200) << lines;
    EXPECT_TRUE(response.body == "v1" || response.body == "v2") << response.body;
  }
}

TEST_F(SplitTest, AReloadChangesTheWeights) {
  GatewayProcess gateway(Config(1, 0));
  RawClient client(gateway.address());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(client.Get("/").body, "v1");
  gateway.Reload(Config(0, 1).Text());
  EXPECT_TRUE(Eventually([&] { return client.Get("/").body == "v2"; }));
  const int before = v1_.requests();
  for (int i = 0; i < 50; ++i) EXPECT_EQ(client.Get("/").body, "v2");
  EXPECT_EQ(v1_.requests(), before);
}

TEST_F(SplitTest, ABadSplitChangesNothing) {
  GatewayProcess gateway(Config(1, 0));
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/").body, "v1");
  gateway.Reload(Config(0, 0).Text());
  EXPECT_TRUE(gateway.AwaitStderr("every weight is 0"));
  EXPECT_EQ(client.Get("/").body, "v1");
}

// The request in flight ends where it began, though its upstream is gone from the file.
TEST(SplitReloadTest, ARequestInFlightStaysWithItsUpstream) {
  ScriptedUpstream old;
  AutoUpstream next("next");
  const auto config = [](const std::string& endpoint) {
    return GatewayConfig{.routes = "- {name: all, split: [{upstream: only}]}\n",
                         .top = "upstreams:\n  only: {endpoints: [\"" + endpoint + "\"]}\n"};
  };
  GatewayProcess gateway(config(old.address()));
  RawClient client(gateway.address());
  client.Send(GetRequest("/"));
  UpstreamConnection connection = old.Accept();
  connection.Request();
  GatewayConfig after = config(next.address());
  after.routes = "- {name: all, split: [{upstream: other}]}\n";
  after.top = "upstreams:\n  other: {endpoints: [\"" + next.address() + "\"]}\n";
  gateway.Reload(after.Text());
  connection.Send(OkResponse("old"));
  EXPECT_EQ(client.Response().body, "old");
  EXPECT_EQ(client.Get("/").body, "next");
}

// What is repeated is repeated where it was sent, and told of that upstream.
TEST(SplitRetryTest, RepetitionsStayWithTheUpstreamThatWasChosen) {
  AutoUpstream busy([](const Message&) {
    return AutoUpstream::Reply{.bytes = "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"};
  });
  AutoUpstream good("good");
  GatewayProcess gateway(GatewayConfig{
      .routes = "- {name: all, split: [{upstream: busy}, {upstream: good}], split_by: "
                "\"header:x-user\", retry: {attempts: 2, on: [gateway_error], backoff: 1ms}, "
                "response_headers: {set: {x-upstream: \"${upstream}\"}}}\n",
      .top = "access_log: {path: stdout}\nupstreams:\n  busy: {outlier: off, endpoints: [\"" +
             busy.address() + "\"]}\n  good: {endpoints: [\"" + good.address() + "\"]}\n"});
  RawClient client(gateway.address());
  int failed = 0;
  int served = 0;
  for (int user = 0; user < 32; ++user) {
    const Message response = client.Get("/" + std::to_string(user), User(user));
    const bool is_busy = response.Status() == 503;
    EXPECT_EQ(response.body, is_busy ? "busy" : "good");
    EXPECT_EQ(response.Value("x-upstream"), response.body);
    (is_busy ? failed : served) += 1;
  }
  EXPECT_GT(failed, 0);
  EXPECT_GT(served, 0);
  EXPECT_GT(busy.requests(), failed);
  EXPECT_EQ(good.requests(), served);
  gateway.AwaitMetric("holdfast_upstream_retries_total",
                      {{"upstream", "good"}, {"result", "retry_gateway_error"}}, 0);
  gateway.AwaitMetricAtLeast("holdfast_upstream_retries_total",
                             {{"upstream", "busy"}, {"result", "retry_gateway_error"}}, 1);
  EXPECT_TRUE(Eventually([&] {
    const std::string log = gateway.Stdout();
    return log.find("\"upstream\":\"busy\"") != log.npos &&
           log.find("\"upstream\":\"good\"") != log.npos;
  }));
}

// The circuit of one of them is its own.
TEST(SplitRetryTest, AnUpstreamThatIsGoneIsNotMadeUpForByTheOther) {
  const RefusingAddress gone;
  AutoUpstream good("good");
  GatewayProcess gateway(GatewayConfig{
      .routes = "- {name: all, split: [{upstream: gone}, {upstream: good}], split_by: "
                "\"header:x-user\"}\n",
      .top = "upstreams:\n  gone: {endpoints: [\"" + gone.address().ToString() +
             "\"]}\n  good: {endpoints: [\"" + good.address() + "\"]}\n"});
  RawClient client(gateway.address());
  int failed = 0;
  for (int user = 0; user < 32; ++user) {
    const Message response = client.Get("/", User(user));
    if (response.Status() != 200) ++failed;
  }
  EXPECT_GT(failed, 0);
  EXPECT_EQ(good.requests(), 32 - failed);
  gateway.AwaitMetric("holdfast_upstream_request_failures_total", {{"upstream", "gone"}}, failed);
  gateway.AwaitMetric("holdfast_upstream_request_failures_total", {{"upstream", "good"}}, 0);
}

// One limit, whoever answers.
TEST_F(SplitTest, ALimitIsThatOfTheRoute) {
  GatewayProcess gateway(Config(1, 1, "rate_limit: {requests: 5, per: 1h}"));
  RawClient client(gateway.address());
  int served = 0;
  for (int i = 0; i < 20; ++i) served += client.Get("/").Status() == 200 ? 1 : 0;
  EXPECT_EQ(served, 5);
  EXPECT_EQ(v1_.requests() + v2_.requests(), 5);
}

}  // namespace
}  // namespace holdfast::support
