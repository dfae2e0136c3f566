#ifndef HOLDFAST_GATEWAY_CONFIG_JSON_SCHEMA_H_
#define HOLDFAST_GATEWAY_CONFIG_JSON_SCHEMA_H_

#include <string>

namespace holdfast::config {

// The table of the configuration as a JSON Schema (draft-07, which editors know), indented, with a
// final newline: `holdfast config schema`. deploy/holdfast.schema.json is this text.
std::string JsonSchema();

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_JSON_SCHEMA_H_
