#include "pool/tls/tls_client_context.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/pool/tls/support/tls_peer.h"
#include "tests/pool/tls/support/tls_worker.h"

// Which upstreams are believed, and what is kept of them.

namespace holdfast::pool {
namespace {

class TlsClientContextTest : public testing::Test, public TlsWorker {
 protected:
  // Returns the word for what went wrong; empty: nothing.
  std::string Call(const std::shared_ptr<TlsClientContext>& context,
                   const TlsPeer::Options& options) {
    Connect(context);
    server_ = std::make_unique<TlsPeer>(options);
    EXPECT_TRUE(TurnUntil([&] {
      server_->Turn(peer);
      return decided();
    }));
    for (int i = 0; i < 5; ++i) {
      Turn();
      server_->Turn(peer);
    }
    return std::string(word());
  }
  std::string Call(const TlsSettings& settings, const Issued& site, int version = 0) {
    return Call(ClientWith(settings), {.server = true, .certificate = &site, .version = version});
  }

  std::unique_ptr<TlsPeer> server_;
};

TEST_F(TlsClientContextTest, EveryFaultOfACertificateHasItsWord) {
  const Issued stranger = SelfSigned({.authority = true}, "stranger");
  const TlsSettings settings = UpstreamSettings();
  const std::vector<std::string> name = {"dns:a.test"};
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    EXPECT_EQ(Call(settings, SiteFor({"a.test"}), version), "");
    EXPECT_EQ(Call(settings, SiteFor({"b.test"}), version), "tls_name_mismatch");
    EXPECT_EQ(Call(settings, SiteFor({"a*.test"}), version), "tls_name_mismatch");
    EXPECT_EQ(Call(settings, IssuedBy(TestAuthority(), {}, "a.test"), version), "tls_name_mismatch")
        << "the subject is no name";
    EXPECT_EQ(Call(settings, IssuedBy(stranger, {.names = name}), version), "tls_unknown_ca");
    EXPECT_EQ(Call(settings, SelfSigned({.names = name}), version), "tls_self_signed");
    EXPECT_EQ(
        Call(settings,
             IssuedBy(TestAuthority(), {.names = name, .begins_in_days = -9, .ends_in_days = -1}),
             version),
        "tls_expired");
    EXPECT_EQ(
        Call(settings, IssuedBy(TestAuthority(), {.names = name, .begins_in_days = 1}), version),
        "tls_not_yet_valid");
    EXPECT_NE(server_->error(), "") << "it is told with an alert";
  }
}

TEST_F(TlsClientContextTest, LessIsVerifiedWhereThatIsWanted) {
  TlsSettings settings = UpstreamSettings();
  settings.verify = TlsVerify::kChain;
  EXPECT_EQ(Call(settings, SiteFor({"b.test"})), "");
  EXPECT_EQ(Call(settings, SelfSigned({})), "tls_self_signed");
  settings.verify = TlsVerify::kNone;
  EXPECT_EQ(Call(settings, SelfSigned({.ends_in_days = 0})), "");
}

TEST_F(TlsClientContextTest, AWildcardIsOneLabel) {
  TlsSettings settings = UpstreamSettings();
  settings.server_name = "www.a.test";
  EXPECT_EQ(Call(settings, SiteFor({"*.a.test"})), "");
  EXPECT_EQ(Call(settings, SiteFor({"*.test"})), "tls_name_mismatch");
  EXPECT_EQ(Call(settings, SiteFor({"w*.a.test"})), "tls_name_mismatch");
}

TEST_F(TlsClientContextTest, AnAddressIsVerifiedAndNotAskedFor) {
  TlsSettings settings = UpstreamSettings();
  const Issued site = IssuedBy(TestAuthority(), {.names = {"ip:127.0.0.1", "ip:::1"}});
  for (const char* name : {"127.0.0.1", "::1", ""}) {
    settings.server_name = name;  // empty: the endpoint's address
    EXPECT_EQ(Call(settings, site), "") << name;
    EXPECT_EQ(SSL_get_servername(server_->ssl(), TLSEXT_NAMETYPE_host_name), nullptr);
  }
  settings.server_name = "127.0.0.2";
  EXPECT_EQ(Call(settings, site), "tls_name_mismatch");
  settings.server_name = "a.test";
  EXPECT_EQ(Call(settings, SiteFor({"a.test"})), "");
  EXPECT_STREQ(SSL_get_servername(server_->ssl(), TLSEXT_NAMETYPE_host_name), "a.test");
}

TEST_F(TlsClientContextTest, AChainIsFollowedAsFarAsItIsSent) {
  const Issued between = IssuedBy(TestAuthority(), {.authority = true}, "between");
  const Issued site = IssuedBy(between, {.names = {"dns:a.test"}});
  const auto context = ClientWith(UpstreamSettings());
  EXPECT_EQ(Call(context, {.server = true, .certificate = &site}), "tls_unknown_ca");
  EXPECT_EQ(Call(context, {.server = true, .certificate = &site, .more_chain = between.pem()}), "");
  TlsSettings settings = UpstreamSettings();
  settings.authorities = between.chain("ca.pem");
  EXPECT_EQ(Call(settings, site), "") << "whoever is in the file is believed";
}

TEST_F(TlsClientContextTest, ShowsItsOwnCertificateWhenAsked) {
  const Issued site = SiteFor({"a.test"}), ours = IssuedBy(TestAuthority(), {}, "us");
  TlsSettings settings = UpstreamSettings();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const TlsPeer::Options asking{
        .server = true, .certificate = &site, .asks_for_certificate = true, .version = version};
    settings.client_certificate = {};
    settings.client_key = {};
    Call(ClientWith(settings), asking);
    Read();  // Under TLS 1.3 the refusal comes afterwards.
    EXPECT_EQ(word(),
              version == TLS1_3_VERSION ? "tls_client_certificate_required" : "tls_refused");
    settings.client_certificate = ours.chain("me.pem");
    settings.client_key = ours.key_file("me.key");
    EXPECT_EQ(Call(ClientWith(settings), asking), "");
    X509* const seen = SSL_get0_peer_certificate(server_->ssl());
    ASSERT_NE(seen, nullptr);
    EXPECT_EQ(X509_cmp(seen, ours.certificate.get()), 0);
  }
}

TEST_F(TlsClientContextTest, OtherFailuresHaveTheirWords) {
  const Issued site = SiteFor({"a.test"});
  TlsSettings settings = UpstreamSettings();
  settings.min_version = TlsVersion::kTls13;
  EXPECT_EQ(Call(settings, site, TLS1_2_VERSION), "tls_version");
  EXPECT_EQ(Call(ClientWith(UpstreamSettings()), {.server = true,
                                                  .certificate = &site,
                                                  .version = TLS1_2_VERSION,
                                                  .ciphers = "ECDHE-ECDSA-AES128-SHA"}),
            "tls_refused");
  for (const auto& [says, expected] :
       {std::pair("HTTP/1.1 400 Bad Request\r\n\r\n", "tls_upstream_speaks_plain"),
        {"SSH-2.0-x\r\n", "tls_protocol"}}) {
    Connect(ClientWith(UpstreamSettings()));
    SendAll(peer, says);
    EXPECT_TRUE(TurnUntil([&] { return decided(); }));
    EXPECT_EQ(word(), expected);
  }
}

TEST_F(TlsClientContextTest, AgreesOnAProtocol) {
  const Issued site = SiteFor({"a.test"});
  TlsSettings settings = UpstreamSettings();
  settings.protocols = {"h2", "http/1.1"};
  EXPECT_EQ(
      Call(ClientWith(settings), {.server = true,
                                  .certificate = &site,
                                  .more =
                                      [](SSL_CTX* context) {
                                        SSL_CTX_set_alpn_select_cb(
                                            context,
                                            [](SSL*, const unsigned char** out, unsigned char* size,
                                               const unsigned char* in, unsigned, void*) {
                                              *out = in + 1;
                                              *size = in[0];
                                              return SSL_TLSEXT_ERR_OK;
                                            },
                                            nullptr);
                                      }}),
      "");
  EXPECT_EQ(transport().protocol(), "h2");
}

TEST_F(TlsClientContextTest, TheLatestSessionIsResumed) {
  const Issued site = SiteFor({"a.test"});
  // One whose tickets each server can open.
  const std::string keys(80, 'k');
  const auto with_keys = [&keys](SSL_CTX* context) {
    SSL_CTX_set_tlsext_ticket_keys(context, const_cast<char*>(keys.data()), 80);
    SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>("x"), 1);
  };
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto context = ClientWith(UpstreamSettings());
    const TlsPeer::Options options{
        .server = true, .certificate = &site, .version = version, .more = with_keys};
    EXPECT_EQ(Call(context, options), "");
    EXPECT_EQ(connection->Inspect(), Quiet::kQuiet);
    EXPECT_FALSE(transport().resumed());
    EXPECT_EQ(context->sessions()->size(), 1u);
    EXPECT_EQ(Call(context, options), "");
    EXPECT_TRUE(transport().resumed());
    EXPECT_FALSE(transport().PeerCertificate().empty()) << "it is known from before";
    Connect(context);
    SendAll(peer, "HTTP/1.1 400\r\n\r\n");
    EXPECT_TRUE(TurnUntil([&] { return decided(); }));
    EXPECT_EQ(context->sessions()->size(), 0u) << "after a failure it is dropped";
    EXPECT_EQ(Call(context, options), "");
    EXPECT_FALSE(transport().resumed());
  }
}

TEST_F(TlsClientContextTest, SessionsAreBounded) {
  TlsClientSessions sessions;
  for (size_t i = 0; i < TlsClientSessions::kMaxSessions + 10; ++i) {
    sessions.Keep(*SocketAddress::FromIp("127.0.0.1", static_cast<uint16_t>(i + 1)),
                  SSL_SESSION_new());
  }
  EXPECT_EQ(sessions.size(), TlsClientSessions::kMaxSessions);
  const SocketAddress last = *SocketAddress::FromIp(
      "127.0.0.1", static_cast<uint16_t>(TlsClientSessions::kMaxSessions + 10));
  EXPECT_NE(sessions.Find(last), nullptr);
  sessions.Drop(last);
  EXPECT_EQ(sessions.Find(last), nullptr);
}

TEST_F(TlsClientContextTest, AConnectionMayOutliveItsContext) {
  const Issued site = SiteFor({"a.test"});
  auto context = ClientWith(UpstreamSettings());
  EXPECT_EQ(Call(context, {.server = true, .certificate = &site}), "");
  context.reset();
  SendAll(peer, server_->Ticket());
  EXPECT_EQ(connection->Inspect(), Quiet::kQuiet);
}

}  // namespace
}  // namespace holdfast::pool
