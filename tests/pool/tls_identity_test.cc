#include "pool/tls_identity.h"

#include <functional>
#include <vector>

#include <absl/hash/hash_testing.h>
#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

TlsIdentity With(const std::function<void(TlsSettings*)>& change) {
  TlsSettings settings;
  change(&settings);
  return TlsIdentity(std::move(settings));
}

// No two of these may share a connection.
std::vector<TlsIdentity> DifferentIdentities() {
  return {
      TlsIdentity(),
      With([](TlsSettings*) {}),
      With([](TlsSettings* settings) { settings->server_name = "a.test"; }),
      With([](TlsSettings* settings) { settings->server_name = "b.test"; }),
      With([](TlsSettings* settings) { settings->authorities.pem = "a.test"; }),
      With([](TlsSettings* settings) { settings->verify = TlsVerify::kChain; }),
      With([](TlsSettings* settings) { settings->verify = TlsVerify::kNone; }),
      With([](TlsSettings* settings) { settings->client_certificate.pem = "a.test"; }),
      With([](TlsSettings* settings) { settings->client_key.pem = "a.test"; }),
      With([](TlsSettings* settings) {
        settings->protocols = {"h2", "http/1.1"};
      }),
      With([](TlsSettings* settings) {
        settings->protocols = {"http/1.1", "h2"};
      }),
      With([](TlsSettings* settings) { settings->protocols = {"h2"}; }),
      With([](TlsSettings* settings) { settings->min_version = TlsVersion::kTls13; }),
  };
}

TEST(TlsIdentityTest, EveryFieldMakesAnother) {
  const std::vector<TlsIdentity> identities = DifferentIdentities();
  for (size_t i = 0; i < identities.size(); ++i) {
    for (size_t j = 0; j < identities.size(); ++j) {
      EXPECT_EQ(identities[i] == identities[j], i == j) << i << " and " << j;
    }
  }
}

TEST(TlsIdentityTest, IsComparedByWhatItSaysNotByWhereItIs) {
  const std::vector<TlsIdentity> once = DifferentIdentities();
  const std::vector<TlsIdentity> again = DifferentIdentities();
  for (size_t i = 0; i < once.size(); ++i) {
    EXPECT_EQ(once[i], again[i]) << i;
    EXPECT_EQ(absl::HashOf(once[i]), absl::HashOf(again[i])) << i;
  }
}

TEST(TlsIdentityTest, HashAgreesWithEquality) {
  EXPECT_TRUE(absl::VerifyTypeImplementsAbslHashCorrectly(DifferentIdentities()));
}

TEST(TlsIdentityTest, TheDefaultIsPlain) {
  EXPECT_TRUE(TlsIdentity().plain());
  EXPECT_FALSE(TlsIdentity(TlsSettings{}).plain());
  EXPECT_EQ(TlsIdentity(TlsSettings{.server_name = "a"}).settings().server_name, "a");
}

TEST(TlsIdentityDeathTest, APlainOneHasNoSettings) {
  EXPECT_DEATH(TlsIdentity().settings(), "broken invariant");
}

}  // namespace
}  // namespace holdfast::pool
