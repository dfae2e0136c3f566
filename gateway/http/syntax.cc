#include "gateway/http/syntax.h"

namespace holdfast::http {

bool IsToken(std::string_view text) {
  for (char byte : text) {
    if (!IsTokenByte(byte)) return false;
  }
  return !text.empty();
}

int HexValue(char byte) {
  if (IsDigit(byte)) return byte - '0';
  const char lower = static_cast<char>(byte | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool ListReader::Next(std::string_view* element) {
  if (done_) return false;
  const size_t comma = rest_.find(',');
  if (comma == std::string_view::npos) {
    *element = TrimWhiteSpace(rest_);
    done_ = true;
  } else {
    *element = TrimWhiteSpace(rest_.substr(0, comma));
    rest_.remove_prefix(comma + 1);
  }
  return true;
}

}  // namespace holdfast::http
