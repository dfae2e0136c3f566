#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <absl/strings/ascii.h>

#include "gateway/config/build.h"
#include "gateway/config/lookup.h"
#include "gateway/config/suggest.h"
#include "gateway/config/text_checks.h"
#include "gateway/http/message.h"
#include "gateway/http/path_form.h"

namespace holdfast::config {
namespace {

// What stands for "anything" elsewhere: here it is compared as it is.
bool IsWildcard(std::string_view segment) {
  return segment == "*" || segment == "**" || segment == ".*" || segment == "(.*)" ||
         (segment.starts_with('{') && segment.ends_with('}'));
}

void WarnOfWildcards(const YamlNode& path, Report* report) {
  size_t begin = 1;
  while (begin < path.text.size()) {
    const size_t end = std::min(path.text.find('/', begin), path.text.size());
    const std::string_view segment = std::string_view(path.text).substr(begin, end - begin);
    if (IsWildcard(segment)) {
      const std::string before = path.text.substr(0, begin);
      report->Warning(path.position, Quoted(segment) + " stands for itself; path_prefix " +
                                         Quoted(before) +
                                         " takes all that begin so, path_regex takes patterns");
      return;
    }
    begin = end + 1;
  }
}

// Brings the path of a route into the form that requests' paths are compared in.
void SetPath(const YamlNode& path, Match* match, Report* report) {
  match->path = path.text;
  if (!IsPath(path.text)) return;
  std::optional<std::string> form = http::MatchedForm(path.text);
  if (!form) {
    report->Warning(path.position, Quoted(path.text) + " matches no request: those with %00 or a " +
                                       "malformed escape in their path are refused");
    return;
  }
  match->path = *std::move(form);
  http::PathForm reading;
  const bool has_dots =
      reading.Read(path.text) != http::PathDoubt::kNone || reading.must_be_resolved();
  if (has_dots || std::ranges::count(match->path, '/') != std::ranges::count(path.text, '/')) {
    report->Warning(path.position, Quoted(path.text) + " is matched as " + Quoted(match->path) +
                                       ": dot and empty segments are resolved");
  }
  WarnOfWildcards(path, report);
}

// What a pattern says of the beginning of a path, since all of them begin so.
void CheckPattern(const YamlNode& pattern, Report* report) {
  std::string_view text = pattern.text;
  while (text.starts_with('^') || text.starts_with('(')) {
    // Behind a parenthesis there may be flags or a name: "(?:", "(?i)", "(?P<id>".
    const size_t end = text.starts_with("(?") ? text.find_first_of(":>)") : 0;
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
  if (!text.empty() && absl::ascii_isalnum(text.front())) {
    report->Warning(pattern.position, Quoted(pattern.text) +
                                          " matches no request: it is compared with the "
                                          "whole path, which begins with '/'");
  }
}

void BuildPath(const YamlNode& node, Match* match, Report* report) {
  const YamlNode* exact = ScalarAt(node, "path");
  const YamlNode* prefix = ScalarAt(node, "path_prefix");
  const YamlNode* pattern = ScalarAt(node, "path_regex");
  if ((exact != nullptr) + (prefix != nullptr) + (pattern != nullptr) > 1) {
    const YamlNode* place = exact != nullptr ? exact : prefix;
    report->Error(place->position, NotOneOf(node, {"path", "path_prefix", "path_regex"}));
  }
  match->exact_path = exact != nullptr;
  if (exact != nullptr || prefix != nullptr) {
    SetPath(exact != nullptr ? *exact : *prefix, match, report);
  } else if (pattern != nullptr) {
    match->path.clear();
    CheckPattern(*pattern, report);
  }
}

// A slip of the pen is a method as well.
void CheckMethods(const YamlNode& node, Report* report) {
  for (const YamlNode& item : ListAt(node, "methods")) {
    if (item.text == http::MethodName(http::Method::kTrace)) {
      report->Warning(item.position,
                      "TRACE matches no request: it is answered 501 before routes are looked at");
    }
    if (http::IdentifyMethod(item.text) != http::Method::kOther) continue;
    const std::string suggestion = Suggestion(
        item.text, {http::kMethodWords.words().begin(), http::kMethodWords.words().end()});
    if (!suggestion.empty() && IsRouteMethod(item.text)) {
      report->Warning(item.position, Quoted(item.text) + " is taken as a method" + suggestion);
    }
  }
}

// What a match and its exceptions have in common.
void BuildConditions(const YamlNode& node, Match* match, Report* report) {
  BuildPath(node, match, report);
  CheckMethods(node, report);
  for (const std::string_view kind : {"headers", "query"}) {
    for (const auto& [name, value] : MappingAt(node, kind).entries) {
      const std::string wrong = NotOneOf(value, {"exact", "prefix", "regex", "present", "absent"});
      if (!wrong.empty() && value.is_mapping()) report->Error(value.position, wrong);
    }
  }
}

}  // namespace

void BuildMatch(const YamlNode& node, const Names& listeners, Match* match, Report* report) {
  for (const YamlNode& item : ListAt(node, "listeners")) {
    if (const auto index = listeners.Resolve(item, report)) match->listeners.push_back(*index);
  }
  for (std::string& host : match->hosts) host = CanonicalHost(host);
  BuildConditions(node, match, report);
  size_t i = 0;
  for (const YamlNode& item : ListAt(node, "not")) {
    BuildConditions(item, &match->exceptions[i++], report);
    if (item.is_mapping() && item.entries.empty()) {
      report->Error(item.position, "expected at least one condition; found an empty mapping");
    }
  }
}

}  // namespace holdfast::config
