#include "gateway/config/server_name.h"

#include <utility>

namespace holdfast::config {
namespace {

std::optional<std::string> HostOfEndpoint(const Endpoint& endpoint) {
  if (endpoint.srv) return std::nullopt;
  if (!endpoint.literal.has_value()) return endpoint.host;
  if (!endpoint.literal->is_ip()) return std::nullopt;
  return endpoint.literal->Ip();
}

}  // namespace

std::optional<std::string> ServerNameOf(const Upstream& upstream) {
  if (upstream.tls.has_value() && !upstream.tls->server_name.empty()) {
    return upstream.tls->server_name;
  }
  std::optional<std::string> name;
  for (const Endpoint& endpoint : upstream.endpoints) {
    std::optional<std::string> host = HostOfEndpoint(endpoint);
    if (!host.has_value() || (name.has_value() && *name != *host)) return std::nullopt;
    name = std::move(host);
  }
  return name;
}

}  // namespace holdfast::config
