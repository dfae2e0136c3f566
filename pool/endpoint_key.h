#ifndef HOLDFAST_POOL_ENDPOINT_KEY_H_
#define HOLDFAST_POOL_ENDPOINT_KEY_H_

#include <string>
#include <utility>

#include "pool/net/proxy_header.h"
#include "pool/net/socket_address.h"
#include "pool/tls_identity.h"
#include "pool/upstream_protocol.h"

namespace holdfast::pool {

// Everything that two requests must agree on to use one connection. A field that is forgotten
// here lets one upstream's connection serve another, so it is compared whole, never by a digest.
struct EndpointKey {
  std::string upstream;  // the upstream's name: its limits and its metrics
  SocketAddress address;
  TlsIdentity tls;  // plain by default
  // What its connections begin with. Unless kNone each is introduced as one client's, and serves
  // that client's connection alone.
  ProxyVersion proxy = ProxyVersion::kNone;
  UpstreamProtocol protocol = UpstreamProtocol::kH1;

  bool of_one_client() const { return proxy != ProxyVersion::kNone; }

  bool operator==(const EndpointKey&) const = default;
  template <class H>
  friend H AbslHashValue(H h, const EndpointKey& key) {
    return H::combine(std::move(h), key.upstream, key.address, key.tls, key.proxy, key.protocol);
  }
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_ENDPOINT_KEY_H_
