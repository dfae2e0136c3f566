#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "tests/gateway/config/route_testing.h"

namespace holdfast::config {
namespace {

using Algorithm = pool::SignatureAlgorithm;

constexpr char kBeginning[] = "  - {upstream: web, jwt: {jwks: /k, issuer: i, audience: a";

// What is wrong with a route that has these keys of jwt besides the first three.
std::string Errors(const std::string& keys) { return RouteErrors(kBeginning + keys + "}}\n"); }

TEST(JwtShapeTest, HasAKeyFileAnIssuerAnAudienceAndAlgorithms) {
  const Route route = LoadRoute(
      "  - {upstream: web, jwt: {jwks: /keys.json, issuer: \"https://i.test\", audience: api, "
      "algorithms: [ES256, ES384, RS256, PS256, EdDSA], claims_to_headers: {x-user: sub, x-tenant: "
      "\"https://i.test/tenant\"}, leeway: 5s}}\n");
  ASSERT_TRUE(route.jwt.has_value());
  EXPECT_EQ(route.jwt->jwks, "/keys.json");
  EXPECT_EQ(route.jwt->issuer, "https://i.test");
  EXPECT_EQ(route.jwt->audience, "api");
  EXPECT_EQ(route.jwt->algorithms,
            (std::vector<Algorithm>{Algorithm::kEs256, Algorithm::kEs384, Algorithm::kRs256,
                                    Algorithm::kPs256, Algorithm::kEdDsa}));
  ASSERT_EQ(route.jwt->claims_to_headers.size(), 2u);
  EXPECT_EQ(route.jwt->claims_to_headers[1].header, "x-tenant");
  EXPECT_EQ(route.jwt->claims_to_headers[1].claim, "https://i.test/tenant");
  EXPECT_EQ(route.jwt->leeway, std::chrono::seconds(5));
  EXPECT_EQ(route.jwt->jwks_ca, "system");
  EXPECT_FALSE(route.jwt->jwks_over_http);
  EXPECT_FALSE(route.jwt->by_url());
  EXPECT_EQ(route.jwt->keys, nullptr) << "the file is read later";
}

TEST(JwtShapeTest, KeysMayBeAtAUrl) {
  const Route route = LoadRoute(
      "  - {upstream: web, jwt: {jwks: \"https://i.test/k\", jwks_ca: /ca.pem, jwks_over_http: "
      "false, issuer: i, audience: a, algorithms: [ES256]}}\n");
  EXPECT_TRUE(route.jwt->by_url());
  EXPECT_EQ(route.jwt->jwks_ca, "/ca.pem");
}

TEST(JwtShapeTest, ByDefaultThereIsNoneAndItsLeewayIsShort) {
  EXPECT_FALSE(LoadRoute("  - upstream: web\n").jwt.has_value());
  EXPECT_FALSE(LoadRoute("  - {upstream: web, jwt: off}\n").jwt.has_value());
  EXPECT_EQ(LoadRoute(std::string(kBeginning) + ", algorithms: [ES256]}}\n").jwt->leeway,
            std::chrono::seconds(30));
}

TEST(JwtShapeTest, WhatATokenHasToProveIsAlwaysSaid) {
  EXPECT_NE(RouteErrors("  - {upstream: web, jwt: {jwks: /k, issuer: i, audience: a}}\n"), "");
  EXPECT_NE(RouteErrors("  - {upstream: web, jwt: {jwks: /k, issuer: i, algorithms: [ES256]}}\n"),
            "");
  EXPECT_NE(RouteErrors("  - {upstream: web, jwt: {jwks: /k, audience: a, algorithms: [ES256]}}\n"),
            "");
  EXPECT_NE(
      RouteErrors("  - {upstream: web, jwt: {issuer: i, audience: a, algorithms: [ES256]}}\n"), "");
}

// RFC 8725 section 3.1: what proves nothing cannot be asked for.
TEST(JwtShapeTest, AlgorithmsThatProveNothingAreNone) {
  EXPECT_EQ(Errors(", algorithms: [RS256]"), "");
  for (const char* algorithms : {"[none]", "[HS256]", "[HS384]", "[HS512]", "[ES256, none]", "[]",
                                 "ES256", "[es256]", "[RS1]", "[ES512]", "[\"*\"]"}) {
    const std::string errors = Errors(std::string(", algorithms: ") + algorithms);
    EXPECT_NE(errors.find("8:"), std::string::npos) << algorithms;
    EXPECT_NE(errors.find("expected"), std::string::npos) << algorithms;
  }
}

TEST(JwtShapeTest, FieldsThatTheGatewayUsesItselfCarryNoClaim) {
  const auto errors = [](const std::string& pair) {
    return Errors(", algorithms: [ES256], claims_to_headers: {" + pair + "}");
  };
  EXPECT_EQ(errors("x-user: sub"), "");
  for (const char* name : {"host", "content-length", "transfer-encoding", "connection", "te",
                           "x-forwarded-for", "via", "\"a b\"", "\"\"", "date"}) {
    EXPECT_NE(errors(std::string(name) + ": sub"), "") << name;
  }
  EXPECT_NE(errors("x-user: \"\""), "");
  EXPECT_NE(errors("x-user: [sub]"), "");
}

TEST(JwtShapeTest, TheLeewayIsAtMostAnHour) {
  EXPECT_EQ(Errors(", algorithms: [ES256], leeway: 0s"), "");
  EXPECT_EQ(Errors(", algorithms: [ES256], leeway: 1h"), "");
  EXPECT_NE(Errors(", algorithms: [ES256], leeway: 2h"), "");
  EXPECT_NE(Errors(", algorithms: [ES256], leeway: off"), "");
}

}  // namespace
}  // namespace holdfast::config
