#include "pool/net/free_port.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>

#include "pool/net/socket.h"

namespace holdfast::pool {
namespace {

// 0 or errno. With SO_REUSEADDR only a socket that listens is in the way.
int TryBind(const SocketAddress& address) {
  const FileDescriptor fd(socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return errno;
  const int on = 1;
  const int v6_only = address.dual_stack() ? 0 : 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.family() == AF_INET6) {
    setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
  }
  return bind(fd.get(), address.get(), address.length()) == 0 ? 0 : errno;
}

}  // namespace

absl::Status CheckPortFree(const SocketAddress& address) {
  const int error = TryBind(address);
  // As Listen does on a host without IPv6.
  if (address.dual_stack() && (error == EAFNOSUPPORT || error == EADDRNOTAVAIL)) {
    return CheckPortFree(*SocketAddress::FromIp("0.0.0.0", address.port()));
  }
  if (error != EADDRINUSE) return absl::OkStatus();
  return absl::ErrnoToStatus(error, "cannot listen on " + address.ToString());
}

}  // namespace holdfast::pool
