#include <string>

#include <gtest/gtest.h>

#include "tests/gateway/config/route_testing.h"

namespace holdfast::config {
namespace {

std::string With(const std::string& jwks, const std::string& claims = "{}",
                 const std::string& more = "") {
  return "  - {upstream: web, jwt: {jwks: " + jwks +
         ", issuer: i, audience: a, algorithms: [ES256], claims_to_headers: " + claims + "}" +
         more + "}\n";
}

TEST(BuildJwtTest, KeysComeFromAFileOrAUrl) {
  EXPECT_EQ(RouteErrors(With("/k")), "");
  EXPECT_EQ(RouteErrors(With("\"https://i.test/jwks.json?a=b\"")), "");
  EXPECT_EQ(RouteErrors(With("\"https://i.test/k\", jwks_ca: /ca.pem")), "");
  EXPECT_EQ(RouteErrors(With("\"https://i.test/k\", jwks_ca: system")), "");
  for (const char* bad :
       {"\"https://\"", "\"https://i.test:0/\"", "\"https://u@i.test/\"", "\"https://i.test/a b\"",
        "\"ftp://i.test/k\"", "\"https://i.test/#k\""}) {
    EXPECT_NE(RouteErrors(With(bad)).find("expected an absolute path, or a URL such as"),
              std::string::npos)
        << bad;
  }
  EXPECT_NE(RouteErrors(With("keys.json")).find("expected an absolute path"), std::string::npos);
  EXPECT_NE(RouteErrors(With("\"file:///k\"")).find("expected an absolute path"),
            std::string::npos);
}

TEST(BuildJwtTest, OnlyThisMachineIsAskedInClearUnlessItIsSaid) {
  for (const char* near :
       {"\"http://127.0.0.1:9/k\"", "\"http://[::1]/k\"", "\"http://localhost/\""}) {
    EXPECT_EQ(RouteErrors(With(near)), "") << near;
  }
  for (const char* far : {"\"http://i.test/k\"", "\"http://127.0.0.1.i.test/k\"",
                          "\"http://192.0.2.7/k\", jwks_over_http: false"}) {
    EXPECT_NE(
        RouteErrors(With(far)).find("8:33 jwks: expected https://, or http:// to this machine"),
        std::string::npos)
        << RouteErrors(With(far));
  }
  EXPECT_EQ(
      RouteErrors(With("\"http://i.test/k\", jwks_over_http: true")).find("expected https://"),
      std::string::npos);
}

TEST(BuildJwtTest, AuthoritiesAreForWhatHasACertificate) {
  for (const char* bare : {"/k, jwks_ca: /ca.pem", "\"http://127.0.0.1/k\", jwks_ca: /ca.pem"}) {
    EXPECT_NE(RouteErrors(With(bare)).find("jwks_ca: only with a jwks that begins with https://"),
              std::string::npos)
        << bare;
  }
  EXPECT_NE(RouteErrors(With("\"https://i.test/k\", jwks_ca: ca.pem"))
                .find("expected the absolute path of a PEM file"),
            std::string::npos);
}

TEST(BuildJwtTest, OneFieldHasEitherAPasswordOrAToken) {
  EXPECT_NE(RouteErrors(With("/k", "{}", ", basic_auth: {file: /u}"))
                .find("jwt: not with basic_auth on one route"),
            std::string::npos);
  EXPECT_EQ(RouteErrors(With("/k", "{}", ", basic_auth: off")), "");
}

TEST(BuildJwtTest, EachFieldIsNamedOnceInEverySpelling) {
  EXPECT_EQ(RouteErrors(With("/k", "{x-user: sub, x-mail: email}")), "");
  for (const char* claims : {"{x-user: sub, X-User: email}", "{x-user: sub, x_user: email}"}) {
    EXPECT_NE(RouteErrors(With("/k", claims)).find("is given twice; first at line 8"),
              std::string::npos)
        << claims;
  }
}

}  // namespace
}  // namespace holdfast::config
