#include "gateway/route/route_files.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/gateway/auth/test_tokens.h"
#include "tests/pool/tls/support/test_certificates.h"
#include "tests/support/temp_dir.h"

namespace holdfast::route {
namespace {

using testing::HasSubstr;

class RouteFilesTest : public testing::Test {
 protected:
  config::Route& NewRoute() {
    config::Route& route = config_.routes.emplace_back();
    route.name = "r" + std::to_string(config_.routes.size());
    return route;
  }
  std::string Error() { return std::string(LoadRouteFiles(&config_, &notes_).message()); }

  support::TempDir dir_;
  config::Config config_;
  std::vector<std::string> notes_;
};

TEST_F(RouteFilesTest, NoFilesAreFine) {
  NewRoute();
  EXPECT_TRUE(LoadRouteFiles(&config_, &notes_).ok());
  EXPECT_TRUE(notes_.empty());
}

TEST_F(RouteFilesTest, EachKindIsReadAndItsErrorsTold) {
  NewRoute().basic_auth.emplace().file = dir_.Path("users");
  NewRoute().jwt = auth::TokenRules{.jwks = dir_.Path("keys"), .issuer = "i", .audience = "a"};
  EXPECT_THAT(Error(), HasSubstr("route r1: " + dir_.Path("users")));
  config_.routes[0].basic_auth.reset();
  EXPECT_THAT(Error(), HasSubstr("route r2: " + dir_.Path("keys")));
  const std::string key = auth::JwkOf(pool::TestKeyPair::Make(pool::PublicKey::Kind::kEd25519));
  dir_.Write("keys", auth::JwksOf({key, R"({"kty":"oct"})"}));
  EXPECT_EQ(Error(), "");
  EXPECT_THAT(notes_, testing::ElementsAre(HasSubstr("key 2 is left out")));
  config_.tracing = config::Tracing{.otlp = "https://a.test/x", .ca = dir_.Path("ca.pem")};
  EXPECT_THAT(Error(), HasSubstr("tracing: " + dir_.Path("ca.pem")));
  config_.tracing.reset();
  config_.listeners.emplace_back().error_pages.push_back(
      {.first_status = 404, .last_status = 404, .file = dir_.Path("page.html"), .body = nullptr});
  EXPECT_THAT(Error(), HasSubstr(dir_.Path("page.html")));
}

}  // namespace
}  // namespace holdfast::route
