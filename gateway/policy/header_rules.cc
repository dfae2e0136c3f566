#include "gateway/policy/header_rules.h"

#include <algorithm>
#include <cstddef>

#include "gateway/http/syntax.h"

namespace holdfast::policy {
namespace {

bool Has(const http::HeaderList& fields, std::string_view name) {
  return std::ranges::any_of(fields.fields(), [name](const http::HeaderField& field) {
    return !field.dropped && field.name.size() == name.size() &&
           http::LooksLikeName(field.name, name);
  });
}

void Drop(std::string_view name, http::HeaderList* fields) {
  for (http::HeaderField& field : fields->fields()) {
    if (field.name.size() != name.size()) continue;
    field.dropped |= http::LooksLikeName(field.name, name);
  }
}

}  // namespace

bool MayBeChanged(std::string_view name) {
  switch (http::IdentifyField(name)) {
    case http::FieldId::kOther:
    case http::FieldId::kServer:
    case http::FieldId::kAuthorization:
    case http::FieldId::kCookie:
    case http::FieldId::kUserAgent:
    case http::FieldId::kRetryAfter:
    case http::FieldId::kContentType:
    case http::FieldId::kAltSvc:
    case http::FieldId::kWwwAuthenticate: return true;
    default: return false;
  }
}

HeaderEdits::HeaderEdits(const HeaderRules& rules) {
  for (const std::string& name : rules.remove) {
    steps_.push_back({Manner::kRemove, name, http::IdentifyField(name), {}});
  }
  Append(Manner::kSet, rules.set);
  Append(Manner::kSetIfMissing, rules.set_if_missing);
  Append(Manner::kAdd, rules.add);
}

void HeaderEdits::Append(Manner manner, const HeaderRules::Fields& fields) {
  for (const auto& [name, value] : fields) {
    steps_.push_back({manner, name, http::IdentifyField(name), *FieldTemplate::Parse(value)});
    constant_ &= steps_.back().value.constant();
  }
}

bool HeaderEdits::Uses(Variable variable) const {
  return std::ranges::any_of(steps_,
                             [variable](const Step& step) { return step.value.Uses(variable); });
}

void HeaderEdits::Apply(const TemplateFacts& facts, http::HeaderList* fields,
                        std::string* made) const {
  made->clear();
  // Values are made before anything changes: they may be of fields that are removed. Fields point
  // into the text, so that it is complete before they do. One that begins or ends with a variable
  // that is empty could end with a blank, with which HTTP/2 has none (RFC 9113 section 8.2.1).
  for (const Step& step : steps_) {
    if (step.value.constant()) continue;
    step.value.AppendTo(facts, made);
    made->push_back('\n');  // in no value
  }
  std::string_view rest = *made;
  for (const Step& step : steps_) {
    if (step.value.constant()) {
      Take(step, step.value.text(), fields);
      continue;
    }
    const size_t end = rest.find('\n');
    Take(step, http::TrimWhiteSpace(rest.substr(0, end)), fields);
    rest.remove_prefix(end + 1);
  }
}

void HeaderEdits::ApplyConstant(http::HeaderList* fields) const {
  for (const Step& step : steps_) Take(step, step.value.text(), fields);
}

void HeaderEdits::Take(const Step& step, std::string_view value, http::HeaderList* fields) {
  if (step.manner == Manner::kSetIfMissing && Has(*fields, step.name)) return;
  if (step.manner == Manner::kRemove || step.manner == Manner::kSet) Drop(step.name, fields);
  if (step.manner == Manner::kRemove) return;
  fields->Add({.name = step.name, .value = value, .id = step.id});
}

}  // namespace holdfast::policy
