#include "gateway/server/listener_sockets.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"
#include "tests/support/wire_socket.h"

namespace holdfast::server {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

config::Listener ListenerAt(std::string_view bind) {
  config::Listener listener;
  listener.name = "edge";
  listener.bind = *config::ParseBind(bind);
  return listener;
}

BoundListener Bound(std::string_view bind, size_t workers) {
  absl::StatusOr<BoundListener> bound = BindListener(ListenerAt(bind), workers);
  EXPECT_TRUE(bound.ok()) << bound.status();
  return bound.ok() ? std::move(*bound) : BoundListener{};
}

std::string ErrorOf(std::string_view bind) {
  const absl::StatusOr<BoundListener> bound = BindListener(ListenerAt(bind), 2);
  EXPECT_FALSE(bound.ok()) << bind;
  return std::string(bound.status().message());
}

bool HasClient(const pool::FileDescriptor& socket) {
  pollfd entry{.fd = socket.get(), .events = POLLIN, .revents = 0};
  return poll(&entry, 1, 0) == 1;
}

TEST(ListenerSocketsTest, EveryWorkerHasASocketOfItsOwnOnOnePort) {
  const BoundListener bound = Bound("127.0.0.1:0", 3);
  ASSERT_EQ(bound.sockets.size(), 3u);
  EXPECT_NE(bound.address.port(), 0);
  for (const pool::FileDescriptor& socket : bound.sockets) {
    EXPECT_EQ(*pool::LocalAddress(socket.get()), bound.address);
    EXPECT_NE(fcntl(socket.get(), F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_NE(fcntl(socket.get(), F_GETFL) & O_NONBLOCK, 0);
  }
}

// A client may come before any worker has its socket.
TEST(ListenerSocketsTest, WhoComesAtOnceHasTheListenersTcpOptions) {
  config::Listener config = ListenerAt("127.0.0.1:0");
  config.tcp.options = {.keepalive = std::chrono::seconds(70),
                        .user_timeout = std::chrono::seconds(30)};
  const absl::StatusOr<BoundListener> bound = BindListener(config, 2);
  ASSERT_TRUE(bound.ok()) << bound.status();
  for (const pool::FileDescriptor& socket : bound->sockets) {
    const auto option = [&](int level, int name) {
      int value = -1;
      socklen_t length = sizeof(value);
      EXPECT_EQ(getsockopt(socket.get(), level, name, &value, &length), 0);
      return value;
    };
    EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPIDLE), 70);
    EXPECT_EQ(option(IPPROTO_TCP, TCP_USER_TIMEOUT), 30'000);
  }
}

TEST(ListenerSocketsTest, AnotherAddressOfAPortThatIsOursMayBeBound) {
  const BoundListener bound = Bound("127.0.0.1:0", 2);
  const std::string all = "0.0.0.0:" + std::to_string(bound.address.port());
  EXPECT_FALSE(BindListener(ListenerAt(all), 2).ok()) << "it could be another process's";
  const absl::StatusOr<BoundListener> second =
      BindListener(ListenerAt(all), 2, {}, /*port_is_ours=*/true);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->address.ToString(), all);
  EXPECT_TRUE(BindFirst(bound.address, /*port_is_ours=*/true).ok());
  EXPECT_FALSE(BindFirst(bound.address, /*port_is_ours=*/false).ok());
}

TEST(ListenerSocketsTest, TheKernelSpreadsConnectionsOverTheWorkers) {
  const BoundListener bound = Bound("127.0.0.1:0", 2);
  std::vector<support::WireSocket> clients;
  // By a hash of the addresses: that none of 64 goes to one of two has a chance of 2^-63.
  for (int i = 0; i < 64; ++i) clients.push_back(support::Connect(bound.address.ToString()));
  EXPECT_TRUE(HasClient(bound.sockets[0]));
  EXPECT_TRUE(HasClient(bound.sockets[1]));
}

TEST(ListenerSocketsTest, Ipv6AndBothFamiliesWork) {
  for (const char* bind : {"[::1]:0", ":0"}) {
    const BoundListener bound = Bound(bind, 2);
    ASSERT_EQ(bound.sockets.size(), 2u) << bind;
    EXPECT_EQ(*pool::LocalAddress(bound.sockets[1].get()), bound.address) << bind;
  }
}

TEST(ListenerSocketsTest, APortInUseIsAnErrorThatNamesListenerAndAddress) {
  const BoundListener first = Bound("127.0.0.1:0", 1);
  const std::string address = first.address.ToString();
  EXPECT_THAT(ErrorOf(address), AllOf(HasSubstr("listener edge: "), HasSubstr(address),
                                      HasSubstr("Address already in use")));
}

TEST(ListenerSocketsTest, APortThatSomebodyElseSharesIsInUse) {
  const absl::StatusOr<pool::FileDescriptor> other =
      pool::Listen(*pool::SocketAddress::Parse("127.0.0.1:0"), /*reuse_port=*/true);
  ASSERT_TRUE(other.ok());
  const std::string address = pool::LocalAddress(other->get())->ToString();
  EXPECT_THAT(ErrorOf(address), AllOf(HasSubstr("listener edge: "), HasSubstr(address)));
}

TEST(ListenerSocketsTest, AnAddressThatIsNotOursIsAnError) {
  EXPECT_THAT(ErrorOf("192.0.2.1:8080"),
              AllOf(HasSubstr("listener edge: "), HasSubstr("192.0.2.1:8080")));
}

TEST(ListenerSocketsTest, AUnixSocketIsOneForAllWorkers) {
  const support::TempDir dir;
  const std::string name = "unix:" + dir.Path("socket");
  const BoundListener bound = Bound(name, 3);
  ASSERT_EQ(bound.sockets.size(), 3u);
  EXPECT_EQ(bound.address.ToString(), name);
  std::set<int> numbers;
  for (const pool::FileDescriptor& socket : bound.sockets) {
    numbers.insert(socket.get());
    EXPECT_NE(fcntl(socket.get(), F_GETFD) & FD_CLOEXEC, 0);
  }
  EXPECT_EQ(numbers.size(), 3u);
  const support::WireSocket client = support::Connect(name);
  for (const pool::FileDescriptor& socket : bound.sockets) EXPECT_TRUE(HasClient(socket));
}

TEST(ListenerSocketsTest, ALiveUnixSocketIsNotTakenOver) {
  const support::TempDir dir;
  const std::string name = "unix:" + dir.Path("socket");
  const BoundListener first = Bound(name, 1);
  EXPECT_THAT(ErrorOf(name), AllOf(HasSubstr("listener edge: "), HasSubstr(name)));
}

TEST(ListenerSocketsTest, CopiesAreOfTheSameSockets) {
  const BoundListener bound = Bound("127.0.0.1:0", 2);
  ASSERT_EQ(bound.copies.size(), 2u);
  std::vector<support::WireSocket> clients;
  for (int i = 0; i < 64; ++i) clients.push_back(support::Connect(bound.address.ToString()));
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_NE(bound.copies[i].get(), bound.sockets[i].get());
    EXPECT_NE(fcntl(bound.copies[i].get(), F_GETFD) & FD_CLOEXEC, 0);
    const int accepted = accept(bound.copies[i].get(), nullptr, nullptr);
    EXPECT_GE(accepted, 0);
    close(accepted);
  }
}

TEST(ListenerSocketsTest, InheritedSocketsAreAllTakenHoweverFewTheWorkers) {
  BoundListener before = Bound("127.0.0.1:0", 4);
  const absl::StatusOr<BoundListener> after =
      BindListener(ListenerAt("127.0.0.1:0"), 2, std::move(before.copies));
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(after->address, before.address);
  EXPECT_EQ(after->sockets.size(), 4u);
  EXPECT_EQ(after->copies.size(), 4u);
}

TEST(ListenerSocketsTest, MoreWorkersThanInheritedSocketsBindTheRest) {
  BoundListener before = Bound("127.0.0.1:0", 1);
  const absl::StatusOr<BoundListener> after =
      BindListener(ListenerAt(before.address.ToString()), 3, std::move(before.copies));
  ASSERT_TRUE(after.ok()) << after.status();
  ASSERT_EQ(after->sockets.size(), 3u);
  for (const pool::FileDescriptor& socket : after->sockets) {
    EXPECT_EQ(*pool::LocalAddress(socket.get()), before.address);
  }
}

TEST(ListenerSocketsTest, AnInheritedUnixSocketIsOneForAsManyAsThereAre) {
  for (const size_t workers : {1u, 2u, 5u}) {
    BoundListener before = Bound("unix:@holdfast-inherited-" + std::to_string(workers), 2);
    const absl::StatusOr<BoundListener> after =
        BindListener(ListenerAt(before.address.ToString()), workers, std::move(before.copies));
    ASSERT_TRUE(after.ok()) << after.status();
    EXPECT_EQ(after->sockets.size(), workers);
    const support::WireSocket client = support::Connect(before.address.ToString());
    for (const pool::FileDescriptor& socket : after->sockets) EXPECT_TRUE(HasClient(socket));
  }
}

TEST(ListenerSocketsTest, EveryAddressMayBeBesideOneAddressOfAPortOfOurs) {
  const BoundListener one = Bound("127.0.0.1:0", 2);
  const std::string every = "0.0.0.0:" + std::to_string(one.address.port());
  EXPECT_THAT(ErrorOf(every), HasSubstr("in use"));
  const absl::StatusOr<BoundListener> both =
      BindListener(ListenerAt(every), 2, {}, /*port_is_ours=*/true);
  ASSERT_TRUE(both.ok()) << both.status();
  // The more exact one has the client.
  const support::WireSocket client = support::Connect(one.address.ToString());
  EXPECT_TRUE(HasClient(one.sockets[0]) || HasClient(one.sockets[1]));
}

TEST(ListenerSocketsTest, AForeignSocketThatDoesNotShareIsInTheWayOfAPortOfOurs) {
  const int foreign = support::Listen("127.0.0.1:0");
  const absl::StatusOr<BoundListener> bound =
      BindListener(ListenerAt(support::LocalAddress(foreign)), 1, {}, /*port_is_ours=*/true);
  EXPECT_FALSE(bound.ok());
  close(foreign);
}

}  // namespace
}  // namespace holdfast::server
