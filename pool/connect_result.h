#ifndef HOLDFAST_POOL_CONNECT_RESULT_H_
#define HOLDFAST_POOL_CONNECT_RESULT_H_

#include <optional>

#include "pool/net/socket_address.h"
#include "pool/reasons.h"

namespace holdfast::pool {

// What an errno of socket(2), connect(2), SO_ERROR or epoll_ctl(2) says about an attempt to
// connect. `routed`: the kernel knows a way to the address (HasRoute). EADDRNOTAVAIL alone means
// two things: with a route every local port is taken, which is our own trouble; without one the
// host has no address of that family. Pure.
CheckoutResult ConnectResult(int error, bool routed);
// The same for an attempt at `address`. It looks for a route only where that makes a difference.
CheckoutResult ConnectResultAt(const SocketAddress& address, int error);

// What a checkout's end says against the endpoint; a route's policy may then try it again. nullopt:
// nothing, because it was our own trouble or nobody's.
std::optional<Outcome> OutcomeOf(CheckoutResult result);
// Whether the refusal concerns this endpoint alone: another one of the upstream may give a
// connection.
bool IsOfOneEndpoint(CheckoutResult result);

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_CONNECT_RESULT_H_
