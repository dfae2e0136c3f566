#include "gateway/record/escape.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace holdfast::record {
namespace {

using Append = void (*)(std::string_view, std::string*);

std::string Escaped(Append append, std::string_view text) {
  std::string out = "before ";
  append(text, &out);
  return out.substr(7);
}

TEST(EscapeTest, JsonKeepsWhatItCanHold) {
  EXPECT_EQ(Escaped(&AppendJsonText, "plain /x?y=z"), "plain /x?y=z");
  EXPECT_EQ(Escaped(&AppendJsonText, "\"\\"), "\\\"\\\\");
  EXPECT_EQ(Escaped(&AppendJsonText, "\r\n\t\x7f"), "\\u000d\\u000a\\u0009\\u007f");
  EXPECT_EQ(Escaped(&AppendJsonText, "\xc3\xa9\xe9"), "\xc3\xa9\\u00e9");
  EXPECT_EQ(Escaped(&AppendJsonText, "\xe2\x80\xa8\xc2\x85"), "\xe2\x80\xa8\xc2\x85");
}

TEST(EscapeTest, PlainLinesHaveNoOtherEndsOfLinesEither) {
  const std::pair<std::string, std::string> cases[] = {
      {"\xe2\x80\xa7", "\xe2\x80\xa7"}, {"\xe2\x80\xa8", "\\u2028"}, {"\xe2\x80\xa9", "\\u2029"},
      {"\xe2\x80\xaa", "\xe2\x80\xaa"}, {"\xc2\x80", "\\u0080"},     {"\xc2\x9f", "\\u009f"},
      {"\xc2\xa0", "\xc2\xa0"},         {"\xc2", "\\u00c2"},         {"\n\"", "\\u000a\\\""},
  };
  for (const auto& [text, escaped] : cases) {
    EXPECT_EQ(Escaped(&AppendQuotedText, text), escaped);
  }
}

TEST(EscapeTest, HexIsWhatNginxWrites) {
  std::string out;
  AppendHexText("a b\"\\\n\x7f\xff", /*bare=*/false, &out);
  EXPECT_EQ(out, "a b\\x22\\x5C\\x0A\\x7F\\xFF");
  out.clear();
  AppendHexText("a b", /*bare=*/true, &out);
  EXPECT_EQ(out, "a\\x20b");
}

}  // namespace
}  // namespace holdfast::record
