#ifndef HOLDFAST_GATEWAY_SERVER_LISTENER_SOCKETS_H_
#define HOLDFAST_GATEWAY_SERVER_LISTENER_SOCKETS_H_

#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "gateway/config/config.h"
#include "pool/net/socket.h"

namespace holdfast::server {

// Listeners that agree in this are the same one across a reload.
std::string ListenerKey(const config::Listener& listener);

// One listener's sockets: one for each worker, and more when they are inherited from a process that
// had more workers.
struct BoundListener {
  std::string name;
  std::vector<pool::FileDescriptor> sockets;
  // The same sockets again, to be handed over to the process that takes our place.
  std::vector<pool::FileDescriptor> copies;
  pool::SocketAddress address;  // as bound: port 0 has become a real one
};

// A socket that listens on `address`, whose port the process's others may share. Says nothing of a
// port that another process listens on but that it is in use, unless `port_is_ours` (BindListener).
absl::StatusOr<pool::FileDescriptor> BindFirst(const pool::SocketAddress& address,
                                               bool port_is_ours);

// The same sockets once more; stops at the first that cannot be had.
absl::StatusOr<std::vector<pool::FileDescriptor>> CopySockets(
    const std::vector<pool::FileDescriptor>& sockets);

// Binds `bind` once per worker: TCP sockets of their own that share the port, so that the kernel
// spreads connections over them; a UNIX socket is one, accepted on by all. With `inherited` sockets
// of that listener it takes those and binds what is missing: clients may wait in the queue of each,
// so each must be accepted on. The error says which listener, which address and why.
//
// A port that another process listens on is refused even if it would share it. `port_is_ours`: this
// process listens there, on this or on another address (0.0.0.0 beside 127.0.0.1), or has done so
// until just now, and shares it with itself; the kernel leads a connection to the more exact one.
absl::StatusOr<BoundListener> BindListener(const config::Listener& listener, size_t workers,
                                           std::vector<pool::FileDescriptor> inherited = {},
                                           bool port_is_ours = false);

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_LISTENER_SOCKETS_H_
