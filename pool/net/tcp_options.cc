#include "pool/net/tcp_options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>

namespace holdfast::pool {
namespace {

template <class Unit>
int RoundedUp(Duration duration) {
  return static_cast<int>(std::chrono::ceil<Unit>(duration).count());
}

void Set(int fd, int level, int name, int value) {
  setsockopt(fd, level, name, &value, sizeof(value));
}

}  // namespace

void SetTcpOptions(int fd, const TcpOptions& options, bool fresh) {
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  if (!options.keepalive.has_value()) {
    if (!fresh) Set(fd, SOL_SOCKET, SO_KEEPALIVE, 0);
  } else {
    Set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    const int idle = std::max(RoundedUp<seconds>(*options.keepalive), 1);
    Set(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle);
    Set(fd, IPPROTO_TCP, TCP_KEEPINTVL, std::max(idle / TcpOptions::kProbes, 1));
    Set(fd, IPPROTO_TCP, TCP_KEEPCNT, TcpOptions::kProbes);
  }
  if (fresh && !options.user_timeout.has_value()) return;
  Set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
      options.user_timeout.has_value() ? RoundedUp<milliseconds>(*options.user_timeout) : 0);
}

}  // namespace holdfast::pool
