#ifndef HOLDFAST_POOL_DNS_ENDPOINT_SPEC_H_
#define HOLDFAST_POOL_DNS_ENDPOINT_SPEC_H_

#include <cstdint>
#include <string>

#include "pool/net/socket_address.h"

namespace holdfast::pool {

// One address behind an upstream, as configuration and discovery know it. Plain values.
struct EndpointSpec {
  SocketAddress address;
  uint32_t weight = 1;  // its share beside the others of its tier; at least 1
  bool backup = false;  // used only while no endpoint of the first tier may be
  // The name it was found by, in lower case and without a trailing dot; empty for literals.
  // While a connect hangs, an address of another family with the same host and port is the first to
  // stand in (RFC 8305).
  std::string host;

  bool operator==(const EndpointSpec&) const = default;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_DNS_ENDPOINT_SPEC_H_
