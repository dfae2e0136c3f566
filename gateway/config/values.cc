#include "gateway/config/values.h"

#include <limits>

#include "gateway/config/units.h"

namespace holdfast::config {
namespace {

// Never destroyed, so the order of destruction does not matter.
const YamlNode& Nothing() {
  static const YamlNode& nothing = *new YamlNode;
  return nothing;
}

// Parses the value of `key` into `target`; leaves it alone when there is nothing to parse.
template <typename Target, typename Parse>
void TakeParsed(const YamlNode& mapping, std::string_view key, Parse parse, Target* target) {
  const YamlNode* scalar = FindScalar(mapping, key);
  if (scalar == nullptr) return;
  const auto value = parse(scalar->text);
  if (value) *target = static_cast<Target>(*value);
}

// The same where the words `off` and `auto` mean null.
template <typename Value, typename Parse>
void TakeParsed(const YamlNode& mapping, std::string_view key, Parse parse,
                std::optional<Value>* target) {
  if (HoldsWord(mapping, key, "off") || HoldsWord(mapping, key, "auto")) {
    target->reset();
    return;
  }
  const YamlNode* scalar = FindScalar(mapping, key);
  if (scalar == nullptr) return;
  const auto value = parse(scalar->text);
  if (value) *target = static_cast<Value>(*value);
}

std::optional<uint64_t> Within32Bits(std::optional<uint64_t> value) {
  if (value && *value > std::numeric_limits<uint32_t>::max()) return std::nullopt;
  return value;
}

std::optional<uint64_t> Count32(std::string_view text) { return Within32Bits(ParseCount(text)); }
std::optional<uint64_t> Percent32(std::string_view text) {
  return Within32Bits(ParsePercent(text));
}
std::optional<uint64_t> Size32(std::string_view text) { return Within32Bits(ParseSize(text)); }

}  // namespace

void Take(const YamlNode& mapping, std::string_view key, Duration* target) {
  TakeParsed(mapping, key, ParseDuration, target);
}

void Take(const YamlNode& mapping, std::string_view key, std::optional<Duration>* target) {
  TakeParsed(mapping, key, ParseDuration, target);
}

void Take(const YamlNode& mapping, std::string_view key, std::string* target) {
  if (const YamlNode* scalar = FindScalar(mapping, key)) *target = scalar->text;
}

void TakeCount(const YamlNode& mapping, std::string_view key, uint32_t* target) {
  TakeParsed(mapping, key, Count32, target);
}

void TakeCount(const YamlNode& mapping, std::string_view key, std::optional<uint32_t>* target) {
  TakeParsed(mapping, key, Count32, target);
}

void TakePercent(const YamlNode& mapping, std::string_view key, uint32_t* target) {
  TakeParsed(mapping, key, Percent32, target);
}

void TakeSize(const YamlNode& mapping, std::string_view key, uint32_t* target) {
  TakeParsed(mapping, key, Size32, target);
}

void TakeSize(const YamlNode& mapping, std::string_view key, std::optional<uint64_t>* target) {
  TakeParsed(mapping, key, ParseSize, target);
}

const YamlNode& TakeMapping(const YamlNode& mapping, std::string_view key) {
  const YamlNode* node = mapping.Find(key);
  return node != nullptr && node->is_mapping() ? *node : Nothing();
}

const std::vector<YamlNode>& TakeList(const YamlNode& mapping, std::string_view key) {
  const YamlNode* node = mapping.Find(key);
  return node != nullptr && node->is_sequence() ? node->items : Nothing().items;
}

const YamlNode* FindScalar(const YamlNode& mapping, std::string_view key) {
  const YamlNode* node = mapping.Find(key);
  return node != nullptr && node->is_scalar() ? node : nullptr;
}

bool HoldsWord(const YamlNode& mapping, std::string_view key, std::string_view word) {
  const YamlNode* scalar = FindScalar(mapping, key);
  return scalar != nullptr && scalar->text == word;
}

}  // namespace holdfast::config
