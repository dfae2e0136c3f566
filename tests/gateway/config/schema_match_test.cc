#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/gateway/config/route_testing.h"

namespace holdfast::config {
namespace {

using Kind = ValueMatch::Kind;

TEST(MatchShapeTest, EachKindOfValueHasAWord) {
  const Match match =
      LoadRoute(
          "  - {match: {headers: {a: {exact: x}, b: {prefix: x}, c: {regex: \"x+\"}, "
          "d: {present: true}, e: {absent: true}}}, upstream: web}\n")
          .match;
  ASSERT_EQ(match.headers.size(), 5u);
  EXPECT_EQ(match.headers[0].kind, Kind::kExact);
  EXPECT_EQ(match.headers[1].kind, Kind::kPrefix);
  EXPECT_EQ(match.headers[2].kind, Kind::kPattern);
  EXPECT_EQ(match.headers[2].pattern.text(), "x+");
  EXPECT_EQ(match.headers[3].kind, Kind::kPresent);
  EXPECT_EQ(match.headers[4].kind, Kind::kAbsent);
}

TEST(MatchShapeTest, ProtocolsAndSchemesAreWords) {
  EXPECT_EQ(LoadRoute("  - {match: {protocol: grpc}, upstream: web}\n").match.protocol,
            Speech::kGrpc);
  EXPECT_EQ(LoadRoute("  - upstream: web\n").match.protocol, Speech::kAny);
  EXPECT_EQ(LoadRoute("  - {match: {scheme: http}, upstream: web}\n").match.scheme,
            ClientScheme::kHttp);
  EXPECT_NE(RouteErrors("  - {match: {protocol: h2}, upstream: web}\n"), "");
}

TEST(MatchShapeTest, AllOfTheConditionsHaveAnUpperLimit) {
  std::string headers;
  for (int i = 0; i < 33; ++i) headers += "h" + std::to_string(i) + ": {present: true}, ";
  EXPECT_NE(RouteErrors("  - {match: {headers: {" + headers + "}}, upstream: web}\n"), "");
  std::string exceptions;
  for (int i = 0; i < 17; ++i) exceptions += "{path: /" + std::to_string(i) + "}, ";
  EXPECT_NE(RouteErrors("  - {match: {not: [" + exceptions + "]}, upstream: web}\n"), "");
}

}  // namespace
}  // namespace holdfast::config
