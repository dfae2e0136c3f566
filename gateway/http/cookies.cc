#include "gateway/http/cookies.h"

#include "gateway/http/syntax.h"

namespace holdfast::http {
namespace {

// The value in a cookie-string, "a=1; b=2" (RFC 6265 section 4.2.1).
std::string_view CookieIn(std::string_view cookies, std::string_view name) {
  while (!cookies.empty()) {
    const size_t end = cookies.find(';');
    const std::string_view pair = cookies.substr(0, end);
    cookies.remove_prefix(end == std::string_view::npos ? cookies.size() : end + 1);
    const size_t equals = pair.find('=');
    if (equals == std::string_view::npos || TrimWhiteSpace(pair.substr(0, equals)) != name) {
      continue;
    }
    const std::string_view value = TrimWhiteSpace(pair.substr(equals + 1));
    if (!value.empty()) return value;
  }
  return {};
}

}  // namespace

std::string_view CookieOf(const HeaderList& fields, std::string_view name) {
  for (const HeaderField& field : fields.fields()) {
    if (field.id != FieldId::kCookie) continue;
    if (const std::string_view value = CookieIn(field.value, name); !value.empty()) return value;
  }
  return {};
}

}  // namespace holdfast::http
