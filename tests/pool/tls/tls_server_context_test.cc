#include "pool/tls/tls_server_context.h"

#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "pool/tls/keyed_chain.h"
#include "tests/pool/tls/support/tls_peer.h"
#include "tests/pool/tls/support/tls_worker.h"

// What clients are shown, whom they are let in as, and what they may resume.

namespace holdfast::pool {
namespace {

class TlsServerContextTest : public testing::Test, public TlsWorker {
 protected:
  // Shakes hands until both sides know how it ended.
  void Greet(const std::shared_ptr<TlsServerContext>& context, const TlsPeer::Options& options) {
    Serve(context);
    client_ = std::make_unique<TlsPeer>(options);
    EXPECT_TRUE(TurnUntil([&] {
      client_->Turn(peer);
      return connection->established() || connection->error_word() != nullptr;
    }));
    // A client of TLS 1.3 is done before it is told that it is not wanted; and its tickets come.
    for (int i = 0; i < 5; ++i) {
      Turn();
      client_->Turn(peer);
    }
  }
  // The first name of the certificate that the client was shown; empty: none.
  std::string Shown() const {
    X509* certificate = SSL_get0_peer_certificate(client_->ssl());
    if (certificate == nullptr) return {};
    bool nul = false;
    const auto names = SubjectNames(certificate, &nul);
    return names.empty() ? "nameless" : names[0];
  }
  bool ShownRsa() const {
    X509* certificate = SSL_get0_peer_certificate(client_->ssl());
    return EVP_PKEY_get_base_id(X509_get0_pubkey(certificate)) == EVP_PKEY_RSA;
  }

  std::unique_ptr<TlsPeer> client_;
};

TlsServerSettings SettingsFor(const std::vector<const Issued*>& sites) {
  TlsServerSettings settings{.listener = "edge"};
  for (const Issued* site : sites) settings.certificates.push_back(site->settings());
  return settings;
}

TlsClientAuth ClientsOf(const Issued& authority) {
  return {.authorities = authority.chain("clients.pem")};
}

TEST_F(TlsServerContextTest, ChoosesByTheNameThatIsAskedFor) {
  const Issued first = SiteFor({"first.test"}), wild = SiteFor({"*.a.test"}),
               exact = SiteFor({"www.a.test"});
  const auto context = ServerWith(SettingsFor({&first, &wild, &exact}));
  const std::pair<const char*, const char*> cases[] = {
      {"first.test", "dns:first.test"}, {"www.a.test", "dns:www.a.test"},
      {"WWW.A.test", "dns:www.a.test"}, {"api.a.test", "dns:*.a.test"},
      {"x.y.a.test", "dns:first.test"}, {"a.test", "dns:first.test"},
      {"other.test", "dns:first.test"}, {"", "dns:first.test"},
      {"127.0.0.1", "dns:first.test"},
  };
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const auto& [asked, shown] : cases) {
      Greet(context, {.server_name = asked, .version = version});
      EXPECT_EQ(Shown(), shown) << asked;
      EXPECT_EQ(client_->error(), "");
    }
  }
}

TEST_F(TlsServerContextTest, StrictlyNobodyIsRefused) {
  TlsServerSettings settings = SiteSettings();
  settings.strict_sni = true;
  const auto context = ServerWith(settings);
  for (const char* asked : {"other.test", "", "127.0.0.1"}) {
    Greet(context, {.server_name = asked});
    EXPECT_EQ(word(), "tls_unknown_name") << asked;
    EXPECT_EQ(client_->error(), "tlsv1 unrecognized name");
  }
  Greet(context, {.server_name = "a.test"});
  EXPECT_TRUE(connection->established());
}

TEST_F(TlsServerContextTest, RsaAndEcdsaSideBySide) {
  const Issued rsa = SiteFor({"a.test"}, /*rsa=*/true), ecdsa = SiteFor({"a.test"});
  const auto context = ServerWith(SettingsFor({&rsa, &ecdsa}));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Greet(context, {.server_name = "a.test", .version = version});
    EXPECT_FALSE(ShownRsa());
    Greet(context, {.server_name = "a.test", .version = version, .signatures = "RSA-PSS+SHA256"});
    EXPECT_TRUE(ShownRsa());
    Greet(context, {.server_name = "a.test", .version = version, .signatures = "ed25519"});
    EXPECT_EQ(word(), "tls_no_shared_cipher");
  }
}

TEST_F(TlsServerContextTest, NothingInCommonHasAWordEach) {
  TlsServerSettings settings = SiteSettings();
  settings.groups = {"X25519"};
  settings.protocols = {"h2", "http/1.1"};
  const auto context = ServerWith(settings);
  Greet(context, {.version = TLS1_2_VERSION, .ciphers = "ECDHE-ECDSA-AES128-SHA"});
  EXPECT_EQ(word(), "tls_no_shared_cipher");
  Greet(context, {.groups = "P-384"});
  EXPECT_EQ(word(), "tls_no_shared_group");
  Greet(context, {.alpn = "\x03smb"});
  EXPECT_EQ(word(), "tls_no_shared_protocol");
  Greet(context, {.version = TLS1_1_VERSION,
                  .more = [](SSL_CTX* client) { SSL_CTX_set_security_level(client, 0); }});
  EXPECT_EQ(word(), "tls_version");
}

TEST_F(TlsServerContextTest, TheProtocolIsTheFirstOfOursThatTheClientHas) {
  TlsServerSettings settings = SiteSettings();
  settings.protocols = {"h2", "http/1.1"};
  const auto context = ServerWith(settings);
  Greet(context, {.alpn = "\x08http/1.1\x02h2"});
  EXPECT_EQ(transport().protocol(), "h2");
  Greet(context, {.alpn = "\x08http/1.1"});
  EXPECT_EQ(transport().protocol(), "http/1.1");
  Greet(context, {});
  EXPECT_EQ(transport().protocol(), "");
}

TEST_F(TlsServerContextTest, ASessionIsResumedWithATicket) {
  const auto context = ServerWith(SiteSettings());
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Greet(context, {.server_name = "a.test", .version = version});
    const auto before = std::move(client_);
    ASSERT_NE(before->session(), nullptr);
    Greet(context, {.server_name = "a.test", .version = version, .session = before->session()});
    EXPECT_TRUE(transport().resumed());
    EXPECT_TRUE(client_->resumed());
    EXPECT_EQ(transport().server_name(), "a.test");
  }
}

// It uses each one once.
TEST_F(TlsServerContextTest, AClientThatResumesIsGivenTheNextTicket) {
  const auto context = ServerWith(SiteSettings());
  Greet(context, {.server_name = "a.test", .version = TLS1_3_VERSION});
  for (int i = 0; i < 3; ++i) {
    const auto before = std::move(client_);
    ASSERT_NE(before->session(), nullptr) << i;
    Greet(context,
          {.server_name = "a.test", .version = TLS1_3_VERSION, .session = before->session()});
    EXPECT_TRUE(transport().resumed()) << i;
  }
}

TEST_F(TlsServerContextTest, TicketsCanBeOff) {
  TlsServerSettings settings = SiteSettings();
  settings.tickets = std::nullopt;
  const auto context = ServerWith(settings);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Greet(context, {.server_name = "a.test", .version = version});
    EXPECT_TRUE(connection->established());
    EXPECT_TRUE(client_->session() == nullptr || SSL_SESSION_has_ticket(client_->session()) == 0);
  }
}

// Workers, processes and replicas have one set of keys, and change it at different times.
TEST_F(TlsServerContextTest, ATicketIsGoodWhereTheKeysAreKnown) {
  const auto keys = *TicketKeys::Fresh();
  const auto material = *TlsServerMaterial::Load(SiteSettings());
  const auto context = TlsServerContext::Make(material, std::make_shared<const TicketKeys>(keys));
  Greet(context, {.server_name = "a.test"});
  const auto before = std::move(client_);
  const auto resumes = [&](const TicketKeys& now) {
    const auto other = TlsServerContext::Make(material, std::make_shared<const TicketKeys>(keys));
    other->UseTicketKeys(std::make_shared<const TicketKeys>(now));
    // The library uses each one once.
    const SessionPtr session(SSL_SESSION_dup(before->session()));
    Greet(other, {.server_name = "a.test", .session = session.get()});
    EXPECT_TRUE(connection->established());
    return transport().resumed();
  };
  EXPECT_TRUE(resumes(keys));
  EXPECT_TRUE(resumes(*keys.Rotated()));
  EXPECT_FALSE(resumes(*keys.Rotated()->Rotated()));
  EXPECT_FALSE(resumes(*TicketKeys::Fresh()));
}

// CVE-2025-23419: a session of one name must not stand for another's check of clients.
TEST_F(TlsServerContextTest, ASessionIsNotResumedAcrossHosts) {
  const Issued open = SiteFor({"open.test"}), closed = SiteFor({"closed.test"});
  TlsServerSettings settings = SettingsFor({&open, &closed});
  settings.certificates[1].client_auth = ClientsOf(TestAuthority());
  const auto context = ServerWith(settings);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Greet(context, {.server_name = "open.test", .version = version});
    const auto before = std::move(client_);
    ASSERT_NE(before->session(), nullptr);
    Greet(context,
          {.server_name = "closed.test", .version = version, .session = before->session()});
    EXPECT_FALSE(connection->established());
    EXPECT_EQ(word(), "tls_client_certificate_required");
  }
}

TEST_F(TlsServerContextTest, NorAcrossListenersOrNames) {
  const Issued one = SiteFor({"one.test"}), two = SiteFor({"two.test"});
  const auto context = ServerWith(SettingsFor({&one, &two}));
  TlsServerSettings moved = SettingsFor({&one, &two});
  moved.listener = "other";
  const auto elsewhere = ServerWith(moved);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Greet(context, {.server_name = "one.test", .version = version});
    const auto before = std::move(client_);
    for (const auto& [where, name] : {std::pair(context, "two.test"), {elsewhere, "one.test"}}) {
      Greet(where, {.server_name = name, .version = version, .session = before->session()});
      EXPECT_TRUE(connection->established());
      EXPECT_FALSE(transport().resumed());
    }
  }
}

TEST_F(TlsServerContextTest, AClientThatMustShowACertificateIsChecked) {
  const Issued other = SelfSigned({.authority = true}, "other");
  const Issued good = IssuedBy(TestAuthority(), {.names = {"uri:spiffe://a/client"}});
  const Issued strange = IssuedBy(other, {});
  const Issued itself = SelfSigned({});
  const Issued old = IssuedBy(TestAuthority(), {.begins_in_days = -9, .ends_in_days = -1});
  TlsServerSettings settings = SiteSettings();
  settings.client_auth = ClientsOf(TestAuthority());
  const auto context = ServerWith(settings);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto greet = [&](const Issued* shown) {
      Greet(context, {.certificate = shown, .version = version});
      return std::string(word());
    };
    EXPECT_EQ(greet(&good), "");
    EXPECT_FALSE(transport().PeerCertificate().empty());
    EXPECT_EQ(greet(nullptr), "tls_client_certificate_required");
    EXPECT_EQ(greet(&strange), "tls_unknown_ca");
    EXPECT_EQ(greet(&itself), "tls_self_signed");
    EXPECT_EQ(greet(&old), "tls_expired");
    EXPECT_NE(client_->error(), "") << "it is told with an alert";
  }
}

TEST_F(TlsServerContextTest, AnOptionalCertificateHasToBeGood) {
  const Issued good = IssuedBy(TestAuthority(), {}), itself = SelfSigned({});
  TlsServerSettings settings = SiteSettings();
  settings.client_auth = ClientsOf(TestAuthority());
  settings.client_auth->mode = TlsClientAuthMode::kOptional;
  const auto context = ServerWith(settings);
  Greet(context, {});
  EXPECT_TRUE(connection->established());
  EXPECT_EQ(transport().PeerCertificate(), "");
  Greet(context, {.certificate = &good});
  EXPECT_TRUE(connection->established());
  EXPECT_NE(transport().PeerCertificate(), "");
  Greet(context, {.certificate = &itself});
  EXPECT_EQ(word(), "tls_self_signed");
}

TEST_F(TlsServerContextTest, OnlyAllowedNamesAreLetIn) {
  const Issued uri = IssuedBy(TestAuthority(), {.names = {"dns:x.test", "uri:spiffe://a/client"}});
  const Issued longer = IssuedBy(TestAuthority(), {.names = {"uri:spiffe://a/client/2"}});
  const Issued dns = IssuedBy(TestAuthority(), {.names = {"dns:Client.test"}});
  const Issued kind = IssuedBy(TestAuthority(), {.names = {"dns:spiffe://a/client"}});
  const Issued forged = IssuedBy(
      TestAuthority(),
      {.names = {std::string("uri:spiffe://a/client\0.evil", 27), "uri:spiffe://a/client"}});
  const Issued nameless = IssuedBy(TestAuthority(), {}, "uri:spiffe://a/client");
  TlsServerSettings settings = SiteSettings();
  settings.client_auth = ClientsOf(TestAuthority());
  settings.client_auth->allow_san = {"uri:spiffe://a/client", "dns:client.test"};
  const auto context = ServerWith(settings);
  for (const Issued* good : {&uri, &dns}) {
    Greet(context, {.certificate = good});
    EXPECT_EQ(word(), "");
  }
  for (const Issued* bad : {&longer, &kind, &forged, &nameless}) {
    Greet(context, {.certificate = bad});
    EXPECT_EQ(word(), "tls_name_not_allowed");
  }
}

TEST_F(TlsServerContextTest, RevokedClientsAreNotLetIn) {
  const Issued good = IssuedBy(TestAuthority(), {}), bad = IssuedBy(TestAuthority(), {});
  const Issued site = SiteFor({"open.test"});
  TlsServerSettings settings = SettingsFor({&site});
  settings.certificates.push_back(SiteSettings().certificates[0]);
  auto& auth = settings.certificates[1].client_auth;
  auth = ClientsOf(TestAuthority());
  auth->revoked = {.pem = RevocationList(TestAuthority(), {&bad}), .name = "crl.pem"};
  const auto context = ServerWith(settings);
  Greet(context, {.server_name = "a.test", .certificate = &good});
  EXPECT_EQ(word(), "");
  Greet(context, {.server_name = "a.test", .certificate = &bad});
  EXPECT_EQ(word(), "tls_revoked");
  Greet(context, {.server_name = "open.test", .certificate = &bad});
  EXPECT_EQ(word(), "") << "nobody asks there";
}

// The default host's policy must not stay on a connection that is another's.
TEST_F(TlsServerContextTest, EachHostChecksClientsInItsOwnWay) {
  const Issued closed = SiteFor({"closed.test"}), open = SiteFor({"open.test"});
  TlsServerSettings settings = SettingsFor({&closed, &open});
  auto& auth = settings.certificates[0].client_auth;
  auth = ClientsOf(TestAuthority());
  auth->revoked = {.pem = RevocationList(TestAuthority(), {}), .name = "crl.pem"};
  const auto context = ServerWith(settings);
  Greet(context, {.server_name = "open.test"});
  EXPECT_EQ(word(), "");
  EXPECT_EQ(transport().client_policy(), context->ClientPolicyOf("open.test"));
  EXPECT_NE(transport().client_policy(), context->ClientPolicyOf("closed.test"));
  Greet(context, {.server_name = "unknown.test"});
  EXPECT_EQ(word(), "tls_client_certificate_required");
}

// A route may be for hosts that no certificate is for, at any depth below a name for instance.
TEST_F(TlsServerContextTest, AHostThatNoCertificateIsForIsNobodysWhereClientsAreCheckedInTwoWays) {
  const Issued open = SiteFor({"open.test"}), closed = SiteFor({"*.closed.test"});
  TlsServerSettings settings = SettingsFor({&open, &closed});
  EXPECT_EQ(ServerWith(settings)->ClientPolicyOf("a.b.closed.test"), 0u) << "one way, one answer";
  settings.certificates[1].client_auth = ClientsOf(TestAuthority());
  const auto context = ServerWith(settings);
  Greet(context, {.server_name = "open.test"});
  const std::string label(63, 'a');
  for (const std::string& host :
       {std::string("a.b.closed.test"), std::string("..closed.test"), std::string("192.0.2.1"),
        label + "." + label + "." + label + "." + label + ".closed.test",
        std::string("unknown.test"), std::string("a.closed.test"), std::string("A.Closed.Test.")}) {
    EXPECT_FALSE(transport().MayAskFor(host)) << host;
  }
  EXPECT_TRUE(transport().MayAskFor("open.test"));
  EXPECT_TRUE(transport().MayAskFor("Open.Test."));
  EXPECT_TRUE(transport().MayAskFor("")) << "HTTP/1.0";
}

TEST_F(TlsServerContextTest, ARunningConnectionKeepsItsContext) {
  auto context = ServerWith(SiteSettings());
  Greet(context, {.server_name = "a.test"});
  context.reset();
  EXPECT_EQ(transport().client_policy(), 0u);
  SendAll(peer, client_->Data("hello"));
  for (int i = 0; i < 3; ++i) Turn();
  EXPECT_EQ(Read(), "hello");
}

TEST_F(TlsServerContextTest, PlainHttpIsToldFromGarbage) {
  const auto context = ServerWith(SiteSettings());
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "plain_http_on_tls"},
      {"P", "plain_http_on_tls"},
      {std::string_view("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10), "tls_protocol"},
      {std::string_view("\x17\x03\x03\xff\xff\x02\x28", 7), "tls_protocol"},
      {"\xff\xfe\xfd\xfc\xfb\xfa", "tls_protocol"},
  };
  for (const auto& [sent, expected] : cases) {
    Serve(context);
    SendAll(peer, sent);
    EXPECT_TRUE(TurnUntil([&] { return decided(); })) << expected;
    EXPECT_EQ(word(), expected);
    EXPECT_EQ(calls, 1);
    if (expected == "plain_http_on_tls") {
      EXPECT_EQ(transport().wire_bytes_written(), 0u) << "it may be answered in plain text";
    }
  }
}

TEST_F(TlsServerContextTest, OneWhoLeavesInTheHandshakeIsTold) {
  const auto context = ServerWith(SiteSettings());
  TlsPeer hello({});
  hello.Handshake();
  const std::string wire = hello.Take();
  for (const size_t sent : {size_t{0}, size_t{1}, size_t{100}, wire.size()}) {
    for (const bool reset : {false, true}) {
      Serve(context);
      SendAll(peer, std::string_view(wire).substr(0, sent));
      Turn();
      if (reset) {
        CloseWithReset(peer);
      } else {
        peer.Reset();
      }
      EXPECT_TRUE(TurnUntil([&] { return decided(); })) << sent;
      EXPECT_EQ(word(), "tls_closed_in_handshake");
    }
  }
}

}  // namespace
}  // namespace holdfast::pool
