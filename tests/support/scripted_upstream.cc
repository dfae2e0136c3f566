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

std::string UnusedAddress() {
  const int fd = Listen("127.0.0.1:0");
  std::string address = LocalAddress(fd);
  close(fd);
  return address;
}

}  // namespace holdfast::support
