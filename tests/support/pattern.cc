#include "tests/support/pattern.h"

#include <cstring>

namespace holdfast::support {

std::string Pattern(size_t bytes, uint64_t seed) {
  constexpr uint64_t kSixBits = 0x3f3f3f3f3f3f3f3f;
  constexpr uint64_t kDigitZero = 0x3030303030303030;
  std::string text(bytes + sizeof(uint64_t), ' ');
  uint64_t state = seed;
  for (size_t at = 0; at < bytes; at += sizeof(uint64_t)) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const uint64_t printable = ((state ^ state >> 29) & kSixBits) + kDigitZero;
    std::memcpy(text.data() + at, &printable, sizeof(printable));
  }
  text.resize(bytes);
  return text;
}

}  // namespace holdfast::support
