#include "gateway/config/scalar_shapes.h"

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

TEST(ScalarShapesTest, ATextMayBeInAFile) {
  constexpr Shape kText = OrFile(kName);
  EXPECT_TRUE(kText.may_be_file);
  EXPECT_FALSE(kText.secret);
  EXPECT_EQ(Expectation(kText), Expectation(kName) + ", or {file: PATH}");
}

TEST(ScalarShapesTest, ASecretIsNotShownAsWell) {
  constexpr Shape kHidden = Secret(kName);
  EXPECT_TRUE(kHidden.may_be_file);
  EXPECT_TRUE(kHidden.secret);
}

}  // namespace
}  // namespace holdfast::config
