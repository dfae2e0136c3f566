// The PROXY protocol with other people's programs: HAProxy and curl before the gateway.

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/pool/tls/support/test_certificates.h"
#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/scripted_upstream.h"
#include "tests/support/subprocess.h"
#include "tests/support/temp_dir.h"

namespace holdfast::support {
namespace {

std::string PortOf(const std::string& address) { return address.substr(address.rfind(':') + 1); }

// HAProxy in the foreground.
class Haproxy {
 public:
  // Passes connections to address() on to this server.
  explicit Haproxy(const std::string& server)
      : Haproxy("", "mode tcp\n  default_backend b\nbackend b\n  mode tcp\n  server s " + server) {}
  // With these words behind its bind, and these lines in its frontend.
  Haproxy(const std::string& bind, const std::string& frontend) {
    const std::string config =
        dir_.Write("haproxy.cfg",
                   "defaults\n  timeout connect 5s\n  timeout client 20s\n  timeout server 20s\n"
                   "frontend f\n  bind " +
                       address_ + " " + bind + "\n  " + frontend + "\n");
    process_ = std::make_unique<Subprocess>(
        std::vector<std::string>{"/usr/sbin/haproxy", "-db", "-f", config});
    EXPECT_TRUE(Eventually([&] { return process_->Poll().has_value() || Accepts(address_); }));
    EXPECT_FALSE(process_->Poll().has_value()) << process_->Stderr();
  }

  const std::string& address() const { return address_; }

 private:
  TempDir dir_;
  std::string address_ = UnusedAddress();
  std::unique_ptr<Subprocess> process_;
};

// From another address of this machine than a proxy has.
Finished CurlFrom(const std::string& source, std::vector<std::string> arguments) {
  std::vector<std::string> all = {"curl", "--silent",    "--show-error", "--max-time",
                                  "20",   "--interface", source};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return RunProgram(all, 2 * kPatience);
}

// Answers with what it was told of the client.
AutoUpstream::Reply TellClient(const Message& request) {
  return {.bytes = OkResponse(request.Value("X-Forwarded-For") + " " +
                              request.Value("X-Forwarded-Proto"))};
}

struct Origin {
  AutoUpstream upstream{TellClient};
  GatewayConfig Config(const std::string& from) const {
    return {.endpoints = {upstream.address()},
            .listener = "proxy_protocol: {from: [" + from + "]}"};
  }
};

TEST(RealProxyProtocolTest, HaproxySaysWhoTheClientIs) {
  for (const std::string version : {"send-proxy", "send-proxy-v2"}) {
    Origin origin;
    GatewayProcess gateway(origin.Config("127.0.0.1"));
    Haproxy haproxy(gateway.address() + " " + version);
    const std::string url = "http://" + haproxy.address() + "/";
    const Finished done = CurlFrom("127.0.0.9", {url, url});
    EXPECT_EQ(done.code, 0) << done.err;
    EXPECT_EQ(done.out, "127.0.0.9 http127.0.0.9 http") << version;
  }
}

// Its own checks are LOCAL, which is nobody's request.
TEST(RealProxyProtocolTest, HaproxysChecksArePassed) {
  Origin origin;
  GatewayProcess gateway(origin.Config("127.0.0.1"));
  Haproxy haproxy(gateway.address() + " send-proxy-v2 check inter 100ms");
  EXPECT_TRUE(Eventually([&] {
    return gateway.Scrape().Value("holdfast_client_connections_accepted_total",
                                  {{"listener", "edge"}}) >= 3;
  }));
  EXPECT_EQ(CurlFrom("127.0.0.9", {"http://" + haproxy.address() + "/"}).out, "127.0.0.9 http");
  for (const std::string reason : {"proxy_malformed", "proxy_refused", "proxy_timeout"}) {
    EXPECT_EQ(
        gateway.Scrape().Value("holdfast_client_connections_closed_total", {{"reason", reason}}), 0)
        << reason;
  }
}

TEST(RealProxyProtocolTest, CurlAnnouncesItself) {
  Origin origin;
  GatewayProcess gateway(origin.Config("127.0.0.8/30"));
  const std::string url = "http://" + gateway.address() + "/";
  EXPECT_EQ(CurlFrom("127.0.0.9", {"--haproxy-protocol", url}).out, "127.0.0.9 http");
  EXPECT_NE(CurlFrom("127.0.0.9", {url}).code, 0) << "without a header";
  gateway.AwaitMetric("holdfast_client_connections_closed_total",
                      {{"listener", "edge"}, {"reason", "proxy_malformed"}}, 1);
  EXPECT_NE(CurlFrom("127.0.0.7", {"--haproxy-protocol", url}).code, 0) << "from elsewhere";
  gateway.AwaitMetric("holdfast_client_connections_closed_total",
                      {{"listener", "edge"}, {"reason", "proxy_refused"}}, 1);
  EXPECT_EQ(origin.upstream.requests(), 1);
}

TEST(RealProxyProtocolTest, TheHeaderComesBeforeTls) {
  TempDir files;
  const pool::Issued site = pool::SiteFor({"a.test"});
  const std::string cert = files.Write("a.pem", site.chain().pem);
  const std::string key = files.Write("a.key", site.key_file().pem);
  const std::string ca = files.Write("ca.pem", pool::TestAuthority().chain().pem);
  Origin origin;
  GatewayConfig config = origin.Config("127.0.0.0/8");
  config.listener += ", tls: {certificates: [{cert: " + cert + ", key: " + key + "}]}";
  GatewayProcess gateway(config);
  const auto ask = [&](const std::string& address, std::vector<std::string> more) {
    more.insert(more.end(),
                {"--cacert", ca, "--resolve", "a.test:" + PortOf(address) + ":127.0.0.1",
                 "https://a.test:" + PortOf(address) + "/"});
    return CurlFrom("127.0.0.9", more);
  };
  const Finished direct = ask(gateway.address(), {"--haproxy-protocol"});
  EXPECT_EQ(direct.out, "127.0.0.9 https") << direct.err;
  for (const std::string version : {"send-proxy", "send-proxy-v2"}) {
    Haproxy haproxy(gateway.address() + " " + version);
    const Finished done = ask(haproxy.address(), {});
    EXPECT_EQ(done.out, "127.0.0.9 https") << version << done.err;
  }
}

// An upstream that tells from whom its connections are.
const std::string kTellSource =
    "mode http\n  http-request return status 200 content-type text/plain "
    "lf-string \"%[src] %[dst_port] %[fc_rcvd_proxy] \"";

TEST(RealProxyProtocolTest, HaproxyIsToldWhoTheClientIs) {
  for (const std::string version : {"v1", "v2"}) {
    Haproxy haproxy("accept-proxy", kTellSource);
    GatewayProcess gateway(
        GatewayConfig{.endpoints = {haproxy.address()}, .upstream = "proxy_protocol: " + version});
    const std::string url = "http://" + gateway.address() + "/";
    const std::string port = PortOf(gateway.address());
    for (const std::string source : {"127.0.0.9", "127.0.0.10"}) {
      const Finished done = CurlFrom(source, {url, url});
      EXPECT_EQ(done.out, source + " " + port + " 1 " + source + " " + port + " 1 ")
          << version << done.err;
    }
    EXPECT_EQ(
        gateway.Scrape().Value("holdfast_upstream_connections_opened_total", {{"upstream", "web"}}),
        2)
        << "one for each client";
    gateway.AwaitMetric("holdfast_upstream_connections", {{"upstream", "web"}}, 0);
  }
}

// The header of one proxy is passed on to the next.
TEST(RealProxyProtocolTest, AChainOfProxiesKeepsTheClient) {
  Haproxy last("accept-proxy", kTellSource);
  GatewayProcess gateway(GatewayConfig{.endpoints = {last.address()},
                                       .listener = "proxy_protocol: {from: [127.0.0.1]}",
                                       .upstream = "proxy_protocol: v2"});
  Haproxy first(gateway.address() + " send-proxy-v2");
  EXPECT_EQ(CurlFrom("127.0.0.9", {"http://" + first.address() + "/"}).out,
            "127.0.0.9 " + PortOf(first.address()) + " 1 ");
}

TEST(RealProxyProtocolTest, WhomATrustedProxySpeaksForIsTold) {
  Haproxy haproxy("accept-proxy", kTellSource);
  GatewayProcess gateway(GatewayConfig{.endpoints = {haproxy.address()},
                                       .listener = "trusted_proxies: [127.0.0.9]",
                                       .upstream = "proxy_protocol: v1"});
  const std::string url = "http://" + gateway.address() + "/";
  const std::string port = PortOf(gateway.address());
  const auto ask = [&](const std::string& source) {
    return CurlFrom(source,
                    {"--header", "X-Forwarded-For: 203.0.113.7", url, "--next", "--silent",
                     "--header", "X-Forwarded-For: 203.0.113.8", "--interface", source, url})
        .out;
  };
  EXPECT_EQ(ask("127.0.0.9"), "203.0.113.7 " + port + " 1 203.0.113.8 " + port + " 1 ");
  EXPECT_EQ(ask("127.0.0.10"), "127.0.0.10 " + port + " 1 127.0.0.10 " + port + " 1 ");
}

TEST(RealProxyProtocolTest, TheHeaderComesBeforeTlsToTheUpstream) {
  TempDir files;
  const pool::Issued site = pool::SiteFor({"a.test"});
  const std::string both = files.Write("both.pem", site.chain().pem + site.key_file().pem);
  const std::string ca = files.Write("ca.pem", pool::TestAuthority().chain().pem);
  Haproxy haproxy("accept-proxy ssl crt " + both, kTellSource);
  GatewayProcess gateway(
      GatewayConfig{.endpoints = {haproxy.address()},
                    .upstream = "proxy_protocol: v2, health_check: {interval: 2s, timeout: "
                                "2s, path: /}, tls: {ca: " +
                                ca + ", server_name: a.test}"});
  const std::string url = "http://" + gateway.address() + "/";
  const std::string port = PortOf(gateway.address());
  const Finished done = CurlFrom("127.0.0.9", {url, url});
  EXPECT_EQ(done.out, "127.0.0.9 " + port + " 1 127.0.0.9 " + port + " 1 ") << done.err;
  gateway.AwaitMetricAtLeast("holdfast_health_checks_total",
                             {{"upstream", "web"}, {"result", "ok"}}, 2);
}

}  // namespace
}  // namespace holdfast::support
