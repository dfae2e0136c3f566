// What a failed connect says about the way to the peer, in a network without any.

#include <sys/resource.h>

#include <cerrno>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "pool/net/socket.h"
#include "tests/support/own_network.h"

namespace holdfast::pool {
namespace {

SocketAddress Address(std::string_view text) { return *SocketAddress::Parse(text); }

using RouteTest = support::OwnNetworkTest;

TEST_F(RouteTest, AnAddressThatNoRouteLeadsToIsKnownWithoutAPacket) {
  for (const auto* text : {"192.0.2.1:80", "[2001:db8::1]:80"}) {
    EXPECT_FALSE(HasRoute(Address(text))) << text;
    bool in_progress = true;
    int error = 0;
    EXPECT_FALSE(StartConnect(Address(text), &in_progress, &error).valid());
    EXPECT_TRUE(error == ENETUNREACH || error == EADDRNOTAVAIL) << error;
  }
  EXPECT_TRUE(HasRoute(Address("127.0.0.1:80")));
  EXPECT_TRUE(HasRoute(Address("[::1]:80")));
}

TEST_F(RouteTest, WithoutADescriptorToAskWithNoRouteIsMissing) {
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const bool route = HasRoute(Address("127.0.0.1:80"));
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(route);
}

TEST_F(RouteTest, PortsThatAreUsedUpAreNoMissingRoute) {
  // /proc may be read-only to a user who has a network of his own.
  if (!support::SetLocalPorts(40000, 40001)) GTEST_SKIP() << "ports may not be limited";
  auto listener = Listen(Address("127.0.0.1:39999"), false);
  ASSERT_TRUE(listener.ok()) << listener.status();
  std::vector<FileDescriptor> connected;
  int error = 0;
  while (error == 0 && connected.size() < 8) {
    bool in_progress = false;
    connected.push_back(StartConnect(Address("127.0.0.1:39999"), &in_progress, &error));
  }
  EXPECT_EQ(error, EADDRNOTAVAIL);
  EXPECT_EQ(connected.size(), 3u);
  EXPECT_TRUE(HasRoute(Address("127.0.0.1:39999")));
}

}  // namespace
}  // namespace holdfast::pool
