// Where requests go, and what the gateway answers by itself.

#include <string>

#include <gtest/gtest.h>

#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"

namespace holdfast::support {
namespace {

// What a gateway with these routes answers.
Message Ask(const std::string& routes, std::string_view request) {
  GatewayProcess gateway(GatewayConfig{.routes = routes});
  RawClient client(gateway.address());
  const Message response = client.Exchange(request);
  EXPECT_EQ(client.Get("/local").Status(), 200) << "the connection is not kept";
  return response;
}

std::string GetFrom(const std::string& host, const std::string& target) {
  return "GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
}

TEST(RouteTest, NoRouteSaysWhatWasLookedUp) {
  const Message response = Ask("", GetFrom("shop.example:8080", "/no/where?x=1"));
  EXPECT_EQ(response.Status(), 404);
  EXPECT_NE(response.body.find("shop.example"), std::string::npos) << response.body;
  EXPECT_NE(response.body.find("/no/where"), std::string::npos) << response.body;
}

TEST(RouteTest, WhatAnErrorQuotesIsPlainText) {
  const Message response = Ask("", GetFrom("test", "/<script>alert(1)</script>"));
  EXPECT_TRUE(response.Value("content-type").starts_with("text/plain")) << response.head;
  EXPECT_TRUE(response.HasLine("X-Content-Type-Options: nosniff")) << response.head;
}

constexpr char kHosts[] =
    "- {match: {hosts: [a.example]}, respond: {body: \"exact\"}}\n"
    "- {match: {hosts: [\"*.example\"]}, respond: {body: \"suffix\"}}\n"
    "- {match: {path_prefix: /}, respond: {body: \"any\"}}\n";

TEST(RouteTest, HostsAreMatchedExactlyThenBySuffixThenAny) {
  EXPECT_EQ(Ask(kHosts, GetFrom("a.example", "/")).body, "exact");
  EXPECT_EQ(Ask(kHosts, GetFrom("A.Example.:8080", "/")).body, "exact");
  EXPECT_EQ(Ask(kHosts, GetFrom("x.y.example", "/")).body, "suffix");
  EXPECT_EQ(Ask(kHosts, GetFrom("example", "/")).body, "any");
  EXPECT_EQ(Ask(kHosts, GetFrom("127.0.0.1", "/")).body, "any");
}

constexpr char kConditions[] =
    "- {match: {path: /c}, respond: {body: \"plain\"}}\n"
    "- {match: {path: /c, headers: {x-version: {exact: \"2\"}}}, respond: {body: \"two\"}}\n"
    "- {match: {path: /c, query: {beta: {prefix: y}}}, respond: {body: \"beta\"}}\n"
    "- {match: {path: /c, scheme: https}, respond: {body: \"https\"}}\n"
    "- {match: {path: /d, clients: [192.0.2.0/24]}, respond: {body: \"others\"}}\n";

TEST(RouteTest, ConditionsChooseAmongRoutesOfOnePath) {
  EXPECT_EQ(Ask(kConditions, GetFrom("test", "/c")).body, "plain");
  EXPECT_EQ(Ask(kConditions, "GET /c HTTP/1.1\r\nHost: a\r\nX-Version: 2\r\n\r\n").body, "two");
  EXPECT_EQ(Ask(kConditions, GetFrom("test", "/c?a=1&beta=%79es")).body, "beta");
  EXPECT_EQ(Ask(kConditions, GetFrom("test", "/d")).Status(), 404);
}

TEST(RouteTest, WhoMayNotIsToldSo) {
  const std::string routes =
      "- {match: {path: /denied}, deny: [127.0.0.0/8], respond: {body: \"x\"}}\n"
      "- {match: {path: /others}, allow: [192.0.2.0/24], respond: {body: \"x\"}}\n"
      "- {match: {path: /ours}, allow: [127.0.0.1], deny: [\"::1\"], respond: {body: \"x\"}}\n";
  for (const char* path : {"/denied", "/others", "/%64enied", "/x/../denied"}) {
    const Message response = Ask(routes, GetFrom("test", path));
    EXPECT_EQ(response.Status(), 403) << path;
    EXPECT_NE(response.body.find("reason: client_denied\n"), std::string::npos) << response.body;
  }
  EXPECT_EQ(Ask(routes, GetFrom("test", "/ours")).Status(), 200);
}

constexpr char kPaths[] =
    "- {match: {path: /exact}, respond: {body: \"exact\"}}\n"
    "- {match: {path_prefix: /}, respond: {body: \"short\"}}\n"
    "- {match: {path_prefix: /exact/deep/}, respond: {body: \"long\"}}\n";

TEST(RouteTest, PathsAreMatchedExactlyThenByTheLongestPrefix) {
  EXPECT_EQ(Ask(kPaths, GetFrom("test", "/exact")).body, "exact");
  EXPECT_EQ(Ask(kPaths, GetFrom("test", "/exact?query")).body, "exact");
  EXPECT_EQ(Ask(kPaths, GetFrom("test", "/exact/deep/er")).body, "long");
  EXPECT_EQ(Ask(kPaths, GetFrom("test", "/exactly")).body, "short");
  EXPECT_EQ(Ask(kPaths, GetFrom("test", "/exact/deeper")).body, "short") << "not a whole segment";
}

TEST(RouteTest, TheTargetsAuthorityIsTheHost) {
  EXPECT_EQ(Ask(kHosts, "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n").body, "exact");
}

TEST(RouteTest, AMethodThatIsNotAllowedIsToldWhichAre) {
  const Message response =
      Ask("- {match: {path: /x, methods: [GET, POST]}, respond: {body: \"x\"}}\n",
          "DELETE /x HTTP/1.1\r\nHost: test\r\n\r\n");
  EXPECT_EQ(response.Status(), 405);
  EXPECT_TRUE(response.HasLine("Allow: GET, HEAD, POST")) << response.head;
}

TEST(RouteTest, ARoutesAnswerHasItsStatusBodyAndFields) {
  const Message response =
      Ask("- {match: {path: /t}, respond: {status: 418, body: \"short and stout\", "
          "headers: {content-type: text/tea, X-Pot: \"1\"}}}\n",
          GetRequest("/t"));
  EXPECT_EQ(response.Status(), 418);
  EXPECT_EQ(response.body, "short and stout");
  EXPECT_TRUE(response.HasLine("content-type: text/tea")) << response.head;
  EXPECT_TRUE(response.HasLine("X-Pot: 1")) << response.head;
  EXPECT_TRUE(response.Has("date")) << response.head;
}

TEST(RouteTest, ABodilessAnswerHasNoBody) {
  const Message response = Ask("- {match: {path: /t}, respond: {status: 204}}\n", GetRequest("/t"));
  EXPECT_EQ(response.Status(), 204);
}

TEST(RouteTest, ARedirectAppendsTheRestOfThePath) {
  const Message response =
      Ask("- {match: {path_prefix: /old/}, redirect: {status: 308, to: /new/}}\n",
          GetRequest("/old/a/b?c=d"));
  EXPECT_EQ(response.Status(), 308);
  EXPECT_TRUE(response.HasLine("Location: /new/a/b?c=d")) << response.head;
  EXPECT_EQ(response.body, "");
}

TEST(RouteTest, ARedirectCannotBeLedToAnotherHost) {
  const Message response =
      Ask("- {match: {path_prefix: /old}, redirect: {to: /}}\n", GetRequest("/old//evil.example"));
  EXPECT_EQ(response.Status(), 308);
  EXPECT_FALSE(response.Value("location").starts_with("//")) << response.head;
}

TEST(RouteTest, ConnectIsRefused) {
  GatewayProcess gateway(GatewayConfig{});
  RawClient client(gateway.address());
  EXPECT_EQ(client.Exchange("CONNECT example:443 HTTP/1.1\r\nHost: example:443\r\n\r\n").Status(),
            501);
}

TEST(RouteTest, TraceIsRefused) {
  AutoUpstream upstream;
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}});
  RawClient client(gateway.address());
  const Message response =
      client.Exchange("TRACE / HTTP/1.1\r\nHost: test\r\nCookie: secret\r\n\r\n");
  EXPECT_EQ(response.Status(), 501);
  EXPECT_EQ(response.body.find("secret"), std::string::npos);
  EXPECT_EQ(upstream.requests(), 0);
}

TEST(RouteTest, ARouteMayBeForOneListenerOnly) {
  GatewayProcess gateway(GatewayConfig{
      .routes = "- {match: {path: /here, listeners: [second]}, respond: {body: \"second\"}}\n",
      .listeners = "- {name: second, bind: \"127.0.0.1:0\"}\n"});
  RawClient edge(gateway.address("edge"));
  RawClient second(gateway.address("second"));
  EXPECT_EQ(edge.Get("/here").Status(), 404);
  EXPECT_EQ(second.Get("/here").body, "second");
}

TEST(RouteTest, RequestsAreCountedByRouteMethodAndCode) {
  GatewayProcess gateway(GatewayConfig{});
  RawClient client(gateway.address());
  client.Get("/local");
  client.Exchange(PostRequest("/local", "body"));
  client.Get("/nowhere");
  const auto await_one = [&](const Labels& labels) {
    gateway.AwaitMetric("holdfast_requests_total", labels, 1);
  };
  await_one({{"route", "local"}, {"method", "GET"}, {"code", "200"}});
  await_one({{"route", "local"}, {"method", "POST"}, {"code", "200"}});
  await_one({{"listener", "edge"}, {"code", "404"}});
}

}  // namespace
}  // namespace holdfast::support
