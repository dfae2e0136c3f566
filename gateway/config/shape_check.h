#ifndef HOLDFAST_GATEWAY_CONFIG_SHAPE_CHECK_H_
#define HOLDFAST_GATEWAY_CONFIG_SHAPE_CHECK_H_

#include "gateway/config/diagnostic.h"
#include "gateway/config/schema.h"
#include "gateway/config/yaml_node.h"

namespace holdfast::config {

// Whether a scalar's text alone satisfies the shape.
bool ScalarFits(const Shape& shape, std::string_view text);

// Reports every value below `node` that does not look as `shape` says: wrong kinds, texts that do
// not parse, numbers out of range, unknown and missing keys.
void CheckShape(const YamlNode& node, const Shape& shape, Report* report);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_SHAPE_CHECK_H_
