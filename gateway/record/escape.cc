#include "gateway/record/escape.h"

#include <cstddef>

namespace holdfast::record {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

// The length of the valid UTF-8 sequence at the start of `text`, 0 when there is none (RFC 3629).
size_t Utf8Length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](size_t i, unsigned char low, unsigned char high) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1, 0x80, 0xBF) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const unsigned char low = first == 0xE0 ? 0xA0 : 0x80;
    const unsigned char high = first == 0xED ? 0x9F : 0xBF;
    return continues(1, low, high) && continues(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const unsigned char low = first == 0xF0 ? 0x90 : 0x80;
    const unsigned char high = first == 0xF4 ? 0x8F : 0xBF;
    return continues(1, low, high) && continues(2, 0x80, 0xBF) && continues(3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

void AppendHexByte(unsigned char byte, std::string* out) {
  out->push_back(kHexDigits[byte >> 4]);
  out->push_back(kHexDigits[byte & 15]);
}

// What AppendQuotedText escapes of a valid sequence; empty: it stays.
std::string_view WorksOnLines(std::string_view sequence, std::string* scratch) {
  if (sequence == "\xe2\x80\xa8") return "\\u2028";
  if (sequence == "\xe2\x80\xa9") return "\\u2029";
  if (sequence.size() != 2 || sequence[0] != '\xc2') return {};
  const auto second = static_cast<unsigned char>(sequence[1]);
  if (second > 0x9F) return {};
  *scratch = "\\u00";
  AppendHexByte(second, scratch);
  return *scratch;
}

template <bool kLines>
void AppendEscaped(std::string_view text, std::string* out) {
  std::string scratch;  // of six bytes: never allocates
  while (!text.empty()) {
    const unsigned char c = static_cast<unsigned char>(text[0]);
    size_t length = 1;
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(text[0]);
    } else if (c >= 0x20 && c != 0x7F && (length = Utf8Length(text)) > 0) {
      const std::string_view sequence = text.substr(0, length);
      const std::string_view escaped =
          kLines && length > 1 ? WorksOnLines(sequence, &scratch) : std::string_view();
      out->append(escaped.empty() ? sequence : escaped);
    } else {
      out->append("\\u00");
      AppendHexByte(c, out);
      length = 1;
    }
    text.remove_prefix(length);
  }
}

}  // namespace

void AppendJsonText(std::string_view text, std::string* out) {
  AppendEscaped</*kLines=*/false>(text, out);
}

void AppendQuotedText(std::string_view text, std::string* out) {
  AppendEscaped</*kLines=*/true>(text, out);
}

void AppendHexText(std::string_view text, bool bare, std::string* out) {
  constexpr char kCapitals[] = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool stays = byte > 0x20 && byte < 0x7F && c != '"' && c != '\\';
    if (stays || (c == ' ' && !bare)) {
      out->push_back(c);
      continue;
    }
    out->append("\\x");
    out->push_back(kCapitals[byte >> 4]);
    out->push_back(kCapitals[byte & 15]);
  }
}

}  // namespace holdfast::record
