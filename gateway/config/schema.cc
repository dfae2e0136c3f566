#include "gateway/config/schema.h"

#include <algorithm>

#include "gateway/config/units.h"

namespace holdfast::config {
namespace {

using Kind = Shape::Kind;

std::string NumberRange(const Shape& shape) {
  return std::to_string(shape.min) + " to " + std::to_string(shape.max);
}

std::string Described(const Shape& shape) {
  const auto size = [](int64_t bytes) { return FormatSize(static_cast<uint64_t>(bytes)); };
  switch (shape.kind) {
    case Kind::kDuration:
      return "a duration such as 250ms, 5s or 1h, from " +
             FormatDuration(std::chrono::nanoseconds(shape.min)) + " to " +
             FormatDuration(std::chrono::nanoseconds(shape.max));
    case Kind::kSize:
      return "a size such as 512B, 64KiB or 10MiB, from " + size(shape.min) + " to " +
             size(shape.max);
    case Kind::kCount: return "a whole number from " + NumberRange(shape);
    case Kind::kPercent:
      return "a percentage such as 50%, from " + std::to_string(shape.min) + "% to " +
             std::to_string(shape.max) + "%";
    case Kind::kWord: return shape.words.size() == 1 ? "" : "one of ";
    default: return std::string(shape.expected);
  }
}

}  // namespace

std::string Expectation(const Shape& shape) {
  std::string text = Described(shape);
  if (shape.may_be_file) text += ", or {file: PATH}";
  std::string_view separator = shape.kind == Kind::kWord ? "" : ", or ";
  for (const std::string_view word : shape.words) {
    text += std::string(separator) + std::string(word);
    separator = ", ";
  }
  return text;
}

const Key* FindKey(const Shape& mapping, std::string_view name) {
  const auto key = std::ranges::find(mapping.keys, name, &Key::name);
  return key == mapping.keys.end() ? nullptr : &*key;
}

bool HasWord(const Shape& shape, std::string_view text) {
  return std::ranges::find(shape.words, text) != shape.words.end();
}

std::string_view CurrentWord(const Shape& shape, std::string_view text) {
  const auto old_word = std::ranges::find(shape.old_words, text, &OldWord::old_word);
  return old_word == shape.old_words.end() ? text : old_word->word;
}

std::string_view OrderWord(const Key& key) {
  const bool more = key.order.kind == Order::Kind::kAtMost;
  if (key.shape->kind == Kind::kDuration) return more ? "longer" : "shorter";
  return more ? "larger" : "smaller";
}

std::string DefaultOf(const Key& key, const void* owner) {
  if (!key.otherwise.empty()) return std::string(key.otherwise);
  if (key.required || key.binding.write == nullptr) return {};
  return key.binding.write(*key.shape, owner);
}

std::string DescribeDefault(const Key& key, const void* owner) {
  const std::string text = DefaultOf(key, owner);
  const bool can_be_off = key.shape->kind == Kind::kMapping && !key.shape->words.empty();
  if (text.empty() && !key.required && can_be_off) return "on";
  if (key.order.kind == Order::Kind::kNone || !key.binding.number(owner)) return text;
  // What gives way to the other key is the opposite of what would break the order.
  Key opposite = key;
  opposite.order.kind =
      key.order.kind == Order::Kind::kAtMost ? Order::Kind::kAtLeast : Order::Kind::kAtMost;
  return text + ", or " + std::string(key.order.other) + " if that is " +
         std::string(OrderWord(opposite));
}

const void* DefaultsOf(const Key& key, const void* owner) {
  const void* inner = key.binding.inner == nullptr ? nullptr : key.binding.inner(owner);
  return inner == nullptr ? key.shape->defaults() : inner;
}

}  // namespace holdfast::config
