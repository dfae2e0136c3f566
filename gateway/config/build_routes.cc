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
#include "gateway/policy/field_template.h"

namespace holdfast::config {
namespace {

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

// A limit that is given and that a shorter one on the whole, which `whole` gives, keeps from ever
// being reached.
void WarnOfUnreached(const YamlNode& node, std::string_view key,
                     const std::optional<Duration>& limit, const Duration& total,
                     const YamlNode* whole, Report* report) {
  const YamlNode* given = ScalarAt(node, key);
  if (given == nullptr || !limit || *limit <= total || IsOthersDefault(*given, whole)) return;
  report->Warning(given->position,
                  std::string(key) + " is never reached: total is " + FormatDuration(total));
}

void CheckTimeouts(const YamlNode& node, const Route& route, Report* report) {
  const RouteTimeouts& timeouts = route.timeouts;
  if (!timeouts.total) return;
  const YamlNode& given = MappingAt(node, "timeouts");
  const YamlNode* total = ScalarAt(given, "total");
  WarnOfUnreached(given, "first_byte", timeouts.first_byte, *timeouts.total, total, report);
  WarnOfUnreached(given, "stall", timeouts.stall, *timeouts.total, total, report);
  WarnOfUnreached(MappingAt(node, "retry"), "per_try_timeout", route.retry.per_try_timeout,
                  *timeouts.total, total, report);
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

// Where there are none.
void WarnOfVariables(const YamlNode* node, Report* report) {
  if (node == nullptr || node->hidden) return;
  const bool ours = node->text.find("${") != std::string::npos;
  if (!ours && !LooksLikeVariable(node->text)) return;
  report->Warning(node->position, "there are no variables here: this is taken as it is");
}

void CheckRedirect(const YamlNode& node, Redirect* redirect, Report* report) {
  if (!node.is_mapping()) return;
  const YamlNode* to = ScalarAt(node, "to");
  WarnOfVariables(to, report);
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

void BuildCors(const YamlNode& node, Route* route, Report* report) {
  if (!route->cors.has_value() || !node.is_mapping()) return;
  policy::Cors& cors = *route->cors;
  if (cors.allow_credentials &&
      std::ranges::find(cors.allow_origins, "*") != cors.allow_origins.end()) {
    report->Error(PlaceOf(node, "allow_credentials"),
                  "allow_credentials: not with the origin *, which would let any page ask in a "
                  "user's name");
  }
  for (const std::string_view key : {"allow_methods", "allow_headers"}) {
    for (const YamlNode& name : ListAt(node, key)) {
      if (cors.allow_credentials && name.text == "*") {
        report->Warning(name.position,
                        "* with allow_credentials: whatever is asked for is allowed");
      }
    }
  }
  if (cors.allow_methods.empty()) cors.allow_methods = MethodNames(route->match.methods);
}

void CheckRateLimit(const YamlNode& node, const Route& route, Report* report) {
  if (!route.rate_limit.has_value() || route.rate_limit->requests == 0) return;
  if (!policy::IsUsable(route.rate_limit->limit())) {
    report->Error(PlaceOf(node, "requests"),
                  "requests: so many that nobody is ever refused; at most 100 in a microsecond");
  }
}

// As many links as there are different ones; the first route beyond is told.
void CheckSharedLimit(const YamlNode& node, const Route& route,
                      std::vector<policy::SharedLimit>* links, Report* report) {
  if (!route.rate_limit.has_value() || !route.rate_limit->shared.has_value()) return;
  const policy::SharedLimit& shared = *route.rate_limit->shared;
  if (!shared.username.empty() && shared.password.empty()) {
    report->Error(PlaceOf(MappingAt(node, "shared"), "username"), "username: goes with password");
  }
  if (std::ranges::find(*links, shared) != links->end()) return;
  links->push_back(shared);
  if (links->size() == policy::kMaxSharedLinks + 1) {
    report->Error(
        PlaceOf(node, "shared"),
        "shared: at most " + std::to_string(policy::kMaxSharedLinks) + " different ones in a file");
  }
}

void CheckRewrite(const YamlNode& node, const Route& route, Report* report) {
  if (!node.is_mapping()) return;
  const Rewrite& rewrite = route.rewrite;
  if (rewrite.path_prefix.has_value() + rewrite.path.has_value() + rewrite.path_regex.has_value() >
      1) {
    report->Error(node.position, NotOneOf(node, {"path_prefix", "path", "path_regex"}));
  }
  const bool whole = route.match.exact_path || !route.match.path_pattern.empty();
  if (rewrite.path_prefix.has_value() && whole) {
    report->Error(PlaceOf(node, "path_prefix"),
                  "path_prefix: the route matches no prefix; path and path_regex change all of it");
  }
  WarnOfVariables(ScalarAt(node, "path"), report);
  WarnOfVariables(ScalarAt(node, "path_prefix"), report);
  if (!rewrite.path_regex.has_value() || rewrite.path_regex->pattern.empty()) return;
  const YamlNode& swap = MappingAt(node, "path_regex");
  const absl::Status status = rewrite.path_regex->pattern.CheckReplacement(rewrite.path_regex->to);
  if (!status.ok()) {
    report->Error(PlaceOf(swap, "to"), "to: " + std::string(status.message()));
  }
  const YamlNode* to = ScalarAt(swap, "to");
  const size_t dollar = to == nullptr ? std::string::npos : to->text.find('$');
  if (dollar != std::string::npos) {
    report->Warning(to->position, "$ stands for itself here; what a group took is written \\1");
  }
}

// Each name once among what is set, in every spelling, and no value that nobody can fill in.
void CheckHeaderRules(const YamlNode& node, Report* report) {
  std::vector<std::pair<std::string_view, Position>> names;
  const auto claim = [&](const YamlNode& name) {
    for (const auto& [other, place] : names) {
      if (!http::LooksLikeName(name.text, other)) continue;
      return report->Error(name.position,
                           GivenTwice("field " + Quoted(name.text), place, name.position, *report));
    }
    names.emplace_back(name.text, name.position);
  };
  for (const std::string_view kind : {"set", "set_if_missing", "add"}) {
    for (const auto& [name, value] : MappingAt(node, kind).entries) {
      claim(name);
      if (value.hidden) continue;
      const auto parsed = policy::FieldTemplate::Parse(value.text);
      if (!parsed.ok()) {
        report->Error(value.position, std::string(parsed.status().message()));
      } else if (LooksLikeVariable(value.text)) {
        // It may be a secret, of the environment too.
        report->WarningOfSecret(value.position,
                                "this value is taken as it is; a variable is written ${NAME}");
      }
    }
  }
  for (const YamlNode& name : ListAt(node, "remove")) claim(name);
}

// Options of an exchange with an upstream do nothing where there is none. Defaults are for the
// other routes.
void WarnOfUnusedOptions(const YamlNode& node, Report* report) {
  for (const std::string_view option : {"mirror", "rewrite", "compression", "request_headers",
                                        "timeouts", "retry", "tunnel_idle_timeout", "buffering"}) {
    const YamlNode* value = node.Find(option);
    if (value == nullptr || value->shared) continue;
    report->Warning(value->position,
                    std::string(option) + " has no effect on a route without an upstream");
  }
}

// `node` is the list, which has given one share for each item, or none if it is no list.
void BuildSplit(const YamlNode& node, const Names& upstreams, Route* route, Report* report) {
  uint64_t total = 0;
  std::vector<std::pair<uint32_t, Position>> seen;
  for (size_t i = 0; i < route->split.size(); ++i) {
    SplitShare& share = route->split[i];
    total += share.weight;
    const YamlNode* name = ScalarAt(node.items[i], "upstream");
    if (name == nullptr) continue;
    const std::optional<uint32_t> upstream = upstreams.Resolve(*name, report);
    if (!upstream.has_value()) continue;
    share.upstream = *upstream;
    const auto first = std::ranges::find(seen, *upstream, &std::pair<uint32_t, Position>::first);
    if (first != seen.end()) {
      report->Error(name->position, GivenTwice("upstream " + Quoted(name->text), first->second,
                                               name->position, *report));
    }
    seen.emplace_back(*upstream, name->position);
  }
  if (total == 0 && !route->split.empty()) {
    report->Error(node.position, "split: no upstream would get a request, since every weight is 0");
  }
}

void BuildAction(const YamlNode& node, const Names& upstreams, Route* route, Report* report) {
  const std::string wrong = NotOneOf(node, {"upstream", "split", "respond", "redirect"});
  if (!wrong.empty() && node.is_mapping()) report->Error(node.position, wrong);
  const YamlNode* split = node.Find("split");
  if (split == nullptr && route->split_by.by != SplitKey::By::kRandom) {
    report->Error(PlaceOf(node, "split_by"), "split_by: goes with split only");
  }
  if (split != nullptr) {
    route->action = Action::kUpstream;
    return BuildSplit(*split, upstreams, route, report);
  }
  if (const YamlNode* upstream = node.Find("upstream")) {
    route->action = Action::kUpstream;
    route->upstream = upstreams.Resolve(*upstream, report).value_or(0);
    return;
  }
  if (const YamlNode* respond = node.Find("respond")) {
    route->action = Action::kRespond;
    CheckRespond(*respond, route->respond, report);
    for (const auto& [name, value] : MappingAt(*respond, "headers").entries) {
      WarnOfVariables(&value, report);
    }
  } else if (const YamlNode* redirect = node.Find("redirect")) {
    route->action = Action::kRedirect;
    CheckRedirect(*redirect, &route->redirect, report);
  }
  WarnOfUnusedOptions(node, report);
}

bool Answers(const Route& route, uint32_t upstream) {
  if (route.split.empty()) return route.upstream == upstream;
  return std::ranges::any_of(route.split, [upstream](const SplitShare& share) {
    return share.upstream == upstream && share.weight > 0;
  });
}

void BuildMirror(const YamlNode& node, const Names& upstreams, Route* route, Report* report) {
  if (!route->mirror.has_value()) return;
  const YamlNode* name = MappingAt(node, "mirror").Find("upstream");
  if (name == nullptr) return;
  const std::optional<uint32_t> upstream = upstreams.Resolve(*name, report);
  if (!upstream.has_value()) return;
  route->mirror->upstream = *upstream;
  if (route->action == Action::kUpstream && Answers(*route, *upstream)) {
    report->Warning(name->position, "upstream " + Quoted(name->text) +
                                        " answers this route: it gets the same requests twice");
  }
}

// One of them says who asks; two would not agree on it.
void BuildForwardAuth(const YamlNode& node, const Names& upstreams, Route* route, Report* report) {
  if (!route->forward_auth.has_value()) return;
  if (const YamlNode* upstream = MappingAt(node, "forward_auth").Find("upstream")) {
    route->forward_auth->upstream = upstreams.Resolve(*upstream, report).value_or(0);
  }
  if (!route->basic_auth.has_value() && !route->jwt.has_value()) return;
  report->Error(PlaceOf(node, "forward_auth"),
                "a route has one of basic_auth, jwt and forward_auth");
}

// Whether a client's own field of that name is replaced by who is found to ask. Credentials may be
// exchanged for others, and are the client's all the same.
bool IsTold(const Route& route, std::string_view name) {
  const http::FieldId id = http::IdentifyField(name);
  if (id == http::FieldId::kAuthorization || id == http::FieldId::kCookie) return false;
  const auto is_it = [name](std::string_view told) { return http::LooksLikeName(name, told); };
  return (route.jwt.has_value() &&
          std::ranges::any_of(route.jwt->claims_to_headers, is_it, &auth::ClaimHeader::header)) ||
         (route.forward_auth.has_value() &&
          std::ranges::any_of(route.forward_auth->copy_response_headers, is_it));
}

// Limits and splits are looked at before it is known who asks.
void WarnOfUntoldKeys(const YamlNode& node, const Route& route, Report* report) {
  const auto warn = [&](Position place, std::string_view name) {
    report->Warning(place, "header:" + std::string(name) +
                               " is what the client says here, whatever it likes: what jwt or "
                               "forward_auth puts there is known only later");
  };
  const auto& limit = route.rate_limit;
  if (limit.has_value() && limit->key == policy::RateLimitRule::Key::kHeader &&
      IsTold(route, limit->name)) {
    warn(PlaceOf(MappingAt(node, "rate_limit"), "key"), limit->name);
  }
  const SplitKey& split_by = route.split_by;
  if (split_by.by == SplitKey::By::kHeader && IsTold(route, split_by.name)) {
    warn(PlaceOf(node, "split_by"), split_by.name);
  }
}

// What is more than all of the worker's room is never there as a whole.
void CheckBuffering(const YamlNode& node, const Route& route, uint64_t room, Report* report) {
  const auto check = [&](const YamlNode& place, std::string_view key, uint64_t bytes) {
    if (bytes < room) return;
    report->Warning(PlaceOf(place, key),
                    std::string(key) + ": max_buffered_bytes has no room for a body of that size");
  };
  if (route.buffering.has_value()) {
    check(MappingAt(node, "buffering"), "request", route.buffering->request);
  }
  if (route.forward_auth.has_value()) {
    check(MappingAt(node, "forward_auth"), "body", route.forward_auth->body.value_or(0));
  }
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
  std::vector<policy::SharedLimit> links;
  uint32_t i = 0;
  for (const YamlNode& node : ListAt(root, "routes")) {
    Route& route = config->routes[i];
    route.index = i++;
    NameRoute(node, &route, &names, report);
    BuildMatch(MappingAt(node, "match"), listeners, &route.match, report);
    BuildAction(node, upstreams, &route, report);
    BuildMirror(node, upstreams, &route, report);
    BuildForwardAuth(node, upstreams, &route, report);
    CheckBuffering(node, route, config->max_buffered_bytes, report);
    DropRepeated(&route.retry.statuses);
    CheckTimeouts(node, route, report);
    CheckRewrite(MappingAt(node, "rewrite"), route, report);
    BuildCors(MappingAt(node, "cors"), &route, report);
    CheckRateLimit(MappingAt(node, "rate_limit"), route, report);
    CheckSharedLimit(MappingAt(node, "rate_limit"), route, &links, report);
    BuildJwt(node, route, report);
    WarnOfUntoldKeys(node, route, report);
    CheckHeaderRules(MappingAt(node, "request_headers"), report);
    CheckHeaderRules(MappingAt(node, "response_headers"), report);
  }
}

}  // namespace holdfast::config
