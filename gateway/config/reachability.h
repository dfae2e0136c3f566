#ifndef HOLDFAST_GATEWAY_CONFIG_REACHABILITY_H_
#define HOLDFAST_GATEWAY_CONFIG_REACHABILITY_H_

#include <cstdint>
#include <vector>

#include "gateway/config/config.h"

namespace holdfast::config {

// A route that never gets a request, and an earlier one that takes the requests in its stead.
struct Unreachable {
  uint32_t route;
  uint32_t earlier;
};

// The routes that never get a request: for each of their hosts an earlier route has the same path,
// at least the same listeners and at least the same methods. Nothing else hides a route, because a
// less specific route never does (see route/route_table.h).
std::vector<Unreachable> FindUnreachable(const Config& config);

// Indices of the upstreams that no route names.
std::vector<uint32_t> FindUnusedUpstreams(const Config& config);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_REACHABILITY_H_
