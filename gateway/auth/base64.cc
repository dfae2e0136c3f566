#include "gateway/auth/base64.h"

#include <cstdint>

namespace holdfast::auth {
namespace {

// The two letters that come last.
struct LastLetters {
  char of_62;
  char of_63;
};

// -1: no letter of it.
int ValueOf(char c, LastLetters last) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == last.of_62) return 62;
  return c == last.of_63 ? 63 : -1;
}

std::optional<size_t> DecodeUnpadded(std::string_view text, LastLetters last, std::span<char> out) {
  // A letter alone is no byte.
  if (text.size() % 4 == 1 || text.size() / 4 * 3 + text.size() % 4 * 3 / 4 > out.size()) {
    return std::nullopt;
  }
  uint32_t bits = 0;
  int count = 0;  // of those in `bits` that are not written yet
  size_t written = 0;
  for (const char c : text) {
    const int value = ValueOf(c, last);
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out[written++] = static_cast<char>(bits >> count);
      bits &= (uint32_t{1} << count) - 1;
    }
  }
  if (bits != 0) return std::nullopt;
  return written;
}

}  // namespace

std::optional<size_t> DecodeBase64(std::string_view text, std::span<char> out) {
  if (text.ends_with('=')) {
    if (text.size() % 4 != 0) return std::nullopt;
    text.remove_suffix(text.ends_with("==") ? 2 : 1);
  }
  return DecodeUnpadded(text, {.of_62 = '+', .of_63 = '/'}, out);
}

std::optional<size_t> DecodeBase64Url(std::string_view text, std::span<char> out) {
  return DecodeUnpadded(text, {.of_62 = '-', .of_63 = '_'}, out);
}

}  // namespace holdfast::auth
