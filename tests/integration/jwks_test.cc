// Routes whose keys for tokens come from a URL.

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/strings/escaping.h>
#include <gtest/gtest.h>

#include "pool/tls/digest.h"
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
  static int64_t Now() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
  // Claims of somebody who is to be let in, but for the end of their time.
  static std::string ClaimsWith(const std::string& exp) {
    return R"({"iss":"i","aud":"a","exp":)" + exp + "}";
  }
  static std::string Claims() { return ClaimsWith(std::to_string(Now() + 600)); }
  static std::string HeaderOf(const std::string& kid) {
    return R"({"alg":"ES256","kid":")" + kid + "\"}";
  }
  static std::string TokenOf(const TestKeyPair& pair, const std::string& kid) {
    return Es256(pair, HeaderOf(kid));
  }
  static std::string Es256(const TestKeyPair& pair, const std::string& header) {
    return auth::SignedToken(pair, Algorithm::kEs256, header, Claims());
  }
  static std::string Rs256(const TestKeyPair& pair, const std::string& header) {
    return auth::SignedToken(pair, Algorithm::kRs256, header, Claims());
  }
  static std::string Bearer(const std::string& token) {
    return "Authorization: Bearer " + token + "\r\n";
  }
  static Message AskWith(const GatewayProcess& gateway, const std::string& fields,
                         const std::string& target = "/") {
    RawClient client(gateway.address());
    return client.Exchange("GET " + target + " HTTP/1.1\r\nHost: a.test\r\n" + fields + "\r\n");
  }
  static Message Ask(const GatewayProcess& gateway, const std::string& token) {
    return AskWith(gateway, Bearer(token));
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

// Of RSA with e = 1 whoever has the public half signs: a signature is what it is to become (RFC
// 8017 section 9.2).
std::string SignedWithOne(const std::string& header, const std::string& claims) {
  const std::string text = auth::Base64Url(header) + "." + auth::Base64Url(claims);
  const std::string digest =
      absl::HexStringToBytes("3031300d060960864801650304020105000420") + pool::Sha256(text);
  const std::string padding(256 - 3 - digest.size(), '\xff');
  return text + "." +
         auth::Base64Url(std::string("\0\1", 2) + padding + std::string(1, '\0') + digest);
}

// A gateway with the keys of an issuer that has published some which it should not have, and what
// anybody makes of those that it should.
class ForgedTokenTest : public JwksTest {
 protected:
  struct Row {
    std::string_view name;
    std::string fields;
    int status = 401;
  };

  ForgedTokenTest() { EXPECT_TRUE(Comes(gateway_, good_, 200)); }
  ~ForgedTokenTest() override {
    EXPECT_EQ(Ask(gateway_, good_).Status(), 200) << "control";
    evil_.ExpectNoConnection();  // No address in a token is asked.
  }
  void Expect(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
      const Message answer = AskWith(gateway_, row.fields);
      EXPECT_EQ(answer.Status(), row.status) << row.name << ": " << answer.body;
    }
  }
  static std::string Hmac(const std::string& secret, const char* header) {
    return Bearer(auth::HmacToken(secret, header, Claims()));
  }
  static std::string Unsigned(const std::string& alg) {
    return Bearer(auth::Base64Url("{\"alg\":\"" + alg + "\"}") + "." + auth::Base64Url(Claims()) +
                  ".");
  }
  // Signed well.
  std::string Claiming(const std::string& claims) const {
    return Bearer(auth::SignedToken(one_, Algorithm::kEs256, HeaderOf("one"), claims));
  }

  const TestKeyPair other_ = TestKeyPair::Make(pool::PublicKey::Kind::kP256);
  const TestKeyPair rsa_ = TestKeyPair::Make(pool::PublicKey::Kind::kRsa);
  const TestKeyPair small_ = TestKeyPair::Make(pool::PublicKey::Kind::kRsa, 1024);
  const std::string published_ = auth::JwksOf(
      {jwk_, auth::JwkOf(rsa_, R"(,"kid":"rsa")"), auth::JwkOf(two_, R"(,"kid":"enc","use":"enc")"),
       auth::JwkOf(other_, R"(,"kid":"wrap","key_ops":["wrapKey"])"),
       auth::JwkOf(small_, R"(,"kid":"small")"),
       R"({"kty":"RSA","kid":"e1","e":"AQ","n":")" + auth::Base64Url(rsa_.n()) + "\"}",
       R"({"kty":"oct","kid":"secret","k":"c2VjcmV0"})"});
  Issuer issuer_{Reply(published_)};
  ScriptedUpstream evil_;
  const std::string at_evil_ = "http://" + evil_.address() + "/jwks.json";
  GatewayProcess gateway_{
      GatewayConfig{.routes = "- {match: {path_prefix: /}, jwt: {jwks: \"" + issuer_.Url() +
                              "\", issuer: i, audience: a, algorithms: [ES256, RS256, EdDSA]}, "
                              "respond: {body: in}}\n"}
          .Text()};
  const std::string good_ = TokenOf(one_, "one");
  const std::string text_ = good_.substr(0, good_.rfind('.'));
  const std::string signature_ = one_.Sign(Algorithm::kEs256, text_);
};

TEST_F(ForgedTokenTest, NoAlgorithmLetsItIn) {
  Expect({
      {"control: ES256", Bearer(TokenOf(one_, "one")), 200},
      {"control: RS256", Bearer(Rs256(rsa_, R"({"alg":"RS256","kid":"rsa"})")), 200},
      {"none", Unsigned("none")},
      {"None", Unsigned("None")},
      {"NONE", Unsigned("NONE")},
      {"no algorithm", Unsigned("")},
      {"no signature", Bearer(text_ + ".")},
      {"HMAC with the PEM", Hmac(rsa_.PublicPem(), R"({"alg":"HS256","kid":"rsa"})")},
      {"HMAC with the DER", Hmac(auth::DerOf(rsa_.PublicPem()), R"({"alg":"HS256"})")},
      {"HMAC with the key as it is published", Hmac(jwk_, R"({"alg":"HS256","kid":"one"})")},
      {"HMAC with all that is published", Hmac(published_, R"({"alg":"HS256"})")},
      {"HMAC with the secret that is published",
       Hmac("secret", R"({"alg":"HS256","kid":"secret"})")},
      {"HMAC that says RS256", Hmac(rsa_.PublicPem(), R"({"alg":"RS256","kid":"rsa"})")},
      {"HMAC that says ES256", Hmac(jwk_, R"({"alg":"ES256","kid":"one"})")},
      {"RS256 with the name of another kind",
       Bearer(Rs256(rsa_, R"({"alg":"RS256","kid":"one"})"))},
      {"ES256 with the name of another kind", Bearer(TokenOf(one_, "rsa"))},
      {"an algorithm that is not the route's",
       Bearer(
           auth::SignedToken(rsa_, Algorithm::kPs256, R"({"alg":"PS256","kid":"rsa"})", Claims()))},
  });
}

TEST_F(ForgedTokenTest, NoKeyLetsItIn) {
  Expect({
      {"control: no name of a key", Bearer(Es256(one_, R"({"alg":"ES256"})")), 200},
      {"control: a key and addresses beside a good signature",
       Bearer(Es256(one_, R"({"alg":"ES256","jku":")" + at_evil_ + R"(","x5u":")" + at_evil_ +
                              R"(","jwk":)" + auth::JwkOf(other_) + "}")),
       200},
      {"another's key", Bearer(TokenOf(other_, "one"))},
      {"another's key without a name", Bearer(Es256(other_, R"({"alg":"ES256"})"))},
      {"an unknown name", Bearer(TokenOf(one_, "two"))},
      {"a name twice", Bearer(Es256(one_, R"({"alg":"ES256","kid":"one","kid":"one"})"))},
      {"a name with a NUL", Bearer(Es256(one_, R"({"alg":"ES256","kid":"one\u0000"})"))},
      {"a path for a name", Bearer(TokenOf(one_, "../../../../dev/null"))},
      {"a URL for a name", Bearer(TokenOf(other_, at_evil_))},
      {"a URL of keys", Bearer(Es256(other_, R"({"alg":"ES256","jku":")" + at_evil_ + "\"}"))},
      {"a URL of keys, and a name",
       Bearer(Es256(other_, R"({"alg":"ES256","kid":"mine","jku":")" + at_evil_ + "\"}"))},
      {"a URL of a certificate",
       Bearer(Es256(other_, R"({"alg":"ES256","x5u":")" + at_evil_ + "\"}"))},
      {"a key that comes along",
       Bearer(Es256(other_, R"({"alg":"ES256","jwk":)" + auth::JwkOf(other_) + "}"))},
      {"a key that comes along, by a known name",
       Bearer(Es256(other_, R"({"alg":"ES256","kid":"one","jwk":)" + auth::JwkOf(other_) + "}"))},
      {"what is critical", Bearer(Es256(one_, R"({"alg":"ES256","kid":"one","crit":["exp"]})"))},
      {"a key for encryption", Bearer(TokenOf(two_, "enc"))},
      {"a key for encryption without its name", Bearer(Es256(two_, R"({"alg":"ES256"})"))},
      {"a key to wrap others", Bearer(TokenOf(other_, "wrap"))},
      {"RSA of 1024 bits", Bearer(Rs256(small_, R"({"alg":"RS256","kid":"small"})"))},
      {"RSA of 1024 bits without its name", Bearer(Rs256(small_, R"({"alg":"RS256"})"))},
      {"RSA with e = 1", Bearer(SignedWithOne(R"({"alg":"RS256","kid":"e1"})", Claims()))},
      {"RSA with e = 1 without its name", Bearer(SignedWithOne(R"({"alg":"RS256"})", Claims()))},
  });
}

TEST_F(ForgedTokenTest, NoSpellingLetsItIn) {
  Expect({
      {"control: the scheme in capitals, two blanks", "Authorization: BEARER  " + good_ + "\r\n",
       200},
      {"a signature as DER", Bearer(text_ + "." + auth::Base64Url(auth::DerSignature(signature_)))},
      {"r and s zero", Bearer(text_ + "." + std::string(86, 'A'))},
      {"r zero",
       Bearer(text_ + "." + auth::Base64Url(std::string(32, '\0') + signature_.substr(32)))},
      {"s zero",
       Bearer(text_ + "." + auth::Base64Url(signature_.substr(0, 32) + std::string(32, '\0')))},
      {"two parts", Bearer(text_)},
      {"four parts", Bearer(good_ + "." + good_.substr(good_.rfind('.') + 1))},
      {"a dot behind it", Bearer(good_ + ".")},
      {"padded", Bearer(good_ + "==")},
      {"in quotes", Bearer("\"" + good_ + "\"")},
      {"a line break in it",
       "Authorization: Bearer " + good_.substr(0, 20) + "\r\n " + good_.substr(20) + "\r\n", 400},
      {"in two lines", Bearer(good_) + Bearer(good_)},
      {"behind another", "Authorization: Basic YTpi\r\n" + Bearer(good_)},
      {"two in one line", Bearer(good_ + ", Bearer " + good_)},
      {"a tab for a blank", "Authorization: Bearer\t" + good_ + "\r\n"},
      {"a blank and a tab", "Authorization: Bearer \t" + good_ + "\r\n"},
      {"no scheme", "Authorization: " + good_ + "\r\n"},
      {"another scheme", "Authorization: Token " + good_ + "\r\n"},
      {"in a lookalike of the field", "Authorization_: Bearer " + good_ + "\r\n"},
      {"in a proxy's field", "Proxy-Authorization: Bearer " + good_ + "\r\n"},
      {"in a cookie", "Cookie: access_token=" + good_ + "; Authorization=Bearer " + good_ + "\r\n"},
  });
  EXPECT_EQ(AskWith(gateway_, "", "/?access_token=" + good_).Status(), 401) << "in the query";
}

TEST_F(ForgedTokenTest, NoClaimsLetItIn) {
  const std::string later = std::to_string(Now() + 600);
  const std::string tomorrow = std::to_string(Now() + 86'400);
  Expect({
      {"expired", Claiming(ClaimsWith(std::to_string(Now() - 3600)))},
      {"without an end", Claiming(R"({"iss":"i","aud":"a"})")},
      {"an end in words", Claiming(ClaimsWith("\"" + later + "\""))},
      {"an end in milliseconds", Claiming(ClaimsWith(std::to_string((Now() + 600) * 1000)))},
      {"two ends", Claiming(ClaimsWith("1,\"exp\":" + later))},
      {"not before tomorrow", Claiming(ClaimsWith(later + ",\"nbf\":" + tomorrow))},
      {"issued tomorrow", Claiming(ClaimsWith(later + ",\"iat\":" + tomorrow))},
      {"an issuer with a slash", Claiming(R"({"iss":"i/","aud":"a","exp":)" + later + "}")},
      {"for others", Claiming(R"({"iss":"i","aud":["b","c"],"exp":)" + later + "}")},
  });
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
