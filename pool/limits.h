#ifndef HOLDFAST_POOL_LIMITS_H_
#define HOLDFAST_POOL_LIMITS_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

#include "pool/net/clock.h"

namespace holdfast::pool {

inline constexpr size_t kNoLimit = std::numeric_limits<size_t>::max();

// What the connections to one endpoint may be, over all workers.
struct PoolLimits {
  size_t max_connections = 512;  // connecting, leased and idle together
  size_t max_idle = 512;
  // As long as was learned of the peer; idle_timeout does not count then.
  bool idle_learned = false;
  // nullopt: kept until the peer closes.
  std::optional<Duration> idle_timeout = std::chrono::seconds(4);
  // Both are varied by up to a tenth for each connection.
  std::optional<Duration> max_age = std::chrono::minutes(30);
  std::optional<uint32_t> max_requests;
  Duration connect_timeout = std::chrono::seconds(2);
  size_t queue_size = 1024;  // requests for which no connection may be opened yet
  Duration queue_timeout = std::chrono::seconds(3);

  bool operator==(const PoolLimits&) const = default;
};

// What an upstream may have over all workers and endpoints; beyond it requests are refused.
struct BreakerLimits {
  size_t connections = kNoLimit;
  size_t pending = kNoLimit;
  size_t requests = kNoLimit;
  size_t retries = kNoLimit;
};

// How many of an upstream's requests may be repetitions: a share of those in flight or waiting, and
// so many always.
struct RetryBudgetLimits {
  uint32_t percent = 20;
  size_t min_retries = 3;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_LIMITS_H_
