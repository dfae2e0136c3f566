#ifndef HOLDFAST_GATEWAY_POLICY_HEADER_RULES_H_
#define HOLDFAST_GATEWAY_POLICY_HEADER_RULES_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/http/header_list.h"
#include "gateway/policy/field_template.h"

namespace holdfast::policy {

// What a route changes about the fields of the messages that pass, as the configuration has it.
// Values are templates. A value.
struct HeaderRules {
  using Fields = std::vector<std::pair<std::string, std::string>>;
  Fields set;             // in place of those of that name
  Fields set_if_missing;  // where there is none
  Fields add;             // beside them
  std::vector<std::string> remove;

  bool empty() const {
    return set.empty() && set_if_missing.empty() && add.empty() && remove.empty();
  }
  bool operator==(const HeaderRules&) const = default;
};

// Whether a rule may be about this field: none that is framing, of one hop, or the gateway's own
// word about the client, in any spelling. `name` is a token. Pure.
bool MayBeChanged(std::string_view name);

// The same, ready to be applied. Immutable: any thread.
class HeaderEdits {
 public:
  HeaderEdits() = default;
  // Of rules that were checked: their templates parse.
  explicit HeaderEdits(const HeaderRules& rules);

  bool empty() const { return steps_.empty(); }
  bool Uses(Variable variable) const;
  // No value has variables.
  bool constant() const { return constant_; }
  // Fields are removed in every spelling that a reader may take for the name. What is added lives
  // as long as `this` and, where it had to be made, as `*made`, which is filled anew.
  void Apply(const TemplateFacts& facts, http::HeaderList* fields, std::string* made) const;
  // The same of constant ones.
  void ApplyConstant(http::HeaderList* fields) const;

 private:
  enum class Manner : uint8_t { kRemove, kSet, kSetIfMissing, kAdd };
  struct Step {
    Manner manner;
    std::string name;
    http::FieldId id;
    FieldTemplate value;
  };

  void Append(Manner manner, const HeaderRules::Fields& fields);
  static void Take(const Step& step, std::string_view value, http::HeaderList* fields);

  std::vector<Step> steps_;
  bool constant_ = true;
};

}  // namespace holdfast::policy

#endif  // HOLDFAST_GATEWAY_POLICY_HEADER_RULES_H_
