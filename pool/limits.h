#ifndef HOLDFAST_POOL_LIMITS_H_
#define HOLDFAST_POOL_LIMITS_H_

#include <cstddef>
#include <optional>

#include "pool/net/clock.h"

namespace holdfast::pool {

// What one worker's pool for one endpoint may do. The configuration's process-wide numbers are
// divided among the workers before they come here.
struct PoolLimits {
  size_t max_connections = 512;  // connecting, leased and idle together
  size_t max_idle = 512;
  // nullopt: kept until the peer closes.
  std::optional<Duration> idle_timeout = std::chrono::seconds(4);
  std::optional<Duration> max_age = std::chrono::minutes(30);  // varied by up to a tenth
  Duration connect_timeout = std::chrono::seconds(2);
  size_t queue_size = 1024;  // requests for which no connection may be opened yet
  Duration queue_timeout = std::chrono::seconds(3);

  bool operator==(const PoolLimits&) const = default;
};

// A share of the process's descriptors for idle upstream connections, over all pools of one worker.
struct IdleBudget {
  size_t limit = 512;
  size_t used = 0;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_LIMITS_H_
