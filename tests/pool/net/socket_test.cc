#include "pool/net/socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/pool/net/socket_pair.h"

namespace holdfast::pool {
namespace {

int Option(int fd, int level, int name) {
  int value = -1;
  socklen_t length = sizeof(value);
  EXPECT_EQ(getsockopt(fd, level, name, &value, &length), 0);
  return value;
}

bool IsNonBlockingAndCloseOnExec(int fd) {
  return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

SocketAddress Address(std::string_view text) {
  const auto address = SocketAddress::Parse(text);
  EXPECT_TRUE(address) << text;
  return *address;
}

FileDescriptor MustListen(std::string_view text, int backlog = 16) {
  auto listener = Listen(Address(text), false, backlog);
  EXPECT_TRUE(listener.ok()) << listener.status();
  return std::move(*listener);
}

SocketAddress MustLocal(int fd) {
  const auto address = LocalAddress(fd);
  EXPECT_TRUE(address.ok()) << address.status();
  return *address;
}

// The peer of a connected socket.
SocketAddress PeerOf(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  EXPECT_EQ(getpeername(fd, address, &length), 0);
  return SocketAddress(address, length);
}

// A connected descriptor.
FileDescriptor MustConnect(const SocketAddress& address) {
  bool in_progress = false;
  int error = 0;
  FileDescriptor fd = StartConnect(address, &in_progress, &error);
  EXPECT_EQ(error, 0);
  EXPECT_TRUE(!in_progress || WaitFor(fd.get(), POLLOUT));
  EXPECT_EQ(TakeSocketError(fd.get()), 0);
  return fd;
}

FileDescriptor MustAccept(const FileDescriptor& listener) {
  EXPECT_TRUE(WaitFor(listener.get(), POLLIN));
  FileDescriptor fd(accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK));
  EXPECT_TRUE(fd.valid());
  return fd;
}

bool HasIpv6() {
  const FileDescriptor fd(socket(AF_INET6, SOCK_STREAM, 0));
  const SocketAddress loopback = Address("[::1]:0");
  return fd.valid() && bind(fd.get(), loopback.get(), loopback.length()) == 0;
}

// A directory of its own with a short name: the names of UNIX sockets have 107 bytes.
class ListenUnix : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(mkdtemp(directory_), nullptr); }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string Path(const char* name) const { return std::string(directory_) + "/" + name; }

 private:
  char directory_[32] = "/tmp/holdfast-XXXXXX";
};

TEST(FileDescriptor, ClosesOnceAndMoves) {
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  FileDescriptor first(fds[0]);
  FileDescriptor second(std::move(first));
  EXPECT_FALSE(first.valid());
  EXPECT_EQ(second.get(), fds[0]);
  FileDescriptor third(fds[1]);
  third = std::move(second);
  EXPECT_EQ(fcntl(fds[1], F_GETFD), -1);
  EXPECT_EQ(third.get(), fds[0]);
  third.Reset();
  EXPECT_EQ(fcntl(fds[0], F_GETFD), -1);
  EXPECT_FALSE(third.valid());
}

TEST(Listen, TcpConnectionsArriveWithNoDelay) {
  for (const char* text : {"127.0.0.1:0", "[::1]:0"}) {
    if (text[0] == '[' && !HasIpv6()) continue;
    const FileDescriptor listener = MustListen(text);
    EXPECT_TRUE(IsNonBlockingAndCloseOnExec(listener.get()));
    const SocketAddress local = MustLocal(listener.get());
    EXPECT_NE(local.port(), 0);
    const FileDescriptor client = MustConnect(local);
    EXPECT_TRUE(IsNonBlockingAndCloseOnExec(client.get()));
    EXPECT_EQ(Option(client.get(), IPPROTO_TCP, TCP_NODELAY), 1);
    const FileDescriptor accepted = MustAccept(listener);
    EXPECT_EQ(Option(accepted.get(), IPPROTO_TCP, TCP_NODELAY), 1);
    EXPECT_EQ(PeerOf(client.get()), local);
    EXPECT_EQ(PeerOf(accepted.get()), MustLocal(client.get()));
  }
}

TEST(Listen, ReusePortLetsEveryWorkerListen) {
  auto first = Listen(Address("127.0.0.1:0"), true);
  ASSERT_TRUE(first.ok()) << first.status();
  const SocketAddress address = MustLocal(first->get());
  EXPECT_TRUE(Listen(address, true).ok());
  EXPECT_FALSE(Listen(address, false).ok());
}

TEST(Listen, APortInUseIsAnErrorThatNamesIt) {
  const FileDescriptor first = MustListen("127.0.0.1:0");
  const SocketAddress address = MustLocal(first.get());
  const auto second = Listen(address, false);
  ASSERT_FALSE(second.ok());
  const std::string message(second.status().message());
  EXPECT_NE(message.find(address.ToString()), std::string::npos) << message;
  EXPECT_NE(message.find("Address already in use"), std::string::npos) << message;
}

TEST(Listen, AnAddressThatIsNotOursIsAnErrorThatNamesIt) {
  const auto listener = Listen(Address("192.0.2.1:0"), false);
  ASSERT_FALSE(listener.ok());
  EXPECT_NE(listener.status().message().find("192.0.2.1:0"), absl::string_view::npos);
}

TEST(Listen, NoAddressIsAnError) { EXPECT_FALSE(Listen(SocketAddress(), false).ok()); }

TEST(Listen, ThePortAloneTakesBothFamilies) {
  const FileDescriptor listener = MustListen(":0");
  const SocketAddress local = MustLocal(listener.get());
  EXPECT_EQ(local.ToString(), (HasIpv6() ? ":" : "0.0.0.0:") + std::to_string(local.port()));
  const FileDescriptor v4 = MustConnect(*SocketAddress::FromIp("127.0.0.1", local.port()));
  const FileDescriptor accepted_v4 = MustAccept(listener);
  EXPECT_EQ(PeerOf(accepted_v4.get()).Ip(), "127.0.0.1");
  if (!HasIpv6()) return;
  const FileDescriptor v6 = MustConnect(*SocketAddress::FromIp("::1", local.port()));
  const FileDescriptor accepted_v6 = MustAccept(listener);
  EXPECT_EQ(PeerOf(accepted_v6.get()).Ip(), "::1");
}

TEST(Listen, AllOfIpv6LeavesIpv4ToOthers) {
  if (!HasIpv6()) GTEST_SKIP() << "no IPv6 on this host";
  const FileDescriptor v6 = MustListen("[::]:0");
  const SocketAddress local = MustLocal(v6.get());
  EXPECT_FALSE(local.dual_stack());
  EXPECT_TRUE(Listen(*SocketAddress::FromIp("0.0.0.0", local.port()), false).ok());
}

TEST_F(ListenUnix, ByPathAndByAbstractName) {
  const std::string path = Path("listen");
  for (const std::string& text : {"unix:" + path, "unix:@" + path}) {
    const FileDescriptor listener = MustListen(text);
    EXPECT_EQ(MustLocal(listener.get()).ToString(), text);
    const FileDescriptor client = MustConnect(Address(text));
    const FileDescriptor accepted = MustAccept(listener);
    EXPECT_EQ(PeerOf(client.get()).ToString(), text);
    EXPECT_EQ(PeerOf(accepted.get()).ToString(), "unix:");
  }
}

TEST_F(ListenUnix, AStaleSocketFileIsReplaced) {
  const std::string path = Path("stale");
  MustListen("unix:" + path).Reset();
  struct stat file;
  ASSERT_EQ(lstat(path.c_str(), &file), 0) << "closing a socket leaves its file";
  const FileDescriptor listener = MustListen("unix:" + path);
  EXPECT_TRUE(MustConnect(Address("unix:" + path)).valid());
}

TEST_F(ListenUnix, ALiveSocketFileIsNot) {
  const std::string path = Path("live");
  const FileDescriptor first = MustListen("unix:" + path);
  const auto second = Listen(Address("unix:" + path), false);
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.status().message().find(path), absl::string_view::npos);
  EXPECT_TRUE(MustConnect(Address("unix:" + path)).valid());
}

TEST_F(ListenUnix, AnyOtherFileIsNot) {
  const std::string path = Path("file");
  const FileDescriptor file(open(path.c_str(), O_CREAT | O_WRONLY, 0600));
  ASSERT_TRUE(file.valid());
  EXPECT_FALSE(Listen(Address("unix:" + path), false).ok());
  struct stat left;
  ASSERT_EQ(lstat(path.c_str(), &left), 0);
  EXPECT_TRUE(S_ISREG(left.st_mode));
}

TEST_F(ListenUnix, ALinkToAStaleSocketIsNot) {
  const std::string path = Path("target");
  const std::string link = Path("link");
  MustListen("unix:" + path).Reset();
  ASSERT_EQ(symlink(path.c_str(), link.c_str()), 0);
  EXPECT_FALSE(Listen(Address("unix:" + link), false).ok());
}

TEST(StartConnect, ARefusedTcpConnectionIsFoundLater) {
  FileDescriptor listener = MustListen("127.0.0.1:0");
  const SocketAddress address = MustLocal(listener.get());
  listener.Reset();
  bool in_progress = false;
  int error = 0;
  const FileDescriptor fd = StartConnect(address, &in_progress, &error);
  if (!fd.valid()) {
    EXPECT_EQ(error, ECONNREFUSED);
    return;
  }
  EXPECT_TRUE(in_progress);
  ASSERT_TRUE(WaitFor(fd.get(), POLLOUT));
  EXPECT_EQ(TakeSocketError(fd.get()), ECONNREFUSED);
}

TEST(StartConnect, AMissingUnixSocketIsAnErrorAtOnce) {
  bool in_progress = true;
  int error = 0;
  EXPECT_FALSE(StartConnect(Address("unix:/nonexistent/x"), &in_progress, &error).valid());
  EXPECT_EQ(error, ENOENT);
  EXPECT_FALSE(in_progress);
}

TEST(StartConnect, AFullUnixBacklogMayBeTriedAgain) {
  const std::string name = "unix:@holdfast-test-backlog-" + std::to_string(getpid());
  const FileDescriptor listener = MustListen(name, 0);
  std::vector<FileDescriptor> waiting;
  int error = 0;
  for (int i = 0; i < 10 && error == 0; ++i) {
    bool in_progress = false;
    waiting.push_back(StartConnect(Address(name), &in_progress, &error));
    EXPECT_FALSE(in_progress);
  }
  EXPECT_EQ(error, EAGAIN);
  ASSERT_TRUE(waiting.back().valid());
  EXPECT_EQ(ConnectAgain(waiting.back().get(), Address(name)), EAGAIN);
  const FileDescriptor first(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_EQ(ConnectAgain(waiting.back().get(), Address(name)), 0);
}

TEST(StartConnect, APeerThatVanishesIsFound) {
  const FileDescriptor listener = MustListen("127.0.0.1:0");
  bool in_progress = false;
  int error = 0;
  const FileDescriptor fd = StartConnect(*LocalAddress(listener.get()), &in_progress, &error);
  EXPECT_EQ(Option(fd.get(), SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(Option(fd.get(), IPPROTO_TCP, TCP_KEEPIDLE), 60);
  EXPECT_EQ(Option(fd.get(), IPPROTO_TCP, TCP_KEEPINTVL), 10);
  EXPECT_EQ(Option(fd.get(), IPPROTO_TCP, TCP_KEEPCNT), 6);
}

TEST(HasRoute, IsThereForLoopback) {
  EXPECT_TRUE(HasRoute(Address("127.0.0.1:1")));
  EXPECT_TRUE(HasRoute(Address("[::1]:1")));
}

TEST(PeekSocket, TellsNothingFromBytesFromTheEndFromAnError) {
  auto [client, server] = TcpPair();
  EXPECT_EQ(PeekSocket(client.get()), PeekResult::kNothing);

  ASSERT_EQ(send(server.get(), "x", 1, 0), 1);
  ASSERT_TRUE(WaitFor(client.get(), POLLIN));
  EXPECT_EQ(PeekSocket(client.get()), PeekResult::kBytes);
  EXPECT_EQ(PeekSocket(client.get()), PeekResult::kBytes) << "a look takes nothing";

  char byte;
  ASSERT_EQ(recv(client.get(), &byte, 1, 0), 1);
  ASSERT_EQ(shutdown(server.get(), SHUT_WR), 0);
  ASSERT_TRUE(WaitFor(client.get(), POLLIN));
  EXPECT_EQ(PeekSocket(client.get()), PeekResult::kEndOfStream);
}

TEST(PeekSocket, FindsAReset) {
  auto [client, server] = TcpPair();
  CloseWithReset(server);
  ASSERT_TRUE(WaitFor(client.get(), POLLIN));
  EXPECT_EQ(PeekSocket(client.get()), PeekResult::kError);
}

}  // namespace
}  // namespace holdfast::pool
