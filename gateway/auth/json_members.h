#ifndef HOLDFAST_GATEWAY_AUTH_JSON_MEMBERS_H_
#define HOLDFAST_GATEWAY_AUTH_JSON_MEMBERS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::auth {

// A value is what its kind says; what is deeper than a list of texts is only looked over.
struct JsonMember {
  enum class Kind : uint8_t {
    kText,
    kNumber,
    kBoolean,
    kTexts,  // a list that has nothing but texts in it, or nothing
    kOther,  // null, an object, or another list
  };

  std::string name;
  Kind kind = Kind::kOther;
  std::string text;  // of kText; a number as it is spelled, or its shortest; true or false
  double number = 0;
  std::vector<std::string> texts;
};

// The members of a JSON object (RFC 8259 section 4) that strangers have written: a token's header
// or its claims. A value; one thread.
class JsonMembers {
 public:
  static constexpr size_t kMaxDepth = 8;     // of lists and objects
  static constexpr size_t kMaxMembers = 64;  // of the object itself
  static constexpr size_t kMaxParts = 512;   // values in all, however deep

  // nullopt: it is not one object in UTF-8 with nothing behind it, it is too deep or has too many
  // parts, or a name comes twice in it, of which another reader may take the other (RFC 8725
  // section 2.4; RFC 7519 section 4).
  static std::optional<JsonMembers> Parse(std::string_view text);

  // Null: there is none of that name.
  const JsonMember* Find(std::string_view name) const;
  bool Has(std::string_view name) const { return Find(name) != nullptr; }
  size_t size() const { return members_.size(); }

 private:
  friend class JsonReader;

  JsonMembers() = default;

  std::vector<JsonMember> members_;
};

}  // namespace holdfast::auth

#endif  // HOLDFAST_GATEWAY_AUTH_JSON_MEMBERS_H_
