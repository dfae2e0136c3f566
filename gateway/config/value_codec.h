#ifndef HOLDFAST_GATEWAY_CONFIG_VALUE_CODEC_H_
#define HOLDFAST_GATEWAY_CONFIG_VALUE_CODEC_H_

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "gateway/config/config.h"
#include "gateway/config/decode.h"
#include "gateway/config/schema.h"

// Read takes a value from a node that fits its shape; where it does not, the value stays as it is.
// Write is the way back: the value as a file spells it. One pair for each type that a key may have.

namespace holdfast::config {

void Read(const YamlNode& node, const Shape& shape, std::string* value, Report* report);
void Read(const YamlNode& node, const Shape& shape, bool* value, Report* report);
void Read(const YamlNode& node, const Shape& shape, Duration* value, Report* report);
void Read(const YamlNode& node, const Shape& shape, Bind* value, Report* report);
void Read(const YamlNode& node, const Shape& shape, PeerSet* value, Report* report);
void Read(const YamlNode& node, const Shape& shape, pool::SocketAddress* value, Report* report);
void Read(const YamlNode& node, const Shape& shape, Endpoint* value, Report* report);
void Read(const YamlNode& node, const Shape& shape, ClientCertificateHeaders* value,
          Report* report);
void Read(const YamlNode& node, const Shape& shape, RequestIds* value, Report* report);
void Read(const YamlNode& node, const Shape& shape, TraceRule* value, Report* report);
void Read(const YamlNode& node, const Shape& shape, MaxInFlight* value, Report* report);

std::string Write(const Shape& shape, const std::string& value);
std::string Write(const Shape& shape, bool value);
std::string Write(const Shape& shape, Duration value);
std::string Write(const Shape& shape, const Bind& value);

// A count, a size or a percentage, as the shape says.
std::optional<uint64_t> ParseNumber(const Shape& shape, std::string_view text);
std::string FormatNumber(const Shape& shape, uint64_t number);

template <class T>
concept Number = std::unsigned_integral<T> && !std::same_as<T, bool>;
template <class T>
concept Word = std::is_enum_v<T>;

template <Number T>
void Read(const YamlNode& node, const Shape& shape, T* value, Report* /*report*/) {
  if (const auto number = ParseNumber(shape, node.text)) *value = static_cast<T>(*number);
}
template <Number T>
std::string Write(const Shape& shape, T value) {
  return FormatNumber(shape, value);
}

template <Word T>
void Read(const YamlNode& node, const Shape& /*shape*/, T* value, Report* /*report*/) {
  if (const auto named = WordsOf(T{}).ValueOf(node.text)) *value = *named;
}
template <Word T>
std::string Write(const Shape& /*shape*/, T value) {
  return std::string(WordsOf(value).WordOf(value));
}

// A struct of its own, which a mapping fills.
template <class T>
requires std::is_class_v<T>
void Read(const YamlNode& node, const Shape& shape, T* value, Report* report) {
  DecodeMapping(node, shape, value, report);
}

// The shape's word, `off` or `auto`, stands for nullopt.
template <class T>
void Read(const YamlNode& node, const Shape& shape, std::optional<T>* value, Report* report) {
  if (node.is_scalar() && HasWord(shape, node.text)) {
    value->reset();
    return;
  }
  if (!value->has_value()) value->emplace();
  Read(node, shape, &**value, report);
}
template <class T>
std::string Write(const Shape& shape, const std::optional<T>& value) {
  if (!value.has_value()) return std::string(shape.words.front());
  if constexpr (requires { Write(shape, *value); }) return Write(shape, *value);
  return {};
}

// One value for each node, so that the two have the same indices; a default is gone.
template <class T>
void Read(const YamlNode& node, const Shape& shape, std::vector<T>* values, Report* report) {
  values->clear();
  if (shape.one_stands_for_list && node.is_mapping()) {
    return Read(node, *shape.element, &values->emplace_back(), report);
  }
  for (const YamlNode& item : node.items) {
    values->emplace_back();
    if (Fits(item, *shape.element)) Read(item, *shape.element, &values->back(), report);
  }
  for (const YamlEntry& entry : node.entries) {
    values->emplace_back();
    if constexpr (requires { values->back().name; }) values->back().name = entry.key.text;
    if (Fits(entry.value, *shape.element)) {
      Read(entry.value, *shape.element, &values->back(), report);
    }
  }
}
template <class T>
std::string Write(const Shape& shape, const std::vector<T>& values) {
  std::string text;
  if constexpr (requires { Write(*shape.element, values.front()); }) {
    for (const T& value : values) text += (text.empty() ? "" : ", ") + Write(*shape.element, value);
  }
  return shape.kind == Shape::Kind::kList ? "[" + text + "]" : "{" + text + "}";
}

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_VALUE_CODEC_H_
