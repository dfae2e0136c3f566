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

TEST(BuildJwtTest, KeysComeFromAFile) {
  EXPECT_EQ(RouteErrors(With("/k")), "");
  for (const char* url : {"\"https://i.test/jwks.json\"", "\"http://i.test/jwks.json\""}) {
    EXPECT_EQ(RouteErrors(With(url)), "8:33 jwks: a URL is not supported: give a file\n") << url;
  }
  EXPECT_NE(RouteErrors(With("keys.json")).find("expected an absolute path"), std::string::npos);
  EXPECT_NE(RouteErrors(With("\"file:///k\"")).find("expected an absolute path"),
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
