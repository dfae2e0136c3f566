#include "pool/net/free_port.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "pool/net/socket.h"
#include "tests/pool/net/socket_pair.h"

namespace {

// How many sockets this process has listened on.
int listened = 0;

}  // namespace

// The C library's, counted.
extern "C" int listen(int fd, int backlog) noexcept {
  ++listened;
  return static_cast<int>(syscall(SYS_listen, fd, backlog));
}

namespace holdfast::pool {
namespace {

SocketAddress Address(std::string_view text) {
  const auto address = SocketAddress::Parse(text);
  EXPECT_TRUE(address) << text;
  return *address;
}

// A socket that listens, and where.
struct Taken {
  explicit Taken(std::string_view text, bool reuse_port = true)
      : socket(*Listen(Address(text), reuse_port)), address(*LocalAddress(socket.get())) {}
  FileDescriptor socket;
  SocketAddress address;
};

TEST(FreePort, IsNotWhereSomebodyListensThoughHeWouldShare) {
  for (const bool shares : {false, true}) {
    const Taken taken("127.0.0.1:0", shares);
    const absl::Status status = CheckPortFree(taken.address);
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_NE(status.message().find("cannot listen on " + taken.address.ToString()),
              std::string::npos)
        << status;
  }
}

TEST(FreePort, IsNotWhereSomebodyListensOnAllAddresses) {
  const Taken all("0.0.0.0:0");
  EXPECT_FALSE(CheckPortFree(*SocketAddress::FromIp("127.0.0.1", all.address.port())).ok());
  const Taken one("127.0.0.1:0");
  EXPECT_FALSE(CheckPortFree(*SocketAddress::FromIp("0.0.0.0", one.address.port())).ok());
  EXPECT_FALSE(CheckPortFree(SocketAddress::DualStack(one.address.port())).ok());
}

TEST(FreePort, IsWhereNobodyListensAnyMoreThoughConnectionsLast) {
  Taken taken("127.0.0.1:0");
  bool in_progress = false;
  int error = 0;
  const FileDescriptor client = StartConnect(taken.address, &in_progress, &error);
  ASSERT_EQ(error, 0);
  ASSERT_TRUE(WaitFor(taken.socket.get(), POLLIN));
  const FileDescriptor accepted(accept(taken.socket.get(), nullptr, nullptr));
  ASSERT_TRUE(accepted.valid());
  taken.socket.Reset();
  EXPECT_TRUE(CheckPortFree(taken.address).ok());
}

// What else is wrong with an address is for Listen to say.
TEST(FreePort, SaysNothingOfAnAddressThatIsNotOurs) {
  EXPECT_TRUE(CheckPortFree(Address("192.0.2.1:80")).ok());
}

// A client that connects meanwhile, as some do while their proxy starts, would be reset.
TEST(FreePort, IsLookedForWithoutListening) {
  const SocketAddress address = [] { return Taken("127.0.0.1:0").address; }();
  const int before = listened;
  EXPECT_GT(before, 0);
  static_cast<void>(CheckPortFree(address));
  EXPECT_EQ(listened, before);
}

}  // namespace
}  // namespace holdfast::pool
