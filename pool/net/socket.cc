#include "pool/net/socket.h"

#include <linux/tcp.h>  // glibc's netinet/tcp.h ends before tcpi_bytes_acked
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "pool/net/check.h"
#include "pool/net/socket_calls.h"

namespace holdfast::pool {
namespace {

FileDescriptor OpenSocket(int family) {
  return FileDescriptor(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

// Options fail only on a socket of the wrong kind.
void SetOption(int fd, int level, int name, int value) {
  HOLDFAST_CHECK(setsockopt(fd, level, name, &value, sizeof(value)) == 0);
}

absl::Status ListenError(const SocketAddress& address, int error) {
  std::string what = "cannot listen on " + address.ToString();
  if (error == EACCES && address.is_ip()) {
    what += " (a port this low needs CAP_NET_BIND_SERVICE)";
  }
  return absl::ErrnoToStatus(error, what);
}

// 0 or errno.
int BindAndListen(int fd, const SocketAddress& address, int backlog) {
  if (bind(fd, address.get(), address.length()) != 0) return errno;
  return listen(fd, backlog) == 0 ? 0 : errno;
}

// Whether the name is that of a socket on which nobody listens any more. Anything that may still be
// somebody's is not stale.
bool IsStaleSocketFile(const SocketAddress& address) {
  const auto* name = reinterpret_cast<const sockaddr_un*>(address.get());
  struct stat file;
  if (name->sun_path[0] == '\0') return false;
  if (lstat(name->sun_path, &file) != 0 || !S_ISSOCK(file.st_mode)) return false;
  bool in_progress = false;
  int error = 0;
  const FileDescriptor probe = StartConnect(address, &in_progress, &error);
  return !probe.valid() && error == ECONNREFUSED;
}

absl::StatusOr<FileDescriptor> ListenUnix(const SocketAddress& address, int backlog) {
  FileDescriptor fd = OpenSocket(AF_UNIX);
  if (!fd.valid()) return ListenError(address, errno);
  int error = BindAndListen(fd.get(), address, backlog);
  if (error == EADDRINUSE && IsStaleSocketFile(address)) {
    unlink(reinterpret_cast<const sockaddr_un*>(address.get())->sun_path);
    error = BindAndListen(fd.get(), address, backlog);
  }
  if (error != 0) return ListenError(address, error);
  return fd;
}

bool TakesIpv4Too(int fd) {
  int v6_only = 1;
  socklen_t length = sizeof(v6_only);
  return getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, &length) == 0 && v6_only == 0;
}

}  // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this == &other) return *this;
  Reset();
  fd_ = std::exchange(other.fd_, -1);
  return *this;
}

void FileDescriptor::Reset() {
  // Linux has released the number whatever close answers, so it is never called twice.
  if (valid()) close(Release());
}

absl::StatusOr<FileDescriptor> Listen(const SocketAddress& address, bool reuse_port, int backlog,
                                      const TcpOptions& options) {
  if (address.family() == AF_UNIX) return ListenUnix(address, backlog);
  FileDescriptor fd = OpenSocket(address.family());
  int error = fd.valid() ? 0 : errno;
  if (error == 0) {
    SetOption(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    if (reuse_port) SetOption(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
    SetNoDelay(fd.get());
    SetTcpOptions(fd.get(), options, /*fresh=*/true);
    if (address.family() == AF_INET6) {
      SetOption(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, address.dual_stack() ? 0 : 1);
    }
    error = BindAndListen(fd.get(), address, backlog);
  }
  if (address.dual_stack() && (error == EAFNOSUPPORT || error == EADDRNOTAVAIL)) {
    return Listen(*SocketAddress::FromIp("0.0.0.0", address.port()), reuse_port, backlog, options);
  }
  if (error != 0) return ListenError(address, error);
  return fd;
}

absl::StatusOr<SocketAddress> LocalAddress(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  if (getsockname(fd, address, &length) != 0) {
    return absl::ErrnoToStatus(errno, "no local address");
  }
  const SocketAddress result(address, length);
  const bool any_ipv6 = result == *SocketAddress::FromIp("::", result.port());
  if (any_ipv6 && TakesIpv4Too(fd)) return SocketAddress::DualStack(result.port());
  return result;
}

FileDescriptor StartConnect(const SocketAddress& address, bool* in_progress, int* error,
                            const TcpOptions& options) {
  *in_progress = false;
  *error = 0;
  FileDescriptor fd = OpenSocket(address.family());
  if (!fd.valid()) {
    *error = errno;
    return fd;
  }
  if (address.is_ip()) {
    SetNoDelay(fd.get());
    SetTcpOptions(fd.get(), options, /*fresh=*/true);
  }
  *error = ConnectAgain(fd.get(), address);
  *in_progress = *error == EINPROGRESS;
  if (*in_progress) *error = 0;
  if (*error != 0 && *error != EAGAIN) fd.Reset();
  return fd;
}

// For IP the kernel answers EAGAIN when its routing cache has no room (ip_route_output). Nothing is
// queued anywhere then, so we take it for ENOBUFS.
int ConnectAgain(int fd, const SocketAddress& address) {
  if (connect(fd, address.get(), address.length()) == 0) return 0;
  return errno == EAGAIN && address.is_ip() ? ENOBUFS : errno;
}

// Connecting a datagram socket chooses the route and the local address, and uses none of TCP's
// ports. A process without a descriptor to ask with knows nothing against the route.
bool HasRoute(const SocketAddress& address) {
  const FileDescriptor fd(socket(address.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return errno != EAFNOSUPPORT;
  return connect(fd.get(), address.get(), address.length()) == 0;
}

int TakeSocketError(int fd) {
  int error = 0;
  socklen_t length = sizeof(error);
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
  return error;
}

void SetNoDelay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

std::optional<uint64_t> AcknowledgedBytes(int fd) {
  tcp_info info;
  socklen_t size = sizeof(info);
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  constexpr size_t kNeeded = offsetof(tcp_info, tcpi_bytes_acked) + sizeof(info.tcpi_bytes_acked);
  if (size < kNeeded) return std::nullopt;
  return info.tcpi_bytes_acked;
}

PeekResult PeekSocket(int fd) {
  char byte;
  ssize_t got;
  do {
    got = ReceiveBytes(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got > 0) return PeekResult::kBytes;
  if (got == 0) return PeekResult::kEndOfStream;
  return errno == EAGAIN ? PeekResult::kNothing : PeekResult::kError;
}

}  // namespace holdfast::pool
