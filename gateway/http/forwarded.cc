#include "gateway/http/forwarded.h"

#include <algorithm>
#include <utility>

#include "gateway/http/header_list.h"
#include "gateway/http/syntax.h"

namespace holdfast::http {
namespace {

char* Put(std::string_view text, char* to) { return std::ranges::copy(text, to).out; }

// RFC 9110 section 5.6.4. What is no token needs it, and a token may have it.
char* PutQuoted(std::string_view text, char* to) {
  *to++ = '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') *to++ = '\\';
    *to++ = c;
  }
  *to++ = '"';
  return to;
}

// RFC 7239 section 6: IPv6 is in brackets, and those are in quotes.
char* PutNode(std::string_view ip, char* to) {
  if (ip.empty()) return Put("unknown", to);
  if (ip.find(':') == std::string_view::npos) return Put(ip, to);
  return Put("]\"", Put(ip, Put("\"[", to)));
}

// Whether the quote at `at` is the second of a quoted pair.
bool Escaped(std::string_view text, size_t at) {
  size_t backslashes = 0;
  while (backslashes < at && text[at - backslashes - 1] == '\\') ++backslashes;
  return backslashes % 2 == 1;
}

// Takes what comes before the next semicolon that is in no quotes.
std::string_view TakePair(std::string_view* element) {
  bool quoted = false;
  size_t end = 0;
  for (; end < element->size(); ++end) {
    const char c = (*element)[end];
    if (quoted && c == '\\') {
      ++end;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ';' && !quoted) {
      break;
    }
  }
  end = std::min(end, element->size());
  const std::string_view pair = element->substr(0, end);
  element->remove_prefix(std::min(end + 1, element->size()));
  return pair;
}

// Without its quotes. Empty when it is cut short, or has quoted pairs, which no node needs.
std::string_view Unquoted(std::string_view value) {
  if (!value.starts_with('"')) {
    return value.find('"') == std::string_view::npos ? value : std::string_view();
  }
  if (value.size() < 2 || !value.ends_with('"')) return {};
  value = value.substr(1, value.size() - 2);
  return value.find_first_of("\"\\") == std::string_view::npos ? value : std::string_view();
}

}  // namespace

char* WriteForwardedElement(const ForwardedElement& element, char* to) {
  to = PutNode(element.ip, Put("for=", to));
  if (!element.host.empty()) {
    to = Put(";host=", to);
    to = IsToken(element.host) ? Put(element.host, to) : PutQuoted(element.host, to);
  }
  if (!element.proto.empty()) to = Put(element.proto, Put(";proto=", to));
  return to;
}

std::string_view TakeLastForwarded(std::string_view* list) {
  bool quoted = false;
  for (size_t i = list->size(); i-- > 0;) {
    const char c = (*list)[i];
    if (c == '"') {
      if (!quoted || !Escaped(*list, i)) quoted = !quoted;
    } else if (c == ',' && !quoted) {
      const std::string_view last = list->substr(i + 1);
      *list = list->substr(0, i);
      return TrimWhiteSpace(last);
    }
  }
  return TrimWhiteSpace(std::exchange(*list, {}));
}

std::string_view ForwardedNode(std::string_view element) {
  std::string_view node;
  while (!element.empty()) {
    const std::string_view pair = TrimWhiteSpace(TakePair(&element));
    const size_t equals = pair.find('=');
    if (equals == std::string_view::npos) {
      if (pair.empty()) continue;
      return {};
    }
    if (!EqualsIgnoreCase(pair.substr(0, equals), "for")) continue;
    if (!node.empty()) return {};
    node = Unquoted(pair.substr(equals + 1));
    if (node.empty()) return {};
  }
  return node;
}

}  // namespace holdfast::http
