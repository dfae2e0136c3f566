#ifndef HOLDFAST_GATEWAY_CONFIG_PATTERN_SHAPE_H_
#define HOLDFAST_GATEWAY_CONFIG_PATTERN_SHAPE_H_

#include "gateway/config/diagnostic.h"
#include "gateway/config/schema.h"
#include "gateway/config/text_checks.h"
#include "gateway/config/yaml_node.h"
#include "gateway/policy/pattern.h"

// Regular expressions, for the parts of the table (schema_*.cc) that have some.

namespace holdfast::config {

inline constexpr Shape kPattern = {
    .kind = Shape::Kind::kText,
    .expected = "a regular expression (RE2's syntax) of 1 to 1024 bytes",
    .check = IsPatternText,
};

// Where the node fits the shape but is no regular expression, that is reported, and the pattern
// stays as it is. True: it was read.
bool ReadPattern(const YamlNode& node, policy::Pattern* pattern, Report* report);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_PATTERN_SHAPE_H_
