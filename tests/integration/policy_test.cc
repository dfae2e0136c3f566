// What a route asks of clients, and what it changes on the way: limits, passwords, rewritten
// requests, leave for pages from elsewhere.

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/temp_dir.h"

namespace holdfast::support {
namespace {

// "correct horse", by htpasswd -B with a cost of 4, and "ann:correct horse" in base64.
constexpr std::string_view kUsers =
    "ann:$2y$04$.IQH/CZ9cug7KeZx18rMiuYXN6OadGpLdg0Ksu7WurmZcxz7zrkai\n";
constexpr std::string_view kAnn = "Authorization: Basic YW5uOmNvcnJlY3QgaG9yc2U=\r\n";

std::string Get(std::string_view target, std::string_view fields = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a.test\r\n" + std::string(fields) +
         "\r\n";
}

AutoUpstream Echoing() {
  return AutoUpstream([](const Message& request) {
    return AutoUpstream::Reply{.bytes = OkResponse(request.Target() + " " + request.Value("host"))};
  });
}

class BasicAuthTest : public testing::Test {
 protected:
  std::string Route(const std::string& name) const {
    return "- {name: " + name + ", match: {path_prefix: /" + name +
           "}, basic_auth: {file: " + users_ + "}, respond: {body: \"" + name + "\"}}\n";
  }

  TempDir dir_;
  std::string users_ = dir_.Write("users", kUsers);
};

TEST_F(BasicAuthTest, WhoHasThePasswordIsServed) {
  AutoUpstream upstream = Echoing();
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()},
                                       .route = "basic_auth: {file: " + users_ + "}"});
  RawClient client(gateway.address());
  const Message refused = client.Exchange(Get("/x"));
  EXPECT_EQ(refused.Status(), 401);
  EXPECT_EQ(refused.Value("www-authenticate"), "Basic realm=\"restricted\", charset=\"UTF-8\"");
  EXPECT_NE(refused.body.find("reason: unauthorized\n"), std::string::npos) << refused.body;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.Exchange(Get("/x", kAnn)).Status(), 200);
  EXPECT_EQ(client.Exchange(Get("/x")).Status(), 401) << "a connection is nobody's";
  gateway.AwaitMetric("holdfast_auth_requests_total", {{"answer", "admitted"}}, 3);
  gateway.AwaitMetric("holdfast_auth_requests_total", {{"answer", "refused"}}, 2);
}

TEST_F(BasicAuthTest, NobodyElseIs) {
  GatewayProcess gateway(GatewayConfig{.routes = Route("in")});
  RawClient client(gateway.address());
  EXPECT_EQ(client.Exchange(Get("/in", kAnn)).Status(), 200);
  for (const std::string_view fields : {
           "Authorization: Basic YW5uOmNvcnJlY3QgaG9yc2UA\r\n",        // a NUL behind it
           "Authorization: Basic YW5uOmNvcnJlY3QgaG9yc2U\r\nX: \r\n",  // without padding: the same
           "Authorization: Basic QW5uOmNvcnJlY3QgaG9yc2U=\r\n",        // Ann
           "Authorization: Basic YW5uOkNvcnJlY3QgaG9yc2U=\r\n",        // Correct
           "Authorization: Basic YW5uOg==\r\n",
           "Authorization: Basic Og==\r\n",
           "Authorization: Basic \r\n",
           "Authorization: Bearer YW5uOmNvcnJlY3QgaG9yc2U=\r\n",
           "Proxy-Authorization: Basic YW5uOmNvcnJlY3QgaG9yc2U=\r\n",
           "Authorization: Basic YW5uOmNvcnJlY3QgaG9yc2U=\r\nAuthorization: Basic YTpi\r\n",
           "Authorization_: Basic YW5uOmNvcnJlY3QgaG9yc2U=\r\n",
       }) {
    const int expected = fields.find("X: ") != std::string_view::npos ? 200 : 401;
    EXPECT_EQ(client.Exchange(Get("/in", fields)).Status(), expected) << fields;
  }
  for (const char* path : {"/%69n", "/x/../in", "//in", "/in/x"}) {
    EXPECT_EQ(client.Exchange(Get(path)).Status(), 401) << path;
  }
}

// Passwords take their time, but nobody else waits for them.
TEST_F(BasicAuthTest, OthersAreServedWhileAPasswordIsChecked) {
  const std::string slow =
      dir_.Write("slow", "bob:$2y$12$abcdefghijklmnopqrstuuZ5M/yJYkrVZSsWJ8yDPqkQSUlvQWk6m\n");
  GatewayProcess gateway(
      GatewayConfig{.routes = "- {name: slow, match: {path: /slow}, basic_auth: {file: " + slow +
                              "}, respond: {body: \"slow\"}}\n"});
  RawClient waiting(gateway.address());
  waiting.Send(Get("/slow", "Authorization: Basic Ym9iOng=\r\n"));
  RawClient client(gateway.address());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(client.Get("/local").Status(), 200);
  EXPECT_EQ(waiting.Response().Status(), 401);
}

TEST_F(BasicAuthTest, AClientThatLeavesMeanwhileHarmsNobody) {
  const std::string slow =
      dir_.Write("slow", "bob:$2y$10$abcdefghijklmnopqrstuuZ5M/yJYkrVZSsWJ8yDPqkQSUlvQWk6m\n");
  GatewayProcess gateway(
      GatewayConfig{.routes = "- {name: slow, match: {path: /slow}, basic_auth: {file: " + slow +
                              "}, respond: {body: \"slow\"}}\n"});
  for (int i = 0; i < 5; ++i) {
    RawClient leaving(gateway.address());
    leaving.Send(Get("/slow", "Authorization: Basic Ym9iOng=\r\n"));
    leaving.Reset();
  }
  RawClient client(gateway.address());
  EXPECT_EQ(client.Exchange(Get("/slow", "Authorization: Basic Ym9iOnk=\r\n")).Status(), 401);
}

TEST_F(BasicAuthTest, AReloadReadsTheFileAnewAndABadOneChangesNothing) {
  GatewayConfig config{.routes = Route("in")};
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  EXPECT_EQ(client.Exchange(Get("/in", kAnn)).Status(), 200);
  dir_.Write("users", "ann:plain\n");
  gateway.Reload(config.Text());
  EXPECT_TRUE(gateway.AwaitStderr("line 1"));
  EXPECT_EQ(client.Exchange(Get("/in", kAnn)).Status(), 200);
  dir_.Write("users", "eve:" + std::string(kUsers.substr(4)));
  gateway.Reload(config.Text());
  EXPECT_TRUE(Eventually([&] { return client.Exchange(Get("/in", kAnn)).Status() == 401; }));
}

TEST(RateLimitTest, AReloadForgetsNothingThatWasCounted) {
  GatewayConfig config{.routes =
                           "- {name: few, match: {path: /few}, rate_limit: {requests: 3, per: 1h}, "
                           "respond: {body: \"few\"}}\n"};
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.Get("/few").Status(), 200);
  EXPECT_EQ(client.Get("/few").Status(), 429);
  gateway.Reload(config.Text());
  EXPECT_EQ(client.Get("/few").Status(), 429);
  config.routes =
      "- {name: few, match: {path: /few}, rate_limit: {requests: 4, per: 1h}, "
      "respond: {body: \"few\"}}\n";
  gateway.Reload(config.Text());
  EXPECT_TRUE(Eventually([&] { return client.Get("/few").Status() == 200; })) << "another limit";
}

// A limit is that of the process, however many workers there are.
TEST(RateLimitTest, WorkersCountTogether) {
  GatewayProcess gateway(GatewayConfig{
      .routes = "- {name: few, match: {path: /few}, rate_limit: {requests: 20, per: 1h}, "
                "respond: {body: \"few\"}}\n",
      .workers = "3"});
  int served = 0;
  for (int i = 0; i < 60; ++i) {
    RawClient client(gateway.address());
    served += client.Get("/few").Status() == 200 ? 1 : 0;
  }
  EXPECT_EQ(served, 20);
}

TEST(RewriteTest, TheUpstreamGetsAnotherPathAndHost) {
  AutoUpstream upstream = Echoing();
  GatewayProcess gateway(GatewayConfig{
      .endpoints = {upstream.address()},
      .routes = "- {match: {path_prefix: /api}, rewrite: {path_prefix: /v2, host: in.test}, "
                "upstream: web}\n"
                "- {match: {path_regex: \"/users/([0-9]+)\"}, rewrite: {path_regex: {pattern: "
                "\"/users/([0-9]+)\", to: \"/u?id=\\\\1\"}}, upstream: web}\n"});
  RawClient client(gateway.address());
  EXPECT_EQ(client.Exchange(Get("/api/a?b")).body, "/v2/a?b in.test");
  EXPECT_EQ(client.Exchange(Get("/api")).body, "/v2 in.test");
  EXPECT_EQ(client.Exchange(Get("/apis")).body, "/apis a.test");
  EXPECT_EQ(client.Exchange(Get("/users/7?x=1")).body, "/u?id=7&x=1 a.test");
  EXPECT_EQ(client.Exchange(Get("/users/bob")).body, "/users/bob a.test");
}

TEST(CorsTest, APageThatMayAskIsToldSo) {
  AutoUpstream upstream = Echoing();
  GatewayProcess gateway(
      GatewayConfig{.endpoints = {upstream.address()},
                    .routes = "- {match: {path: /c, methods: [PUT]}, cors: {allow_origins: "
                              "[\"https://app.test\"]}, upstream: web}\n"});
  RawClient client(gateway.address());
  const std::string_view asks =
      "OPTIONS /c HTTP/1.1\r\nHost: a\r\nOrigin: https://app.test\r\n"
      "Access-Control-Request-Method: PUT\r\n\r\n";
  const Message preflight = client.Exchange(asks);
  EXPECT_EQ(preflight.Status(), 204);
  EXPECT_EQ(preflight.Value("access-control-allow-origin"), "https://app.test");
  EXPECT_EQ(preflight.Value("access-control-allow-methods"), "PUT");
  const Message put = client.Exchange(
      "PUT /c HTTP/1.1\r\nHost: a\r\nOrigin: https://app.test\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(put.Value("access-control-allow-origin"), "https://app.test");
  const Message other = client.Exchange(
      "PUT /c HTTP/1.1\r\nHost: a\r\nOrigin: https://evil.test\r\nContent-Length: 0\r\n\r\n");
  EXPECT_FALSE(other.Has("access-control-allow-origin")) << other.head;
}

}  // namespace
}  // namespace holdfast::support
