#include "pool/tls/peer_identity.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/pool/tls/support/tls_peer.h"
#include "tests/pool/tls/support/tls_worker.h"

namespace holdfast::pool {
namespace {

class PeerIdentityTest : public testing::Test, public TlsWorker {
 protected:
  PeerIdentityTest() {
    settings_.client_auth = TlsClientAuth{.mode = TlsClientAuthMode::kOptional,
                                          .authorities = TestAuthority().chain("clients.pem")};
  }
  void Greet(const TlsPeer::Options& options) {
    if (context_ == nullptr) context_ = ServerWith(settings_);
    Serve(context_);
    client_ = std::make_unique<TlsPeer>(options);
    ASSERT_TRUE(TurnUntil([&] {
      client_->Turn(peer);
      return decided();
    }));
    for (int i = 0; i < 5; ++i) {
      Turn();
      client_->Turn(peer);
    }
    ASSERT_EQ(word(), "");
  }

  TlsServerSettings settings_ = SiteSettings();
  std::shared_ptr<TlsServerContext> context_;
  std::unique_ptr<TlsPeer> client_;
};

TEST_F(PeerIdentityTest, TellsOfACertificateThatIsGood) {
  const Issued app = IssuedBy(
      TestAuthority(), {.names = {"dns:App.test", "uri:spiffe://test/app", "ip:127.0.0.1"}}, "app");
  Greet({.server_name = "a.test", .certificate = &app});
  EXPECT_TRUE(transport().secure()->verified);
  const PeerIdentity* identity = transport().identity(/*whole=*/false);
  ASSERT_NE(identity, nullptr);
  EXPECT_EQ(identity->subject, "CN=app");
  EXPECT_EQ(identity->names, (std::vector<std::string>{"dns:app.test", "uri:spiffe://test/app"}));
  EXPECT_EQ(identity->certificate, "") << "nobody has asked for it";
  ASSERT_EQ(transport().identity(/*whole=*/true), identity);
  // PEM has the same base64 in it.
  std::string base64;
  for (const char c : app.chain().pem.substr(app.chain().pem.find("-----\n") + 6)) {
    if (c == '-') break;
    if (c != '\n') base64 += c;
  }
  EXPECT_EQ(identity->certificate, ":" + base64 + ":");
  EXPECT_EQ(identity->chain, "") << "the client has sent none";
  EXPECT_EQ(identity->fingerprint.size(), 64u);
  EXPECT_EQ(identity->fingerprint.find_first_not_of("0123456789abcdef"), std::string::npos);
}

TEST_F(PeerIdentityTest, TheChainIsWhatTheClientHasSentBesides) {
  const Issued middle = IssuedBy(TestAuthority(), {.authority = true}, "middle");
  const Issued app = IssuedBy(middle, {.names = {"dns:app.test"}}, "app");
  Greet({.server_name = "a.test", .certificate = &app, .more_chain = middle.pem()});
  const PeerIdentity* identity = transport().identity(/*whole=*/true);
  ASSERT_NE(identity, nullptr);
  EXPECT_TRUE(identity->chain.starts_with(":") && identity->chain.ends_with(":"));
  EXPECT_EQ(identity->chain.find(", "), std::string::npos) << "one, without its own";
  EXPECT_NE(identity->chain, identity->certificate);
}

TEST_F(PeerIdentityTest, TheChainIsOnlyWhatVouchesForTheClient) {
  const Issued middle = IssuedBy(TestAuthority(), {.authority = true}, "middle");
  const Issued other = IssuedBy(TestAuthority(), {.authority = true}, "admin");
  const Issued app = IssuedBy(middle, {.names = {"dns:app.test"}}, "app");
  Greet({.server_name = "a.test", .certificate = &app, .more_chain = middle.pem()});
  const std::string chain = transport().identity(/*whole=*/true)->chain;
  Greet({.server_name = "a.test",
         .certificate = &app,
         .more_chain = other.pem() + middle.pem() + other.pem()});
  EXPECT_EQ(transport().identity(/*whole=*/true)->chain, chain) << "it was sent more";
  const Issued direct = IssuedBy(TestAuthority(), {.names = {"dns:app.test"}}, "app");
  Greet({.server_name = "a.test", .certificate = &direct, .more_chain = other.pem()});
  EXPECT_EQ(transport().identity(/*whole=*/true)->chain, "");
}

TEST_F(PeerIdentityTest, ASessionThatIsResumedKnowsItsClient) {
  const Issued app = IssuedBy(TestAuthority(), {.names = {"dns:app.test"}}, "app");
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Greet({.server_name = "a.test", .certificate = &app, .version = version});
    SSL_SESSION* const session = client_->session();
    ASSERT_NE(session, nullptr);
    const std::unique_ptr<TlsPeer> first = std::move(client_);
    Greet({.server_name = "a.test", .version = version, .session = session});
    EXPECT_TRUE(transport().secure()->resumed);
    EXPECT_TRUE(transport().secure()->verified);
    ASSERT_NE(transport().identity(true), nullptr);
    EXPECT_EQ(transport().identity(true)->subject, "CN=app");
  }
}

TEST_F(PeerIdentityTest, WhoShowsNoneIsNobody) {
  Greet({.server_name = "a.test"});
  EXPECT_FALSE(transport().secure()->verified);
  EXPECT_EQ(transport().identity(true), nullptr);
  EXPECT_EQ(transport().secure()->server_name, "a.test");
  EXPECT_EQ(transport().secure()->version, "TLSv1.3");
  EXPECT_FALSE(transport().secure()->cipher.empty());
  EXPECT_FALSE(transport().secure()->resumed);
}

// What nobody has checked is nobody's identity.
TEST_F(PeerIdentityTest, WhereNobodyIsAskedNobodyIsVerified) {
  settings_.client_auth.reset();
  const Issued app = IssuedBy(TestAuthority(), {.names = {"dns:app.test"}}, "app");
  Greet({.server_name = "a.test", .certificate = &app});
  EXPECT_FALSE(transport().secure()->verified);
  EXPECT_EQ(transport().identity(true), nullptr);
}

TEST_F(PeerIdentityTest, NamesThatAreNotPrintableAreLeftOut) {
  const Issued app =
      IssuedBy(TestAuthority(), {.names = {"uri:a\r\nX-Admin: 1", "uri:b c", "uri:d"}}, "app");
  Greet({.server_name = "a.test", .certificate = &app});
  ASSERT_NE(transport().identity(false), nullptr);
  EXPECT_EQ(transport().identity(false)->names, std::vector<std::string>{"uri:d"});
}

}  // namespace
}  // namespace holdfast::pool
