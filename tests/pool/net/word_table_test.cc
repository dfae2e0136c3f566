#include "pool/net/word_table.h"

#include <string_view>

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

enum class Color { kRed, kBlue };
constexpr auto kColorWords = Words<Color>({{"red", Color::kRed}, {"blue", Color::kBlue}});

TEST(WordTableTest, AWordAndItsValueLeadToEachOther) {
  static_assert(kColorWords.size() == 2);
  static_assert(kColorWords.WordOf(Color::kBlue) == "blue");
  EXPECT_EQ(kColorWords.WordOf(Color::kRed), "red");
  EXPECT_EQ(kColorWords.ValueOf("blue"), Color::kBlue);
  EXPECT_EQ(kColorWords.ValueOf("green"), std::nullopt);
  EXPECT_EQ(kColorWords.ValueOf(""), std::nullopt);
}

TEST(WordTableTest, TheWordsAreInTheOrderOfTheEnum) {
  ASSERT_EQ(kColorWords.words().size(), 2u);
  EXPECT_EQ(kColorWords.words()[0], "red");
  EXPECT_EQ(kColorWords.words()[1], "blue");
}

TEST(WordTableDeathTest, AValueOutsideTheEnumBreaksAnInvariant) {
  EXPECT_DEATH(kColorWords.WordOf(static_cast<Color>(2)), "kRows");
}

}  // namespace
}  // namespace holdfast::pool
