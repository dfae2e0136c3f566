#include "gateway/config/pattern_shape.h"

#include <string>
#include <utility>

namespace holdfast::config {

bool ReadPattern(const YamlNode& node, policy::Pattern* pattern, Report* report) {
  if (!IsPatternText(node.text)) return false;
  absl::StatusOr<policy::Pattern> parsed = policy::Pattern::Parse(node.text);
  if (!parsed.ok()) {
    report->Error(node.position, "expected " + std::string(kPattern.expected) + "; found " +
                                     Quoted(node.text) + ": " +
                                     std::string(parsed.status().message()));
    return false;
  }
  *pattern = *std::move(parsed);
  return true;
}

}  // namespace holdfast::config
