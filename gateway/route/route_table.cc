#include "gateway/route/route_table.h"

#include <algorithm>
#include <array>
#include <utility>

#include <absl/strings/ascii.h>

#include "gateway/route/branches.h"
#include "pool/net/check.h"

namespace holdfast::route {
namespace {

void SetHost(const config::Upstream& upstream, const config::Rewrite& rewrite,
             RouteCluster* cluster) {
  const std::string& host = rewrite.host.empty() ? upstream.host : rewrite.host;
  cluster->endpoint_host = host == config::kEndpointHost;
  if (host != config::kKeepHost && !cluster->endpoint_host) cluster->host = host;
}

RouteCluster ClusterOf(const config::Upstream& upstream) {
  RouteCluster cluster{.name = upstream.name,
                       .default_host = "localhost",
                       .hash = {},
                       .forwarded = upstream.forwarded,
                       .host = {},
                       .endpoint_host = false,
                       .response_limits = {.head_bytes = upstream.max_head_bytes,
                                           .fields = upstream.max_header_fields}};
  if (!upstream.endpoints.empty() && !upstream.endpoints.front().host.empty()) {
    cluster.default_host = upstream.endpoints.front().text;
  }
  const pool::BalancePolicy policy = upstream.cluster.balancing.policy;
  if (policy == pool::BalancePolicy::kRingHash || policy == pool::BalancePolicy::kMaglev) {
    cluster.hash = upstream.hash;
  }
  return cluster;
}

// The longest host name (RFC 1035 section 2.3.4) with its trailing dot; a longer host is no name,
// and only the routes for any host take it.
constexpr size_t kMaxHost = 255;

// From here on patterns are tried at once and not one after the other.
constexpr size_t kManyPatterns = 6;

// Of the sorted nodes the one that alone can have `path`, or the longest prefix of it: the last
// that does not sort behind it. -1 when there is none. Whoever asks compares them anyhow, so that
// of one node nothing is asked here.
template <typename Node>
int CandidateFor(const std::vector<Node>& nodes, std::string_view path) {
  if (nodes.size() <= 1) return static_cast<int>(nodes.size()) - 1;
  const auto behind = std::ranges::upper_bound(
      nodes, path, {}, [](const Node& node) { return std::string_view(node.path); });
  return static_cast<int>(behind - nodes.begin()) - 1;
}

policy::HeaderEdits ResponseEdits(const config::Route& route, bool encrypted) {
  return policy::HeaderEdits(
      policy::WithSecurityHeaders(route.response_headers, route.security_headers, encrypted));
}

// Its clusters are yet to be filled in.
Route Made(const config::Route& route) {
  return {route,
          {},
          {},
          policy::HeaderEdits(route.request_headers),
          ResponseEdits(route, /*encrypted=*/false),
          ResponseEdits(route, /*encrypted=*/true),
          route.cors.has_value() ? policy::CorsRules(*route.cors) : policy::CorsRules(),
          nullptr,
          route.cors.has_value() || !route.response_headers.empty() ||
              route.security_headers != policy::SecurityHeaders::kOff,
          route.match.client_certificate || route.rate_limit.has_value() ||
              route.max_in_flight.has_value() || route.basic_auth.has_value() ||
              route.jwt.has_value() || route.forward_auth.has_value(),
          nullptr,
          nullptr};
}

void SetCluster(const config::Upstream& upstream, Route* route) {
  route->cluster = ClusterOf(upstream);
  SetHost(upstream, route->rewrite, &route->cluster);
}

// `route` is as each of them is to be, but for the upstream.
std::shared_ptr<const Branches> BranchesOf(const config::Config& config, const Route& route) {
  auto branches = std::make_shared<Branches>();
  for (const config::SplitShare& share : route.split) {
    if (share.weight == 0) continue;
    Route& branch = branches->routes.emplace_back(route);
    branch.upstream = share.upstream;
    SetCluster(config.upstreams.at(share.upstream), &branch);
    branches->draw.Add(share.upstream, share.weight);
  }
  return branches;
}

// For a configuration that is not to be refused any more.
Limiters LimitersFor(const config::Config& config, const RouteTable* before) {
  absl::StatusOr<Limiters> made =
      MakeLimiters(config, before != nullptr ? before->limiters() : Limiters());
  HOLDFAST_CHECK(made.ok());
  return *std::move(made);
}

}  // namespace

std::string AllowValue(const config::MethodSet& methods) {
  std::string value;
  for (const std::string& method : config::MethodNames(methods)) {
    if (!value.empty()) value += ", ";
    value += method;
  }
  return value;
}

RouteTable::RouteTable(const config::Config& config, const RouteTable* before,
                       const Limiters* limiters) {
  const Limiters made = limiters != nullptr ? *limiters : LimitersFor(config, before);
  const InFlightByName in_flight = InFlightOf(before);
  for (const config::Route& route : config.routes) {
    routes_.push_back(Made(route));
    if (route.rate_limit.has_value()) routes_.back().limiter = made.at(route.name);
    SetInFlight(in_flight, &routes_.back());
    if (route.forward_auth.has_value()) {
      const config::Upstream& auth = config.upstreams.at(route.forward_auth->upstream);
      routes_.back().auth_cluster = ClusterOf(auth);
      SetHost(auth, {}, &routes_.back().auth_cluster);
    }
    if (route.action != config::Action::kUpstream || config.upstreams.empty()) continue;
    if (route.mirror.has_value()) {
      // As the route's own would be, which its requests are written for.
      const config::Upstream& mirror = config.upstreams.at(route.mirror->upstream);
      routes_.back().mirror_cluster = ClusterOf(mirror);
      SetHost(mirror, route.rewrite, &routes_.back().mirror_cluster);
    }
    if (!route.split.empty()) {
      routes_.back().branches = BranchesOf(config, routes_.back());
    } else {
      SetCluster(config.upstreams.at(route.upstream), &routes_.back());
    }
  }
  for (const Route& route : routes_) Add(route);
  Seal(&any_host_);
  for (auto& [name, host] : exact_hosts_) Seal(&host);
  for (auto& [suffix, host] : suffixes_) Seal(&host);
}

Limiters RouteTable::limiters() const {
  Limiters by_name;
  for (const Route& route : routes_) {
    if (route.limiter != nullptr) by_name[route.name] = route.limiter;
  }
  return by_name;
}

RouteTable::InFlightByName RouteTable::InFlightOf(const RouteTable* table) {
  InFlightByName by_name;
  if (table == nullptr) return by_name;
  for (const Route& route : table->routes()) {
    if (route.in_flight != nullptr) by_name[route.name] = route.in_flight;
  }
  return by_name;
}

void RouteTable::SetInFlight(const InFlightByName& before, Route* route) {
  if (!route->max_in_flight.has_value()) return;
  const auto known = before.find(route->name);
  route->in_flight = known != before.end()
                         ? known->second
                         : std::make_shared<policy::InFlight>(route->max_in_flight->requests);
}

RouteTable::HostNode* RouteTable::NodeFor(const std::string& host_pattern) {
  if (host_pattern == "*") return &any_host_;
  if (host_pattern.starts_with("*.")) return &suffixes_[host_pattern.substr(1)];
  return &exact_hosts_[host_pattern];
}

void RouteTable::Add(const Route& route) {
  const Candidate candidate{route.match.ListenerMask(), route.index,
                            static_cast<uint32_t>(route.match.conditions())};
  const policy::Pattern& pattern = route.match.path_pattern;
  const auto add_to = [&](HostNode* host) {
    if (pattern.empty()) {
      std::vector<PathNode>& nodes = route.match.exact_path ? host->exact : host->prefixes;
      nodes.push_back({.path = route.match.path, .candidates = {candidate}, .parent = -1});
    } else {
      host->patterns.push_back({.path = pattern.text(), .candidates = {candidate}, .parent = -1});
    }
  };
  if (route.match.hosts.empty()) add_to(&any_host_);
  for (const std::string& host : route.match.hosts) add_to(NodeFor(host));
}

void RouteTable::SortAndMerge(std::vector<PathNode>* nodes) {
  std::ranges::stable_sort(*nodes, {}, &PathNode::path);  // stable: candidates stay in file order
  std::vector<PathNode> merged;
  for (PathNode& node : *nodes) {
    if (merged.empty() || merged.back().path != node.path) {
      merged.push_back(std::move(node));
    } else {
      merged.back().candidates.push_back(node.candidates.front());
    }
  }
  *nodes = std::move(merged);
  SortCandidates(nodes);
}

void RouteTable::SortCandidates(std::vector<PathNode>* nodes) {
  for (PathNode& node : *nodes) {
    std::ranges::stable_sort(node.candidates, std::greater(), &Candidate::conditions);
  }
}

const policy::Pattern& RouteTable::PatternOf(const PathNode& node) const {
  return routes_[node.candidates.front().route].match.path_pattern;
}

void RouteTable::MergePatterns(HostNode* host) const {
  absl::flat_hash_map<std::string, size_t> places;
  std::vector<PathNode> merged;
  for (PathNode& node : host->patterns) {
    const auto [place, is_new] = places.try_emplace(node.path, merged.size());
    if (is_new) {
      merged.push_back(std::move(node));
    } else {
      merged[place->second].candidates.push_back(node.candidates.front());
    }
  }
  host->patterns = std::move(merged);
  SortCandidates(&host->patterns);
  if (host->patterns.size() < kManyPatterns) return;
  std::vector<const policy::Pattern*> patterns;
  for (const PathNode& node : host->patterns) patterns.push_back(&PatternOf(node));
  host->set.emplace(patterns);
}

void RouteTable::Seal(HostNode* host) const {
  SortAndMerge(&host->exact);
  MergePatterns(host);
  SortAndMerge(&host->prefixes);
  std::vector<PathNode>& prefixes = host->prefixes;
  for (int i = 1; i < static_cast<int>(prefixes.size()); ++i) {
    // In sorted order a prefix of this one is the predecessor or a prefix of the predecessor.
    int parent = i - 1;
    while (parent >= 0 && !prefixes[i].path.starts_with(prefixes[parent].path)) {
      parent = prefixes[parent].parent;
    }
    prefixes[i].parent = parent;
  }
}

const Route* RouteTable::Match(uint32_t listener_index, std::string_view host,
                               std::string_view path, const Asking& asking, Miss* why) const {
  why->reason = Miss::Reason::kNoRoute;
  if (!why->allowed.empty()) why->allowed = {};
  const Lookup lookup{listener_index, path, asking, why};
  std::array<char, kMaxHost> lower;
  const bool any_named = !exact_hosts_.empty() || !suffixes_.empty();
  if (any_named && host.size() <= lower.size()) {
    std::ranges::transform(host, lower.begin(), absl::ascii_tolower);
    std::string_view name(lower.data(), host.size());
    if (name.ends_with('.')) name.remove_suffix(1);
    if (const Route* route = MatchName(name, lookup)) return route;
  }
  return MatchHost(any_host_, lookup);
}

const Route* RouteTable::MatchName(std::string_view name, const Lookup& lookup) const {
  if (const auto exact = exact_hosts_.find(name); exact != exact_hosts_.end()) {
    if (const Route* route = MatchHost(exact->second, lookup)) return route;
  }
  if (suffixes_.empty()) return nullptr;
  // The first label is what `*` stands for, so it may not be empty.
  for (size_t dot = name.find('.', 1); dot != std::string_view::npos;
       dot = name.find('.', dot + 1)) {
    const auto suffix = suffixes_.find(name.substr(dot));
    if (suffix == suffixes_.end()) continue;
    if (const Route* route = MatchHost(suffix->second, lookup)) return route;
  }
  return nullptr;
}

const Route* RouteTable::MatchHost(const HostNode& host, const Lookup& lookup) const {
  if (const int i = CandidateFor(host.exact, lookup.path);
      i >= 0 && host.exact[i].path == lookup.path) {
    if (const Route* route = MatchPath(host.exact[i], lookup)) return route;
  }
  if (!host.patterns.empty()) {
    if (const Route* route = MatchPatterns(host, lookup)) return route;
  }
  // Every prefix of the path sorts before it, and what lies between shares that prefix. So all of
  // them are on the way from the predecessor to its root.
  for (int i = CandidateFor(host.prefixes, lookup.path); i >= 0; i = host.prefixes[i].parent) {
    if (!HasPrefix(lookup.path, host.prefixes[i].path)) continue;
    if (const Route* route = MatchPath(host.prefixes[i], lookup)) return route;
  }
  return nullptr;
}

const Route* RouteTable::MatchPatterns(const HostNode& host, const Lookup& lookup) const {
  std::vector<int> matching;
  if (host.set.has_value() && host.set->FindAll(lookup.path, &matching)) {
    for (const int place : matching) {
      if (const Route* route = MatchPath(host.patterns[place], lookup)) return route;
    }
    return nullptr;
  }
  for (const PathNode& node : host.patterns) {
    if (!PatternOf(node).Matches(lookup.path)) continue;
    if (const Route* route = MatchPath(node, lookup)) return route;
  }
  return nullptr;
}

const Route* RouteTable::MatchPath(const PathNode& node, const Lookup& lookup) const {
  for (const Candidate& candidate : node.candidates) {
    if ((candidate.listeners >> lookup.listener & 1) == 0) continue;
    const Route& route = routes_[candidate.route];
    if (candidate.conditions > 0 && !MeetsConditions(route.match, lookup.path, lookup.asking)) {
      continue;
    }
    if (MeetsMethod(route.match, lookup.asking)) return &route;
    lookup.miss->reason = Miss::Reason::kMethodNotAllowed;
    lookup.miss->allowed.Add(route.match.methods);
  }
  return nullptr;
}

}  // namespace holdfast::route
