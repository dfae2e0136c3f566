#include "gateway/auth/token_cache.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace holdfast::auth {
namespace {

using std::chrono::seconds;

pool::WallTime At(int second) { return pool::WallTime(seconds(second)); }

TokenCache::Key KeyOf(size_t number) {
  TokenCache::Key key{};
  for (uint8_t& byte : key) {
    byte = static_cast<uint8_t>(number);
    number >>= 8;
  }
  return key;
}

std::shared_ptr<const GoodToken> Until(int second, const std::string& value = "") {
  auto token = std::make_shared<GoodToken>();
  token->until = At(second);
  token->values.emplace_back(value);
  return token;
}

TEST(TokenCacheTest, KnowsATokenUntilItEnds) {
  TokenCache cache;
  EXPECT_EQ(cache.Find(KeyOf(1), At(0)), nullptr);
  const auto token = Until(10, "ann");
  cache.Put(KeyOf(1), token);
  EXPECT_EQ(cache.Find(KeyOf(1), At(0)), token);
  EXPECT_EQ(cache.Find(KeyOf(1), At(9)), token);
  EXPECT_EQ(cache.Find(KeyOf(2), At(0)), nullptr);
  EXPECT_EQ(cache.Find(KeyOf(1), At(10)), nullptr);
  EXPECT_EQ(cache.size(), 0u);
  EXPECT_EQ(cache.bytes(), 0u);
  EXPECT_EQ(*token->values[0], "ann") << "whoever uses it has it still";
}

TEST(TokenCacheTest, ANewOneReplacesTheOldOne) {
  TokenCache cache;
  cache.Put(KeyOf(1), Until(10, std::string(100, 'x')));
  const size_t bytes = cache.bytes();
  cache.Put(KeyOf(1), Until(20));
  EXPECT_EQ(cache.size(), 1u);
  EXPECT_EQ(cache.bytes(), bytes - 100);
  EXPECT_NE(cache.Find(KeyOf(1), At(15)), nullptr);
}

TEST(TokenCacheTest, TheLeastRecentlyUsedGivesWay) {
  TokenCache cache;
  for (size_t i = 0; i < TokenCache::kMaxTokens; ++i) cache.Put(KeyOf(i), Until(10));
  EXPECT_NE(cache.Find(KeyOf(0), At(0)), nullptr);
  cache.Put(KeyOf(TokenCache::kMaxTokens), Until(10));
  EXPECT_EQ(cache.size(), TokenCache::kMaxTokens);
  EXPECT_NE(cache.Find(KeyOf(0), At(0)), nullptr);
  EXPECT_EQ(cache.Find(KeyOf(1), At(0)), nullptr);
  EXPECT_NE(cache.Find(KeyOf(2), At(0)), nullptr);
}

TEST(TokenCacheTest, LongValuesAreBoundedInBytes) {
  TokenCache cache;
  constexpr size_t kLong = 6000;
  for (size_t i = 0; i < 3000; ++i) {
    cache.Put(KeyOf(i), Until(10, std::string(kLong, 'x')));
    ASSERT_LE(cache.bytes(), TokenCache::kMaxBytes);
  }
  EXPECT_GT(cache.bytes(), TokenCache::kMaxBytes - 2 * kLong);
  EXPECT_NE(cache.Find(KeyOf(2999), At(0)), nullptr);
  EXPECT_EQ(cache.Find(KeyOf(0), At(0)), nullptr);
}

}  // namespace
}  // namespace holdfast::auth
