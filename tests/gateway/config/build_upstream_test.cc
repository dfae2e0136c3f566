#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "gateway/config/build.h"
#include "tests/gateway/config/load_testing.h"

namespace holdfast::config {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// One upstream "web" with these lines, indented by four, from line 5 on.
std::string WithUpstream(std::string_view lines) {
  return "listeners: [{bind: \"127.0.0.1:8080\"}]\n"
         "routes: [{upstream: web}]\n"
         "upstreams:\n"
         "  web:\n" +
         std::string(lines);
}

TEST(BuildUpstreamTest, ReadsEveryKey) {
  const Config config = Load(
      WithUpstream("    endpoints: [\"web:80\", {address: \"10.0.0.7:8080\"}, \"unix:/run/web\"]\n"
                   "    balance: round_robin\n"
                   "    max_connections: 10\n"
                   "    max_idle: 5\n"
                   "    idle_timeout: 30s\n"
                   "    max_connection_age: 10m\n"
                   "    connect_timeout: 500ms\n"
                   "    max_head_bytes: 64KiB\n"
                   "    max_header_fields: 200\n"
                   "    queue: {size: 7, timeout: 9s}\n"));
  ASSERT_EQ(config.upstreams.size(), 1u);
  const Upstream& web = config.upstreams[0];
  EXPECT_EQ(web.name, "web");
  ASSERT_EQ(web.endpoints.size(), 3u);
  EXPECT_EQ(web.endpoints[0].host, "web");
  EXPECT_EQ(web.endpoints[1].text, "10.0.0.7:8080");
  EXPECT_TRUE(web.endpoints[2].literal);
  EXPECT_EQ(web.cluster.balancing.policy, pool::BalancePolicy::kRoundRobin);
  EXPECT_EQ(web.cluster.pool.max_connections, 10u);
  EXPECT_EQ(web.cluster.pool.max_idle, 5u);
  EXPECT_FALSE(web.cluster.pool.idle_learned);
  EXPECT_EQ(web.cluster.pool.idle_timeout, seconds(30));
  EXPECT_EQ(web.cluster.pool.max_age, minutes(10));
  EXPECT_EQ(web.cluster.pool.connect_timeout, milliseconds(500));
  EXPECT_EQ(web.max_head_bytes, 64u << 10);
  EXPECT_EQ(web.max_header_fields, 200u);
  EXPECT_EQ(web.cluster.pool.queue_size, 7u);
  EXPECT_EQ(web.cluster.pool.queue_timeout, seconds(9));
}

TEST(BuildUpstreamTest, TakesOffAndAuto) {
  const Upstream off = Load(WithUpstream("    endpoints: [\"web:80\"]\n    max_connections: off\n"
                                         "    idle_timeout: off\n    max_connection_age: off\n"))
                           .upstreams[0];
  EXPECT_EQ(off.cluster.pool.max_connections, std::nullopt);
  EXPECT_FALSE(off.cluster.pool.idle_learned);
  EXPECT_EQ(off.cluster.pool.idle_timeout, std::nullopt);
  EXPECT_EQ(off.cluster.pool.max_age, std::nullopt);

  const Upstream automatic =
      Load(WithUpstream("    endpoints: [\"web:80\"]\n    idle_timeout: auto\n")).upstreams[0];
  EXPECT_TRUE(automatic.cluster.pool.idle_learned);
  EXPECT_EQ(automatic.cluster.pool.idle_timeout, seconds(4));
}

// With one endpoint, and these lines from line 6 on.
std::string WithKeys(std::string_view lines) {
  return WithUpstream("    endpoints: [\"a:1\"]\n" + std::string(lines));
}

// The errors alone, without the source lines.
std::string Errors(std::string_view text) {
  std::string errors;
  for (const Diagnostic& diagnostic : LoadConfig(text, "f.yaml").diagnostics) {
    errors += std::to_string(diagnostic.position.line) + ":" +
              std::to_string(diagnostic.position.column) + " " + diagnostic.message + "\n";
  }
  return errors;
}

TEST(BuildUpstreamTest, RefusesAnEndpointGivenTwice) {
  EXPECT_EQ(Complaints(WithUpstream("    endpoints: [\"a:1\", {address: \"a:1\"}]\n")),
            "f.yaml:5:34: error: endpoint 'a:1' is given twice; first at line 5\n"
            "      endpoints: [\"a:1\", {address: \"a:1\"}]\n"
            "                                   ^\n");
}

TEST(BuildUpstreamTest, WarnsOfOneThatIsNotUsed) {
  EXPECT_EQ(Complaints(WithUpstream("    endpoints: [\"a:1\"]\n  spare: {endpoints: [\"b:1\"]}\n")),
            "f.yaml:6:3: warning: upstream 'spare' is used by no route\n"
            "    spare: {endpoints: [\"b:1\"]}\n"
            "    ^\n");
}

TEST(BuildUpstreamTest, AnEndpointHasAWeightAndATier) {
  const Upstream web = Load(WithUpstream("    endpoints:\n"
                                         "      - a:1\n"
                                         "      - {address: \"a:2\", weight: 1000, backup: true}\n"
                                         "      - {srv: _http._tcp.web.svc, backup: true}\n"
                                         "      - {srv: _http._tcp.api.svc., backup: false}\n"))
                           .upstreams[0];
  ASSERT_EQ(web.endpoints.size(), 4u);
  EXPECT_EQ(web.endpoints[0].weight, 1u);
  EXPECT_FALSE(web.endpoints[0].backup);
  EXPECT_FALSE(web.endpoints[0].srv);
  EXPECT_EQ(web.endpoints[1].weight, 1000u);
  EXPECT_TRUE(web.endpoints[1].backup);
  EXPECT_TRUE(web.endpoints[2].srv);
  EXPECT_TRUE(web.endpoints[2].backup);
  EXPECT_EQ(web.endpoints[2].host, "_http._tcp.web.svc");
  EXPECT_EQ(web.endpoints[2].text, "_http._tcp.web.svc");
  EXPECT_EQ(web.endpoints[2].port, 0);
  EXPECT_FALSE(web.endpoints[2].literal);
  EXPECT_TRUE(web.endpoints[3].srv);
  EXPECT_FALSE(web.endpoints[3].backup);
}

TEST(BuildUpstreamTest, AnEndpointIsAnAddressOrAService) {
  EXPECT_EQ(Errors(WithUpstream("    endpoints: [{weight: 2}]\n")),
            "5:17 expected one of address, srv; found none\n");
  EXPECT_EQ(Errors(WithUpstream("    endpoints: [{address: \"a:1\", srv: _a._tcp.b}]\n")),
            "5:17 expected one of address, srv; found both\n");
  EXPECT_EQ(Errors(WithUpstream("    endpoints: [{srv: _a._tcp.b, weight: 2}]\n")),
            "5:42 weight is only for endpoints with an address; SRV records bring weights\n");
  EXPECT_EQ(Errors(WithUpstream("    endpoints: [{srv: \"web.svc:80\"}]\n")),
            "5:23 expected the name of SRV records such as _http._tcp.web.default.svc, without a "
            "port; found 'web.svc:80'\n");
}

TEST(BuildUpstreamTest, RefusesWeightsOutOfRangeAndOtherTiers) {
  for (const char* weight : {"0", "1001", "-1", "2.5"}) {
    EXPECT_EQ(Errors(WithUpstream(
                  "    endpoints: [{address: \"a:1\", weight: " + std::string(weight) + "}]\n")),
              "5:42 expected a whole number from 1 to 1000; found '" + std::string(weight) + "'\n");
  }
  EXPECT_EQ(Errors(WithUpstream("    endpoints: [{address: \"a:1\", backup: yes}]\n")),
            "5:42 expected one of true, false; found 'yes'; did you mean 'true'?\n");
}

TEST(BuildUpstreamTest, NotEveryEndpointIsABackup) {
  EXPECT_EQ(Errors(WithUpstream("    endpoints: [{address: \"a:1\", backup: true}]\n")),
            "5:16 every endpoint is a backup; expected at least one that is not\n");
}

TEST(BuildUpstreamTest, KnowsEachBalance) {
  const std::pair<const char*, pool::BalancePolicy> words[] = {
      {"round_robin", pool::BalancePolicy::kRoundRobin},
      {"least_request", pool::BalancePolicy::kLeastRequest},
      {"random", pool::BalancePolicy::kRandom},
      {"ring_hash", pool::BalancePolicy::kRingHash},
      {"maglev", pool::BalancePolicy::kMaglev}};
  for (const auto& [word, balance] : words) {
    const Config config = Load(WithKeys("    balance: " + std::string(word) + "\n"));
    EXPECT_EQ(config.upstreams[0].cluster.balancing.policy, balance) << word;
  }
  EXPECT_EQ(Errors(WithKeys("    balance: magleev\n")),
            "6:14 expected a mapping such as {cookie: {name: backend}}, or round_robin, "
            "least_request, random, ring_hash, maglev; found 'magleev'; did you mean "
            "'maglev'?\n");
}

TEST(BuildUpstreamTest, ACookieLeadsBackToAnEndpoint) {
  const Upstream least =
      Load(WithKeys("    balance: {cookie: {}, policy: round_robin}\n")).upstreams[0];
  EXPECT_EQ(least.cluster.balancing.policy, pool::BalancePolicy::kRoundRobin);
  ASSERT_TRUE(least.cookie.has_value());
  EXPECT_EQ(least.cookie->name, "holdfast");
  EXPECT_EQ(least.cookie->ttl, std::nullopt);
  EXPECT_EQ(least.cookie->secure, StickyCookie::Secure::kAuto);
  EXPECT_TRUE(least.cookie->http_only);
  EXPECT_EQ(least.cookie->same_site, StickyCookie::SameSite::kLax);
  EXPECT_EQ(least.cookie->key, "");
  const Upstream all =
      Load(WithKeys("    balance: {cookie: {name: b, ttl: 1h, secure: true, http_only: false, "
                    "same_site: none, key: 0123456789abcdef0123456789abcdef}}\n"))
          .upstreams[0];
  EXPECT_EQ(all.cluster.balancing.policy, pool::BalancePolicy::kLeastRequest);
  ASSERT_TRUE(all.cookie.has_value());
  EXPECT_EQ(all.cookie->name, "b");
  EXPECT_EQ(all.cookie->ttl, std::chrono::hours(1));
  EXPECT_EQ(all.cookie->secure, StickyCookie::Secure::kAlways);
  EXPECT_FALSE(all.cookie->http_only);
  EXPECT_EQ(all.cookie->same_site, StickyCookie::SameSite::kNone);
  EXPECT_EQ(all.cookie->key.size(), 32u);
  for (const std::string_view none : {"maglev", "{policy: maglev}", "{cookie: off}", "{}"}) {
    const std::string keys = "    balance: " + std::string(none) + "\n";
    EXPECT_FALSE(Load(WithKeys(keys)).upstreams[0].cookie.has_value()) << none;
  }
}

TEST(BuildUpstreamTest, CookiesOfOneNameReplaceEachOther) {
  const auto complaints = [](std::string_view name) {
    return Complaints(
        "listeners: [{bind: \"127.0.0.1:1\"}]\nupstreams:\n"
        "  a: {endpoints: [\"127.0.0.1:2\"], balance: {cookie: {}}}\n"
        "  b: {endpoints: [\"127.0.0.1:3\"], balance: {cookie: {" +
        std::string(name) + "}}}\nroutes:\n  - {match: {path: /}, upstream: a}\n" +
        "  - upstream: b\n");
  };
  EXPECT_NE(complaints("").find("its cookie has the name of that of upstream 'a'"),
            std::string::npos);
  EXPECT_EQ(complaints("name: other"), "");
}

TEST(BuildUpstreamTest, WhatIsWrongWithACookie) {
  const auto errors = [](std::string_view keys) {
    return Errors(WithKeys("    balance: {cookie: {" + std::string(keys) + "}}\n"));
  };
  EXPECT_EQ(errors("name: a b"),
            "6:30 expected the name of a cookie such as backend; found 'a b'\n");
  EXPECT_EQ(errors("ttl: 500ms"),
            "6:29 expected a duration such as 250ms, 5s or 1h, from 1s to 400d, or off; found "
            "'500ms'\n");
  EXPECT_EQ(errors("secure: yes"),
            "6:32 expected one of auto, true, false; found 'yes'; did you mean "
            "'true'?\n");
  EXPECT_EQ(errors("same_site: laks"),
            "6:35 expected one of lax, strict, none, off; found 'laks'\n");
  EXPECT_EQ(errors("same_site: none, secure: false"),
            "6:35 same_site: browsers take none only with secure: true or auto\n");
  for (const std::string name : {"__Host-b", "__Secure-b", "__host-b", "__SECURE-"}) {
    EXPECT_EQ(errors("name: " + name + ", secure: false"),
              "6:30 name: browsers take one that begins so only with secure: true or auto\n");
    EXPECT_EQ(errors("name: " + name), "");
    EXPECT_EQ(errors("name: " + name + ", secure: true"), "");
  }
  EXPECT_EQ(errors("name: __Hosted, secure: false"), "");
  EXPECT_EQ(errors("key: short"),
            "6:29 expected a secret of 32 to 1024 bytes, such as `openssl rand -hex 32` prints, or "
            "{file: PATH}\n")
      << "and it is not shown";
  EXPECT_EQ(Errors(WithKeys("    balance: {policy: wheel}\n")),
            "6:23 expected one of round_robin, least_request, random, ring_hash, maglev; found "
            "'wheel'\n");
}

HashKey LoadHash(std::string_view hash) {
  return Load(WithKeys("    balance: maglev\n    hash: " + std::string(hash) + "\n"))
      .upstreams.at(0)
      .hash;
}

TEST(BuildUpstreamTest, HashesWhatItIsTold) {
  EXPECT_EQ(LoadHash("client_address").source, HashKey::Source::kClientAddress);
  EXPECT_EQ(LoadHash("path").source, HashKey::Source::kPath);
  const HashKey header = LoadHash("{header: X-User}");
  EXPECT_EQ(header.source, HashKey::Source::kHeader);
  EXPECT_EQ(header.name, "x-user");
  const HashKey cookie = LoadHash("{cookie: Session}");
  EXPECT_EQ(cookie.source, HashKey::Source::kCookie);
  EXPECT_EQ(cookie.name, "Session");
}

TEST(BuildUpstreamTest, RefusesAHashThatIsNoneOrSeveral) {
  constexpr std::string_view kBalance = "    balance: ring_hash\n    hash: ";
  EXPECT_EQ(Errors(WithKeys(std::string(kBalance) + "{}\n")),
            "7:11 expected one of header, cookie; found none\n");
  EXPECT_EQ(Errors(WithKeys(std::string(kBalance) + "{header: a, cookie: b}\n")),
            "7:11 expected one of header, cookie; found both\n");
  EXPECT_EQ(Errors(WithKeys(std::string(kBalance) + "{header: \"a b\"}\n")),
            "7:20 expected the name of a request header such as x-user; found 'a b'\n");
  EXPECT_EQ(Errors(WithKeys(std::string(kBalance) + "pth\n")),
            "7:11 expected a mapping such as {header: x-user} or {cookie: session}, or "
            "client_address, path; found 'pth'; did you mean 'path'?\n");
}

TEST(BuildUpstreamTest, OnlyAHashingBalanceHasAHash) {
  EXPECT_EQ(Errors(WithKeys("    hash: path\n")),
            "6:11 hash is only for balance: ring_hash and balance: maglev\n");
  EXPECT_EQ(Errors(WithKeys("    hash: {header: a}\n    balance: random\n")),
            "6:11 hash is only for balance: ring_hash and balance: maglev\n");
}

TEST(BuildUpstreamTest, ReadsTheHealthPolicies) {
  const Upstream web = Load(WithKeys("    slow_start: 30s\n"
                                     "    panic_threshold: 50%\n"
                                     "    max_requests: 1000\n"
                                     "    outlier: {consecutive_errors: 7, base_ejection: 1s,\n"
                                     "              max_ejection: 2s, max_ejected: 100%}\n"))
                           .upstreams[0];
  EXPECT_EQ(web.cluster.balancing.slow_start, seconds(30));
  EXPECT_EQ(web.cluster.balancing.panic_percent, 50u);
  EXPECT_EQ(web.cluster.pool.max_requests, 1000u);
  ASSERT_TRUE(web.cluster.outlier);
  EXPECT_EQ(web.cluster.outlier->consecutive_errors, 7u);
  EXPECT_EQ(web.cluster.outlier->base_time, seconds(1));
  EXPECT_EQ(web.cluster.outlier->max_time, seconds(2));
  EXPECT_EQ(web.cluster.outlier->max_percent, 100u);
}

TEST(BuildUpstreamTest, ReadsWhatItIsToldOfClients) {
  using http::ForwardedField;
  const Upstream web = Load(WithKeys("    proxy_protocol: v2\n"
                                     "    forwarded_headers: [forwarded, x_forwarded_port]\n"
                                     "    tcp: {keepalive: 2m, user_timeout: 30s}\n"))
                           .upstreams[0];
  EXPECT_EQ(web.cluster.proxy, pool::ProxyVersion::kV2);
  EXPECT_EQ(web.forwarded,
            (http::ForwardedFields{ForwardedField::kForwarded, ForwardedField::kPort}));
  EXPECT_EQ(web.cluster.pool.tcp.keepalive, seconds(120));
  EXPECT_EQ(web.cluster.pool.tcp.user_timeout, seconds(30));
  const Upstream usual = Load(WithKeys("    proxy_protocol: off\n")).upstreams[0];
  EXPECT_EQ(usual.cluster.proxy, pool::ProxyVersion::kNone);
  EXPECT_EQ(usual.forwarded, http::kUsualForwardedFields);
  EXPECT_EQ(Load(WithKeys("    forwarded_headers: []\n")).upstreams[0].forwarded,
            http::ForwardedFields());
  EXPECT_NE(Errors(WithKeys("    proxy_protocol: v3\n")), "");
  EXPECT_NE(Errors(WithKeys("    forwarded_headers: [via]\n")), "");
  EXPECT_NE(Errors(WithKeys("    tcp: {backlog: 7}\n")), "");
}

TEST(BuildUpstreamTest, ReadsWhichProtocolItSpeaks) {
  using pool::UpstreamProtocol;
  const Upstream web =
      Load(WithKeys("    protocol: h2\n    streams_per_connection: 7\n")).upstreams[0];
  EXPECT_EQ(web.cluster.protocol, UpstreamProtocol::kH2);
  EXPECT_EQ(web.cluster.pool.streams_per_connection, 7u);
  const Upstream usual = Load(WithKeys("")).upstreams[0];
  EXPECT_EQ(usual.cluster.protocol, UpstreamProtocol::kH1);
  EXPECT_EQ(usual.cluster.pool.streams_per_connection, 100u);
  EXPECT_NE(Errors(WithKeys("    protocol: http2\n")), "");
  EXPECT_NE(Errors(WithKeys("    streams_per_connection: 0\n")), "");
  EXPECT_NE(Errors(WithKeys("    streams_per_connection: off\n")), "");
}

TEST(BuildUpstreamTest, EachPolicyTakesOff) {
  const Upstream web =
      Load(
          WithKeys("    slow_start: off\n    max_requests: off\n    retry_budget: off\n"
                   "    health_check: off\n    outlier: off\n"
                   "    breakers: {connections: off, pending: off, requests: off, retries: off}\n"))
          .upstreams[0];
  EXPECT_EQ(web.cluster.balancing.slow_start, std::nullopt);
  EXPECT_EQ(web.cluster.pool.max_requests, std::nullopt);
  EXPECT_FALSE(web.cluster.retry_budget);
  EXPECT_FALSE(web.health_check);
  EXPECT_FALSE(web.cluster.outlier);
  EXPECT_EQ(web.cluster.breakers.connections, std::nullopt);
  EXPECT_EQ(web.cluster.breakers.pending, std::nullopt);
  EXPECT_EQ(web.cluster.breakers.requests, std::nullopt);
  EXPECT_EQ(web.cluster.breakers.retries, std::nullopt);
}

TEST(BuildUpstreamTest, ReadsTheLimits) {
  const Upstream web =
      Load(WithKeys("    breakers: {connections: 1, pending: 2, requests: 3, retries: 0}\n"
                    "    retry_budget: {percent: 0%, min: 0}\n"))
          .upstreams[0];
  EXPECT_EQ(web.cluster.breakers.connections, 1u);
  EXPECT_EQ(web.cluster.breakers.pending, 2u);
  EXPECT_EQ(web.cluster.breakers.requests, 3u);
  EXPECT_EQ(web.cluster.breakers.retries, 0u);
  ASSERT_TRUE(web.cluster.retry_budget);
  EXPECT_EQ(web.cluster.retry_budget->percent, 0u);
  EXPECT_EQ(web.cluster.retry_budget->min_retries, 0u);
  EXPECT_EQ(Errors(WithKeys("    breakers: {connections: 0}\n")),
            "6:29 expected a whole number from 1 to 1000000, or off; found '0'\n");
  // None at a time would refuse every request that needs a new connection: all of them.
  EXPECT_EQ(Errors(WithKeys("    breakers: {pending: 0}\n")),
            "6:25 expected a whole number from 1 to 1000000, or off; found '0'\n");
}

TEST(BuildUpstreamTest, APercentageHasItsSign) {
  for (const char* text : {"20", "101%", "-1%", "2.5%", "%", "20 %"}) {
    EXPECT_EQ(Errors(WithKeys("    panic_threshold: \"" + std::string(text) + "\"\n")),
              "6:22 expected a percentage such as 50%, from 0% to 100%; found '" +
                  std::string(text) + "'\n");
  }
}

HealthCheck LoadCheck(std::string_view check) {
  const Config config = Load(WithKeys("    health_check: " + std::string(check) + "\n"));
  EXPECT_TRUE(config.upstreams.at(0).health_check);
  return config.upstreams[0].health_check.value_or(HealthCheck{});
}

TEST(BuildHealthCheckTest, ReadsEveryKey) {
  const HealthCheck check = LoadCheck(
      "{type: http, path: \"/healthz?full=1\", host: \"web:80\", interval: 2s,\n"
      "                   idle_interval: 60s, timeout: 2s, fall: 4, rise: 5, status: 200-204}");
  EXPECT_EQ(check.type, HealthCheck::Type::kHttp);
  EXPECT_EQ(check.path, "/healthz?full=1");
  EXPECT_EQ(check.host, "web:80");
  EXPECT_EQ(check.interval, seconds(2));
  EXPECT_EQ(check.idle_interval, seconds(60));
  EXPECT_EQ(check.timeout, seconds(2));
  EXPECT_EQ(check.fall, 4u);
  EXPECT_EQ(check.rise, 5u);
  EXPECT_EQ(check.min_status, 200);
  EXPECT_EQ(check.max_status, 204);
}

TEST(BuildHealthCheckTest, HasDefaults) {
  const HealthCheck check = LoadCheck("{}");
  EXPECT_EQ(check.type, HealthCheck::Type::kHttp);
  EXPECT_EQ(check.path, "/");
  EXPECT_EQ(check.interval, seconds(5));
  EXPECT_EQ(check.timeout, seconds(1));
  EXPECT_EQ(check.min_status, 200);
  EXPECT_EQ(check.max_status, 399);
  EXPECT_EQ(LoadCheck("{type: tcp, idle_interval: off}").type, HealthCheck::Type::kTcp);
  EXPECT_EQ(LoadCheck("{status: 204}").max_status, 204);
}

TEST(BuildHealthCheckTest, TheTimeoutFitsIntoTheInterval) {
  EXPECT_EQ(LoadCheck("{interval: 500ms}").timeout, milliseconds(500));
  EXPECT_EQ(Errors(WithKeys("    health_check: {interval: 500ms, timeout: 501ms}\n")),
            "6:46 timeout is longer than interval, which is 500ms\n");
  EXPECT_EQ(Errors(WithKeys("    health_check: {timeout: 6s}\n")),
            "6:29 timeout is longer than interval, which is 5s\n");
  EXPECT_EQ(Errors(WithKeys("    health_check: {idle_interval: 4s}\n")),
            "6:35 idle_interval is shorter than interval, which is 5s\n");
}

TEST(BuildHealthCheckTest, ATcpCheckAsksForNothing) {
  EXPECT_EQ(Errors(WithKeys("    health_check: {type: tcp, path: /, host: a, status: 200}\n")),
            "6:37 path does not go with checks of type tcp\n"
            "6:46 host does not go with checks of type tcp\n"
            "6:57 status does not go with checks of type tcp\n");
}

TEST(BuildHealthCheckTest, ACheckOfGrpcAsksOverHttp2) {
  const Config config = Load(WithKeys(
      "    protocol: h2\n    health_check: {type: grpc, service: a.v1.B, host: a.example}\n"));
  const HealthCheck& check = *config.upstreams[0].health_check;
  EXPECT_EQ(check.type, HealthCheck::Type::kGrpc);
  EXPECT_EQ(check.service, "a.v1.B");
  EXPECT_EQ(Errors(WithKeys("    health_check: {type: grpc}\n")),
            "6:26 gRPC needs HTTP/2; expected protocol: h2 (or auto) in this upstream or here\n");
  EXPECT_EQ(Errors(WithKeys("    protocol: h2\n"
                            "    health_check: {type: grpc, path: /, status: 200}\n")),
            "7:38 path does not go with checks of type grpc\n"
            "7:49 status does not go with checks of type grpc\n");
  EXPECT_EQ(Errors(WithKeys("    health_check: {service: a.B}\n")),
            "6:29 service does not go with checks of type http\n");
}

TEST(BuildHealthCheckTest, AChecksProtocolIsTheUpstreamsUnlessItHasItsOwn) {
  const auto protocol = [](const std::string& keys) {
    return Load(WithKeys("    protocol: h2\n    health_check: {" + keys + "}\n"))
        .upstreams[0]
        .check_protocol();
  };
  EXPECT_EQ(protocol("path: /"), pool::UpstreamProtocol::kH2);
  EXPECT_EQ(protocol("protocol: upstream"), pool::UpstreamProtocol::kH2);
  EXPECT_EQ(protocol("protocol: h1"), pool::UpstreamProtocol::kH1);
  EXPECT_EQ(protocol("protocol: auto"), pool::UpstreamProtocol::kAuto);
  EXPECT_EQ(Errors(WithKeys("    protocol: h2\n    health_check: {type: grpc, protocol: h1}\n")),
            "7:26 gRPC needs HTTP/2; expected protocol: h2 (or auto) in this upstream or here\n");
  EXPECT_EQ(Errors(WithKeys("    health_check: {type: grpc, protocol: h2}\n")), "");
  EXPECT_EQ(Errors(WithKeys("    health_check: {type: tcp, protocol: h2}\n")),
            "6:41 protocol does not go with checks of type tcp\n");
}

TEST(BuildHealthCheckTest, RefusesWhatCannotBeSentOrMet) {
  EXPECT_EQ(Errors(WithKeys("    health_check: {path: healthz}\n")),
            "6:26 expected a path such as /healthz or /healthz?full=1, without '#' and white "
            "space; found 'healthz'\n");
  EXPECT_EQ(Errors(WithKeys("    health_check: {host: \"a b\"}\n")),
            "6:26 expected a host such as example.com or 192.0.2.7:8080; found 'a b'\n");
  EXPECT_EQ(Errors(WithKeys("    health_check: {status: 399-200}\n")),
            "6:28 expected a status code from 200 to 599 or a range of them such as 200-399; found "
            "'399-200'\n");
  EXPECT_EQ(Errors(WithKeys("    health_check: on\n")),
            "6:19 expected a mapping such as {path: /healthz, interval: 5s}, or off; found 'on'\n");
}

TEST(BuildOutlierTest, TheEjectionTimesAreInOrder) {
  EXPECT_EQ(Errors(WithKeys("    outlier: {base_ejection: 301s}\n")),
            "6:30 base_ejection is longer than max_ejection, which is 5m\n");
  EXPECT_EQ(Errors(WithKeys("    outlier: {base_ejection: 10s, max_ejection: 9s}\n")),
            "6:30 base_ejection is longer than max_ejection, which is 9s\n");
}

TEST(BuildUpstreamTest, HeadsOfResponsesHaveBounds) {
  for (const std::string_view wrong : {"1023", "1025KiB", "257KiB", "off", "0"}) {
    EXPECT_EQ(Errors(WithKeys("    max_head_bytes: " + std::string(wrong) + "\n")),
              "6:21 expected a size such as 512B, 64KiB or 10MiB, from 1KiB to 256KiB; found '" +
                  std::string(wrong) + "'\n");
  }
  for (const std::string_view wrong : {"0", "1001", "off"}) {
    EXPECT_EQ(Errors(WithKeys("    max_header_fields: " + std::string(wrong) + "\n")),
              "6:24 expected a whole number from 1 to 1000; found '" + std::string(wrong) + "'\n");
  }
}

TEST(BuildUpstreamTest, WarnsOfMoreIdleConnectionsThanThereMayBe) {
  const std::string said = Complaints(WithKeys("    max_connections: 9\n    max_idle: 10\n"));
  EXPECT_NE(said.find("max_idle is larger than max_connections, which is 9"), std::string::npos);
  EXPECT_EQ(Complaints(WithKeys("    max_connections: 9\n")).find("max_idle"), std::string::npos);
}

TEST(BuildUpstreamTest, AShorterLongestEjectionMovesTheFirst) {
  const Upstream web = Load(WithKeys("    outlier: {max_ejection: 2s}\n")).upstreams[0];
  EXPECT_EQ(web.cluster.outlier->base_time, std::chrono::seconds(2));
}

}  // namespace
}  // namespace holdfast::config
