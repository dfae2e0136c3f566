#include "pool/net/check.h"

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

TEST(CheckTest, HoldsSilentlyAndEvaluatesOnce) {
  int evaluated = 0;
  HOLDFAST_CHECK(++evaluated == 1);
  EXPECT_EQ(evaluated, 1);
}

TEST(CheckTest, IsOneStatement) {
  bool otherwise = false;
  if (false)
    HOLDFAST_CHECK(false);
  else
    otherwise = true;
  EXPECT_TRUE(otherwise);
}

TEST(CheckDeathTest, NamesPlaceAndCondition) {
  const int slots = 3;
  EXPECT_DEATH(HOLDFAST_CHECK(slots == 4), "check_test\\.cc:[0-9]+: broken invariant: slots == 4");
}

}  // namespace
}  // namespace holdfast::pool
