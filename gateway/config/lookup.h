#ifndef HOLDFAST_GATEWAY_CONFIG_LOOKUP_H_
#define HOLDFAST_GATEWAY_CONFIG_LOOKUP_H_

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/config/yaml_node.h"

// Finds things in the tree of a file, for the rules that look at several keys (build*.cc).

namespace holdfast::config {

// The mapping that `key` holds; an empty one when there is none.
const YamlNode& MappingAt(const YamlNode& mapping, std::string_view key);
// The list that `key` holds; empty when there is none.
const std::vector<YamlNode>& ListAt(const YamlNode& mapping, std::string_view key);
// The scalar that `key` holds, or null.
const YamlNode* ScalarAt(const YamlNode& mapping, std::string_view key);

// Where the value of `key` stands; the mapping's own place when there is none.
Position PlaceOf(const YamlNode& mapping, std::string_view key);

// Whether `node` is a default that goes badly with what the item says itself, in `own` (null:
// nothing): the default may be right for others.
bool IsOthersDefault(const YamlNode& node, const YamlNode* own);

// "expected one of path, path_prefix; found both", or none or several; empty when the mapping has
// exactly one of the keys.
std::string NotOneOf(const YamlNode& mapping, std::initializer_list<std::string_view> keys);

// "listener 'edge' is given twice; first at line 3", or "at line 3 of other.yaml", as it is told at
// `again`.
std::string GivenTwice(std::string_view what, Position first, Position again, const Report& report);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_LOOKUP_H_
