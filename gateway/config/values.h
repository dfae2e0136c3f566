#ifndef HOLDFAST_GATEWAY_CONFIG_VALUES_H_
#define HOLDFAST_GATEWAY_CONFIG_VALUES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/config/config.h"
#include "gateway/config/yaml_node.h"

namespace holdfast::config {

// Takes the value of `key` out of a mapping. Where the key is absent, or its value is not one that
// CheckShape accepts (and has reported), the target keeps what it holds: the default.
// Optional targets become null for the words `off` and `auto`.
void Take(const YamlNode& mapping, std::string_view key, Duration* target);
void Take(const YamlNode& mapping, std::string_view key, std::optional<Duration>* target);
void Take(const YamlNode& mapping, std::string_view key, std::string* target);

void TakeCount(const YamlNode& mapping, std::string_view key, uint32_t* target);
void TakeCount(const YamlNode& mapping, std::string_view key, std::optional<uint32_t>* target);
void TakePercent(const YamlNode& mapping, std::string_view key, uint32_t* target);
void TakeSize(const YamlNode& mapping, std::string_view key, uint32_t* target);
void TakeSize(const YamlNode& mapping, std::string_view key, std::optional<uint64_t>* target);

// The mapping that `key` holds; an empty one when there is none.
const YamlNode& TakeMapping(const YamlNode& mapping, std::string_view key);
// The list that `key` holds; empty when there is none.
const std::vector<YamlNode>& TakeList(const YamlNode& mapping, std::string_view key);

// The scalar that `key` holds, or null.
const YamlNode* FindScalar(const YamlNode& mapping, std::string_view key);
// Whether `key` holds exactly this word.
bool HoldsWord(const YamlNode& mapping, std::string_view key, std::string_view word);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_VALUES_H_
