#ifndef HOLDFAST_POOL_UPSTREAM_PROTOCOL_H_
#define HOLDFAST_POOL_UPSTREAM_PROTOCOL_H_

#include <cstdint>
#include <string_view>

#include "pool/net/word_table.h"

namespace holdfast::pool {

// What is spoken on the connections of an upstream.
enum class UpstreamProtocol : uint8_t {
  kH1,    // HTTP/1.1
  kH2,    // HTTP/2, over TLS or in clear with prior knowledge (RFC 9113 section 3.3)
  kAuto,  // what the peer agrees to over TLS (ALPN, RFC 7301), kH1 in clear
};
inline constexpr auto kUpstreamProtocolWords =
    Words<UpstreamProtocol>({{"h1", UpstreamProtocol::kH1},
                             {"h2", UpstreamProtocol::kH2},
                             {"auto", UpstreamProtocol::kAuto}});
// HTTP/2 over TLS, as ALPN calls it.
inline constexpr std::string_view kHttp2Protocol = "h2";
constexpr const auto& WordsOf(UpstreamProtocol) { return kUpstreamProtocolWords; }

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_UPSTREAM_PROTOCOL_H_
