#include "gateway/server/listener_sockets.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <absl/strings/str_cat.h>

namespace holdfast::server {
namespace {

absl::Status Explain(const config::Listener& listener, const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrCat("listener ", listener.name, ": ", status.message()));
}

// Another process that listens with SO_REUSEPORT as well would silently get a share of our
// connections, so the port is tried for exclusively first.
absl::Status CheckPortFree(const pool::SocketAddress& address) {
  return pool::Listen(address, /*reuse_port=*/false).status();
}

}  // namespace

absl::StatusOr<BoundListener> BindListener(const config::Listener& listener, size_t workers) {
  BoundListener bound;
  bound.name = listener.name;
  bound.address = listener.bind.address;
  const bool ip = bound.address.is_ip();
  if (ip && bound.address.port() != 0) {
    if (absl::Status status = CheckPortFree(bound.address); !status.ok()) {
      return Explain(listener, status);
    }
  }
  absl::StatusOr<pool::FileDescriptor> first = pool::Listen(bound.address, ip);
  if (!first.ok()) return Explain(listener, first.status());
  absl::StatusOr<pool::SocketAddress> local = pool::LocalAddress(first->get());
  if (!local.ok()) return Explain(listener, local.status());
  bound.address = *local;
  bound.sockets.push_back(std::move(*first));
  while (bound.sockets.size() < workers) {
    if (!ip) {
      const int copy = fcntl(bound.sockets.front().get(), F_DUPFD_CLOEXEC, 0);
      if (copy < 0) return Explain(listener, absl::UnavailableError(strerror(errno)));
      bound.sockets.emplace_back(copy);
      continue;
    }
    absl::StatusOr<pool::FileDescriptor> next = pool::Listen(bound.address, ip);
    if (!next.ok()) return Explain(listener, next.status());
    bound.sockets.push_back(std::move(*next));
  }
  return bound;
}

}  // namespace holdfast::server
