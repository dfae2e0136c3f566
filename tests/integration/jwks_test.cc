// Routes whose keys for tokens come from a URL.

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "tests/gateway/auth/test_tokens.h"
#include "tests/integration/tls_edge.h"
#include "tests/pool/tls/support/test_certificates.h"
#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"
#include "tests/support/subprocess.h"
#include "tests/support/temp_dir.h"

namespace holdfast::support {
namespace {

using pool::TestKeyPair;
using Algorithm = pool::SignatureAlgorithm;

constexpr char kFetches[] = "holdfast_jwks_fetches_total";

std::string Reply(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

// An issuer with a signing key. It publishes what the test says.
class Issuer {
 public:
  explicit Issuer(std::string reply) : reply_(std::move(reply)) {}

  void Publish(std::string reply) {
    const std::lock_guard lock(mutex_);
    reply_ = std::move(reply);
  }
  std::string address() const { return upstream_.address(); }
  std::string Url() const { return "http://" + address() + "/jwks.json"; }
  int requests() const { return upstream_.requests(); }

 private:
  std::mutex mutex_;
  std::string reply_;
  AutoUpstream upstream_{AutoUpstream::Handler([this](const Message&) {
    const std::lock_guard lock(mutex_);
    return AutoUpstream::Reply{.bytes = reply_};
  })};
};

class JwksTest : public testing::Test {
 protected:
  static std::string Rules(const std::string& url, const std::string& more = "") {
    return "jwt: {jwks: \"" + url + "\"" + more + ", issuer: i, audience: a, algorithms: [ES256]}";
  }
  // A gateway that answers by itself who has a token.
  static std::string Config(const std::string& url, const std::string& more = "") {
    return GatewayConfig{.routes = "- {match: {path_prefix: /}, " + Rules(url, more) +
                                   ", respond: {body: in}}\n"}
        .Text();
  }
  static std::string TokenOf(const TestKeyPair& pair, const std::string& kid) {
    const int64_t now = std::chrono::duration_cast<std::chrono::seconds>(
                            std::chrono::system_clock::now().time_since_epoch())
                            .count();
    return auth::SignedToken(pair, Algorithm::kEs256, R"({"alg":"ES256","kid":")" + kid + "\"}",
                             R"({"iss":"i","aud":"a","exp":)" + std::to_string(now + 600) + "}");
  }
  static Message Ask(const GatewayProcess& gateway, const std::string& token) {
    RawClient client(gateway.address());
    return client.Exchange("GET / HTTP/1.1\r\nHost: a.test\r\nAuthorization: Bearer " + token +
                           "\r\n\r\n");
  }
  static bool Comes(const GatewayProcess& gateway, const std::string& token, int status) {
    return Eventually([&] { return Ask(gateway, token).Status() == status; });
  }

  const TestKeyPair one_ = TestKeyPair::Make(pool::PublicKey::Kind::kP256);
  const TestKeyPair two_ = TestKeyPair::Make(pool::PublicKey::Kind::kP256);
  const std::string jwk_ = auth::JwkOf(one_, R"(,"kid":"one")");
  const std::string other_jwk_ = auth::JwkOf(two_, R"(,"kid":"two")");
  const std::string keys_ = auth::JwksOf({jwk_});
};

TEST_F(JwksTest, KeysAreFetchedOverTlsFromWhoIsVouchedFor) {
  Issuer issuer(Reply(keys_));
  Files files;
  const std::string site =
      files.Keyed("site", pool::IssuedBy(pool::TestAuthority(), {.names = {"ip:127.0.0.1"}}));
  GatewayProcess secure(Listener("certificates: [{" + site + "}]") +
                        "upstreams: {web: {endpoints: [\"" + issuer.address() +
                        "\"]}}\nroutes: [{match: {path_prefix: /}, upstream: web}]\n");
  const std::string url = "https://" + secure.address() + "/jwks.json";
  GatewayProcess gateway(Config(url, ", jwks_ca: " + files.Authority()));
  EXPECT_TRUE(Comes(gateway, TokenOf(one_, "one"), 200));
  EXPECT_EQ(Ask(gateway, TokenOf(two_, "one")).Status(), 401);
  gateway.AwaitMetric(kFetches, {{"url", url}, {"result", "changed"}}, 1);
  gateway.AwaitMetricAtLeast("holdfast_jwks_last_success_timestamp_seconds", {{"url", url}}, 1);
  EXPECT_TRUE(gateway.AwaitStderr(url + ": 1 key taken into use"));
  // Nobody vouches for it here.
  GatewayProcess wary(Config(url));
  EXPECT_TRUE(wary.AwaitStderr("; requests are answered 503 until they come"));
  const Message refused = Ask(wary, TokenOf(one_, "one"));
  EXPECT_EQ(refused.Status(), 503);
  EXPECT_NE(refused.body.find("reason: jwt_keys_unavailable\n"), std::string::npos) << refused.body;
  wary.AwaitMetricAtLeast(kFetches, {{"result", "unreachable"}}, 1);
}

// Start does not wait for an issuer that takes its time, nor does any request.
TEST_F(JwksTest, UntilTheyComeRequestsAreRefusedAndServedAfterwards) {
  ScriptedUpstream issuer;
  GatewayProcess gateway(Config("http://" + issuer.address() + "/k"));
  UpstreamConnection connection = issuer.Accept();
  const Message request = connection.Request();
  EXPECT_EQ(request.Value("host"), issuer.address());
  const std::string token = TokenOf(one_, "one");
  for (int i = 0; i < 3; ++i) {
    const Message early = Ask(gateway, token);
    EXPECT_EQ(early.Status(), 503);
    EXPECT_NE(early.body.find("reason: jwt_keys_unavailable\n"), std::string::npos) << early.body;
    EXPECT_EQ(early.Value("www-authenticate"), "");
  }
  RawClient bare(gateway.address());
  EXPECT_EQ(bare.Get("/").Status(), 401) << "without a token";
  connection.Send(Reply(keys_));
  EXPECT_TRUE(Comes(gateway, token, 200));
  gateway.AwaitMetricAtLeast("holdfast_auth_requests_total", {{"answer", "jwt_keys_unavailable"}},
                             3);
}

// An issuer that changes its keys signs with the new one at once.
TEST_F(JwksTest, ATokenOfANewKeyMakesItFetched) {
  Issuer issuer(Reply(keys_));
  GatewayProcess gateway(Config(issuer.Url()));
  const std::string old_token = TokenOf(one_, "one");
  const std::string new_token = TokenOf(two_, "two");
  EXPECT_TRUE(Comes(gateway, old_token, 200));
  issuer.Publish(Reply(auth::JwksOf({other_jwk_})));
  EXPECT_EQ(Ask(gateway, old_token).Status(), 200) << "nobody has asked";
  EXPECT_TRUE(Comes(gateway, new_token, 200));
  // One that is taken back is for tokens that were seen before, too.
  EXPECT_EQ(Ask(gateway, old_token).Status(), 401);
  EXPECT_EQ(issuer.requests(), 2);
  // Names that are made up do not get an issuer asked each time.
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(Ask(gateway, TokenOf(one_, "x" + std::to_string(i))).Status(), 401);
  }
  EXPECT_EQ(issuer.requests(), 2);
}

TEST_F(JwksTest, WhatIsNoSetOfKeysIsNotTaken) {
  const std::string huge = keys_ + std::string(1 << 20, ' ');
  const std::pair<std::string, std::string> cases[] = {
      {Reply("<html>no</html>"), "expected a JSON Web Key Set"},
      {Reply("{\"keys\":[]}"), "it has no keys"},
      {Reply("{\"keys\":[7]}"), "none of its keys is of use"},
      {Reply(std::string(100'000, '[')), "it is nested too deeply"},
      {Reply(huge), "the response is larger than 1024 KiB"},
      {"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: " + std::to_string(keys_.size()) +
           "\r\n\r\n" + keys_,
       "status 302, a redirect, which is not followed"},
      {"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n", "status 500"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", "is not HTTP/1.1"},
  };
  for (const auto& [reply, trouble] : cases) {
    Issuer issuer(reply);
    GatewayProcess gateway(Config(issuer.Url()));
    EXPECT_TRUE(gateway.AwaitStderr(trouble)) << trouble;
    EXPECT_TRUE(gateway.AwaitStderr("; requests are answered 503 until they come"));
    EXPECT_EQ(Ask(gateway, TokenOf(one_, "one")).Status(), 503);
    // It is tried again soon.
    issuer.Publish(Reply(keys_));
    EXPECT_TRUE(Comes(gateway, TokenOf(one_, "one"), 200)) << trouble;
  }
}

TEST_F(JwksTest, WhateverBecomesOfTheIssuerTheOldKeysStay) {
  Issuer issuer(Reply(keys_));
  GatewayProcess gateway(Config(issuer.Url()));
  const std::string token = TokenOf(one_, "one");
  EXPECT_TRUE(Comes(gateway, token, 200));
  issuer.Publish("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(Ask(gateway, TokenOf(two_, "two")).Status(), 401);
  EXPECT_TRUE(gateway.AwaitStderr("status 503; the old ones stay"));
  EXPECT_EQ(Ask(gateway, token).Status(), 200);
  // So they do over reloads.
  const std::string text = Config(issuer.Url(), ", leeway: 10s");
  gateway.Reload(text);
  EXPECT_EQ(Ask(gateway, token).Status(), 200);
  gateway.AwaitMetricAtLeast(kFetches, {{"result", "refused"}}, 2);
  issuer.Publish(Reply(auth::JwksOf({jwk_, other_jwk_})));
  EXPECT_TRUE(Comes(gateway, TokenOf(two_, "two"), 200));
  EXPECT_EQ(Ask(gateway, token).Status(), 200);
}

// No key and no token is in the log, whatever comes.
TEST_F(JwksTest, TheLogHasNoSecrets) {
  const std::string leaked = auth::JwkOf(one_, R"(,"kid":"one","d":"c2VjcmV0LWhhbGY")");
  Issuer issuer(Reply(auth::JwksOf({leaked, other_jwk_})));
  GatewayProcess gateway(Config(issuer.Url()));
  const std::string token = TokenOf(two_, "two");
  EXPECT_TRUE(Comes(gateway, token, 200));
  EXPECT_TRUE(gateway.AwaitStderr("key 1 is left out: its private half is there, too"));
  EXPECT_EQ(Ask(gateway, TokenOf(one_, "one")).Status(), 401);
  for (const std::string& secret :
       {std::string("c2VjcmV0LWhhbGY"), auth::Base64Url(two_.x()), token}) {
    EXPECT_EQ(gateway.Stderr().find(secret), std::string::npos);
    EXPECT_EQ(gateway.Stdout().find(secret), std::string::npos);
  }
}

TEST_F(JwksTest, ACheckAsksNobodyAndSaysSo) {
  ScriptedUpstream issuer;
  TempDir dir;
  const std::string url = "http://" + issuer.address() + "/k";
  const std::string path = dir.Write("f.yaml", Config(url));
  const Finished checked = RunProgram({GatewayBinary(), "check", "-c", path});
  EXPECT_EQ(checked.code, 0) << checked.err;
  EXPECT_NE(checked.err.find("note: keys for tokens would be fetched from " + url +
                             ", which is not tried here"),
            std::string::npos)
      << checked.err;
  issuer.ExpectNoConnection();
  const std::string far = dir.Write("g.yaml", Config("http://192.0.2.7/k"));
  const Finished refused = RunProgram({GatewayBinary(), "check", "-c", far});
  EXPECT_EQ(refused.code, 2);
  EXPECT_NE(refused.err.find("jwks: expected https://, or http:// to this machine"),
            std::string::npos)
      << refused.err;
}

}  // namespace
}  // namespace holdfast::support
