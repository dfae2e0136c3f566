#ifndef HOLDFAST_POOL_NET_SOCKET_CALLS_H_
#define HOLDFAST_POOL_NET_SOCKET_CALLS_H_

#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstddef>

namespace holdfast::pool {

// As recv and send, without what the C library does around them in a process with threads: both are
// points of cancellation there, which costs 40 instructions a call, and no thread here is ever
// cancelled. Any thread; `errno` says what went wrong.
inline ssize_t ReceiveBytes(int fd, void* to, size_t size, int flags) {
  return syscall(SYS_recvfrom, fd, to, size, flags, nullptr, nullptr);
}
inline ssize_t SendBytes(int fd, const void* from, size_t size, int flags) {
  return syscall(SYS_sendto, fd, from, size, flags, nullptr, 0);
}

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_NET_SOCKET_CALLS_H_
