#include "gateway/route/route_table.h"

#include <algorithm>
#include <array>
#include <utility>

#include <absl/strings/ascii.h>

namespace holdfast::route {
namespace {

RouteCluster ClusterOf(const config::Upstream& upstream) {
  RouteCluster cluster{.name = upstream.name,
                       .default_host = "localhost",
                       .hash = {},
                       .forwarded = upstream.forwarded};
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

// The last of the sorted nodes whose path does not sort behind `path`; -1 when there is none.
template <typename Node>
int LastNotBehind(const std::vector<Node>& nodes, std::string_view path) {
  const auto behind = std::ranges::upper_bound(
      nodes, path, {}, [](const Node& node) { return std::string_view(node.path); });
  return static_cast<int>(behind - nodes.begin()) - 1;
}

}  // namespace

std::string AllowValue(config::MethodSet methods) {
  std::string value;
  for (int i = 0; i < static_cast<int>(http::Method::kOther); ++i) {
    const auto method = static_cast<http::Method>(i);
    if (!methods.Contains(method)) continue;
    if (!value.empty()) value += ", ";
    value += http::MethodName(method);
  }
  return value;
}

RouteTable::RouteTable(const config::Config& config) {
  for (const config::Route& route : config.routes) {
    routes_.push_back({route,
                       {},
                       policy::HeaderEdits(route.request_headers),
                       policy::HeaderEdits(route.response_headers)});
    if (route.action != config::Action::kUpstream || config.upstreams.empty()) continue;
    routes_.back().cluster = ClusterOf(config.upstreams.at(route.upstream));
  }
  for (const Route& route : routes_) Add(route);
  Seal(&any_host_);
  for (auto& [name, host] : exact_hosts_) Seal(&host);
  for (auto& [suffix, host] : suffixes_) Seal(&host);
}

RouteTable::HostNode* RouteTable::NodeFor(const std::string& host_pattern) {
  if (host_pattern == "*") return &any_host_;
  if (host_pattern.starts_with("*.")) return &suffixes_[host_pattern.substr(1)];
  return &exact_hosts_[host_pattern];
}

void RouteTable::Add(const Route& route) {
  const Candidate candidate{route.match.ListenerMask(), route.match.methods, route.index,
                            static_cast<uint32_t>(route.match.conditions())};
  const auto add_to = [&](HostNode* host) {
    std::vector<PathNode>& nodes = route.match.exact_path ? host->exact : host->prefixes;
    nodes.push_back({.path = route.match.path, .candidates = {candidate}, .parent = -1});
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
  for (PathNode& node : merged) {
    std::ranges::stable_sort(node.candidates, std::greater(), &Candidate::conditions);
  }
  *nodes = std::move(merged);
}

void RouteTable::Seal(HostNode* host) {
  SortAndMerge(&host->exact);
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
  *why = {};
  const Lookup lookup{listener_index, path, asking, why};
  std::array<char, kMaxHost> lower;
  if (host.size() <= lower.size()) {
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
  if (const int i = LastNotBehind(host.exact, lookup.path);
      i >= 0 && host.exact[i].path == lookup.path) {
    if (const Route* route = MatchPath(host.exact[i], lookup)) return route;
  }
  // Every prefix of the path sorts before it, and what lies between shares that prefix. So all of
  // them are on the way from the predecessor to its root.
  for (int i = LastNotBehind(host.prefixes, lookup.path); i >= 0; i = host.prefixes[i].parent) {
    if (!lookup.path.starts_with(host.prefixes[i].path)) continue;
    if (const Route* route = MatchPath(host.prefixes[i], lookup)) return route;
  }
  return nullptr;
}

const Route* RouteTable::MatchPath(const PathNode& node, const Lookup& lookup) const {
  for (const Candidate& candidate : node.candidates) {
    if ((candidate.listeners >> lookup.listener & 1) == 0) continue;
    if (candidate.conditions > 0 &&
        !MeetsConditions(routes_[candidate.route].match, lookup.asking)) {
      continue;
    }
    if (candidate.methods.empty() || candidate.methods.Contains(lookup.asking.method)) {
      return &routes_[candidate.route];
    }
    lookup.miss->reason = Miss::Reason::kMethodNotAllowed;
    lookup.miss->allowed.Add(candidate.methods);
  }
  return nullptr;
}

}  // namespace holdfast::route
