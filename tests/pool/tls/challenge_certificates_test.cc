#include "pool/tls/challenge_certificates.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "pool/tls/digest.h"
#include "pool/tls/keyed_chain.h"
#include "pool/tls/made_certificate.h"
#include "tests/pool/tls/support/test_certificates.h"
#include "tests/pool/tls/support/tls_peer.h"
#include "tests/pool/tls/support/tls_worker.h"

// What an authority sees that asks for acme-tls/1 (RFC 8737), and what nobody else does.

namespace holdfast::pool {
namespace {

constexpr char kAlpn[] =
    "\x0a"
    "acme-tls/1";

class ChallengeCertificatesTest : public testing::Test, public TlsWorker {
 protected:
  void Greet(const std::shared_ptr<TlsServerContext>& context, const TlsPeer::Options& options) {
    Serve(context);
    client_ = std::make_unique<TlsPeer>(options);
    EXPECT_TRUE(TurnUntil([&] {
      client_->Turn(peer);
      return decided();
    }));
    for (int i = 0; i < 5; ++i) {
      Turn();
      client_->Turn(peer);
    }
  }
  bool SawChallenge() const {
    X509* certificate = SSL_get0_peer_certificate(client_->ssl());
    if (certificate == nullptr) return false;
    ASN1_OBJECT* object = OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1);
    const bool found = X509_get_ext_by_OBJ(certificate, object, -1) >= 0;
    ASN1_OBJECT_free(object);
    return found;
  }
  static std::shared_ptr<const ChallengeCertificates> For(const std::string& name) {
    return ChallengeCertificates::Make(
        {{name, MakeChallengeCertificate(name, Sha256("x"),
                                         WallTime(std::chrono::seconds(1'800'000'000)))}});
  }

  std::unique_ptr<TlsPeer> client_;
};

TEST_F(ChallengeCertificatesTest, WhoAsksSeesTheCertificateOfTheName) {
  const auto context = ServerWith(SiteSettings());
  context->UseChallenges(For("b.test"));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Greet(context, {.server_name = "B.test", .version = version, .alpn = kAlpn});
    ASSERT_TRUE(connection->established()) << word();
    EXPECT_TRUE(SawChallenge());
    EXPECT_EQ(transport().protocol(), kChallengeProtocol);
    EXPECT_EQ(client_->session() != nullptr && SSL_SESSION_has_ticket(client_->session()), false)
        << "there is nothing to resume";
    EXPECT_TRUE(transport().MayAskFor("a.test")) << "as the default host has it";
  }
}

TEST_F(ChallengeCertificatesTest, EverybodyElseSeesWhatTheyWould) {
  const auto context = ServerWith(SiteSettings());
  context->UseChallenges(For("a.test"));
  for (const std::string& alpn : {std::string(), std::string("\x08http/1.1")}) {
    Greet(context, {.server_name = "a.test", .alpn = alpn});
    EXPECT_TRUE(connection->established());
    EXPECT_FALSE(SawChallenge());
  }
  TlsServerSettings settings = SiteSettings();
  settings.protocols = {"http/1.1"};
  const auto http = ServerWith(settings);
  http->UseChallenges(For("a.test"));
  Greet(http, {.server_name = "a.test", .alpn = std::string(kAlpn) + "\x08http/1.1"});
  EXPECT_TRUE(connection->established());
  EXPECT_FALSE(SawChallenge()) << "it is to be asked for alone";
  EXPECT_EQ(transport().protocol(), "http/1.1");
}

TEST_F(ChallengeCertificatesTest, ANameWithoutOneIsRefused) {
  const auto context = ServerWith(SiteSettings());
  context->UseChallenges(For("b.test"));
  for (const char* name : {"a.test", ""}) {
    Greet(context, {.server_name = name, .alpn = kAlpn});
    EXPECT_FALSE(connection->established()) << name;
    EXPECT_EQ(client_->error(), "tlsv1 unrecognized name");
  }
}

TEST_F(ChallengeCertificatesTest, WithoutAnyTheProtocolIsNotSpoken) {
  TlsServerSettings settings = SiteSettings();
  settings.protocols = {"http/1.1"};
  const auto context = ServerWith(settings);
  context->UseChallenges(For("a.test"));
  context->UseChallenges(nullptr);
  Greet(context, {.server_name = "a.test", .alpn = kAlpn});
  EXPECT_FALSE(connection->established());
}

// What a listener asks of its clients is nothing to an authority.
TEST_F(ChallengeCertificatesTest, NeitherNamesNorClientsAreChecked) {
  TlsServerSettings settings = SiteSettings();
  settings.strict_sni = true;
  settings.client_auth = TlsClientAuth{.authorities = TestAuthority().chain("ca.pem")};
  const auto context = ServerWith(settings);
  context->UseChallenges(For("b.test"));
  Greet(context, {.server_name = "b.test", .alpn = kAlpn});
  EXPECT_TRUE(connection->established()) << word();
  EXPECT_TRUE(SawChallenge());
}

TEST_F(ChallengeCertificatesTest, ATicketOfTheListenerOpensNothing) {
  const auto context = ServerWith(SiteSettings());
  context->UseChallenges(For("a.test"));
  Greet(context, {.server_name = "a.test"});
  SSL_SESSION* const session = client_->session();
  ASSERT_NE(session, nullptr);
  SSL_SESSION_up_ref(session);
  const SessionPtr kept(session);
  Greet(context, {.server_name = "a.test", .alpn = kAlpn, .session = kept.get()});
  EXPECT_TRUE(connection->established()) << word();
  EXPECT_FALSE(client_->resumed());
  EXPECT_TRUE(SawChallenge());
}

TEST_F(ChallengeCertificatesTest, OneUnderWayOutlivesItsWithdrawal) {
  const auto context = ServerWith(SiteSettings());
  context->UseChallenges(For("a.test"));
  Serve(context);
  client_ = std::make_unique<TlsPeer>(TlsPeer::Options{.server_name = "a.test", .alpn = kAlpn});
  client_->Turn(peer);
  Turn();
  context->UseChallenges(nullptr);
  EXPECT_TRUE(TurnUntil([&] {
    client_->Turn(peer);
    return decided();
  }));
  EXPECT_TRUE(connection->established());
}

void ForgetAlpn(int sent, int, int content, const void* bytes, size_t size, SSL* ssl, void*) {
  if (sent == 0 && content == SSL3_RT_HANDSHAKE && size > 0 &&
      static_cast<const uint8_t*>(bytes)[0] == SSL3_MT_SERVER_HELLO) {
    SSL_set_alpn_protos(ssl, nullptr, 0);
  }
}

// A client whose first hello asks for a challenge, and whose second one, after our request to try
// another group, for nothing: it would be let in without the certificate that all others must show.
TEST_F(ChallengeCertificatesTest, NobodyGetsInByAskingForAChallengeFirst) {
  TlsServerSettings settings = SiteSettings();
  settings.client_auth = TlsClientAuth{.authorities = TestAuthority().chain("ca.pem")};
  const auto context = ServerWith(settings);
  context->UseChallenges(For("a.test"));
  for (const bool forgets : {false, true}) {
    const SslPtr server(context->NewConnection());
    const SslContextPtr library(SSL_CTX_new(TLS_client_method()));
    ASSERT_EQ(SSL_CTX_set1_groups_list(library.get(), "P-521:X25519"), 1);
    const SslPtr client(SSL_new(library.get()));
    SSL_set_tlsext_host_name(client.get(), "a.test");
    SSL_set_alpn_protos(client.get(), reinterpret_cast<const uint8_t*>(kAlpn), sizeof(kAlpn) - 1);
    if (forgets) SSL_set_msg_callback(client.get(), ForgetAlpn);
    BIO *ours = nullptr, *theirs = nullptr;
    ASSERT_EQ(BIO_new_bio_pair(&ours, 0, &theirs, 0), 1);
    SSL_set_bio(server.get(), ours, ours);
    SSL_set_bio(client.get(), theirs, theirs);
    SSL_set_connect_state(client.get());
    int done = 0;
    for (int i = 0; i < 20 && done != 1; ++i) {
      SSL_do_handshake(client.get());
      done = SSL_do_handshake(server.get());
    }
    const unsigned char* protocol = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(server.get(), &protocol, &size);
    EXPECT_EQ(done == 1, !forgets);
    EXPECT_EQ(size > 0, !forgets) << "whoever gets in is known for what it is";
    ERR_clear_error();
  }
}

}  // namespace
}  // namespace holdfast::pool
