// Another service says who may ask: what it is told, what becomes of its answer, over both
// protocols and across reloads.

#include <atomic>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"

namespace holdfast::support {
namespace {

// Lets in who has the cookie, as the user that it names.
AutoUpstream Doorkeeper() {
  return AutoUpstream([](const Message& request) {
    const std::string cookie = request.Value("cookie");
    if (cookie.starts_with("user=")) {
      return AutoUpstream::Reply{.bytes = "HTTP/1.1 204 No Content\r\nX-User: " + cookie.substr(5) +
                                          "\r\n\r\n"};
    }
    return AutoUpstream::Reply{
        .bytes = "HTTP/1.1 302 Found\r\nLocation: /login?to=" + request.Value("x-forwarded-uri") +
                 "\r\nContent-Length: 5\r\n\r\nlogin"};
  });
}

AutoUpstream Telling() {
  return AutoUpstream([](const Message& request) {
    return AutoUpstream::Reply{.bytes =
                                   OkResponse(request.Target() + " by " + request.Value("x-user"))};
  });
}

class ForwardAuthTest : public testing::Test {
 protected:
  static std::string Door(const std::string& address) {
    return "door: {endpoints: [\"" + address + "\"], idle_timeout: 1h}\n";
  }
  GatewayConfig Config(const std::string& keys = "") const {
    return {.endpoints = {service_.address()},
            .routes =
                "- {name: in, match: {path_prefix: /in}, upstream: web, forward_auth: "
                "{upstream: door, path: /verify, copy_response_headers: [x-user]" +
                keys + "}}\n",
            .upstreams = Door(door_.address())};
  }

  AutoUpstream door_ = Doorkeeper();
  AutoUpstream service_ = Telling();
};

std::string Get(std::string_view target, std::string_view fields = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a.test\r\n" + std::string(fields) +
         "\r\n";
}

TEST_F(ForwardAuthTest, TheServiceDecidesEachTime) {
  GatewayProcess gateway(Config());
  RawClient client(gateway.address());
  for (int i = 0; i < 3; ++i) {
    const Message served = client.Exchange(Get("/in/a?b=1", "Cookie: user=ann\r\n"));
    EXPECT_EQ(served.Status(), 200);
    EXPECT_EQ(served.body, "/in/a?b=1 by ann");
    const Message sent_away = client.Exchange(Get("/in/a?b=1"));
    EXPECT_EQ(sent_away.Status(), 302);
    EXPECT_EQ(sent_away.Value("location"), "/login?to=/in/a?b=1");
    EXPECT_EQ(sent_away.body, "login");
  }
  EXPECT_EQ(client.Exchange(Get("/out")).body, "/out by ");
  EXPECT_EQ(door_.accepted(), 1) << "its connection is kept";
  gateway.AwaitMetric("holdfast_auth_requests_total", {{"route", "in"}, {"answer", "admitted"}}, 3);
  gateway.AwaitMetric("holdfast_auth_requests_total", {{"route", "in"}, {"answer", "refused"}}, 3);
}

TEST_F(ForwardAuthTest, NobodySaysWhoItIsBesideTheService) {
  GatewayProcess gateway(Config());
  RawClient client(gateway.address());
  for (const std::string_view field :
       {"X-User: root\r\n", "x-user: root\r\n", "X_User: root\r\n",
        "X-User: root\r\nX-User: root\r\n", "Connection: x-user\r\nX-User: root\r\n"}) {
    const Message served = client.Exchange(Get("/in", std::string(field) + "Cookie: user=ann\r\n"));
    EXPECT_EQ(served.body, "/in by ann") << field;
  }
}

TEST_F(ForwardAuthTest, NorDoesATrailer) {
  ScriptedUpstream service;
  GatewayConfig config = Config();
  config.endpoints = {service.address()};
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  client.Send(
      "POST /in HTTP/1.1\r\nHost: a.test\r\nCookie: user=ann\r\nTransfer-Encoding: chunked\r\n\r\n"
      "0\r\nX-User: root\r\nX-Sum: 1\r\n\r\n");
  UpstreamConnection connection = service.Accept();
  const Message request = connection.Answer(OkResponse("ok"));
  EXPECT_EQ(request.Value("x-user"), "ann");
  EXPECT_EQ(request.Trailer("x-user"), std::nullopt);
  EXPECT_EQ(request.Trailer("x-sum"), "1");
  EXPECT_EQ(client.Response().body, "ok");
}

TEST_F(ForwardAuthTest, AnotherSpellingOfThePathIsAskedForAllTheSame) {
  GatewayProcess gateway(Config());
  for (const std::string_view target : {"/in", "/in/", "/%69n", "/./in", "//in", "/x/../in"}) {
    RawClient client(gateway.address());
    const int status = client.Exchange(Get(target)).Status();
    EXPECT_TRUE(status == 302 || status == 400) << target << ": " << status;
  }
}

TEST_F(ForwardAuthTest, ARequestsBodyWaitsForTheAnswer) {
  GatewayProcess gateway(Config());
  RawClient client(gateway.address());
  const std::string body(200'000, 'x');
  const std::string head = "POST /in HTTP/1.1\r\nHost: a.test\r\nContent-Length: 200000\r\n";
  EXPECT_EQ(client.Exchange(head + "Cookie: user=ann\r\n\r\n" + body).body, "/in by ann");
  EXPECT_EQ(client.Exchange(Get("/in", "Cookie: user=eve\r\n")).body, "/in by eve");
}

TEST_F(ForwardAuthTest, WithoutTheServiceNobodyComesIn) {
  GatewayConfig config = Config();
  config.upstreams = Door("unix:/nobody/is/here");
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  const Message refused = client.Exchange(Get("/in", "Cookie: user=ann\r\n"));
  EXPECT_EQ(refused.Status(), 503);
  EXPECT_NE(refused.body.find("reason: forward_auth_failed\n"), std::string::npos) << refused.body;
  EXPECT_EQ(client.Exchange(Get("/out")).Status(), 200);
}

TEST_F(ForwardAuthTest, UnlessItIsOpen) {
  GatewayConfig config = Config(", fail: open");
  config.upstreams = Door("unix:/nobody/is/here");
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  EXPECT_EQ(client.Exchange(Get("/in", "X-User: root\r\n")).body, "/in by ");
  gateway.AwaitMetric("holdfast_auth_requests_total", {{"answer", "unasked"}}, 1);
}

}  // namespace
}  // namespace holdfast::support
