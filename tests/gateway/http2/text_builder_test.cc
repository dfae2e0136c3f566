#include "gateway/http2/text_builder.h"

#include <string>

#include <gtest/gtest.h>

namespace holdfast::http2 {
namespace {

TEST(TextBuilder, PutsPiecesOneBehindTheOther) {
  TextBuilder builder;
  EXPECT_EQ(builder.text(), "");
  builder.Append("");
  EXPECT_EQ(builder.text(), "");
  builder.Append(std::string("name"), ": ", std::string_view("value"), "\r\n");
  EXPECT_EQ(builder.text(), "name: value\r\n");
  builder.Append("", "x", "");
  EXPECT_EQ(builder.text(), "name: value\r\nx");
  EXPECT_EQ(builder.size(), 14u);
}

TEST(TextBuilder, KeepsWhatItHasWhenItGrows) {
  TextBuilder builder;
  std::string expected;
  for (int i = 0; i < 5000; ++i) {
    builder.Append(std::to_string(i), ",");
    expected += std::to_string(i) + ",";
  }
  EXPECT_EQ(builder.text(), expected);
  builder.Append(expected);
  EXPECT_EQ(builder.text(), expected + expected);
}

TEST(TextBuilder, ServesAgainInTheSameMemory) {
  TextBuilder builder;
  builder.Append("first");
  const char* const memory = builder.text().data();
  for (const size_t kept : {size_t{0}, size_t{4096}}) {
    kept == 0 ? builder.Clear() : builder.ClearKeeping(kept);
    EXPECT_EQ(builder.text(), "");
    builder.Append("next");
    EXPECT_EQ(builder.text(), "next");
    EXPECT_EQ(builder.text().data(), memory);
  }
}

TEST(TextBuilder, GivesUpWhatIsMoreThanItMayKeep) {
  TextBuilder builder;
  builder.Append(std::string(5000, 'x'));
  builder.ClearKeeping(4096);
  EXPECT_EQ(builder.text().data(), nullptr);
  builder.Append("small");
  EXPECT_EQ(builder.text(), "small");
}

}  // namespace
}  // namespace holdfast::http2
