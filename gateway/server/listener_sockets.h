#ifndef HOLDFAST_GATEWAY_SERVER_LISTENER_SOCKETS_H_
#define HOLDFAST_GATEWAY_SERVER_LISTENER_SOCKETS_H_

#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "gateway/config/config.h"
#include "pool/net/socket.h"

namespace holdfast::server {

// Listeners with the same key are the same one across a reload.
std::string ListenerKey(const config::Listener& listener);

// One listener's sockets: one for each worker, and more when they are inherited from a process that
// had more workers.
struct BoundListener {
  std::string name;
  std::vector<pool::FileDescriptor> sockets;
  // The same sockets again, for the process that takes our place.
  std::vector<pool::FileDescriptor> copies;
  pool::SocketAddress address;  // as bound: port 0 has become a real one
};

// Makes a socket that listens on `address` and shares its port with this process's others. A port
// on which another process listens is an error, unless `port_is_ours` (see BindListener).
absl::StatusOr<pool::FileDescriptor> BindFirst(const pool::SocketAddress& address,
                                               bool port_is_ours,
                                               const config::ListenerTcp& tcp = {});

// Copies the sockets; stops at the first that cannot be copied.
absl::StatusOr<std::vector<pool::FileDescriptor>> CopySockets(
    const std::vector<pool::FileDescriptor>& sockets);

// Binds `bind` once per worker. TCP workers have a socket each and share the port, so that the
// kernel spreads connections over them; all workers accept on the one UNIX socket. `inherited`
// sockets of the listener are taken over and the missing ones are bound: clients may wait in the
// queue of each, so each needs somebody who accepts. The error says which listener, which address
// and why.
//
// A port that another process listens on is refused even if it would share it. `port_is_ours`: this
// process listens there, on this or on another address (0.0.0.0 beside 127.0.0.1), or has done so
// until just now, and shares it with itself; the kernel leads a connection to the more exact one.
absl::StatusOr<BoundListener> BindListener(const config::Listener& listener, size_t workers,
                                           std::vector<pool::FileDescriptor> inherited = {},
                                           bool port_is_ours = false);

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_LISTENER_SOCKETS_H_
