#include "gateway/proxy/client_ends.h"

#include <sys/socket.h>

#include <optional>

#include "pool/net/socket_address.h"

namespace holdfast::proxy {
namespace {

// Of a socket that is gone: nothing.
pool::SocketAddress Ask(int (*end)(int, sockaddr*, socklen_t*), int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  auto* const address = reinterpret_cast<sockaddr*>(&storage);
  return end(fd, address, &length) == 0 ? pool::SocketAddress(address, length)
                                        : pool::SocketAddress();
}

int PeerName(int fd, sockaddr* address, socklen_t* length) {
  return getpeername(fd, address, length);
}
int OwnName(int fd, sockaddr* address, socklen_t* length) {
  return getsockname(fd, address, length);
}

}  // namespace

pool::ProxiedEnds ClientEnds(int fd, const pool::ProxiedEnds* announced, std::string_view origin) {
  pool::ProxiedEnds ends;
  if (announced != nullptr) {
    ends = *announced;
  } else {
    ends = {Ask(&PeerName, fd), Ask(&OwnName, fd)};
  }
  const auto speaker =
      origin.empty() ? std::nullopt : pool::SocketAddress::FromIp(origin, /*port=*/0);
  if (!speaker.has_value()) return ends;
  ends.source = *speaker;
  if (!ends.destination.is_ip()) {
    const bool v6 = speaker->family() == AF_INET6;
    ends.destination = *pool::SocketAddress::FromIp(v6 ? "::" : "0.0.0.0", 0);
  }
  return ends;
}

}  // namespace holdfast::proxy
