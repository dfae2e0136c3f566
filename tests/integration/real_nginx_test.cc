// nginx as the upstream.

#include <poll.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/integration/tls_edge.h"
#include "tests/pool/tls/support/test_certificates.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"
#include "tests/support/subprocess.h"
#include "tests/support/temp_dir.h"

namespace holdfast::support {
namespace {

// nginx in the foreground with a folder of its own, which it serves. `settings` are its server's,
// `listening` more of how that listens.
class Nginx {
 public:
  explicit Nginx(const std::string& settings, const std::string& listening = "") {
    dir_.Write("small.txt", "small\n");
    dir_.Write("large.txt", Pattern(100'000));
    const std::string listen = address_ + listening;
    const std::string config =
        dir_.Write("nginx.conf",
                   "user root;\ndaemon off;\nmaster_process off;\npid " + dir_.Path("pid") +
                       ";\nerror_log stderr;\n"
                       "events {}\nhttp {\n  access_log off;\n  default_type text/plain;\n"
                       "  client_body_temp_path " +
                       dir_.Path("body") +
                       ";\n"
                       "  proxy_temp_path " +
                       dir_.Path("proxy") +
                       ";\n"
                       "  fastcgi_temp_path " +
                       dir_.Path("fastcgi") +
                       ";\n"
                       "  uwsgi_temp_path " +
                       dir_.Path("uwsgi") +
                       ";\n"
                       "  scgi_temp_path " +
                       dir_.Path("scgi") +
                       ";\n"
                       "  server {\n    listen " +
                       listen + ";\n    root " + dir_.Path("") + ";\n" + settings + "\n  }\n}\n");
    process_ = std::make_unique<Subprocess>(
        std::vector<std::string>{"/usr/sbin/nginx", "-p", dir_.Path(""), "-c", config});
    EXPECT_TRUE(Eventually([&] { return process_->Poll().has_value() || Listens(); }));
    EXPECT_FALSE(process_->Poll().has_value())
        << "nginx did not start (Debian's nginx-light): " << process_->Stderr();
  }

  const std::string& address() const { return address_; }

 private:
  bool Listens() const {
    return RunProgram({"curl", "--silent", "--output", "/dev/null", "http://" + address_}).code ==
           0;
  }

  TempDir dir_;
  std::string address_ = UnusedAddress();
  std::unique_ptr<Subprocess> process_;
};

struct NginxHop {
  explicit NginxHop(const std::string& settings) : nginx(settings) {}
  Nginx nginx;
  GatewayProcess gateway{GatewayConfig{.endpoints = {nginx.address()}}};
  RawClient client{gateway.address()};
};

double Opened(const GatewayProcess& gateway) {
  return gateway.Scrape().Value("holdfast_upstream_connections_opened_total",
                                {{"upstream", "web"}});
}

TEST(NginxTest, StaticFilesOverOneConnection) {
  NginxHop hop("keepalive_timeout 60s;");
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(hop.client.Get("/small.txt").body, "small\n");
    EXPECT_TRUE(hop.client.Get("/large.txt").body == Pattern(100'000));
  }
  EXPECT_EQ(Opened(hop.gateway), 1);
}

TEST(NginxTest, ChunkedResponses) {
  NginxHop hop(
      "gzip on; gzip_min_length 1; gzip_types *; gzip_http_version 1.0; "
      "gzip_proxied any;");
  for (int i = 0; i < 3; ++i) {
    const Message response = hop.client.Get("/large.txt", "Accept-Encoding: gzip\r\n");
    EXPECT_TRUE(response.chunked) << response.head;
    EXPECT_TRUE(response.HasLine("Content-Encoding: gzip")) << response.head;
    EXPECT_LT(response.body.size(), 100'000u);
    RawClient direct(hop.nginx.address());
    EXPECT_TRUE(direct.Get("/large.txt", "Accept-Encoding: gzip\r\nVia: x\r\n").body ==
                response.body);
  }
  EXPECT_EQ(Opened(hop.gateway), 1);
}

TEST(NginxTest, HeadRangesAndConditions) {
  NginxHop hop("");
  const Message head = hop.client.Exchange("HEAD /large.txt HTTP/1.1\r\nHost: test\r\n\r\n");
  EXPECT_EQ(head.Value("content-length"), "100000");
  const Message range = hop.client.Get("/large.txt", "Range: bytes=10-19\r\n");
  EXPECT_EQ(range.Status(), 206);
  EXPECT_EQ(range.body, Pattern(100'000).substr(10, 10));
  const std::string tag = head.Value("etag");
  EXPECT_EQ(hop.client.Get("/large.txt", "If-None-Match: " + tag + "\r\n").Status(), 304);
  EXPECT_EQ(hop.client.Get("/small.txt").body, "small\n");
}

TEST(NginxTest, AClosingHabitAfterAFewRequestsIsNotSeen) {
  NginxHop hop("keepalive_requests 3;");
  for (int i = 0; i < 30; ++i) EXPECT_EQ(hop.client.Get("/small.txt").Status(), 200) << i;
  EXPECT_EQ(Opened(hop.gateway), 10);
}

// The pauses lie around the time after which nginx closes, so that some requests meet it.
TEST(NginxTest, AShortKeepAliveLosesNoRequest) {
  NginxHop hop("keepalive_timeout 100ms;");
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(hop.client.Get("/small.txt").Status(), 200) << i;
    poll(nullptr, 0, 80 + i);
  }
  EXPECT_GE(Opened(hop.gateway), 2);
}

TEST(NginxTest, UploadsArrive) {
  NginxHop hop("client_max_body_size 10m; location = /upload { return 200 \"$content_length\"; }");
  EXPECT_EQ(hop.client.Exchange(PostRequest("/upload", Pattern(300'000))).body, "300000");
  EXPECT_EQ(hop.client.Get("/small.txt").Status(), 200);
}

TEST(NginxTest, ItsErrorsPass) {
  NginxHop hop("client_max_body_size 1k;");
  EXPECT_EQ(hop.client.Get("/missing").Status(), 404);
  RawClient other(hop.gateway.address());
  other.Send(PostRequest("/small.txt", Pattern(300'000)));
  EXPECT_EQ(other.Response().Status(), 413);
}

// Over TLS, by ALPN; and its goodbyes after a few requests are not seen in either protocol.
TEST(NginxTest, AutoSpeaksWhatItOffers) {
  Files files;
  files.Keyed("a", pool::SiteFor({"a.test"}));
  const std::string tls = "ssl_certificate " + files.Path("a.pem") + "; ssl_certificate_key " +
                          files.Path("a.key") +
                          "; keepalive_requests 7; location = /protocol { return 200 "
                          "\"$server_protocol\"; }";
  for (const auto& [listening, protocol] :
       {std::pair{" ssl http2", "HTTP/2.0"}, std::pair{" ssl", "HTTP/1.1"}}) {
    Nginx nginx(tls, listening);
    GatewayProcess gateway(GatewayConfig{
        .endpoints = {nginx.address()},
        .upstream = "protocol: auto, tls: {ca: " + files.Authority() + ", server_name: a.test}"});
    RawClient client(gateway.address());
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ(client.Get("/protocol").body, protocol);
      EXPECT_TRUE(client.Get("/large.txt").body == Pattern(100'000));
    }
    EXPECT_EQ(Opened(gateway), 6);
  }
}

TEST(NginxTest, ManyClientsAtOnce) {
  NginxHop hop("");
  const Finished wrk =
      RunProgram({"wrk", "--threads", "1", "--connections", "32", "--duration", "1s", "--timeout",
                  "15s", "http://" + hop.gateway.address() + "/large.txt"},
                 2 * kPatience);
  EXPECT_EQ(wrk.code, 0) << wrk.err;
  EXPECT_EQ(wrk.out.find("Socket errors"), std::string::npos) << wrk.out;
  EXPECT_EQ(wrk.out.find("Non-2xx"), std::string::npos) << wrk.out;
}

}  // namespace
}  // namespace holdfast::support
