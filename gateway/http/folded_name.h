#ifndef HOLDFAST_GATEWAY_HTTP_FOLDED_NAME_H_
#define HOLDFAST_GATEWAY_HTTP_FOLDED_NAME_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace holdfast::http {

// The first and the last bytes of a name, in lower case, as numbers that are compared at once; of
// up to kFoldedBytes none is left out. A pure value, for bytes that may stand in a field line.
// Setting one bit makes a letter small and leaves the other bytes of names as they are, but for '^'
// and '_', which are in none that is known.
struct FoldedEnds {
  uint64_t first = 0;
  uint64_t last = 0;
  bool operator==(const FoldedEnds&) const = default;
};

inline constexpr size_t kFoldedBytes = 16;

template <typename Word>
constexpr Word FoldedWord(std::string_view name, size_t at) {
  Word word = 0;
  if (std::is_constant_evaluated()) {
    for (size_t i = 0; i < sizeof word; ++i) {
      const size_t place = std::endian::native == std::endian::little ? i : sizeof word - 1 - i;
      word |= static_cast<Word>(static_cast<Word>(name[at + i]) << (8 * place));
    }
  } else {
    std::memcpy(&word, name.data() + at, sizeof word);
  }
  return word | static_cast<Word>(0x2020202020202020u);
}

template <typename Word>
constexpr FoldedEnds FoldedEndsOf(std::string_view name) {
  return {FoldedWord<Word>(name, 0), FoldedWord<Word>(name, name.size() - sizeof(Word))};
}

// Of a name of two bytes or more.
constexpr FoldedEnds Fold(std::string_view name) {
  if (name.size() >= 8) return FoldedEndsOf<uint64_t>(name);
  if (name.size() >= 4) return FoldedEndsOf<uint32_t>(name);
  if (name.size() >= 2) return FoldedEndsOf<uint16_t>(name);
  return {};
}

}  // namespace holdfast::http

#endif  // HOLDFAST_GATEWAY_HTTP_FOLDED_NAME_H_
