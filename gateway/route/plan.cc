#include "gateway/route/plan.h"

#include <utility>

namespace holdfast::route {
namespace {

pool::UpstreamNames NamesOf(const config::Upstream& upstream) {
  pool::UpstreamNames names{.upstream = upstream.name};
  for (const config::Endpoint& endpoint : upstream.endpoints) {
    if (endpoint.literal.has_value()) {
      names.literals.push_back({.address = *endpoint.literal,
                                .weight = endpoint.weight,
                                .backup = endpoint.backup,
                                .host = ""});
    } else {
      names.names.push_back({.host = endpoint.host,
                             .port = endpoint.port,
                             .srv = endpoint.srv,
                             .weight = endpoint.weight,
                             .backup = endpoint.backup});
    }
  }
  return names;
}

}  // namespace

Plan PlanOf(const config::Config& config) {
  Plan plan;
  for (const config::Upstream& upstream : config.upstreams) {
    plan.names.push_back(NamesOf(upstream));
    plan.policies.push_back({.upstream = upstream.name,
                             .outlier = upstream.cluster.outlier,
                             .checked = upstream.health_check.has_value()});
  }
  return plan;
}

std::string HostOf(const pool::EndpointSpec& endpoint, uint16_t usual_port) {
  if (!endpoint.address.is_ip()) return "localhost";
  std::string host = endpoint.host.empty() ? endpoint.address.Ip() : endpoint.host;
  if (host.find(':') != host.npos) host = "[" + host + "]";
  if (endpoint.address.port() != usual_port) host += ":" + std::to_string(endpoint.address.port());
  return host;
}

}  // namespace holdfast::route
