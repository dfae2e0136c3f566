#include "gateway/http/syntax.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

using Elements = std::vector<std::string>;

Elements ReadAll(std::string_view list) {
  Elements elements;
  std::string_view element;
  for (ListReader reader(list); reader.Next(&element);) elements.emplace_back(element);
  return elements;
}

// RFC 9110 section 5.6.2.
TEST(Syntax, TokenBytesAreTheStandards) {
  const std::string_view separators = "\"(),/:;<=>?@[\\]{}";
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool expected =
        byte > 0x20 && byte < 0x7f && separators.find(c) == std::string_view::npos;
    EXPECT_EQ(IsTokenByte(c), expected) << byte;
  }
  EXPECT_TRUE(IsToken("chunked"));
  EXPECT_FALSE(IsToken(""));
  EXPECT_FALSE(IsToken("a b"));
}

// RFC 9110 section 5.5.
TEST(Syntax, ValueBytesAreTabSpaceVisibleAndObsText) {
  for (int byte = 0; byte < 256; ++byte) {
    const bool expected = byte == '\t' || (byte >= 0x20 && byte != 0x7f);
    EXPECT_EQ(IsValueByte(static_cast<char>(byte)), expected) << byte;
  }
}

TEST(Syntax, HexValueKnowsTwentyTwoDigits) {
  int digits = 0;
  for (int byte = 0; byte < 256; ++byte) {
    if (HexValue(static_cast<char>(byte)) >= 0) ++digits;
  }
  EXPECT_EQ(digits, 22);
  EXPECT_EQ(HexValue('0'), 0);
  EXPECT_EQ(HexValue('9'), 9);
  EXPECT_EQ(HexValue('a'), 10);
  EXPECT_EQ(HexValue('F'), 15);
}

TEST(Syntax, TrimTakesSpacesAndTabsFromBothEnds) {
  EXPECT_EQ(TrimWhiteSpace(" \t a b\t "), "a b");
  EXPECT_EQ(TrimWhiteSpace(" \t "), "");
  EXPECT_EQ(TrimWhiteSpace(""), "");
  EXPECT_EQ(TrimWhiteSpace("\va"), "\va");
}

TEST(ListReader, GivesTrimmedElementsAndTheEmptyOnesToo) {
  EXPECT_EQ(ReadAll("close"), (Elements{"close"}));
  EXPECT_EQ(ReadAll(" a ,\tb"), (Elements{"a", "b"}));
  EXPECT_EQ(ReadAll(""), (Elements{""}));
  EXPECT_EQ(ReadAll("a,"), (Elements{"a", ""}));
  EXPECT_EQ(ReadAll(",a, ,b"), (Elements{"", "a", "", "b"}));
}

}  // namespace
}  // namespace holdfast::http
