#ifndef HOLDFAST_GATEWAY_CONFIG_PROXY_CONFIG_H_
#define HOLDFAST_GATEWAY_CONFIG_PROXY_CONFIG_H_

#include <span>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>

#include "gateway/config/config.h"

namespace holdfast::config {

// Where health and metrics are unless said otherwise.
inline constexpr std::string_view kDefaultStatus = "127.0.0.1:9900";

// The configuration of `holdfast proxy --from BIND --to ENDPOINT [--to ENDPOINT ...]`: one
// listener, every request to one upstream "to", the defaults for the rest. An endpoint may be
// "https://host[:port]": all have to be then, with one host, which is verified by the system's
// authorities; "http://host[:port]" is one without TLS. `status` is an address or "off". The error
// names the flag and what was expected.
absl::StatusOr<Config> MakeProxyConfig(std::string_view from, std::span<const std::string> to,
                                       std::string_view status = kDefaultStatus);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_PROXY_CONFIG_H_
