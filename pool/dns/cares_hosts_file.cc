#include "pool/dns/cares_hosts_file.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <utility>

#include <ares.h>

#include "pool/dns/cares_library.h"
#include "pool/net/check.h"

namespace holdfast::pool {
namespace {

struct FreeAddrinfo {
  void operator()(ares_addrinfo* info) const { ares_freeaddrinfo(info); }
};

struct Entry {
  uint16_t port;
  std::vector<SocketAddress> addresses;
};

SocketAddress WithPort(const sockaddr* address, socklen_t length, uint16_t port) {
  sockaddr_in6 copy{};
  HOLDFAST_CHECK(length <= sizeof(copy));
  std::memcpy(&copy, address, length);
  // Both families have the port in the same place.
  static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
  copy.sin6_port = htons(port);
  return SocketAddress(reinterpret_cast<const sockaddr*>(&copy), length);
}

// c-ares calls it before ares_getaddrinfo returns: nothing but a file is read.
void OnHosts(void* data, int status, int /*timeouts*/, ares_addrinfo* result) {
  const std::unique_ptr<ares_addrinfo, FreeAddrinfo> info(result);
  Entry& entry = *static_cast<Entry*>(data);
  if (status != ARES_SUCCESS) return;
  for (const ares_addrinfo_node* node = info->nodes; node != nullptr; node = node->ai_next) {
    entry.addresses.push_back(WithPort(node->ai_addr, node->ai_addrlen, entry.port));
  }
}

}  // namespace

CaresHostsFile::CaresHostsFile() {
  HoldCaresLibrary();
  char lookups[] = "f";
  ares_options options{};
  options.lookups = lookups;
  HOLDFAST_CHECK(ares_init_options(&channel_, &options, ARES_OPT_LOOKUPS) == ARES_SUCCESS);
}

CaresHostsFile::~CaresHostsFile() { ares_destroy(channel_); }

std::vector<SocketAddress> CaresHostsFile::Find(const std::string& name, uint16_t port) {
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  // Sorting would open a socket per address to rank it; every address becomes an endpoint.
  hints.ai_flags = ARES_AI_NOSORT;
  const std::string relative = name.ends_with('.') ? name.substr(0, name.size() - 1) : name;
  Entry entry{.port = port, .addresses = {}};
  ares_getaddrinfo(channel_, relative.c_str(), nullptr, &hints, &OnHosts, &entry);
  return std::move(entry.addresses);
}

}  // namespace holdfast::pool
