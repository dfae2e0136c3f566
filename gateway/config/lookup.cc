#include "gateway/config/lookup.h"

#include <algorithm>

namespace holdfast::config {
namespace {

// Never destroyed, so that it needs no order of destruction.
const YamlNode& Nothing() {
  static const YamlNode& nothing = *new YamlNode;
  return nothing;
}

}  // namespace

const YamlNode& MappingAt(const YamlNode& mapping, std::string_view key) {
  const YamlNode* node = mapping.Find(key);
  return node != nullptr && node->is_mapping() ? *node : Nothing();
}

const std::vector<YamlNode>& ListAt(const YamlNode& mapping, std::string_view key) {
  const YamlNode* node = mapping.Find(key);
  return node != nullptr && node->is_sequence() ? node->items : Nothing().items;
}

const YamlNode* ScalarAt(const YamlNode& mapping, std::string_view key) {
  const YamlNode* node = mapping.Find(key);
  return node != nullptr && node->is_scalar() ? node : nullptr;
}

Position PlaceOf(const YamlNode& mapping, std::string_view key) {
  const YamlNode* value = mapping.Find(key);
  return value == nullptr ? mapping.position : value->position;
}

bool IsOthersDefault(const YamlNode& node, const YamlNode* own) {
  return node.shared && own != nullptr && !own->shared;
}

std::string NotOneOf(const YamlNode& mapping, std::initializer_list<std::string_view> keys) {
  const auto given = std::ranges::count_if(
      keys, [&](std::string_view key) { return mapping.Find(key) != nullptr; });
  if (given == 1) return {};
  std::string text = "expected one of";
  std::string_view separator = " ";
  for (const std::string_view key : keys) {
    text += std::string(separator) + std::string(key);
    separator = ", ";
  }
  return text + "; found " + (given == 0 ? "none" : keys.size() == 2 ? "both" : "several");
}

std::string GivenTwice(std::string_view what, Position first, Position again,
                       const Report& report) {
  return std::string(what) + " is given twice; first at " + report.LineSeenFrom(again, first);
}

}  // namespace holdfast::config
