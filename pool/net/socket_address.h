#ifndef HOLDFAST_POOL_NET_SOCKET_ADDRESS_H_
#define HOLDFAST_POOL_NET_SOCKET_ADDRESS_H_

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace holdfast::pool {

// An IPv4, IPv6 or UNIX address by value (UNIX: path up to 107 bytes; "@name" is abstract). Equal
// addresses have equal bytes: what does not name the peer (padding, flow labels) is kept zero.
//
// Small: an IP address is inside it, and copies of a UNIX address share one immutable name. So a
// copy allocates nothing and copies may be used on several threads.
class SocketAddress {
 public:
  // What ToString may need.
  static constexpr size_t kMaxText = 128;

  SocketAddress() = default;
  // From accept(2), getsockname(2) and the like. Other families give an empty address.
  SocketAddress(const sockaddr* address, socklen_t length);

  // "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80", ":80" (every address of both families, where
  // "[::]:80" is those of IPv6 alone), "unix:/run/x.sock", "unix:@name". Literals only: names are
  // for the resolver. nullopt when it is none of these.
  static std::optional<SocketAddress> Parse(std::string_view text);
  // An IP literal without port, IPv6 with or without brackets.
  static std::optional<SocketAddress> FromIp(std::string_view ip, uint16_t port);

  // The ":80" form.
  static SocketAddress DualStack(uint16_t port);

  // Good as long as this is neither changed nor destroyed; of a UNIX address, a whole sockaddr_un.
  const sockaddr* get() const;
  socklen_t length() const;
  int family() const { return ip_.sin6_family; }
  bool is_ip() const { return family() == AF_INET || family() == AF_INET6; }
  bool dual_stack() const { return dual_stack_; }
  uint16_t port() const;
  // An IPv6 address that means something on one interface alone (RFC 4007), and which one; 0: it
  // does not say.
  bool link_local() const;
  uint32_t interface_index() const;
  // The address alone ("10.0.0.7", "::1"; IPv4-mapped IPv6 as IPv4, no scope; UNIX: "unix:").
  std::string Ip() const;
  // As Parse reads it.
  std::string ToString() const;
  // The same text in memory of the caller's, which it shares.
  std::string_view FormatTo(std::span<char, kMaxText> room) const;

  bool operator==(const SocketAddress& other) const;
  template <class H>
  friend H AbslHashValue(H h, const SocketAddress& a) {
    return H::combine_contiguous(std::move(h), reinterpret_cast<const char*>(a.get()), a.length());
  }

 private:
  struct UnixName;

  static std::optional<SocketAddress> FromUnixName(std::string_view name);
  void SetUnixName(const sockaddr* address, socklen_t length);
  sockaddr_in Ipv4() const;

  sockaddr_in6 ip_{};   // or a sockaddr_in, or the family alone
  uint8_t length_ = 0;  // of what ip_ holds
  bool dual_stack_ = false;
  std::shared_ptr<const UnixName> unix_;  // of a UNIX address that has a name
};
static_assert(sizeof(SocketAddress) <= 48, "every connection, endpoint and pool key has some");

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_NET_SOCKET_ADDRESS_H_
