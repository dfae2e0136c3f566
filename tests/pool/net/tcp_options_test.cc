#include "pool/net/tcp_options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <chrono>
#include <optional>

#include <gtest/gtest.h>

#include "tests/pool/net/socket_pair.h"

namespace holdfast::pool {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

int Option(int fd, int level, int name) {
  int value = -1;
  socklen_t length = sizeof(value);
  EXPECT_EQ(getsockopt(fd, level, name, &value, &length), 0);
  return value;
}
FileDescriptor NewSocket() { return FileDescriptor(socket(AF_INET, SOCK_STREAM, 0)); }

TEST(TcpOptionsTest, ByDefaultAPeerThatVanishesIsNoticedAfterTwoMinutes) {
  const FileDescriptor fd = NewSocket();
  SetTcpOptions(fd.get(), {}, /*fresh=*/true);
  EXPECT_EQ(Option(fd.get(), SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(Option(fd.get(), IPPROTO_TCP, TCP_KEEPIDLE), 60);
  EXPECT_EQ(Option(fd.get(), IPPROTO_TCP, TCP_KEEPINTVL), 10);
  EXPECT_EQ(Option(fd.get(), IPPROTO_TCP, TCP_KEEPCNT), 6);
  EXPECT_EQ(Option(fd.get(), IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
}

TEST(TcpOptionsTest, FractionsAreRoundedUp) {
  const FileDescriptor fd = NewSocket();
  SetTcpOptions(fd.get(),
                {.keepalive = milliseconds(1500), .user_timeout = std::chrono::microseconds(1500)},
                /*fresh=*/true);
  EXPECT_EQ(Option(fd.get(), IPPROTO_TCP, TCP_KEEPIDLE), 2);
  EXPECT_EQ(Option(fd.get(), IPPROTO_TCP, TCP_KEEPINTVL), 1);
  EXPECT_EQ(Option(fd.get(), IPPROTO_TCP, TCP_USER_TIMEOUT), 2);
}

TEST(TcpOptionsTest, TheLargestAreTaken) {
  const FileDescriptor fd = NewSocket();
  SetTcpOptions(fd.get(), {.keepalive = hours(9), .user_timeout = hours(24)}, /*fresh=*/true);
  EXPECT_EQ(Option(fd.get(), IPPROTO_TCP, TCP_KEEPIDLE), 32'400);
  EXPECT_EQ(Option(fd.get(), IPPROTO_TCP, TCP_USER_TIMEOUT), 86'400'000);
}

TEST(TcpOptionsTest, WhatWasOnIsTurnedOff) {
  const FileDescriptor fd = NewSocket();
  SetTcpOptions(fd.get(), {.user_timeout = seconds(5)}, /*fresh=*/true);
  SetTcpOptions(fd.get(), {.keepalive = std::nullopt}, /*fresh=*/false);
  EXPECT_EQ(Option(fd.get(), SOL_SOCKET, SO_KEEPALIVE), 0);
  EXPECT_EQ(Option(fd.get(), IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
}

TEST(TcpOptionsTest, UnixSocketsStayAsTheyAre) {
  const SocketPair pair = UnixPair();
  SetTcpOptions(pair.ours.get(), {.user_timeout = seconds(5)}, /*fresh=*/false);
  SendAll(pair.ours, "x");
  EXPECT_EQ(Receive(pair.theirs, 1), "x");
}

}  // namespace
}  // namespace holdfast::pool
