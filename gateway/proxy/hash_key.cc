#include "gateway/proxy/hash_key.h"

#include "gateway/http/cookies.h"
#include "pool/key_hash.h"

namespace holdfast::proxy {
namespace {

std::string_view HeaderOf(const http::RequestHead& head, std::string_view name) {
  for (const http::HeaderField& field : head.headers.fields()) {
    if (!field.dropped && http::EqualsIgnoreCase(field.name, name)) return field.value;
  }
  return {};
}

std::string_view ValueOf(const config::HashKey& key, const http::RequestHead& head,
                         std::string_view client_ip) {
  switch (key.source) {
    case config::HashKey::Source::kClientAddress: break;
    case config::HashKey::Source::kPath: return head.path;
    case config::HashKey::Source::kHeader: return HeaderOf(head, key.name);
    case config::HashKey::Source::kCookie: return http::CookieOf(head.headers, key.name);
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
