#ifndef HOLDFAST_GATEWAY_ROUTE_PLAN_H_
#define HOLDFAST_GATEWAY_ROUTE_PLAN_H_

#include <string>
#include <vector>

#include "gateway/config/config.h"
#include "pool/dns/discovery.h"
#include "pool/dns/endpoint_spec.h"
#include "pool/endpoint_directory.h"

namespace holdfast::route {

// What a configuration comes to for those on the main thread who look after its upstreams, in the
// order of the file: computed once, when it is taken into use. Plain values.
struct Plan {
  std::vector<pool::UpstreamNames> names;    // what is to be looked up
  std::vector<pool::HealthPolicy> policies;  // how endpoints are to be judged
};
Plan PlanOf(const config::Config& config);

// What to send in Host for an endpoint (RFC 9110 section 7.2).
std::string HostOf(const pool::EndpointSpec& endpoint);

}  // namespace holdfast::route

#endif  // HOLDFAST_GATEWAY_ROUTE_PLAN_H_
