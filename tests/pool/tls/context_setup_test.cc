#include "pool/tls/context_setup.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/pool/tls/support/tls_worker.h"

namespace holdfast::pool {
namespace {

TEST(ContextSetupTest, ProtocolsOnTheWire) {
  EXPECT_EQ(WireProtocols({"h2", "http/1.1"}), "\x02h2\x08http/1.1");
  EXPECT_EQ(WireProtocols({"", std::string(256, 'x')}), "");
  EXPECT_EQ(WireProtocols({}), "");
}

TEST(ContextSetupTest, UnknownGroupsAreLeftOutWithAWarning) {
  std::vector<std::string> warnings;
  EXPECT_EQ(KnownGroups({"X25519", "nobody", "P-256"}, &warnings),
            (std::vector<std::string>{"X25519", "P-256"}));
  EXPECT_EQ(
      warnings,
      (std::vector<std::string>{"groups: nobody is not known to this OpenSSL, and left out"}));
}

// OpenSSL takes no list with one of them twice, under whatever names.
TEST(ContextSetupTest, GroupsAreTakenOnce) {
  std::vector<std::string> warnings;
  EXPECT_EQ(KnownGroups({"X25519", "P-256", "prime256v1", "X25519"}, &warnings),
            (std::vector<std::string>{"X25519", "P-256"}));
  EXPECT_EQ(warnings, (std::vector<std::string>{"groups: prime256v1 is there already, and left out",
                                                "groups: X25519 is there already, and left out"}));
}

// Whatever the machine's openssl.cnf says.
TEST(ContextSetupTest, LimitsAreExplicit) {
  const auto material = TlsServerMaterial::Load(SiteSettings());
  ASSERT_TRUE(material.ok());
  const auto server = MakeServerContext(**material, (*material)->parsed().hosts[0]);
  const auto upstream = TlsClientMaterial::Load(UpstreamSettings(), nullptr);
  ASSERT_TRUE(upstream.ok());
  const auto client = MakeClientContext(**upstream);
  for (SSL_CTX* context : {server->get(), client->get()}) {
    EXPECT_EQ(SSL_CTX_get_min_proto_version(context), TLS1_2_VERSION);
    EXPECT_EQ(SSL_CTX_get_max_proto_version(context), TLS1_3_VERSION);
    EXPECT_EQ(SSL_CTX_get_security_level(context), 2);
    EXPECT_EQ(sk_SSL_CIPHER_num(SSL_CTX_get_ciphers(context)), 9);
    EXPECT_NE(SSL_CTX_get_options(context) & SSL_OP_NO_RENEGOTIATION, 0u);
    EXPECT_EQ(SSL_CTX_get_options(context) & SSL_OP_CIPHER_SERVER_PREFERENCE, 0u);
    EXPECT_EQ(SSL_CTX_get_max_early_data(context), 0u);
  }
  EXPECT_EQ(SSL_CTX_get_session_cache_mode(server->get()), SSL_SESS_CACHE_OFF);
  EXPECT_EQ(SSL_CTX_get_num_tickets(server->get()), 1u);
  EXPECT_EQ(SSL_CTX_get_verify_mode(client->get()), SSL_VERIFY_PEER);
}

}  // namespace
}  // namespace holdfast::pool
