#include "gateway/auth/secret.h"

#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::auth {
namespace {

TEST(SecretTest, HasTheBytesThatItWasMadeOf) {
  EXPECT_EQ(Secret("short").view(), "short");
  EXPECT_EQ(Secret("").view(), "");
  EXPECT_EQ(Secret().view(), "");
}

// A short string's bytes would be copied, and stay in what it was.
TEST(SecretTest, ItsBytesStayWhereTheyAreWhenItMoves) {
  Secret one("short");
  const char* const place = one.view().data();
  Secret other(std::move(one));
  EXPECT_EQ(other.view().data(), place);
  EXPECT_EQ(one.view(), "");
  Secret third("of another");
  third = std::move(other);
  EXPECT_EQ(third.view().data(), place);
  EXPECT_EQ(third.view(), "short");
}

TEST(SecretTest, LivesInContainersThatGrow) {
  std::vector<Secret> secrets;
  for (int i = 0; i < 100; ++i) secrets.emplace_back(i % 2 == 0 ? "even" : "odd");
  for (int i = 0; i < 100; ++i) EXPECT_EQ(secrets[i].view(), i % 2 == 0 ? "even" : "odd");
}

}  // namespace
}  // namespace holdfast::auth
