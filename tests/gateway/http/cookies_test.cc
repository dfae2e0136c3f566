#include "gateway/http/cookies.h"

#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

HeaderList Fields(const std::vector<std::string_view>& values) {
  HeaderList fields;
  for (const std::string_view value : values) {
    fields.Add({.name = "Cookie", .value = value, .id = FieldId::kCookie});
  }
  return fields;
}

std::string_view Cookie(const std::vector<std::string_view>& values, std::string_view name) {
  return CookieOf(Fields(values), name);
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

TEST(CookiesTest, SeveralThatDifferAreNotOne) {
  using Values = std::vector<std::string_view>;
  for (const Values& one :
       {Values{"a=1"}, Values{"b=2; a=1"}, Values{"a=1; a=1"}, Values{"a=1", "a=1"},
        Values{"a=; a=1"}, Values{"a=1; a="}, Values{"A=2; a=1; ab=3"}, Values{"a; a=1 ;"}}) {
    EXPECT_EQ(OneCookieOf(Fields(one), "a"), "1") << one[0];
  }
  for (const Values& several :
       {Values{"a=1; a=2"}, Values{"a=1", "a=2"}, Values{"a=1; b=2; a=3"}, Values{"a=1; a=1; a=2"},
        Values{"a=1", "b=1", " a = 2"}, Values{"b=1"}, Values{"a="}}) {
    EXPECT_EQ(OneCookieOf(Fields(several), "a"), "") << several[0];
  }
}

}  // namespace
}  // namespace holdfast::http
