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

// Routes each of whose hosts is taken, for the same path, by an earlier route on at least the same
// listeners and for at least the same methods. A less specific route never hides another one (see
// route/route_table.h), so nothing else does.
std::vector<Unreachable> FindUnreachable(const Config& config);

// Indices of the upstreams that no route names.
std::vector<uint32_t> FindUnusedUpstreams(const Config& config);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_REACHABILITY_H_
