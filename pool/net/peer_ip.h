#ifndef HOLDFAST_POOL_NET_PEER_IP_H_
#define HOLDFAST_POOL_NET_PEER_IP_H_

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "pool/net/socket_address.h"

namespace holdfast::pool {

// A peer's IP address in 17 bytes, to be had as text at any time: IPv4 and short ones are kept as
// their text, other IPv6 ones as their bytes. A value; any thread.
class PeerIp {
 public:
  static constexpr size_t kMaxText = 46;

  // Of anything but IP: nothing.
  explicit PeerIp(const SocketAddress& peer);

  // As SocketAddress::Ip has it; empty for nothing. It lies in here or in `room`.
  std::string_view Text(std::span<char, kMaxText> room) const {
    return length_ != kBinary ? std::string_view(bytes_.data(), length_) : Format(room);
  }

 private:
  static constexpr uint8_t kBinary = 255;

  std::string_view Format(std::span<char, kMaxText> room) const;

  std::array<char, 16> bytes_;
  uint8_t length_ = 0;  // of the text, or kBinary
};
static_assert(sizeof(PeerIp) <= 17, "every client's connection has one");

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_NET_PEER_IP_H_
