#include "pool/net/proxy_header.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

#include "pool/net/check.h"

namespace holdfast::pool {
namespace {

constexpr std::string_view kLineStart = "PROXY ";
// Section 2.2: no byte of it but the first two could begin a line of text.
constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
// Behind the signature: version and command, family and protocol, length.
constexpr size_t kPreludeBytes = 16;

constexpr uint8_t kLocal = 0x20;
constexpr uint8_t kProxy = 0x21;
enum Family : uint8_t {
  kUnspecified = 0x0,
  kInet = 0x1,
  kInet6 = 0x2,
  kUnix = 0x3,
};
constexpr uint8_t kStream = 0x1;
constexpr uint8_t kDatagram = 0x2;

uint8_t ByteAt(std::string_view bytes, size_t i) { return static_cast<uint8_t>(bytes[i]); }
uint16_t ShortAt(std::string_view bytes, size_t i) {
  return static_cast<uint16_t>(ByteAt(bytes, i) << 8 | ByteAt(bytes, i + 1));
}

// Both begin alike or one is the beginning of the other.
bool MayBecome(std::string_view bytes, std::string_view whole) {
  const size_t common = std::min(bytes.size(), whole.size());
  return bytes.substr(0, common) == whole.substr(0, common);
}

std::string_view TakeWord(std::string_view* line) {
  const size_t end = line->find(' ');
  const std::string_view word = line->substr(0, end);
  line->remove_prefix(end == std::string_view::npos ? line->size() : end + 1);
  return word;
}

// Decimal, 0 to 65535, without leading zeros.
std::optional<uint16_t> ParsePort(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

std::optional<SocketAddress> ParseLineAddress(int family, std::string_view ip,
                                              std::string_view port_text) {
  const std::optional<uint16_t> port = ParsePort(port_text);
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (!port.has_value() || ip.size() >= text.size()) return std::nullopt;
  if (ip.find('\0') != std::string_view::npos) return std::nullopt;
  std::ranges::copy(ip, text.begin());
  sockaddr_in6 v6{};
  sockaddr_in v4{};
  if (family == AF_INET) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(*port);
    if (inet_pton(AF_INET, text.data(), &v4.sin_addr) != 1) return std::nullopt;
    return SocketAddress(reinterpret_cast<const sockaddr*>(&v4), sizeof(v4));
  }
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(*port);
  if (inet_pton(AF_INET6, text.data(), &v6.sin6_addr) != 1) return std::nullopt;
  return SocketAddress(reinterpret_cast<const sockaddr*>(&v6), sizeof(v6));
}

// "PROXY TCP4 192.0.2.1 192.0.2.2 4711 443", without its end. What follows UNKNOWN is to be passed
// over. False: it is none.
bool ParseLine(std::string_view line, ProxiedEnds* ends) {
  line.remove_prefix(kLineStart.size());
  const std::string_view protocol = TakeWord(&line);
  if (protocol == "UNKNOWN") return true;
  if (protocol != "TCP4" && protocol != "TCP6") return false;
  const int family = protocol == "TCP4" ? AF_INET : AF_INET6;
  const std::string_view source_ip = TakeWord(&line);
  const std::string_view destination_ip = TakeWord(&line);
  const std::string_view source_port = TakeWord(&line);
  const auto source = ParseLineAddress(family, source_ip, source_port);
  const auto destination = ParseLineAddress(family, destination_ip, line);
  if (!source.has_value() || !destination.has_value()) return false;
  *ends = {*source, *destination};
  return true;
}

// The additions (section 2.2.1) mean nothing to us, but they must fill the rest.
bool AreAdditions(std::string_view bytes) {
  constexpr size_t kHead = 3;
  while (!bytes.empty()) {
    if (bytes.size() < kHead) return false;
    const size_t length = kHead + ShortAt(bytes, 1);
    if (bytes.size() < length) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

SocketAddress Ipv4At(std::string_view bytes, size_t ip, size_t port) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  std::memcpy(&v4.sin_addr, bytes.data() + ip, sizeof(v4.sin_addr));
  std::memcpy(&v4.sin_port, bytes.data() + port, sizeof(v4.sin_port));
  return {reinterpret_cast<const sockaddr*>(&v4), sizeof(v4)};
}

SocketAddress Ipv6At(std::string_view bytes, size_t ip, size_t port) {
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  std::memcpy(&v6.sin6_addr, bytes.data() + ip, sizeof(v6.sin6_addr));
  std::memcpy(&v6.sin6_port, bytes.data() + port, sizeof(v6.sin6_port));
  return {reinterpret_cast<const sockaddr*>(&v6), sizeof(v6)};
}

constexpr size_t AddressBytes(uint8_t family) {
  switch (family) {
    case kInet: return 12;
    case kInet6: return 36;
    case kUnix: return 216;
    default: return 0;
  }
}

// Whether the prelude is one of ours to read; what it announces is known by then.
bool IsPrelude(std::string_view bytes) {
  const uint8_t command = ByteAt(bytes, 12);
  const uint8_t family = ByteAt(bytes, 13) >> 4;
  const uint8_t protocol = ByteAt(bytes, 13) & 0xf;
  if (command != kLocal && command != kProxy) return false;
  // Section 2.2: with LOCAL the receiver discards the family, and the rest by its length.
  if (command == kLocal) return true;
  return family <= kUnix && protocol <= kDatagram && ShortAt(bytes, 14) >= AddressBytes(family);
}

bool ParseBinary(std::string_view bytes, ProxiedEnds* ends) {
  if (ByteAt(bytes, 12) == kLocal) return true;
  const uint8_t family = ByteAt(bytes, 13) >> 4;
  const std::string_view rest = bytes.substr(kPreludeBytes);
  // Nothing says how long addresses of no family are.
  if (family != kUnspecified && !AreAdditions(rest.substr(AddressBytes(family)))) return false;
  if ((ByteAt(bytes, 13) & 0xf) != kStream) return true;
  if (family == kInet) *ends = {Ipv4At(rest, 0, 8), Ipv4At(rest, 4, 10)};
  if (family == kInet6) *ends = {Ipv6At(rest, 0, 32), Ipv6At(rest, 16, 34)};
  return true;
}

}  // namespace

void ProxyHeaderReader::MoveTo(State next) {
  HOLDFAST_CHECK(state_ == State::kMore && next != State::kMore);
  state_ = next;
}

size_t ProxyHeaderReader::Break() {
  MoveTo(State::kBroken);
  bytes_.clear();
  return 0;
}

// Takes what is missing of `whole` bytes.
size_t ProxyHeaderReader::Append(std::string_view bytes, size_t whole) {
  const size_t taken = std::min(bytes.size(), whole - std::min(whole, bytes_.size()));
  bytes_.append(bytes.substr(0, taken));
  return taken;
}

size_t ProxyHeaderReader::Take(std::string_view bytes) {
  HOLDFAST_CHECK(state_ == State::kMore);
  if (bytes.empty() && bytes_.empty()) return 0;
  const char first = bytes_.empty() ? bytes.front() : bytes_.front();
  return first == kLineStart.front() ? TakeLine(bytes) : TakeBinary(bytes);
}

size_t ProxyHeaderReader::TakeLine(std::string_view bytes) {
  const size_t end = bytes.find('\n');
  const bool ended = end != std::string_view::npos;
  const size_t taken = Append(bytes.substr(0, ended ? end + 1 : bytes.size()), kMaxLine);
  if (!MayBecome(bytes_, kLineStart)) return Break();
  if (!bytes_.ends_with('\n')) {
    if (bytes_.size() == kMaxLine) Break();
    return taken;
  }
  if (!bytes_.ends_with("\r\n") || bytes_.size() < kLineStart.size() + 2 ||
      !ParseLine(std::string_view(bytes_).substr(0, bytes_.size() - 2), &ends_)) {
    return Break();
  }
  MoveTo(State::kComplete);
  return taken;
}

size_t ProxyHeaderReader::TakeBinary(std::string_view bytes) {
  size_t taken = Append(bytes, kPreludeBytes);
  if (!MayBecome(bytes_, kSignature)) return Break();
  if (bytes_.size() < kPreludeBytes) return taken;
  const size_t whole = kPreludeBytes + ShortAt(bytes_, 14);
  if (!IsPrelude(bytes_) || whole > kMaxBytes) return Break();
  taken += Append(bytes.substr(taken), whole);
  if (bytes_.size() < whole) return taken;
  if (!ParseBinary(bytes_, &ends_)) return Break();
  local_ = ByteAt(bytes_, 12) == kLocal;
  MoveTo(State::kComplete);
  return taken;
}

namespace {

// As bytes of the network. IPv4 may be asked for in its IPv4-mapped form (RFC 4291
// section 2.5.5.2), in which a dual-stack listener has its peers.
struct Ip {
  explicit Ip(const SocketAddress& address) : port(address.port()) {
    if (address.family() == AF_INET6) {
      mapped = reinterpret_cast<const sockaddr_in6*>(address.get())->sin6_addr;
    } else {
      mapped.s6_addr[10] = mapped.s6_addr[11] = 0xff;
      std::memcpy(&mapped.s6_addr[12],
                  &reinterpret_cast<const sockaddr_in*>(address.get())->sin_addr, 4);
    }
  }
  bool v6() const { return !IN6_IS_ADDR_V4MAPPED(&mapped); }
  std::string_view Bytes(bool as_v6) const {
    const auto* const bytes = reinterpret_cast<const char*>(mapped.s6_addr);
    return as_v6 ? std::string_view(bytes, 16) : std::string_view(bytes + 12, 4);
  }
  std::string Text(bool as_v6) const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    HOLDFAST_CHECK(inet_ntop(as_v6 ? AF_INET6 : AF_INET, Bytes(as_v6).data(), text.data(),
                             text.size()) != nullptr);
    return text.data();
  }

  in6_addr mapped{};
  uint16_t port;
};

void AppendShort(uint16_t number, std::string* out) {
  out->push_back(static_cast<char>(number >> 8));
  out->push_back(static_cast<char>(number & 0xff));
}

std::string BinaryPrelude(uint8_t command, uint8_t family, size_t length) {
  std::string header(kSignature);
  header.push_back(static_cast<char>(command));
  header.push_back(static_cast<char>(family));
  AppendShort(static_cast<uint16_t>(length), &header);
  return header;
}

constexpr std::string_view kUnknownLine = "PROXY UNKNOWN\r\n";

}  // namespace

std::string ProxyHeaderFor(ProxyVersion version, const ProxiedEnds& ends) {
  HOLDFAST_CHECK(version != ProxyVersion::kNone);
  const bool binary = version == ProxyVersion::kV2;
  if (!ends.known()) {
    return binary ? BinaryPrelude(kProxy, kUnspecified, 0) : std::string(kUnknownLine);
  }
  const Ip source(ends.source);
  const Ip destination(ends.destination);
  const bool v6 = source.v6() || destination.v6();
  if (!binary) {
    return std::string(v6 ? "PROXY TCP6 " : "PROXY TCP4 ") + source.Text(v6) + " " +
           destination.Text(v6) + " " + std::to_string(source.port) + " " +
           std::to_string(destination.port) + "\r\n";
  }
  const uint8_t family = v6 ? kInet6 : kInet;
  std::string header =
      BinaryPrelude(kProxy, static_cast<uint8_t>(family << 4 | kStream), AddressBytes(family));
  header += source.Bytes(v6);
  header += destination.Bytes(v6);
  AppendShort(source.port, &header);
  AppendShort(destination.port, &header);
  return header;
}

std::string LocalProxyHeader(ProxyVersion version) {
  HOLDFAST_CHECK(version != ProxyVersion::kNone);
  if (version == ProxyVersion::kV1) return std::string(kUnknownLine);
  return BinaryPrelude(kLocal, kUnspecified, 0);
}

}  // namespace holdfast::pool
