#include "gateway/tls/tls_plan.h"

#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "gateway/config/load.h"
#include "tests/pool/tls/support/test_certificates.h"
#include "tests/support/temp_dir.h"

namespace holdfast::tls {
namespace {

class TlsPlanTest : public testing::Test {
 protected:
  std::string Keyed(const std::string& name, const pool::Issued& issued) {
    return "{cert: " + dir_.Write(name + ".pem", issued.chain().pem) +
           ", key: " + dir_.Write(name + ".key", issued.key_file().pem) + "}";
  }
  static config::Config Parse(const std::string& text) {
    config::LoadResult result = config::LoadConfig(text, "f.yaml");
    EXPECT_TRUE(result.config.has_value()) << config::FormatDiagnostics(result.diagnostics);
    return result.config.value_or(config::Config());
  }
  static config::Config Edge(const std::string& tls, std::string_view hosts = "a.test") {
    return Parse("listeners: [{name: edge, bind: 127.0.0.1:8443, tls: " + tls +
                 "}, {name: plain, bind: 127.0.0.1:8080}]\n"
                 "routes: [{match: {hosts: [" +
                 std::string(hosts) + "]}, respond: {status: 200}}]\n");
  }
  std::string ErrorOf(config::Config config) {
    const auto plan = LoadTls(&config);
    EXPECT_FALSE(plan.ok());
    return std::string(plan.status().message());
  }

  support::TempDir dir_;
  const std::string site_ = Keyed("a", pool::SiteFor({"a.test"}));
};

TEST_F(TlsPlanTest, ListenersHaveWhatTheirFilesHold) {
  config::Config config = Edge("{certificates: [" + site_ + "]}");
  const auto plan = LoadTls(&config);
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_EQ(plan->listeners.size(), 2u);
  ASSERT_NE(plan->listeners[0], nullptr);
  EXPECT_EQ(plan->listeners[1], nullptr);
  EXPECT_EQ(plan->listeners[0]->settings().listener, "edge");
  EXPECT_EQ(plan->listeners[0]->certificates()[0].file, dir_.Path("a.pem"));
}

TEST_F(TlsPlanTest, ErrorsNameTheFileAndWhoNeedsIt) {
  const std::string missing = "{cert: /nowhere/a.pem, key: /nowhere/a.key}";
  const std::string error = ErrorOf(Edge("{certificates: [" + missing + "]}"));
  EXPECT_NE(error.find("listener edge: /nowhere/a.pem: cannot be read: No such file"),
            std::string::npos)
      << error;
  Keyed("b", pool::SiteFor({"b.test"}));
  const std::string mixed = "{cert: " + dir_.Path("a.pem") + ", key: " + dir_.Path("b.key") + "}";
  EXPECT_NE(ErrorOf(Edge("{certificates: [" + mixed + "]}")).find("b.key"), std::string::npos);
  const std::string empty =
      "{cert: " + dir_.Write("e.pem", "") + ", key: " + dir_.Path("b.key") + "}";
  EXPECT_NE(ErrorOf(Edge("{certificates: [" + empty + "]}")).find("it is empty"),
            std::string::npos);
}

TEST_F(TlsPlanTest, AMissingFileHidesNoWrongOne) {
  const std::string missing = "{cert: /nowhere/a.pem, key: /nowhere/a.key}";
  Keyed("b", pool::SiteFor({"b.test"}));
  const std::string mixed = "{cert: " + dir_.Path("a.pem") + ", key: " + dir_.Path("b.key") + "}";
  EXPECT_NE(ErrorOf(Edge("{certificates: [" + missing + ", " + mixed + "]}")).find("b.key"),
            std::string::npos);
  config::Config config = Edge("{certificates: [" + missing + "]}");
  config.listeners[1].tls = Edge("{certificates: [" + mixed + "]}").listeners[0].tls;
  EXPECT_NE(ErrorOf(std::move(config)).find("listener plain: "), std::string::npos);
}

TEST_F(TlsPlanTest, AnUpstreamsConnectionsAreOfItsSettings) {
  const std::string ca = dir_.Write("ca.pem", pool::TestAuthority().chain().pem);
  config::Config config = Parse(
      "listeners: [{bind: 127.0.0.1:8080}]\nupstreams:\n"
      "  web: {endpoints: [\"web.test:443\"], tls: {ca: " +
      ca +
      "}}\n"
      "  plain: {endpoints: [\"web.test:80\"]}\n"
      "routes: [{match: {path: /p}, upstream: plain}, {upstream: web}]\n");
  const auto plan = LoadTls(&config);
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_NE(plan->upstreams[0], nullptr);
  EXPECT_EQ(plan->upstreams[1], nullptr);
  EXPECT_EQ(plan->upstreams[0]->settings().server_name, "web.test");
  EXPECT_EQ(config.upstreams[0].cluster.tls.settings(), plan->upstreams[0]->settings());
  EXPECT_TRUE(config.upstreams[1].cluster.tls.plain());
}

TEST_F(TlsPlanTest, WarnsOfWhatWillNotLastAndOfHostsWithoutACertificate) {
  const std::string soon = Keyed(
      "soon", pool::IssuedBy(pool::TestAuthority(), {.names = {"dns:a.test"}, .ends_in_days = 5}));
  config::Config config = Edge("{certificates: [" + soon + "]}", "a.test, b.test, \"*.c.test\"");
  const auto plan = LoadTls(&config);
  ASSERT_TRUE(plan.ok()) << plan.status();
  std::string all;
  for (const std::string& warning : TlsWarnings(config, *plan, pool::SystemClock().WallNow())) {
    all += warning + "\n";
  }
  EXPECT_NE(all.find("soon.pem"), std::string::npos) << all;
  EXPECT_NE(all.find("listener edge: no certificate is for b.test, a host of route route-1"),
            std::string::npos)
      << all;
  EXPECT_EQ(all.find("for a.test"), std::string::npos) << all;
  EXPECT_EQ(all.find("c.test"), std::string::npos) << all;
}

TEST_F(TlsPlanTest, WarnsOfGroupsThatNobodyKnowsOnlyWhereTheyAreAskedFor) {
  const auto warnings = [&](const std::string& groups) {
    config::Config config = Edge("{certificates: [" + site_ + "]" + groups + "}");
    const auto plan = LoadTls(&config);
    EXPECT_TRUE(plan.ok()) << plan.status();
    return TlsWarnings(config, *plan, pool::SystemClock().WallNow());
  };
  EXPECT_TRUE(warnings("").empty());
  ASSERT_EQ(warnings(", groups: [X25519, NoSuchGroup]").size(), 1u);
  EXPECT_NE(warnings(", groups: [X25519, NoSuchGroup]")[0].find("NoSuchGroup"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::tls
