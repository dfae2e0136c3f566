#include "tests/support/unserved_address.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include <gtest/gtest.h>

namespace holdfast::support {
namespace {

// What becomes of a connect within `milliseconds`: errno, or EINPROGRESS while nothing does.
int ConnectTo(const pool::SocketAddress& address, int milliseconds) {
  bool in_progress = false;
  int error = 0;
  const pool::FileDescriptor socket = pool::StartConnect(address, &in_progress, &error);
  if (error != 0 || !in_progress) return error;
  pollfd wait{.fd = socket.get(), .events = POLLOUT, .revents = 0};
  if (poll(&wait, 1, milliseconds) == 0) return EINPROGRESS;
  return pool::TakeSocketError(socket.get());
}

TEST(UnservedAddressTest, ARefusingAddressRefuses) {
  const RefusingAddress refusing;
  EXPECT_EQ(ConnectTo(refusing.address(), 5000), ECONNREFUSED);
}

TEST(UnservedAddressTest, ASilentAddressTakesNoFurtherConnectionUntilItRelents) {
  SilentAddress silent;
  EXPECT_EQ(silent.text(), silent.address().ToString());
  EXPECT_EQ(ConnectTo(silent.address(), 50), EINPROGRESS);
  silent.Relent();
  EXPECT_EQ(ConnectTo(silent.address(), 5000), 0);
}

}  // namespace
}  // namespace holdfast::support
