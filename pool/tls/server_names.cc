#include "pool/tls/server_names.h"

#include <algorithm>

#include "pool/net/socket_address.h"

namespace holdfast::pool {
namespace {

constexpr size_t kMaxName = 253;  // RFC 1035 section 2.3.4, as text

// Letters in lower case, no dot at the end; empty: no name.
std::string Normalised(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > kMaxName || name.starts_with('.')) return {};
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c <= ' ' || c >= '\x7f') return {};
  }
  return lower;
}

}  // namespace

bool ServerNames::Add(std::string_view name, size_t owner) {
  const std::string normal = Normalised(name);
  if (normal.starts_with("*.") && normal.find('*', 1) == std::string::npos) {
    return wildcards_.emplace(normal.substr(1), owner).second;
  }
  if (normal.empty() || normal.find('*') != std::string::npos) return false;
  return exact_.emplace(normal, owner).second;
}

std::optional<size_t> ServerNames::Find(std::string_view host) const {
  const std::string normal = Normalised(host);
  if (normal.empty() || SocketAddress::FromIp(normal, 0).has_value()) return std::nullopt;
  if (const auto found = exact_.find(normal); found != exact_.end()) return found->second;
  const size_t dot = normal.find('.');
  if (dot == 0 || dot == std::string::npos) return std::nullopt;
  const auto found = wildcards_.find(normal.substr(dot));
  return found != wildcards_.end() ? std::optional(found->second) : std::nullopt;
}

}  // namespace holdfast::pool
