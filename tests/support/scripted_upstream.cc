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
    : held_(HoldPort(bind)),
      fd_(Listen(held_ < 0 ? std::string(bind) : LocalAddress(held_))),
      address_(LocalAddress(fd_)) {}

ScriptedUpstream::~ScriptedUpstream() {
  StopListening();
  if (held_ >= 0) close(held_);
}

UpstreamConnection ScriptedUpstream::Accept() {
  EXPECT_TRUE(AwaitReady(fd_, POLLIN, Deadline())) << "no connection came to " << address_;
  UpstreamConnection connection(accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (wire_ == Wire::kTls) {
    EXPECT_TRUE(connection.BeginTls(TlsSide::kServer)) << "no TLS came to " << address_;
  }
  return connection;
}

void ScriptedUpstream::ExpectNoConnection() {
  EXPECT_FALSE(AwaitReady(fd_, POLLIN, Deadline(std::chrono::milliseconds(0))))
      << "a connection came to " << address_;
}

void ScriptedUpstream::StopListening() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

// Another test that runs at the same time, or a program of it, would be given the port as soon as
// it were free: the socket stays open.
std::string UnusedAddress() { return LocalAddress(HoldPort("127.0.0.1:0")); }

}  // namespace holdfast::support
