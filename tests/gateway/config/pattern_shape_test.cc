#include "gateway/config/pattern_shape.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/gateway/config/route_testing.h"

namespace holdfast::config {
namespace {

std::string Errors(std::string_view pattern) {
  return RouteErrors("  - {match: {path_regex: \"" + std::string(pattern) +
                     "\"}, upstream: web}\n");
}

TEST(PatternShapeTest, WhatIsWrongIsSaidWithItsPlace) {
  EXPECT_EQ(Errors("/a["),
            "8:26 expected a regular expression (RE2's syntax) of 1 to 1024 bytes; found '/a[': "
            "missing ]: [\n");
  EXPECT_EQ(Errors(""),
            "8:26 expected a regular expression (RE2's syntax) of 1 to 1024 bytes; found ''\n");
}

TEST(PatternShapeTest, ALongOneIsRefused) {
  EXPECT_EQ(Errors("/" + std::string(1023, 'a')), "");
  EXPECT_NE(Errors("/" + std::string(1024, 'a')), "");
}

}  // namespace
}  // namespace holdfast::config
