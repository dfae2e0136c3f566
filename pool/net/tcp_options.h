#ifndef HOLDFAST_POOL_NET_TCP_OPTIONS_H_
#define HOLDFAST_POOL_NET_TCP_OPTIONS_H_

#include <chrono>
#include <cstdint>
#include <optional>

#include "pool/net/clock.h"

namespace holdfast::pool {

// How long TCP puts up with a peer that has vanished without a word. A value.
struct TcpOptions {
  // Probes until the peer is given up; they come a sixth of `keepalive` apart, so that a peer that
  // is gone is noticed after twice that time.
  static constexpr int kProbes = 6;

  // Without traffic for so long it is probed, 1 s to 9 h; nullopt: never.
  std::optional<Duration> keepalive = std::chrono::seconds(60);
  // What was sent may wait for its acknowledgement for so long, 1 s to 1 d; a peer that has closed
  // its window, and so reads slowly or not at all, as well. nullopt: as long as the kernel repeats
  // it, about a quarter of an hour.
  std::optional<Duration> user_timeout;

  bool operator==(const TcpOptions&) const = default;
};

// Sets them, fractions of a second rounded up; has no effect on a UNIX socket. Connections that are
// accepted later from a listening socket have its options. `fresh`: nobody has set any before, so
// that what is off is off already.
void SetTcpOptions(int fd, const TcpOptions& options, bool fresh);

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_NET_TCP_OPTIONS_H_
