#ifndef HOLDFAST_GATEWAY_CONFIG_CIDR_H_
#define HOLDFAST_GATEWAY_CONFIG_CIDR_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pool/net/socket_address.h"

namespace holdfast::config {

// A range of IP addresses, by value. IPv4 is kept in its IPv4-mapped form (RFC 4291 section
// 2.5.5.2), so that a peer of a dual-stack listener is found in an IPv4 range.
class Cidr {
 public:
  // "10.0.0.0/8", "fd00::/8" or one address. Null when it is neither, or when bits are set behind
  // the prefix ("10.0.0.1/8": one of the two numbers is a mistake).
  static std::optional<Cidr> Parse(std::string_view text);

  // UNIX addresses are in no range.
  bool Contains(const pool::SocketAddress& address) const;
  // The same of an IPv4 address in the order of the host, without one of a socket being made.
  bool Contains(uint32_t ipv4) const;

  bool operator==(const Cidr&) const = default;

 private:
  bool ContainsMapped(const std::array<uint8_t, 16>& bytes) const;

  std::array<uint8_t, 16> network_{};
  int prefix_bits_ = 128;  // of the mapped form
};

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_CIDR_H_
