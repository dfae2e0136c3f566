// `protocol: auto` over TLS: HTTP/2 where the origin offers it (ALPN, RFC 7301), HTTP/1.1 where it
// does not.

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/pair_peers.h"
#include "tests/integration/tls_edge.h"
#include "tests/pool/tls/support/test_certificates.h"
#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/pattern.h"
#include "tests/support/scripted_upstream.h"

namespace holdfast::support {
namespace {

using ::testing::HasSubstr;

// An origin that echoes and logs in which protocol it was asked: another gateway, before an
// upstream in clear.
class Origin {
 public:
  // `speaks`: keys of its listener; `tls`: more keys of the TLS there.
  Origin(const std::string& certificate, const std::string& speaks, const std::string& tls = "",
         const std::string& bind = "127.0.0.1:0")
      : process_(
            "workers: 1\nstatus: {bind: \"127.0.0.1:0\"}\naccess_log: {path: stdout}\n"
            "drain: {delay: 0s, timeout: 1s}\nlisteners: [{name: edge, bind: \"" +
            bind + "\", " + speaks + ", tls: {certificates: [{" + certificate + "}]" + tls +
            "}}]\nupstreams: {web: {endpoints: [\"" + echo_.address() +
            "\"]}}\nroutes: [{upstream: web}]\n") {}

  std::string address() const { return process_.address(); }
  // Requests that came in this protocol, such as "HTTP/2.0".
  int RequestsIn(const std::string& protocol) const {
    const std::string mark = "\"protocol\":\"" + protocol + "\"";
    const std::string log = process_.Stdout();
    int count = 0;
    for (size_t at = log.find(mark); at != log.npos; at = log.find(mark, at + 1)) ++count;
    return count;
  }
  double accepted() const {
    return process_.Scrape().Value("holdfast_client_connections_accepted_total",
                                   {{"listener", "edge"}});
  }

 private:
  AutoUpstream echo_{[](const Message& request) {
    return AutoUpstream::Reply{.bytes =
                                   OkResponse(request.body, "X-Asked: " + request.Method() + " " +
                                                                request.Target() + "\r\n")};
  }};
  GatewayProcess process_;
};

// By what the client speaks.
class AutoProtocolTest : public testing::TestWithParam<Protocol> {
 protected:
  std::unique_ptr<Origin> NewOrigin(const std::string& speaks, const std::string& tls = "",
                                    const std::string& bind = "127.0.0.1:0") const {
    return std::make_unique<Origin>(site_, speaks, tls, bind);
  }
  void StartBefore(const std::vector<std::string>& endpoints, const std::string& more = "",
                   const std::string& protocol = "auto") {
    std::string list;
    for (const std::string& endpoint : endpoints) list += "\"" + endpoint + "\", ";
    gateway_ = std::make_unique<GatewayProcess>(
        "workers: 1\nstatus: {bind: \"127.0.0.1:0\"}\ndrain: {delay: 0s, timeout: 1s}\n"
        "listeners: [{name: edge, bind: \"127.0.0.1:0\", errors: {detail: full}}]\n"
        "upstreams: {web: {endpoints: [" +
        list + "], protocol: " + protocol + ", tls: {ca: " + ca_ +
        ", server_name: a.test}, connect_timeout: 20s, idle_timeout: 1h, queue: {timeout: 20s}" +
        more + "}}\nroutes: [{upstream: web}]\n");
  }
  std::unique_ptr<PairClient> NewClient() const {
    return PairClient::New(GetParam(), gateway_->address());
  }
  // Clients in parallel, each so many requests; how many were not answered as they should.
  int RunClients(int clients, int each) const {
    std::atomic<int> wrong = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < clients; ++i) {
      threads.emplace_back([&, i] {
        const std::unique_ptr<PairClient> client = NewClient();
        for (int n = 0; n < each; ++n) {
          const std::string body = std::to_string(i) + ":" + std::to_string(n);
          const Answered answer = client->Ask({.method = "POST", .body = body});
          if (answer.status != 200 || answer.body != body) ++wrong;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    return wrong;
  }

  Files files_;
  const std::string ca_ = files_.Authority();
  const std::string site_ = files_.Keyed("a", pool::SiteFor({"a.test"}));
  std::unique_ptr<GatewayProcess> gateway_;
};

INSTANTIATE_TEST_SUITE_P(, AutoProtocolTest, testing::Values(Protocol::kHttp1, Protocol::kHttp2),
                         [](const testing::TestParamInfo<Protocol>& info) {
                           return std::string(info.param == Protocol::kHttp1 ? "Http1" : "Http2");
                         });

TEST_P(AutoProtocolTest, WhatTheOriginOffersIsSpoken) {
  struct Case {
    std::string speaks;
    std::string tls;
    std::string spoken;
    std::string other;
  };
  const Case cases[] = {
      {"protocols: [h2, h1]", "", "HTTP/2.0", "HTTP/1.1"},
      {"protocols: [h1, h2]", "", "HTTP/1.1", "HTTP/2.0"},  // The origin's order counts.
      {"protocols: [h2]", "", "HTTP/2.0", "HTTP/1.1"},
      {"protocols: [h1]", "", "HTTP/1.1", "HTTP/2.0"},
      {"protocols: [h1]", ", alpn: []", "HTTP/1.1", "HTTP/2.0"},  // It knows no ALPN.
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.speaks + one.tls);
    const std::unique_ptr<Origin> origin = NewOrigin(one.speaks, one.tls);
    StartBefore({origin->address()});
    const std::unique_ptr<PairClient> client = NewClient();
    int requests = 0;
    for (const bool with_length : {true, false}) {
      for (const size_t bytes : {0u, 10u, 200'000u}) {
        const std::string body = Pattern(bytes);
        const Answered answer = client->Ask(
            {.method = "PUT", .path = "/a?b=c", .body = body, .with_length = with_length});
        EXPECT_EQ(answer.status, 200) << answer.body;
        EXPECT_EQ(ValueOf(answer.fields, "x-asked"), "PUT /a?b=c");
        EXPECT_TRUE(answer.body == body) << answer.body.size() << " of " << bytes;
        ++requests;
      }
    }
    EXPECT_TRUE(Eventually([&] { return origin->RequestsIn(one.spoken) == requests; }));
    EXPECT_EQ(origin->RequestsIn(one.other), 0);
    EXPECT_EQ(origin->accepted(), 1) << "in either protocol the connection is kept";
  }
}

TEST_P(AutoProtocolTest, ManyClientsShareWhatIsHttp2) {
  const std::unique_ptr<Origin> origin = NewOrigin("protocols: [h2, h1]");
  StartBefore({origin->address()});
  EXPECT_EQ(RunClients(1, 1), 0);
  EXPECT_EQ(RunClients(40, 20), 0);
  EXPECT_LE(origin->accepted(), 3);
  EXPECT_TRUE(Eventually([&] { return origin->RequestsIn("HTTP/2.0") == 801; }));
}

// What will be agreed on is not known while the first connections are made.
TEST_P(AutoProtocolTest, ManyThatComeFirstAreAllServed) {
  for (const char* const speaks : {"protocols: [h2, h1]", "protocols: [h1]"}) {
    const std::unique_ptr<Origin> origin = NewOrigin(speaks);
    StartBefore({origin->address()});
    EXPECT_EQ(RunClients(40, 5), 0) << speaks;
  }
}

TEST_P(AutoProtocolTest, TheEndpointsOfAnUpstreamMayDiffer) {
  const std::unique_ptr<Origin> newer = NewOrigin("protocols: [h2, h1]");
  const std::unique_ptr<Origin> older = NewOrigin("protocols: [h1]");
  StartBefore({newer->address(), older->address()}, ", balance: round_robin");
  EXPECT_EQ(RunClients(4, 10), 0);
  EXPECT_TRUE(Eventually(
      [&] { return newer->RequestsIn("HTTP/2.0") + older->RequestsIn("HTTP/1.1") == 40; }));
  EXPECT_GT(newer->RequestsIn("HTTP/2.0"), 0);
  EXPECT_GT(older->RequestsIn("HTTP/1.1"), 0);
}

// What was spoken last time is no promise.
TEST_P(AutoProtocolTest, AnOriginMayChangeWhatItSpeaks) {
  const std::string address = UnusedAddress();
  std::unique_ptr<Origin> origin = NewOrigin("protocols: [h2, h1]", "", address);
  StartBefore({address});
  EXPECT_EQ(RunClients(20, 5), 0);
  EXPECT_TRUE(Eventually([&] { return origin->RequestsIn("HTTP/2.0") == 100; }));
  for (int i = 0; i < 2; ++i) {
    origin.reset();
    origin = NewOrigin("protocols: [h1]", "", address);
    EXPECT_EQ(RunClients(20, 5), 0);
    EXPECT_TRUE(Eventually([&] { return origin->RequestsIn("HTTP/1.1") == 100; }));
    origin.reset();
    origin = NewOrigin("protocols: [h2, h1]", "", address);
    EXPECT_EQ(RunClients(20, 5), 0);
    EXPECT_TRUE(Eventually([&] { return origin->RequestsIn("HTTP/2.0") == 100; }));
  }
}

TEST_P(AutoProtocolTest, HealthChecksSpeakItToo) {
  struct Case {
    std::string speaks;
    std::string spoken;
    std::string other;
  };
  for (const auto& [speaks, spoken, other] : {Case{"protocols: [h2, h1]", "HTTP/2.0", "HTTP/1.1"},
                                              Case{"protocols: [h1]", "HTTP/1.1", "HTTP/2.0"}}) {
    const std::unique_ptr<Origin> origin = NewOrigin(speaks);
    StartBefore({origin->address()},
                ", health_check: {path: /healthz, interval: 500ms, timeout: 500ms}");
    gateway_->AwaitMetricAtLeast("holdfast_health_checks_total",
                                 {{"upstream", "web"}, {"result", "ok"}}, 3);
    EXPECT_TRUE(Eventually([&] { return origin->RequestsIn(spoken) >= 3; }));
    EXPECT_EQ(origin->RequestsIn(other), 0);
  }
}

TEST_P(AutoProtocolTest, WhereHttp2IsWantedAnOriginWithoutItIsNamed) {
  for (const char* const tls : {"", ", alpn: []"}) {
    const std::unique_ptr<Origin> origin = NewOrigin("protocols: [h1]", tls);
    StartBefore({origin->address()}, "", "h2");
    const Answered answer = NewClient()->Ask({});
    EXPECT_EQ(answer.status, 502);
    EXPECT_THAT(answer.body, HasSubstr("reason: tls_failed\ndetail: tls_no_shared_protocol"));
    EXPECT_EQ(origin->RequestsIn("HTTP/1.1"), 0);
  }
}

}  // namespace
}  // namespace holdfast::support
