#include "pool/tls/tls_settings.h"

#include <functional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

TEST(TlsSettingsTest, FilesAreWhatTheySayNotWhereTheyAre) {
  EXPECT_EQ((TlsFile{.pem = "a", .name = "one.pem"}), (TlsFile{.pem = "a", .name = "two.pem"}));
  EXPECT_NE((TlsFile{.pem = "a", .name = "one.pem"}), (TlsFile{.pem = "b", .name = "one.pem"}));
}

TEST(TlsSettingsTest, EveryFieldOfAServerCounts) {
  const std::vector<std::function<void(TlsServerSettings*)>> changes = {
      [](TlsServerSettings* settings) { settings->listener = "edge"; },
      [](TlsServerSettings* settings) { settings->certificates.emplace_back(); },
      [](TlsServerSettings* settings) { settings->client_auth.emplace(); },
      [](TlsServerSettings* settings) { settings->min_version = TlsVersion::kTls13; },
      [](TlsServerSettings* settings) { settings->max_version = TlsVersion::kTls12; },
      [](TlsServerSettings* settings) { settings->ciphers = "x"; },
      [](TlsServerSettings* settings) { settings->groups = {"x"}; },
      [](TlsServerSettings* settings) { settings->protocols = {"h2"}; },
      [](TlsServerSettings* settings) { settings->strict_sni = true; },
      [](TlsServerSettings* settings) { settings->tickets = std::nullopt; },
      [](TlsServerSettings* settings) { settings->tickets->rotate = Duration::zero(); },
      [](TlsServerSettings* settings) { settings->tickets->secret.pem = "x"; },
      [](TlsServerSettings* settings) { settings->handshake_timeout = Duration::zero(); },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    TlsServerSettings changed;
    changes[i](&changed);
    EXPECT_NE(changed, TlsServerSettings{}) << i;
  }
}

// Sessions are bound to the text: two policies with one text would be one to a ticket.
TEST(TlsSettingsTest, NoTwoPoliciesHaveOneText) {
  std::vector<TlsClientAuth> policies(8);
  policies[1].mode = TlsClientAuthMode::kOptional;
  policies[2].authorities.pem = "ca";
  policies[3].revoked.pem = "ca";
  policies[4].depth = 3;
  policies[5].allow_san = {"dns:a", "dns:b"};
  policies[6].allow_san = {"dns:adns:b"};
  policies[7].allow_san = {"dns:a5:dns:b"};
  std::set<std::string> texts = {PolicyText(std::nullopt)};
  for (const TlsClientAuth& policy : policies) texts.insert(PolicyText(policy));
  EXPECT_EQ(texts.size(), policies.size() + 1);
}

}  // namespace
}  // namespace holdfast::pool
