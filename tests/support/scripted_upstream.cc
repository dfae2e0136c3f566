#include "tests/support/scripted_upstream.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include <gtest/gtest.h>

#include "pool/net/socket_address.h"

namespace holdfast::support {

ScriptedUpstream::ScriptedUpstream(std::string_view bind)
    : fd_(Listen(bind)), address_(LocalAddress(fd_)) {}

ScriptedUpstream::~ScriptedUpstream() { StopListening(); }

UpstreamConnection ScriptedUpstream::Accept() {
  EXPECT_TRUE(AwaitReady(fd_, POLLIN, Deadline())) << "no connection came to " << address_;
  return UpstreamConnection(accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

void ScriptedUpstream::ExpectNoConnection() {
  EXPECT_FALSE(AwaitReady(fd_, POLLIN, Deadline(std::chrono::milliseconds(0))))
      << "a connection came to " << address_;
}

void ScriptedUpstream::StopListening() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

// With a backlog of 0 the kernel still queues a connection or two; then it drops what would open
// more.
FullBacklog::FullBacklog() : fd_(Listen("127.0.0.1:0", 0)), address_(LocalAddress(fd_)) {
  const auto peer = pool::SocketAddress::Parse(address_).value_or(pool::SocketAddress());
  constexpr int kMost = 16;
  constexpr std::chrono::milliseconds kHandshake{200};
  for (int i = 0; i < kMost; ++i) {
    fillers_.push_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int result = connect(fillers_.back(), peer.get(), peer.length());
    if (result != 0 && !AwaitReady(fillers_.back(), POLLOUT, Deadline(kHandshake))) return;
  }
  ADD_FAILURE() << "the queue of " << address_ << " does not become full";
}

FullBacklog::~FullBacklog() {
  for (const int filler : fillers_) close(filler);
  close(fd_);
}

std::string UnusedAddress() {
  const int fd = Listen("127.0.0.1:0");
  std::string address = LocalAddress(fd);
  close(fd);
  return address;
}

}  // namespace holdfast::support
