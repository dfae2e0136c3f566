#ifndef HOLDFAST_GATEWAY_CONFIG_ENVIRONMENT_H_
#define HOLDFAST_GATEWAY_CONFIG_ENVIRONMENT_H_

#include <functional>
#include <optional>
#include <string>

#include "gateway/config/diagnostic.h"
#include "gateway/config/yaml_node.h"

namespace holdfast::config {

// What a variable of the process's environment holds; nullopt when there is none of that name.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// The one of this process.
std::optional<std::string> OfThisProcess(const std::string& name);

// Puts into each value what "${NAME}" stands for, or "${NAME:-this}" where that is not set or
// empty. Names are of capitals, digits and underscores and begin with a letter: "${client_ip}" is a
// variable of requests (policy/field_template.h) and stays. "$${NAME}" is "${NAME}" itself, in the
// values of fields, too, where other names have two dollars for the same reason. A value keeps its
// place, and what is put in is no YAML of its own. One that is not set is an error.
void ExpandEnvironment(const Environment& environment, YamlNode* node, Report* report);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_ENVIRONMENT_H_
