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
  EXPECT_EQ(tls.session_tickets, TlsTickets::kOn);
  EXPECT_FALSE(tls.client_auth.has_value());
  EXPECT_FALSE(Load(WithListener("off")).listeners[0].tls.has_value());
}

TEST(TlsShapeTest, EveryKeyOfAListenerIsTaken) {
  const Config config =
      Load(With("min_version: tls1.3, max_version: tls1.3, ciphers: TLS_AES_128_GCM_SHA256, "
                "groups: [X25519, P-256], handshake_timeout: 3s, strict_sni: true, "
                "session_tickets: off, client_auth: {mode: optional, ca: /ca.pem, crl: /crl.pem, "
                "depth: 2, allow_san: [\"dns:a.test\", \"uri:spiffe://a\"]}"));
  const ListenerTls& tls = *config.listeners[0].tls;
  EXPECT_EQ(tls.min_version, pool::TlsVersion::kTls13);
  EXPECT_EQ(tls.groups, (std::vector<std::string>{"X25519", "P-256"}));
  EXPECT_EQ(tls.handshake_timeout, std::chrono::seconds(3));
  EXPECT_TRUE(tls.strict_sni);
  EXPECT_EQ(tls.session_tickets, TlsTickets::kOff);
  ASSERT_TRUE(tls.client_auth.has_value());
  EXPECT_EQ(tls.client_auth->mode, pool::TlsClientAuthMode::kOptional);
  EXPECT_EQ(tls.client_auth->depth, 2u);
  EXPECT_EQ(tls.client_auth->allow_san, (std::vector<std::string>{"dns:a.test", "uri:spiffe://a"}));
}

TEST(TlsShapeTest, WhatIsWrongIsToldInItsPlace) {
  for (const char* wrong :
       {"min_version: tls1.1", "min_version: tls1.3, max_version: tls1.2", "ciphers: \"a b\"",
        "strict_sni: 1", "handshake_timeout: 0s", "groups: []", "client_auth: {mode: required}",
        "client_auth: {ca: ca.pem}", "client_auth: {ca: /c, allow_san: [a.test]}", "sni: a"}) {
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

}  // namespace
}  // namespace holdfast::config
