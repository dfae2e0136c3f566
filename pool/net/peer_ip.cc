#include "pool/net/peer_ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "pool/net/check.h"

namespace holdfast::pool {
namespace {

constexpr int kGroups = 8;

// inet_ntop would do the same with sprintf, in ten times the instructions.
size_t FormatIpv4(const uint8_t* bytes, char* room, size_t size) {
  char* end = room;
  for (int i = 0; i < 4; ++i) {
    if (i > 0) *end++ = '.';
    end = std::to_chars(end, room + size, bytes[i]).ptr;
  }
  return static_cast<size_t>(end - room);
}

// The longest run of two zero groups or more, the first of such (RFC 5952 section 4.2).
struct Run {
  int first = kGroups;
  int length = 1;
};
Run LongestZeros(const std::array<uint16_t, kGroups>& groups) {
  Run best;
  for (int i = 0; i < kGroups;) {
    int end = i;
    while (end < kGroups && groups[end] == 0) ++end;
    if (end - i > best.length) best = {.first = i, .length = end - i};
    i = std::max(end, i + 1);
  }
  return best;
}

size_t FormatIpv6(const uint8_t* bytes, char* room, size_t size) {
  std::array<uint16_t, kGroups> groups;
  for (int i = 0; i < kGroups; ++i) {
    groups[i] = static_cast<uint16_t>(bytes[2 * i] << 8 | bytes[2 * i + 1]);
  }
  const Run zeros = LongestZeros(groups);
  char* end = room;
  for (int i = 0; i < kGroups; ++i) {
    if (i == zeros.first) {
      *end++ = ':';
      i += zeros.length - 1;
      if (i == kGroups - 1) *end++ = ':';
      continue;
    }
    if (i > 0) *end++ = ':';
    end = std::to_chars(end, room + size, groups[i], 16).ptr;
  }
  return static_cast<size_t>(end - room);
}

// Those of RFC 4291 section 2.5.5 are written with an IPv4 address at their end.
bool MayHoldIpv4(const in6_addr& address) {
  return std::all_of(address.s6_addr, address.s6_addr + 8, [](uint8_t byte) { return byte == 0; });
}

}  // namespace

PeerIp::PeerIp(const SocketAddress& peer) {
  const sockaddr* const address = peer.get();
  if (peer.family() == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    length_ = static_cast<uint8_t>(
        FormatIpv4(reinterpret_cast<const uint8_t*>(&v4->sin_addr), bytes_.data(), bytes_.size()));
    return;
  }
  if (peer.family() != AF_INET6) return;
  const in6_addr& v6 = reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
  if (MayHoldIpv4(v6)) {
    const std::string text = peer.Ip();
    if (text.size() <= bytes_.size()) {
      length_ = static_cast<uint8_t>(text.size());
      std::ranges::copy(text, bytes_.begin());
      return;
    }
  }
  length_ = kBinary;
  std::memcpy(bytes_.data(), &v6, bytes_.size());
}

std::string_view PeerIp::Format(std::span<char, kMaxText> room) const {
  in6_addr v6;
  static_assert(sizeof(v6) == sizeof(bytes_));
  std::memcpy(&v6, bytes_.data(), sizeof(v6));
  if (MayHoldIpv4(v6)) {
    HOLDFAST_CHECK(inet_ntop(AF_INET6, &v6, room.data(), room.size()) != nullptr);
    return room.data();
  }
  return {room.data(), FormatIpv6(v6.s6_addr, room.data(), room.size())};
}

}  // namespace holdfast::pool
