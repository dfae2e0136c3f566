#include "gateway/config/build.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/gateway/config/load_testing.h"

namespace holdfast::config {
namespace {

using std::chrono::seconds;

constexpr std::string_view kRoutes = "routes: [{respond: {}}]\n";

std::string WithListeners(std::string_view listeners) {
  return std::string(kRoutes) + "listeners:\n" + std::string(listeners);
}

TEST(BuildListenerTest, ReadsEveryKey) {
  const Config config =
      Load(WithListeners("  - name: edge\n"
                         "    bind: 0.0.0.0:8080\n"
                         "    idle_timeout: 1s\n"
                         "    head_timeout: 2s\n"
                         "    body_timeout: 3s\n"
                         "    max_connection_age: 4s\n"
                         "    trusted_proxies: [10.0.0.0/8, \"::1\", unix]\n"
                         "    max_head_bytes: 16KiB\n"
                         "    max_header_fields: 50\n"
                         "    max_uri_bytes: 4KiB\n"
                         "    max_connections: 1000\n"
                         "    max_connections_per_client: 20\n"
                         "    max_requests: 2000\n"
                         "    client_ip: {from: forwarded, depth: 3}\n"
                         "    path: {normalize: merge_slashes, encoded_slash: reject}\n"
                         "    tcp: {keepalive: 2m, user_timeout: 30s, backlog: 128}\n"
                         "    proxy_protocol: {from: [192.0.2.0/24, unix], timeout: 6s}\n"));
  ASSERT_EQ(config.listeners.size(), 1u);
  const Listener& listener = config.listeners[0];
  EXPECT_EQ(listener.name, "edge");
  EXPECT_EQ(listener.bind.text, "0.0.0.0:8080");
  EXPECT_EQ(listener.bind.address.port(), 8080);
  EXPECT_EQ(listener.idle_timeout, seconds(1));
  EXPECT_EQ(listener.head_timeout, seconds(2));
  EXPECT_EQ(listener.body_timeout, seconds(3));
  EXPECT_EQ(listener.max_connection_age, seconds(4));
  ASSERT_EQ(listener.trusted_proxies.ranges().size(), 2u);
  EXPECT_EQ(listener.trusted_proxies.ranges()[0], Cidr::Parse("10.0.0.0/8"));
  EXPECT_TRUE(listener.trusted_proxies.unix_peers());
  EXPECT_EQ(listener.max_head_bytes, 16u << 10);
  EXPECT_EQ(listener.max_header_fields, 50u);
  EXPECT_EQ(listener.max_uri_bytes, 4u << 10);
  EXPECT_EQ(listener.max_connections, 1000u);
  EXPECT_EQ(listener.max_connections_per_client, 20u);
  EXPECT_EQ(listener.max_requests, 2000u);
  EXPECT_EQ(listener.client_ip.from, ClientIp::From::kForwarded);
  EXPECT_EQ(listener.client_ip.depth, 3u);
  EXPECT_EQ(listener.path.normalize, http::PathNormalization::kMergeSlashes);
  EXPECT_EQ(listener.path.encoded_slash, http::EncodedSlash::kReject);
  EXPECT_EQ(listener.tcp.options.keepalive, seconds(120));
  EXPECT_EQ(listener.tcp.options.user_timeout, seconds(30));
  EXPECT_EQ(listener.tcp.backlog, 128u);
  ASSERT_TRUE(listener.proxy_protocol);
  EXPECT_EQ(listener.proxy_protocol->from.ranges().size(), 1u);
  EXPECT_TRUE(listener.proxy_protocol->from.unix_peers());
  EXPECT_EQ(listener.proxy_protocol->timeout, seconds(6));
}

TEST(BuildListenerTest, WhoSpeaksForClientsIsKnown) {
  const auto complaint = [](std::string_view keys) {
    return Complaints(WithListeners("  - {bind: \":0\", " + std::string(keys) + "}\n"));
  };
  EXPECT_EQ(complaint("proxy_protocol: {from: [10.0.0.0/8]}, trusted_proxies: [unix], client_ip: "
                      "{from: x_real_ip, depth: until_untrusted}"),
            "");
  EXPECT_NE(complaint("client_ip: {from: forwarded}").find("client_ip is only for trusted_proxies"),
            std::string::npos);
  EXPECT_NE(complaint("trusted_proxies: [unix], client_ip: {from: x_real_ip, depth: 2}")
                .find("depth is only for lists"),
            std::string::npos);
  for (const std::string_view wrong :
       {"client_ip: {depth: 0}", "client_ip: {depth: 33}", "client_ip: {from: via}",
        "proxy_protocol: v1", "proxy_protocol: {}", "proxy_protocol: {from: []}",
        "proxy_protocol: {from: [all]}", "proxy_protocol: {from: [10.0.0.1/8]}",
        "tcp: {keepalive: 500ms}", "tcp: {keepalive: 10h}", "tcp: {user_timeout: 0s}",
        "tcp: {user_timeout: 25h}", "tcp: {backlog: 0}", "tcp: {backlog: off}"}) {
    EXPECT_NE(complaint("trusted_proxies: [unix], " + std::string(wrong)), "") << wrong;
  }
}

constexpr std::string_view kAsking =
    "tls: {certificates: [{cert: /c, key: /k}], client_auth: {mode: optional, ca: /ca}}";

TEST(BuildListenerTest, TellsUpstreamsOfCertificatesByTheRfcsNamesOrByOthers) {
  const auto headers = [](std::string_view value) {
    return Load(WithListeners("  - {bind: \":0\", " + std::string(kAsking) +
                              ", client_certificate_headers: " + std::string(value) + "}\n"))
        .listeners[0]
        .client_certificate_headers;
  };
  EXPECT_EQ(headers("off"), std::nullopt);
  ASSERT_TRUE(headers("rfc9440").has_value());
  EXPECT_EQ(headers("rfc9440")->certificate, "Client-Cert");
  EXPECT_EQ(headers("rfc9440")->chain, "Client-Cert-Chain");
  EXPECT_EQ(headers("rfc9440")->subject, "");
  const auto own = headers("{subject: X-S, san: X-N, fingerprint: X-F, verified: X-Forwarded-V}");
  ASSERT_TRUE(own.has_value());
  EXPECT_EQ(own->certificate, "");
  EXPECT_EQ(own->subject, "X-S");
  EXPECT_EQ(own->san, "X-N");
  EXPECT_EQ(own->fingerprint, "X-F");
  EXPECT_EQ(own->verified, "X-Forwarded-V");
}

TEST(BuildListenerTest, NamesThatMeanSomethingElseAreRefused) {
  const auto complaints = [](std::string_view value) {
    return Complaints(WithListeners("  - {bind: \":0\", " + std::string(kAsking) +
                                    ", client_certificate_headers: " + std::string(value) + "}\n"));
  };
  for (const std::string name :
       {"Host", "Connection", "Content_Length", "X-Forwarded-For", "Authorization", "a b", "Via"}) {
    EXPECT_NE(complaints("{subject: \"" + name + "\"}").find("no other use for"), std::string::npos)
        << name;
  }
  EXPECT_NE(complaints("{subject: X-A, san: x_a}").find("is the field of subject already"),
            std::string::npos);
  EXPECT_NE(complaints("rfc9441"), "");
}

TEST(BuildListenerTest, WarnsWhereNobodyIsAskedForACertificate) {
  EXPECT_NE(Complaints(WithListeners("  - {bind: \":0\", client_certificate_headers: rfc9440}\n"))
                .find("no client of this listener is asked"),
            std::string::npos);
  const std::string route =
      "routes: [{match: {client_certificate: verified}, respond: {}}]\nlisteners:\n";
  EXPECT_NE(Complaints(route + "  - {bind: \":0\"}\n").find("answers 403 to everybody"),
            std::string::npos);
  const Config config = Load(route + "  - {bind: \":0\", " + std::string(kAsking) + "}\n");
  EXPECT_TRUE(config.routes[0].match.client_certificate);
  EXPECT_FALSE(Load(WithListeners("  - {bind: \":0\"}\n")).routes[0].match.client_certificate);
  EXPECT_NE(Complaints("routes: [{match: {client_certificate: maybe}, respond: {}}]\n"
                       "listeners: [{bind: \":0\"}]\n"),
            "");
}

TEST(BuildListenerTest, WarnsOfRedirectsThatLeadInACircle) {
  const auto complaints = [](const std::string& redirect, const std::string& match = "{}") {
    return Complaints(
        "listeners:\n  - {name: web, bind: \":8080\"}\n  - {name: edge, bind: \":8443\", "
        "tls: {certificates: [{cert: /c, key: /k}]}}\n"
        "routes: [{match: " +
        match + ", redirect: " + redirect + "}]\n");
  };
  const std::string circle = "sends the clients of listener 'edge' in a circle";
  EXPECT_NE(complaints("{scheme: https}").find(circle), std::string::npos);
  EXPECT_NE(complaints("{scheme: https, port: 8443}").find(circle), std::string::npos);
  EXPECT_EQ(complaints("{scheme: https, port: 9443}"), "");
  EXPECT_EQ(complaints("{scheme: http}"), "");
  EXPECT_EQ(complaints("{scheme: https, to: /new/}"), "");
  EXPECT_EQ(complaints("{scheme: https}", "{listeners: [web]}"), "");
  EXPECT_NE(complaints("{to: /old/}", "{path_prefix: /old/}").find("in a circle"),
            std::string::npos);
  EXPECT_EQ(complaints("{to: /new/}", "{path_prefix: /old/}"), "");
}

TEST(BuildListenerTest, TakesOffAndAuto) {
  const Config config = Load(
      WithListeners("  - {bind: \":0\", idle_timeout: off, head_timeout: off, body_timeout: off,\n"
                    "     max_connection_age: off, max_connections: auto, max_requests: off,\n"
                    "     tcp: {keepalive: off, user_timeout: off}, proxy_protocol: off,\n"
                    "     max_connections_per_client: off}\n"));
  EXPECT_EQ(config.listeners[0].tcp.options.keepalive, std::nullopt);
  EXPECT_EQ(config.listeners[0].tcp.options.user_timeout, std::nullopt);
  EXPECT_FALSE(config.listeners[0].proxy_protocol);
  EXPECT_EQ(config.listeners[0].idle_timeout, std::nullopt);
  EXPECT_EQ(config.listeners[0].head_timeout, std::nullopt);
  EXPECT_EQ(config.listeners[0].body_timeout, std::nullopt);
  EXPECT_EQ(config.listeners[0].max_connection_age, std::nullopt);
  EXPECT_EQ(config.listeners[0].max_connections, std::nullopt);
  EXPECT_EQ(config.listeners[0].max_connections_per_client, std::nullopt);
  EXPECT_EQ(config.listeners[0].max_requests, std::nullopt);
}

TEST(BuildListenerTest, IsNamedAfterItsBind) {
  EXPECT_EQ(Load(WithListeners("  - bind: 127.0.0.1:8080\n")).listeners[0].name, "127.0.0.1:8080");
}

TEST(BuildListenerTest, RefusesANameOrABindGivenTwice) {
  EXPECT_EQ(Complaints(WithListeners("  - {bind: \":1\", name: a}\n  - {bind: \":2\", name: a}\n")),
            "f.yaml:4:24: error: listener 'a' is given twice; first at line 3\n"
            "    - {bind: \":2\", name: a}\n"
            "                         ^\n");
  EXPECT_EQ(Complaints(WithListeners("  - bind: :1\n  - bind: :1\n")),
            "f.yaml:4:11: error: address ':1' is given twice; first at line 3\n"
            "    - bind: :1\n"
            "            ^\n");
}

TEST(BuildListenerTest, SeveralMayAskForAnyPort) {
  EXPECT_EQ(Load(WithListeners("  - {name: a, bind: \":0\"}\n  - {name: b, bind: \":0\"}\n"))
                .listeners.size(),
            2u);
}

TEST(BuildListenerTest, AClientMayHaveSomeConnectionsOrAny) {
  EXPECT_EQ(Complaints(WithListeners("  - bind: :1\n    max_connections_per_client: 0\n")),
            "f.yaml:4:33: error: expected a whole number from 1 to 1000000, or off; found '0'\n"
            "      max_connections_per_client: 0\n"
            "                                  ^\n");
  for (const std::string_view wrong : {"-1", "1000001", "auto", "1.5", "[]", "{}", "1k"}) {
    EXPECT_NE(Complaints(WithListeners("  - bind: :1\n    max_connections_per_client: " +
                                       std::string(wrong) + "\n"))
                  .find("f.yaml:4:33: error: expected a whole number"),
              std::string::npos)
        << wrong;
  }
}

TEST(BuildListenerTest, TheUriIsPartOfTheHead) {
  EXPECT_EQ(Complaints(WithListeners("  - bind: :1\n    max_head_bytes: 2KiB\n"
                                     "    max_uri_bytes: 3KiB\n")),
            "f.yaml:5:20: error: max_uri_bytes is larger than max_head_bytes, which is 2KiB and "
            "has the URI in it\n"
            "      max_uri_bytes: 3KiB\n"
            "                     ^\n");
  EXPECT_EQ(
      Load(WithListeners("  - bind: :1\n    max_head_bytes: 4KiB\n")).listeners[0].max_uri_bytes,
      4u << 10);
}

std::string WithFileKeys(std::string_view lines) {
  return WithListeners("  - bind: 127.0.0.1:8080\n") + std::string(lines);
}

TEST(BuildConfigTest, ReadsTheFilesOwnKeys) {
  const Config config = Load(WithFileKeys(
      "workers: 3\n"
      "via: edge-1\n"
      "status: {bind: 0.0.0.0:9999}\n"
      "access_log: {path: /var/log/access.log, format: json}\n"
      "drain: {delay: 1s, timeout: 2s}\n"
      "dns: {servers: [10.0.0.2, \"10.0.0.3:54\"], min_ttl: 2s, max_ttl: 20s, timeout: 1s, "
      "attempts: 4, hold: 5s}\n"));
  EXPECT_EQ(config.workers, 3u);
  EXPECT_EQ(config.via, "edge-1");
  EXPECT_EQ(config.status->address.port(), 9999);
  ASSERT_EQ(config.access_log.size(), 1u);
  EXPECT_EQ(config.access_log[0].target, AccessLog::Target::kFile);
  EXPECT_EQ(config.access_log[0].path, "/var/log/access.log");
  EXPECT_EQ(config.drain.delay, seconds(1));
  EXPECT_EQ(config.drain.timeout, seconds(2));
  ASSERT_EQ(config.dns.servers.size(), 2u);
  EXPECT_EQ(config.dns.servers[0].port(), 53);
  EXPECT_EQ(config.dns.servers[1].port(), 54);
  EXPECT_EQ(config.dns.min_ttl, seconds(2));
  EXPECT_EQ(config.dns.max_ttl, seconds(20));
  EXPECT_EQ(config.dns.timeout, seconds(1));
  EXPECT_EQ(config.dns.attempts, 4u);
  EXPECT_EQ(config.dns.hold, seconds(5));
  EXPECT_EQ(Load(WithFileKeys("dns: {hold: off}\n")).dns.hold, std::nullopt);
}

TEST(BuildConfigTest, TheNameInViaIsNoSwitch) {
  EXPECT_EQ(Load(WithFileKeys("via: on\n")).via, "holdfast");
  EXPECT_EQ(Load(WithFileKeys("via: off\n")).via, std::nullopt);
  EXPECT_EQ(Load(WithFileKeys("via: once\n")).via, "once");
  for (const std::string wrong : {"true", "False", "yes", "no", "On", "OFF", "a b", "\"\""}) {
    EXPECT_NE(Complaints(WithFileKeys("via: " + wrong + "\n"))
                  .find(":4:6: error: expected a token of at most 128 letters, such as edge-1, or "
                        "on, off; found"),
              std::string::npos)
        << wrong;
  }
}

TEST(BuildConfigTest, TakesAutoAndOff) {
  const Config config = Load(WithFileKeys("workers: auto\nstatus: off\naccess_log: off\n"));
  EXPECT_EQ(config.via, "holdfast");
  EXPECT_EQ(config.workers, std::nullopt);
  EXPECT_FALSE(config.status);
  EXPECT_TRUE(config.access_log.empty());
}

TEST(BuildConfigTest, TheStatusBindIsNoListenersBind) {
  EXPECT_EQ(Complaints(WithFileKeys("status: {bind: 127.0.0.1:8080}\n")),
            "f.yaml:4:16: error: address '127.0.0.1:8080' is given twice; first at line 3\n"
            "  status: {bind: 127.0.0.1:8080}\n"
            "                 ^\n");
  EXPECT_EQ(Complaints(WithListeners("  - bind: 127.0.0.1:9900\n")),
            "f.yaml:3:11: error: '127.0.0.1:9900' is where status listens unless it is given "
            "another bind\n"
            "    - bind: 127.0.0.1:9900\n"
            "            ^\n");
  EXPECT_EQ(Complaints(WithListeners("  - bind: 127.0.0.1:9900\nstatus: off\n")), "");
}

TEST(BuildConfigTest, TheTtlBoundsAreInOrder) {
  EXPECT_EQ(Complaints(WithFileKeys("dns: {min_ttl: 10s, max_ttl: 9s}\n")),
            "f.yaml:4:16: error: min_ttl is longer than max_ttl, which is 9s\n"
            "  dns: {min_ttl: 10s, max_ttl: 9s}\n"
            "                 ^\n");
}

TEST(BuildConfigTest, ATtlBoundThatStandsAloneMovesTheOther) {
  const Dns low = Load(WithFileKeys("dns: {max_ttl: 500ms}\n")).dns;
  EXPECT_EQ(low.min_ttl, std::chrono::milliseconds(500));
  const Dns high = Load(WithFileKeys("dns: {min_ttl: 10m}\n")).dns;
  EXPECT_EQ(high.max_ttl, std::chrono::minutes(10));
  EXPECT_NE(Complaints(WithFileKeys("dns: {min_ttl: 0s}\n")).find("from 1ms to 1d; found '0s'"),
            std::string::npos);
}

TEST(BuildConfigTest, WarnsWhereThereAreNoVariables) {
  const auto said = [](const std::string& keys) {
    return Complaints(WithRoutes("  - {name: a, " + keys + "}\n"));
  };
  for (const std::string keys :
       {"redirect: {to: \"https://$host/\"}", "upstream: web, rewrite: {path: \"/b?x=${host}\"}",
        "upstream: web, rewrite: {path: \"/a?b=$arg_b\"}",
        "upstream: web, rewrite: {path_prefix: \"/$server_name/\"}",
        "respond: {body: a, headers: {x-a: \"${client_ip}\"}}"}) {
    EXPECT_NE(said(keys).find("warning: there are no variables here: this is taken as it is"),
              std::string::npos)
        << keys;
  }
  const std::string swap = "upstream: web, rewrite: {path_regex: {pattern: \"/u/([0-9]+)\", to: ";
  EXPECT_NE(said(swap + "\"/x/$1\"}}").find("what a group took is written \\1"), std::string::npos);
  EXPECT_EQ(said(swap + "\"/x/\\\\1\"}}").find("what a group took"), std::string::npos);
  EXPECT_EQ(said("redirect: {to: \"https://a.test/\"}").find("variables"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::config
