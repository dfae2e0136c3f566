#ifndef HOLDFAST_GATEWAY_CONFIG_SCHEMA_H_
#define HOLDFAST_GATEWAY_CONFIG_SCHEMA_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace holdfast::config {

struct Shape;

// One key of a mapping.
struct Key {
  std::string_view name;
  std::string_view help;  // for editors: one sentence, with the default
  const Shape* shape;
  bool required = false;
};

// What a value may look like: the one table that both the loader and the JSON Schema follow.
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
  };
  Kind kind;
  // Completes "expected ..." for texts, lists and mappings; the other kinds describe themselves.
  std::string_view expected = {};
  int64_t min = 0;
  int64_t max = 0;
  std::span<const std::string_view> words = {};  // taken as well as what `kind` says
  std::span<const Key> keys = {};
  const Shape* element = nullptr;
  const Shape* short_form = nullptr;  // a scalar that may stand for the mapping
  bool (*check)(std::string_view) = nullptr;
};

// What a listener's bind and an endpoint's address look like, to complete "expected ...".
inline constexpr std::string_view kBindExpectation =
    "an address such as 0.0.0.0:8080, [::]:8080, :8080 or unix:/run/holdfast.sock";
inline constexpr std::string_view kEndpointExpectation =
    "host:port such as web:8080, 192.0.2.7:8080 or [::1]:8080, or unix:/path";

// The shape of the whole file. Constant, with static storage.
const Shape& FileShape();

// What `shape` takes, to complete "expected ...".
std::string Expectation(const Shape& shape);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_SCHEMA_H_
