#include "gateway/config/proxy_config.h"

#include <algorithm>
#include <utility>

#include "gateway/config/schema.h"

namespace holdfast::config {
namespace {

absl::Status FlagError(std::string_view flag, std::string_view value, std::string_view expected) {
  const std::string message = std::string(flag) + ": expected " + std::string(expected) +
                              "; found '" + std::string(value) + "'";
  return absl::InvalidArgumentError(message);
}

}  // namespace

absl::StatusOr<Config> MakeProxyConfig(std::string_view from, std::span<const std::string> to,
                                       std::string_view status) {
  Config config;
  config.status = ParseBind(status);
  if (!config.status && status != "off") {
    return FlagError("--status", status, std::string(kBindExpectation) + " or off");
  }
  std::optional<Bind> bind = ParseBind(from);
  if (!bind) return FlagError("--from", from, kBindExpectation);
  if (config.status && bind->address == config.status->address &&
      !(bind->address.is_ip() && bind->address.port() == 0)) {
    return FlagError("--from", from, "an address other than that of health and metrics");
  }
  Listener& listener = config.listeners.emplace_back();
  listener.bind = *std::move(bind);
  listener.name = listener.bind.text;

  Upstream& upstream = config.upstreams.emplace_back();
  upstream.name = "to";
  for (const std::string& text : to) {
    std::optional<Endpoint> endpoint = ParseEndpoint(text);
    if (!endpoint) return FlagError("--to", text, kEndpointExpectation);
    if (std::ranges::find(upstream.endpoints, text, &Endpoint::text) != upstream.endpoints.end()) {
      return absl::InvalidArgumentError("--to: '" + text + "' is given twice");
    }
    upstream.endpoints.push_back(*std::move(endpoint));
  }
  if (upstream.endpoints.empty()) {
    return absl::InvalidArgumentError("--to: expected at least one endpoint");
  }
  config.routes.emplace_back().name = "proxy";
  return config;
}

}  // namespace holdfast::config
