#ifndef HOLDFAST_POOL_NET_TRANSPORT_H_
#define HOLDFAST_POOL_NET_TRANSPORT_H_

#include <sys/uio.h>

#include <cstddef>

namespace holdfast::pool {

enum class IoStatus {
  kOk,           // `bytes` > 0 were moved
  kWouldBlock,   // nothing now; readiness will say when
  kEndOfStream,  // reads only: the peer sent its end
  kError,        // `error` is errno
};

struct IoResult {
  IoStatus status = IoStatus::kWouldBlock;
  size_t bytes = 0;
  int error = 0;
  // With kOk: false when the socket is known to have been emptied (read) or filled (write) by this
  // call, so that the next attempt is worth nothing before new readiness.
  bool more = false;
};

// The seam below HTTP: how bytes cross one socket. Plain TCP and UNIX sockets are the first
// implementation, TLS is the second. Loop thread; owned by its Connection; destruction closes the
// socket.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual int fd() const = 0;
  // At least one piece and one byte; each is one system call at the most for a plain socket.
  virtual IoResult Read(const iovec* pieces, int count) = 0;
  virtual IoResult Write(const iovec* pieces, int count) = 0;
  // Sends our end; what was written before still arrives.
  virtual void ShutdownWrite() = 0;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_NET_TRANSPORT_H_
