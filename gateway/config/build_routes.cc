#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/config/build.h"
#include "gateway/config/lookup.h"
#include "gateway/config/text_checks.h"
#include "gateway/config/units.h"
#include "gateway/http/header_list.h"
#include "gateway/http/message.h"
#include "gateway/http/path_form.h"
#include "gateway/policy/field_template.h"

namespace holdfast::config {
namespace {

// What stands for "anything" elsewhere: here it is compared as it is.
bool IsPattern(std::string_view segment) {
  return segment == "*" || segment == "**" || segment == ".*" || segment == "(.*)" ||
         (segment.starts_with('{') && segment.ends_with('}'));
}

void WarnOfPatterns(const YamlNode& path, Report* report) {
  size_t begin = 1;
  while (begin < path.text.size()) {
    const size_t end = std::min(path.text.find('/', begin), path.text.size());
    const std::string_view segment = std::string_view(path.text).substr(begin, end - begin);
    if (IsPattern(segment)) {
      const std::string before = path.text.substr(0, begin);
      report->Warning(path.position,
                      Quoted(segment) + " stands for itself: paths have no patterns; path_prefix " +
                          Quoted(before) + " takes all that begin so");
      return;
    }
    begin = end + 1;
  }
}

// Brings the path of a route into the form that requests' paths are compared in.
void SetPath(const YamlNode& path, Match* match, Report* report) {
  match->path = path.text;
  if (!IsPath(path.text)) return;
  std::optional<std::string> form = http::MatchedForm(path.text, !match->exact_path);
  if (!form) {
    report->Warning(path.position, Quoted(path.text) + " matches no request: those with %00 or a " +
                                       "malformed escape in their path are refused");
    return;
  }
  match->path = *std::move(form);
  if (std::ranges::count(match->path, '/') != std::ranges::count(path.text, '/')) {
    report->Warning(path.position, Quoted(path.text) + " is matched as " + Quoted(match->path) +
                                       ": dot and empty segments are resolved");
  }
  WarnOfPatterns(path, report);
}

void BuildPath(const YamlNode& node, Match* match, Report* report) {
  const YamlNode* exact = ScalarAt(node, "path");
  const YamlNode* prefix = ScalarAt(node, "path_prefix");
  if (exact != nullptr && prefix != nullptr) {
    report->Error(exact->position, NotOneOf(node, {"path", "path_prefix"}));
  }
  match->exact_path = exact != nullptr;
  const YamlNode* path = exact != nullptr ? exact : prefix;
  if (path != nullptr) SetPath(*path, match, report);
}

void BuildMatch(const YamlNode& node, const Names& listeners, Match* match, Report* report) {
  for (const YamlNode& item : ListAt(node, "listeners")) {
    if (const auto index = listeners.Resolve(item, report)) match->listeners.push_back(*index);
  }
  for (std::string& host : match->hosts) host = CanonicalHost(host);
  BuildPath(node, match, report);
  for (const std::string_view kind : {"headers", "query"}) {
    for (const auto& [name, value] : MappingAt(node, kind).entries) {
      const std::string wrong = NotOneOf(value, {"exact", "prefix", "present", "absent"});
      if (!wrong.empty() && value.is_mapping()) report->Error(value.position, wrong);
    }
  }
  for (const YamlNode& item : ListAt(node, "methods")) {
    if (item.text == http::MethodName(http::Method::kTrace)) {
      report->Warning(item.position,
                      "TRACE matches no request: it is answered 501 before routes are looked at");
    }
  }
}

bool HasContent(uint16_t status) { return status != 204 && status != 205 && status != 304; }

void CheckRespond(const YamlNode& node, const Respond& respond, Report* report) {
  if (HasContent(respond.status) || respond.body.empty()) return;
  // RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5.
  report->Error(node.Find("body")->position,
                "a response with status " + std::to_string(respond.status) + " has no body");
}

// A URL without a path has the path "/" (RFC 3986 section 6.2.3); spelled out, it takes the rest
// of a request's path like any other.
void AddMissingPath(std::string* target) {
  if (target->starts_with('/')) return;
  const size_t authority = target->find("//");
  if (authority == std::string::npos) return;
  const size_t end = target->find_first_of("/?#", authority + 2);
  if (end == std::string::npos) {
    target->push_back('/');
  } else if ((*target)[end] != '/') {
    target->insert(end, 1, '/');
  }
}

// Each once, in the order of the file.
void DropRepeated(std::vector<uint16_t>* statuses) {
  std::vector<uint16_t> once;
  for (const uint16_t status : *statuses) {
    if (std::ranges::find(once, status) == once.end()) once.push_back(status);
  }
  *statuses = std::move(once);
}

// A limit that is given and that a shorter one on the whole keeps from ever being reached.
void WarnOfUnreached(const YamlNode& node, std::string_view key,
                     const std::optional<Duration>& limit, const Duration& total, Report* report) {
  const YamlNode* given = ScalarAt(node, key);
  if (given == nullptr || !limit || *limit <= total) return;
  report->Warning(given->position,
                  std::string(key) + " is never reached: total is " + FormatDuration(total));
}

void CheckTimeouts(const YamlNode& node, const Route& route, Report* report) {
  const RouteTimeouts& timeouts = route.timeouts;
  if (!timeouts.total) return;
  const YamlNode& given = MappingAt(node, "timeouts");
  WarnOfUnreached(given, "first_byte", timeouts.first_byte, *timeouts.total, report);
  WarnOfUnreached(given, "stall", timeouts.stall, *timeouts.total, report);
  WarnOfUnreached(MappingAt(node, "retry"), "per_try_timeout", route.retry.per_try_timeout,
                  *timeouts.total, report);
}

void CheckRedirect(const YamlNode& node, Redirect* redirect, Report* report) {
  if (!node.is_mapping()) return;
  const YamlNode* to = ScalarAt(node, "to");
  if (redirect->scheme == RedirectScheme::kKeep) {
    if (to == nullptr) report->Error(node.position, "redirect: expected to or scheme");
    if (const YamlNode* port = ScalarAt(node, "port")) {
      report->Error(port->position, "port: goes with scheme only");
    }
  } else if (to != nullptr && !to->text.starts_with('/')) {
    report->Error(to->position, "to: with scheme it is a path, since the host stays");
  }
  AddMissingPath(&redirect->to);
}

// As other proxies have it: "$remote_addr", "%[src]".
bool LooksLikeVariable(std::string_view text) {
  const size_t dollar = text.find('$');
  const bool named =
      dollar != std::string_view::npos && dollar + 1 < text.size() &&
      ((text[dollar + 1] >= 'a' && text[dollar + 1] <= 'z') || text[dollar + 1] == '_');
  return named || text.find("%[") != std::string_view::npos ||
         text.find("{{") != std::string_view::npos;
}

// Each name once among what is set, in every spelling, and no value that nobody can fill in.
void CheckHeaderRules(const YamlNode& node, Report* report) {
  std::vector<std::pair<std::string_view, Position>> names;
  const auto claim = [&](const YamlNode& name) {
    for (const auto& [other, place] : names) {
      if (!http::LooksLikeName(name.text, other)) continue;
      return report->Error(name.position, GivenTwice("field " + Quoted(name.text), place));
    }
    names.emplace_back(name.text, name.position);
  };
  for (const std::string_view kind : {"set", "set_if_missing", "add"}) {
    for (const auto& [name, value] : MappingAt(node, kind).entries) {
      claim(name);
      const auto parsed = policy::FieldTemplate::Parse(value.text);
      if (!parsed.ok()) {
        report->Error(value.position, std::string(parsed.status().message()));
      } else if (LooksLikeVariable(value.text)) {
        report->Warning(value.position,
                        Quoted(value.text) + " is taken as it is; a variable is written ${NAME}");
      }
    }
  }
  for (const YamlNode& name : ListAt(node, "remove")) claim(name);
}

// Options of an exchange with an upstream do nothing where there is none.
void WarnOfUnusedOptions(const YamlNode& node, Report* report) {
  for (const std::string_view option :
       {"request_headers", "timeouts", "retry", "tunnel_idle_timeout"}) {
    if (const YamlNode* value = node.Find(option)) {
      report->Warning(value->position,
                      std::string(option) + " has no effect on a route without an upstream");
    }
  }
}

void BuildAction(const YamlNode& node, const Names& upstreams, Route* route, Report* report) {
  const std::string wrong = NotOneOf(node, {"upstream", "respond", "redirect"});
  if (!wrong.empty() && node.is_mapping()) report->Error(node.position, wrong);
  if (const YamlNode* upstream = node.Find("upstream")) {
    route->action = Action::kUpstream;
    route->upstream = upstreams.Resolve(*upstream, report).value_or(0);
    return;
  }
  if (const YamlNode* respond = node.Find("respond")) {
    route->action = Action::kRespond;
    CheckRespond(*respond, route->respond, report);
  } else if (const YamlNode* redirect = node.Find("redirect")) {
    route->action = Action::kRedirect;
    CheckRedirect(*redirect, &route->redirect, report);
  }
  WarnOfUnusedOptions(node, report);
}

void NameRoute(const YamlNode& node, Route* route, Names* names, Report* report) {
  if (ScalarAt(node, "name") == nullptr) route->name = "route-" + std::to_string(route->index + 1);
  names->Add(route->name, PlaceOf(node, "name"), report);
  if (route->name == kUnmatchedRouteName) {
    report->Error(PlaceOf(node, "name"), "'none' is what requests without a route are called");
  }
}

}  // namespace

void BuildRoutes(const YamlNode& root, const Names& listeners, const Names& upstreams,
                 Config* config, Report* report) {
  Names names("route");
  uint32_t i = 0;
  for (const YamlNode& node : ListAt(root, "routes")) {
    Route& route = config->routes[i];
    route.index = i++;
    NameRoute(node, &route, &names, report);
    BuildMatch(MappingAt(node, "match"), listeners, &route.match, report);
    BuildAction(node, upstreams, &route, report);
    DropRepeated(&route.retry.statuses);
    CheckTimeouts(node, route, report);
    CheckHeaderRules(MappingAt(node, "request_headers"), report);
    CheckHeaderRules(MappingAt(node, "response_headers"), report);
  }
}

}  // namespace holdfast::config
