// What is told of upstreams with which no TLS can be had, or that want it where none is spoken.

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/integration/tls_edge.h"
#include "tests/pool/tls/support/test_certificates.h"
#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"

namespace holdfast::support {
namespace {

using pool::Issued;

// A gateway in front of endpoints, as plain text for its clients.
class TlsUpstreamTest : public testing::Test {
 protected:
  // `tls` and what else is said of the upstream.
  std::string Before(const std::vector<std::string>& endpoints, const std::string& upstream,
                     const std::string& route = "") const {
    std::string list;
    for (const std::string& endpoint : endpoints) list += "\"" + endpoint + "\", ";
    // Handshakes of sanitized gateways take their time.
    const bool timed = upstream.find("connect_timeout") != upstream.npos;
    return "workers: 1\nstatus: {bind: \"127.0.0.1:0\"}\naccess_log: {path: stdout}\ndrain: "
           "{delay: 0s, timeout: 1s}\n"
           "listeners: [{name: edge, bind: \"127.0.0.1:0\", errors: {detail: full}}]\n"
           "upstreams: {web: {endpoints: [" +
           list + "], " + upstream + (timed ? "" : ", connect_timeout: 15s") +
           "}}\nroutes: [{match: {path_prefix: /}, upstream: web" + route + "}]\n";
  }
  // Sends requests, which are all answered, until `gateway` has counted such a handshake.
  void PostUntilCounted(const std::string& address, const GatewayProcess& gateway,
                        const char* metric, const char* result) {
    EXPECT_TRUE(Eventually([&] {
      RawClient client(address);
      const Message answer =
          client.Exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
      EXPECT_EQ(answer.body, "hello") << answer.head << answer.body;
      return HasFailure() || gateway.Scrape().Value(metric, {{"result", result}}) >= 1;
    }));
  }
  // The same word is in the answer, in the log and in the metric.
  void ExpectWord(const GatewayProcess& gateway, const Message& answer, const std::string& word) {
    EXPECT_EQ(answer.Status(), 502);
    EXPECT_NE(answer.body.find("reason: tls_failed\ndetail: " + word + ": "), std::string::npos)
        << answer.body;
    EXPECT_TRUE(Eventually([&] {
      return gateway.Stdout().find("\"detail\":\"" + word + "\"") != std::string::npos;
    })) << gateway.Stdout();
    gateway.AwaitMetricAtLeast("holdfast_upstream_tls_handshakes_total",
                               {{"upstream", "web"}, {"result", word}}, 1);
  }

  Files files_;
  const std::string ca_ = files_.Authority();
  const std::string believes_ = "tls: {ca: " + ca_ + ", server_name: a.test}";
  const std::string site_ = files_.Keyed("a", pool::SiteFor({"a.test"}));
};

TEST_F(TlsUpstreamTest, TheWordOfAFailedHandshakeIsToldEverywhere) {
  const Issued other = pool::SelfSigned({.names = {"dns:other.test"}, .authority = true});
  const std::string stranger = files_.Write("other.pem", other.chain().pem);
  const std::string expired = files_.Keyed(
      "old", pool::IssuedBy(pool::TestAuthority(),
                            {.names = {"dns:a.test"}, .begins_in_days = -30, .ends_in_days = -1}));
  GatewayProcess good(Listener("certificates: [{" + site_ + "}]") + kHello);
  GatewayProcess old(Listener("certificates: [{" + expired + "}]") + kHello);
  struct Case {
    const GatewayProcess& upstream;
    std::string tls;
    std::string word;
  };
  const Case cases[] = {
      {good, "tls: {ca: " + ca_ + ", server_name: b.test}", "tls_name_mismatch"},
      {good, "tls: {ca: " + stranger + ", server_name: a.test}", "tls_unknown_ca"},
      {old, believes_, "tls_expired"},
  };
  for (const Case& one : cases) {
    GatewayProcess gateway(Before({one.upstream.address()}, one.tls));
    RawClient client(gateway.address());
    ExpectWord(gateway, client.Get("/"), one.word);
    const MetricsScrape scrape = gateway.Scrape();
    EXPECT_EQ(scrape.Value("holdfast_upstream_tls_handshakes_total", {{"result", one.word}}), 1)
        << "it would fail again in the same way";
  }
}

TEST_F(TlsUpstreamTest, HandshakesAreTimedAndTheirSessionsCounted) {
  GatewayProcess good(Listener("certificates: [{" + site_ + "}]") + kHello);
  GatewayProcess gateway(Before({good.address()}, believes_ + ", max_idle: 0"));
  RawClient client(gateway.address());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.Get("/").body, "hello");
  const Labels web = {{"upstream", "web"}};
  gateway.AwaitMetric("holdfast_upstream_tls_handshake_seconds_count", web, 3);
  gateway.AwaitMetric("holdfast_upstream_tls_sessions_total",
                      {{"upstream", "web"}, {"version", "TLSv1.3"}}, 3);
  gateway.AwaitMetricAtLeast("holdfast_upstream_tls_sessions_total",
                             {{"upstream", "web"}, {"session", "resumed"}}, 1);
}

TEST_F(TlsUpstreamTest, AnotherEndpointIsAsked) {
  const std::string other = files_.Keyed("b", pool::SiteFor({"b.test"}));
  GatewayProcess good(Listener("certificates: [{" + site_ + "}]") + kHello);
  GatewayProcess wrong(Listener("certificates: [{" + other + "}]") + kHello);
  GatewayProcess gateway(
      Before({wrong.address(), good.address()}, believes_ + ", balance: round_robin"));
  PostUntilCounted(gateway.address(), gateway, "holdfast_upstream_tls_handshakes_total",
                   "tls_name_mismatch");
}

TEST_F(TlsUpstreamTest, OneThatSpeaksPlainIsSaidTo) {
  ScriptedUpstream plain;
  GatewayProcess gateway(Before({plain.address()}, believes_));
  RawClient client(gateway.address());
  client.Send(GetRequest("/"));
  UpstreamConnection connection = plain.Accept();
  connection.ReadBytes(5);
  connection.Send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  ExpectWord(gateway, client.Response(), "tls_upstream_speaks_plain");
}

TEST_F(TlsUpstreamTest, OneThatSpeaksTlsToPlainRequestsIsSaidTo) {
  ScriptedUpstream tls;
  GatewayProcess gateway(Before({tls.address()}, "balance: round_robin"));
  RawClient client(gateway.address());
  client.Send(GetRequest("/"));
  UpstreamConnection connection = tls.Accept();
  connection.Request();
  // What OpenSSL answers to plain HTTP: a fatal alert.
  connection.Send(std::string_view("\x15\x03\x03\x00\x02\x02\x46", 7));
  const Message answer = client.Response();
  EXPECT_EQ(answer.Status(), 502);
  EXPECT_NE(answer.body.find("reason: upstream_bad_response\ndetail: looks_like_tls: "),
            std::string::npos)
      << answer.body;
  EXPECT_TRUE(Eventually([&] {
    return gateway.Stdout().find("\"refusal\":\"looks_like_tls\"") != std::string::npos;
  })) << gateway.Stdout();
}

TEST_F(TlsUpstreamTest, OneThatDoesNotAnswerTheHandshakeTimesOut) {
  ScriptedUpstream silent;
  GatewayProcess gateway(Before({silent.address()}, believes_ + ", connect_timeout: 200ms"));
  RawClient client(gateway.address());
  client.Send(GetRequest("/"));
  UpstreamConnection connection = silent.Accept();
  connection.ReadBytes(5);
  const Message answer = client.Response();
  EXPECT_EQ(answer.Status(), 504);
  EXPECT_NE(answer.body.find("reason: tls_handshake_timeout\n"), std::string::npos) << answer.body;
  gateway.AwaitMetricAtLeast("holdfast_upstream_tls_handshakes_total",
                             {{"upstream", "web"}, {"result", "tls_handshake_timeout"}}, 1);
  EXPECT_TRUE(Eventually([&] {
    return gateway.Stdout().find("\"reason\":\"tls_handshake_timeout\"") != std::string::npos;
  })) << gateway.Stdout();
}

// In TLS 1.3 whoever shows no certificate learns after the handshake that one was needed.
class RefusedLateTest : public TlsUpstreamTest {
 protected:
  GatewayProcess strict_{
      Listener("certificates: [{" + site_ + "}], client_auth: {mode: required, ca: " + ca_ + "}") +
      kHello};
};

TEST_F(RefusedLateTest, IsToldWithItsWordAndNotTriedAgain) {
  GatewayProcess gateway(Before({strict_.address()}, believes_));
  RawClient client(gateway.address());
  const Message answer = client.Get("/");
  EXPECT_EQ(answer.Status(), 502);
  EXPECT_NE(answer.body.find("reason: tls_failed\ndetail: tls_client_certificate_required: "),
            std::string::npos)
      << answer.body;
  EXPECT_TRUE(Eventually([&] {
    return gateway.Stdout().find("\"detail\":\"tls_client_certificate_required\"") !=
           std::string::npos;
  })) << gateway.Stdout();
  strict_.AwaitMetric("holdfast_client_tls_handshakes_total",
                      {{"result", "tls_client_certificate_required"}}, 1);
}

// A POST, too: whoever has let nobody in has read nothing.
TEST_F(RefusedLateTest, AnotherEndpointIsAsked) {
  GatewayProcess good(Listener("certificates: [{" + site_ + "}]") + kHello);
  GatewayProcess gateway(
      Before({strict_.address(), good.address()}, believes_ + ", balance: round_robin"));
  PostUntilCounted(gateway.address(), strict_, "holdfast_client_tls_handshakes_total",
                   "tls_client_certificate_required");
}

TEST_F(TlsUpstreamTest, AHealthCheckSaysOverWhatItFailed) {
  const Issued other = pool::SelfSigned({.names = {"dns:other.test"}, .authority = true});
  const std::string stranger = files_.Write("other.pem", other.chain().pem);
  GatewayProcess good(Listener("certificates: [{" + site_ + "}]") + kHello);
  GatewayProcess strict(
      Listener("certificates: [{" + site_ + "}], client_auth: {mode: required, ca: " + ca_ + "}") +
      kHello);
  ScriptedUpstream silent;
  struct Case {
    std::string endpoint;
    std::string tls;
    std::string word;
    std::string time = "4s";  // for a check, and from one to the next
  };
  const Case cases[] = {
      {good.address(), "tls: {ca: " + stranger + ", server_name: a.test}", "tls_unknown_ca"},
      {strict.address(), believes_, "tls_client_certificate_required"},
      {silent.address(), believes_, "tls_handshake_timeout", "50ms"},
  };
  for (const Case& one : cases) {
    const std::string check =
        ", health_check: {interval: " + one.time + ", timeout: " + one.time + ", fall: 1}";
    GatewayProcess gateway(Before({one.endpoint}, one.tls + check));
    EXPECT_TRUE(gateway.AwaitStderr("check: " + one.word + ", 1 in a row")) << gateway.Stderr();
    gateway.AwaitMetricAtLeast("holdfast_health_checks_total",
                               {{"upstream", "web"}, {"result", "tls_failed"}}, 1);
  }
}

}  // namespace
}  // namespace holdfast::support
