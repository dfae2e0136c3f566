#ifndef HOLDFAST_POOL_NET_PLAIN_TRANSPORT_H_
#define HOLDFAST_POOL_NET_PLAIN_TRANSPORT_H_

#include <utility>

#include "pool/net/socket.h"
#include "pool/net/transport.h"

namespace holdfast::pool {

// Bytes as they are over a connected, non-blocking TCP or UNIX stream socket. Loop thread; owns the
// socket; destruction closes it. A write to a peer that is gone is EPIPE, never a signal.
class PlainTransport final : public Transport {
 public:
  explicit PlainTransport(FileDescriptor socket) : socket_(std::move(socket)) {}

  int fd() const override { return socket_.get(); }
  IoResult Read(const iovec* pieces, int count) override;
  IoResult Write(const iovec* pieces, int count) override;
  void ShutdownWrite() override;

 private:
  FileDescriptor socket_;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_NET_PLAIN_TRANSPORT_H_
