#include "gateway/proxy/hash_key.h"

#include "gateway/http/syntax.h"
#include "pool/key_hash.h"

namespace holdfast::proxy {
namespace {

// The value in a cookie-string, "a=1; b=2" (RFC 6265 section 4.2.1); white space around names and
// values is passed over, as section 5.2 has it, and so are pairs without '='.
std::string_view CookieIn(std::string_view cookies, std::string_view name) {
  while (!cookies.empty()) {
    const size_t end = cookies.find(';');
    const std::string_view pair = cookies.substr(0, end);
    cookies.remove_prefix(end == std::string_view::npos ? cookies.size() : end + 1);
    const size_t equals = pair.find('=');
    if (equals == std::string_view::npos || http::TrimWhiteSpace(pair.substr(0, equals)) != name)
      continue;
    if (const std::string_view value = http::TrimWhiteSpace(pair.substr(equals + 1));
        !value.empty())
      return value;
  }
  return {};
}

std::string_view CookieOf(const http::RequestHead& head, std::string_view name) {
  for (const http::HeaderField& field : head.headers.fields()) {
    if (field.id != http::FieldId::kCookie) continue;
    if (const std::string_view value = CookieIn(field.value, name); !value.empty()) return value;
  }
  return {};
}

std::string_view HeaderOf(const http::RequestHead& head, std::string_view name) {
  const http::HeaderField* field = head.headers.FindByName(name);
  return field == nullptr ? std::string_view() : field->value;
}

std::string_view ValueOf(const config::HashKey& key, const http::RequestHead& head,
                         std::string_view client_ip) {
  switch (key.source) {
    case config::HashKey::Source::kClientAddress: break;
    case config::HashKey::Source::kPath: return head.path;
    case config::HashKey::Source::kHeader: return HeaderOf(head, key.name);
    case config::HashKey::Source::kCookie: return CookieOf(head, key.name);
  }
  return client_ip;
}

}  // namespace

std::optional<uint64_t> HashOf(const config::HashKey& key, const http::RequestHead& head,
                               std::string_view client_ip) {
  const std::string_view value = ValueOf(key, head, client_ip);
  if (value.empty()) return std::nullopt;
  return pool::HashBytes(value);
}

}  // namespace holdfast::proxy
