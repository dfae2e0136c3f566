#ifndef HOLDFAST_GATEWAY_CONFIG_SERVER_NAME_H_
#define HOLDFAST_GATEWAY_CONFIG_SERVER_NAME_H_

#include <optional>
#include <string>

#include "gateway/config/config.h"

namespace holdfast::config {

// Whom an upstream with `tls` is asked for, and whose certificate is expected: its server_name, or
// else the host or address that all of its endpoints have. nullopt: they have several, or none (a
// UNIX socket, SRV records). Pure.
std::optional<std::string> ServerNameOf(const Upstream& upstream);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_SERVER_NAME_H_
