#include "tests/support/pattern.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace holdfast::support {
namespace {

TEST(PatternTest, HasAsManyPrintableBytesAsAskedFor) {
  for (const size_t bytes : {0u, 1u, 7u, 8u, 9u, 4096u, 100'001u}) {
    const std::string pattern = Pattern(bytes);
    EXPECT_EQ(pattern.size(), bytes);
    for (const char c : pattern) ASSERT_TRUE(c > ' ' && c < 0x7f) << static_cast<int>(c);
  }
}

TEST(PatternTest, IsTheSameEachTimeAndAnotherWithAnotherSeed) {
  EXPECT_EQ(Pattern(1000), Pattern(1000));
  EXPECT_EQ(Pattern(1000), Pattern(2000).substr(0, 1000));
  EXPECT_NE(Pattern(1000, 1), Pattern(1000, 2));
}

TEST(PatternTest, NoPieceComesTwice) {
  const std::string pattern = Pattern(100'000);
  std::set<std::string> pieces;
  for (size_t at = 0; at + 8 <= pattern.size(); at += 8) pieces.insert(pattern.substr(at, 8));
  EXPECT_EQ(pieces.size(), pattern.size() / 8);
}

}  // namespace
}  // namespace holdfast::support
