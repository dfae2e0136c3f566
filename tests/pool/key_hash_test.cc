#include "pool/key_hash.h"

#include <set>

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

// Of an implementation apart, after the specification. A change of any of them moves keys between
// endpoints wherever two versions run side by side.
TEST(KeyHashTest, IsXxh64) {
  EXPECT_EQ(HashBytes(""), 0xEF46DB3751D8E999u);
  EXPECT_EQ(HashBytes("a"), 0xD24EC4F1A98C6E5Bu);
  EXPECT_EQ(HashBytes("abc"), 0x44BC2CF5AD770999u);
  EXPECT_EQ(HashBytes("The quick brown fox jumps over the lazy dog, and 39 bytes are not enough "
                      "for it."),
            0x95CB8698DCC4E856u);
}

TEST(KeyHashTest, TheSeedCounts) { EXPECT_EQ(HashBytes("a", 1), 0xDEC2BC81C3CD46C6u); }

TEST(KeyHashTest, AViewNeedNotEndInNul) {
  EXPECT_EQ(HashBytes(std::string_view("abcdef", 3)), HashBytes("abc"));
  EXPECT_NE(HashBytes(std::string_view("a\0b", 3)), HashBytes("a"));
}

// SplitMix64's, as published with it.
TEST(KeyHashTest, TheNextHashIsSplitMix) {
  EXPECT_EQ(NextHash(0), 0xE220A8397B1DCDAFu);
  EXPECT_EQ(NextHash(1), 0x910A2DEC89025CC1u);
}

TEST(KeyHashTest, HashesInARowDoNotRepeat) {
  std::set<uint64_t> seen;
  uint64_t hash = 42;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert(hash = NextHash(hash)).second);
}

}  // namespace
}  // namespace holdfast::pool
