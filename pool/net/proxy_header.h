#ifndef HOLDFAST_POOL_NET_PROXY_HEADER_H_
#define HOLDFAST_POOL_NET_PROXY_HEADER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "pool/net/socket_address.h"
#include "pool/net/word_table.h"

// The header with which a proxy of TCP connections says for whom it connects, before any other byte
// (HAProxy's proxy-protocol.txt, versions 1 and 2). Pure; any thread.

namespace holdfast::pool {

enum class ProxyVersion : uint8_t { kNone, kV1, kV2 };
inline constexpr auto kProxyVersionWords = Words<ProxyVersion>({
    {"off", ProxyVersion::kNone},
    {"v1", ProxyVersion::kV1},
    {"v2", ProxyVersion::kV2},
});
constexpr const auto& WordsOf(ProxyVersion) { return kProxyVersionWords; }

// Both ends of a client's connection: who has connected, and to what. Without IP addresses at both
// ends nothing is known of them.
struct ProxiedEnds {
  SocketAddress source;
  SocketAddress destination;
  // The proxy has connected for somebody whom it does not name: `source` is its own.
  bool unnamed = false;

  bool known() const { return source.is_ip() && destination.is_ip(); }
  bool operator==(const ProxiedEnds&) const = default;
};

// Takes one header out of a stream of bytes, and not a byte more.
//
//   ProxyHeaderReader reader;
//   while (reader.state() == ProxyHeaderReader::State::kMore) {
//     size_t taken = reader.Take(what_lies_in_the_socket);   // peeked at
//     ... takes so many from the socket ...
//   }
class ProxyHeaderReader {
 public:
  // Of a whole header; version 1 has at most 107. What is more than this of version 2 is refused:
  // its addresses need 52 or 232 bytes, and no sender of ours has 4 KiB to say about a connection.
  static constexpr size_t kMaxBytes = 4096;
  static constexpr size_t kMaxLine = 107;  // section 2.1

  enum class State : uint8_t {
    kMore,
    kComplete,  // ends() are what it says; unknown for LOCAL, UNKNOWN, UNSPEC and what is not TCP
    kBroken,    // this is no such header
  };

  State state() const { return state_; }
  // How many of these bytes belong to the header; they must be given no second time. All of them
  // when more has to come.
  size_t Take(std::string_view bytes);
  // With kComplete.
  const ProxiedEnds& ends() const { return ends_; }
  // With kComplete: LOCAL, so the proxy asks on its own behalf. Only version 2 can say so.
  bool local() const { return local_; }

 private:
  size_t TakeLine(std::string_view bytes);
  size_t TakeBinary(std::string_view bytes);
  size_t Append(std::string_view bytes, size_t whole);
  size_t Break();
  void MoveTo(State next);

  State state_ = State::kMore;
  std::string bytes_;
  ProxiedEnds ends_;
  bool local_ = false;
};

// The header of a connection that is made for a client with these ends. If one of them is not
// known it says so (UNKNOWN, UNSPEC); addresses of two families are both written as IPv6.
std::string ProxyHeaderFor(ProxyVersion version, const ProxiedEnds& ends);
// That of a connection that the proxy makes on its own behalf: LOCAL, in version 1 UNKNOWN.
std::string LocalProxyHeader(ProxyVersion version);

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_NET_PROXY_HEADER_H_
