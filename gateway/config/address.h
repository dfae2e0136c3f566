#ifndef HOLDFAST_GATEWAY_CONFIG_ADDRESS_H_
#define HOLDFAST_GATEWAY_CONFIG_ADDRESS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pool/net/socket_address.h"

namespace holdfast::config {

// A literal address to listen on.
struct Bind {
  std::string text;  // as written: "0.0.0.0:8080", "[::]:8080", ":8080", "unix:/run/holdfast.sock"
  pool::SocketAddress address;
};
// Reads a literal address; null when the text is none. Port 0 asks the kernel for a free one.
std::optional<Bind> ParseBind(std::string_view text);

// One "host:port" or "unix:/path" behind an upstream, or a service that SRV records describe.
struct Endpoint {
  std::string text;   // as written
  std::string host;   // a name, or an IP literal without brackets; empty for UNIX
  uint16_t port = 0;  // 1 to 65535; 0 for UNIX and SRV
  // Set for IP literals and UNIX paths; a name is for the resolver.
  std::optional<pool::SocketAddress> literal;
  bool srv = false;  // `host` is the owner of SRV records (RFC 2782), which bring ports and weights
  uint32_t weight = 1;
  bool backup = false;
};
// Reads "host:port" or "unix:/path"; null when the text is neither.
std::optional<Endpoint> ParseEndpoint(std::string_view text);

// Reads the owner of SRV records (RFC 2782), such as "_http._tcp.web.default.svc"; null when it is
// not one.
std::optional<Endpoint> ParseService(std::string_view text);

// Reads "10.0.0.2:53" or "[fd00::2]:53"; the port is 53 when there is none. Null when it is
// neither, or cannot be asked: an address that is bound to one interface ("fe80::53%eth0").
std::optional<pool::SocketAddress> ParseDnsServer(std::string_view text);

// A host name as DNS takes it (RFC 1123 section 2.1, and '_' as services use it): labels of 1 to 63
// characters, 253 in all, with or without a trailing dot; not all digits and dots.
bool IsHostName(std::string_view text);

// A decimal number from 1 to 65535.
bool IsPort(std::string_view text);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_ADDRESS_H_
