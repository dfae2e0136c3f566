#ifndef HOLDFAST_GATEWAY_CONFIG_PROXY_CONFIG_H_
#define HOLDFAST_GATEWAY_CONFIG_PROXY_CONFIG_H_

#include <span>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>

#include "gateway/config/config.h"

namespace holdfast::config {

// The configuration of `holdfast proxy --from BIND --to ENDPOINT [--to ENDPOINT ...]`: one
// listener, every request to one upstream "to", the defaults for the rest. The error names the flag
// and what was expected.
absl::StatusOr<Config> MakeProxyConfig(std::string_view from, std::span<const std::string> to);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_PROXY_CONFIG_H_
