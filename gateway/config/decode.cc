#include "gateway/config/decode.h"

#include <string>

#include "gateway/config/shape_check.h"
#include "gateway/config/value_codec.h"
#include "pool/net/check.h"

namespace holdfast::config {
namespace {

// The key's value if it was taken; null if there is none, or it does not fit.
const YamlNode* Taken(const YamlNode& mapping, const Key& key) {
  const YamlNode* value = mapping.Find(key.name);
  return value != nullptr && Fits(*value, *key.shape) ? value : nullptr;
}

void KeepOrder(const YamlNode& node, const Key& key, const Key& other, void* owner,
               Report* report) {
  const std::optional<int64_t> number = key.binding.number(owner);
  const std::optional<int64_t> limit = other.binding.number(owner);
  if (!number || !limit) return;
  const bool at_most = key.order.kind == Order::Kind::kAtMost;
  if (at_most ? *number <= *limit : *number >= *limit) return;
  const YamlNode* given = Taken(node, key);
  if (given == nullptr) return key.binding.set_number(*limit, owner);
  if (key.order.other_gives_way && Taken(node, other) == nullptr) {
    return other.binding.set_number(*number, owner);
  }
  report->Error(given->position, std::string(key.name) + " is " + std::string(OrderWord(key)) +
                                     " than " + std::string(other.name) + ", which is " +
                                     other.binding.write(*other.shape, owner) +
                                     std::string(key.order.reason));
}

}  // namespace

bool Fits(const YamlNode& node, const Shape& shape) {
  switch (node.kind) {
    case YamlNode::Kind::kNull: return false;
    case YamlNode::Kind::kScalar:
      return ScalarFits(shape, node.text) ||
             (shape.short_form != nullptr && ScalarFits(*shape.short_form, node.text));
    case YamlNode::Kind::kSequence: return shape.kind == Shape::Kind::kList;
    case YamlNode::Kind::kMapping:
      return shape.kind == Shape::Kind::kMapping || shape.kind == Shape::Kind::kNamed ||
             shape.one_stands_for_list;
  }
  return false;
}

void DecodeMapping(const YamlNode& node, const Shape& mapping, void* owner, Report* report) {
  for (const Key& key : mapping.keys) {
    if (key.binding.read == nullptr) continue;
    if (const YamlNode* value = Taken(node, key)) {
      key.binding.read(*value, *key.shape, owner, report);
    }
  }
  for (const Key& key : mapping.keys) {
    if (key.order.kind == Order::Kind::kNone) continue;
    const Key* other = FindKey(mapping, key.order.other);
    HOLDFAST_CHECK(other != nullptr);
    KeepOrder(node, key, *other, owner, report);
  }
}

}  // namespace holdfast::config
