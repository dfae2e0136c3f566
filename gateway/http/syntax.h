#ifndef HOLDFAST_GATEWAY_HTTP_SYNTAX_H_
#define HOLDFAST_GATEWAY_HTTP_SYNTAX_H_

#include <array>
#include <cstddef>
#include <string_view>

namespace holdfast::http {

// The byte classes of RFC 9110 section 5.6 that several files need. All pure.

constexpr std::array<bool, 256> TokenByteTable() {
  std::array<bool, 256> table{};
  for (unsigned char byte : std::string_view("!#$%&'*+-.^_`|~0123456789"
                                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                             "abcdefghijklmnopqrstuvwxyz")) {
    table[byte] = true;
  }
  return table;
}
inline constexpr std::array<bool, 256> kTokenBytes = TokenByteTable();

inline bool IsTokenByte(char byte) { return kTokenBytes[static_cast<unsigned char>(byte)]; }
bool IsToken(std::string_view text);

inline bool IsDigit(char byte) { return byte >= '0' && byte <= '9'; }

// The value of a hexadecimal digit, or -1.
int HexValue(char byte);

// Field values, reason phrases and chunk extensions: HTAB, SP, visible characters and obs-text.
inline bool IsValueByte(char byte) {
  const auto code = static_cast<unsigned char>(byte);
  return code >= 0x20 ? code != 0x7f : code == '\t';
}

inline bool IsWhiteSpace(char byte) {
  // Nearly every byte that is asked about is above both.
  return static_cast<unsigned char>(byte) <= ' ' && (byte == ' ' || byte == '\t');
}

// Without the spaces and tabs at both ends.
inline std::string_view TrimWhiteSpace(std::string_view text) {
  const char* begin = text.data();
  const char* end = begin + text.size();
  while (begin != end && IsWhiteSpace(*begin)) ++begin;
  while (end != begin && IsWhiteSpace(end[-1])) --end;
  return {begin, static_cast<size_t>(end - begin)};
}

// The elements of a comma-separated list of tokens, trimmed. Empty ones are given too, so that a
// strict caller can refuse them: a value with n commas has n + 1 elements. It does not know quoted
// strings.
class ListReader {
 public:
  explicit ListReader(std::string_view list) : rest_(list) {}
  // False at the end.
  bool Next(std::string_view* element);

 private:
  std::string_view rest_;
  bool done_ = false;
};

}  // namespace holdfast::http

#endif  // HOLDFAST_GATEWAY_HTTP_SYNTAX_H_
