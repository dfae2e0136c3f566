#include "gateway/auth/token_rules.h"

#include <gtest/gtest.h>

namespace holdfast::auth {
namespace {

TEST(TokenRulesTest, KeysAreInAFileOrAtAUrl) {
  EXPECT_FALSE(TokenRules{.jwks = "/etc/jwks.json"}.by_url());
  EXPECT_TRUE(TokenRules{.jwks = "https://i.test/jwks.json"}.by_url());
  EXPECT_TRUE(TokenRules{.jwks = "http://127.0.0.1/"}.by_url());
  EXPECT_EQ(TokenRules().jwks_ca, TokenRules::kSystemAuthorities);
}

}  // namespace
}  // namespace holdfast::auth
