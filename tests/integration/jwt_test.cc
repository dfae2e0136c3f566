// Routes for clients with a JSON Web Token.

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/gateway/auth/test_tokens.h"
#include "tests/gateway/http2/support/http2_client.h"
#include "tests/support/auto_upstream.h"
#include "tests/support/deadline.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"
#include "tests/support/temp_dir.h"

namespace holdfast::support {
namespace {

using pool::TestKeyPair;
using Algorithm = pool::SignatureAlgorithm;

int64_t Now() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string Get(std::string_view target, std::string_view fields = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a.test\r\n" + std::string(fields) +
         "\r\n";
}

// Tells which user it was asked for, in every spelling of the field, and with which credentials.
AutoUpstream TellingUser() {
  return AutoUpstream([](const Message& request) {
    return AutoUpstream::Reply{
        .bytes = OkResponse("x-user=" + request.Value("x-user") + " x_user=" +
                            request.Value("x_user") + " x-roles=" + request.Value("x-roles") +
                            " bearer=" + (request.Value("authorization").empty() ? "no" : "yes"))};
  });
}

class JwtTest : public testing::Test {
 protected:
  std::string Token(const std::string& sub = "\"ann\"", int64_t lives = 600) const {
    return SignedBy(pair_, R"({"alg":"ES256","kid":"one"})", sub, lives);
  }
  static std::string SignedBy(const TestKeyPair& pair, std::string_view header,
                              const std::string& sub = "\"ann\"", int64_t lives = 600) {
    return auth::SignedToken(
        pair, Algorithm::kEs256, header,
        "{\"iss\":\"https://i.test\",\"aud\":[\"api\",\"x\"],\"sub\":" + sub +
            ",\"roles\":[\"a\",\"b\"],\"exp\":" + std::to_string(Now() + lives) + "}");
  }
  static std::string Bearer(const std::string& token) {
    return "Authorization: Bearer " + token + "\r\n";
  }
  std::string Rules() const {
    return "jwt: {jwks: " + keys_ +
           ", issuer: \"https://i.test\", audience: api, algorithms: [ES256], "
           "claims_to_headers: {x-user: sub, x-roles: roles}}";
  }

  const TestKeyPair pair_ = TestKeyPair::Make(pool::PublicKey::Kind::kP256);
  TempDir dir_;
  const std::string keys_ =
      dir_.Write("jwks.json", auth::JwksOf({auth::JwkOf(pair_, R"(,"kid":"one")")}));
};

TEST_F(JwtTest, WhoHasATokenIsServedAndTheUpstreamIsToldWhoItIs) {
  AutoUpstream upstream = TellingUser();
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}, .route = Rules()});
  RawClient client(gateway.address());
  const Message missing = client.Exchange(Get("/x"));
  EXPECT_EQ(missing.Status(), 401);
  EXPECT_EQ(missing.Value("www-authenticate"), "Bearer");
  EXPECT_NE(missing.body.find("reason: jwt_missing\n"), std::string::npos) << missing.body;
  const std::string token = Token();
  for (int i = 0; i < 3; ++i) {
    const Message served = client.Exchange(Get("/x", Bearer(token)));
    EXPECT_EQ(served.Status(), 200);
    EXPECT_EQ(served.body, "x-user=ann x_user= x-roles=a,b bearer=yes");
  }
  EXPECT_EQ(client.Exchange(Get("/x")).Status(), 401) << "a connection is nobody's";
  const Message expired = client.Exchange(Get("/x", Bearer(Token("\"ann\"", -3600))));
  EXPECT_EQ(expired.Status(), 401);
  EXPECT_EQ(expired.Value("www-authenticate"), "Bearer error=\"invalid_token\"");
  EXPECT_NE(expired.body.find("reason: jwt_expired\n"), std::string::npos) << expired.body;
  gateway.AwaitMetric("holdfast_auth_requests_total", {{"answer", "admitted"}}, 3);
  gateway.AwaitMetric("holdfast_auth_requests_total", {{"answer", "jwt_missing"}}, 2);
  gateway.AwaitMetric("holdfast_auth_requests_total", {{"answer", "jwt_expired"}}, 1);
}

TEST_F(JwtTest, NobodyElseIs) {
  AutoUpstream upstream = TellingUser();
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}, .route = Rules()});
  RawClient client(gateway.address());
  const std::string token = Token();
  const TestKeyPair other = TestKeyPair::Make(pool::PublicKey::Kind::kP256);
  const std::string unsigned_text =
      auth::Base64Url(R"({"alg":"none"})") + token.substr(token.find('.'));
  for (const std::string& fields : {
           Bearer(unsigned_text),
           Bearer(unsigned_text.substr(0, unsigned_text.rfind('.') + 1)),
           Bearer(SignedBy(other, R"({"alg":"ES256","kid":"one"})")),
           Bearer(SignedBy(other, R"({"alg":"ES256"})")),
           Bearer(SignedBy(pair_, R"({"alg":"ES256","kid":"two"})")),
           Bearer(SignedBy(pair_, R"({"alg":"ES256","crit":["x"],"x":1})")),
           Bearer(token + "."),
           Bearer(token + "=="),
           Bearer(token + " x"),
           Bearer(token.substr(0, token.size() - 1)),
           Bearer(token.substr(0, token.rfind('.') + 1) + std::string(86, 'A')),
           Bearer(token) + Bearer(token),
           Bearer(token) + "Authorization: Basic YTpi\r\n",
           Bearer(std::string(8193, 'A')),
           Bearer(Token("\"a\\r\\nx-admin: 1\"")),
           Bearer(Token("\"\\u0000\"")),
           std::string("Authorization: Bearer\r\n"),
           "Authorization: Basic " + token + "\r\n",
           "Authorization: " + token + "\r\n",
           "Authorization_: Bearer " + token + "\r\n",
           "Proxy-Authorization: Bearer " + token + "\r\n",
           "Cookie: access_token=" + token + "\r\n",
           std::string("X-User: ann\r\n"),
       }) {
    const Message refused = client.Exchange(Get("/x", fields));
    EXPECT_EQ(refused.Status(), 401) << fields;
    EXPECT_EQ(refused.body.find("detail:"), std::string::npos) << "no hint: " << refused.body;
  }
  EXPECT_EQ(client.Exchange(Get("/x?access_token=" + token)).Status(), 401);
  EXPECT_EQ(upstream.requests(), 0);
}

// What the log says of it, and the fields of a request with that token.
struct Refused {
  std::string reason;
  std::string detail;
  Http2Fields fields;
};

class JwtLogTest : public JwtTest {
 protected:
  static Http2Fields With(const std::string& token) {
    return {{"authorization", "Bearer " + token}};
  }
  Http2Fields WithHeader(std::string_view header) const { return With(SignedBy(pair_, header)); }
  Http2Fields WithClaims(const std::string& claims) const {
    return With(auth::SignedToken(pair_, Algorithm::kEs256, R"({"alg":"ES256"})", claims));
  }

  // The keys have one that is named "rsa", too.
  std::vector<Refused> Table() const {
    const TestKeyPair other = TestKeyPair::Make(pool::PublicKey::Kind::kP256);
    const std::string issuer = R"({"iss":"https://i.test")";
    const std::string later = std::to_string(Now() + 3600);
    const std::string good = issuer + R"(,"aud":"api","exp":)" + later;
    Http2Fields twice = With(Token());
    twice.push_back(twice.front());
    std::vector<Refused> table = {
        {"jwt_missing", "", {}},
        {"jwt_expired", "", With(Token("\"ann\"", -3600))},
    };
    const auto add = [&table](const char* detail, const Http2Fields& fields) {
      table.push_back({"jwt_invalid", detail, fields});
    };
    add("token_repeated", twice);
    add("token_too_long", With(std::string(8193, 'A')));
    add("token_malformed", With("a.b.c"));
    add("token_critical", WithHeader(R"({"alg":"ES256","crit":["x"],"x":1})"));
    add("token_algorithm", WithHeader(R"({"alg":"none"})"));
    add("token_key_unknown", WithHeader(R"({"alg":"ES256","kid":"two"})"));
    add("token_key_unfit", WithHeader(R"({"alg":"ES256","kid":"rsa"})"));
    add("token_signature", With(SignedBy(other, R"({"alg":"ES256","kid":"one"})")));
    add("token_date", WithClaims(good + R"(,"nbf":"now"})"));
    add("token_no_expiry", WithClaims(issuer + R"(,"aud":"api"})"));
    add("token_issuer", WithClaims(R"({"iss":"https://x.test","aud":"api","exp":)" + later + "}"));
    add("token_audience", WithClaims(issuer + R"(,"aud":"other","exp":)" + later + "}"));
    add("token_not_yet_valid", WithClaims(good + R"(,"nbf":)" + later + "}"));
    add("token_claim", WithClaims(good + R"(,"sub":"a\nb"})"));
    return table;
  }

  // All that a client gets, over HTTP/1.1, over HTTP/2 and as a call of gRPC.
  static std::string AskThreeTimes(RawClient& h1, Http2Client& h2, const Http2Fields& fields) {
    std::string lines;
    for (const auto& [name, value] : fields) lines += name + ": " + value + "\r\n";
    const Message first = h1.Exchange(Get("/x", lines));
    EXPECT_EQ(first.Status(), 401);
    std::string told = first.head + first.body;
    Http2Request request{.fields = fields};
    for (const int status : {401, 200}) {
      const Http2Response& answer = h2.Await(h2.Send(request));
      EXPECT_EQ(answer.Status(), status);
      for (const Http2Fields& section : {answer.head, answer.trailers}) {
        for (const auto& [name, value] : section) told += name + ": " + value + "\n";
      }
      told += answer.body;
      request.method = "POST";
      request.fields.emplace_back("content-type", "application/grpc");
    }
    return told;
  }
};

// Whoever forges one is told no more than that it is none.
TEST_F(JwtLogTest, TheLogAloneSaysWhatIsWrongWithAToken) {
  const TestKeyPair rsa = TestKeyPair::Make(pool::PublicKey::Kind::kRsa);
  dir_.Write("jwks.json", auth::JwksOf({auth::JwkOf(pair_, R"(,"kid":"one")"),
                                        auth::JwkOf(rsa, R"(,"kid":"rsa")")}));
  for (const std::string errors : {"{detail: full}", "{format: problem+json, detail: full}"}) {
    const std::string log = dir_.Path(errors.size() < 20 ? "text.log" : "json.log");
    GatewayProcess gateway(GatewayConfig{
        .listener = "protocols: [h2, h1]",
        .routes = "- {name: in, match: {path_prefix: /}, " + Rules() + ", respond: {body: in}}\n",
        .top = "access_log: {path: " + log + ", fields: [reason, detail]}\n",
        .errors = errors});
    RawClient h1(gateway.address());
    Http2Client h2(gateway.address());
    std::string expected;
    for (const auto& [reason, detail, fields] : Table()) {
      const std::string told = AskThreeTimes(h1, h2, fields);
      EXPECT_NE(told.find(reason), told.npos) << told;
      EXPECT_EQ(told.find("token_"), told.npos) << told;
      EXPECT_EQ(told.find("detail"), told.npos) << told;
      const std::string more = detail.empty() ? "" : ",\"detail\":\"" + detail + "\"";
      for (int i = 0; i < 3; ++i) expected += "{\"reason\":\"" + reason + "\"" + more + "}\n";
    }
    EXPECT_TRUE(Eventually([&] { return ReadFile(log).size() >= expected.size(); }));
    EXPECT_EQ(ReadFile(log), expected);
    EXPECT_EQ(gateway.Status("/metrics").body.find("token_"), std::string::npos);
  }
}

// However a client spells it, and wherever it puts it.
TEST_F(JwtTest, NoClientSaysItselfWhoItIs) {
  AutoUpstream upstream = TellingUser();
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}, .route = Rules()});
  RawClient client(gateway.address());
  for (const std::string_view own : {"X-User: root\r\n", "x-user: root\r\nX-USER: root\r\n",
                                     "X_User: root\r\n", "Connection: x-user, x-roles\r\n",
                                     "Connection: X-User\r\nX-User: root\r\n", "X-User:\r\n"}) {
    EXPECT_EQ(client.Exchange(Get("/", std::string(own) + Bearer(Token()))).body,
              "x-user=ann x_user= x-roles=a,b bearer=yes")
        << own;
    // A token without the claim.
    EXPECT_EQ(client.Exchange(Get("/", std::string(own) + Bearer(Token("null")))).body,
              "x-user= x_user= x-roles=a,b bearer=yes")
        << own;
  }
}

// A service may take trailers for fields like any.
TEST_F(JwtTest, NorBehindTheBody) {
  ScriptedUpstream upstream;
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}, .route = Rules()});
  RawClient client(gateway.address());
  client.Send("POST / HTTP/1.1\r\nHost: a.test\r\n" + Bearer(Token()) +
              "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
              "X-User: root\r\nx_roles: root\r\nSum: 1\r\n\r\n");
  UpstreamConnection connection = upstream.Accept();
  const Message request = connection.Answer(OkResponse("in"));
  EXPECT_EQ(request.Value("x-user"), "ann");
  EXPECT_EQ(request.trailers, (Fields{{"Sum", "1"}}));
  EXPECT_EQ(client.Response().Status(), 200);
}

// The route's own rules come after the claims.
TEST_F(JwtTest, WhoeverItIsHasOneEndpoint) {
  AutoUpstream first("0");
  AutoUpstream second("1");
  AutoUpstream third("2");
  GatewayProcess gateway(
      GatewayConfig{.endpoints = {first.address(), second.address(), third.address()},
                    .upstream = "balance: ring_hash, hash: {header: x-user}",
                    .route = Rules()});
  RawClient client(gateway.address());
  for (int user = 0; user < 20; ++user) {
    const std::string bearer = Bearer(Token("\"user-" + std::to_string(user) + "\""));
    const std::string owner = client.Exchange(Get("/x", bearer)).body;
    ASSERT_FALSE(owner.empty());
    EXPECT_EQ(client.Exchange(Get("/y", bearer)).body, owner);
    EXPECT_EQ(client.Exchange(Get("/z", bearer + "X-User: " + owner + "\r\n")).body, owner)
        << "the client's own word for it does not count";
  }
}

TEST_F(JwtTest, ARouteMayTakeOutWhatItHasRead) {
  AutoUpstream upstream = TellingUser();
  GatewayProcess gateway(GatewayConfig{
      .endpoints = {upstream.address()},
      .route = Rules() + ", request_headers: {remove: [authorization], set: {x-roles: "
                         "\"${header:x-user}+\"}}"});
  RawClient client(gateway.address());
  EXPECT_EQ(client.Exchange(Get("/", Bearer(Token()))).body,
            "x-user=ann x_user= x-roles=ann+ bearer=no");
}

TEST_F(JwtTest, SoItIsOverHttp2) {
  AutoUpstream upstream = TellingUser();
  GatewayProcess gateway(GatewayConfig{
      .endpoints = {upstream.address()}, .listener = "protocols: [h2, h1]", .route = Rules()});
  Http2Client client(gateway.address());
  EXPECT_EQ(client.Get("/").Status(), 401);
  EXPECT_EQ(client.Get("/").Value("www-authenticate"), "Bearer");
  const std::string token = Token();
  const auto ask = [&](const Http2Fields& fields) {
    return client.Await(client.Send({.fields = fields}));
  };
  const Http2Response served = ask({{"x-user", "root"}, {"authorization", "bearer " + token}});
  EXPECT_EQ(served.Status(), 200);
  EXPECT_EQ(served.body, "x-user=ann x_user= x-roles=a,b bearer=yes");
  const Http2Response twice =
      ask({{"authorization", "Bearer " + token}, {"authorization", "Bearer " + token}});
  EXPECT_EQ(twice.Status(), 401);
  EXPECT_EQ(twice.Value("www-authenticate"), "Bearer error=\"invalid_token\"");
  EXPECT_EQ(ask({{"authorization", "Bearer " + token + "A"}}).Status(), 401);
  EXPECT_EQ(upstream.requests(), 1);
}

TEST_F(JwtTest, AReloadReadsTheKeysAnewAndABadFileChangesNothing) {
  AutoUpstream upstream = TellingUser();
  const GatewayConfig config{.endpoints = {upstream.address()}, .route = Rules()};
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  const std::string token = Token();
  EXPECT_EQ(client.Exchange(Get("/", Bearer(token))).Status(), 200);
  dir_.Write("jwks.json", "{\"keys\":[7]}");
  gateway.Reload(config.Text());
  EXPECT_TRUE(gateway.AwaitStderr("key 1: expected an object"));
  EXPECT_EQ(client.Exchange(Get("/", Bearer(token))).Status(), 200);
  // A key that is taken back is taken back for tokens that were seen before, too.
  const TestKeyPair other = TestKeyPair::Make(pool::PublicKey::Kind::kP256);
  dir_.Write("jwks.json", auth::JwksOf({auth::JwkOf(other, R"(,"kid":"two")")}));
  gateway.Reload(config.Text());
  EXPECT_TRUE(Eventually([&] { return client.Exchange(Get("/", Bearer(token))).Status() == 401; }));
  const std::string newer = SignedBy(other, R"({"alg":"ES256","kid":"two"})");
  EXPECT_EQ(client.Exchange(Get("/", Bearer(newer))).Status(), 200);
}

// A preflight request has no credentials.
TEST_F(JwtTest, APreflightRequestNeedsNoToken) {
  GatewayProcess gateway(GatewayConfig{
      .routes = "- {match: {path: /c}, cors: {allow_origins: [\"https://a.test\"]}, " + Rules() +
                ", respond: {body: in}}\n"});
  RawClient client(gateway.address());
  EXPECT_EQ(client
                .Exchange("OPTIONS /c HTTP/1.1\r\nHost: a\r\nOrigin: https://a.test\r\n"
                          "Access-Control-Request-Method: GET\r\n\r\n")
                .Status(),
            204);
  EXPECT_EQ(client.Exchange(Get("/c", "Origin: https://a.test\r\n")).Status(), 401);
  EXPECT_EQ(client.Exchange(Get("/c", Bearer(Token()))).body, "in");
}

}  // namespace
}  // namespace holdfast::support
