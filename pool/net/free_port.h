#ifndef HOLDFAST_POOL_NET_FREE_PORT_H_
#define HOLDFAST_POOL_NET_FREE_PORT_H_

#include <absl/status/status.h>

#include "pool/net/socket_address.h"

namespace holdfast::pool {

// Whether nobody listens on an IP address with a port: another process that does so with
// SO_REUSEPORT would silently get a share of our connections. The address is bound for a moment and
// never listened on, so that no client is accepted by a socket that is closed at once. Only what is
// in use is an error, with the words of Listen; it tells whatever else keeps an address from being
// used.
absl::Status CheckPortFree(const SocketAddress& address);

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_NET_FREE_PORT_H_
