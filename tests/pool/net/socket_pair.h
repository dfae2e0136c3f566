#ifndef HOLDFAST_TESTS_POOL_NET_SOCKET_PAIR_H_
#define HOLDFAST_TESTS_POOL_NET_SOCKET_PAIR_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "pool/net/socket.h"
#include "tests/support/pattern.h"

namespace holdfast::pool {

// Two connected, non-blocking stream sockets: one for what is tested, one to play its peer.
struct SocketPair {
  FileDescriptor ours;
  FileDescriptor theirs;
};

SocketPair UnixPair();
// Over the loopback.
SocketPair TcpPair();

// Sends everything; the test fails when the socket does not take it.
void SendAll(const FileDescriptor& fd, std::string_view bytes);
// Sends what the socket takes now; returns how much that was.
size_t SendSome(const FileDescriptor& fd, std::string_view bytes);
// What is there now; `*ended` becomes true at the peer's end.
std::string ReceiveSome(const FileDescriptor& fd, bool* ended = nullptr);
// Waits for exactly `n` bytes.
std::string Receive(const FileDescriptor& fd, size_t n);
// Waits for poll(2) `events`; false after 5 s.
bool WaitFor(int fd, short events);
// Closes with a reset.
void CloseWithReset(FileDescriptor& fd);

using support::Pattern;

}  // namespace holdfast::pool

#endif  // HOLDFAST_TESTS_POOL_NET_SOCKET_PAIR_H_
