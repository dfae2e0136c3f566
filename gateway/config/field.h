#ifndef HOLDFAST_GATEWAY_CONFIG_FIELD_H_
#define HOLDFAST_GATEWAY_CONFIG_FIELD_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "gateway/config/schema.h"
#include "gateway/config/value_codec.h"

// What makes the rows of the table (schema*.cc):
//
//   Field<&Upstream::cluster, &ClusterOptions::pool, &PoolLimits::max_idle>(
//       "max_idle", kAny, "Most kept connections per endpoint, whole process.")
//
// takes the value of `max_idle` to that member, by its type (value_codec.h). Custom<Read, Write> is
// for a value that has a function of its own, and Apart for one that build*.cc sets.
//
// A struct whose members a Field names has a name of its own in the whole program: GCC 12 gives a
// Place of a struct in an unnamed namespace external linkage.

namespace holdfast::config {

template <class Member>
struct MemberTraits;
template <class Class, class Value>
struct MemberTraits<Value Class::*> {
  using Owner = Class;
};

template <auto kFirst, auto... kRest, class Owner>
constexpr auto& MemberOf(Owner& owner) {
  if constexpr (sizeof...(kRest) == 0) {
    return owner.*kFirst;
  } else {
    return MemberOf<kRest...>(owner.*kFirst);
  }
}

// What a mapping fills, whether or not it can be switched off.
template <class T>
struct InnerTraits {
  using Type = T;
  static const void* Of(const T& value) { return &value; }
};
template <class T>
struct InnerTraits<std::optional<T>> {
  using Type = T;
  static const void* Of(const std::optional<T>& value) {
    return value.has_value() ? &*value : nullptr;
  }
};

// Durations and numbers, with or without `off`, as one integer.
template <class T>
std::optional<int64_t> ToNumber(const T& value) {
  if constexpr (std::is_same_v<T, Duration>) return value.count();
  if constexpr (Number<T>) return static_cast<int64_t>(value);
  return std::nullopt;
}
template <class T>
std::optional<int64_t> ToNumber(const std::optional<T>& value) {
  return value.has_value() ? ToNumber(*value) : std::nullopt;
}
template <class T>
void FromNumber(int64_t number, T* value) {
  if constexpr (std::is_same_v<T, Duration>) *value = Duration(number);
  if constexpr (Number<T>) *value = static_cast<T>(number);
}
template <class T>
void FromNumber(int64_t number, std::optional<T>* value) {
  FromNumber(number, &value->emplace());
}

// The member that a path of member pointers leads to, for a Binding.
template <auto kFirst, auto... kRest>
struct Place {
  using Owner = typename MemberTraits<decltype(kFirst)>::Owner;
  using Value = std::remove_cvref_t<decltype(MemberOf<kFirst, kRest...>(std::declval<Owner&>()))>;
  using Inner = InnerTraits<Value>;

  static Value& In(void* owner) { return MemberOf<kFirst, kRest...>(*static_cast<Owner*>(owner)); }
  static const Value& In(const void* owner) {
    return MemberOf<kFirst, kRest...>(*static_cast<const Owner*>(owner));
  }

  static void Take(const YamlNode& node, const Shape& shape, void* owner, Report* report) {
    Read(node, shape, &In(owner), report);
  }
  static std::string Show(const Shape& shape, const void* owner) {
    if constexpr (requires { Write(shape, In(owner)); }) return Write(shape, In(owner));
    return {};
  }
  static const void* Enter(const void* owner) { return Inner::Of(In(owner)); }
  static std::optional<int64_t> Number(const void* owner) { return ToNumber(In(owner)); }
  static void SetNumber(int64_t number, void* owner) { FromNumber(number, &In(owner)); }
};

template <auto... kPath>
constexpr Key Field(std::string_view name, const Shape& shape, std::string_view help) {
  using At = Place<kPath...>;
  Key key{.name = name, .help = help, .shape = &shape};
  key.binding = {
      .owner = &kTypeTag<typename At::Owner>,
      .read = At::Take,
      .write = At::Show,
      .inner = At::Enter,
      .inner_type = &kTypeTag<typename At::Inner::Type>,
      .number = At::Number,
      .set_number = At::SetNumber,
  };
  return key;
}

// The functions of a value that has its own.
template <auto kRead, class OwnerType>
struct CustomPlace {
  using Owner = OwnerType;
  static void Take(const YamlNode& node, const Shape& shape, void* owner, Report* report) {
    if constexpr (std::is_invocable_v<decltype(kRead), const YamlNode&, Owner*>) {
      kRead(node, static_cast<Owner*>(owner));
    } else {
      kRead(node, shape, static_cast<Owner*>(owner), report);
    }
  }
};
template <class Owner>
Owner OwnerOf(void (*)(const YamlNode&, Owner*));
template <class Owner>
Owner OwnerOf(void (*)(const YamlNode&, const Shape&, Owner*, Report*));

// `kRead` takes a node, with or without its shape and a report, to the owner.
template <auto kRead>
constexpr Key Custom(std::string_view name, const Shape& shape, std::string_view help) {
  using At = CustomPlace<kRead, decltype(OwnerOf(kRead))>;
  Key key{.name = name, .help = help, .shape = &shape};
  key.binding.owner = &kTypeTag<typename At::Owner>;
  key.binding.read = At::Take;
  return key;
}
// `kWrite` is the way back, from the owner to a text.
template <auto kRead, auto kWrite>
constexpr Key Custom(std::string_view name, const Shape& shape, std::string_view help) {
  using Owner = decltype(OwnerOf(kRead));
  Key key = Custom<kRead>(name, shape, help);
  key.binding.write = [](const Shape&, const void* owner) -> std::string {
    return kWrite(*static_cast<const Owner*>(owner));
  };
  return key;
}

// A key whose value is set together with others.
constexpr Key Apart(std::string_view name, const Shape& shape, std::string_view help) {
  return {.name = name, .help = help, .shape = &shape};
}
// The same with a default of its own, which `kWrite` makes a text of.
template <auto kWrite, class Owner>
constexpr Key ApartOf(std::string_view name, const Shape& shape, std::string_view help) {
  Key key = Apart(name, shape, help);
  key.binding.owner = &kTypeTag<Owner>;
  key.binding.write = [](const Shape&, const void* owner) -> std::string {
    return kWrite(*static_cast<const Owner*>(owner));
  };
  return key;
}

// The shape of a mapping that fills an Owner.
template <class Owner>
constexpr Shape Mapping(std::string_view expected, std::span<const Key> keys) {
  Shape shape{.kind = Shape::Kind::kMapping, .expected = expected, .keys = keys};
  shape.type = &kTypeTag<Owner>;
  shape.defaults = []() -> const void* {
    static const Owner& defaults = *new Owner;
    return &defaults;
  };
  return shape;
}

// The same shape, or one of the words.
constexpr Shape OrWords(Shape shape, std::span<const std::string_view> words) {
  shape.words = words;
  return shape;
}

// The words of an enum that has a table of them.
template <class Enum>
inline constexpr auto kWordsOf = WordsOf(Enum{}).words();
template <class Enum>
constexpr Shape WordShape() {
  return {.kind = Shape::Kind::kWord, .words = kWordsOf<Enum>};
}

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_FIELD_H_
