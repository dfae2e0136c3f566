#include "gateway/acme/trouble.h"

#include <gtest/gtest.h>

namespace holdfast::acme {
namespace {

TEST(TroubleTest, EveryResultHasAWordOfItsOwn) {
  for (size_t i = 0; i < WordsOf(Result()).size(); ++i) {
    const auto result = static_cast<Result>(i);
    EXPECT_EQ(WordsOf(Result()).ValueOf(WordsOf(result).WordOf(result)), result);
  }
  EXPECT_NE(Trouble().result, Result::kOk);
}

}  // namespace
}  // namespace holdfast::acme
