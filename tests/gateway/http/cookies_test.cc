#include "gateway/http/cookies.h"

#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

std::string_view Cookie(const std::vector<std::string_view>& values, std::string_view name) {
  HeaderList fields;
  for (const std::string_view value : values) {
    fields.Add({.name = "Cookie", .value = value, .id = FieldId::kCookie});
  }
  return CookieOf(fields, name);
}

TEST(CookiesTest, TheFirstThatIsNotEmptyCounts) {
  EXPECT_EQ(Cookie({"a=1; b=2"}, "b"), "2");
  EXPECT_EQ(Cookie({"a=1; a=2"}, "a"), "1");
  EXPECT_EQ(Cookie({"a=; a=2"}, "a"), "2");
  EXPECT_EQ(Cookie({"a=1", "b=2"}, "b"), "2");
  EXPECT_EQ(Cookie({}, "a"), "");
}

TEST(CookiesTest, NamesAreComparedExactly) {
  EXPECT_EQ(Cookie({"A=1; ab=2; ba=3"}, "a"), "");
  EXPECT_EQ(Cookie({" a = 1 "}, "a"), "1");
  EXPECT_EQ(Cookie({"a"}, "a"), "");
  EXPECT_EQ(Cookie({";;=;a=b=c"}, "a"), "b=c");
}

}  // namespace
}  // namespace holdfast::http
