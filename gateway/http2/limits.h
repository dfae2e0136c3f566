#ifndef HOLDFAST_GATEWAY_HTTP2_LIMITS_H_
#define HOLDFAST_GATEWAY_HTTP2_LIMITS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "pool/net/clock.h"

namespace holdfast::http2 {

// What the two ends of a connection are held to (RFC 9113 section 6.5.2 for what is announced). A
// value.
struct Limits {
  // At a time, opened by the peer.
  uint32_t max_concurrent_streams = 100;
  // Bytes of bodies that the peer may send before they are read: for each stream, which may become
  // more while its reader keeps up, and in all.
  uint32_t stream_window = 64 * 1024;
  uint32_t connection_window = 1024 * 1024;
  // Of a head or of trailers: names, values and 32 bytes for each field (section 6.5.2).
  uint32_t max_head_bytes = 64 * 1024;
  // Of the heads and trailers of all streams that are under way.
  uint32_t max_heads_bytes = 1024 * 1024;
  uint32_t max_fields = 100;  // those that cookies are cut into count as one
  uint32_t max_cookie_crumbs = 100;
  uint32_t max_uri_bytes = 8 * 1024;
  // What a peer may do that it gains nothing by, beside streams that end by a reset
  // (http2/flood_guard.h). Every second half of it is forgotten.
  uint32_t max_resets = 500;
  uint32_t max_glitches = 1'000;
  // What was sent and is not taken for so long ends the connection.
  pool::Duration write_timeout = std::chrono::seconds(30);

  bool operator==(const Limits&) const = default;
};

}  // namespace holdfast::http2

#endif  // HOLDFAST_GATEWAY_HTTP2_LIMITS_H_
