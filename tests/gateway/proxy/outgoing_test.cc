#include "gateway/proxy/outgoing.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/gateway/proxy/proxy_harness.h"

namespace holdfast::proxy {
namespace {

class OutgoingTest : public testing::Test {
 protected:
  // What the upstream gets of it.
  static std::string Sent(const HarnessConfig& config, std::string_view request) {
    ProxyHarness harness(config);
    Wire client = harness.Connect();
    client.Send(request);
    Wire upstream = harness.Accept();
    std::string sent = harness.Await(upstream, kHeadEnd);
    upstream.Send(kOk);
    harness.Await(client, "\r\n\r\nok");
    return sent;
  }
  static std::string Answer(const HarnessConfig& config, std::string_view request) {
    ProxyHarness harness(config);
    Wire client = harness.Connect();
    client.Send(request);
    return harness.Await(client, "\n");
  }
  static HarnessConfig Rewriting(const std::string& match, const std::string& rewrite,
                                 const std::string& upstream = "") {
    return {.listener = "",
            .upstream = upstream,
            .routes = "- {match: " + match + ", rewrite: " + rewrite + ", upstream: web}"};
  }
  static std::string Get(const std::string& target) {
    return "GET " + target + " HTTP/1.1\r\nHost: a.test\r\n\r\n";
  }
};

TEST_F(OutgoingTest, APrefixIsRewritten) {
  const std::string sent =
      Sent(Rewriting("{path_prefix: /api}", "{path_prefix: /v2}"), Get("/api/users?q=1"));
  EXPECT_TRUE(sent.starts_with("GET /v2/users?q=1 HTTP/1.1\r\nHost: a.test\r\n")) << sent;
}

TEST_F(OutgoingTest, APatternIsRewritten) {
  const std::string sent =
      Sent(Rewriting("{path_prefix: /}",
                     "{path_regex: {pattern: \"/u/([0-9]+)\", to: \"/x?id=\\\\1\"}}"),
           Get("/u/7"));
  EXPECT_TRUE(sent.starts_with("GET /x?id=7 HTTP/1.1\r\n")) << sent;
}

TEST_F(OutgoingTest, WhatMightBeAnotherPathIsRefused) {
  const std::string answer =
      Answer(Rewriting("{path_prefix: /}", "{path_regex: {pattern: \"/x(.*)\", to: \"/\\\\1\"}}"),
             Get("/x..%2fsecret"));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << answer;
}

TEST_F(OutgoingTest, TheHostMayBeAnotherOne) {
  const std::string by_route = Sent(Rewriting("{path_prefix: /}", "{host: in.test}"), Get("/"));
  EXPECT_NE(by_route.find("\r\nHost: in.test\r\n"), by_route.npos) << by_route;
  EXPECT_NE(by_route.find("\r\nX-Forwarded-Host: a.test\r\n"), by_route.npos) << by_route;
  const std::string by_upstream = Sent({.listener = "", .upstream = "host: out.test:81"}, Get("/"));
  EXPECT_NE(by_upstream.find("\r\nHost: out.test:81\r\n"), by_upstream.npos) << by_upstream;
  const std::string both =
      Sent(Rewriting("{path_prefix: /}", "{host: keep}", "host: out.test"), Get("/"));
  EXPECT_NE(both.find("\r\nHost: a.test\r\n"), both.npos) << both;
}

TEST_F(OutgoingTest, TheHostMayBeThatOfTheEndpoint) {
  const std::string sent = Sent({.listener = "", .upstream = "host: endpoint"}, Get("/"));
  EXPECT_NE(sent.find("\r\nHost: 127.0.0.1:"), sent.npos) << sent;
}

TEST_F(OutgoingTest, ForTheServerAsAWholeThereIsNothingToRewrite) {
  const std::string sent = Sent(Rewriting("{path_prefix: /}", "{path: /x, query: drop}"),
                                "OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n");
  EXPECT_TRUE(sent.starts_with("OPTIONS * HTTP/1.1\r\n")) << sent;
}

}  // namespace
}  // namespace holdfast::proxy
