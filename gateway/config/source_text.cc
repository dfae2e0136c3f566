#include "gateway/config/source_text.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace holdfast::config {
namespace {

constexpr int kMaxShownCharacters = 120;
constexpr int kShownBeforeCaret = 60;

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// What is wrong with the character of `length` bytes at the front of `text`, if anything is.
std::optional<std::string> Complaint(std::string_view text, size_t length) {
  if (length == 0) return "this is not UTF-8 text";
  if (IsPrintable(text.substr(0, length)) || text[0] == '\n' || text.starts_with("\r\n")) {
    return std::nullopt;
  }
  if (text[0] == '\0') return "NUL byte; expected plain text";
  if (text[0] == '\r') return "carriage return without a line feed";
  return "control character; expected plain text";
}

// The line's characters, each as the bytes to show.
std::vector<std::string_view> Printable(std::string_view line) {
  std::vector<std::string_view> characters;
  while (!line.empty()) {
    const std::string_view character = line.substr(0, std::max<size_t>(1, Utf8Length(line)));
    characters.push_back(IsPrintable(character) ? character : std::string_view("?"));
    line.remove_prefix(character.size());
  }
  return characters;
}

std::string_view FindLine(std::string_view text, int line) {
  for (; line > 1; --line) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  text = text.substr(0, text.find('\n'));
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

}  // namespace

size_t Utf8Length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if (!IsContinuation(text[i])) return 0;
  }
  const auto second = static_cast<unsigned char>(text[1]);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool surrogate = first == 0xed && second >= 0xa0;
  const bool too_large = first == 0xf4 && second >= 0x90;
  return overlong || surrogate || too_large ? 0 : length;
}

bool IsPrintable(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (Utf8Length(character) != character.size()) return false;
  if (character.size() == 1) return (first >= 0x20 && first != 0x7f) || first == '\t';
  return first != 0xc2 || static_cast<unsigned char>(character[1]) >= 0xa0;  // C1 controls
}

std::optional<EncodingError> FindEncodingError(std::string_view text) {
  Position position{1, 1};
  while (!text.empty()) {
    const size_t length = Utf8Length(text);
    if (std::optional<std::string> complaint = Complaint(text, length)) {
      return EncodingError{position, *std::move(complaint)};
    }
    if (text[0] == '\n') {
      position = {position.line + 1, 1};
    } else {
      ++position.column;
    }
    text.remove_prefix(length);
  }
  return std::nullopt;
}

SourceLine ExtractLine(std::string_view text, Position position) {
  if (position.line < 1) return {};
  const std::vector<std::string_view> characters = Printable(FindLine(text, position.line));
  const int count = static_cast<int>(characters.size());
  const int caret = std::clamp(position.column - 1, 0, count);
  const bool cut = count > kMaxShownCharacters;
  const int begin = cut ? std::max(0, caret - kShownBeforeCaret) : 0;
  const int end = cut ? std::min(count, begin + kMaxShownCharacters) : count;
  SourceLine line;
  if (begin > 0) line.text = "...";
  line.caret = caret - begin + static_cast<int>(line.text.size());
  for (int i = begin; i < end; ++i) line.text.append(characters[static_cast<size_t>(i)]);
  if (end < count) line.text += "...";
  return line;
}

}  // namespace holdfast::config
