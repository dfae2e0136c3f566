#include "gateway/config/shape_check.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gateway/config/foreign_keys.h"
#include "gateway/config/suggest.h"
#include "gateway/config/text_checks.h"
#include "gateway/config/units.h"

namespace holdfast::config {
namespace {

using Kind = Shape::Kind;

bool InRange(const Shape& shape, std::optional<uint64_t> number) {
  return number && *number <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) &&
         static_cast<int64_t>(*number) >= shape.min && static_cast<int64_t>(*number) <= shape.max;
}

std::string Found(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull: return "; found nothing";
    case YamlNode::Kind::kScalar: return "; found " + Quoted(node.text);
    case YamlNode::Kind::kSequence:
      return node.items.empty() ? "; found an empty list" : "; found a list";
    case YamlNode::Kind::kMapping: return "; found a mapping";
  }
  return {};
}

// What is said in place of `on` and `off`, whichever of these words a key has.
constexpr std::string_view kYes[] = {"on", "true", "yes", "always", "y", "enabled"};
constexpr std::string_view kNo[] = {"off", "false", "no", "never", "none", "n", "disabled"};

bool Has(std::span<const std::string_view> words, std::string_view text) {
  return std::ranges::find(words, text) != words.end();
}

// "; did you mean 'off'?" for `no` and the like, else for the nearest of the words.
std::string Meant(std::string_view text, const std::vector<std::string_view>& words) {
  const std::string lower = LowerCase(text);
  using Words = std::span<const std::string_view>;
  for (const Words same : {Words(kYes), Words(kNo)}) {
    if (!Has(same, lower)) continue;
    for (const std::string_view word : same) {
      if (Has(words, word)) return "; did you mean '" + std::string(word) + "'?";
    }
    return {};  // `on` is no slip of the finger for `off`, nor for `no`
  }
  return Suggestion(text, words);
}

void Mismatch(const YamlNode& node, const Shape& shape, Report* report) {
  std::string message = "expected " + Expectation(shape);
  if (node.hidden) {
    return report->Error(node.position, message + "; the file holds something else");
  }
  if (shape.secret && node.is_scalar()) {
    return report->ErrorOfSecret(node.position, std::move(message));
  }
  message += Found(node);
  // A number that is off by one is not a slip of the finger.
  const bool number = node.text.find_first_not_of("0123456789") == std::string::npos;
  if (node.is_scalar() && !number) {
    std::vector<std::string_view> words(shape.words.begin(), shape.words.end());
    if (shape.short_form != nullptr) {
      words.insert(words.end(), shape.short_form->words.begin(), shape.short_form->words.end());
    }
    message += Meant(node.text, words);
  }
  report->Error(node.position, std::move(message));
}

// A word that stands for a mapping or list is one of the things that these expect; any other short
// form says best itself what it looks like.
void CheckShortForm(const YamlNode& node, const Shape& shape, Report* report) {
  const Shape& form = *shape.short_form;
  if (form.kind != Kind::kWord) return CheckShape(node, form, report);
  if (!HasWord(form, node.text)) Mismatch(node, shape, report);
}

void UnknownKey(const YamlNode& key, const Shape& shape, Report* report) {
  std::vector<std::string_view> known;
  for (const Key& candidate : shape.keys) known.push_back(candidate.name);
  std::string message = "unknown key " + Quoted(key.text);
  if (const std::string_view hint = ForeignKeyHint(key.text); !hint.empty()) {
    report->Error(key.position, message + "; " + std::string(hint));
    return;
  }
  const std::string suggestion = Suggestion(key.text, known);
  if (suggestion.empty()) {
    std::string_view separator = "; expected one of ";
    for (const std::string_view name : known) {
      message += std::string(separator) + std::string(name);
      separator = ", ";
    }
  }
  report->Error(key.position, message + suggestion);
}

void WarnOfOldWord(const YamlNode& node, const Shape& shape, Report* report) {
  report->Warning(node.position, Quoted(node.text) + " is now called " +
                                     Quoted(CurrentWord(shape, node.text)) + "; it means the same");
}

// `keys` has those that may be there.
void CheckKeys(const YamlNode& node, const Shape& keys, const Shape& shape, Report* report) {
  if (!node.is_mapping()) return Mismatch(node, shape, report);
  for (const YamlEntry& entry : node.entries) {
    const Key* key = FindKey(keys, entry.key.text);
    if (key == nullptr) {
      UnknownKey(entry.key, keys, report);
    } else {
      CheckShape(entry.value, *key->shape, report);
    }
  }
}

void CheckMapping(const YamlNode& node, const Shape& shape, Report* report) {
  CheckKeys(node, shape, shape, report);
  if (!node.is_mapping()) return;
  for (const Key& key : shape.keys) {
    if (!key.required || node.Find(key.name) != nullptr) continue;
    report->Error(node.position, "key '" + std::string(key.name) + "' is missing; expected " +
                                     std::string(shape.expected));
  }
}

void CheckList(const YamlNode& node, const Shape& shape, Report* report) {
  if (shape.one_stands_for_list && node.is_mapping()) {
    return CheckShape(node, *shape.element, report);
  }
  const auto count = static_cast<int64_t>(node.items.size());
  if (!node.is_sequence() || count < shape.min || count > shape.max) {
    return Mismatch(node, shape, report);
  }
  for (const YamlNode& item : node.items) CheckShape(item, *shape.element, report);
}

void CheckNamed(const YamlNode& node, const Shape& shape, Report* report) {
  const auto count = static_cast<int64_t>(node.entries.size());
  if (!node.is_mapping() || count < shape.min || count > shape.max) {
    report->Error(node.position, "expected a mapping with " + std::to_string(shape.min) + " to " +
                                     std::to_string(shape.max) + " keys" + Found(node));
    return;
  }
  for (const YamlEntry& entry : node.entries) {
    if (!shape.check(entry.key.text)) {
      report->Error(entry.key.position,
                    "expected " + std::string(shape.expected) + Found(entry.key));
    }
    CheckShape(entry.value, *shape.element, report);
  }
}

}  // namespace

bool ScalarFits(const Shape& shape, std::string_view text) {
  if (HasWord(shape, text)) return true;
  switch (shape.kind) {
    case Kind::kText: return shape.check(text);
    case Kind::kDuration: {
      const auto duration = ParseDuration(text);
      return duration && duration->count() >= shape.min && duration->count() <= shape.max;
    }
    case Kind::kSize: return InRange(shape, ParseSize(text));
    case Kind::kCount: return InRange(shape, ParseCount(text));
    case Kind::kPercent: return InRange(shape, ParsePercent(text));
    default: return false;
  }
}

void CheckShape(const YamlNode& node, const Shape& shape, Report* report) {
  if (node.is_scalar() && HasWord(shape, node.text)) return;
  if (node.is_scalar() && CurrentWord(shape, node.text) != node.text) {
    return WarnOfOldWord(node, shape, report);
  }
  switch (shape.kind) {
    case Kind::kMapping:
      if (node.is_scalar() && shape.short_form != nullptr) {
        return CheckShortForm(node, shape, report);
      }
      return CheckMapping(node, shape, report);
    case Kind::kList:
      if (node.is_scalar() && shape.short_form != nullptr) {
        return CheckShortForm(node, shape, report);
      }
      return CheckList(node, shape, report);
    case Kind::kNamed: return CheckNamed(node, shape, report);
    case Kind::kPartial: return CheckKeys(node, *shape.element->element, shape, report);
    default:
      if (!node.is_scalar() || !ScalarFits(shape, node.text)) Mismatch(node, shape, report);
  }
}

}  // namespace holdfast::config
