#include "pool/net/ipv4_text.h"

#include <arpa/inet.h>

#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

// Texts of such pieces, right ones among them.
TEST(ReadIpv4Test, ReadsAsTheSystemDoes) {
  const std::string_view pieces[] = {"0", "7", "25", "255", "256", "01", ".", "x", " "};
  constexpr int kMost = 7;
  int good = 0;
  uint32_t random = 1;
  for (int i = 0; i < 200'000; ++i) {
    std::string text;
    for (int piece = 0; piece < kMost; ++piece) {
      random = random * 1664525 + 1013904223;
      // Mostly numbers and dots by turns.
      const bool usual = (random >> 28) != 0;
      text += usual && piece % 2 == 1 ? "." : pieces[(random >> 16) % std::size(pieces)];
    }
    in_addr theirs;
    const bool expected = inet_pton(AF_INET, text.c_str(), &theirs) == 1;
    const auto ours = ReadIpv4(text);
    ASSERT_EQ(ours.has_value(), expected) << text;
    if (!expected) continue;
    ++good;
    EXPECT_EQ(*ours, ntohl(theirs.s_addr)) << text;
  }
  EXPECT_GT(good, 1000);
}

}  // namespace
}  // namespace holdfast::pool
