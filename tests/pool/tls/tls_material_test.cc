#include "pool/tls/tls_material.h"

#include <cstdlib>
#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pool/tls/tls_parsed.h"
#include "tests/pool/tls/support/tls_worker.h"
#include "tests/support/temp_dir.h"

namespace holdfast::pool {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string ErrorOf(const std::function<void(TlsServerSettings*)>& change) {
  TlsServerSettings settings = SiteSettings();
  change(&settings);
  return std::string(TlsServerMaterial::Load(settings).status().message());
}

TEST(TlsMaterialTest, AServersErrorsNameWhatIsWrong) {
  EXPECT_EQ(ErrorOf([](TlsServerSettings*) {}), "");
  EXPECT_EQ(ErrorOf([](TlsServerSettings* s) { s->certificates.clear(); }),
            "certificates: expected at least one");
  EXPECT_EQ(ErrorOf([](TlsServerSettings* s) { s->ciphers = "TLS_AES_128_GCM_SHA256:ROT13"; }),
            "ciphers: \"ROT13\" is not known");
  EXPECT_EQ(ErrorOf([](TlsServerSettings* s) { s->ciphers = "TLS_ROT13"; }),
            "ciphers: \"TLS_ROT13\" is not known");
  EXPECT_EQ(ErrorOf([](TlsServerSettings* s) { s->ciphers = ":"; }),
            "ciphers: expected at least one");
  EXPECT_EQ(ErrorOf([](TlsServerSettings* s) { s->groups = {"nobody"}; }),
            "groups: none of them is known to this OpenSSL");
  EXPECT_EQ(ErrorOf([](TlsServerSettings* s) {
              s->min_version = TlsVersion::kTls13;
              s->max_version = TlsVersion::kTls12;
            }),
            "min_version: expected at most max_version");
  EXPECT_EQ(ErrorOf([](TlsServerSettings* s) {
              s->client_auth = TlsClientAuth{.authorities = {.pem = "x", .name = "clients.pem"}};
            }),
            "clients.pem: no certificate in it; expected PEM with BEGIN CERTIFICATE");
  EXPECT_EQ(ErrorOf([](TlsServerSettings* s) {
              s->client_auth = TlsClientAuth{.authorities = TestAuthority().chain(),
                                             .revoked = {.pem = "x", .name = "crl.pem"}};
            }),
            "crl.pem: no CRL in it; expected PEM with BEGIN X509 CRL");
  EXPECT_EQ(ErrorOf([](TlsServerSettings* s) {
              s->client_auth =
                  TlsClientAuth{.authorities = TestAuthority().chain(), .allow_san = {"a.test"}};
            }),
            "allow_san: \"a.test\"; expected uri:... or dns:...");
}

TEST(TlsMaterialTest, WhatTheLibraryDoesNotKnowIsAWarning) {
  TlsServerSettings settings = SiteSettings();
  settings.groups = {"nobody", "X25519"};
  const auto material = TlsServerMaterial::Load(settings);
  ASSERT_TRUE(material.ok());
  EXPECT_THAT((*material)->warnings(), ElementsAre(HasSubstr("groups: nobody")));
  EXPECT_THAT((*material)->settings().groups, ElementsAre("X25519"));
}

TEST(TlsMaterialTest, NamesWithTheSameCertificatesAreOneHost) {
  const Issued rsa = SiteFor({"a.test", "b.test"}, /*rsa=*/true);
  const Issued ecdsa = SiteFor({"a.test", "*.c.test"});
  TlsServerSettings settings{.certificates = {rsa.settings(), ecdsa.settings()}};
  const auto material = TlsServerMaterial::Load(settings);
  ASSERT_TRUE(material.ok()) << material.status();
  const auto& parsed = (*material)->parsed();
  ASSERT_EQ(parsed.hosts.size(), 3u);
  EXPECT_THAT(parsed.hosts[*parsed.names.Find("a.test")].certificates, ElementsAre(0, 1));
  EXPECT_THAT(parsed.hosts[*parsed.names.Find("b.test")].certificates, ElementsAre(0));
  EXPECT_THAT(parsed.hosts[*parsed.names.Find("x.c.test")].certificates, ElementsAre(1));
  EXPECT_EQ(parsed.names.Find("a.test"), 0u) << "the first certificate's is the default";
}

// The second of a kind would never be shown; but it may check clients otherwise.
TEST(TlsMaterialTest, OneNameHasOneWayToCheckClients) {
  const Issued rsa = SiteFor({"a.test"}, /*rsa=*/true), ecdsa = SiteFor({"a.test"});
  TlsServerSettings settings{.certificates = {rsa.settings(), ecdsa.settings()}};
  settings.certificates[0].chain.name = "rsa.pem";
  settings.certificates[1].chain.name = "ecdsa.pem";
  settings.certificates[1].client_auth = TlsClientAuth{.authorities = TestAuthority().chain()};
  EXPECT_EQ(TlsServerMaterial::Load(settings).status().message(),
            "rsa.pem and ecdsa.pem are both for a.test, but with different client_auth");
}

// The second of a kind would never be shown, and its way to check clients be forgotten.
TEST(TlsMaterialTest, ACertificateThatIsNeverShownMayNotCheckClients) {
  const Issued first = SiteFor({"www.test", "admin.test"}), second = SiteFor({"admin.test"});
  TlsServerSettings settings{.certificates = {first.settings(), second.settings()}};
  EXPECT_TRUE(TlsServerMaterial::Load(settings).ok());
  settings.certificates[0].chain.name = "www.pem";
  settings.certificates[1].chain.name = "admin.pem";
  settings.certificates[1].client_auth = TlsClientAuth{.authorities = TestAuthority().chain()};
  EXPECT_EQ(TlsServerMaterial::Load(settings).status().message(),
            "www.pem and admin.pem are both for admin.test, but with different client_auth");
  const Issued nameless = IssuedBy(TestAuthority(), {.names = {"ip:192.0.2.1"}});
  settings.certificates[1] = nameless.settings();
  settings.certificates[1].chain.name = "ip.pem";
  settings.certificates[1].client_auth = TlsClientAuth{.authorities = TestAuthority().chain()};
  EXPECT_EQ(TlsServerMaterial::Load(settings).status().message(),
            "ip.pem has client_auth, but no name that clients ask for");
}

TEST(TlsMaterialTest, ADotAtTheEndIsNoPartOfAName) {
  const Issued plain = SiteFor({"a.test"}), dotted = SiteFor({"a.test."});
  TlsServerSettings settings{.certificates = {plain.settings(), dotted.settings()}};
  settings.certificates[1].client_auth = TlsClientAuth{.authorities = TestAuthority().chain()};
  EXPECT_FALSE(TlsServerMaterial::Load(settings).ok());
}

TEST(TlsMaterialTest, SessionsAreOfOneListenerOneHostAndOnePolicy) {
  const auto bound = [](const TlsServerSettings& settings) {
    const auto material = TlsServerMaterial::Load(settings);
    EXPECT_TRUE(material.ok());
    return (*material)->parsed().hosts[0].session_context;
  };
  const TlsServerSettings settings = SiteSettings();
  EXPECT_EQ(bound(settings), bound(settings));
  TlsServerSettings renewed = settings;
  renewed.certificates[0] = SiteFor({"a.test"}).settings();
  EXPECT_EQ(bound(renewed), bound(settings)) << "a renewed certificate keeps them";
  TlsServerSettings other = settings;
  other.listener = "other";
  EXPECT_NE(bound(other), bound(settings));
  other = settings;
  other.certificates[0] = SiteFor({"b.test"}).settings();
  EXPECT_NE(bound(other), bound(settings));
  other = settings;
  other.client_auth = TlsClientAuth{.authorities = TestAuthority().chain()};
  EXPECT_NE(bound(other), bound(settings));
}

TEST(TlsMaterialTest, AClientsErrorsNameWhatIsWrong) {
  const auto error = [](const TlsSettings& settings) {
    return std::string(TlsClientMaterial::Load(settings, nullptr).status().message());
  };
  EXPECT_EQ(error(UpstreamSettings()), "");
  EXPECT_EQ(error({}), "ca: expected the authorities that vouch for the upstream");
  EXPECT_EQ(error({.verify = TlsVerify::kNone}), "");
  EXPECT_EQ(error({.authorities = {.pem = "x", .name = "ca.pem"}}),
            "ca.pem: no certificate in it; expected PEM with BEGIN CERTIFICATE");
  EXPECT_EQ(error({.verify = TlsVerify::kNone, .client_certificate = TestAuthority().chain()}),
            "(no file): no private key in it; expected PEM with BEGIN PRIVATE KEY");
}

TEST(TlsMaterialTest, TheSystemsAuthoritiesAreReadFromAFile) {
  const support::TempDir folder;
  setenv("SSL_CERT_FILE", folder.Path("none.pem").c_str(), 1);
  EXPECT_EQ(TlsAuthorities::System().status().message(),
            folder.Path("none.pem") + ": the system's authorities can't be read");
  const std::string file = folder.Write("ca.pem", TestAuthority().pem());
  setenv("SSL_CERT_FILE", file.c_str(), 1);
  const auto system = TlsAuthorities::System();
  unsetenv("SSL_CERT_FILE");
  ASSERT_TRUE(system.ok()) << system.status();
  EXPECT_EQ((*system)->size(), 1u);
  EXPECT_TRUE(TlsClientMaterial::Load({.server_name = "a.test"}, *system).ok());
}

TEST(TlsMaterialTest, CipherSuitesHaveToFitVersionsAndKeys) {
  const Issued ecdsa = SiteFor({"a.test"});
  const auto load = [&](const std::string& ciphers, TlsVersion max) {
    return TlsServerMaterial::Load({.listener = "edge",
                                    .certificates = {ecdsa.settings()},
                                    .max_version = max,
                                    .ciphers = ciphers});
  };
  const auto error = [&](const std::string& ciphers) {
    return std::string(load(ciphers, TlsVersion::kTls12).status().message());
  };
  EXPECT_NE(error("TLS_AES_128_GCM_SHA256").find("from min_version to max_version"),
            std::string::npos);
  EXPECT_NE(error("ECDHE-RSA-AES128-GCM-SHA256").find("goes with the key of site.pem"),
            std::string::npos);
  EXPECT_EQ(error("ECDHE-ECDSA-AES128-GCM-SHA256"), "");
  const auto warnings = [&](const std::string& ciphers) {
    const auto material = load(ciphers, TlsVersion::kTls13);
    EXPECT_TRUE(material.ok()) << material.status();
    return (*material)->warnings();
  };
  EXPECT_TRUE(warnings(std::string(kTlsDefaultCiphers)).empty());
  EXPECT_EQ(warnings("TLS_AES_128_GCM_SHA256"),
            std::vector<std::string>{"ciphers: none is of TLS 1.2, which is not spoken"});
  EXPECT_EQ(warnings("ECDHE-ECDSA-AES128-GCM-SHA256"),
            std::vector<std::string>{"ciphers: none is of TLS 1.3, which is not spoken"});
  EXPECT_EQ(warnings("TLS_AES_128_GCM_SHA256:ECDHE-RSA-AES128-GCM-SHA256"),
            std::vector<std::string>{"ciphers: none of TLS 1.2 goes with the key of site.pem"});
}

TEST(TlsMaterialTest, ACertificateThatIsNeverShownIsToldOf) {
  TlsCertificate second = SiteFor({"a.test"}).settings();
  second.chain.name = "second.pem";
  const auto material = TlsServerMaterial::Load(
      {.listener = "edge", .certificates = {SiteFor({"a.test"}).settings(), second}});
  ASSERT_TRUE(material.ok()) << material.status();
  ASSERT_EQ((*material)->warnings().size(), 1u);
  EXPECT_EQ((*material)->warnings()[0].find("second.pem is never shown"), 0u);
  const auto both = TlsServerMaterial::Load(
      {.listener = "edge",
       .certificates = {SiteFor({"a.test"}).settings(), SiteFor({"a.test"}, true).settings()}});
  EXPECT_TRUE((*both)->warnings().empty()) << "of two kinds of key";
}

}  // namespace
}  // namespace holdfast::pool
