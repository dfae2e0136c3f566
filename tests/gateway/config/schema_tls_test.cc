#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/gateway/config/load_testing.h"

namespace holdfast::config {
namespace {

constexpr std::string_view kCertificate = "certificates: [{cert: /c.pem, key: /c.key}]";

std::string WithListener(std::string_view tls) {
  return "listeners: [{name: edge, bind: 127.0.0.1:8443, tls: " + std::string(tls) +
         "}]\nroutes: [{match: {path_prefix: /}, respond: {status: 200}}]\n";
}
std::string WithUpstream(std::string_view tls, std::string_view endpoints = "\"web.test:443\"") {
  return "listeners: [{bind: 127.0.0.1:8080}]\nupstreams: {web: {endpoints: [" +
         std::string(endpoints) + "], tls: " + std::string(tls) +
         "}}\nroutes: [{match: {path_prefix: /}, upstream: web}]\n";
}
std::string With(std::string_view more) {
  return WithListener("{" + std::string(kCertificate) + ", " + std::string(more) + "}");
}

TEST(TlsShapeTest, ACertificateIsEnough) {
  const Config config = Load(WithListener("{" + std::string(kCertificate) + "}"));
  ASSERT_TRUE(config.listeners[0].tls.has_value());
  const ListenerTls& tls = *config.listeners[0].tls;
  ASSERT_EQ(tls.certificates.size(), 1u);
  EXPECT_EQ(tls.certificates[0].cert, "/c.pem");
  EXPECT_EQ(tls.certificates[0].key, "/c.key");
  EXPECT_EQ(tls.min_version, pool::TlsVersion::kTls12);
  EXPECT_EQ(tls.session_tickets, TlsTicketFiles());
  EXPECT_EQ(tls.alpn, (std::vector<TlsProtocol>{TlsProtocol::kHttp11, TlsProtocol::kHttp10}));
  EXPECT_FALSE(tls.client_auth.has_value());
  EXPECT_FALSE(Load(WithListener("off")).listeners[0].tls.has_value());
}

TEST(TlsShapeTest, EveryKeyOfAListenerIsTaken) {
  const Config config =
      Load(With("min_version: tls1.3, max_version: tls1.3, ciphers: TLS_AES_128_GCM_SHA256, "
                "groups: [X25519, P-256], handshake_timeout: 3s, strict_sni: true, "
                "session_tickets: off, alpn: [http/1.0], client_auth: {mode: optional, ca: "
                "/ca.pem, crl: /crl.pem, "
                "depth: 2, allow_san: [\"dns:a.test\", \"uri:spiffe://a\"]}"));
  const ListenerTls& tls = *config.listeners[0].tls;
  EXPECT_EQ(tls.min_version, pool::TlsVersion::kTls13);
  EXPECT_EQ(tls.groups, (std::vector<std::string>{"X25519", "P-256"}));
  EXPECT_EQ(tls.handshake_timeout, std::chrono::seconds(3));
  EXPECT_TRUE(tls.strict_sni);
  EXPECT_EQ(tls.session_tickets, std::nullopt);
  EXPECT_EQ(tls.alpn, std::vector<TlsProtocol>{TlsProtocol::kHttp10});
  ASSERT_TRUE(tls.client_auth.has_value());
  EXPECT_EQ(tls.client_auth->mode, pool::TlsClientAuthMode::kOptional);
  EXPECT_EQ(tls.client_auth->depth, 2u);
  EXPECT_EQ(tls.client_auth->allow_san, (std::vector<std::string>{"dns:a.test", "uri:spiffe://a"}));
}

TEST(TlsShapeTest, TicketKeysMayBeSharedAndChangeInTime) {
  const auto tickets = [](const std::string& value) {
    return Load(With("session_tickets: " + value)).listeners[0].tls->session_tickets;
  };
  EXPECT_EQ(tickets("{keys: /k, rotate: 1h}"),
            (TlsTicketFiles{.keys = "/k", .rotate = std::chrono::hours(1)}));
  EXPECT_EQ(tickets("{rotate: 1h}")->keys, "");
  EXPECT_EQ(tickets("{}"), TlsTicketFiles());
}

TEST(TlsShapeTest, WhatIsWrongIsToldInItsPlace) {
  for (const char* wrong :
       {"min_version: tls1.1", "min_version: tls1.3, max_version: tls1.2", "ciphers: \"a b\"",
        "strict_sni: 1", "alpn: [h2]", "alpn: http/1.1", "session_tickets: on",
        "session_tickets: {rotate: 1s}", "session_tickets: {keys: k}", "handshake_timeout: 0s",
        "groups: []", "client_auth: {mode: required}", "client_auth: {ca: ca.pem}",
        "client_auth: {ca: /c, allow_san: [a.test]}", "sni: a"}) {
    EXPECT_NE(Complaints(With(wrong)), "") << wrong;
  }
  EXPECT_NE(Complaints(WithListener("{}")), "");
  EXPECT_NE(Complaints(WithListener("{certificates: [{cert: /c.pem}]}")), "");
  EXPECT_NE(Complaints(WithListener("{certificates: [{cert: c.pem, key: /c.key}]}")), "")
      << "relative to what?";
}

TEST(TlsShapeTest, AnUpstreamIsVerifiedUnlessItSaysNotTo) {
  const Config config = Load(WithUpstream("{}"));
  ASSERT_TRUE(config.upstreams[0].tls.has_value());
  EXPECT_EQ(config.upstreams[0].tls->verify, TlsUpstreamVerify::kFull);
  EXPECT_EQ(config.upstreams[0].tls->ca, "system");
  EXPECT_NE(Complaints(WithUpstream("{verify: off}")).find("warning: verify: off"),
            std::string::npos);
}

TEST(TlsShapeTest, EveryKeyOfAnUpstreamIsTaken) {
  const Config config = Load(
      WithUpstream("{ca: /ca.pem, server_name: a.test, certificate: {cert: /c.pem, key: /c.key}, "
                   "min_version: tls1.3}"));
  const UpstreamTls& tls = *config.upstreams[0].tls;
  EXPECT_EQ(tls.ca, "/ca.pem");
  EXPECT_EQ(tls.server_name, "a.test");
  ASSERT_TRUE(tls.certificate.has_value());
  EXPECT_EQ(tls.certificate->key, "/c.key");
  EXPECT_EQ(tls.min_version, pool::TlsVersion::kTls13);
}

TEST(TlsShapeTest, EndpointsWithoutACommonHostNeedAName) {
  EXPECT_NE(Complaints(WithUpstream("{}", "\"a.test:443\", \"b.test:443\""))
                .find("server_name is missing"),
            std::string::npos);
  EXPECT_EQ(Complaints(WithUpstream("{server_name: a.test}", "\"a.test:443\", \"b.test:443\"")),
            "");
}

std::string WithAcme(std::string_view acme, std::string_view hosts = "a.test") {
  return "listeners:\n"
         "  - {name: plain, bind: 127.0.0.1:8080}\n"
         "  - {name: edge, bind: 127.0.0.1:8443, tls: {acme: " +
         std::string(acme) + "}}\nroutes: [{match: {listeners: [edge], hosts: [" +
         std::string(hosts) +
         "]}, respond: {status: 200}},\n"
         "  {match: {listeners: [plain], hosts: [other.test]}, respond: {status: 200}}]\n";
}

TEST(TlsShapeTest, AStorageIsEnoughForAcme) {
  const Config config = Load(
      WithAcme("{storage: /store}", "a.test, B.test, \"*.c.test\", a.test, 192.0.2.1, single"));
  const ListenerTls& tls = *config.listeners[1].tls;
  EXPECT_TRUE(tls.certificates.empty());
  ASSERT_TRUE(tls.acme.has_value());
  EXPECT_EQ(tls.acme->directory, "https://acme-v02.api.letsencrypt.org/directory");
  EXPECT_EQ(tls.acme->storage, "/store");
  EXPECT_EQ(tls.acme->challenge, AcmeChallenge::kHttp01);
  EXPECT_EQ(tls.acme->ca, "system");
  EXPECT_EQ(tls.acme->names, (std::vector<std::string>{"a.test", "b.test"}))
      << "of routes that lead from it, whole, each once";
}

TEST(TlsShapeTest, EveryKeyOfAcmeIsTaken) {
  const Config config = Load(WithAcme(
      "{directory: \"https://ca.test:14000/dir\", email: ops@a.test, names: [B.test., c.test, "
      "b.test], storage: /store, challenge: tls-alpn-01, ca: /ca.pem}"));
  const ListenerAcme& acme = *config.listeners[1].tls->acme;
  EXPECT_EQ(acme.directory, "https://ca.test:14000/dir");
  EXPECT_EQ(acme.email, "ops@a.test");
  EXPECT_EQ(acme.names, (std::vector<std::string>{"b.test", "c.test"}));
  EXPECT_EQ(acme.challenge, AcmeChallenge::kTlsAlpn01);
  EXPECT_EQ(acme.ca, "/ca.pem");
  EXPECT_EQ(Load(WithAcme("{names: from_routes, storage: /store}")).listeners[1].tls->acme->names,
            std::vector<std::string>{"a.test"});
}

TEST(TlsShapeTest, TlsNeedsCertificatesOrAcme) {
  EXPECT_NE(
      Complaints(WithListener("{min_version: tls1.3}")).find("expected certificates, acme or both"),
      std::string::npos);
  EXPECT_NE(Complaints(WithListener("{acme: off}")).find("expected certificates, acme or both"),
            std::string::npos);
  EXPECT_EQ(Complaints(With("acme: off")), "");
}

TEST(TlsShapeTest, WhatAcmeCannotDoIsToldInItsPlace) {
  const std::pair<const char*, const char*> cases[] = {
      {"{names: [\"*.a.test\"], storage: /s}", "dns-01, which is not spoken here"},
      {"{names: [192.0.2.1], storage: /s}", "expected a host name"},
      {"{names: [localhost], storage: /s}", "expected a host name"},
      {"{names: [], storage: /s}", "expected a list of 1 to 100 host names"},
      {"{names: all, storage: /s}", "expected a list of 1 to 100 host names, or from_routes"},
      {"{names: [a.test]}", "key 'storage' is missing"},
      {"{storage: store}", "expected the absolute path of a folder"},
      {"{storage: /s, directory: \"http://ca.test/\"}", "expected a URL such as https://"},
      {"{storage: /s, email: nobody}", "expected a mail address"},
      {"{storage: /s, challenge: dns-01}", "http-01"},
      {"{storage: /s, ca: ca.pem}", "expected the absolute path of a PEM file, or system"},
      {"{storage: /s, eab: x}", "unknown key 'eab'"},
  };
  for (const auto& [acme, complaint] : cases) {
    const std::string said = Complaints(WithAcme(acme));
    EXPECT_NE(said.find(complaint), std::string::npos) << acme << "\n" << said;
    EXPECT_NE(said.find("f.yaml:3:"), std::string::npos) << said;
  }
  EXPECT_NE(Complaints(WithAcme("{storage: /s}", "\"*.a.test\"")).find("from_routes finds 0 hosts"),
            std::string::npos);
}

TEST(TlsShapeTest, Http01NeedsAListenerInClear) {
  const std::string text = WithListener("{acme: {names: [a.test], storage: /s}}");
  EXPECT_NE(Complaints(text).find("tls-alpn-01 needs none"), std::string::npos);
  EXPECT_EQ(
      Complaints(WithListener("{acme: {names: [a.test], storage: /s, challenge: tls-alpn-01}}")),
      "");
}

}  // namespace
}  // namespace holdfast::config
