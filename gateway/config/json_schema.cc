#include "gateway/config/json_schema.h"

#include <cstdint>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "gateway/config/file_defaults.h"
#include "gateway/config/schema.h"

namespace holdfast::config {
namespace {

using Json = nlohmann::ordered_json;
using Kind = Shape::Kind;

constexpr std::string_view kDurationPattern = "^(\\d+d)?(\\d+h)?(\\d+m)?(\\d+s)?(\\d+ms)?$";
constexpr std::string_view kPercentPattern = "^\\d+%$";
constexpr std::string_view kSizePattern = "^\\d+(B|KiB|MiB|GiB|TiB)?$";

// Whether a file's `defaults` may have what a mapping needs, so that nothing in it is required.
enum class Sharing : uint8_t { kNone, kByDefaults };

Json Convert(const Shape& shape, const void* owner, Sharing sharing);

Json Words(const Shape& shape) {
  Json words = Json::array();
  for (const std::string_view word : shape.words) words.push_back(word);
  return words;
}

// Words that are numbers or booleans are written without quotes in YAML, which makes them that.
Json WordEnum(const Shape& shape) {
  Json words = Words(shape);
  for (const std::string_view word : shape.words) {
    const bool digits = word.find_first_not_of("0123456789") == std::string_view::npos;
    if (digits) words.push_back(std::stoi(std::string(word)));
    if (word == "true" || word == "false") words.push_back(word == "true");
  }
  return {{"enum", std::move(words)}};
}

// A default that is a value of the file, not words about one.
std::optional<Json> DefaultValue(const Key& key, const void* owner) {
  const std::string text = DefaultOf(key, owner);
  const bool scalar = key.shape->kind != Kind::kList && key.shape->kind != Kind::kNamed;
  if (text.empty() || !key.otherwise.empty() || !scalar) return std::nullopt;
  const bool number = key.shape->kind == Kind::kCount && !HasWord(*key.shape, text);
  if (number) return std::stoll(text);
  if (text == "true" || text == "false") return text == "true";
  return text;
}

Json ConvertMapping(const Shape& shape, const void* owner, Sharing sharing) {
  Json required = Json::array();
  Json properties = Json::object();
  for (const Key& key : shape.keys) {
    const std::string by_default = DescribeDefault(key, owner);
    Json property = {
        {"description",
         std::string(key.help) + (by_default.empty() ? "" : " Default: " + by_default + ".")}};
    if (std::optional<Json> value = DefaultValue(key, owner))
      property["default"] = *std::move(value);
    const bool mapping = key.shape->kind == Kind::kMapping;
    const Sharing its = MayBeDefault(shape, key.name) ? Sharing::kByDefaults : sharing;
    property.update(Convert(*key.shape, mapping ? DefaultsOf(key, owner) : nullptr, its));
    properties[std::string(key.name)] = std::move(property);
    if (key.required && its == Sharing::kNone) required.push_back(key.name);
  }
  Json json = {{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) json["required"] = std::move(required);
  json["additionalProperties"] = false;
  return json;
}

Json ConvertElement(const Shape& element, Sharing sharing) {
  return Convert(element, element.kind == Kind::kMapping ? element.defaults() : nullptr, sharing);
}

// What the shape takes beside its words and its short form.
Json ConvertKind(const Shape& shape, const void* owner, Sharing sharing) {
  switch (shape.kind) {
    case Kind::kText:
      // YAML turns some texts into numbers and booleans before an editor's checker sees them.
      return {{"type", {"string", "number", "boolean"}}};
    case Kind::kDuration:
      return {{"type", "string"}, {"minLength", 2}, {"pattern", kDurationPattern}};
    case Kind::kSize:
      return {{"type", {"string", "integer"}},
              {"minimum", shape.min},
              {"maximum", shape.max},
              {"pattern", kSizePattern}};
    case Kind::kCount: return {{"type", "integer"}, {"minimum", shape.min}, {"maximum", shape.max}};
    case Kind::kPercent: return {{"type", "string"}, {"pattern", kPercentPattern}};
    case Kind::kWord: return WordEnum(shape);
    case Kind::kList:
      return {{"type", "array"},
              {"minItems", shape.min},
              {"maxItems", shape.max},
              // A list is an item's own as a whole.
              {"items", ConvertElement(*shape.element, Sharing::kNone)}};
    case Kind::kNamed:
      return {{"type", "object"},
              {"maxProperties", shape.max},
              {"additionalProperties", ConvertElement(*shape.element, sharing)}};
    case Kind::kMapping: return ConvertMapping(shape, owner, sharing);
    case Kind::kPartial: return {{"type", "object"}};  // which keys, is said where those are
  }
  return {};
}

// {file: PATH} (secret_files.h).
Json FileOfSecret() {
  return {{"type", "object"},
          {"properties", {{"file", {{"type", "string"}}}}},
          {"required", Json::array({"file"})},
          {"additionalProperties", false}};
}

// `owner`: of a mapping, the struct that it fills, with the defaults.
Json Convert(const Shape& shape, const void* owner, Sharing sharing) {
  const bool extra_words = !shape.words.empty() && shape.kind != Kind::kWord;
  if (!extra_words && shape.short_form == nullptr && !shape.one_stands_for_list &&
      !shape.may_be_file) {
    return ConvertKind(shape, owner, sharing);
  }
  Json any_of = Json::array();
  any_of.push_back(ConvertKind(shape, owner, sharing));
  if (shape.short_form != nullptr) any_of.push_back(ConvertElement(*shape.short_form, sharing));
  if (shape.one_stands_for_list) any_of.push_back(ConvertElement(*shape.element, sharing));
  if (shape.may_be_file) any_of.push_back(FileOfSecret());
  if (extra_words) any_of.push_back({{"enum", Words(shape)}});
  return {{"anyOf", std::move(any_of)}};
}

// What is needed may be in an included file, and such a file has nothing but three of the keys.
Json WaysToBeAFile(Json required) {
  const Json included = {{"enum", Json::array({"listeners", "upstreams", "routes"})}};
  Json ways = Json::array();
  ways.push_back({{"required", std::move(required)}});
  ways.push_back({{"required", Json::array({"include"})}});
  ways.push_back({{"propertyNames", included}});
  return ways;
}

}  // namespace

std::string JsonSchema() {
  Json json = {{"$schema", "http://json-schema.org/draft-07/schema#"},
               {"title", "Holdfast configuration"}};
  json.update(ConvertElement(FileShape(), Sharing::kNone));
  json["anyOf"] = WaysToBeAFile(std::move(json["required"]));
  json.erase("required");
  return json.dump(2) + "\n";
}

}  // namespace holdfast::config
