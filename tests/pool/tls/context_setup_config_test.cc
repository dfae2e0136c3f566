#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "tests/pool/tls/support/tls_peer.h"
#include "tests/pool/tls/support/tls_worker.h"
#include "tests/support/temp_dir.h"

// The library's own configuration file is not ours. It is read once in a process, so this has a
// program of its own.

namespace holdfast::pool {
namespace {

// With this file in force no handshake below would succeed.
constexpr const char* kHostile = R"(
openssl_conf = main
[main]
ssl_conf = ssl
[ssl]
system_default = limits
[limits]
MinProtocol = TLSv1.3
MaxProtocol = TLSv1.3
Ciphersuites = TLS_CHACHA20_POLY1305_SHA256
Groups = P-521
)";

class ContextConfigTest : public testing::Test, public TlsWorker {};

TEST_F(ContextConfigTest, TheMachinesSettingsAreNotRead) {
  const support::TempDir folder;
  const std::string file = folder.Write("openssl.cnf", kHostile);
  setenv("OPENSSL_CONF", file.c_str(), 1);
  ASSERT_TRUE(TicketKeys::Fresh().has_value());  // whatever is asked of the room first
  Serve(ServerWith(SiteSettings()));
  TlsPeer client({.server_name = "a.test", .version = TLS1_2_VERSION, .groups = "X25519:P-256"});
  ASSERT_TRUE(TurnUntil([&] {
    client.Turn(peer);
    return connection->established();
  })) << client.error();
  EXPECT_EQ(transport().version(), "TLSv1.2");
}

}  // namespace
}  // namespace holdfast::pool
