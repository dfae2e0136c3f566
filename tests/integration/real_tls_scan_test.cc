// What those who look for weaknesses of TLS servers find: sslscan and testssl.sh.

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/integration/tls_edge.h"
#include "tests/pool/tls/support/test_certificates.h"
#include "tests/support/gateway_process.h"
#include "tests/support/subprocess.h"

namespace holdfast::support {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using Names = std::set<std::string>;

// Both scanners take their time, each connection of theirs being one question.
constexpr std::chrono::milliseconds kScanPatience{200'000};

// A gateway with both kinds of certificate for a.test.
class Scanned {
 public:
  explicit Scanned(const std::string& more = "")
      : gateway_(Listener("certificates: [{" +
                          files_.Keyed("ecdsa", pool::SiteFor({"a.test"}, false)) + "}, {" +
                          files_.Keyed("rsa", pool::SiteFor({"a.test"}, true)) + "}]" + more) +
                 kHello) {}
  const GatewayProcess& gateway() const { return gateway_; }
  std::string port() const { return gateway_.address().substr(gateway_.address().rfind(':') + 1); }
  std::string Path(const std::string& name) const { return files_.Path(name); }

 private:
  Files files_;
  GatewayProcess gateway_;
};

// One empty element of sslscan's XML by its attributes.
using Element = std::map<std::string, std::string>;

Element AttributesOf(std::string_view line) {
  Element element;
  while (true) {
    const size_t equals = line.find("=\"");
    if (equals == line.npos) return element;
    const size_t end = line.find('"', equals + 2);
    const size_t begin = line.rfind(' ', equals) + 1;
    element[std::string(line.substr(begin, equals - begin))] =
        line.substr(equals + 2, end - equals - 2);
    line.remove_prefix(end + 1);
  }
}

class SslscanReport {
 public:
  // `name` is the one that is asked for.
  SslscanReport(const Scanned& scanned, const std::string& name) {
    const Finished done = RunProgram({"sslscan", "--no-colour", "--timeout=10", "--xml=-",
                                      "--sni-name=" + name, "127.0.0.1:" + scanned.port()},
                                     {}, kScanPatience);
    EXPECT_EQ(done.code, 0) << done.err;
    text_ = done.out;
  }
  std::vector<Element> All(const std::string& kind) const {
    std::vector<Element> all;
    const std::string begin = "<" + kind + " ";
    for (size_t at = text_.find(begin); at != text_.npos; at = text_.find(begin, at + 1)) {
      all.push_back(AttributesOf(
          std::string_view(text_).substr(at + begin.size() - 1, text_.find('>', at) - at)));
    }
    return all;
  }
  // "TLSv1.2 ECDHE-..." of each suite that is taken.
  Names Suites() const {
    Names suites;
    for (Element& cipher : All("cipher")) {
      suites.insert(cipher["sslversion"] + " " + cipher["cipher"]);
    }
    return suites;
  }
  Names Protocols() const {
    Names enabled;
    for (Element& protocol : All("protocol")) {
      if (protocol["enabled"] != "0") enabled.insert(protocol["type"] + protocol["version"]);
    }
    return enabled;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

const Names kSuites13 = {"TLSv1.3 TLS_AES_128_GCM_SHA256", "TLSv1.3 TLS_AES_256_GCM_SHA384",
                         "TLSv1.3 TLS_CHACHA20_POLY1305_SHA256"};
const Names kSuites12 = {
    "TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256", "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLSv1.2 ECDHE-ECDSA-CHACHA20-POLY1305", "TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256",
    "TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384",   "TLSv1.2 ECDHE-RSA-CHACHA20-POLY1305"};

TEST(SslscanTest, FindsTwoVersionsForwardSecrecyAndAuthenticatedEncryptionAlone) {
  const Scanned scanned;
  const SslscanReport report(scanned, "a.test");
  // Were older ones not asked for, it would say nothing of them.
  EXPECT_EQ(report.All("protocol").size(), 6u) << report.text();
  EXPECT_THAT(report.Protocols(), ElementsAre("tls1.2", "tls1.3")) << report.text();
  Names expected = kSuites12;
  expected.insert(kSuites13.begin(), kSuites13.end());
  EXPECT_EQ(report.Suites(), expected) << report.text();
  Names groups;
  for (Element& group : report.All("group")) groups.insert(group["name"]);
  EXPECT_THAT(groups, ElementsAre("secp256r1 (NIST P-256)", "secp384r1 (NIST P-384)", "x25519"))
      << report.text();
}

TEST(SslscanTest, FindsNoRenegotiationCompressionOrHeartbleed) {
  const Scanned scanned;
  const SslscanReport report(scanned, "a.test");
  EXPECT_THAT(report.All("renegotiation"),
              ElementsAre(Element{{"supported", "0"}, {"secure", "0"}}))
      << report.text();
  // Absent where the scanner's library has no compression; testssl.sh looks by itself, below.
  for (Element& compression : report.All("compression")) {
    EXPECT_EQ(compression["supported"], "0") << report.text();
  }
  const std::vector<Element> heartbleed = report.All("heartbleed");
  EXPECT_EQ(heartbleed.size(), 2u) << report.text();
  for (Element version : heartbleed) EXPECT_EQ(version["vulnerable"], "0") << report.text();
}

TEST(SslscanTest, FindsOneVersionWhereOnlyThatIsWanted) {
  const Scanned scanned(", min_version: tls1.3");
  const SslscanReport report(scanned, "a.test");
  EXPECT_THAT(report.Protocols(), ElementsAre("tls1.3")) << report.text();
  EXPECT_EQ(report.Suites(), kSuites13) << report.text();
}

TEST(SslscanTest, FindsNothingUnderAnotherNameWithStrictSni) {
  const Scanned scanned(", strict_sni: true");
  const SslscanReport stranger(scanned, "b.test");
  EXPECT_THAT(stranger.Protocols(), IsEmpty()) << stranger.text();
  EXPECT_THAT(stranger.Suites(), IsEmpty()) << stranger.text();
  EXPECT_EQ(stranger.text().find("a.test</"), std::string::npos) << "the certificate is shown";
  scanned.gateway().AwaitMetricAtLeast("holdfast_client_tls_handshakes_total",
                                       {{"listener", "edge"}, {"result", "tls_unknown_name"}}, 1);
  const SslscanReport report(scanned, "a.test");
  EXPECT_THAT(report.Protocols(), ElementsAre("tls1.2", "tls1.3")) << report.text();
}

// testssl.sh's findings by their names: "SEVERITY finding".
std::map<std::string, std::string> TestsslFindings(const Scanned& scanned) {
  const std::string file = scanned.Path("findings.json");
  const Finished done =
      RunProgram({"testssl", "--quiet", "--color", "0", "--warnings", "off", "--ip", "127.0.0.1",
                  "--nodns", "none", "--protocols", "--fs", "--cipher-per-proto", "--vulnerable",
                  "--jsonfile", file, "https://a.test:" + scanned.port()},
                 {}, kScanPatience);
  EXPECT_EQ(done.code, 0) << done.out << done.err;
  std::map<std::string, std::string> findings;
  const auto json = nlohmann::json::parse(ReadFile(file), nullptr, false);
  EXPECT_TRUE(json.is_array()) << ReadFile(file);
  if (!json.is_array()) return findings;
  for (const auto& one : json) {
    findings[one.at("id").get<std::string>()] =
        one.at("severity").get<std::string>() + " " + one.at("finding").get<std::string>();
  }
  return findings;
}

TEST(TestsslTest, FindsNothingToComplainOf) {
  const Scanned scanned;
  std::map<std::string, std::string> findings = TestsslFindings(scanned);
  // Of the scanner's own library.
  findings.erase("engine_problem");
  for (const auto& [id, finding] : findings) {
    EXPECT_THAT(finding, MatchesRegex("(OK|INFO) .*")) << id;
  }
  // That it has looked, and what it is content with.
  const std::map<std::string, std::string> expected = {
      {"SSLv2", "OK not offered"},
      {"SSLv3", "OK not offered"},
      {"TLS1", "INFO not offered"},
      {"TLS1_1", "INFO not offered"},
      {"TLS1_2", "OK offered"},
      {"TLS1_3", "OK offered"},
      {"ALPN", "INFO http/1.1"},
      {"PFS", "OK offered"},
      {"PFS_ECDHE_curves", "OK prime256v1 secp384r1 X25519"},
      {"heartbleed", "OK not vulnerable"},
      {"CCS", "OK not vulnerable"},
      {"ticketbleed", "OK not vulnerable"},
      {"ROBOT", "OK not vulnerable"},
      {"secure_renego", "OK supported"},
      {"secure_client_renego", "OK not vulnerable"},
      {"CRIME_TLS", "OK not vulnerable"},
      {"BREACH", "OK not vulnerable"},
      {"POODLE_SSL", "OK not vulnerable"},
      {"fallback_SCSV", "OK no protocol below TLS 1.2 offered"},
      {"SWEET32", "OK not vulnerable"},
      {"FREAK", "OK not vulnerable"},
      {"DROWN", "OK not vulnerable"},
      {"LOGJAM", "OK not vulnerable"},
      {"BEAST", "OK not vulnerable"},
      {"LUCKY13", "OK not vulnerable"},
      {"RC4", "OK not vulnerable"},
  };
  for (const auto& [id, begin] : expected) {
    EXPECT_TRUE(findings[id].starts_with(begin)) << id << ": " << findings[id];
  }
  std::vector<std::string> suites;
  for (const auto& [id, finding] : findings) {
    if (id.starts_with("cipher-")) suites.push_back(finding);
  }
  EXPECT_EQ(suites.size(), kSuites12.size() + kSuites13.size());
  EXPECT_THAT(suites, Each(MatchesRegex(".* ECDH .* (AESGCM|ChaCha20) .*")));
}

}  // namespace
}  // namespace holdfast::support
