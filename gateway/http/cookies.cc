#include "gateway/http/cookies.h"

#include "gateway/http/syntax.h"

namespace holdfast::http {
namespace {

// Takes pairs off a cookie-string, "a=1; b=2" (RFC 6265 section 4.2.1), through the next one of
// that name that has a value, which it returns; empty at the end.
std::string_view TakeValue(std::string_view* cookies, std::string_view name) {
  while (!cookies->empty()) {
    const size_t end = cookies->find(';');
    const std::string_view pair = cookies->substr(0, end);
    cookies->remove_prefix(end == std::string_view::npos ? cookies->size() : end + 1);
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
    std::string_view rest = field.value;
    if (const std::string_view value = TakeValue(&rest, name); !value.empty()) return value;
  }
  return {};
}

std::string_view OneCookieOf(const HeaderList& fields, std::string_view name) {
  std::string_view one;
  for (const HeaderField& field : fields.fields()) {
    if (field.id != FieldId::kCookie) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const std::string_view value = TakeValue(&rest, name);
      if (value.empty()) break;
      if (!one.empty() && value != one) return {};
      one = value;
    }
  }
  return one;
}

}  // namespace holdfast::http
