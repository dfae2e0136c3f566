#ifndef HOLDFAST_GATEWAY_CONFIG_SCHEMA_H_
#define HOLDFAST_GATEWAY_CONFIG_SCHEMA_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "gateway/config/diagnostic.h"
#include "gateway/config/yaml_node.h"

// The one table of the configuration: what keys there are, what they mean, what their values look
// like and where those go. The loader, the JSON Schema, the reference and the file of defaults all
// follow it; a default is never said here, but read from the struct that the keys fill.
//
// Constant, with static storage; any thread.

namespace holdfast::config {

struct Shape;

// Stands for a C++ type, so that a test can tell whether a table fits the struct that it fills.
using TypeTag = const void*;
template <class T>
inline constexpr char kTypeTag = 0;

// How a value goes into its place and out of it. The place is a member of the key's owner: the
// struct that the key's mapping fills, whose type is Shape::type. Made by gateway/config/field.h.
struct Binding {
  TypeTag owner = nullptr;
  // Takes the value of a node that fits the shape. Null where that takes other keys as well, and
  // build*.cc does it.
  void (*read)(const YamlNode& node, const Shape& shape, void* owner, Report* report) = nullptr;
  // The value as a file spells it; empty for a mapping that is in force.
  std::string (*write)(const Shape& shape, const void* owner) = nullptr;
  // The struct that a mapping fills; null while it is switched off.
  const void* (*inner)(const void* owner) = nullptr;
  TypeTag inner_type = nullptr;
  // Of durations (nanoseconds), sizes (bytes) and counts: to compare them. nullopt: off.
  std::optional<int64_t> (*number)(const void* owner) = nullptr;
  void (*set_number)(int64_t number, void* owner) = nullptr;
};

// That a value is at most, or at least, that of another key of the same mapping.
struct Order {
  enum class Kind : uint8_t { kNone, kAtMost, kAtLeast };
  Kind kind = Kind::kNone;
  std::string_view other;
  std::string_view reason = {};  // appended when it is told
  bool other_gives_way = false;  // a default does, on either side; otherwise only on this one
};

// One key of a mapping.
struct Key {
  std::string_view name;
  std::string_view help;  // one sentence, without the default
  const Shape* shape;
  Binding binding = {};
  bool required = false;
  std::string_view example = {};    // for a key without a default, in the file of defaults
  std::string_view otherwise = {};  // the default in words, where no constant says it
  Order order = {};

  // The same key with one thing more.
  constexpr Key Required(std::string_view example_value) const {
    Key key = *this;
    key.required = true;
    key.example = example_value;
    return key;
  }
  constexpr Key Otherwise(std::string_view words) const {
    Key key = *this;
    key.otherwise = words;
    return key;
  }
  constexpr Key Example(std::string_view example_value) const {
    Key key = *this;
    key.example = example_value;
    return key;
  }
  constexpr Key AtMost(std::string_view other, std::string_view reason = {}) const {
    Key key = *this;
    key.order = {.kind = Order::Kind::kAtMost, .other = other, .reason = reason};
    return key;
  }
  constexpr Key AtLeast(std::string_view other) const {
    Key key = *this;
    key.order = {.kind = Order::Kind::kAtLeast, .other = other};
    return key;
  }
  // AtMost, and where only this one is given, the default of the other is what gives way.
  constexpr Key AtMostOrRaises(std::string_view other) const {
    Key key = AtMost(other);
    key.order.other_gives_way = true;
    return key;
  }
};

// A word of an earlier release, and the one that has its meaning now.
struct OldWord {
  std::string_view old_word;
  std::string_view word;
};

// What a value may look like.
struct Shape {
  enum class Kind : uint8_t {
    kText,      // a scalar that passes `check`
    kDuration,  // `min` to `max` nanoseconds
    kSize,      // `min` to `max` bytes
    kCount,     // a whole number from `min` to `max`
    kPercent,   // `min` to `max`, written with a percent sign
    kWord,      // one of `words` only
    kList,      // `min` to `max` times `element`
    kMapping,   // `keys`
    kNamed,     // a mapping of `min` to `max` names, which pass `check`, to `element`
    kPartial,   // some keys of the mapping that is the element of `element`, none of them required
  };
  Kind kind;
  // Completes "expected ..." for texts, lists and mappings; the other kinds describe themselves.
  std::string_view expected = {};
  int64_t min = 0;
  int64_t max = 0;
  std::span<const std::string_view> words = {};  // taken as well as what `kind` says
  std::span<const OldWord> old_words = {};       // taken with a warning
  std::span<const Key> keys = {};
  TypeTag type = nullptr;               // of a mapping: the struct that its keys fill
  const void* (*defaults)() = nullptr;  // of a mapping: such a struct, as it is by default
  const Shape* element = nullptr;
  const Shape* short_form = nullptr;  // a scalar that may stand for the mapping or list
  // Of a list of mappings: one of them may stand for the list that has it alone.
  bool one_stands_for_list = false;
  bool (*check)(std::string_view) = nullptr;
  bool secret = false;       // what does not fit is not shown
  bool may_be_file = false;  // of a text: {file: PATH} may stand for it (secret_files.h)
};

// What a listener's bind and an endpoint's address look like, to complete "expected ...".
inline constexpr std::string_view kBindExpectation =
    "an address such as 0.0.0.0:8080, [::]:8080, :8080 or unix:/run/holdfast.sock";
inline constexpr std::string_view kEndpointExpectation =
    "host:port such as web:8080, 192.0.2.7:8080 or [::1]:8080, or unix:/path";

// The shape of the whole file, which fills a Config.
const Shape& FileShape();

// What `shape` takes, to complete "expected ...".
std::string Expectation(const Shape& shape);

// The key of the mapping with this name; null when there is none.
const Key* FindKey(const Shape& mapping, std::string_view name);

// Whether it is one of the shape's words.
bool HasWord(const Shape& shape, std::string_view text);

// The word that an old one stands for; any other text as it is.
std::string_view CurrentWord(const Shape& shape, std::string_view text);

// "longer", "shorter", "larger" or "smaller": how a value that breaks the key's order would be.
std::string_view OrderWord(const Key& key);

// The default of the key as a file spells it, or in words; empty for a key that is required and for
// a mapping that is in force by default. `owner` is the struct that the key's mapping fills.
std::string DefaultOf(const Key& key, const void* owner);
// The same for readers: "1s, or interval if that is shorter"; "on" for a mapping that has an `off`.
std::string DescribeDefault(const Key& key, const void* owner);
// The struct that the mapping of a key fills, with its defaults.
const void* DefaultsOf(const Key& key, const void* owner);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_SCHEMA_H_
