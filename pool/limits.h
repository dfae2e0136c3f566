#ifndef HOLDFAST_POOL_LIMITS_H_
#define HOLDFAST_POOL_LIMITS_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

#include "pool/net/clock.h"
#include "pool/net/tcp_options.h"

// Limits of connections and requests. A limit that can be absent is a std::optional, and nullopt
// means that there is none.

namespace holdfast::pool {

inline constexpr size_t kNoLimit = std::numeric_limits<size_t>::max();

// A limit as a number to compare counts with.
constexpr size_t CountOf(const std::optional<uint32_t>& limit) {
  return limit.has_value() ? size_t{*limit} : kNoLimit;
}

// The limits of the connections to one endpoint, over all workers.
struct PoolLimits {
  std::optional<uint32_t> max_connections = 512;  // connecting, leased and idle together
  uint32_t max_idle = 512;                        // 0: none is kept
  // At a time on one connection, where its protocol has streams; another is used or opened then.
  uint32_t streams_per_connection = 100;
  // Idle connections are kept for as long as was learned of the peer; idle_timeout does not count.
  bool idle_learned = true;
  // nullopt: idle connections are kept until the peer closes them.
  std::optional<Duration> idle_timeout = std::chrono::seconds(4);
  // Each connection varies both by up to a tenth.
  std::optional<Duration> max_age = std::chrono::minutes(30);
  std::optional<uint32_t> max_requests;
  Duration connect_timeout = std::chrono::seconds(2);
  uint32_t queue_size = 1024;  // requests for which no connection may be opened yet; 0: none waits
  Duration queue_timeout = std::chrono::seconds(3);
  TcpOptions tcp;  // of connections opened from then on

  bool operator==(const PoolLimits&) const = default;
};

// The most that an upstream may have over all workers and endpoints; beyond it requests are
// refused.
struct BreakerLimits {
  std::optional<uint32_t> connections;
  std::optional<uint32_t> pending;   // requests that wait for a connection
  std::optional<uint32_t> requests;  // in flight or waiting
  std::optional<uint32_t> retries;
};

// How many of an upstream's requests may be repetitions: a share of those in flight or waiting, and
// min_retries in any case.
struct RetryBudgetLimits {
  uint32_t percent = 20;
  uint32_t min_retries = 3;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_LIMITS_H_
