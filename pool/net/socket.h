#ifndef HOLDFAST_POOL_NET_SOCKET_H_
#define HOLDFAST_POOL_NET_SOCKET_H_

#include <cstdint>
#include <optional>
#include <utility>

#include <absl/status/statusor.h>

#include "pool/net/socket_address.h"

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

// TCP keepalive, for a peer that vanishes without a word: the first probe goes out after
// kKeepAliveIdleSeconds without traffic, then one each kKeepAliveIntervalSeconds; after
// kKeepAliveProbes without an answer the socket fails (ETIMEDOUT).
inline constexpr int kKeepAliveIdleSeconds = 60;
inline constexpr int kKeepAliveIntervalSeconds = 10;
inline constexpr int kKeepAliveProbes = 6;

// A non-blocking close-on-exec listening socket, whose TCP_NODELAY the accepted sockets inherit.
// IP: SO_REUSEADDR and, so that every worker has its own, SO_REUSEPORT when `reuse_port`. ":80" is
// IPv4 alone on a host without IPv6. UNIX: a stale socket file (nobody answers on it) is replaced,
// a live one and any other file is an error. The error names the address and the reason.
absl::StatusOr<FileDescriptor> Listen(const SocketAddress& address, bool reuse_port,
                                      int backlog = 4096);

// The address a socket is bound to (after binding port 0).
absl::StatusOr<SocketAddress> LocalAddress(int fd);

// Starts a connection: a non-blocking, close-on-exec, TCP_NODELAY socket with keepalive.
// `*in_progress` says whether to wait for EPOLLOUT. On failure the descriptor is invalid and
// `*error` holds errno. With EAGAIN it is valid: the backlog of a UNIX socket is full, and unlike
// TCP nothing tells when to try again, with ConnectAgain.
FileDescriptor StartConnect(const SocketAddress& address, bool* in_progress, int* error);
// 0: connected; EAGAIN: the backlog is still full; or errno.
int ConnectAgain(int fd, const SocketAddress& address);
// Whether the kernel knows a way to an IP address and has an address of ours for it. Sends nothing.
bool HasRoute(const SocketAddress& address);
// The outcome of a connect in progress: 0 or errno (SO_ERROR).
int TakeSocketError(int fd);
// Neither has an effect on a UNIX socket.
void SetNoDelay(int fd);
void SetKeepAlive(int fd);

// How many bytes the peer's TCP has acknowledged since the connection began (tcpi_bytes_acked, the
// SYN among them; tcp(7)). nullopt for what is not TCP.
std::optional<uint64_t> AcknowledgedBytes(int fd);

// What is to be read on an idle socket, without taking it: nothing, bytes, the peer's end, or an
// error.
enum class PeekResult { kNothing, kBytes, kEndOfStream, kError };
PeekResult PeekSocket(int fd);

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_NET_SOCKET_H_
