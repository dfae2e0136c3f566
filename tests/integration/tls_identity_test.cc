// Who a client is by its certificate: told to upstreams, asked by routes, and by nobody made up.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/integration/tls_edge.h"
#include "tests/pool/tls/support/test_certificates.h"
#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"

namespace holdfast::support {
namespace {

using pool::Issued;

// What is between PEM's lines.
std::string Base64Of(const Issued& issued) {
  const std::string pem = issued.chain().pem;
  std::string base64;
  for (const char c : pem.substr(pem.find("-----\n") + 6)) {
    if (c == '-') break;
    if (c != '\n') base64 += c;
  }
  return base64;
}

class TlsIdentityTest : public testing::Test {
 protected:
  // Listeners "edge", whose clients may show certificates, and "plain", before an upstream that
  // answers with every field, as it came.
  std::string Config(const std::string& headers, const std::string& routes = "") {
    const std::string all = "routes: [{match: {path_prefix: /}, upstream: web}]\n";
    return "workers: 2\nstatus: {bind: \"127.0.0.1:0\"}\naccess_log: off\ndrain: {delay: 0s, "
           "timeout: 1s}\nlisteners:\n"
           "  - {name: edge, bind: \"127.0.0.1:0\", tls: {certificates: [{" +
           site_ + "}], client_auth: {mode: optional, ca: " + ca_ + "}}" +
           (headers.empty() ? "" : ", client_certificate_headers: " + headers) +
           "}\n  - {name: plain, bind: \"127.0.0.1:0\", trusted_proxies: [127.0.0.0/8], "
           "errors: {detail: full}}\n"
           "upstreams: {web: {endpoints: [\"" +
           upstream_.address() + "\"]}}\n" + (routes.empty() ? all : routes);
  }
  std::vector<std::string> Certified(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {
        "--cacert", ca_, "--cert", files_.Path("app.pem"), "--key", files_.Path("app.key")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }

  Files files_;
  const std::string ca_ = files_.Authority();
  const std::string site_ = files_.Keyed("a", pool::SiteFor({"a.test"}));
  const Issued app_ = pool::IssuedBy(pool::TestAuthority(),
                                     {.names = {"dns:app.test", "uri:spiffe://test/app"}}, "app");
  const std::string app_files_ = files_.Keyed("app", app_);
  AutoUpstream upstream_{[](const Message& request) {
    std::string seen;
    for (const auto& [name, value] : request.fields) seen += name + ": " + value + "\n";
    for (const auto& [name, value] : request.trailers) seen += "trailer " + name + "\n";
    return AutoUpstream::Reply{.bytes = OkResponse(seen)};
  }};
};

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_F(TlsIdentityTest, TheCertificateIsToldAsTheRfcHasIt) {
  GatewayProcess gateway(Config("rfc9440"));
  const Finished with = Curl(gateway, "a.test", Certified());
  EXPECT_TRUE(Contains(with.out, "\nClient-Cert: :" + Base64Of(app_) + ":\n")) << with.out;
  const Finished without = Curl(gateway, "a.test", {"--cacert", ca_});
  EXPECT_TRUE(Contains(without.out, "Host: ")) << without.err;
  EXPECT_FALSE(Contains(without.out, "Client-Cert")) << without.out;
}

TEST_F(TlsIdentityTest, TheChainIsToldIfTheClientSendsOne) {
  const Issued middle = pool::IssuedBy(pool::TestAuthority(), {.authority = true}, "middle");
  const Issued leaf = pool::IssuedBy(middle, {.names = {"dns:leaf.test"}}, "leaf");
  files_.Write("app.pem", leaf.chain().pem + middle.chain().pem);
  files_.Write("app.key", leaf.key_file().pem);
  GatewayProcess gateway(Config("rfc9440"));
  const Finished done = Curl(gateway, "a.test", Certified());
  EXPECT_TRUE(Contains(done.out, "\nClient-Cert: :" + Base64Of(leaf) + ":\n")) << done.out;
  EXPECT_TRUE(Contains(done.out, "\nClient-Cert-Chain: :" + Base64Of(middle) + ":\n")) << done.out;
}

TEST_F(TlsIdentityTest, FieldsMayHaveNamesOfTheirOwn) {
  GatewayProcess gateway(
      Config("{subject: X-Subject, san: X-San, fingerprint: X-Print, verified: X-Verified}"));
  const Finished with = Curl(gateway, "a.test", Certified());
  EXPECT_TRUE(Contains(with.out, "\nX-Verified: SUCCESS\nX-Subject: CN=app\nX-Print: "))
      << with.out;
  EXPECT_TRUE(Contains(with.out, "\nX-San: \"dns:app.test\", \"uri:spiffe://test/app\"\n"))
      << with.out;
  const Finished without = Curl(gateway, "a.test", {"--cacert", ca_});
  EXPECT_TRUE(Contains(without.out, "\nX-Verified: NONE\n")) << without.out;
  EXPECT_FALSE(Contains(without.out, "X-Subject")) << without.out;
}

// By no listener, in no spelling, and in trailers neither.
TEST_F(TlsIdentityTest, NoClientTellsOfItself) {
  for (const std::string headers : {"", "rfc9440", "{subject: X-Subject, verified: ssl_verify}"}) {
    const bool named = Contains(headers, "X-Subject");
    GatewayProcess gateway(Config(headers));
    std::string lines;
    for (const std::string name :
         {"Client-Cert", "client-cert", "CLIENT_CERT", "Client-Cert-Chain", "client_cert_chain"}) {
      lines += name + ": :forged:\r\n";
    }
    for (const std::string name : {"X-Subject", "x_subject", "SSL-Verify", "ssl_verify"}) {
      lines += name + ": forged\r\n";
    }
    RawClient client(gateway.address("plain"));
    const Message plain = client.Exchange("POST / HTTP/1.1\r\nHost: a\r\n" + lines +
                                          "Connection: keep-alive, client-cert\r\n"
                                          "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n" +
                                          lines + "X-Kept: 1\r\n\r\n");
    EXPECT_EQ(plain.Status(), 200);
    EXPECT_FALSE(Contains(plain.body, ":forged:")) << plain.body;
    EXPECT_FALSE(Contains(plain.body, "trailer Client-Cert")) << plain.body;
    EXPECT_FALSE(Contains(plain.body, "trailer client_cert_chain")) << plain.body;
    EXPECT_TRUE(Contains(plain.body, "trailer X-Kept")) << plain.body;
    EXPECT_EQ(Contains(plain.body, ": forged"), !named) << plain.body;
    EXPECT_EQ(Contains(plain.body, "trailer x_subject"), !named) << plain.body;
    const Finished secure =
        Curl(gateway, "a.test",
             Certified({"--header", "Client-Cert: :forged:", "--header",
                        "CLIENT_CERT: :forged:", "--header", "X_Subject: :forged:"}));
    EXPECT_EQ(Contains(secure.out, ":forged:"), !named) << secure.out;
    EXPECT_FALSE(Contains(secure.out, "Client-Cert: :forged:")) << secure.out;
    EXPECT_FALSE(Contains(secure.out, "CLIENT_CERT")) << secure.out;
  }
}

TEST_F(TlsIdentityTest, AServiceThatIsAskedIsToldToo) {
  AutoUpstream service([](const Message& request) {
    const std::string seen = "<" + request.Value("client-cert") + ">";
    return AutoUpstream::Reply{.bytes = "HTTP/1.1 403 Forbidden\r\nContent-Length: " +
                                        std::to_string(seen.size()) + "\r\n\r\n" + seen};
  });
  std::string config = Config("rfc9440",
                              "routes: [{match: {path_prefix: /}, upstream: web, forward_auth: "
                              "{upstream: auth, copy_request_headers: [x-none]}}]\n");
  const std::string upstreams = "upstreams: {";
  config.insert(config.find(upstreams) + upstreams.size(),
                "auth: {endpoints: [\"" + service.address() + "\"]}, ");
  GatewayProcess gateway(config);
  const std::vector<std::string> forged = {"--header", "Client-Cert: :forged:"};
  const Finished with = Curl(gateway, "a.test", Certified(forged));
  EXPECT_EQ(with.out, "<:" + Base64Of(app_) + ":>") << with.err;
  const Finished without = Curl(gateway, "a.test", {"--cacert", ca_, forged[0], forged[1]});
  EXPECT_EQ(without.out, "<>") << without.err;
}

TEST_F(TlsIdentityTest, ARouteMayAskForACertificate) {
  GatewayProcess gateway(Config(
      "",
      "routes: [{match: {path_prefix: /}, respond: {status: 200, body: open}},\n"
      "  {match: {path: /, client_certificate: verified, hosts: [a.test]}, upstream: web}]\n"));
  const Finished with = Curl(gateway, "a.test", Certified({"--write-out", "%{http_code}"}));
  EXPECT_TRUE(with.out.ends_with("200")) << with.out;
  EXPECT_TRUE(Contains(with.out, "Host: a.test")) << with.out;
  const Finished without =
      Curl(gateway, "a.test", {"--cacert", ca_, "--write-out", "%{http_code}"});
  EXPECT_TRUE(without.out.ends_with("403")) << without.out;
  EXPECT_TRUE(Contains(without.out, "reason: client_certificate_required\n")) << without.out;
  // In clear nobody shows any.
  RawClient client(gateway.address("plain"));
  EXPECT_EQ(
      client.Exchange("GET / HTTP/1.1\r\nHost: a.test\r\nClient-Cert: :AA==:\r\n\r\n").Status(),
      403);
  EXPECT_EQ(client.Exchange("GET / HTTP/1.1\r\nHost: b.test\r\n\r\n").body, "open");
}

TEST_F(TlsIdentityTest, TheLogTellsOfTheConnectionAndOfWhoItIs) {
  std::string config = Config("");
  config.replace(config.find("access_log: off"), 15, "access_log: {path: stdout}");
  GatewayProcess gateway(config);
  const auto logged = [&](const std::string& part) {
    return Eventually([&] { return Contains(gateway.Stdout(), part); });
  };
  Curl(gateway, "a.test",
       Certified({"--tls-max", "1.2", "--ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256"}));
  EXPECT_TRUE(
      logged("\"tls_version\":\"TLSv1.2\",\"tls_cipher\":\"ECDHE-ECDSA-AES128-GCM-SHA256\","
             "\"tls_sni\":\"a.test\",\"tls_alpn\":\"h2\",\"tls_resumed\":false,"
             "\"client_subject\":\"CN=app\","
             "\"client_san\":[\"dns:app.test\",\"uri:spiffe://test/app\"]"))
      << gateway.Stdout();
  RawClient client(gateway.address("plain"));
  client.Get("/plain");
  EXPECT_TRUE(logged("\"target\":\"/plain\""));
  const std::string line = gateway.Stdout().substr(gateway.Stdout().find("\"target\":\"/plain\""));
  EXPECT_FALSE(Contains(line, "tls_")) << line;
  gateway.AwaitMetric("holdfast_client_tls_sessions_total",
                      {{"listener", "edge"}, {"version", "TLSv1.2"}, {"session", "new"}}, 1);
  gateway.AwaitMetric("holdfast_client_tls_handshake_seconds_count", {{"listener", "edge"}}, 1);
}

TEST_F(TlsIdentityTest, AHandshakeThatIsNotOverInTimeHasAWordOfItsOwn) {
  std::string config = Config("");
  const std::string auth = "client_auth: {mode";
  config.replace(config.find(auth), auth.size(), "handshake_timeout: 100ms, " + auth);
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  client.Send(std::string_view("\x16\x03\x01", 3));
  client.ExpectClosed();
  gateway.AwaitMetric("holdfast_client_connections_closed_total",
                      {{"listener", "edge"}, {"reason", "tls_handshake_timeout"}}, 1);
  gateway.AwaitMetric("holdfast_client_tls_handshakes_total",
                      {{"listener", "edge"}, {"result", "tls_handshake_timeout"}}, 1);
}

TEST_F(TlsIdentityTest, TlsOnAPlainPortIsAnsweredAndCounted) {
  GatewayProcess gateway(Config(""));
  const std::string port = gateway.address("plain").substr(gateway.address("plain").rfind(':') + 1);
  const Finished done = RunProgram({"curl", "--silent", "--show-error", "--max-time", "20",
                                    "--insecure", "https://127.0.0.1:" + port + "/"},
                                   {}, 2 * kPatience);
  EXPECT_EQ(done.code, 35) << done.err;
  gateway.AwaitMetric("holdfast_framing_refusals_total",
                      {{"side", "client"}, {"reason", "looks_like_tls"}}, 1);
  RawClient client(gateway.address("plain"));
  client.Send(std::string_view("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11));
  const Message answer = client.Response();
  EXPECT_EQ(answer.Status(), 400);
  EXPECT_TRUE(Contains(answer.body, "looks_like_tls: ")) << answer.body;
}

// openssl's client, which keeps its session in a file.
class TlsSessionTest : public TlsIdentityTest {
 protected:
  std::string Ask(const GatewayProcess& gateway, const std::string& name, const std::string& host,
                  std::vector<std::string> more) {
    const std::string request = files_.Write(
        "request", "GET / HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
    std::vector<std::string> arguments = {"openssl",     "s_client",  "-connect", gateway.address(),
                                          "-servername", name,        "-CAfile",  ca_,
                                          "-ign_eof",    "-no_tls1_3"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return RunProgram(arguments, {.stdin_path = request}, 2 * kPatience).out;
  }
};

TEST_F(TlsSessionTest, AResumedSessionKnowsItsClient) {
  GatewayProcess gateway(Config("rfc9440"));
  const std::string session = files_.Path("session");
  const std::string first =
      Ask(gateway, "a.test", "a.test",
          {"-cert", files_.Path("app.pem"), "-key", files_.Path("app.key"), "-sess_out", session});
  EXPECT_TRUE(Contains(first, "Client-Cert: :" + Base64Of(app_))) << first;
  const std::string second = Ask(gateway, "a.test", "a.test", {"-sess_in", session});
  EXPECT_TRUE(Contains(second, "Reused, ")) << second;
  EXPECT_TRUE(Contains(second, "Client-Cert: :" + Base64Of(app_))) << second;
}

// CVE-2025-23419: neither by resuming another name's session, nor by asking it for this host.
TEST_F(TlsSessionTest, OfOneNameNeverSkipsAnothersCertificate) {
  const std::string closed = files_.Keyed("closed", pool::SiteFor({"closed.test"}));
  GatewayProcess gateway(
      "workers: 1\nstatus: {bind: \"127.0.0.1:0\"}\naccess_log: off\ndrain: {delay: 0s, timeout: "
      "1s}\nlisteners: [{name: edge, bind: \"127.0.0.1:0\", tls: {certificates: [{" +
      site_ + "}, {" + closed + ", client_auth: {mode: optional, ca: " + ca_ +
      "}}]}}]\nroutes:\n"
      "  - {match: {hosts: [a.test]}, respond: {status: 200, body: open}}\n"
      "  - {match: {hosts: [closed.test], client_certificate: verified}, respond: {status: 200, "
      "body: members}}\n");
  const std::vector<std::string> shows = {"-cert", files_.Path("app.pem"), "-key",
                                          files_.Path("app.key")};
  const std::string session = files_.Path("session");
  EXPECT_TRUE(Contains(Ask(gateway, "closed.test", "closed.test", shows), "members"));
  const std::string open = Ask(gateway, "a.test", "a.test", {"-sess_out", session});
  EXPECT_TRUE(Contains(open, "open")) << open;
  EXPECT_TRUE(Contains(Ask(gateway, "a.test", "a.test", {"-sess_in", session}), "Reused, "));
  const std::string resumed = Ask(gateway, "closed.test", "closed.test", {"-sess_in", session});
  EXPECT_FALSE(Contains(resumed, "Reused, ")) << resumed;
  EXPECT_FALSE(Contains(resumed, "members")) << resumed;
  EXPECT_TRUE(Contains(resumed, "client_certificate_required")) << resumed;
  const std::string other = Ask(gateway, "a.test", "closed.test", {});
  EXPECT_TRUE(Contains(other, "HTTP/1.1 421 ")) << other;
  // A name's own session is good for that name, and shows nothing to the other.
  std::vector<std::string> keeps = shows;
  keeps.insert(keeps.end(), {"-sess_out", session});
  EXPECT_TRUE(Contains(Ask(gateway, "closed.test", "closed.test", keeps), "members"));
  EXPECT_TRUE(
      Contains(Ask(gateway, "closed.test", "closed.test", {"-sess_in", session}), "members"));
  EXPECT_FALSE(Contains(Ask(gateway, "a.test", "closed.test", {"-sess_in", session}), "members"));
}

}  // namespace
}  // namespace holdfast::support
