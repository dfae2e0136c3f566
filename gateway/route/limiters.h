#ifndef HOLDFAST_GATEWAY_ROUTE_LIMITERS_H_
#define HOLDFAST_GATEWAY_ROUTE_LIMITERS_H_

#include <memory>
#include <string>

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>

#include "gateway/config/config.h"
#include "gateway/policy/rate_limiter.h"

namespace holdfast::route {

// The rate limits of routes at work, by the route's name.
using Limiters = absl::flat_hash_map<std::string, std::shared_ptr<policy::RateLimiter>>;

// Those of the configuration. One of `before` goes on where the route still has the same limit; the
// others begin anew, and reserve their memory here. An error tells which route's cannot, and what
// to do. Main thread.
absl::StatusOr<Limiters> MakeLimiters(const config::Config& config, const Limiters& before = {});

}  // namespace holdfast::route

#endif  // HOLDFAST_GATEWAY_ROUTE_LIMITERS_H_
