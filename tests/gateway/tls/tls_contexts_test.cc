#include "gateway/tls/tls_contexts.h"

#include <string>

#include <gtest/gtest.h>

#include "gateway/config/load.h"
#include "tests/pool/tls/support/test_certificates.h"
#include "tests/support/temp_dir.h"

namespace holdfast::tls {
namespace {

class TlsContextsTest : public testing::Test {
 protected:
  TlsContexts Make(const std::string& tickets, const TlsContexts& before = {}) {
    config::LoadResult loaded = config::LoadConfig(
        "listeners: [{name: edge, bind: 127.0.0.1:8443, tls: {certificates: [{cert: " +
            dir_.Path("a.pem") + ", key: " + dir_.Path("a.key") +
            "}], session_tickets: " + tickets +
            "}}, {name: plain, bind: 127.0.0.1:8080}]\n"
            "upstreams: {web: {endpoints: [\"a.test:443\"], tls: {ca: " +
            dir_.Path("ca.pem") +
            "}}, same: {endpoints: [\"a.test:444\"], tls: {ca: " + dir_.Path("ca.pem") +
            "}}}\nroutes: [{match: {path: /s}, upstream: same}, {upstream: web}]\n",
        "test");
    EXPECT_TRUE(loaded.config.has_value()) << config::FormatDiagnostics(loaded.diagnostics);
    auto plan = LoadTls(&*loaded.config, &stand_ins_, pool::SystemClock().WallNow());
    EXPECT_TRUE(plan.ok()) << plan.status();
    return MakeContexts(*loaded.config, *plan, {{"edge", keys_}}, before);
  }
  void WriteSite(const std::string& name) {
    const pool::Issued site = pool::SiteFor({name});
    dir_.Write("a.pem", site.chain().pem);
    dir_.Write("a.key", site.key_file().pem);
  }
  void SetUp() override {
    WriteSite("a.test");
    dir_.Write("ca.pem", pool::TestAuthority().chain().pem);
  }

  support::TempDir dir_;
  StandIns stand_ins_;
  std::shared_ptr<const pool::TicketKeys> keys_ =
      std::make_shared<const pool::TicketKeys>(*pool::TicketKeys::Fresh());
};

TEST_F(TlsContextsTest, EachListenerAndEachWayToSpeakToUpstreamsHasOne) {
  const TlsContexts contexts = Make("{}");
  ASSERT_EQ(contexts.servers.size(), 1u);
  EXPECT_TRUE(contexts.servers.contains("edge"));
  EXPECT_EQ(contexts.clients.size(), 1u);
}

TEST_F(TlsContextsTest, WhatSaysTheSameIsKept) {
  const TlsContexts first = Make("{}");
  const TlsContexts second = Make("{}", first);
  EXPECT_EQ(second.servers.at("edge"), first.servers.at("edge"));
  EXPECT_EQ(second.clients.begin()->second, first.clients.begin()->second);
  WriteSite("b.test");
  const TlsContexts third = Make("{}", second);
  EXPECT_NE(third.servers.at("edge"), second.servers.at("edge"));
  EXPECT_EQ(third.clients.begin()->second, first.clients.begin()->second);
  EXPECT_NE(Make("off", third).servers.at("edge"), third.servers.at("edge"));
}

TEST_F(TlsContextsTest, WorkersShareNone) {
  EXPECT_NE(Make("{}").servers.at("edge"), Make("{}").servers.at("edge"));
}

}  // namespace
}  // namespace holdfast::tls
