#ifndef HOLDFAST_TESTS_SUPPORT_UNSERVED_ADDRESS_H_
#define HOLDFAST_TESTS_SUPPORT_UNSERVED_ADDRESS_H_

#include <deque>
#include <string>

#include "pool/net/socket.h"

// Addresses at which nobody takes connections.
namespace holdfast::support {

// An address that refuses connections for as long as this lives.
class RefusingAddress {
 public:
  RefusingAddress();
  const pool::SocketAddress& address() const { return address_; }

 private:
  pool::FileDescriptor socket_;  // bound, never listening
  pool::SocketAddress address_;
};

// An address where an attempt neither succeeds nor fails: the queue of its listener is full.
class SilentAddress {
 public:
  explicit SilentAddress(
      const pool::SocketAddress& address = *pool::SocketAddress::FromIp("127.0.0.1", 0));
  const pool::SocketAddress& address() const { return address_; }
  // As a configuration names it.
  std::string text() const { return address_.ToString(); }
  // From now on it takes connections; what hangs succeeds when the kernel tries again.
  void Relent();

 private:
  pool::FileDescriptor listener_;
  pool::SocketAddress address_;
  std::deque<pool::FileDescriptor> fillers_;
};

}  // namespace holdfast::support

#endif  // HOLDFAST_TESTS_SUPPORT_UNSERVED_ADDRESS_H_
