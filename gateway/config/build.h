#ifndef HOLDFAST_GATEWAY_CONFIG_BUILD_H_
#define HOLDFAST_GATEWAY_CONFIG_BUILD_H_

#include "gateway/config/config.h"
#include "gateway/config/diagnostic.h"
#include "gateway/config/names.h"
#include "gateway/config/yaml_node.h"

namespace holdfast::config {

// Turns a file's tree into values by the table (schema.h), and then looks at what takes several
// keys: references to what does not exist, things given twice, values that contradict each other.
// The tree may have failed CheckShape; then the result is of no use, and only the reports are.
Config BuildConfig(const YamlNode& root, Report* report);

// The rules for one of the upstreams (build_upstream.cc).
void CheckUpstream(const YamlNode& node, const Upstream& upstream, Report* report);

// The rules for a route's `match`, and what of it depends on several keys (build_match.cc).
void BuildMatch(const YamlNode& node, const Names& listeners, Match* match, Report* report);

// The rules for a route's `jwt` (build_jwt.cc); `route_node` is the route's.
void BuildJwt(const YamlNode& route_node, const Route& route, Report* report);

// The rules for `routes`, once the listeners and upstreams are known, and what of a route refers to
// them or depends on several keys (build_routes.cc).
void BuildRoutes(const YamlNode& root, const Names& listeners, const Names& upstreams,
                 Config* config, Report* report);

// Warns of what routes lose by the way in which their listeners read paths (build_paths.cc).
void WarnOfPathPolicies(const YamlNode& root, const Config& config, Report* report);

// The rules for `tracing`, once the listeners are known (build_tracing.cc).
void BuildTracing(const YamlNode& root, const Config& config, Report* report);

// The rules for `access_log`, once the routes are known (build_access_log.cc).
void BuildAccessLog(const YamlNode& root, Config* config, Report* report);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_BUILD_H_
