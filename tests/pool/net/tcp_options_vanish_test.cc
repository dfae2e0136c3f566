#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>

#include <gtest/gtest.h>

#include "pool/net/socket.h"
#include "pool/net/tcp_options.h"
#include "tests/pool/net/socket_pair.h"
#include "tests/support/own_network.h"

namespace holdfast::pool {
namespace {

using std::chrono::seconds;

// A peer vanishes when the only interface goes down: nothing that is sent arrives any more.
class TcpOptionsVanishTest : public support::OwnNetworkTest {
 protected:
  void TearDown() override { SetLoopback(/*up=*/true); }
  static void SetLoopback(bool up) {
    const FileDescriptor fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strncpy(request.ifr_name, "lo", sizeof(request.ifr_name));
    ASSERT_EQ(ioctl(fd.get(), SIOCGIFFLAGS, &request), 0);
    if (up) {
      request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
    } else {
      request.ifr_flags = static_cast<short>(request.ifr_flags & ~IFF_UP);
    }
    ASSERT_EQ(ioctl(fd.get(), SIOCSIFFLAGS, &request), 0);
  }
  // The error with which the socket ends; nullopt: it does not.
  static std::optional<int> EndOf(const FileDescriptor& socket,
                                  std::chrono::milliseconds patience) {
    pollfd end{.fd = socket.get(), .events = POLLIN, .revents = 0};
    if (poll(&end, 1, static_cast<int>(patience.count())) != 1) return std::nullopt;
    return TakeSocketError(socket.get());
  }
};

TEST_F(TcpOptionsVanishTest, AnIdlePeerIsGivenUp) {
  SocketPair pair = TcpPair();
  SetTcpOptions(pair.ours.get(), {.keepalive = seconds(1)}, /*fresh=*/false);
  SetLoopback(/*up=*/false);
  EXPECT_EQ(EndOf(pair.ours, seconds(40)), ETIMEDOUT);
}

TEST_F(TcpOptionsVanishTest, WhatWasSentDoesNotWaitForever) {
  SocketPair pair = TcpPair();
  SetTcpOptions(pair.ours.get(), {.user_timeout = seconds(1)}, /*fresh=*/false);
  SocketPair patient = TcpPair();
  SetTcpOptions(patient.ours.get(), {.keepalive = seconds(1)}, /*fresh=*/false);
  SetLoopback(/*up=*/false);
  SendAll(pair.ours, "x");
  SendAll(patient.ours, "x");
  EXPECT_EQ(EndOf(pair.ours, seconds(40)), ETIMEDOUT);
  EXPECT_EQ(EndOf(patient.ours, seconds(0)), std::nullopt) << "the kernel repeats it";
}

}  // namespace
}  // namespace holdfast::pool
