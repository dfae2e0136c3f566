#include "gateway/proxy/tls_transports.h"

#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "gateway/config/load.h"
#include "metrics/registry.h"
#include "pool/tls/digest.h"
#include "pool/tls/made_certificate.h"
#include "tests/pool/net/socket_pair.h"
#include "tests/pool/tls/support/test_certificates.h"
#include "tests/pool/tls/support/tls_peer.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_dir.h"

namespace holdfast::proxy {
namespace {

// The sockets of the process are its own: what is made of them is destroyed at once.
class TlsTransportsTest : public testing::Test {
 protected:
  config::Config Load(const std::string& host) {
    const pool::Issued site = pool::SiteFor({host});
    const std::string text =
        "listeners: [{name: edge, bind: 127.0.0.1:8443, tls: {certificates: [{cert: " +
        dir_.Write("a.pem", site.chain().pem) +
        ", key: " + dir_.Write("a.key", site.key_file().pem) +
        "}]}}, {name: plain, bind: 127.0.0.1:8080}]\n"
        "upstreams: {web: {endpoints: [\"a.test:443\"], tls: {ca: " +
        dir_.Write("ca.pem", pool::TestAuthority().chain().pem) +
        "}}}\nroutes: [{match: {path_prefix: /}, upstream: web}]\n";
    config::LoadResult result = config::LoadConfig(text, "f.yaml");
    EXPECT_TRUE(result.config.has_value());
    return result.config.value_or(config::Config());
  }
  void Adopt(config::Config* config) {
    const auto plan = tls::LoadTls(config, &stand_ins_, pool::SystemClock().WallNow());
    ASSERT_TRUE(plan.ok()) << plan.status();
    contexts_ = tls::MakeContexts(*config, *plan, {{"edge", keys_}}, contexts_);
    transports_.Adopt(contexts_);
  }
  bool MakesFor(const pool::TlsIdentity& tls) {
    pool::SocketPair pair = pool::TcpPair();
    return transports_.MakeFor(std::move(pair.ours),
                               pool::EndpointKey{"web", pool::SocketAddress(), tls}) != nullptr;
  }

  support::TempDir dir_;
  tls::StandIns stand_ins_;
  metrics::Registry registry_;
  TlsTransports transports_{registry_.AddShard()};
  tls::TlsContexts contexts_;
  std::shared_ptr<const pool::TicketKeys> keys_ =
      std::make_shared<const pool::TicketKeys>(*pool::TicketKeys::Fresh());
};

TEST_F(TlsTransportsTest, OnlyListenersWithTlsHaveOne) {
  config::Config config = Load("a.test");
  Adopt(&config);
  pool::SocketPair pair = pool::TcpPair();
  EXPECT_EQ(transports_.MakeFor(pair.ours, config.listeners[1]), nullptr);
  EXPECT_TRUE(pair.ours.valid()) << "the socket stays where it is";
  EXPECT_NE(transports_.MakeFor(pair.ours, config.listeners[0]), nullptr);
  EXPECT_FALSE(pair.ours.valid());
}

TEST_F(TlsTransportsTest, SettingsOfThePlanBeforeServeOnAndOlderOnesDoNot) {
  config::Config config = Load("a.test");
  Adopt(&config);
  const pool::TlsIdentity first = config.upstreams[0].cluster.tls;
  EXPECT_TRUE(MakesFor(first));
  for (const char* name : {"b.test", "c.test"}) {
    config.upstreams[0].tls->server_name = name;
    EXPECT_TRUE(MakesFor(first)) << name;
    Adopt(&config);
    EXPECT_TRUE(MakesFor(config.upstreams[0].cluster.tls)) << name;
  }
  EXPECT_FALSE(MakesFor(first));
}

TEST_F(TlsTransportsTest, PlainHttpIsAnsweredInPlain) {
  EXPECT_TRUE(transports_.PlainAnswer("tls_protocol").empty());
  const std::string answer(transports_.PlainAnswer("plain_http_on_tls"));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 Bad Request\r\n")) << answer;
  const size_t body = answer.size() - answer.find("\r\n\r\n") - 4;
  EXPECT_NE(answer.find("Content-Length: " + std::to_string(body) + "\r\n"), std::string::npos);
}

// Those of listeners that come later, too.
TEST_F(TlsTransportsTest, ChallengesAreThoseOfEveryListener) {
  const auto certificates = pool::ChallengeCertificates::Make(
      {{"b.test", pool::MakeChallengeCertificate("b.test", pool::Sha256("x"),
                                                 pool::SystemClock().WallNow())}});
  config::Config config = Load("a.test");
  Adopt(&config);
  const auto protocol_of = [&] {
    pool::SocketPair pair = pool::TcpPair();
    pool::ManualClock clock;
    pool::EventLoop loop(&clock);
    pool::SlabPool slabs;
    const std::unique_ptr<pool::Transport> transport =
        transports_.MakeFor(pair.ours, config.listeners[0]);
    transport->Arrive(&loop, &slabs);
    pool::TlsPeer client({.server_name = "b.test",
                          .alpn = "\x0a"
                                  "acme-tls/1"});
    for (int turn = 0; turn < 10'000; ++turn) {
      client.Turn(pair.theirs);
      const pool::IoResult step = transport->Establish();
      if (step.status == pool::IoStatus::kFailed) return std::string("none");
      if (step.status == pool::IoStatus::kOk) return std::string(transport->protocol());
    }
    return std::string("late");
  };
  EXPECT_EQ(protocol_of(), "none");
  transports_.UseChallenges(certificates);
  EXPECT_EQ(protocol_of(), "acme-tls/1");
  config = Load("c.test");
  Adopt(&config);
  EXPECT_EQ(protocol_of(), "acme-tls/1");
  transports_.UseChallenges(nullptr);
  EXPECT_EQ(protocol_of(), "none");
}

}  // namespace
}  // namespace holdfast::proxy
