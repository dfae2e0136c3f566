#include "tests/support/scripted_upstream.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <random>
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
  // A host of this process alone: of 127.0.0.1 other tests take ports at any time.
  static const std::string host = [] {
    const auto any = std::random_device()();
    return "127." + std::to_string(64 + any % 128) + "." + std::to_string(any >> 8 & 0xff) + "." +
           std::to_string(1 + (any >> 16) % 254);
  }();
  const int fd = Listen(host + ":0");
  std::string address = LocalAddress(fd);
  close(fd);
  return address;
}

}  // namespace holdfast::support
