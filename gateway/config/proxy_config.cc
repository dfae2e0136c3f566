#include "gateway/config/proxy_config.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "gateway/config/schema.h"
#include "gateway/config/server_name.h"

namespace holdfast::config {
namespace {

constexpr std::string_view kHttp = "http://";
constexpr std::string_view kHttps = "https://";

absl::Status FlagError(std::string_view flag, std::string_view value, std::string_view expected) {
  const std::string message = std::string(flag) + ": expected " + std::string(expected) +
                              "; found '" + std::string(value) + "'";
  return absl::InvalidArgumentError(message);
}

struct Target {
  Endpoint endpoint;
  bool tls = false;
};

std::optional<Target> ParseTarget(std::string_view text) {
  const bool https = text.starts_with(kHttps);
  if (!https && !text.starts_with(kHttp)) {
    std::optional<Endpoint> endpoint = ParseEndpoint(text);
    if (!endpoint.has_value()) return std::nullopt;
    return Target{.endpoint = *std::move(endpoint)};
  }
  std::string origin(text.substr((https ? kHttps : kHttp).size()));
  if (origin.ends_with('/')) origin.pop_back();
  if (origin.starts_with("unix:")) return std::nullopt;
  std::optional<Endpoint> endpoint = ParseEndpoint(origin);
  if (!endpoint.has_value()) endpoint = ParseEndpoint(origin + (https ? ":443" : ":80"));
  if (!endpoint.has_value()) return std::nullopt;
  return Target{.endpoint = *std::move(endpoint), .tls = https};
}

absl::Status AddEndpoints(std::span<const std::string> to, Upstream* upstream) {
  size_t with_tls = 0;
  for (const std::string& text : to) {
    std::optional<Target> target = ParseTarget(text);
    if (!target) {
      return FlagError("--to", text,
                       std::string(kEndpointExpectation) +
                           ", or https://host with or without a port, but no path");
    }
    const std::string& name = target->endpoint.text;
    if (std::ranges::find(upstream->endpoints, name, &Endpoint::text) !=
        upstream->endpoints.end()) {
      return absl::InvalidArgumentError("--to: '" + text + "' is given twice");
    }
    if (target->tls) ++with_tls;
    upstream->endpoints.push_back(std::move(target->endpoint));
  }
  if (upstream->endpoints.empty()) {
    return absl::InvalidArgumentError("--to: expected at least one endpoint");
  }
  if (with_tls == 0) return absl::OkStatus();
  if (with_tls != upstream->endpoints.size()) {
    return absl::InvalidArgumentError("--to: expected https:// for all endpoints, or for none");
  }
  upstream->tls.emplace();
  if (!ServerNameOf(*upstream).has_value()) {
    return absl::InvalidArgumentError(
        "--to: expected one host in all https:// endpoints, since it is whom their certificates "
        "have to be for; a configuration file can say more (tls: {server_name: ...})");
  }
  return absl::OkStatus();
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
  listener.errors.detail = ErrorDetail::kFull;  // who starts it by hand is who reads them

  Upstream& upstream = config.upstreams.emplace_back();
  upstream.name = "to";
  if (absl::Status status = AddEndpoints(to, &upstream); !status.ok()) return status;
  config.routes.emplace_back().name = "proxy";
  return config;
}

}  // namespace holdfast::config
