#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/config/build.h"
#include "gateway/config/text_checks.h"
#include "gateway/config/units.h"
#include "gateway/config/values.h"
#include "gateway/http/path_form.h"

namespace holdfast::config {
namespace {

constexpr std::pair<std::string_view, http::Method> kMethods[] = {
    {"GET", http::Method::kGet},       {"HEAD", http::Method::kHead},
    {"POST", http::Method::kPost},     {"PUT", http::Method::kPut},
    {"DELETE", http::Method::kDelete}, {"OPTIONS", http::Method::kOptions},
    {"TRACE", http::Method::kTrace},   {"PATCH", http::Method::kPatch},
};

void AddMethod(std::string_view name, MethodSet* methods) {
  for (const auto& [text, method] : kMethods) {
    if (text == name) methods->Add(method);
  }
  if (name == "GET") methods->Add(http::Method::kHead);
}

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
  const YamlNode* exact = FindScalar(node, "path");
  const YamlNode* prefix = FindScalar(node, "path_prefix");
  if (exact != nullptr && prefix != nullptr) {
    report->Error(exact->position, "path and path_prefix exclude each other; expected one of them");
  }
  match->exact_path = exact != nullptr;
  const YamlNode* path = exact != nullptr ? exact : prefix;
  if (path != nullptr) SetPath(*path, match, report);
}

Match BuildMatch(const YamlNode& node, const Names& listeners, Report* report) {
  Match match;
  for (const YamlNode& item : TakeList(node, "listeners")) {
    if (const auto index = listeners.Resolve(item, report)) match.listeners.push_back(*index);
  }
  for (const YamlNode& item : TakeList(node, "hosts")) {
    match.hosts.push_back(CanonicalHost(item.text));
  }
  BuildPath(node, &match, report);
  for (const YamlNode& item : TakeList(node, "methods")) {
    AddMethod(item.text, &match.methods);
    if (item.text == "TRACE") {
      report->Warning(item.position,
                      "TRACE matches no request: it is answered 501 before routes are looked at");
    }
  }
  return match;
}

bool HasContent(uint16_t status) { return status != 204 && status != 205 && status != 304; }

Respond BuildRespond(const YamlNode& node, Report* report) {
  Respond respond;
  uint32_t status = respond.status;
  TakeCount(node, "status", &status);
  respond.status = static_cast<uint16_t>(status);
  Take(node, "body", &respond.body);
  if (!HasContent(respond.status) && !respond.body.empty()) {
    // RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5.
    report->Error(node.Find("body")->position,
                  "a response with status " + std::to_string(status) + " has no body");
  }
  for (const auto& [key, value] : TakeMapping(node, "headers").entries) {
    respond.headers.emplace_back(key.text, value.text);
  }
  return respond;
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

Redirect BuildRedirect(const YamlNode& node) {
  Redirect redirect;
  uint32_t status = redirect.status;
  TakeCount(node, "status", &status);
  redirect.status = static_cast<uint16_t>(status);
  Take(node, "to", &redirect.to);
  AddMissingPath(&redirect.to);
  return redirect;
}

void BuildRetryReasons(const YamlNode& node, RetryPolicy* retry) {
  if (node.Find("on") == nullptr) return;
  const auto lists = [&node](std::string_view word) {
    return std::ranges::find(TakeList(node, "on"), word, &YamlNode::text) !=
           TakeList(node, "on").end();
  };
  retry->connect_failure = lists("connect_failure");
  retry->refused = lists("refused");
  retry->reset = lists("reset");
  retry->gateway_error = lists("gateway_error");
  retry->first_byte_timeout = lists("first_byte_timeout");
}

void BuildRetry(const YamlNode& node, RetryPolicy* retry, Report* report) {
  TakeCount(node, "attempts", &retry->attempts);
  BuildRetryReasons(node, retry);
  for (const YamlNode& item : TakeList(node, "statuses")) {
    const std::optional<uint64_t> status = ParseCount(item.text);
    if (!status || *status < 400 || *status > 599) continue;
    if (std::ranges::find(retry->statuses, *status) == retry->statuses.end()) {
      retry->statuses.push_back(static_cast<uint16_t>(*status));
    }
  }
  Take(node, "per_try_timeout", &retry->per_try_timeout);
  Take(node, "backoff", &retry->backoff);
  retry->max_backoff = std::max(retry->max_backoff, retry->backoff);
  Take(node, "max_backoff", &retry->max_backoff);
  if (retry->backoff > retry->max_backoff) {
    report->Error(
        node.Find("max_backoff")->position,
        "max_backoff is shorter than backoff, which is " + FormatDuration(retry->backoff));
  }
}

// A limit that is given and that a shorter one on the whole keeps from ever being reached.
void WarnOfUnreached(const YamlNode& node, std::string_view key, const Duration& total,
                     Report* report) {
  const YamlNode* limit = FindScalar(node, key);
  const std::optional<Duration> value =
      limit == nullptr ? std::nullopt : ParseDuration(limit->text);
  if (!value || *value <= total) return;
  report->Warning(limit->position,
                  std::string(key) + " is never reached: total is " + FormatDuration(total));
}

void BuildTimeouts(const YamlNode& route_node, Route* route, Report* report) {
  const YamlNode& node = TakeMapping(route_node, "timeouts");
  Take(node, "first_byte", &route->timeouts.first_byte);
  Take(node, "stall", &route->timeouts.stall);
  Take(node, "total", &route->timeouts.total);
  if (!route->timeouts.total) return;
  WarnOfUnreached(node, "first_byte", *route->timeouts.total, report);
  WarnOfUnreached(node, "stall", *route->timeouts.total, report);
  const YamlNode& retry = TakeMapping(route_node, "retry");
  WarnOfUnreached(retry, "per_try_timeout", *route->timeouts.total, report);
}

// Options of an exchange with an upstream do nothing where there is none.
void WarnOfUnusedOptions(const YamlNode& node, Report* report) {
  for (const std::string_view option : {"timeouts", "retry", "tunnel_idle_timeout"}) {
    if (const YamlNode* value = node.Find(option)) {
      report->Warning(value->position,
                      std::string(option) + " has no effect on a route without an upstream");
    }
  }
}

void BuildAction(const YamlNode& node, const Names& upstreams, Route* route, Report* report) {
  const YamlNode* upstream = node.Find("upstream");
  const YamlNode* respond = node.Find("respond");
  const YamlNode* redirect = node.Find("redirect");
  const int given = (upstream != nullptr) + (respond != nullptr) + (redirect != nullptr);
  if (given != 1 && node.is_mapping()) {
    report->Error(node.position,
                  std::string("expected one of upstream, respond, redirect; found ") +
                      (given == 0 ? "none" : "several"));
  }
  if (upstream != nullptr) {
    route->action = Action::kUpstream;
    route->upstream = upstreams.Resolve(*upstream, report).value_or(0);
    return;
  }
  if (respond != nullptr) {
    route->action = Action::kRespond;
    route->respond = BuildRespond(*respond, report);
  } else if (redirect != nullptr) {
    route->action = Action::kRedirect;
    route->redirect = BuildRedirect(*redirect);
  }
  WarnOfUnusedOptions(node, report);
}

}  // namespace

void BuildRoutes(const YamlNode& root, const Names& listeners, const Names& upstreams,
                 Config* config, Report* report) {
  Names names("route");
  for (const YamlNode& node : TakeList(root, "routes")) {
    Route route;
    route.index = static_cast<uint32_t>(config->routes.size());
    route.name = "route-" + std::to_string(route.index + 1);
    Take(node, "name", &route.name);
    const YamlNode* name = FindScalar(node, "name");
    names.Add(route.name, (name == nullptr ? node : *name).position, report);
    if (route.name == kUnmatchedRouteName) {
      report->Error(name->position, "'none' is what requests without a route are called");
    }
    route.match = BuildMatch(TakeMapping(node, "match"), listeners, report);
    BuildAction(node, upstreams, &route, report);
    BuildRetry(TakeMapping(node, "retry"), &route.retry, report);
    BuildTimeouts(node, &route, report);
    TakeSize(node, "max_request_body", &route.max_request_body);
    Take(node, "tunnel_idle_timeout", &route.tunnel_idle_timeout);
    config->routes.push_back(std::move(route));
  }
}

}  // namespace holdfast::config
