#include "gateway/config/source_text.h"

#include <string>

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

TEST(Utf8LengthTest, FollowsRfc3629) {
  EXPECT_EQ(Utf8Length("a"), 1u);
  EXPECT_EQ(Utf8Length("\xc3\xa9x"), 2u);
  EXPECT_EQ(Utf8Length("\xe2\x82\xac"), 3u);
  EXPECT_EQ(Utf8Length("\xf0\x9f\x98\x80"), 4u);
  EXPECT_EQ(Utf8Length("\xf4\x8f\xbf\xbf"), 4u);
}

TEST(Utf8LengthTest, IsZeroForWhatIsNotUtf8) {
  for (const char* text :
       {"\x80", "\xc3", "\xc3(", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe2\x82", "\xed\xa0\x80",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"}) {
    EXPECT_EQ(Utf8Length(text), 0u) << static_cast<int>(static_cast<unsigned char>(text[0]));
  }
}

void ExpectEncodingError(std::string_view text, Position position, std::string_view message) {
  const std::optional<EncodingError> error = FindEncodingError(text);
  ASSERT_TRUE(error) << message;
  EXPECT_EQ(error->position, position);
  EXPECT_EQ(error->message, message);
}

TEST(FindEncodingErrorTest, TakesText) {
  EXPECT_FALSE(FindEncodingError(""));
  EXPECT_FALSE(FindEncodingError("a:\tb\r\nc: \xc3\xa9\n\xc2\xa0"));
}

TEST(FindEncodingErrorTest, TellsWhereTheFirstBadByteIs) {
  ExpectEncodingError(std::string_view("a\n\0", 3), {2, 1}, "NUL byte; expected plain text");
  ExpectEncodingError("\xc3\xa9\xc3\xa9\xff", {1, 3}, "this is not UTF-8 text");
  ExpectEncodingError("a\n\nb\x1b[m", {3, 2}, "control character; expected plain text");
  ExpectEncodingError("a\x7f", {1, 2}, "control character; expected plain text");
  ExpectEncodingError("a\xc2\x9b", {1, 2}, "control character; expected plain text");
  ExpectEncodingError("a\rb", {1, 2}, "carriage return without a line feed");
  ExpectEncodingError("a\r", {1, 2}, "carriage return without a line feed");
  ExpectEncodingError("a\xc3", {1, 2}, "this is not UTF-8 text");
}

TEST(ExtractLineTest, FindsTheLineAndTheCaret) {
  const SourceLine line = ExtractLine("one\r\ntwo two\nthree", {2, 5});
  EXPECT_EQ(line.text, "two two");
  EXPECT_EQ(line.caret, 4);
  EXPECT_EQ(ExtractLine("one\ntwo", {2, 1}).text, "two");
}

TEST(ExtractLineTest, IsSafeOutsideTheText) {
  EXPECT_EQ(ExtractLine("one", {0, 0}).text, "");
  EXPECT_EQ(ExtractLine("one", {2, 1}).text, "");
  EXPECT_EQ(ExtractLine("", {1, 1}).text, "");
  EXPECT_EQ(ExtractLine("one", {1, 99}).caret, 3);
  EXPECT_EQ(ExtractLine("one", {1, -5}).caret, 0);
}

TEST(ExtractLineTest, MakesUnprintableBytesVisible) {
  const SourceLine line = ExtractLine("\xc3\xa9\x1b\xff\tz", {1, 3});
  EXPECT_EQ(line.text, "\xc3\xa9??\tz");
  EXPECT_EQ(line.caret, 2);
}

TEST(ExtractLineTest, KeepsThePartOfALongLineAroundTheColumn) {
  const std::string text = std::string(500, 'a') + "X" + std::string(500, 'b');
  const SourceLine line = ExtractLine(text, {1, 501});
  EXPECT_LT(line.text.size(), 130u);
  EXPECT_TRUE(line.text.starts_with("...aaa"));
  EXPECT_TRUE(line.text.ends_with("bbb..."));
  EXPECT_EQ(line.text[static_cast<size_t>(line.caret)], 'X');

  const SourceLine begin = ExtractLine(text, {1, 1});
  EXPECT_EQ(begin.caret, 0);
  EXPECT_TRUE(begin.text.starts_with("aaa"));
}

}  // namespace
}  // namespace holdfast::config
