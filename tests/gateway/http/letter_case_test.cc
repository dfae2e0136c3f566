#include "gateway/http/letter_case.h"

#include <cctype>
#include <string>

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

constexpr size_t kMaxLength = 20;

// The reference.
std::string Lowered(std::string text) {
  for (char& byte : text) {
    if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte - 'A' + 'a');
  }
  return text;
}

TEST(LetterCase, OfEveryByteAtEveryPlaceOfEveryLength) {
  for (size_t length = 0; length <= kMaxLength; ++length) {
    for (size_t at = 0; at < length; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        for (const char other : {'x', 'X', '\xff'}) {
          std::string text(length, other);
          text[at] = static_cast<char>(byte);
          const std::string expected = Lowered(text);
          // What is before and behind stays as it is.
          text = "Q" + text + "Q";
          LowerCase(text.data() + 1, length);
          ASSERT_EQ(text, "Q" + expected + "Q") << byte << " at " << at << " of " << length;
        }
      }
    }
  }
}

TEST(LetterCase, CapitalsAreMarked) {
  for (int byte = 0; byte < 256; ++byte) {
    const uint64_t expected = byte >= 'A' && byte <= 'Z' ? 0x80u : 0u;
    EXPECT_EQ(CapitalsOf(static_cast<uint64_t>(byte)), expected) << byte;
    EXPECT_EQ(CapitalsOf(static_cast<uint64_t>(byte) << 56), expected << 56) << byte;
  }
}

}  // namespace
}  // namespace holdfast::http
