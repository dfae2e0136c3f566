#ifndef HOLDFAST_POOL_NET_SOCKET_H_
#define HOLDFAST_POOL_NET_SOCKET_H_

#include <cstdint>
#include <optional>
#include <utility>

#include <absl/status/statusor.h>

#include "pool/net/socket_address.h"
#include "pool/net/tcp_options.h"

namespace holdfast::pool {

// Owns one descriptor and closes it.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() { Reset(); }
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int Release() { return std::exchange(fd_, -1); }
  void Reset();

 private:
  int fd_ = -1;
};

// The most connections that wait to be accepted, as far as net.core.somaxconn allows.
inline constexpr int kDefaultBacklog = 4096;

// Makes a non-blocking close-on-exec listening socket, whose TCP_NODELAY and options the accepted
// sockets inherit, from the first one on. An IP socket has SO_REUSEADDR and, with `reuse_port`,
// SO_REUSEPORT, so that every worker has its own. ":80" is IPv4 alone on a host without IPv6. A
// stale UNIX socket file, on which nobody answers, is replaced; a live one and any other file is an
// error. The error names the address and the reason.
absl::StatusOr<FileDescriptor> Listen(const SocketAddress& address, bool reuse_port,
                                      int backlog = kDefaultBacklog,
                                      const TcpOptions& options = {});

// The address to which a socket is bound (after binding port 0).
absl::StatusOr<SocketAddress> LocalAddress(int fd);

// Starts a connection on a non-blocking, close-on-exec, TCP_NODELAY socket with these options.
// `*in_progress` says whether to wait for EPOLLOUT. On failure the descriptor is invalid and
// `*error` holds errno. After EAGAIN it is valid: the backlog of a UNIX socket is full, and the
// caller tries ConnectAgain later, since nothing tells when.
FileDescriptor StartConnect(const SocketAddress& address, bool* in_progress, int* error,
                            const TcpOptions& options = {});
// Tries once more. 0: connected; EAGAIN: the backlog is still full; or errno.
int ConnectAgain(int fd, const SocketAddress& address);
// Whether the kernel knows a way to an IP address and has an address of ours for it. It sends
// nothing.
bool HasRoute(const SocketAddress& address);
// The outcome of a connect in progress: 0 or errno (SO_ERROR).
int TakeSocketError(int fd);
// Has no effect on a UNIX socket.
void SetNoDelay(int fd);

// How many bytes the peer's TCP has acknowledged since the connection began (tcpi_bytes_acked, the
// SYN among them; tcp(7)). nullopt for what is not TCP.
std::optional<uint64_t> AcknowledgedBytes(int fd);

// What an idle socket has to read: nothing, bytes, the peer's end, or an error. The bytes stay
// there.
enum class PeekResult { kNothing, kBytes, kEndOfStream, kError };
PeekResult PeekSocket(int fd);

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_NET_SOCKET_H_
