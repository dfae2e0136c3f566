#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "gateway/config/build.h"
#include "gateway/config/lookup.h"
#include "gateway/config/suggest.h"

namespace holdfast::config {
namespace {

// The nodes of the targets, in the order of Config::access_log.
std::vector<const YamlNode*> TargetNodes(const YamlNode& root) {
  std::vector<const YamlNode*> nodes;
  const YamlNode* given = root.Find("access_log");
  if (given == nullptr) return nodes;
  if (given->is_mapping()) nodes.push_back(given);
  for (const YamlNode& item : given->items) nodes.push_back(&item);
  return nodes;
}

// Two would write between each other's lines, in formats of their own.
void CheckPlace(const std::vector<const YamlNode*>& nodes, const Config& config, size_t i,
                Report* report) {
  const AccessLog& log = config.access_log[i];
  for (size_t j = 0; j < i; ++j) {
    const AccessLog& other = config.access_log[j];
    if (other.target != log.target || other.path != log.path) continue;
    const std::string where(log.path.empty() ? WordsOf(log.target).WordOf(log.target) : log.path);
    const Position again = PlaceOf(*nodes[i], "path");
    report->Error(again,
                  GivenTwice("path " + Quoted(where), PlaceOf(*nodes[j], "path"), again, *report));
    return;
  }
}

void CheckFields(const YamlNode& node, const AccessLog& log, Report* report) {
  const std::vector<YamlNode>& fields = ListAt(node, "fields");
  if (!fields.empty() && log.format == record::LineFormat::kCombined) {
    report->Error(PlaceOf(node, "fields"),
                  "fields: the combined format has its own; json and logfmt take them");
  }
  for (size_t i = 0; i < fields.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (fields[i].text != fields[j].text) continue;
      report->Error(fields[i].position,
                    GivenTwice("field " + Quoted(fields[i].text), fields[j].position,
                               fields[i].position, *report));
      break;
    }
  }
}

void CheckRoutes(const YamlNode& node, const Config& config, record::LineFilter* filter,
                 Report* report) {
  std::vector<std::string_view> names;
  for (const Route& route : config.routes) names.push_back(route.name);
  names.push_back(kUnmatchedRouteName);
  for (const YamlNode& given : ListAt(node, "routes")) {
    if (!given.is_scalar()) continue;
    const auto found = std::ranges::find(names, given.text);
    if (found == names.end()) {
      report->Error(given.position, "route " + Quoted(given.text) + " is not defined" +
                                        Suggestion(given.text, names));
      continue;
    }
    const auto i = static_cast<size_t>(found - names.begin());
    if (i < config.routes.size() && config.routes[i].access_log == RouteLog::kOff) {
      report->Warning(given.position, "route " + Quoted(given.text) +
                                          " has access_log: off, so that it has no lines");
    }
  }
  std::ranges::replace(filter->routes, std::string(kUnmatchedRouteName), std::string());
}

void CheckFilter(const YamlNode& node, const Config& config, AccessLog* log, Report* report) {
  if (!log->filter.has_value()) return;
  const YamlNode& given = MappingAt(node, "filter");
  record::LineFilter& filter = *log->filter;
  const bool none = filter.statuses.empty() && !filter.slower_than.has_value() &&
                    filter.routes.empty() && !filter.share.has_value();
  // What is wrong elsewhere may be why, and is said there.
  if (given.entries.empty() || (none && !report->has_errors())) {
    report->Error(PlaceOf(node, "filter"),
                  "filter: no exchange would have a line; it takes status, slower_than, routes and "
                  "share, or is off");
  }
  CheckRoutes(given, config, &filter, report);
}

}  // namespace

void BuildAccessLog(const YamlNode& root, Config* config, Report* report) {
  const std::vector<const YamlNode*> nodes = TargetNodes(root);
  for (size_t i = 0; i < config->access_log.size() && i < nodes.size(); ++i) {
    if (!nodes[i]->is_mapping()) continue;
    CheckPlace(nodes, *config, i, report);
    CheckFields(*nodes[i], config->access_log[i], report);
    CheckFilter(*nodes[i], *config, &config->access_log[i], report);
  }
}

}  // namespace holdfast::config
