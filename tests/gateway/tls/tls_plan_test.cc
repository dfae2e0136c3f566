#include "gateway/tls/tls_plan.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/strings/str_split.h>
#include <gtest/gtest.h>

#include "gateway/config/load.h"
#include "gateway/tls/acme_files.h"
#include "tests/pool/tls/support/test_certificates.h"
#include "tests/support/temp_dir.h"

namespace holdfast::tls {
namespace {

class TlsPlanTest : public testing::Test {
 protected:
  void WriteKey(const std::string& name, const std::string& text) {
    chmod(dir_.Write(name, text).c_str(), 0600);
  }
  std::string Keyed(const std::string& name, const pool::Issued& issued) {
    const std::string key = dir_.Write(name + ".key", issued.key_file().pem);
    chmod(key.c_str(), 0600);
    return "{cert: " + dir_.Write(name + ".pem", issued.chain().pem) + ", key: " + key + "}";
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
  // Of ACME's.
  static std::string FileOf(const std::string& name) {
    return AcmeFileName(config::ListenerAcme().directory, name);
  }
  std::string ErrorOf(config::Config config) {
    const auto plan = LoadTls(&config, &stand_ins_, pool::SystemClock().WallNow());
    EXPECT_FALSE(plan.ok());
    return std::string(plan.status().message());
  }

  support::TempDir dir_;
  StandIns stand_ins_;
  const std::string site_ = Keyed("a", pool::SiteFor({"a.test"}));
};

TEST_F(TlsPlanTest, ListenersHaveWhatTheirFilesHold) {
  config::Config config = Edge("{certificates: [" + site_ + "]}");
  const auto plan = LoadTls(&config, &stand_ins_, pool::SystemClock().WallNow());
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

TEST_F(TlsPlanTest, EverythingThatIsWrongIsToldAtOnceAndOnce) {
  Keyed("b", pool::SiteFor({"b.test"}));
  const std::string mixed = "{cert: " + dir_.Path("a.pem") + ", key: " + dir_.Path("b.key") + "}";
  const std::string missing = "{cert: /nowhere/a.pem, key: /nowhere/a.key}";
  config::Config config =
      Parse("listeners: [{name: edge, bind: 127.0.0.1:8443, tls: {certificates: [" + missing +
            ", " + missing + ", " + mixed +
            "]}}]\nupstreams:\n"
            "  web: {endpoints: [\"web.test:443\"], tls: {ca: /nowhere/ca.pem}}\n"
            "  bad: {endpoints: [\"bad.test:443\"], tls: {ca: " +
            dir_.Write("bad.pem", "no certificate") +
            "}}\n"
            "routes: [{match: {path: /b}, upstream: bad}, {upstream: web}]\n");
  const auto plan = LoadTls(&config, &stand_ins_, pool::SystemClock().WallNow());
  ASSERT_TRUE(absl::IsInvalidArgument(plan.status())) << plan.status();
  const std::vector<std::string> lines = absl::StrSplit(plan.status().message(), '\n');
  ASSERT_EQ(lines.size(), 5u) << plan.status();
  EXPECT_TRUE(lines[0].starts_with("listener edge: ")) << lines[0];
  EXPECT_NE(lines[0].find("b.key"), std::string::npos) << lines[0];
  EXPECT_TRUE(lines[1].starts_with("upstream bad: ")) << lines[1];
  EXPECT_EQ(lines[2], "listener edge: /nowhere/a.pem: cannot be read: No such file or directory");
  EXPECT_EQ(lines[3], "listener edge: /nowhere/a.key: cannot be read: No such file or directory");
  EXPECT_EQ(lines[4], "upstream web: /nowhere/ca.pem: cannot be read: No such file or directory");
}

TEST_F(TlsPlanTest, OfVeryManyTheRestIsCounted) {
  std::string certificates;
  for (int i = 0; i < 15; ++i) {
    const std::string file = "/nowhere/" + std::to_string(i);
    certificates += (i == 0 ? "{cert: " : ", {cert: ") + file + ".pem, key: " + file + ".key}";
  }
  config::Config config = Edge("{certificates: [" + certificates + "]}");
  const auto plan = LoadTls(&config, &stand_ins_, pool::SystemClock().WallNow());
  ASSERT_TRUE(absl::IsNotFound(plan.status())) << plan.status();
  const std::vector<std::string> lines = absl::StrSplit(plan.status().message(), '\n');
  ASSERT_EQ(lines.size(), kMaxTlsErrors + 1);
  EXPECT_EQ(lines.back(), "and 10 more");
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
  const auto plan = LoadTls(&config, &stand_ins_, pool::SystemClock().WallNow());
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_NE(plan->upstreams[0], nullptr);
  EXPECT_EQ(plan->upstreams[1], nullptr);
  EXPECT_EQ(plan->upstreams[0]->settings().server_name, "web.test");
  EXPECT_EQ(config.upstreams[0].cluster.tls.settings(), plan->upstreams[0]->settings());
  EXPECT_TRUE(config.upstreams[1].cluster.tls.plain());
}

TEST_F(TlsPlanTest, ChecksThatSpeakAnotherProtocolHaveAClientOfTheirOwn) {
  const std::string ca = dir_.Write("ca.pem", pool::TestAuthority().chain().pem);
  const auto load = [&](const std::string& keys) {
    config::Config config = Parse(
        "listeners: [{bind: 127.0.0.1:8080}]\nupstreams:\n"
        "  web: {endpoints: [\"web.test:443\"], protocol: auto, tls: {ca: " +
        ca + "}, health_check: {" + keys + "}}\nroutes: [{upstream: web}]\n");
    return *LoadTls(&config, &stand_ins_, pool::SystemClock().WallNow());
  };
  EXPECT_EQ(load("path: /").checks[0], nullptr);
  EXPECT_EQ(load("protocol: auto").checks[0], nullptr);
  const TlsPlan own = load("protocol: h1");
  ASSERT_NE(own.checks[0], nullptr);
  EXPECT_EQ(own.checks[0]->settings().protocols, std::vector<std::string>{"http/1.1"});
  EXPECT_EQ(own.upstreams[0]->settings().protocols, (std::vector<std::string>{"h2", "http/1.1"}));
  EXPECT_FALSE(SameTls(own, load("path: /")));
  EXPECT_TRUE(SameTls(own, load("protocol: h1")));
}

TEST_F(TlsPlanTest, WarnsOfWhatWillNotLastAndOfHostsWithoutACertificate) {
  const std::string soon = Keyed(
      "soon", pool::IssuedBy(pool::TestAuthority(), {.names = {"dns:a.test"}, .ends_in_days = 5}));
  config::Config config = Edge("{certificates: [" + soon + "]}", "a.test, b.test, \"*.c.test\"");
  const auto plan = LoadTls(&config, &stand_ins_, pool::SystemClock().WallNow());
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

TEST_F(TlsPlanTest, WarnsOfSecretsThatOthersCanRead) {
  const auto warnings = [&](mode_t mode) {
    chmod(dir_.Path("a.key").c_str(), mode);
    config::Config config = Edge("{certificates: [" + site_ + ", " + site_ + "]}");
    const auto plan = LoadTls(&config, &stand_ins_, pool::SystemClock().WallNow());
    EXPECT_TRUE(plan.ok()) << plan.status();
    return plan->exposed;
  };
  EXPECT_TRUE(warnings(0400).empty());
  EXPECT_TRUE(warnings(0640).empty());
  ASSERT_EQ(warnings(0644).size(), 1u);
  EXPECT_EQ(warnings(0644)[0],
            dir_.Path("a.key") + ": others than its owner and group can read or change it");
  EXPECT_EQ(warnings(0620).size(), 1u);
}

TEST_F(TlsPlanTest, ASecretOfTicketsHasToBeOne) {
  const auto tls = [&](std::string_view secret) {
    return Edge("{certificates: [" + site_ +
                "], session_tickets: {keys: " + dir_.Write("tickets", secret) + ", rotate: 1h}}");
  };
  EXPECT_NE(ErrorOf(tls("short")).find("expected at least 32 random bytes"), std::string::npos);
  config::Config config = tls(std::string(32, '\0'));
  const auto plan = LoadTls(&config, &stand_ins_, pool::SystemClock().WallNow());
  ASSERT_TRUE(plan.ok()) << plan.status();
  const auto& tickets = plan->listeners[0]->settings().tickets;
  ASSERT_TRUE(tickets.has_value());
  EXPECT_EQ(tickets->secret.pem, std::string(32, '\0'));
  EXPECT_EQ(tickets->rotate, std::chrono::hours(1));
}

TEST_F(TlsPlanTest, ProtocolsAreThoseThatAreChosen) {
  const auto protocols = [&](const std::string& more) {
    config::Config config = Edge("{certificates: [" + site_ + "]" + more + "}");
    return (*LoadTls(&config, &stand_ins_, pool::SystemClock().WallNow()))
        .listeners[0]
        ->settings()
        .protocols;
  };
  EXPECT_EQ(protocols(""), (std::vector<std::string>{"h2", "http/1.1", "http/1.0"}));
  EXPECT_EQ(protocols(", alpn: [http/1.1]"), (std::vector<std::string>{"h2", "http/1.1"}));
  EXPECT_TRUE(protocols(", alpn: []").empty());
}

TEST_F(TlsPlanTest, FilesThatSayTheSameAreTheSame) {
  config::Config config = Edge("{certificates: [" + site_ + "]}");
  const auto plan = LoadTls(&config, &stand_ins_, pool::SystemClock().WallNow());
  EXPECT_TRUE(SameTls(*plan, *LoadTls(&config, &stand_ins_, pool::SystemClock().WallNow())));
  Keyed("a", pool::SiteFor({"a.test"}));
  EXPECT_FALSE(SameTls(*plan, *LoadTls(&config, &stand_ins_, pool::SystemClock().WallNow())));
  config::Config plain = Edge("off");
  EXPECT_FALSE(SameTls(*plan, *LoadTls(&plain, &stand_ins_, pool::SystemClock().WallNow())));
}

TEST_F(TlsPlanTest, FilesAreNamedOnceEach) {
  const config::Config config = Parse(
      "listeners: [{bind: 127.0.0.1:8443, tls: {certificates: [{cert: /c, key: /k}, {cert: /c, "
      "key: "
      "/k, client_auth: {ca: /own, crl: /crl}}], client_auth: {ca: /ca}, session_tickets: {keys: "
      "/t}}}, {bind: 127.0.0.1:8080}]\n"
      "upstreams: {a: {endpoints: [\"a:1\"], tls: {ca: /up, certificate: {cert: /me, key: "
      "/mykey}}}, b: {endpoints: [\"b:1\"], tls: {}}}\n"
      "routes: [{match: {path: /a}, upstream: a}, {upstream: b}]\n");
  std::vector<std::string> expected = {
      "/c",     "/ca",  "/crl", "/k",  "/me",
      "/mykey", "/own", "/t",   "/up", pool::TlsAuthorities::SystemFile()};
  std::ranges::sort(expected);
  EXPECT_EQ(FilesOf(config), expected);
}

TEST_F(TlsPlanTest, AllowedNamesAreComparedAsCertificatesHaveThem) {
  const std::string ca = dir_.Write("ca.pem", pool::TestAuthority().chain().pem);
  config::Config config =
      Edge("{certificates: [" + site_ + "], client_auth: {mode: required, ca: " + ca +
           ", allow_san: [\"dns:App.Test\", \"uri:spiffe://A/App\"]}}");
  const auto plan = LoadTls(&config, &stand_ins_, pool::SystemClock().WallNow());
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_TRUE(plan->listeners[0]->settings().client_auth.has_value());
  EXPECT_EQ(plan->listeners[0]->settings().client_auth->allow_san,
            (std::vector<std::string>{"dns:app.test", "uri:spiffe://A/App"}));
}

TEST_F(TlsPlanTest, WarnsOfGroupsThatNobodyKnowsOnlyWhereTheyAreAskedFor) {
  const auto warnings = [&](const std::string& groups) {
    config::Config config = Edge("{certificates: [" + site_ + "]" + groups + "}");
    const auto plan = LoadTls(&config, &stand_ins_, pool::SystemClock().WallNow());
    EXPECT_TRUE(plan.ok()) << plan.status();
    return TlsWarnings(config, *plan, pool::SystemClock().WallNow());
  };
  EXPECT_TRUE(warnings("").empty());
  ASSERT_EQ(warnings(", groups: [X25519, NoSuchGroup]").size(), 1u);
  EXPECT_NE(warnings(", groups: [X25519, NoSuchGroup]")[0].find("NoSuchGroup"), std::string::npos);
}

TEST_F(TlsPlanTest, NamesThatWaitForAcmeHaveATemporaryCertificate) {
  const pool::Issued issued = pool::SiteFor({"b.test"});
  WriteKey(FileOf("b.test"), issued.pem() + issued.key_file().pem);
  WriteKey(FileOf("c.test"), "garbage");
  config::Config config =
      Edge("{acme: {names: [a.test, b.test, c.test], storage: " + dir_.Path("") + "}}");
  const pool::WallTime now = pool::SystemClock().WallNow();
  const auto plan = LoadTls(&config, &stand_ins_, now);
  ASSERT_TRUE(plan.ok()) << plan.status();
  const auto& certificates = plan->listeners[0]->certificates();
  ASSERT_EQ(certificates.size(), 2u);
  EXPECT_EQ(certificates[0].names, std::vector<std::string>{"b.test"}) << "what is good is first";
  EXPECT_EQ(certificates[1].names, (std::vector<std::string>{"a.test", "c.test"}));
  ASSERT_EQ(plan->awaited.size(), 2u);
  EXPECT_NE(plan->awaited[0].find(FileOf("c.test") + ": no certificate in it"), std::string::npos);
  EXPECT_EQ(plan->awaited[1],
            "listener edge: clients see a temporary certificate, which nobody vouches for, until "
            "ACME brings those for a.test, c.test");
  const auto again = LoadTls(&config, &stand_ins_, now + std::chrono::hours(1));
  EXPECT_TRUE(SameTls(*plan, *again)) << "nothing has changed";
  EXPECT_TRUE(TlsWarnings(config, *plan, now).empty());
}

TEST_F(TlsPlanTest, CertificatesOfFilesComeBeforeThoseOfAcme) {
  config::Config config =
      Edge("{certificates: [" + site_ + "], acme: {names: [b.test], storage: /nowhere}}");
  const auto plan = LoadTls(&config, &stand_ins_, pool::SystemClock().WallNow());
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_EQ(plan->listeners[0]->certificates().size(), 2u);
  EXPECT_EQ(plan->listeners[0]->certificates()[0].file, dir_.Path("a.pem"));
}

// A name of its own would be shown instead of a wildcard that somebody vouches for.
TEST_F(TlsPlanTest, WhatAFileHasGetsNoTemporaryCertificate) {
  const std::string wild = Keyed("wild", pool::SiteFor({"*.a.test", "b.test"}));
  for (const std::string names : {"from_routes", "[x.a.test, b.test, c.test]"}) {
    const bool from_routes = names == "from_routes";
    config::Config config =
        Edge("{certificates: [" + wild + "], acme: {names: " + names + ", storage: /nowhere}}",
             "x.a.test, B.test, c.test");
    const pool::WallTime now = pool::SystemClock().WallNow();
    const auto plan = LoadTls(&config, &stand_ins_, now);
    ASSERT_TRUE(plan.ok()) << plan.status();
    const auto& certificates = plan->listeners[0]->certificates();
    ASSERT_EQ(certificates.size(), 2u);
    EXPECT_EQ(certificates[1].names, std::vector<std::string>{"c.test"});
    EXPECT_EQ(config.listeners[0].tls->acme->covered,
              from_routes ? (std::vector<std::string>{"x.a.test", "b.test"})
                          : std::vector<std::string>());
    const std::vector<std::string> warnings = TlsWarnings(config, *plan, now);
    ASSERT_EQ(warnings.size(), from_routes ? 0u : 2u);
    if (from_routes) continue;
    EXPECT_EQ(warnings[0],
              "listener edge: acme is asked for x.a.test, which a certificate in a file is for "
              "already");
  }
}

TEST_F(TlsPlanTest, WhatFilesDoNotHaveAnyMoreIsOrderedAgain) {
  config::Config config =
      Edge("{certificates: [" + site_ + "], acme: {names: from_routes, storage: /nowhere}}");
  const pool::WallTime now = pool::SystemClock().WallNow();
  ASSERT_EQ((*LoadTls(&config, &stand_ins_, now)).listeners[0]->certificates().size(), 1u);
  EXPECT_EQ(config.listeners[0].tls->acme->covered, std::vector<std::string>{"a.test"});
  Keyed("a", pool::SiteFor({"b.test"}));
  ASSERT_EQ((*LoadTls(&config, &stand_ins_, now)).listeners[0]->certificates().size(), 2u);
  EXPECT_TRUE(config.listeners[0].tls->acme->covered.empty());
}

TEST_F(TlsPlanTest, TheLastOneOfAcmeStaysWhileItsFileDoesNotDo) {
  const std::string file = FileOf("a.test");
  const pool::Issued issued = pool::SiteFor({"a.test"});
  const pool::WallTime now = pool::SystemClock().WallNow();
  config::Config config = Edge("{acme: {storage: " + dir_.Path("") + "}}");
  const auto load = [&](pool::WallTime at) {
    auto plan = LoadTls(&config, &stand_ins_, at);
    EXPECT_TRUE(plan.ok()) << plan.status();
    return *std::move(plan);
  };
  dir_.Write(file, issued.pem() + issued.key_file().pem);
  const TlsPlan good = load(now);
  for (const std::string& torn : {std::string(), issued.pem(), std::string("garbage")}) {
    dir_.Write(file, torn);
    const TlsPlan plan = load(now);
    EXPECT_TRUE(SameTls(plan, good)) << torn;
    ASSERT_EQ(plan.awaited.size(), 1u);
    EXPECT_NE(plan.awaited[0].find("; the last one stays"), std::string::npos) << plan.awaited[0];
  }
  ASSERT_EQ(unlink(dir_.Path(file).c_str()), 0);
  ASSERT_EQ(mkdir(dir_.Path(file).c_str(), 0700), 0);  // reading it is an error of the system
  EXPECT_TRUE(SameTls(load(now), good));
  ASSERT_EQ(rmdir(dir_.Path(file).c_str()), 0);
  EXPECT_TRUE(SameTls(load(now), good));
  const pool::WallTime end = good.listeners[0]->certificates()[0].not_after;
  EXPECT_EQ(load(end).listeners[0]->certificates()[0].file, TemporaryCertificates::kFile);
}

// What lives for some days only would always be about to end.
TEST_F(TlsPlanTest, WhatAcmeRenewsIsNoWarningUntilItHasEnded) {
  const pool::Issued issued =
      pool::IssuedBy(pool::TestAuthority(), {.names = {"dns:a.test"}, .ends_in_days = 3});
  WriteKey(FileOf("a.test"), issued.pem() + issued.key_file().pem);
  config::Config config = Edge("{acme: {storage: " + dir_.Path("") + "}}");
  const pool::WallTime now = pool::SystemClock().WallNow();
  const auto plan = LoadTls(&config, &stand_ins_, now);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_TRUE(TlsWarnings(config, *plan, now).empty());
  EXPECT_EQ(TlsWarnings(config, *plan, now + std::chrono::hours(24 * 4)).size(), 1u);
  // Its key is looked at like any other.
  chmod(dir_.Path(FileOf("a.test")).c_str(), 0644);
  EXPECT_EQ(LoadTls(&config, &stand_ins_, now)->exposed.size(), 1u);
}

TEST_F(TlsPlanTest, WhatAcmeDoesNotRenewIsToldBeforeItEnds) {
  const std::string soon = Keyed(
      "soon", pool::IssuedBy(pool::TestAuthority(), {.names = {"dns:a.test"}, .ends_in_days = 5}));
  config::Config config =
      Edge("{certificates: [" + soon + "], acme: {names: [b.test], storage: /nowhere}}");
  const pool::WallTime now = pool::SystemClock().WallNow();
  const auto plan = LoadTls(&config, &stand_ins_, now);
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_EQ(TlsWarnings(config, *plan, now).size(), 1u);
  EXPECT_NE(TlsWarnings(config, *plan, now)[0].find("soon.pem"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::tls
