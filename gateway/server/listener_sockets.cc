#include "gateway/server/listener_sockets.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <absl/strings/str_cat.h>

#include "pool/net/free_port.h"

namespace holdfast::server {
namespace {

absl::Status Explain(const config::Listener& listener, const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrCat("listener ", listener.name, ": ", status.message()));
}

absl::StatusOr<pool::FileDescriptor> Copy(const pool::FileDescriptor& socket) {
  const int copy = fcntl(socket.get(), F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return absl::ErrnoToStatus(errno, "cannot duplicate a socket");
  return pool::FileDescriptor(copy);
}

absl::StatusOr<pool::FileDescriptor> Listen(const pool::SocketAddress& address,
                                            const config::ListenerTcp& tcp) {
  return pool::Listen(address, address.is_ip(), static_cast<int>(tcp.backlog), tcp.options);
}

absl::Status Bind(const config::Listener& listener, size_t workers, bool port_is_ours,
                  BoundListener* bound) {
  if (bound->sockets.empty()) {
    absl::StatusOr<pool::FileDescriptor> first =
        BindFirst(listener.bind.address, port_is_ours, listener.tcp);
    if (!first.ok()) return first.status();
    bound->sockets.push_back(std::move(*first));
  }
  absl::StatusOr<pool::SocketAddress> local = pool::LocalAddress(bound->sockets.front().get());
  if (!local.ok()) return local.status();
  bound->address = *local;
  const bool ip = local->is_ip();
  // The copies of a UNIX socket have one queue: whom one worker leaves, any other accepts.
  if (!ip && bound->sockets.size() > workers) bound->sockets.resize(workers);
  while (bound->sockets.size() < workers) {
    absl::StatusOr<pool::FileDescriptor> next =
        ip ? Listen(*local, listener.tcp) : Copy(bound->sockets.front());
    if (!next.ok()) return next.status();
    bound->sockets.push_back(std::move(*next));
  }
  absl::StatusOr<std::vector<pool::FileDescriptor>> copies = CopySockets(bound->sockets);
  if (!copies.ok()) return copies.status();
  bound->copies = std::move(*copies);
  return absl::OkStatus();
}

}  // namespace

std::string ListenerKey(const config::Listener& listener) {
  return listener.name + " " + listener.bind.text;
}

absl::StatusOr<pool::FileDescriptor> BindFirst(const pool::SocketAddress& address,
                                               bool port_is_ours, const config::ListenerTcp& tcp) {
  if (address.is_ip() && address.port() != 0 && !port_is_ours) {
    if (absl::Status status = pool::CheckPortFree(address); !status.ok()) return status;
  }
  return Listen(address, tcp);
}

absl::StatusOr<std::vector<pool::FileDescriptor>> CopySockets(
    const std::vector<pool::FileDescriptor>& sockets) {
  std::vector<pool::FileDescriptor> copies;
  for (const pool::FileDescriptor& socket : sockets) {
    absl::StatusOr<pool::FileDescriptor> copy = Copy(socket);
    if (!copy.ok()) return copy.status();
    copies.push_back(std::move(*copy));
  }
  return copies;
}

absl::StatusOr<BoundListener> BindListener(const config::Listener& listener, size_t workers,
                                           std::vector<pool::FileDescriptor> inherited,
                                           bool port_is_ours) {
  BoundListener bound;
  bound.name = listener.name;
  bound.sockets = std::move(inherited);
  absl::Status status = Bind(listener, workers, port_is_ours, &bound);
  if (!status.ok()) return Explain(listener, status);
  return bound;
}

}  // namespace holdfast::server
