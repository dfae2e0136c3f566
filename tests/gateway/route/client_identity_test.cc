#include "gateway/route/client_identity.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::route {
namespace {

using config::ClientCertificateHeaders;

const ClientCertificateHeaders kAll{.certificate = "Client-Cert",
                                    .chain = "Client-Cert-Chain",
                                    .subject = "X-Subject",
                                    .san = "X-San",
                                    .fingerprint = "X-Print",
                                    .verified = "X-Verified"};

pool::PeerIdentity Somebody() {
  return {.subject = "CN=app",
          .names = {"dns:a.test", "uri:spiffe://b/\",\\\"c"},
          .certificate = ":AA==:",
          .chain = ":BB==:, :CC==:",
          .fingerprint = "00ff"};
}

std::string Lines(const ClientCertificateHeaders& headers, const pool::PeerIdentity* identity) {
  std::string lines;
  EXPECT_TRUE(AppendIdentity(headers, identity, &lines));
  return lines;
}

TEST(AppendIdentityTest, TellsWhatIsAskedFor) {
  const pool::PeerIdentity somebody = Somebody();
  EXPECT_EQ(Lines(kAll, &somebody),
            "X-Verified: SUCCESS\r\nX-Subject: CN=app\r\nX-Print: 00ff\r\n"
            "X-San: \"dns:a.test\", \"uri:spiffe://b/\\\",\\\\\\\"c\"\r\n"
            "Client-Cert: :AA==:\r\nClient-Cert-Chain: :BB==:, :CC==:\r\n");
  EXPECT_EQ(Lines({.subject = "S"}, &somebody), "S: CN=app\r\n");
  EXPECT_EQ(Lines({}, &somebody), "");
}

TEST(AppendIdentityTest, OfNobodyItSaysOnlyThat) {
  EXPECT_EQ(Lines(kAll, nullptr), "X-Verified: NONE\r\n");
  EXPECT_EQ(Lines({.certificate = "Client-Cert"}, nullptr), "");
}

TEST(AppendIdentityTest, WhatIsNotThereIsLeftOut) {
  const pool::PeerIdentity bare{.certificate = ":AA==:"};
  EXPECT_EQ(Lines(kAll, &bare), "X-Verified: SUCCESS\r\nClient-Cert: :AA==:\r\n");
}

TEST(AppendIdentityTest, AChainThatIsTooLongIsLeftOut) {
  pool::PeerIdentity somebody = Somebody();
  somebody.chain = std::string(kMaxIdentityBytes, 'A');
  const std::string lines = Lines(kAll, &somebody);
  EXPECT_EQ(lines.find("Client-Cert-Chain"), std::string::npos);
  EXPECT_NE(lines.find("Client-Cert: :AA==:\r\n"), std::string::npos);
}

TEST(AppendIdentityTest, ACertificateThatIsTooLongIsTold) {
  pool::PeerIdentity somebody = Somebody();
  somebody.certificate = std::string(kMaxIdentityBytes, 'A');
  std::string lines = "before";
  EXPECT_FALSE(AppendIdentity(kAll, &somebody, &lines));
  EXPECT_EQ(lines, "before");
}

TEST(IdentityFieldsTest, AreThoseOfAllListeners) {
  config::Config config;
  config.listeners.resize(3);
  config.listeners[0].client_certificate_headers = kAll;
  config.listeners[2].client_certificate_headers = ClientCertificateHeaders{.subject = "Other"};
  EXPECT_EQ(IdentityFieldsOf(config),
            (std::vector<std::string>{"X-Subject", "X-San", "X-Print", "X-Verified", "Other"}))
      << "Client-Cert is removed in any case";
  config.listeners.resize(2);
  config.listeners[0].client_certificate_headers.reset();
  EXPECT_TRUE(IdentityFieldsOf(config).empty());
}

}  // namespace
}  // namespace holdfast::route
