#include "gateway/auth/key_set.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/gateway/auth/test_tokens.h"

namespace holdfast::auth {
namespace {

using pool::PublicKey;
using pool::TestKeyPair;
using Algorithm = pool::SignatureAlgorithm;
using Kind = PublicKey::Kind;

std::string ErrorOf(const std::string& text) {
  return std::string(KeySet::Parse(text).status().message());
}

const TestKeyPair& Pair() {
  static const TestKeyPair& pair = *new TestKeyPair(TestKeyPair::Make(Kind::kP256));
  return pair;
}

TEST(KeySetTest, TakesEachKindOfKey) {
  std::vector<std::string> keys;
  for (const Kind kind : {Kind::kP256, Kind::kP384, Kind::kRsa, Kind::kEd25519}) {
    keys.push_back(JwkOf(TestKeyPair::Make(kind),
                         ",\"kid\":\"k" + std::to_string(keys.size()) + "\",\"use\":\"sig\""));
  }
  const absl::StatusOr<KeySet> set = KeySet::Parse(JwksOf(keys));
  ASSERT_TRUE(set.ok()) << set.status();
  ASSERT_EQ(set->keys().size(), 4u);
  EXPECT_TRUE(set->notes().empty());
  EXPECT_EQ(set->keys()[0].key.kind(), Kind::kP256);
  EXPECT_EQ(set->keys()[1].key.kind(), Kind::kP384);
  EXPECT_EQ(set->keys()[2].key.kind(), Kind::kRsa);
  EXPECT_EQ(set->keys()[3].key.kind(), Kind::kEd25519);
  EXPECT_EQ(set->keys()[3].id, "k3");
  EXPECT_TRUE(set->keys()[2].Fits(Algorithm::kRs256));
  EXPECT_TRUE(set->keys()[2].Fits(Algorithm::kPs256));
}

// RFC 7517 appendix A.1, whose first key is for encryption.
TEST(KeySetTest, TheExampleOfTheRfc) {
  const absl::StatusOr<KeySet> set = KeySet::Parse(
      R"({"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",)"
      R"("y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"},)"
      R"({"kty":"RSA","n":")"
      "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1"
      "L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4"
      "QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbO"
      "pbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csF"
      "Cur-kEgU8awapJzKnqDKgw"
      R"(",)"
      R"("e":"AQAB","alg":"RS256","kid":"2011-04-29"}]})");
  ASSERT_TRUE(set.ok()) << set.status();
  ASSERT_EQ(set->keys().size(), 1u);
  EXPECT_EQ(set->keys()[0].id, "2011-04-29");
  EXPECT_TRUE(set->keys()[0].Fits(Algorithm::kRs256));
  EXPECT_FALSE(set->keys()[0].Fits(Algorithm::kPs256)) << "it says which one it is for";
  EXPECT_EQ(set->notes(), std::vector<std::string>{"key 1 is left out: it is not for signatures"});
}

TEST(KeySetTest, WhatIsOfNoUseIsLeftOutWithANote) {
  const absl::StatusOr<KeySet> set = KeySet::Parse(JwksOf({
      R"({"kty":"oct","k":"AAAA"})",
      R"({"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"})",
      R"({"kty":"OKP","crv":"X25519","x":"AA"})",
      R"({})",
      R"({"kty":5})",
      JwkOf(Pair(), R"(,"use":"enc")"),
      JwkOf(Pair(), R"(,"key_ops":["sign"])"),
      JwkOf(Pair(), R"(,"alg":"HS256")"),
      JwkOf(Pair(), R"(,"alg":"none")"),
      JwkOf(Pair(), R"(,"key_ops":["verify"],"alg":"ES256","x5c":[{}],"more":1)"),
  }));
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->keys().size(), 1u);
  ASSERT_EQ(set->notes().size(), 9u);
  EXPECT_EQ(set->notes()[0], "key 1 is left out: its kind is not known");
  EXPECT_EQ(set->notes()[1], "key 2 is left out: its curve is not known");
  EXPECT_EQ(set->notes()[6], "key 7 is left out: it is not for checking signatures");
  EXPECT_EQ(set->notes()[7], "key 8 is left out: its algorithm is not known");
}

TEST(KeySetTest, WhatIsWrongIsToldByItsPlace) {
  const std::string good = JwkOf(Pair());
  for (const char* text : {"", "[]", "{}", "x", "{\"keys\":{}}", "{\"keys\":[]} x", "{\"keys\":"}) {
    EXPECT_EQ(ErrorOf(text), "expected a JSON Web Key Set, {\"keys\": [...]}") << text;
  }
  EXPECT_EQ(ErrorOf("{\"keys\":[]}"), "it has no keys");
  EXPECT_EQ(ErrorOf(JwksOf({R"({"kty":"oct"})"})),
            "none of its keys is of use; key 1 is left out: its kind is not known");
  EXPECT_EQ(ErrorOf(JwksOf(std::vector<std::string>(65, good))), "it has more than 64 keys");
  EXPECT_EQ(ErrorOf(JwksOf({good, "7"})), "key 2: expected an object");
  EXPECT_EQ(ErrorOf(JwksOf({R"({"kty":"EC","crv":"P-256","x":"AA"})"})), "key 1: y is missing");
  EXPECT_EQ(ErrorOf(JwksOf({R"({"kty":"EC","crv":"P-256","x":"AA==","y":"AA"})"})),
            "key 1: x is not base64url without padding");
  EXPECT_EQ(ErrorOf(JwksOf({R"({"kty":"EC","crv":"P-256","x":7,"y":"AA"})"})),
            "key 1: x is not base64url without padding");
  EXPECT_EQ(ErrorOf(JwksOf({R"({"kty":"EC","crv":"P-256","x":"AA","y":"AA"})"})),
            "key 1: expected x and y of 32 bytes each");
  EXPECT_EQ(ErrorOf(JwksOf({JwkOf(TestKeyPair::Make(Kind::kRsa, 1024))})),
            "key 1: expected n to be an odd number of at least 2048 bits");
  EXPECT_EQ(ErrorOf(JwksOf({JwkOf(Pair(), R"(,"kid":7)")})),
            "key 1: expected kid to be a text of 1 to 256 bytes");
  EXPECT_EQ(ErrorOf(JwksOf({JwkOf(Pair(), R"(,"alg":"RS256")")})),
            "key 1: its alg is for keys of another kind");
  const std::string leaked = ErrorOf(JwksOf({good, JwkOf(Pair(), R"(,"d":"c2VjcmV0")")}));
  EXPECT_EQ(leaked, "key 2: its private half is there, too, which belongs to the issuer alone");
}

TEST(KeySetTest, OneThatIsWrongMayBeLeftOut) {
  const auto set = KeySet::Parse(JwksOf({"7", R"({"kty":"EC","crv":"P-256","x":"AA"})",
                                         JwkOf(Pair()), JwkOf(Pair(), R"(,"d":"c2VjcmV0")")}),
                                 KeySet::Wrong::kIsLeftOut);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->keys().size(), 1u);
  EXPECT_EQ(set->notes(),
            (std::vector<std::string>{"key 1 is left out: expected an object",
                                      "key 2 is left out: y is missing",
                                      "key 4 is left out: its private half is there, too, which "
                                      "belongs to the issuer alone"}));
  const auto none = KeySet::Parse(JwksOf({"7"}), KeySet::Wrong::kIsLeftOut);
  EXPECT_EQ(none.status().message(),
            "none of its keys is of use; key 1 is left out: expected an object");
}

const TestKeyPair& Rsa() {
  static const TestKeyPair& pair = *new TestKeyPair(TestKeyPair::Make(Kind::kRsa));
  return pair;
}

const TestKeyPair& Ed() {
  static const TestKeyPair& pair = *new TestKeyPair(TestKeyPair::Make(Kind::kEd25519));
  return pair;
}

// What an issuer publishes beside a good key checks no token, and is not in the way.
void ExpectNoUse(const std::vector<std::pair<std::string_view, std::string>>& rows) {
  const std::string good = JwkOf(Pair(), R"(,"kid":"good","use":"sig","key_ops":["verify"])");
  for (const auto& [name, bad] : rows) {
    const auto set = KeySet::Parse(JwksOf({bad, good}), KeySet::Wrong::kIsLeftOut);
    ASSERT_TRUE(set.ok()) << name << ": " << set.status();
    EXPECT_EQ(set->keys().size(), 1u) << name;
    EXPECT_EQ(set->keys().front().id, "good") << name;
    EXPECT_EQ(set->notes().size(), 1u) << name;
  }
}

TEST(KeySetTest, NoKeyForSomethingElseIsOfUse) {
  ExpectNoUse({
      {"for encryption", JwkOf(Pair(), R"(,"use":"enc")")},
      {"for encryption, RSA", JwkOf(Rsa(), R"(,"use":"enc","alg":"RS256")")},
      {"for encryption, that says it verifies",
       JwkOf(Pair(), R"(,"use":"enc","key_ops":["verify"])")},
      {"a use in capitals", JwkOf(Pair(), R"(,"use":"SIG")")},
      {"a use that is empty", JwkOf(Pair(), R"(,"use":"")")},
      {"a use that is no text", JwkOf(Pair(), R"(,"use":["sig"])")},
      {"to encrypt", JwkOf(Pair(), R"(,"key_ops":["encrypt","wrapKey"])")},
      {"to encrypt, that says it is for signatures",
       JwkOf(Rsa(), R"(,"use":"sig","key_ops":["encrypt"])")},
      {"to do nothing", JwkOf(Pair(), R"(,"key_ops":[])")},
      {"to do null", JwkOf(Pair(), R"(,"key_ops":null)")},
      {"to do something within a list", JwkOf(Pair(), R"(,"key_ops":[["verify"]])")},
      {"for key agreement", JwkOf(Pair(), R"(,"alg":"ECDH-ES")")},
      {"for encryption by its algorithm", JwkOf(Rsa(), R"(,"alg":"RSA-OAEP")")},
      {"for an HMAC", JwkOf(Rsa(), R"(,"alg":"HS256")")},
      {"for an algorithm of RSA", JwkOf(Pair(), R"(,"alg":"RS256")")},
      {"for an algorithm of P-384", JwkOf(Pair(), R"(,"alg":"ES384")")},
      {"for an algorithm that is no text", JwkOf(Pair(), R"(,"alg":["ES256"])")},
      {"a secret", R"({"kty":"oct","k":"c2VjcmV0"})"},
      {"its private half, too", JwkOf(Pair(), R"(,"d":"c2VjcmV0")")},
      {"its private half, too, RSA", JwkOf(Rsa(), R"(,"d":"c2VjcmV0")")},
      {"its private half, too, Ed25519", JwkOf(Ed(), R"(,"d":null)")},
      {"a name that is empty", JwkOf(Pair(), R"(,"kid":"")")},
      {"a name that is no text", JwkOf(Pair(), R"(,"kid":1)")},
      {"a name of 257 bytes", JwkOf(Pair(), ",\"kid\":\"" + std::string(257, 'k') + "\"")},
      {"a kind in small letters", R"({"kty":"ec","crv":"P-256"})"},
      {"no object", "[]"},
  });
}

std::string CurveOf(const std::string& name, const std::string& x, const std::string& y) {
  return R"({"kty":"EC","crv":")" + name + R"(","x":")" + Base64Url(x) + R"(","y":")" +
         Base64Url(y) + "\"}";
}

std::string RsaOf(const std::string& n, const std::string& e) {
  return R"({"kty":"RSA","n":")" + Base64Url(n) + R"(","e":")" + Base64Url(e) + "\"}";
}

std::string EdwardsOf(const std::string& name, const std::string& x) {
  return R"({"kty":"OKP","crv":")" + name + R"(","x":")" + Base64Url(x) + "\"}";
}

TEST(KeySetTest, NoKeyThatIsWeakOrNoneIsOfUse) {
  const TestKeyPair p384 = TestKeyPair::Make(Kind::kP384);
  const TestKeyPair small = TestKeyPair::Make(Kind::kRsa, 1024);
  const std::string x = Pair().x();
  const std::string y = Pair().y();
  const std::string zero(32, '\0');
  std::string even = Rsa().n();
  even.back() = static_cast<char>(even.back() & ~1);
  ExpectNoUse({
      {"P-256 off the curve", CurveOf("P-256", y, x)},
      {"P-256, nowhere", CurveOf("P-256", zero, zero)},
      {"P-256 with a number above its field's", CurveOf("P-256", std::string(32, '\xff'), y)},
      {"P-256 called P-384", CurveOf("P-384", x, y)},
      {"P-384 called P-256", CurveOf("P-256", p384.x(), p384.y())},
      {"P-384 off the curve", CurveOf("P-384", p384.y(), p384.x())},
      {"P-256 with a zero in front", CurveOf("P-256", '\0' + x, y)},
      {"P-256 without its y", CurveOf("P-256", x, "")},
      {"a curve in small letters", CurveOf("p-256", x, y)},
      {"a curve of coins", CurveOf("secp256k1", x, y)},
      {"RSA of 1024 bits", JwkOf(small)},
      {"RSA of 1024 bits with zeros in front",
       RsaOf(std::string(128, '\0') + small.n(), small.e())},
      {"RSA that is even", RsaOf(even, Rsa().e())},
      {"RSA with e = 1", RsaOf(Rsa().n(), "\1")},
      {"RSA with e = 1 and zeros in front", RsaOf(Rsa().n(), std::string("\0\0\1", 3))},
      {"RSA with e = 0", RsaOf(Rsa().n(), std::string(1, '\0'))},
      {"RSA with e = 2", RsaOf(Rsa().n(), "\2")},
      {"RSA without its e", RsaOf(Rsa().n(), "")},
      {"RSA with an e of 72 bits", RsaOf(Rsa().n(), std::string(9, '\1'))},
      {"Ed25519 of 31 bytes", EdwardsOf("Ed25519", Ed().x().substr(1))},
      {"Ed25519 of 33 bytes", EdwardsOf("Ed25519", Ed().x() + '\0')},
      {"Ed25519 called X25519", EdwardsOf("X25519", Ed().x())},
      {"Ed25519 called P-256", EdwardsOf("P-256", Ed().x())},
  });
  for (const std::string& control :
       {CurveOf("P-256", x, y), CurveOf("P-384", p384.x(), p384.y()), RsaOf(Rsa().n(), Rsa().e()),
        RsaOf(Rsa().n(), "\3"), EdwardsOf("Ed25519", Ed().x())}) {
    EXPECT_TRUE(KeySet::Parse(JwksOf({control})).ok()) << control;
  }
}

TEST(KeySetTest, TheDigestIsThatOfTheKeysInAnyOrder) {
  const std::string one = JwkOf(Pair(), R"(,"kid":"one")");
  const std::string two = JwkOf(Pair(), R"(,"kid":"two")");
  const auto digest = [](const std::string& text) { return KeySet::Parse(text)->digest(); };
  EXPECT_EQ(digest(JwksOf({one, two})), digest(" " + JwksOf({two, one}) + "\n"));
  EXPECT_NE(digest(JwksOf({one, two})), digest(JwksOf({one})));
  EXPECT_NE(digest(JwksOf({one, one})), digest(JwksOf({one})));
  EXPECT_NE(digest(JwksOf({one})), digest(JwksOf({two})));
  EXPECT_NE(digest(JwksOf({JwkOf(Pair(), R"(,"alg":"ES256")")})), digest(JwksOf({JwkOf(Pair())})));
  EXPECT_EQ(digest(JwksOf({one, R"({"kty":"oct"})"})), digest(JwksOf({one})));
}

TEST(KeySetTest, WhatIsNestedDeeplyIsNotRead) {
  const size_t depth = KeySet::kMaxFileBytes / 2 - 500;
  const std::string deep = std::string(depth, '[') + std::string(depth, ']');
  for (const std::string& text :
       {JwksOf({JwkOf(Pair(), ",\"x5c\":" + deep)}), JwksOf({JwkOf(Pair()), deep}), deep,
        std::string(KeySet::kMaxFileBytes, '['), std::string(KeySet::kMaxFileBytes, '{')}) {
    EXPECT_EQ(ErrorOf(text), "it is nested too deeply");
  }
  EXPECT_TRUE(KeySet::Parse(JwksOf({JwkOf(Pair(), R"(,"x5c":["a"],"n\"":"[[[")")})).ok());
  EXPECT_TRUE(
      KeySet::Parse(JwksOf({JwkOf(Pair(), ",\"a\":\"" + std::string(1000, '[') + "\"")})).ok())
      << "within a text";
}

}  // namespace
}  // namespace holdfast::auth
