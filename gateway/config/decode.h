#ifndef HOLDFAST_GATEWAY_CONFIG_DECODE_H_
#define HOLDFAST_GATEWAY_CONFIG_DECODE_H_

#include "gateway/config/diagnostic.h"
#include "gateway/config/schema.h"
#include "gateway/config/yaml_node.h"

namespace holdfast::config {

// Fills `owner`, which is of the mapping's type, with the values of the keys that are there and
// whose values fit; CheckShape reports the others, and what they would set keeps its default. Then
// sees to the order between values (schema.h): a default gives way to what is given, and two that
// are given and contradict each other are reported.
void DecodeMapping(const YamlNode& node, const Shape& mapping, void* owner, Report* report);

// Whether the node is what the shape takes, itself; not what is in a list or a mapping.
bool Fits(const YamlNode& node, const Shape& shape);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_DECODE_H_
