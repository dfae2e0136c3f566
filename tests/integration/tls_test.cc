// TLS on both sides, with curl as the client and a second gateway as the upstream.

#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/integration/tls_edge.h"
#include "tests/pool/tls/support/test_certificates.h"
#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/subprocess.h"
#include "tests/support/temp_dir.h"

namespace holdfast::support {
namespace {

using pool::Issued;

TEST(TlsTest, AClientIsServedByTheCertificateOfTheNameItAsksFor) {
  Files files;
  const std::string a = files.Keyed("a", pool::SiteFor({"a.test"}));
  const std::string b = files.Keyed("b", pool::SiteFor({"*.b.test"}));
  GatewayProcess gateway(Listener("certificates: [{" + a + "}, {" + b + "}]") + kHello);
  const std::string ca = files.Authority();
  for (const std::string host : {"a.test", "www.b.test"}) {
    const Finished done = Curl(gateway, host, {"--cacert", ca});
    EXPECT_EQ(done.code, 0) << host << done.err;
    EXPECT_EQ(done.out, "hello") << host;
  }
  EXPECT_EQ(Curl(gateway, "x.www.b.test", {"--cacert", ca}).code, 60) << "one label only";
  EXPECT_EQ(Curl(gateway, "a.test", {}).code, 60) << "nobody else trusts the test's authority";
  gateway.AwaitMetric("holdfast_client_tls_handshakes_total",
                      {{"listener", "edge"}, {"result", "ok"}}, 3);
}

TEST(TlsTest, OneConnectionIsUsedForAllRequests) {
  Files files;
  GatewayProcess gateway(
      Listener("certificates: [{" + files.Keyed("a", pool::SiteFor({"a.test"})) + "}]") + kHello);
  const std::string port = gateway.address().substr(gateway.address().rfind(':') + 1);
  const std::string url = "https://a.test:" + port + "/";
  const Finished done =
      RunProgram({"curl", "--silent", "--show-error", "--max-time", "20", "--cacert",
                  files.Authority(), "--resolve", "a.test:" + port + ":127.0.0.1", "--write-out",
                  " %{num_connects}\n", url, url, url},
                 {}, 2 * kPatience);
  EXPECT_EQ(done.out, "hello 1\nhello 0\nhello 0\n") << done.err;
}

TEST(TlsTest, UploadsAndDownloadsArrive) {
  Files files;
  AutoUpstream upstream{[](const Message& request) {
    return AutoUpstream::Reply{.bytes = OkResponse(request.body)};
  }};
  GatewayProcess gateway(
      Listener("certificates: [{" + files.Keyed("a", pool::SiteFor({"a.test"})) + "}]") +
      "upstreams: {web: {endpoints: [\"" + upstream.address() +
      "\"]}}\nroutes: [{match: {path_prefix: /}, upstream: web}]\n");
  const std::string body = Pattern(3'000'000);
  const std::string file = files.Write("body", body);
  const Finished done =
      Curl(gateway, "a.test", {"--cacert", files.Authority(), "--data-binary", "@" + file});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_TRUE(done.out == body);
}

// RFC 6066 section 4: some clients have no room for whole records.
TEST(TlsTest, RecordsAreAsShortAsAClientAsks) {
  Files files;
  const std::string body = Pattern(300'000);
  AutoUpstream upstream(body);
  GatewayProcess gateway(
      Listener("certificates: [{" + files.Keyed("a", pool::SiteFor({"a.test"})) + "}]") +
      "upstreams: {web: {endpoints: [\"" + upstream.address() +
      "\"]}}\nroutes: [{upstream: web}]\n");
  const std::string request =
      files.Write("request", "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
  for (const char* const version : {"-tls1_3", "-tls1_2"}) {
    for (const char* const bytes : {"512", "1024", "2048", "4096"}) {
      const Finished done =
          RunProgram({"openssl", "s_client", "-quiet", version, "-maxfraglen", bytes, "-connect",
                      gateway.address(), "-servername", "a.test"},
                     {.stdin_path = request}, 2 * kPatience);
      EXPECT_TRUE(done.out.ends_with(body)) << version << " " << bytes << ": " << done.out.size();
    }
  }
}

// Without close_notify it would look as if somebody had cut it off.
TEST(TlsTest, AResponseThatEndsWithItsConnectionEndsInOrder) {
  Files files;
  AutoUpstream upstream{[](const Message&) {
    return AutoUpstream::Reply{
        .bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n"};
  }};
  GatewayProcess gateway(
      Listener("certificates: [{" + files.Keyed("a", pool::SiteFor({"a.test"})) + "}]") +
      "upstreams: {web: {endpoints: [\"" + upstream.address() +
      "\"]}}\nroutes: [{match: {path_prefix: /}, upstream: web}]\n");
  const Finished done = Curl(gateway, "a.test", {"--cacert", files.Authority(), "--http1.0"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(done.out, "whole");
}

TEST(TlsTest, TheUpstreamIsToldThatTheClientUsedHttps) {
  Files files;
  AutoUpstream upstream{[](const Message& request) {
    return AutoUpstream::Reply{.bytes = OkResponse(request.Value("x-forwarded-proto"))};
  }};
  GatewayProcess gateway(
      Listener("certificates: [{" + files.Keyed("a", pool::SiteFor({"a.test"})) + "}]") +
      "upstreams: {web: {endpoints: [\"" + upstream.address() +
      "\"]}}\nroutes: [{match: {path_prefix: /}, upstream: web}]\n");
  EXPECT_EQ(Curl(gateway, "a.test", {"--cacert", files.Authority()}).out, "https");
}

TEST(TlsTest, PlainHttpIsToldWhereItWent) {
  Files files;
  GatewayProcess gateway(
      Listener("certificates: [{" + files.Keyed("a", pool::SiteFor({"a.test"})) + "}]") + kHello);
  RawClient client(gateway.address());
  const Message answer = client.Get("/");
  EXPECT_EQ(answer.Status(), 400);
  EXPECT_NE(answer.body.find("plain_http_on_tls"), std::string::npos) << answer.body;
  gateway.AwaitMetric("holdfast_client_tls_handshakes_total",
                      {{"listener", "edge"}, {"result", "plain_http_on_tls"}}, 1);
}

// To close over what it still sends would take the answer away from it.
TEST(TlsTest, PlainHttpIsToldEvenWhileItStillSends) {
  Files files;
  GatewayProcess gateway(
      Listener("certificates: [{" + files.Keyed("a", pool::SiteFor({"a.test"})) + "}]") + kHello);
  const std::string body(4'000'000, 'x');
  const std::string request =
      "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: " + std::to_string(body.size()) +
      "\r\n\r\n" + body;
  // It is heard out for 2 s; a client that was kept from running for most of them tries again.
  for (int tries = 0; tries < 5; ++tries) {
    const Deadline in_time(std::chrono::seconds(1));
    RawClient client(gateway.address());
    const bool sent = client.SendIfWanted(request);
    if (in_time.passed() && tries < 4) continue;
    EXPECT_TRUE(sent);
    const Message answer = client.Response("POST");
    EXPECT_EQ(answer.Status(), 400);
    EXPECT_NE(answer.body.find("plain_http_on_tls"), std::string::npos) << answer.body;
    return;
  }
}

TEST(TlsTest, AProxyHeaderThatNobodyExpectsIsTold) {
  Files files;
  GatewayProcess gateway(
      Listener("certificates: [{" + files.Keyed("a", pool::SiteFor({"a.test"})) + "}]") + kHello);
  RawClient client(gateway.address());
  client.Send("PROXY TCP4 192.0.2.1 192.0.2.2 4711 443\r\n");
  gateway.AwaitMetric("holdfast_client_tls_handshakes_total",
                      {{"listener", "edge"}, {"result", "proxy_header_on_tls"}}, 1);
}

TEST(TlsTest, WhoMustShowACertificateIsRefusedWithoutOne) {
  Files files;
  const Issued client = pool::IssuedBy(pool::TestAuthority(), {.names = {"dns:client.test"}});
  const std::string ca = files.Authority();
  GatewayProcess gateway(Listener("certificates: [{" + files.Keyed("a", pool::SiteFor({"a.test"})) +
                                  "}], client_auth: {mode: required, ca: " + ca + "}") +
                         kHello);
  EXPECT_NE(Curl(gateway, "a.test", {"--cacert", ca}).code, 0);
  files.Keyed("client", client);
  const Finished done =
      Curl(gateway, "a.test",
           {"--cacert", ca, "--cert", files.Path("client.pem"), "--key", files.Path("client.key")});
  EXPECT_EQ(done.out, "hello") << done.err;
  gateway.AwaitMetric("holdfast_client_tls_handshakes_total",
                      {{"listener", "edge"}, {"result", "tls_client_certificate_required"}}, 1);
}

// A client that was let in for one name is not let in for another, whose clients show certificates.
TEST(TlsTest, AHostWithAnotherPolicyIsMisdirected) {
  Files files;
  const std::string ca = files.Authority();
  const std::string open = files.Keyed("open", pool::SiteFor({"open.test"}));
  const std::string closed = files.Keyed("closed", pool::SiteFor({"closed.test"}));
  GatewayProcess gateway(Listener("certificates: [{" + open + "}, {" + closed +
                                  ", client_auth: {mode: required, ca: " + ca + "}}]") +
                         kHello);
  const Finished other =
      Curl(gateway, "open.test",
           {"--cacert", ca, "--header", "Host: closed.test", "--write-out", " %{http_code}"});
  EXPECT_TRUE(other.out.ends_with(" 421")) << other.out;
  EXPECT_NE(other.out.find("misdirected"), std::string::npos) << other.out;
  EXPECT_EQ(Curl(gateway, "open.test", {"--cacert", ca}).out, "hello");
}

// An upstream that is a gateway with TLS.
class UpstreamTlsTest : public testing::Test {
 protected:
  std::string Before(const std::string& tls) const {
    return "workers: 1\nstatus: {bind: \"127.0.0.1:0\"}\naccess_log: off\ndrain: {delay: 0s, "
           "timeout: 1s}\n"
           "listeners: [{name: edge, bind: \"127.0.0.1:0\"}]\n"
           "upstreams: {web: {endpoints: [\"" +
           upstream_.address() + "\"], connect_timeout: 15s, tls: {" + tls +
           "}}}\nroutes: [{match: {path_prefix: /}, upstream: web}]\n";
  }
  // The answer of a gateway with these settings, and its handshakes that ended like this.
  Message Answer(const std::string& tls, const std::string& result, double count) {
    GatewayProcess gateway(Before(tls));
    RawClient client(gateway.address());
    const Message answer = client.Get("/");
    gateway.AwaitMetricAtLeast("holdfast_upstream_tls_handshakes_total",
                               {{"upstream", "web"}, {"result", result}}, count);
    return answer;
  }

  Files files_;
  const std::string ca_ = files_.Authority();
  GatewayProcess upstream_{
      Listener("certificates: [{" + files_.Keyed("a", pool::SiteFor({"a.test"})) + "}]") + kHello};
};

TEST_F(UpstreamTlsTest, IsVerifiedAndKept) {
  GatewayProcess gateway(Before("ca: " + ca_ + ", server_name: a.test"));
  RawClient client(gateway.address());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(client.Get("/").body, "hello");
  gateway.AwaitMetric("holdfast_upstream_tls_handshakes_total",
                      {{"upstream", "web"}, {"result", "ok"}}, 1);
}

TEST_F(UpstreamTlsTest, AnotherNameIsRefused) {
  const Message answer = Answer("ca: " + ca_ + ", server_name: b.test", "tls_name_mismatch", 1);
  EXPECT_EQ(answer.Status(), 502);
  EXPECT_NE(answer.body.find("tls_failed"), std::string::npos) << answer.body;
}

TEST_F(UpstreamTlsTest, AnAuthorityThatNobodyKnowsIsRefused) {
  const Issued other = pool::SelfSigned({.names = {"dns:other.test"}, .authority = true});
  const std::string ca = files_.Write("other.pem", other.chain().pem);
  EXPECT_EQ(Answer("ca: " + ca + ", server_name: a.test", "tls_unknown_ca", 1).Status(), 502);
}

TEST_F(UpstreamTlsTest, NobodyIsVerifiedWhereThatIsOff) {
  EXPECT_EQ(Answer("verify: off", "ok", 1).body, "hello");
}

TEST_F(UpstreamTlsTest, AHealthCheckSpeaksItToo) {
  GatewayProcess gateway(
      "workers: 1\nstatus: {bind: \"127.0.0.1:0\"}\naccess_log: off\ndrain: {delay: 0s, timeout: "
      "1s}\n"
      "listeners: [{name: edge, bind: \"127.0.0.1:0\"}]\n"
      "upstreams: {web: {endpoints: [\"" +
      upstream_.address() + "\"], tls: {ca: " + ca_ +
      ", server_name: a.test}, health_check: {interval: 2s, timeout: 2s}}}\n"
      "routes: [{match: {path_prefix: /}, upstream: web}]\n");
  gateway.AwaitMetricAtLeast("holdfast_health_checks_total",
                             {{"upstream", "web"}, {"result", "ok"}}, 2);
}

TEST(TlsReloadTest, NewCertificatesAreUsedAndWrongOnesChangeNothing) {
  Files files;
  const auto config = [&](const std::string& certificate) {
    return Listener("certificates: [{" + certificate + "}]") + kHello;
  };
  const std::string a = files.Keyed("a", pool::SiteFor({"a.test"}));
  GatewayProcess gateway(config(a));
  const std::string ca = files.Authority();
  EXPECT_EQ(Curl(gateway, "a.test", {"--cacert", ca}).out, "hello");
  files.Write("a.pem", pool::SiteFor({"b.test"}).chain().pem);
  gateway.Reload(config(a));
  EXPECT_TRUE(gateway.AwaitStderr("reload failed"));
  EXPECT_TRUE(gateway.AwaitStderr("holdfast.yaml:5:")) << "where the key is named";
  EXPECT_EQ(Curl(gateway, "a.test", {"--cacert", ca}).out, "hello") << "key of another";
  files.Keyed("a", pool::SiteFor({"b.test"}));
  gateway.Reload(config(a));
  EXPECT_TRUE(Eventually([&] { return Curl(gateway, "b.test", {"--cacert", ca}).code == 0; }));
}

// As kubelet updates a volume; nobody sends a signal.
TEST(TlsReloadTest, AVolumeThatIsSwappedIsTakenIntoUse) {
  Files files;
  const auto version = [&](const std::string& name, const std::string& host) {
    mkdir(files.Path(name).c_str(), 0700);
    files.Keyed(name + "/tls", pool::SiteFor({host}));
    symlink(name.c_str(), files.Path("next").c_str());
    rename(files.Path("next").c_str(), files.Path("..data").c_str());
  };
  version("..1", "a.test");
  const std::string shown =
      "cert: " + files.Path("..data/tls.pem") + ", key: " + files.Path("..data/tls.key");
  GatewayProcess gateway(Listener("certificates: [{" + shown + "}]") + kHello);
  const std::string ca = files.Authority();
  EXPECT_EQ(Curl(gateway, "a.test", {"--cacert", ca}).out, "hello");
  version("..2", "b.test");
  EXPECT_TRUE(Eventually([&] { return Curl(gateway, "b.test", {"--cacert", ca}).code == 0; }));
  files.Write("..2/tls.key", "no key");
  EXPECT_TRUE(
      gateway.AwaitStderr("TLS files not taken into use, the old ones stay: listener edge"));
  EXPECT_EQ(Curl(gateway, "b.test", {"--cacert", ca}).out, "hello");
  gateway.AwaitMetric("holdfast_tls_file_reloads_total", {{"result", "failure"}}, 1);
}

TEST(TlsTest, PlainClientsAreLedToTheOtherScheme) {
  GatewayProcess gateway(
      "workers: 1\nstatus: off\naccess_log: off\ndrain: {delay: 0s, timeout: 1s}\n"
      "listeners: [{name: edge, bind: \"127.0.0.1:0\"}]\n"
      "routes: [{redirect: {scheme: https}}]\n");
  RawClient client(gateway.address());
  client.Send("GET /a?b HTTP/1.1\r\nHost: a.test:8080\r\n\r\n");
  const Message response = client.Response();
  EXPECT_EQ(response.Status(), 308);
  EXPECT_TRUE(response.HasLine("Location: https://a.test/a?b")) << response.head;
  client.Send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_NE(client.Response().body.find("no_host"), std::string::npos);
}

TEST(TlsCheckTest, TellsOfAKeyThatIsAnothers) {
  Files files;
  files.Keyed("a", pool::SiteFor({"a.test"}));
  files.Keyed("b", pool::SiteFor({"b.test"}));
  const std::string file =
      files.Write("holdfast.yaml", Listener("certificates: [{cert: " + files.Path("a.pem") +
                                            ", key: " + files.Path("b.key") + "}]") +
                                       kHello);
  const Finished started = RunProgram({GatewayBinary(), "run", "-c", file}, {}, kPatience);
  EXPECT_EQ(started.code, 2) << started.err;
  const Finished done = RunProgram({GatewayBinary(), "check", "-c", file}, {}, kPatience);
  EXPECT_EQ(done.code, 2) << done.err;
  for (const std::string& error : {started.err, done.err}) {
    EXPECT_NE(error.find("holdfast.yaml:5:"), std::string::npos) << error;
    EXPECT_NE(error.find(": error: listener edge: "), std::string::npos) << error;
    EXPECT_NE(error.find("b.key"), std::string::npos) << error;
  }
}

TEST(TlsCheckTest, WarnsOfHostsWithoutACertificate) {
  Files files;
  const std::string a = files.Keyed("a", pool::SiteFor({"a.test"}));
  const std::string file = files.Write(
      "holdfast.yaml",
      Listener("certificates: [{" + a + "}]") +
          "routes: [{match: {hosts: [b.test]}, respond: {status: 200, body: hello}}]\n");
  const Finished done = RunProgram({GatewayBinary(), "check", "-c", file}, {}, kPatience);
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_NE(done.err.find("no certificate is for b.test"), std::string::npos) << done.err;
}

}  // namespace
}  // namespace holdfast::support
