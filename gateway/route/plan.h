#ifndef HOLDFAST_GATEWAY_ROUTE_PLAN_H_
#define HOLDFAST_GATEWAY_ROUTE_PLAN_H_

#include <string>
#include <vector>

#include "gateway/config/config.h"
#include "pool/dns/discovery.h"
#include "pool/dns/endpoint_spec.h"
#include "pool/endpoint_directory.h"

namespace holdfast::route {

// What a configuration means to those on the main thread who look after its upstreams, in the order
// of the file. It is computed once, when the configuration is taken into use. Plain values.
struct Plan {
  std::vector<pool::UpstreamNames> names;    // what to look up
  std::vector<pool::HealthPolicy> policies;  // how to judge endpoints
};
Plan PlanOf(const config::Config& config);

// The Host field's value for an endpoint (RFC 9110 section 7.2), without the port that is usual.
std::string HostOf(const pool::EndpointSpec& endpoint, uint16_t usual_port);

}  // namespace holdfast::route

#endif  // HOLDFAST_GATEWAY_ROUTE_PLAN_H_
