#ifndef HOLDFAST_GATEWAY_HTTP_LETTER_CASE_H_
#define HOLDFAST_GATEWAY_HTTP_LETTER_CASE_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace holdfast::http {

// The case of ASCII letters, eight bytes at a time. Pure functions, on the hot path.

inline constexpr uint64_t kEachByte = 0x0101010101010101u;

// The highest bit of each byte that is one of A to Z.
inline uint64_t CapitalsOf(uint64_t word) {
  const uint64_t seven_bits = word & (kEachByte * 0x7f);
  const uint64_t from_a = seven_bits + kEachByte * (0x80 - 'A');
  const uint64_t past_z = seven_bits + kEachByte * (0x7f - 'Z');
  return (from_a ^ past_z) & ~word & (kEachByte * 0x80);
}

// Makes the letters of a text small, and leaves everything else as it is.
inline void LowerCase(char* text, size_t size) {
  uint64_t word = 0;
  const auto lower_at = [&](char* at, size_t bytes) {
    std::memcpy(&word, at, bytes);
    word |= CapitalsOf(word) >> 2;
    std::memcpy(at, &word, bytes);
  };
  if (size >= sizeof word) {
    const size_t last = size - sizeof word;
    for (size_t i = 0; i < last; i += sizeof word) lower_at(text + i, sizeof word);
    lower_at(text + last, sizeof word);
  } else if (size >= 4) {
    lower_at(text, 4);
    lower_at(text + size - 4, 4);
  } else {
    for (size_t i = 0; i < size; ++i) lower_at(text + i, 1);
  }
}

}  // namespace holdfast::http

#endif  // HOLDFAST_GATEWAY_HTTP_LETTER_CASE_H_
