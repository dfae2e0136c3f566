#include "gateway/config/names.h"

#include "gateway/config/lookup.h"
#include "gateway/config/suggest.h"

namespace holdfast::config {

void Names::Add(const std::string& name, Position position, Report* report) {
  const auto index = static_cast<uint32_t>(names_.size());
  names_.push_back(name);
  const auto [existing, added] = entries_.try_emplace(name, Entry{index, position});
  if (added) return;
  report->Error(position, GivenTwice(std::string(kind_) + " " + Quoted(name),
                                     existing->second.position, position, *report));
}

std::optional<uint32_t> Names::Resolve(const YamlNode& node, Report* report) const {
  if (!node.is_scalar()) return std::nullopt;
  const auto entry = entries_.find(node.text);
  if (entry != entries_.end()) return entry->second.index;
  report->Error(node.position, std::string(kind_) + " " + Quoted(node.text) + " is not defined" +
                                   Suggestion(node.text, {names_.begin(), names_.end()}));
  return std::nullopt;
}

}  // namespace holdfast::config
