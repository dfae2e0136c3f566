#include "gateway/fetch/url.h"

#include <algorithm>

#include "gateway/http/target.h"
#include "pool/net/socket_address.h"

namespace holdfast::fetch {
namespace {

constexpr std::string_view kScheme = "https://";
constexpr std::string_view kClearScheme = "http://";
constexpr uint16_t kClearPort = 80;
constexpr size_t kMaxUrl = 4096;

}  // namespace

bool Url::loopback() const {
  if (host == "localhost" || host == "::1") return true;
  return host.starts_with("127.") && pool::SocketAddress::FromIp(host, port).has_value();
}

bool SameOrigin(const Url& a, const Url& b) {
  return a.clear == b.clear && a.host == b.host && a.port == b.port;
}

std::optional<Url> ParseUrl(std::string_view url) {
  const bool clear = url.starts_with(kClearScheme);
  if ((!clear && !url.starts_with(kScheme)) || url.size() > kMaxUrl) return std::nullopt;
  const bool visible =
      std::ranges::all_of(url, [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
  if (!visible) return std::nullopt;
  const std::string_view rest = url.substr((clear ? kClearScheme : kScheme).size());
  const size_t end = std::min(rest.find_first_of("/?"), rest.size());
  const std::string_view text = rest.substr(0, end);
  const std::optional<http::Authority> authority = http::ParseAuthority(text);
  if (!authority.has_value() || authority->host.empty() || authority->port == 0) {
    return std::nullopt;
  }
  Url parsed{.clear = clear,
             .host = std::string(authority->host),
             .authority = std::string(http::WithoutEmptyPort(text)),
             .target = std::string(rest.substr(end))};
  if (parsed.host.starts_with('[')) parsed.host = parsed.host.substr(1, parsed.host.size() - 2);
  if (clear) parsed.port = kClearPort;
  if (authority->port > 0) parsed.port = static_cast<uint16_t>(authority->port);
  if (!parsed.target.starts_with('/')) parsed.target.insert(0, 1, '/');
  return parsed;
}

}  // namespace holdfast::fetch
