#ifndef HOLDFAST_POOL_NET_IPV4_TEXT_H_
#define HOLDFAST_POOL_NET_IPV4_TEXT_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast::pool {

// "192.0.2.7" as inet_pton reads it, in the order of the host; nullopt for anything else. Without
// that one's price, since requests are asked where they are from. Pure.
inline std::optional<uint32_t> ReadIpv4(std::string_view text) {
  constexpr int kNumbers = 4;
  uint32_t address = 0;
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto digit = [&] { return static_cast<unsigned char>(*at) - uint32_t{'0'}; };
  for (int i = 0; i < kNumbers; ++i) {
    if (i > 0 && (at == end || *at++ != '.')) return std::nullopt;
    if (at == end || digit() > 9) return std::nullopt;
    uint32_t value = digit();
    ++at;
    if (at != end && digit() <= 9) {
      if (value == 0) return std::nullopt;
      value = 10 * value + digit();
      ++at;
      if (at != end && digit() <= 9) {
        value = 10 * value + digit();
        ++at;
      }
      if (value > 255) return std::nullopt;
    }
    address = address << 8 | value;
  }
  if (at != end) return std::nullopt;
  return address;
}

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_NET_IPV4_TEXT_H_
