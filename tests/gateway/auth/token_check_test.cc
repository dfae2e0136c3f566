#include "gateway/auth/token_check.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "tests/gateway/auth/test_tokens.h"

namespace holdfast::auth {
namespace {

using pool::PublicKey;
using pool::TestKeyPair;
using std::chrono::seconds;
using Algorithm = pool::SignatureAlgorithm;
using Kind = TokenVerdict::Kind;

constexpr int64_t kNow = 1'700'000'000;
constexpr std::string_view kHeader = R"({"alg":"ES256"})";
constexpr std::string_view kClaims =
    R"({"iss":"https://i.test","aud":"api","sub":"ann","exp":1700000100})";

pool::WallTime At(int64_t second) { return pool::WallTime(seconds(second)); }

const TestKeyPair& PairOf(PublicKey::Kind kind) {
  static const TestKeyPair* const pairs[] = {
      new TestKeyPair(TestKeyPair::Make(PublicKey::Kind::kP256)),
      new TestKeyPair(TestKeyPair::Make(PublicKey::Kind::kP384)),
      new TestKeyPair(TestKeyPair::Make(PublicKey::Kind::kRsa)),
      new TestKeyPair(TestKeyPair::Make(PublicKey::Kind::kEd25519)),
  };
  return *pairs[static_cast<size_t>(kind)];
}
const TestKeyPair& Pair() { return PairOf(PublicKey::Kind::kP256); }

std::shared_ptr<const KeySet> KeysOf(const std::vector<std::string>& keys) {
  absl::StatusOr<KeySet> set = KeySet::Parse(JwksOf(keys));
  EXPECT_TRUE(set.ok()) << set.status();
  return std::make_shared<const KeySet>(*std::move(set));
}

std::string Es256(std::string_view header, std::string_view claims = kClaims) {
  return SignedToken(Pair(), Algorithm::kEs256, header, claims);
}

class TokenCheckTest : public testing::Test {
 protected:
  TokenVerdict Check(std::string_view token, int64_t now = kNow) const {
    return CheckToken(rules_, token, At(now));
  }
  Kind KindOf(std::string_view token, int64_t now = kNow) const { return Check(token, now).kind; }
  // Of a token that is good but for its claims.
  Kind KindOfClaims(std::string_view claims, int64_t now = kNow) const {
    return KindOf(Es256(kHeader, claims), now);
  }

  TokenRules rules_{.jwks = "/keys",
                    .issuer = "https://i.test",
                    .audience = "api",
                    .algorithms = {Algorithm::kEs256},
                    .claims_to_headers = {{"x-user", "sub"}},
                    .leeway = seconds(30),
                    .keys = KeysOf({JwkOf(Pair())}),
                    .identity = "1"};
};

TEST_F(TokenCheckTest, AGoodTokenSaysItsClaimsUntilItEnds) {
  const TokenVerdict verdict = Check(Es256(kHeader));
  ASSERT_EQ(verdict.kind, Kind::kGood);
  EXPECT_EQ(verdict.token->until, At(1'700'000'130));
  EXPECT_EQ(verdict.token->values, (std::vector<std::optional<std::string>>{"ann"}));
}

TEST_F(TokenCheckTest, EachAlgorithmWithAKeyOfItsKind) {
  for (const auto& [algorithm, kind] : {std::pair(Algorithm::kEs256, PublicKey::Kind::kP256),
                                        std::pair(Algorithm::kEs384, PublicKey::Kind::kP384),
                                        std::pair(Algorithm::kRs256, PublicKey::Kind::kRsa),
                                        std::pair(Algorithm::kPs256, PublicKey::Kind::kRsa),
                                        std::pair(Algorithm::kEdDsa, PublicKey::Kind::kEd25519)}) {
    const std::string name(pool::kSignatureAlgorithmWords.WordOf(algorithm));
    const std::string token =
        SignedToken(PairOf(kind), algorithm, "{\"alg\":\"" + name + "\"}", kClaims);
    rules_.keys =
        KeysOf({JwkOf(PairOf(PublicKey::Kind::kP256)), JwkOf(PairOf(PublicKey::Kind::kP384)),
                JwkOf(PairOf(PublicKey::Kind::kRsa)), JwkOf(PairOf(PublicKey::Kind::kEd25519))});
    rules_.algorithms = {algorithm};
    EXPECT_EQ(KindOf(token), Kind::kGood) << name;
    rules_.algorithms = {algorithm == Algorithm::kEs256 ? Algorithm::kRs256 : Algorithm::kEs256};
    EXPECT_EQ(KindOf(token), Kind::kBad) << name << " is not allowed";
  }
}

TEST_F(TokenCheckTest, WithoutKeysNoTokenIsGood) {
  rules_.keys = nullptr;
  EXPECT_EQ(KindOf(Es256(kHeader)), Kind::kBad);
  EXPECT_EQ(Check(Es256(kHeader)).fault, TokenFault::kKeyUnknown);
}

// RFC 8725 sections 2 and 3: each of these has worked somewhere.
TEST_F(TokenCheckTest, NoOtherHeaderPasses) {
  rules_.algorithms = {Algorithm::kEs256, Algorithm::kRs256};
  rules_.keys = KeysOf(
      {JwkOf(Pair(), R"(,"kid":"a")"), JwkOf(PairOf(PublicKey::Kind::kRsa), R"(,"kid":"b")")});
  EXPECT_EQ(KindOf(Es256(R"({"alg":"ES256","kid":"a","typ":"JWT","x":{"y":[1]}})")), Kind::kGood);
  for (const std::string_view header : {
           R"({"alg":"none"})",
           R"({"alg":"None"})",
           R"({"alg":"NONE"})",
           R"({"alg":""})",
           R"({"alg":null})",
           R"({"alg":["ES256"]})",
           R"({"alg":{"ES256":1}})",
           R"({"alg":"es256"})",
           R"({"alg":"ES256 "})",
           R"({"alg":"ES256\u0000"})",
           R"({"alg":"HS256"})",
           R"({"alg":"ES384"})",
           R"({"alg":"RS256"})",
           R"({"alg":"EdDSA"})",
           R"({"alg":"ES256K"})",
           R"({})",
           R"({"ALG":"ES256"})",
           R"({"alg":"none","alg":"ES256"})",
           R"({"alg":"ES256","alg":"none"})",
           R"({"alg":"ES256","\u0061lg":"ES256"})",
           R"({"alg":"ES256","crit":["exp"]})",
           R"({"alg":"ES256","crit":[]})",
           R"({"alg":"ES256","crit":null})",
           R"({"alg":"ES256","b64":false,"crit":["b64"]})",
           R"({"alg":"ES256","kid":"b"})",
           R"({"alg":"ES256","kid":"A"})",
           R"({"alg":"ES256","kid":"a "})",
           R"({"alg":"ES256","kid":""})",
           R"({"alg":"ES256","kid":null})",
           R"({"alg":"ES256","kid":["a"]})",
           R"({"alg":"ES256","kid":"../../../dev/null"})",
           R"({"alg":"ES256","kid":"a' UNION SELECT 'a"})",
           R"({"alg":"ES256","kid":"a","kid":"a"})",
           R"({"alg":"ES256"}x)",
           R"(["ES256"])",
           R"("ES256")",
           "",
       }) {
    EXPECT_NE(KindOf(Es256(header)), Kind::kGood) << header;
  }
}

// There may be newer keys than these.
TEST_F(TokenCheckTest, AKeyThatIsNotThereIsToldApart) {
  rules_.keys = KeysOf({JwkOf(Pair(), R"(,"kid":"a")")});
  EXPECT_EQ(KindOf(Es256(R"({"alg":"ES256","kid":"a"})")), Kind::kGood);
  EXPECT_EQ(KindOf(Es256(R"({"alg":"ES256","kid":"b"})")), Kind::kUnknownKey);
  for (const char* header :
       {R"({"alg":"RS256","kid":"b"})", R"({"alg":"none","kid":"b"})",
        R"({"alg":"ES256","kid":""})", R"({"alg":"ES256","kid":"b","crit":["x"]})"}) {
    EXPECT_EQ(KindOf(Es256(header)), Kind::kBad) << header;
  }
  const TestKeyPair other = TestKeyPair::Make(PublicKey::Kind::kP256);
  EXPECT_EQ(KindOf(SignedToken(other, Algorithm::kEs256, R"({"alg":"ES256","kid":"a"})", kClaims)),
            Kind::kBad);
}

// What a token is called, and the token.
using Named = std::pair<std::string_view, std::string>;

// Each has the signature that it asks for, by one of the keys. The list of algorithms allows all.
TEST_F(TokenCheckTest, NoAlgorithmWithAKeyOfAnotherKindPasses) {
  const TestKeyPair& p384 = PairOf(PublicKey::Kind::kP384);
  const TestKeyPair& rsa = PairOf(PublicKey::Kind::kRsa);
  const TestKeyPair& ed = PairOf(PublicKey::Kind::kEd25519);
  rules_.algorithms = {Algorithm::kEs256, Algorithm::kEs384, Algorithm::kRs256, Algorithm::kPs256,
                       Algorithm::kEdDsa};
  rules_.keys = KeysOf({JwkOf(Pair(), R"(,"kid":"p256")"), JwkOf(p384, R"(,"kid":"p384")"),
                        JwkOf(rsa, R"(,"kid":"rsa")"), JwkOf(ed, R"(,"kid":"ed")")});
  const auto sign = [](const TestKeyPair& pair, Algorithm algorithm, const char* header) {
    return SignedToken(pair, algorithm, header, kClaims);
  };
  for (const auto& [name, token] : {
           Named("control: ES256", sign(Pair(), Algorithm::kEs256, R"({"alg":"ES256"})")),
           Named("control: ES384 by name",
                 sign(p384, Algorithm::kEs384, R"({"alg":"ES384","kid":"p384"})")),
           Named("control: RS256", sign(rsa, Algorithm::kRs256, R"({"alg":"RS256"})")),
           Named("control: PS256", sign(rsa, Algorithm::kPs256, R"({"alg":"PS256"})")),
           Named("control: EdDSA", sign(ed, Algorithm::kEdDsa, R"({"alg":"EdDSA"})")),
       }) {
    EXPECT_EQ(KindOf(token), Kind::kGood) << name;
  }
  for (const auto& [name, token] : {
           Named("ES384, the name of P-256",
                 sign(p384, Algorithm::kEs384, R"({"alg":"ES384","kid":"p256"})")),
           Named("ES256, the name of P-384",
                 sign(Pair(), Algorithm::kEs256, R"({"alg":"ES256","kid":"p384"})")),
           Named("ES256 by P-384", sign(p384, Algorithm::kEs256, R"({"alg":"ES256"})")),
           Named("ES256 by P-384, by name",
                 sign(p384, Algorithm::kEs256, R"({"alg":"ES256","kid":"p384"})")),
           Named("ES384 by P-256", sign(Pair(), Algorithm::kEs256, R"({"alg":"ES384"})")),
           Named("RS256, the name of P-256",
                 sign(rsa, Algorithm::kRs256, R"({"alg":"RS256","kid":"p256"})")),
           Named("ES256, the name of RSA",
                 sign(Pair(), Algorithm::kEs256, R"({"alg":"ES256","kid":"rsa"})")),
           Named("RS256 that is PS256", sign(rsa, Algorithm::kPs256, R"({"alg":"RS256"})")),
           Named("PS256 that is RS256", sign(rsa, Algorithm::kRs256, R"({"alg":"PS256"})")),
           Named("EdDSA, the name of P-256",
                 sign(ed, Algorithm::kEdDsa, R"({"alg":"EdDSA","kid":"p256"})")),
           Named("ES256 that is EdDSA", sign(ed, Algorithm::kEdDsa, R"({"alg":"ES256"})")),
           Named("EdDSA that is ES256", sign(Pair(), Algorithm::kEs256, R"({"alg":"EdDSA"})")),
           Named("none that is ES256", sign(Pair(), Algorithm::kEs256, R"({"alg":"none"})")),
       }) {
    EXPECT_EQ(KindOf(token), Kind::kBad) << name;
  }
}

// It is compared with those of the keys, whole, and nothing is done with it.
TEST_F(TokenCheckTest, NoNameOfAKeyIsMoreThanAName) {
  rules_.keys = KeysOf({JwkOf(Pair(), R"(,"kid":"a")"), JwkOf(Pair(), R"(,"kid":"1")")});
  const auto kind = [this](const std::string& kid) {
    return KindOf(Es256("{\"alg\":\"ES256\",\"kid\":" + kid + "}"));
  };
  EXPECT_EQ(kind("\"a\""), Kind::kGood) << "control";
  EXPECT_EQ(kind("\"\\u0061\""), Kind::kGood) << "control: the same text";
  EXPECT_EQ(kind("\"1\""), Kind::kGood) << "control";
  for (const auto& [name, kid] : {
           Named("NUL behind it", "\"a\\u0000\""),
           Named("NUL and more behind it", "\"a\\u0000b\""),
           Named("NUL before it", "\"\\u0000a\""),
           Named("a blank behind it", "\"a \""),
           Named("an end of line behind it", "\"a\\n\""),
           Named("a path", "\"/dev/null\""),
           Named("a path to it", "\"./a\""),
           Named("a path that goes up", "\"../../../../etc/passwd\""),
           Named("a file's URL", "\"file:///dev/null\""),
           Named("a URL", "\"https://evil.test/jwks.json\""),
           Named("an escape", "\"%61\""),
           Named("a command", "\"a|id\""),
           Named("a format", "\"%n%s\""),
           Named("a long one", "\"" + std::string(5000, 'a') + "\""),
       }) {
    EXPECT_EQ(kind(kid), Kind::kUnknownKey) << name;
  }
  for (const auto& [name, kid] : {
           Named("a number", "1"),
           Named("true", "true"),
           Named("a list", "[\"a\"]"),
           Named("an object", "{\"a\":\"a\"}"),
           Named("two of them", "\"a\",\"kid\":\"a\""),
           Named("two of them, one escaped", "\"a\",\"\\u006bid\":\"b\""),
       }) {
    EXPECT_EQ(kind(kid), Kind::kBad) << name;
  }
}

// A key that comes along, or its address, is not looked at.
TEST_F(TokenCheckTest, AKeyInTheTokenProvesNothing) {
  const TestKeyPair other = TestKeyPair::Make(PublicKey::Kind::kP256);
  for (const std::string& header :
       {"{\"alg\":\"ES256\",\"jwk\":" + JwkOf(other) + "}",
        std::string(R"({"alg":"ES256","jku":"https://evil.test/jwks.json"})"),
        std::string(R"({"alg":"ES256","x5u":"https://evil.test/a.pem"})"),
        std::string(R"({"alg":"ES256","x5c":["MIIB"],"x5t":"AA","x5t#S256":"AA"})"),
        "{\"alg\":\"ES256\",\"jwks\":" + JwksOf({JwkOf(other)}) + "}"}) {
    EXPECT_EQ(KindOf(SignedToken(other, Algorithm::kEs256, header, kClaims)), Kind::kBad);
    EXPECT_EQ(KindOf(Es256(header)), Kind::kGood) << "nor does it harm";
  }
}

// The public key as the secret of an HMAC.
TEST_F(TokenCheckTest, AnHmacWithThePublicKeyIsNoSignature) {
  const TestKeyPair& rsa = PairOf(PublicKey::Kind::kRsa);
  rules_.algorithms = {Algorithm::kRs256, Algorithm::kEs256};
  rules_.keys = KeysOf({JwkOf(rsa), JwkOf(Pair())});
  for (const std::string& secret :
       {rsa.PublicPem(), rsa.PublicPem().substr(0, rsa.PublicPem().size() - 1),
        DerOf(rsa.PublicPem()), rsa.n(), Base64Url(rsa.n()), JwkOf(rsa), Pair().PublicPem(),
        DerOf(Pair().PublicPem()), Pair().x(), Pair().x() + Pair().y(), JwkOf(Pair()),
        JwksOf({JwkOf(rsa), JwkOf(Pair())}), std::string()}) {
    for (const char* name : {"HS256", "hs256", "RS256", "ES256", "none"}) {
      EXPECT_EQ(KindOf(HmacToken(secret, "{\"alg\":\"" + std::string(name) + "\"}", kClaims)),
                Kind::kBad)
          << name;
    }
  }
  // Nor with a secret that comes along.
  EXPECT_EQ(
      KindOf(HmacToken("secret", R"({"alg":"HS256","jwk":{"kty":"oct","k":"c2VjcmV0"}})", kClaims)),
      Kind::kBad);
}

TEST_F(TokenCheckTest, NoOtherSignaturePasses) {
  const std::string good = Es256(kHeader);
  const std::string text = good.substr(0, good.rfind('.') + 1);
  const std::string signature = Pair().Sign(Algorithm::kEs256, text.substr(0, text.size() - 1));
  ASSERT_EQ(KindOf(text + Base64Url(signature)), Kind::kGood);
  const std::string zero(32, '\0');
  for (const std::string& other :
       {std::string(), std::string(64, '\0'), zero + signature.substr(32),
        signature.substr(0, 32) + zero, signature.substr(0, 63), signature + '\0', '\0' + signature,
        signature.substr(1), signature + signature, signature.substr(32) + signature.substr(0, 32),
        std::string(64, '\xff'), std::string(2000, 'x'),
        signature.substr(0, 31) + signature.substr(32), DerSignature(signature),
        TestKeyPair::Make(PublicKey::Kind::kP256).Sign(Algorithm::kEs256, text)}) {
    EXPECT_EQ(KindOf(text + Base64Url(other)), Kind::kBad) << other.size();
  }
}

TEST_F(TokenCheckTest, NoOtherSpellingPasses) {
  const std::string good = Es256(kHeader);
  const size_t first = good.find('.');
  const size_t second = good.rfind('.');
  const auto with = [&](size_t at, std::string_view more) {
    std::string text = good;
    return text.insert(at, more);
  };
  std::string rounded = good;  // bits that are left over
  rounded.back() = good.back() == 'A' ? 'B' : static_cast<char>(good.back() + 1);
  std::string plus = good;
  plus[good.size() - 3] = '+';
  for (const std::string& token : {std::string(),
                                   std::string("."),
                                   std::string(".."),
                                   std::string("..."),
                                   good + "=",
                                   good + "==",
                                   good + ".",
                                   "." + good,
                                   good + "\n",
                                   good + " ",
                                   " " + good,
                                   with(first, "="),
                                   with(first, " "),
                                   with(second, "=="),
                                   with(second + 1, "\n"),
                                   with(first + 1, "\t"),
                                   with(second, "."),
                                   with(first, "."),
                                   good + "." + good,
                                   good + std::string(1, '\0'),
                                   rounded,
                                   plus,
                                   good.substr(0, second),
                                   good.substr(0, second + 1),
                                   good.substr(0, first),
                                   good.substr(first),
                                   good.substr(first + 1),
                                   good.substr(second),
                                   good.substr(0, first) + "." + good.substr(second),
                                   "\"" + good + "\"",
                                   good + "," + good}) {
    EXPECT_EQ(KindOf(token), Kind::kBad) << token;
  }
}

// Whoever signs such texts is no issuer: other readers may read something else in them.
TEST_F(TokenCheckTest, NoOtherSpellingPassesThoughItIsSigned) {
  const std::string head = Base64Url(kHeader);
  const std::string spare = Base64Url(R"({"alg":"ES256" })");  // four bits are left over
  const std::string signs =
      Base64Url(R"({"iss":"https://i.test","aud":"api","sub":"???>>>~~~???>>>","exp":1700000100})");
  ASSERT_NE(signs.find_first_of("-_"), signs.npos);
  std::string plain = signs;
  std::replace(plain.begin(), plain.end(), '-', '+');
  std::replace(plain.begin(), plain.end(), '_', '/');
  std::string rounded = spare;
  ++rounded.back();
  const std::string claims = Base64Url(kClaims);
  const auto sign = [](const std::string& text) {
    return SignedText(Pair(), Algorithm::kEs256, text);
  };
  EXPECT_EQ(KindOf(sign(spare + "." + claims)), Kind::kGood) << "control";
  EXPECT_EQ(KindOf(sign(head + "." + signs)), Kind::kGood) << "control";
  for (const auto& [name, text] : {
           Named("a header that is padded", spare + "==." + claims),
           Named("a header with bits left over", rounded + "." + claims),
           Named("a header with a line break",
                 spare.substr(0, 8) + "\n" + spare.substr(8) + "." + claims),
           Named("a header in clear", std::string(kHeader) + "." + claims),
           Named("no header", "." + claims),
           Named("claims that are padded", head + "." + claims + "="),
           Named("claims with a line break",
                 head + "." + claims.substr(0, 76) + "\r\n" + claims.substr(76)),
           Named("claims in plain base64", head + "." + plain),
           Named("claims in clear", head + "." + std::string(kClaims)),
           Named("no claims", head + "."),
           Named("claims alone", claims),
           Named("a part more", head + "." + claims + "." + claims),
       }) {
    EXPECT_EQ(KindOf(sign(text)), Kind::kBad) << name;
  }
}

TEST_F(TokenCheckTest, ClaimsThatAnotherReaderTakesOtherwiseMakeABadToken) {
  const std::string whole(kClaims.substr(0, kClaims.size() - 1));
  const std::string deep = std::string(2000, '[') + std::string(2000, ']');
  const std::string deep_object = [] {
    std::string text = "0";
    for (int i = 0; i < 500; ++i) text = "{\"a\":" + text + "}";
    return text;
  }();
  EXPECT_EQ(KindOfClaims(whole + ",\"x\":{\"sub\":\"eve\",\"iss\":\"https://evil.test\"}}"),
            Kind::kGood)
      << "control: what is within others is not looked at";
  for (const auto& [name, claims] : {
           Named("two issuers", whole + R"(,"iss":"https://evil.test"})"),
           Named("two issuers, one escaped", whole + R"(,"\u0069ss":"https://evil.test"})"),
           Named("the issuer twice", whole + R"(,"iss":"https://i.test"})"),
           Named("two audiences", whole + R"(,"aud":["other"]})"),
           Named("two users", whole + R"(,"sub":"eve"})"),
           Named("two starts", whole + R"(,"nbf":0,"nbf":9999999999})"),
           Named("milliseconds", R"({"iss":"https://i.test","aud":"api","exp":1700000100000})"),
           Named("two objects", std::string(kClaims) + std::string(kClaims)),
           Named("something behind them", std::string(kClaims) + "x"),
           Named("NUL behind them", std::string(kClaims) + '\0'),
           Named("a comment", whole + "/**/}"),
           Named("no JSON", "iss=https://i.test&aud=api"),
           Named("null", "null"),
           Named("a list of them", "[" + std::string(kClaims) + "]"),
           Named("a text", "\"" + Es256(kHeader) + "\""),
           Named("another token", Es256(kHeader)),
           Named("UTF-16", std::string("{\0}\0", 4)),
           Named("no UTF-8", whole + ",\"x\":\"\xff\"}"),
           Named("deep lists", whole + ",\"x\":" + deep + "}"),
           Named("deep objects", whole + ",\"x\":" + deep_object + "}"),
       }) {
    EXPECT_EQ(KindOfClaims(claims), Kind::kBad) << name;
  }
  EXPECT_EQ(KindOf(Es256("{\"alg\":\"ES256\",\"x\":" + deep + "}")), Kind::kBad);
  EXPECT_EQ(KindOf(Es256("{\"alg\":\"ES256\",\"x\":" + deep_object + "}")), Kind::kBad);
}

// The first thing that is wrong counts, in the order of the checks.
TEST_F(TokenCheckTest, WhatIsWrongIsToldForTheLog) {
  using enum TokenFault;
  const auto with = [](const std::string& more) {
    return Es256(kHeader, R"({"iss":"https://i.test","aud":"api")" + more + "}");
  };
  rules_.keys =
      KeysOf({JwkOf(Pair(), R"(,"kid":"a")"), JwkOf(PairOf(PublicKey::Kind::kRsa), R"(,"kid":"b")"),
              JwkOf(TestKeyPair::Make(PublicKey::Kind::kP256), R"(,"kid":"c")")});
  for (const auto& [fault, token] : std::initializer_list<std::pair<TokenFault, std::string>>{
           {kNone, Es256(kHeader)},
           {kNone, with(R"(,"exp":1)")},
           {kTooLong, std::string(kMaxTokenBytes + 1, '.')},
           {kMalformed, "a.b.c"},
           {kMalformed, Es256(R"({"alg":"ES256","kid":""})")},
           {kMalformed, Es256(kHeader, "no JSON")},
           {kCritical, Es256(R"({"alg":"none","crit":["x"]})")},
           {kAlgorithm, Es256(R"({"alg":"RS256","kid":"x"})")},
           {kKeyUnknown, Es256(R"({"alg":"ES256","kid":"x"})", "no JSON")},
           {kKeyUnfit, Es256(R"({"alg":"ES256","kid":"b"})")},
           {kSignature, Es256(R"({"alg":"ES256","kid":"c"})", "no JSON")},
           {kSignature, Es256(kHeader) + "="},
           {kDate, Es256(kHeader, R"({"exp":"1700000100"})")},
           {kNoExpiry, Es256(kHeader, "{}")},
           {kIssuer, Es256(kHeader, R"({"iss":"x","aud":"x","exp":1})")},
           {kAudience, Es256(kHeader, R"({"iss":"https://i.test","nbf":1800000000,"exp":1})")},
           {kNotYetValid, with(R"(,"exp":1700000100,"nbf":1700000031,"sub":" ")")},
           {kNotYetValid, with(R"(,"exp":1700000100,"iat":1700000031)")},
           {kClaim, with(R"(,"exp":1,"sub":" ")")},
       }) {
    EXPECT_EQ(Check(token).fault, fault) << kTokenFaultWords.WordOf(fault) << ": " << token;
  }
}

// Whatever is not signed, or signed as something else.
TEST_F(TokenCheckTest, PartsOfTwoTokensMakeNone) {
  const std::string one = Es256(kHeader);
  const std::string other =
      Es256(R"({"alg":"ES256","typ":"JWT"})",
            R"({"iss":"https://i.test","aud":"api","sub":"eve","exp":1700000100})");
  ASSERT_EQ(KindOf(other), Kind::kGood);
  const auto part = [](const std::string& token, int number) {
    const size_t first = token.find('.');
    const size_t second = token.rfind('.');
    return number == 0   ? token.substr(0, first)
           : number == 1 ? token.substr(first + 1, second - first - 1)
                         : token.substr(second + 1);
  };
  for (int mix = 1; mix < 7; ++mix) {
    const std::string token = part((mix & 1) != 0 ? one : other, 0) + "." +
                              part((mix & 2) != 0 ? one : other, 1) + "." +
                              part((mix & 4) != 0 ? one : other, 2);
    EXPECT_EQ(KindOf(token), Kind::kBad) << mix;
  }
}

TEST_F(TokenCheckTest, NoOtherIssuerOrAudiencePasses) {
  const auto with = [](const std::string& iss, const std::string& aud) {
    return "{\"exp\":1700000100" + (iss.empty() ? "" : ",\"iss\":" + iss) +
           (aud.empty() ? "" : ",\"aud\":" + aud) + "}";
  };
  const std::string iss = "\"https://i.test\"";
  for (const char* aud : {"\"api\"", "[\"api\"]", "[\"x\",\"api\"]", "[\"api\",\"api\"]"}) {
    EXPECT_EQ(KindOfClaims(with(iss, aud)), Kind::kGood) << aud;
  }
  for (const char* aud : {"", "\"\"", "\"Api\"", "\"api \"", "\"ap\"", "\"apis\"", "\"api,x\"",
                          "[]", "[\"x\"]", "[[\"api\"]]", "[\"api\",7]", "[\"api\",[]]",
                          "[\"api\",null]", "{\"api\":\"api\"}", "null", "true", "7"}) {
    EXPECT_EQ(KindOfClaims(with(iss, aud)), Kind::kBad) << aud;
  }
  for (const char* other : {"", "\"\"", "\"https://i.test/\"", "\"HTTPS://i.test\"",
                            "\"https://i.test.evil.test\"", "[\"https://i.test\"]", "null", "7"}) {
    EXPECT_EQ(KindOfClaims(with(other, "\"api\"")), Kind::kBad) << other;
  }
}

TEST_F(TokenCheckTest, DatesAreNumbersOfThisEra) {
  const auto with = [](const std::string& dates) {
    return "{\"iss\":\"https://i.test\",\"aud\":\"api\"" + dates + "}";
  };
  for (const char* dates : {",\"exp\":1700000100", ",\"exp\":1700000100.9", ",\"exp\":1.7000001e9",
                            ",\"exp\":253402300799", ",\"exp\":1700000100,\"nbf\":0,\"iat\":0",
                            ",\"exp\":1700000100,\"nbf\":1700000030,\"iat\":1700000030",
                            ",\"exp\":1700000100,\"iat\":1700000030.5"}) {
    EXPECT_EQ(KindOfClaims(with(dates)), Kind::kGood) << dates;
  }
  for (const char* dates : {"",
                            ",\"exp\":null",
                            ",\"exp\":\"1700000100\"",
                            ",\"exp\":[1700000100]",
                            ",\"exp\":true",
                            ",\"exp\":-1",
                            ",\"exp\":-0.5",
                            ",\"exp\":253402300800",
                            ",\"exp\":1e300",
                            ",\"exp\":18446744073709551615",
                            ",\"exp\":99999999999999999999999",
                            ",\"exp\":-9223372036854775808",
                            ",\"exp\":1700000100,\"exp\":1700000100",
                            ",\"exp\":1,\"exp\":1700000100",
                            ",\"EXP\":1700000100",
                            ",\"exp\":1700000100,\"nbf\":1700000031",
                            ",\"exp\":1700000100,\"nbf\":\"0\"",
                            ",\"exp\":1700000100,\"nbf\":null",
                            ",\"exp\":1700000100,\"nbf\":-1",
                            ",\"exp\":1700000100,\"nbf\":1e300",
                            ",\"exp\":1700000100,\"iat\":1700000031",
                            ",\"exp\":1700000100,\"iat\":\"0\"",
                            ",\"exp\":1700000100,\"iat\":[]"}) {
    EXPECT_EQ(KindOfClaims(with(dates)), Kind::kBad) << dates;
  }
  for (const char* dates : {",\"exp\":0", ",\"exp\":1", ",\"exp\":-0.0", ",\"exp\":1e-300",
                            ",\"exp\":1699999970", ",\"exp\":1699999970.9"}) {
    EXPECT_EQ(KindOfClaims(with(dates)), Kind::kExpired) << dates;
  }
}

TEST_F(TokenCheckTest, TheLeewayCountsOnBothSides) {
  const std::string token = Es256(
      kHeader,
      R"({"iss":"https://i.test","aud":"api","nbf":1700000000,"iat":1700000000,"exp":1700000100})");
  for (const auto& [leeway, from, to] :
       {std::tuple(0, 0, 100), std::tuple(30, -30, 130), std::tuple(3600, -3600, 3700)}) {
    rules_.leeway = seconds(leeway);
    EXPECT_EQ(KindOf(token, kNow + from - 1), Kind::kBad);
    EXPECT_EQ(KindOf(token, kNow + from), Kind::kGood);
    EXPECT_EQ(KindOf(token, kNow + to - 1), Kind::kGood);
    EXPECT_EQ(KindOf(token, kNow + to), Kind::kExpired);
  }
}

// Nobody learns from the word what the matter is with a token that never was good.
TEST_F(TokenCheckTest, OnlyWhatWasGoodHasExpired) {
  const int64_t later = kNow + 1000;
  EXPECT_EQ(KindOf(Es256(kHeader), later), Kind::kExpired);
  const TestKeyPair other = TestKeyPair::Make(PublicKey::Kind::kP256);
  EXPECT_EQ(KindOf(SignedToken(other, Algorithm::kEs256, kHeader, kClaims), later), Kind::kBad);
  EXPECT_EQ(KindOfClaims(R"({"iss":"https://i.test","aud":"x","exp":1})"), Kind::kBad);
}

TEST_F(TokenCheckTest, ATokenIsAtMost8KiB) {
  const auto padded = [](size_t bytes) {
    return Es256(kHeader, std::string(kClaims.substr(0, kClaims.size() - 1)) + ",\"pad\":\"" +
                              std::string(bytes, 'x') + "\"}");
  };
  const std::string long_token = padded(5900);
  EXPECT_LE(long_token.size(), kMaxTokenBytes);
  EXPECT_EQ(KindOf(long_token), Kind::kGood);
  const std::string longer = padded(6100);
  EXPECT_GT(longer.size(), kMaxTokenBytes);
  EXPECT_EQ(KindOf(longer), Kind::kBad);
  EXPECT_EQ(KindOf(std::string(1 << 20, 'A')), Kind::kBad);
  EXPECT_EQ(KindOf(std::string(1 << 20, '.')), Kind::kBad);
}

TEST_F(TokenCheckTest, WithoutANameAFewKeysAreTried) {
  std::vector<std::string> keys;
  for (size_t i = 0; i + 1 < kMaxKeysTried; ++i) {
    keys.push_back(JwkOf(TestKeyPair::Make(PublicKey::Kind::kP256)));
    keys.push_back(JwkOf(PairOf(PublicKey::Kind::kRsa)));  // not counted: of another kind
  }
  keys.push_back(JwkOf(Pair(), R"(,"kid":"mine")"));
  rules_.keys = KeysOf(keys);
  EXPECT_EQ(KindOf(Es256(kHeader)), Kind::kGood);
  keys.insert(keys.begin(), JwkOf(TestKeyPair::Make(PublicKey::Kind::kP256)));
  rules_.keys = KeysOf(keys);
  EXPECT_EQ(KindOf(Es256(kHeader)), Kind::kBad);
  EXPECT_EQ(Check(Es256(kHeader)).fault, TokenFault::kTooManyKeys);
  EXPECT_EQ(KindOf(Es256(R"({"alg":"ES256","kid":"mine"})")), Kind::kGood) << "by its name";
  keys.pop_back();
  rules_.keys = KeysOf(keys);
  EXPECT_EQ(Check(Es256(kHeader)).fault, TokenFault::kSignature) << "all were tried";
}

// While an issuer changes its keys, two may have one name.
TEST_F(TokenCheckTest, KeysOfOneNameAreAllTried) {
  rules_.keys = KeysOf({JwkOf(TestKeyPair::Make(PublicKey::Kind::kP256), R"(,"kid":"a")"),
                        JwkOf(Pair(), R"(,"kid":"a")")});
  EXPECT_EQ(KindOf(Es256(R"({"alg":"ES256","kid":"a"})")), Kind::kGood);
}

TEST_F(TokenCheckTest, AKeyForOneAlgorithmIsForNoOther) {
  const TestKeyPair& rsa = PairOf(PublicKey::Kind::kRsa);
  rules_.algorithms = {Algorithm::kRs256, Algorithm::kPs256};
  rules_.keys = KeysOf({JwkOf(rsa, R"(,"alg":"PS256")")});
  EXPECT_EQ(KindOf(SignedToken(rsa, Algorithm::kPs256, R"({"alg":"PS256"})", kClaims)),
            Kind::kGood);
  EXPECT_EQ(KindOf(SignedToken(rsa, Algorithm::kRs256, R"({"alg":"RS256"})", kClaims)), Kind::kBad);
  EXPECT_EQ(KindOf(SignedToken(rsa, Algorithm::kRs256, R"({"alg":"PS256"})", kClaims)), Kind::kBad);
}

TEST_F(TokenCheckTest, ClaimsBecomeValuesOfFields) {
  const auto value = [&](const std::string& sub) {
    const TokenVerdict verdict = Check(Es256(
        kHeader, "{\"iss\":\"https://i.test\",\"aud\":\"api\",\"exp\":1700000100" + sub + "}"));
    if (verdict.kind != Kind::kGood) return std::string("refused");
    return verdict.token->values[0].value_or("none");
  };
  EXPECT_EQ(value(""), "none");
  EXPECT_EQ(value(",\"sub\":\"\""), "");
  EXPECT_EQ(value(",\"sub\":\"a b\""), "a b");
  EXPECT_EQ(value(",\"sub\":\"J\\u00fcrgen\""), "J\xc3\xbcrgen");
  EXPECT_EQ(value(",\"sub\":12345678901234567890"), "12345678901234567890");
  EXPECT_EQ(value(",\"sub\":-1.50"), "-1.50");
  EXPECT_EQ(value(",\"sub\":true"), "true");
  EXPECT_EQ(value(",\"sub\":[\"a\",\"b c\"]"), "a,b c");
  EXPECT_EQ(value(",\"sub\":[]"), "");
  for (const char* none : {"null", "{}", "{\"a\":\"b\"}", "[1]", "[\"a\",null]", "[[\"a\"]]"}) {
    EXPECT_EQ(value(std::string(",\"sub\":") + none), "none") << none;
  }
  for (const char* refused :
       {"\"a\\r\\nx-admin: 1\"", "\"a\\nb\"", "\"a\\rb\"", "\"a\\u0000b\"", "\"\\u0000\"",
        "\"a\\tb\"", "\"a\\u007f\"", "\"\\u001b[2J\"", "\" admin\"", "\"admin \"", "\" \"",
        "[\"a\",\"b\\n\"]", "[\"a,admin\"]", "[\"a\",\" b\"]"}) {
    EXPECT_EQ(value(std::string(",\"sub\":") + refused), "refused") << refused;
  }
}

// One seed, so that a failure can be looked into.
TEST_F(TokenCheckTest, NoRandomChangePasses) {
  std::mt19937 random(20'230'511);
  const std::string good = Es256(kHeader);
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n";
  const auto below = [&random](size_t bound) { return random() % bound; };
  for (int round = 0; round < 3000; ++round) {
    std::string token = good;
    for (size_t changes = 1 + below(3); changes > 0; --changes) {
      const size_t at = below(token.size());
      const char letter = kLetters[below(kLetters.size())];
      switch (below(6)) {
        case 0: token[at] = letter; break;
        case 1: token.insert(at, 1, letter); break;
        case 2: token.erase(at, 1 + below(4)); break;
        case 3: token[at] = static_cast<char>(random()); break;
        case 4: token.insert(at, token.substr(below(token.size()), 1 + below(8))); break;
        case 5: std::swap(token[at], token[below(token.size())]); break;
      }
    }
    if (token == good) continue;
    EXPECT_EQ(KindOf(token), Kind::kBad) << round << ": " << token;
  }
  EXPECT_EQ(KindOf(good), Kind::kGood);
}

// Claims of any bytes, well signed: whatever an issuer writes, nothing breaks, and no value of a
// field has a control character in it.
TEST_F(TokenCheckTest, AnyClaimsAreReadSafely) {
  std::mt19937 random(7);
  const std::string base(kClaims);
  int good = 0;
  for (int round = 0; round < 400; ++round) {
    std::string claims = base;
    claims[random() % claims.size()] = static_cast<char>(random());
    const TokenVerdict verdict = Check(Es256(kHeader, claims));
    if (verdict.kind != Kind::kGood) continue;
    ++good;
    for (const char c : verdict.token->values[0].value_or("")) {
      EXPECT_FALSE(static_cast<unsigned char>(c) < 0x20 || c == 0x7f) << round;
    }
  }
  EXPECT_GT(good, 0);
}

}  // namespace
}  // namespace holdfast::auth
