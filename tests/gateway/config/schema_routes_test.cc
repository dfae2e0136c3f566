#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/gateway/config/load_testing.h"

namespace holdfast::config {
namespace {

Route LoadRoute(std::string_view keys) {
  return Load(WithRoutes("  - {match: {path: /a}, upstream: web" + std::string(keys) +
                         "}\n  - {upstream: api}\n"))
      .routes.at(0);
}

TEST(RoutesShapeTest, EachReasonToRetryHasAWord) {
  const auto on = [](std::string_view word) {
    return LoadRoute(", retry: {on: [" + std::string(word) + "]}").retry;
  };
  EXPECT_TRUE(on("connect_failure").connect_failure);
  EXPECT_TRUE(on("unprocessed").unprocessed);
  EXPECT_TRUE(on("reset").reset);
  EXPECT_TRUE(on("gateway_error").gateway_error);
  EXPECT_TRUE(on("first_byte_timeout").first_byte_timeout);
}

TEST(RoutesShapeTest, AResponseHasItsFieldsInTheOrderOfTheFile) {
  const Config config =
      Load(WithRoutes("  - {match: {path: /a}, respond: {headers: {x-b: 1, x-a: two}}}\n"
                      "  - {match: {path: /b}, upstream: web}\n  - {upstream: api}\n"));
  const Respond& respond = config.routes[0].respond;
  ASSERT_EQ(respond.headers.size(), 2u);
  EXPECT_EQ(respond.headers[0].first, "x-b");
  EXPECT_EQ(respond.headers[1].second, "two");
}

}  // namespace
}  // namespace holdfast::config
