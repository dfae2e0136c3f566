#ifndef HOLDFAST_GATEWAY_CONFIG_FILE_DEFAULTS_H_
#define HOLDFAST_GATEWAY_CONFIG_FILE_DEFAULTS_H_

#include <string_view>

#include "gateway/config/diagnostic.h"
#include "gateway/config/schema.h"
#include "gateway/config/yaml_node.h"

namespace holdfast::config {

// What a file's `defaults` say is put into each listener, upstream and route that does not say it
// itself. Mappings are merged key by key; of a list or a scalar the item's own is all there is.
//
// What makes an item itself (its name, address, match and action) cannot be a default. What is
// wrong with defaults is reported where they stand, not at each item that would have them.
// `defaults` is taken out; nodes keep their places, and those that were defaults are marked
// (YamlNode::shared): what one item has no use for, others may have.
void ApplyFileDefaults(YamlNode* root, Report* report);

// Whether `mapping` is the shape of a listener, upstream or route, and the key may be a default of
// them. An item then needs to have only what its default lacks.
bool MayBeDefault(const Shape& mapping, std::string_view key);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_FILE_DEFAULTS_H_
