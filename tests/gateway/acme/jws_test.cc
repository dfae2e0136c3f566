#include "gateway/acme/jws.h"

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "pool/tls/digest.h"
#include "tests/gateway/acme/fake_authority.h"

namespace holdfast::acme {
namespace {

using Json = nlohmann::json;

TEST(JwsTest, Base64UrlHasNoPaddingAndNoLettersOfPaths) {
  EXPECT_EQ(Base64Url(""), "");
  EXPECT_EQ(Base64Url("f"), "Zg");
  EXPECT_EQ(Base64Url("\xfb\xef\xff"), "--__");
}

TEST(JwsTest, AThumbprintIsTheDigestOfTheRequiredMembersInOrder) {
  const pool::SigningKey key = pool::SigningKey::Make();
  const std::string members = R"({"crv":"P-256","kty":"EC","x":")" + Base64Url(key.X()) +
                              R"(","y":")" + Base64Url(key.Y()) + "\"}";
  EXPECT_EQ(Thumbprint(key), Base64Url(pool::Sha256(members)));
  EXPECT_EQ(KeyAuthorization("abc", key), "abc." + Thumbprint(key));
  EXPECT_NE(Thumbprint(pool::SigningKey::Make()), Thumbprint(key));
}

TEST(JwsTest, WithoutAnAccountTheKeyGoesAlong) {
  const pool::SigningKey key = pool::SigningKey::Make();
  const Json body = Json::parse(SignedBody(key, {.url = "https://ca.test/a", .nonce = "n"}, "{}"));
  const Json header = Json::parse(FromBase64Url(body["protected"]));
  EXPECT_EQ(header["alg"], "ES256");
  EXPECT_EQ(header["nonce"], "n");
  EXPECT_EQ(header["url"], "https://ca.test/a");
  EXPECT_EQ(header["jwk"]["x"], Base64Url(key.X()));
  EXPECT_FALSE(header.contains("kid"));
  EXPECT_EQ(FromBase64Url(body["payload"]), "{}");
  EXPECT_EQ(FromBase64Url(body["signature"]).size(), 64u);
}

TEST(JwsTest, WithOneItsNameDoes) {
  const Json body = Json::parse(SignedBody(
      pool::SigningKey::Make(),
      {.url = "https://ca.test/a", .nonce = "n", .account = "https://ca.test/account/1"}, ""));
  const Json header = Json::parse(FromBase64Url(body["protected"]));
  EXPECT_EQ(header["kid"], "https://ca.test/account/1");
  EXPECT_FALSE(header.contains("jwk"));
  EXPECT_EQ(body["payload"], "") << "a read";
}

TEST(JwsTest, BytesThatAreNoTextBreakNothing) {
  const Json body = Json::parse(
      SignedBody(pool::SigningKey::Make(), {.url = "https://ca.test/a", .nonce = "\xff\xfe"}, ""));
  EXPECT_TRUE(body.contains("protected"));
}

}  // namespace
}  // namespace holdfast::acme
