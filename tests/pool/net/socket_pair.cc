#include "tests/pool/net/socket_pair.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include <gtest/gtest.h>

namespace holdfast::pool {

SocketPair UnixPair() {
  int fds[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
  return {FileDescriptor(fds[0]), FileDescriptor(fds[1])};
}

SocketPair TcpPair() {
  auto listener = Listen(*SocketAddress::FromIp("127.0.0.1", 0), false);
  EXPECT_TRUE(listener.ok()) << listener.status();
  bool in_progress = false;
  int error = 0;
  FileDescriptor client = StartConnect(*LocalAddress(listener->get()), &in_progress, &error);
  EXPECT_EQ(error, 0);
  EXPECT_TRUE(WaitFor(listener->get(), POLLIN));
  FileDescriptor server(accept4(listener->get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  EXPECT_TRUE(server.valid());
  EXPECT_TRUE(WaitFor(client.get(), POLLOUT));
  return {std::move(server), std::move(client)};
}

void SendAll(const FileDescriptor& fd, std::string_view bytes) {
  EXPECT_EQ(SendSome(fd, bytes), bytes.size());
}

size_t SendSome(const FileDescriptor& fd, std::string_view bytes) {
  size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t n = send(fd.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n < 0) break;
    sent += static_cast<size_t>(n);
  }
  return sent;
}

std::string ReceiveSome(const FileDescriptor& fd, bool* ended) {
  std::string result;
  char chunk[64 * 1024];
  ssize_t n;
  while ((n = recv(fd.get(), chunk, sizeof(chunk), 0)) > 0) {
    result.append(chunk, static_cast<size_t>(n));
  }
  if (n == 0 && ended != nullptr) *ended = true;
  return result;
}

std::string Receive(const FileDescriptor& fd, size_t n) {
  std::string result(n, '\0');
  size_t got = 0;
  while (got < n && WaitFor(fd.get(), POLLIN)) {
    const ssize_t piece = recv(fd.get(), result.data() + got, n - got, 0);
    if (piece <= 0) break;
    got += static_cast<size_t>(piece);
  }
  EXPECT_EQ(got, n);
  return result;
}

bool WaitFor(int fd, short events) {
  pollfd wait{.fd = fd, .events = events, .revents = 0};
  return poll(&wait, 1, 5000) == 1;
}

void CloseWithReset(FileDescriptor& fd) {
  const linger reset{.l_onoff = 1, .l_linger = 0};
  EXPECT_EQ(setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
  fd.Reset();
}

}  // namespace holdfast::pool
