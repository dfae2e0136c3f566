#ifndef HOLDFAST_GATEWAY_CONFIG_SOURCE_TEXT_H_
#define HOLDFAST_GATEWAY_CONFIG_SOURCE_TEXT_H_

#include <compare>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::config {

// A place in a text: line and column from 1, the column in characters.
struct Position {
  int line = 0;
  int column = 0;
  int file = 0;  // which of a Report's texts; 0 is the configuration file itself

  bool operator==(const Position&) const = default;
  // A file after another, each from its beginning.
  std::strong_ordering operator<=>(const Position& other) const {
    if (file != other.file) return file <=> other.file;
    return line != other.line ? line <=> other.line : column <=> other.column;
  }
};

struct EncodingError {
  Position position;
  std::string message;
};

// Finds the first byte that a configuration must not hold: NUL and other control characters (a
// terminal that shows the line would obey them), a carriage return that is not part of a line end,
// and anything that is not UTF-8.
std::optional<EncodingError> FindEncodingError(std::string_view text);

// The length in bytes of the UTF-8 character with which `text` begins (RFC 3629: no overlong forms,
// no surrogates); 0 when it is none. `text` is not empty.
size_t Utf8Length(std::string_view text);

// Whether the bytes are one character that a terminal shows and does not obey: no control
// character but the tab.
bool IsPrintable(std::string_view character);

// A line (from 1) without its end, made fit for a terminal: bytes that are not printable become
// '?', and of a very long line only the part around `column` is kept. Empty when there is no such
// line.
struct SourceLine {
  std::string text;
  int caret = 0;  // where the column is in `text`, in characters from 0
};
SourceLine ExtractLine(std::string_view text, Position position);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_SOURCE_TEXT_H_
