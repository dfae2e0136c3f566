#include "pool/net/socket_address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstring>

#include "pool/net/check.h"
#include "pool/net/ipv4_text.h"

namespace holdfast::pool {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";
constexpr size_t kUnixPathOffset = offsetof(sockaddr_un, sun_path);
// A path is terminated; an abstract name spends the same byte on its leading NUL.
constexpr size_t kMaxUnixName = sizeof(sockaddr_un::sun_path) - 1;

template <class T>
std::optional<T> ParseNumber(std::string_view digits) {
  T value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

// RFC 4007 section 11.2: a name or a number after '%'.
std::optional<uint32_t> ParseScope(std::string_view zone) {
  if (const auto number = ParseNumber<uint32_t>(zone)) return number;
  const uint32_t index = if_nametoindex(std::string(zone).c_str());
  if (index == 0) return std::nullopt;
  return index;
}

std::string ScopeName(uint32_t scope) {
  char name[IF_NAMESIZE];
  if (if_indextoname(scope, name) != nullptr) return name;
  return std::to_string(scope);
}

std::optional<sockaddr_in6> ParseIpv6(std::string_view ip, uint16_t port) {
  sockaddr_in6 result{};
  result.sin6_family = AF_INET6;
  result.sin6_port = htons(port);
  if (const size_t percent = ip.find('%'); percent != std::string_view::npos) {
    const auto scope = ParseScope(ip.substr(percent + 1));
    if (!scope) return std::nullopt;
    result.sin6_scope_id = *scope;
    ip = ip.substr(0, percent);
  }
  if (inet_pton(AF_INET6, std::string(ip).c_str(), &result.sin6_addr) != 1) return std::nullopt;
  return result;
}

// Writes to `to`, which has room for INET6_ADDRSTRLEN bytes; returns the text's end.
char* FormatIp(int family, const void* address, char* to) {
  HOLDFAST_CHECK(inet_ntop(family, address, to, INET6_ADDRSTRLEN) != nullptr);
  return to + std::strlen(to);
}

std::string IpText(int family, const void* address) {
  char text[INET6_ADDRSTRLEN];
  return std::string(text, FormatIp(family, address, text));
}

}  // namespace

struct SocketAddress::UnixName {
  sockaddr_un address{};
  char terminator = '\0';  // of a path that fills the address
  socklen_t length = 0;
};

SocketAddress::SocketAddress(const sockaddr* address, socklen_t length) {
  if (length < sizeof(sa_family_t)) return;
  if (address->sa_family == AF_INET && length >= sizeof(sockaddr_in)) {
    sockaddr_in from;
    std::memcpy(&from, address, sizeof(from));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = from.sin_port;
    to.sin_addr = from.sin_addr;
    std::memcpy(&ip_, &to, sizeof(to));
    length_ = sizeof(to);
  } else if (address->sa_family == AF_INET6 && length >= sizeof(sockaddr_in6)) {
    std::memcpy(&ip_, address, sizeof(ip_));
    ip_.sin6_flowinfo = 0;
    length_ = sizeof(ip_);
  } else if (address->sa_family == AF_UNIX && length <= sizeof(sockaddr_un)) {
    SetUnixName(address, length);
  }
}

// Most UNIX peers have no name, and need no memory for it.
void SocketAddress::SetUnixName(const sockaddr* address, socklen_t length) {
  ip_.sin6_family = AF_UNIX;
  length_ = sizeof(sa_family_t);
  if (length <= kUnixPathOffset) return;
  const auto name = std::make_shared<UnixName>();
  std::memcpy(&name->address, address, length);
  name->length = length;
  const char* path = name->address.sun_path;
  // The kernel may or may not count a path's terminator; an abstract name has none.
  if (path[0] != '\0') {
    name->length =
        static_cast<socklen_t>(kUnixPathOffset + strnlen(path, length - kUnixPathOffset) + 1);
  }
  unix_ = name;
}

const sockaddr* SocketAddress::get() const {
  if (unix_ != nullptr) return reinterpret_cast<const sockaddr*>(&unix_->address);
  return reinterpret_cast<const sockaddr*>(&ip_);
}

socklen_t SocketAddress::length() const { return unix_ != nullptr ? unix_->length : length_; }

std::optional<SocketAddress> SocketAddress::Parse(std::string_view text) {
  if (text.starts_with(kUnixPrefix)) return FromUnixName(text.substr(kUnixPrefix.size()));
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = ParseNumber<uint16_t>(text.substr(colon + 1));
  if (!port) return std::nullopt;
  const std::string_view host = text.substr(0, colon);
  if (host.empty()) return DualStack(*port);
  // "::1:80" could be read in two ways; RFC 3986 section 3.2.2 asks for the brackets.
  if (!host.starts_with('[') && host.find(':') != std::string_view::npos) return std::nullopt;
  return FromIp(host, *port);
}

std::optional<SocketAddress> SocketAddress::FromIp(std::string_view ip, uint16_t port) {
  const bool brackets = ip.size() >= 2 && ip.front() == '[' && ip.back() == ']';
  if (brackets) ip = ip.substr(1, ip.size() - 2);
  if (const auto v4 = brackets ? std::nullopt : ReadIpv4(ip)) {
    SocketAddress address;
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(*v4);
    std::memcpy(&address.ip_, &to, sizeof(to));
    address.length_ = sizeof(to);
    return address;
  }
  if (ip.find('\0') != std::string_view::npos) return std::nullopt;
  const auto v6 = ParseIpv6(ip, port);
  if (v6) return SocketAddress(reinterpret_cast<const sockaddr*>(&*v6), sizeof(*v6));
  return std::nullopt;
}

SocketAddress SocketAddress::DualStack(uint16_t port) {
  SocketAddress any = *FromIp("::", port);
  any.dual_stack_ = true;
  return any;
}

std::optional<SocketAddress> SocketAddress::FromUnixName(std::string_view name) {
  const bool abstract = name.starts_with('@');
  if (abstract) name.remove_prefix(1);
  if (name.empty() || name.size() > kMaxUnixName) return std::nullopt;
  if (name.find('\0') != std::string_view::npos) return std::nullopt;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + (abstract ? 1 : 0), name.data(), name.size());
  // One byte more in both cases: the terminator, or the NUL in front.
  return SocketAddress(reinterpret_cast<const sockaddr*>(&address),
                       static_cast<socklen_t>(kUnixPathOffset + name.size() + 1));
}

sockaddr_in SocketAddress::Ipv4() const {
  sockaddr_in v4;
  std::memcpy(&v4, &ip_, sizeof(v4));
  return v4;
}

uint16_t SocketAddress::port() const {
  if (family() == AF_INET) return ntohs(Ipv4().sin_port);
  if (family() == AF_INET6) return ntohs(ip_.sin6_port);
  return 0;
}

bool SocketAddress::link_local() const {
  if (family() != AF_INET6) return false;
  const sockaddr_in6& v6 = ip_;
  return IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr);
}

uint32_t SocketAddress::interface_index() const {
  return family() == AF_INET6 ? ip_.sin6_scope_id : 0;
}

std::string SocketAddress::Ip() const {
  if (family() == AF_INET) {
    const auto v4 = Ipv4();
    return IpText(AF_INET, &v4.sin_addr);
  }
  if (family() == AF_INET6) {
    const sockaddr_in6& v6 = ip_;
    // RFC 4291 section 2.5.5.2: the IPv4 address is the last four bytes.
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return IpText(AF_INET, &v6.sin6_addr.s6_addr[12]);
    return IpText(AF_INET6, &v6.sin6_addr);
  }
  return std::string(family() == AF_UNIX ? kUnixPrefix : "");
}

std::string SocketAddress::ToString() const {
  std::array<char, kMaxText> room;
  return std::string(FormatTo(room));
}

std::string_view SocketAddress::FormatTo(std::span<char, kMaxText> room) const {
  char* end = room.data();
  const auto put = [&](std::string_view text) { end = std::ranges::copy(text, end).out; };
  if (family() == AF_INET6 && !dual_stack_) {
    const sockaddr_in6& v6 = ip_;
    put("[");
    end = FormatIp(AF_INET6, &v6.sin6_addr, end);
    if (v6.sin6_scope_id != 0) {
      put("%");
      put(ScopeName(v6.sin6_scope_id));
    }
    put("]");
  } else if (family() == AF_INET) {
    const auto v4 = Ipv4();
    end = FormatIp(AF_INET, &v4.sin_addr, end);
  } else if (family() == AF_UNIX) {
    put(kUnixPrefix);
    const size_t bytes = unix_ == nullptr ? 0 : unix_->length - kUnixPathOffset - 1;
    const char* path = unix_ == nullptr ? nullptr : unix_->address.sun_path;
    const bool abstract = bytes > 0 && path[0] == '\0';
    if (abstract) put("@");
    put({path + (abstract ? 1 : 0), bytes});
  }
  if (is_ip()) {
    put(":");
    end = std::to_chars(end, room.data() + room.size(), port()).ptr;
  }
  return {room.data(), static_cast<size_t>(end - room.data())};
}

bool SocketAddress::operator==(const SocketAddress& other) const {
  return length() == other.length() && dual_stack_ == other.dual_stack_ &&
         std::memcmp(get(), other.get(), length()) == 0;
}

}  // namespace holdfast::pool
