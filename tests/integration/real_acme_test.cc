// Certificates that the gateway orders by itself, from a real ACME server: Debian's pebble.

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "pool/tls/digest.h"
#include "tests/pool/tls/support/test_certificates.h"
#include "tests/support/deadline.h"
#include "tests/support/dns_server.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"
#include "tests/support/subprocess.h"
#include "tests/support/temp_dir.h"

namespace holdfast::support {
namespace {

std::string PortOf(const std::string& address) { return address.substr(address.rfind(':') + 1); }

// An authority that looks for challenges at two ports, and knows the names of its DNS server alone.
class Pebble {
 public:
  struct Options {
    std::string http_port;
    std::string tls_port;
    std::vector<std::string> environment = {"PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0"};
    bool external_accounts = false;
  };

  explicit Pebble(const Options& options) {
    const pool::Issued server = pool::IssuedBy(pool::TestAuthority(), {.names = {"ip:127.0.0.1"}});
    ca_ = files_.Write("ca.pem", pool::TestAuthority().chain().pem);
    files_.Write("server.pem", server.chain().pem);
    files_.Write("server.key", server.key_file().pem);
    for (const std::string name : {"a.test", "b.test"}) dns_.Set(name, {"127.0.0.1"}, 60);
    Start(options);
    EXPECT_TRUE(Eventually([this] { return process_->Poll().has_value() || Accepts(address_); }) &&
                !process_->Poll().has_value())
        << Log();
  }

  DnsServer& dns() { return dns_; }
  // The beginning of a listener's `acme`.
  std::string Acme(const std::string& storage, const std::string& more) const {
    return "acme: {directory: \"https://" + address_ + "/dir\", ca: " + ca_ +
           ", storage: " + storage + ", " + more + "}";
  }
  // Of a name in the storage.
  std::string File(const std::string& name) const {
    std::string file = name + "@" + address_ + "-";
    for (const char c : pool::Sha256("https://" + address_ + "/dir").substr(0, 4)) {
      constexpr char kDigits[] = "0123456789abcdef";
      file += kDigits[static_cast<unsigned char>(c) >> 4];
      file += kDigits[static_cast<unsigned char>(c) & 15];
    }
    return file + ".pem";
  }
  std::string Log() const { return process_->Stdout() + process_->Stderr(); }
  int Count(const std::string& text) const {
    const std::string log = Log();
    int count = 0;
    for (size_t at = log.find(text); at != log.npos; at = log.find(text, at + 1)) ++count;
    return count;
  }

 private:
  void Start(const Options& options) {
    const std::string config = files_.Write(
        "pebble.json",
        "{\"pebble\": {\"listenAddress\": \"" + address_ +
            "\", \"managementListenAddress\": \"\"," + "\"certificate\": \"" +
            files_.Path("server.pem") + "\", \"privateKey\": \"" + files_.Path("server.key") +
            "\", \"httpPort\": " + options.http_port + ", \"tlsPort\": " + options.tls_port +
            ", \"ocspResponderURL\": \"\"," + "\"externalAccountBindingRequired\": " +
            (options.external_accounts ? "true, \"externalAccountMACKeys\": {\"kid-1\": "
                                         "\"zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUA"
                                         "sUDkMTQ12W\"}"
                                       : "false") +
            "}}");
    std::vector<std::string> line = {"env"};
    line.insert(line.end(), options.environment.begin(), options.environment.end());
    line.insert(line.end(), {"pebble", "-strict", "-config", config, "-dnsserver", dns_.address()});
    process_ = std::make_unique<Subprocess>(line);
  }

  TempDir files_;
  DnsServer dns_;
  std::string ca_;
  const std::string address_ = UnusedAddress();
  std::unique_ptr<Subprocess> process_;
};

struct Ports {
  std::string plain = "127.0.0.1:0";
  std::string edge = "127.0.0.1:0";
};

class RealAcmeTest : public testing::Test {
 protected:
  static std::string Text(const Ports& ports, const std::string& tls) {
    return "workers: 2\nstatus: {bind: \"127.0.0.1:0\"}\naccess_log: off\n"
           "drain: {delay: 0s, timeout: 1s}\n"
           "listeners: [{name: plain, bind: \"" +
           ports.plain + "\"}, {name: edge, bind: \"" + ports.edge + "\", tls: {" + tls +
           "}}]\n"
           "routes: [{match: {hosts: [a.test, b.test]}, respond: {status: 200, body: hello}}]\n";
  }
  // A gateway that listens already, with a certificate that is in files.
  std::string WithoutAcme(const Ports& ports = {}) {
    const pool::Issued site = pool::SiteFor({"other.test"});
    return Text(ports, "certificates: [{cert: " + files_.Write("own.pem", site.chain().pem) +
                           ", key: " + files_.Write("own.key", site.key_file().pem) + "}]");
  }
  // Who vouches for what is shown to a client that asks for this name.
  static std::string IssuerAt(const std::string& address, const std::string& name) {
    const Finished done = RunProgram(
        {"openssl", "s_client", "-connect", address, "-servername", name, "-verify_hostname", name},
        2 * kPatience);
    // Nobody trusts pebble, but the name is looked at.
    EXPECT_EQ(done.out.find("ostname mismatch"), std::string::npos) << done.out;
    const size_t at = done.out.find("issuer=");
    return at == done.out.npos ? done.out + done.err
                               : done.out.substr(at, done.out.find('\n', at) - at);
  }
  static void AwaitOrders(const GatewayProcess& gateway, const std::string& result, double count) {
    gateway.AwaitMetric("holdfast_acme_orders_total", {{"listener", "edge"}, {"result", result}},
                        count);
  }
  static void ExpectPebbles(const GatewayProcess& gateway, const std::string& name) {
    std::string issuer;
    EXPECT_TRUE(Eventually([&] {
      issuer = IssuerAt(gateway.address("edge"), name);
      return issuer.find("Pebble") != std::string::npos;
    })) << name
        << " " << issuer << "\n"
        << gateway.Stderr();
  }
  std::string storage() const { return files_.Path("store"); }
  static mode_t ModeOf(const std::string& path) {
    struct stat facts {};
    EXPECT_EQ(stat(path.c_str(), &facts), 0) << path;
    return facts.st_mode & 0777;
  }

  TempDir files_;
};

TEST_F(RealAcmeTest, NamesOfRoutesGetCertificatesByHttp01) {
  GatewayProcess gateway(WithoutAcme());
  Pebble pebble({.http_port = PortOf(gateway.address("plain")),
                 .tls_port = "1",
                 .environment = {"PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=20"}});
  gateway.Reload(Text({}, pebble.Acme(storage(), "names: from_routes, email: ops@a.test")));
  AwaitOrders(gateway, "ok", 2);
  ExpectPebbles(gateway, "a.test");
  ExpectPebbles(gateway, "b.test");
  EXPECT_EQ(ModeOf(storage()), 0700u);
  for (const std::string& file :
       {pebble.File("a.test"), pebble.File("b.test"), std::string("lock")}) {
    EXPECT_EQ(ModeOf(storage() + "/" + file), 0600u) << file;
  }
  gateway.AwaitStderr("until ACME brings those for a.test, b.test");
  EXPECT_TRUE(gateway.Scrape().Has("holdfast_acme_renewal_timestamp_seconds",
                                   {{"listener", "edge"}, {"name", "b.test"}}));
  // What is under the path and no token is anybody's.
  RawClient client(gateway.address("plain"));
  const Message answer =
      client.Exchange("GET /.well-known/acme-challenge/other HTTP/1.1\r\nHost: a.test\r\n\r\n");
  EXPECT_EQ(answer.body, "hello");
  EXPECT_EQ(pebble.Count("There are now 1 accounts"), 1) << pebble.Log();
  // What another process with the storage is asked for; a redirect may lead to https.
  files_.Write("store/proof", "http-01 4102444800 token token.thumbprint\n");
  for (const std::string& url :
       {"http://" + gateway.address("plain"), "https://" + gateway.address("edge")}) {
    std::string body;
    EXPECT_TRUE(Eventually([&] {
      body = RunProgram({"curl", "--silent", "--insecure", "--header", "Host: a.test",
                         url + "/.well-known/acme-challenge/token"})
                 .out;
      return body == "token.thumbprint";
    })) << url
        << " " << body;
  }
}

TEST_F(RealAcmeTest, ANameGetsItsCertificateByTlsAlpn01) {
  GatewayProcess gateway(WithoutAcme());
  Pebble pebble({.http_port = "1", .tls_port = PortOf(gateway.address("edge"))});
  gateway.Reload(Text({}, pebble.Acme(storage(), "names: [a.test], challenge: tls-alpn-01") +
                              ", strict_sni: true"));
  AwaitOrders(gateway, "ok", 1);
  ExpectPebbles(gateway, "a.test");
  EXPECT_GE(gateway.Scrape().Value("holdfast_client_connections_closed_total",
                                   {{"listener", "edge"}, {"reason", "challenged"}}),
            1);
}

TEST_F(RealAcmeTest, ACertificateWithLessThanAThirdOfItsLifeIsRenewed) {
  ASSERT_EQ(mkdir(storage().c_str(), 0700), 0);
  const pool::Issued old = pool::IssuedBy(
      pool::TestAuthority(), {.names = {"dns:a.test"}, .begins_in_days = -60, .ends_in_days = 20});
  GatewayProcess gateway(WithoutAcme());
  Pebble pebble({.http_port = PortOf(gateway.address("plain")), .tls_port = "1"});
  files_.Write("store/" + pebble.File("a.test"), old.chain().pem + old.key_file().pem);
  gateway.Reload(Text({}, pebble.Acme(storage(), "names: [a.test]")));
  gateway.AwaitStderr("to renew the one that is there");
  AwaitOrders(gateway, "ok", 1);
  ExpectPebbles(gateway, "a.test");
  EXPECT_EQ(gateway.Stderr().find("temporary"), std::string::npos) << gateway.Stderr();
}

TEST_F(RealAcmeTest, ARefusalIsToldInTheAuthoritysWords) {
  GatewayProcess gateway(WithoutAcme());
  Pebble pebble({.http_port = PortOf(UnusedAddress()), .tls_port = "1"});
  gateway.Reload(Text({}, pebble.Acme(storage(), "names: [a.test]")));
  AwaitOrders(gateway, "challenge_failed", 1);
  gateway.AwaitStderr("acme: a.test: no certificate: challenge_failed: http-01: connection: ");
  gateway.AwaitStderr("clients see a temporary one; the next try is in ");
  EXPECT_EQ(IssuerAt(gateway.address("edge"), "a.test"), "issuer=CN = a.test");
}

TEST_F(RealAcmeTest, AnAuthorityThatWantsAnotherAccountIsNotAskedForOne) {
  GatewayProcess gateway(WithoutAcme());
  Pebble pebble({.http_port = "1", .tls_port = "1", .external_accounts = true});
  gateway.Reload(Text({}, pebble.Acme(storage(), "names: [a.test]")));
  AwaitOrders(gateway, "refused", 1);
  gateway.AwaitStderr("externalAccountRequired");
}

TEST_F(RealAcmeTest, ADirectoryThatNobodyVouchesForIsNotSpokenTo) {
  GatewayProcess gateway(WithoutAcme());
  Pebble pebble({.http_port = "1", .tls_port = "1"});
  const pool::Issued other = pool::SelfSigned({.authority = true});
  std::string acme = pebble.Acme(storage(), "names: [a.test]");
  const size_t begin = acme.find("ca: ");
  acme.replace(begin, acme.find(',', begin) - begin,
               "ca: " + files_.Write("other.pem", other.chain().pem));
  gateway.Reload(Text({}, acme));
  AwaitOrders(gateway, "unreachable", 1);
  gateway.AwaitStderr("tls_unknown_ca");
}

// Killed while the authority looks: the next process has the same account, and the order of a dead
// one keeps nobody.
TEST_F(RealAcmeTest, AProcessThatIsKilledInTheMiddleLeavesTheNextOneWhatItHad) {
  ScriptedUpstream looked_at;
  Pebble pebble({.http_port = PortOf(looked_at.address()), .tls_port = "1"});
  const std::string tls = pebble.Acme(storage(), "names: [a.test]");
  {
    const Subprocess first({GatewayBinary(), "run", files_.Write("first.yaml", Text({}, tls))});
    const UpstreamConnection look = looked_at.Accept();  // which nobody answers
    first.Signal(SIGKILL);
  }
  looked_at.StopListening();
  EXPECT_TRUE(ReadFile(storage() + "/" + pebble.File("a.test")).empty())
      << "it was to be killed before";
  GatewayProcess second(Text({.plain = looked_at.address()}, tls));
  AwaitOrders(second, "ok", 1);
  ExpectPebbles(second, "a.test");
  EXPECT_EQ(pebble.Count("There are now 2 accounts"), 0) << pebble.Log();
}

// The authority may come to any of them: here it comes to the one that does not order.
TEST_F(RealAcmeTest, OfTwoProcessesWithOneStorageOneOrdersAndBothAnswer) {
  GatewayProcess first(WithoutAcme());
  GatewayProcess second(WithoutAcme());
  Pebble pebble({.http_port = "1", .tls_port = PortOf(second.address("edge"))});
  const std::string text =
      Text({}, pebble.Acme(storage(), "names: [a.test], challenge: tls-alpn-01"));
  ASSERT_EQ(mkdir(storage().c_str(), 0700), 0);
  {
    // The second comes in vain at first, so that the first one orders.
    const pool::FileDescriptor lock(open((storage() + "/lock").c_str(), O_RDWR | O_CREAT, 0600));
    ASSERT_EQ(flock(lock.get(), LOCK_EX), 0);
    second.Reload(text);
  }
  first.Reload(text);
  AwaitOrders(first, "ok", 1);
  ExpectPebbles(first, "a.test");
  ExpectPebbles(second, "a.test");
  EXPECT_EQ(pebble.Count("Issued certificate"), 1) << pebble.Log();
  EXPECT_EQ(second.Scrape().Value("holdfast_acme_orders_total"), 0);
}

}  // namespace
}  // namespace holdfast::support
