#ifndef HOLDFAST_GATEWAY_CONFIG_BUILD_H_
#define HOLDFAST_GATEWAY_CONFIG_BUILD_H_

#include <string>

#include "gateway/config/config.h"
#include "gateway/config/diagnostic.h"
#include "gateway/config/names.h"
#include "gateway/config/yaml_node.h"

namespace holdfast::config {

// Turns a file's tree into values and reports what the shapes cannot tell: references to what does
// not exist, things given twice, values that contradict each other. The tree may have failed
// CheckShape; then the result is of no use, and only the reports are.
Config BuildConfig(const YamlNode& root, Report* report);

// The part of it for one of the upstreams (build_upstream.cc).
Upstream BuildUpstream(const std::string& name, const YamlNode& node, Report* report);

// The part of it for `routes`, once the listeners and upstreams are known (build_routes.cc).
void BuildRoutes(const YamlNode& root, const Names& listeners, const Names& upstreams,
                 Config* config, Report* report);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_BUILD_H_
