#include "gateway/config/reachability.h"

#include <algorithm>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include <absl/container/flat_hash_map.h>

namespace holdfast::config {
namespace {

enum class PathKind : uint8_t { kPrefix, kWhole, kPattern };
using Key = std::tuple<std::string, PathKind, std::string>;  // host, path

// The routes that were seen with one key, in the file's order.
using RoutesByKey = absl::flat_hash_map<Key, std::vector<uint32_t>>;

bool Covers(const Match& earlier, const Match& later) {
  if ((later.ListenerMask() & ~earlier.ListenerMask()) != 0) return false;
  // What is conditional may always leave something; what has more conditions comes before it.
  if (earlier.conditions() > 0 || later.conditions() > 0) return false;
  if (earlier.methods.empty()) return true;
  return !later.methods.empty() && earlier.methods.ContainsAll(later.methods);
}

Key KeyOf(std::string host, const Match& match) {
  if (!match.path_pattern.empty()) {
    return {std::move(host), PathKind::kPattern, match.path_pattern.text()};
  }
  return {std::move(host), match.exact_path ? PathKind::kWhole : PathKind::kPrefix, match.path};
}

std::vector<std::string> Hosts(const Match& match) {
  return match.hosts.empty() ? std::vector<std::string>{"*"} : match.hosts;
}

// The earlier route that takes all requests of `route`, for the first of its hosts.
std::optional<uint32_t> FindCover(const Config& config, const Route& route,
                                  const RoutesByKey& seen) {
  std::optional<uint32_t> cover;
  for (const std::string& host : Hosts(route.match)) {
    const auto routes = seen.find(KeyOf(host, route.match));
    if (routes == seen.end()) return std::nullopt;
    const auto found = std::ranges::find_if(routes->second, [&](uint32_t earlier) {
      return Covers(config.routes[earlier].match, route.match);
    });
    if (found == routes->second.end()) return std::nullopt;
    if (!cover) cover = *found;
  }
  return cover;
}

}  // namespace

std::vector<Unreachable> FindUnreachable(const Config& config) {
  std::vector<Unreachable> unreachable;
  RoutesByKey seen;
  for (const Route& route : config.routes) {
    if (const std::optional<uint32_t> earlier = FindCover(config, route, seen)) {
      unreachable.push_back({route.index, *earlier});
      continue;  // whatever it covers is covered by the earlier route as well
    }
    for (std::string& host : Hosts(route.match)) {
      std::vector<uint32_t>& routes = seen[KeyOf(std::move(host), route.match)];
      if (routes.empty() || routes.back() != route.index) routes.push_back(route.index);
    }
  }
  return unreachable;
}

std::vector<uint32_t> FindUnusedUpstreams(const Config& config) {
  std::vector<bool> used(config.upstreams.size());
  for (const Route& route : config.routes) {
    if (route.forward_auth.has_value()) used[route.forward_auth->upstream] = true;
    if (route.action != Action::kUpstream) continue;
    if (route.mirror.has_value()) used[route.mirror->upstream] = true;
    if (route.split.empty()) used[route.upstream] = true;
    for (const SplitShare& share : route.split) used[share.upstream] = true;
  }
  std::vector<uint32_t> unused;
  for (uint32_t i = 0; i < used.size(); ++i) {
    if (!used[i]) unused.push_back(i);
  }
  return unused;
}

}  // namespace holdfast::config
