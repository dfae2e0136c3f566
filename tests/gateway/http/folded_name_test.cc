#include "gateway/http/folded_name.h"

#include <cctype>
#include <string>

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

constexpr FoldedEnds kAtCompileTime = Fold("content-length");

TEST(FoldedName, IsTheSameWhenItIsCompiledAndWhenItIsRun) {
  EXPECT_EQ(Fold(std::string("content-length")), kAtCompileTime);
  EXPECT_EQ(Fold(std::string("Content-LENGTH")), kAtCompileTime);
}

TEST(FoldedName, LeavesOutNoByteOfShortOnesAndNoCaseOfAny) {
  for (size_t length = 2; length <= kFoldedBytes; ++length) {
    const std::string name(length, 'm');
    for (size_t at = 0; at < length; ++at) {
      std::string other = name;
      other[at] = 'M';
      EXPECT_EQ(Fold(other), Fold(name)) << other;
      other[at] = 'n';
      EXPECT_NE(Fold(other), Fold(name)) << other;
    }
  }
}

TEST(FoldedName, TakesNoSignForALetter) {
  for (int byte = 0x20; byte < 0x7f; ++byte) {
    const std::string name = std::string("ab") + static_cast<char>(byte) + "de";
    EXPECT_EQ(Fold(name) == Fold("abcde"), std::tolower(byte) == 'c') << name;
  }
}

}  // namespace
}  // namespace holdfast::http
