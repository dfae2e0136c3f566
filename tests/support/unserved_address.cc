#include "tests/support/unserved_address.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <utility>

#include <gtest/gtest.h>

namespace holdfast::support {
namespace {

// Whether a TCP listener's queue takes nobody any more (tcp_get_info of Linux).
bool QueueIsFull(int listener) {
  tcp_info info{};
  socklen_t length = sizeof(info);
  return getsockopt(listener, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 &&
         info.tcpi_unacked > info.tcpi_sacked;
}

}  // namespace

RefusingAddress::RefusingAddress()
    : socket_(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
  const pool::SocketAddress any = *pool::SocketAddress::FromIp("127.0.0.1", 0);
  EXPECT_EQ(bind(socket_.get(), any.get(), any.length()), 0);
  address_ = *pool::LocalAddress(socket_.get());
}

SilentAddress::SilentAddress(const pool::SocketAddress& address) {
  auto listener = pool::Listen(address, false, /*backlog=*/0);
  EXPECT_TRUE(listener.ok()) << listener.status();
  listener_ = std::move(*listener);
  address_ = *pool::LocalAddress(listener_.get());
  // A backlog of 0 still takes one or two. One that does not get through may only be slow.
  constexpr int kTries = 8;
  for (int i = 0; i < kTries; ++i) {
    bool in_progress = false;
    int error = 0;
    fillers_.push_back(pool::StartConnect(address_, &in_progress, &error));
    if (error == EAGAIN) return;
    pollfd wait{.fd = fillers_.back().get(), .events = POLLOUT, .revents = 0};
    if (poll(&wait, 1, 50) == 0 && QueueIsFull(listener_.get())) return;
  }
  ADD_FAILURE() << "the listener takes every connection";
}

void SilentAddress::Relent() {
  EXPECT_EQ(listen(listener_.get(), 16), 0);
  const size_t waiting = fillers_.size();
  for (size_t i = 0; i < waiting; ++i) {
    fillers_.emplace_back(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  }
}

}  // namespace holdfast::support
