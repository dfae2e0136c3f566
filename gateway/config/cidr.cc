#include "gateway/config/cidr.h"

#include <netinet/in.h>

#include <charconv>
#include <cstring>

namespace holdfast::config {
namespace {

constexpr int kMappedPrefixBits = 96;

std::array<uint8_t, 16> MappedBytes(in_addr v4) {
  std::array<uint8_t, 16> bytes{};
  bytes[10] = bytes[11] = 0xff;
  std::memcpy(&bytes[12], &v4, sizeof(v4));
  return bytes;
}

std::optional<std::array<uint8_t, 16>> MappedBytes(const pool::SocketAddress& address) {
  if (address.family() == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, address.get(), sizeof(v4));
    return MappedBytes(v4.sin_addr);
  }
  if (address.family() == AF_INET6) {
    std::array<uint8_t, 16> bytes;
    sockaddr_in6 v6;
    std::memcpy(&v6, address.get(), sizeof(v6));
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return bytes;
  }
  return std::nullopt;
}

std::array<uint8_t, 16> Masked(std::array<uint8_t, 16> bytes, int prefix_bits) {
  for (int i = 0; i < 16; ++i) {
    const int kept = prefix_bits - 8 * i;
    if (kept <= 0) {
      bytes[i] = 0;
    } else if (kept < 8) {
      bytes[i] &= static_cast<uint8_t>(0xff << (8 - kept));
    }
  }
  return bytes;
}

}  // namespace

std::optional<Cidr> Cidr::Parse(std::string_view text) {
  const size_t slash = text.find('/');
  const std::optional<pool::SocketAddress> address =
      pool::SocketAddress::FromIp(text.substr(0, slash), 0);
  if (!address) return std::nullopt;
  const bool v4 = address->family() == AF_INET;
  Cidr range;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    int bits = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    if (bits < 0 || bits > (v4 ? 32 : 128)) return std::nullopt;
    range.prefix_bits_ = v4 ? kMappedPrefixBits + bits : bits;
  }
  const auto bytes = MappedBytes(*address);
  if (!bytes) return std::nullopt;
  range.network_ = Masked(*bytes, range.prefix_bits_);
  if (range.network_ != *bytes) return std::nullopt;
  return range;
}

bool Cidr::Contains(const pool::SocketAddress& address) const {
  const auto bytes = MappedBytes(address);
  return bytes && ContainsMapped(*bytes);
}

bool Cidr::Contains(uint32_t ipv4) const { return ContainsMapped(MappedBytes({htonl(ipv4)})); }

bool Cidr::ContainsMapped(const std::array<uint8_t, 16>& bytes) const {
  const int whole = prefix_bits_ / 8;
  if (std::memcmp(bytes.data(), network_.data(), static_cast<size_t>(whole)) != 0) return false;
  const int rest = prefix_bits_ % 8;
  return rest == 0 || (bytes[whole] ^ network_[whole]) >> (8 - rest) == 0;
}

}  // namespace holdfast::config
