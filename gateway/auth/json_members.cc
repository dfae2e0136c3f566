#include "gateway/auth/json_members.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

namespace holdfast::auth {

// What the library calls while it reads. False ends that.
class JsonReader {
 public:
  using Library = nlohmann::json;
  using Kind = JsonMember::Kind;

  explicit JsonReader(JsonMembers* into) : members_(&into->members_) {}

  // The names and parameters are the library's.
  bool null() { return Other(); }
  bool boolean(bool value) { return Scalar(Kind::kBoolean, value ? "true" : "false", 0); }
  bool number_integer(Library::number_integer_t value) {
    return Scalar(Kind::kNumber, std::to_string(value), static_cast<double>(value));
  }
  bool number_unsigned(Library::number_unsigned_t value) {
    return Scalar(Kind::kNumber, std::to_string(value), static_cast<double>(value));
  }
  bool number_float(Library::number_float_t value, const std::string& spelled) {
    return Scalar(Kind::kNumber, spelled, value);
  }
  bool string(std::string& value) {
    if (depth_ == 0 || !Count()) return false;
    if (depth_ == 1) {
      Set(Kind::kText, std::move(value), 0);
    } else if (depth_ == 2 && in_list_) {
      // In a list that has had something else, it does not matter.
      members_->back().texts.push_back(std::move(value));
    }
    return true;
  }
  bool binary(Library::binary_t& /*value*/) { return false; }
  bool key(std::string& name) {
    if (depth_ != 1) return true;
    const bool again = std::ranges::any_of(
        *members_, [&](const JsonMember& member) { return member.name == name; });
    if (again || members_->size() == JsonMembers::kMaxMembers) return false;
    members_->emplace_back().name = std::move(name);
    return true;
  }
  bool start_object(size_t /*size*/) {
    if (depth_ > 0 && !Other()) return false;
    return Deeper(/*list=*/false);
  }
  bool end_object() { return Higher(); }
  bool start_array(size_t /*size*/) {
    if (depth_ == 0) return false;
    if (depth_ > 1) return Other() && Deeper(/*list=*/true);
    Set(Kind::kTexts, {}, 0);
    return Count() && Deeper(/*list=*/true);
  }
  bool end_array() { return Higher(); }
  bool parse_error(size_t /*at*/, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) {
    return false;
  }

 private:
  bool Count() { return ++count_ <= JsonMembers::kMaxParts; }
  bool Deeper(bool list) {
    if (depth_ == 1) in_list_ = list;
    return ++depth_ <= JsonMembers::kMaxDepth;
  }
  bool Higher() {
    --depth_;
    return true;
  }
  void Set(Kind kind, std::string text, double number) {
    JsonMember& member = members_->back();
    member.kind = kind;
    member.text = std::move(text);
    member.number = number;
  }
  bool Scalar(Kind kind, std::string text, double number) {
    if (depth_ != 1) return Other();
    Set(kind, std::move(text), number);
    return Count();
  }
  // Something that is no text, or that is deeper: it makes any list another one.
  bool Other() {
    if (depth_ == 0) return false;
    if (depth_ == 1 || (depth_ == 2 && in_list_)) members_->back().kind = Kind::kOther;
    return Count();
  }

  std::vector<JsonMember>* members_;
  size_t depth_ = 0;
  size_t count_ = 0;
  bool in_list_ = false;  // at depth 2 and below: within a member that is a list
};

std::optional<JsonMembers> JsonMembers::Parse(std::string_view text) {
  // The library takes a NUL for the end, whatever comes behind it.
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  JsonMembers members;
  JsonReader reader(&members);
  if (!nlohmann::json::sax_parse(text, &reader)) return std::nullopt;
  return members;
}

const JsonMember* JsonMembers::Find(std::string_view name) const {
  const auto found = std::ranges::find(members_, name, &JsonMember::name);
  return found != members_.end() ? &*found : nullptr;
}

}  // namespace holdfast::auth
