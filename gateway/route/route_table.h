#ifndef HOLDFAST_GATEWAY_ROUTE_ROUTE_TABLE_H_
#define HOLDFAST_GATEWAY_ROUTE_ROUTE_TABLE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "gateway/config/config.h"
#include "gateway/http/message.h"
#include "gateway/http/parser.h"
#include "gateway/policy/cors.h"
#include "gateway/policy/header_rules.h"
#include "gateway/policy/in_flight.h"
#include "gateway/policy/pattern.h"
#include "gateway/policy/rate_limiter.h"
#include "gateway/route/conditions.h"
#include "gateway/route/limiters.h"

namespace holdfast::route {

// What a route's requests need of their upstream, so that nobody has to look it up by number.
struct RouteCluster {
  std::string name;
  std::string default_host;             // for requests that have no Host: as the file names it
  std::optional<config::HashKey> hash;  // nullopt: the upstream is not balanced by keys
  http::ForwardedFields forwarded;
  std::string host;                  // of all requests; empty: each keeps its own
  bool endpoint_host = false;        // each gets the name of the endpoint that it is sent to
  http::HeadLimits response_limits;  // over HTTP/1
};

struct Branches;  // route/branches.h

struct Route : config::Route {
  RouteCluster cluster;       // with Action::kUpstream, unless there is a split
  RouteCluster auth_cluster;  // with forward_auth
  policy::HeaderEdits request_edits;
  policy::HeaderEdits response_edits;         // for clients that speak in clear
  policy::HeaderEdits secure_response_edits;  // for those that speak TLS
  policy::CorsRules cors_rules;
  std::shared_ptr<policy::RateLimiter> limiter;  // null: all requests are taken
  bool edits_responses = false;                  // one of the three for responses is not empty
  bool guarded = false;                      // it asks more of requests than where they come from
  std::shared_ptr<const Branches> branches;  // what its split makes of it; null: it has none
  std::shared_ptr<policy::InFlight> in_flight;  // null: any number may be under way
  RouteCluster mirror_cluster;                  // with a mirror
};

// Why no route was found.
struct Miss {
  enum class Reason : uint8_t {
    kNoRoute,           // no route has this host and path: 404
    kMethodNotAllowed,  // a route has, but for other methods: 405 with `allowed` in Allow
  };
  Reason reason = Reason::kNoRoute;
  config::MethodSet allowed;
};

// The value of an Allow field (RFC 9110 section 10.2.1): "GET, HEAD".
std::string AllowValue(const config::MethodSet& methods);

// Finds the route of a request. It is part of a snapshot and immutable after construction: any
// thread may look up at any time, and a route's address is good as long as the table.
//
// A route matches when all its conditions do: listener, host, path, method, and what
// route/conditions.h has. Of those that match, the table takes the most specific one, in this
// order:
//   1. an exact host, then `*.suffix` with the longest suffix, then any host;
//   2. an exact path, then a pattern, the first in the file, then the longest path prefix;
//   3. more conditions beside these and the method (fields, query, clients, scheme, protocol,
//      exceptions) over fewer;
//   4. the place in the file.
// So a less specific route also serves what a more specific one leaves (another path, another
// method). A prefix ends where a segment does: "/v1" matches "/v1" and "/v1/x", not "/v10"; "/v1/"
// matches "/v1/x" and not "/v1". Both the routes' paths and those that are looked up are in the
// matched form of http/path_form.h; route/route_choice.h brings a request's path into it.
class RouteTable {
 public:
  // What its routes have counted goes on from those of the same name in `before`: of their rates as
  // far as the limits are the same; what is under way in any case, and the limit of that is the
  // former one until the workers adopt the table. `limiters` are those of the configuration
  // (MakeLimiters), made while the configuration could still be refused; null: they are made here,
  // and have to have memory.
  explicit RouteTable(const config::Config& config, const RouteTable* before = nullptr,
                      const Limiters* limiters = nullptr);
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;

  // `host` is without a port, in any case, with or without a trailing dot; `path` without a query.
  // Null when there is none; `*why` is then filled in. Allocates nothing.
  const Route* Match(uint32_t listener_index, std::string_view host, std::string_view path,
                     const Asking& asking, Miss* why) const;

  // The routes in the file's order, by index.
  const std::vector<Route>& routes() const { return routes_; }
  Limiters limiters() const;

 private:
  struct Lookup {
    uint32_t listener;
    std::string_view path;
    const Asking& asking;
    Miss* miss;
  };
  // A route's conditions beside host and path.
  struct Candidate {
    uint64_t listeners;  // one bit each
    uint32_t route;
    uint32_t conditions;  // how many more it has
  };
  // The routes with one host and one path, those with more conditions first, else in the file's
  // order.
  struct PathNode {
    std::string path;  // or the text of a pattern
    std::vector<Candidate> candidates;
    int parent = -1;  // of a prefix: the node with the longest prefix of this prefix
  };
  // The routes with one host: two lists sorted by path, and patterns in the file's order.
  struct HostNode {
    std::vector<PathNode> exact;
    std::vector<PathNode> patterns;
    std::vector<PathNode> prefixes;
    std::optional<policy::PatternSet> set;  // of the patterns, where there are many
  };
  struct StringHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  using HostMap = absl::flat_hash_map<std::string, HostNode, StringHash, std::equal_to<>>;
  // What is under way, by the route's name.
  using InFlightByName = absl::flat_hash_map<std::string_view, std::shared_ptr<policy::InFlight>>;

  static InFlightByName InFlightOf(const RouteTable* table);
  static void SetInFlight(const InFlightByName& before, Route* route);
  HostNode* NodeFor(const std::string& host_pattern);
  void Add(const Route& route);
  // Brings a host's lists into the order that look-ups need.
  void Seal(HostNode* host) const;
  static void SortAndMerge(std::vector<PathNode>* nodes);
  void MergePatterns(HostNode* host) const;
  static void SortCandidates(std::vector<PathNode>* nodes);
  const policy::Pattern& PatternOf(const PathNode& node) const;
  const Route* MatchName(std::string_view name, const Lookup& lookup) const;
  const Route* MatchHost(const HostNode& host, const Lookup& lookup) const;
  const Route* MatchPatterns(const HostNode& host, const Lookup& lookup) const;
  const Route* MatchPath(const PathNode& node, const Lookup& lookup) const;

  std::vector<Route> routes_;
  HostMap exact_hosts_;
  HostMap suffixes_;  // ".example.com" for "*.example.com"
  HostNode any_host_;
};

}  // namespace holdfast::route

#endif  // HOLDFAST_GATEWAY_ROUTE_ROUTE_TABLE_H_
