#ifndef HOLDFAST_POOL_NET_SOCKET_ADDRESS_H_
#define HOLDFAST_POOL_NET_SOCKET_ADDRESS_H_

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace holdfast::pool {

// An IPv4, IPv6 or UNIX address by value (UNIX: path up to 107 bytes; "@name" is abstract). Equal
// addresses have equal bytes: what does not name the peer (padding, flow labels) is kept zero.
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

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t length() const { return length_; }
  int family() const { return storage_.ss_family; }
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
    return H::combine_contiguous(std::move(h), reinterpret_cast<const char*>(&a.storage_),
                                 a.length_);
  }

 private:
  static std::optional<SocketAddress> FromUnixName(std::string_view name);

  sockaddr_storage storage_{};
  socklen_t length_ = 0;
  bool dual_stack_ = false;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_NET_SOCKET_ADDRESS_H_
