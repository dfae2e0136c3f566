#include "gateway/server/descriptor_budget.h"

#include <sys/resource.h>

#include <algorithm>

#include <absl/strings/str_format.h>

#include "gateway/config/address.h"
#include "gateway/proxy/health_prober.h"
#include "gateway/server/key_keeper.h"
#include "gateway/server/status_server.h"

namespace holdfast::server {
namespace {

// Standard streams, the main and log threads' loops and mailboxes, signals, DNS, the status port,
// the access log, and some for libraries.
constexpr size_t kProcess = 32;
// Clients of the status port: one descriptor in so many, between its bounds.
constexpr size_t kPerStatusClient = 32;
// A writer of the access log beyond the first has a loop, a mailbox, a way to be interrupted and a
// file, and there are two of it while a reload moves its target.
constexpr size_t kPerFurtherLog = 8;
// Whoever sends spans has a loop, a mailbox, a connection, and sockets to look its peer's name up.
constexpr size_t kForSpans = 12;
// A worker has a loop and a mailbox.
constexpr size_t kPerWorker = 2;
// The socket, its copy for the process that will take our place, and the reserve for the day when
// descriptors run out.
constexpr size_t kPerListenerAndWorker = 3;
// A check has a connection of its own to each endpoint, of which a name may have several.
constexpr size_t kPerCheckedLiteral = 1;
// A resolver of its own asks a few servers at a time, over UDP and TCP.
constexpr size_t kPerResolver = 5;
// A fetch of keys has a connection, and a resolver.
constexpr size_t kPerFetch = 1 + kPerResolver;
// How many endpoints a name counts as.
constexpr size_t kAddressesPerName = 8;
// One descriptor in so many is for upstreams beside what they ask for, unless a listener asks for
// it: a name may have more addresses, and endpoints that a reload or DNS took away finish what they
// serve.
constexpr size_t kSpareParts = 8;
// Below this a gateway is not worth starting.
constexpr size_t kFewestClients = 16;

size_t ForFetches(const config::Config& config) {
  const auto routes = std::ranges::count_if(config.routes, [](const config::Route& route) {
    return route.jwt.has_value() && route.jwt->by_url();
  });
  return kPerFetch * std::min(static_cast<size_t>(routes), KeyKeeper::kMaxFetches);
}

size_t ForChecks(const config::Config& config) {
  size_t connections = 0;
  for (const config::Upstream& upstream : config.upstreams) {
    if (!upstream.health_check.has_value()) continue;
    for (const config::Endpoint& endpoint : upstream.endpoints) {
      connections += endpoint.literal.has_value() ? kPerCheckedLiteral : kAddressesPerName;
    }
  }
  return std::min(connections, proxy::HealthProber::kMaxKept);
}

// One link for each way in which limits are shared (shared_limits.h), and a copy of each while a
// reload changes them. Where Redis has a name a link first has a resolver, then a connection.
size_t ForSharedLimits(const config::Config& config) {
  std::vector<policy::SharedLimit> links;
  size_t descriptors = 0;
  for (const config::Route& route : config.routes) {
    if (!route.rate_limit.has_value() || !route.rate_limit->shared.has_value()) continue;
    const policy::SharedLimit& shared = *route.rate_limit->shared;
    if (std::ranges::find(links, shared) != links.end()) continue;
    links.push_back(shared);
    const std::optional<config::Endpoint> redis = config::ParseEndpoint(shared.redis);
    const bool literal = redis.has_value() && redis->literal.has_value();
    descriptors += literal ? 1 : kPerResolver;
  }
  return 2 * descriptors;
}

// How many of `left` descriptors `upstream` asks for.
size_t Wanted(const config::Upstream& upstream, size_t left) {
  if (upstream.endpoints.empty()) return 0;
  size_t most = left;
  if (const auto& breaker = upstream.cluster.breakers.connections; breaker.has_value()) {
    most = std::min<size_t>(most, *breaker);
  }
  const std::optional<uint32_t>& per_address = upstream.cluster.pool.max_connections;
  if (!per_address.has_value()) return most;
  size_t addresses = 0;
  for (const config::Endpoint& endpoint : upstream.endpoints) {
    addresses += endpoint.literal.has_value() ? 1 : kAddressesPerName;
  }
  return std::min(most, *per_address * addresses);
}

// Warns of a cap that somebody raised above the default in vain.
std::vector<std::string> Cuts(const config::Config& config, const DescriptorBudget& budget) {
  const uint32_t usual = pool::PoolLimits().max_connections.value_or(0);
  std::vector<std::string> cuts;
  for (const config::Upstream& upstream : config.upstreams) {
    const uint32_t cap = upstream.cluster.pool.max_connections.value_or(0);
    if (cap <= usual || cap <= budget.upstreams) continue;
    cuts.push_back(absl::StrFormat(
        "upstream %s: max_connections is %d, but the descriptor limit of %d leaves %d for all "
        "upstreams (raise it with ulimit -n or LimitNOFILE=)",
        upstream.name, cap, budget.limit, budget.upstreams));
  }
  return cuts;
}

}  // namespace

std::string DescriptorBudget::ToString() const {
  return absl::StrFormat(
      "%d descriptors = %d gateway + %d upstream connections (at most %d idle) + %d "
      "clients",
      limit, gateway, upstreams, idle_upstreams, clients);
}

absl::StatusOr<DescriptorBudget> PlanDescriptors(const config::Config& config, size_t workers,
                                                 size_t limit) {
  DescriptorBudget budget;
  budget.limit = limit;
  budget.status_clients = std::clamp(limit / kPerStatusClient, StatusServer::kMinConnections,
                                     StatusServer::kMaxConnections);
  budget.gateway = kProcess + budget.status_clients + workers * kPerWorker +
                   config.listeners.size() * workers * kPerListenerAndWorker + ForChecks(config) +
                   ForSharedLimits(config) + ForFetches(config);
  if (config.access_log.size() > 1) {
    budget.gateway += (config.access_log.size() - 1) * kPerFurtherLog;
  }
  if (config.tracing.has_value()) budget.gateway += kForSpans;
  if (limit < budget.gateway + 2 * kFewestClients) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "the descriptor limit of %d is too low: %d workers and %d listeners need %d for themselves "
        "and %d for connections (raise it with ulimit -n or LimitNOFILE=)",
        limit, workers, config.listeners.size(), budget.gateway, 2 * kFewestClients));
  }
  const size_t left = limit - budget.gateway;
  size_t wanted = 0;
  for (const config::Upstream& upstream : config.upstreams) {
    wanted += Wanted(upstream, left - wanted);
  }
  size_t asked = 0;
  for (const config::Listener& listener : config.listeners) {
    asked += listener.max_connections.value_or(0);
  }
  const size_t spare = wanted == 0 ? 0 : left - std::min(left, wanted + asked);
  budget.upstreams = std::min(wanted + std::min(spare, left / kSpareParts), left / 2);
  budget.idle_upstreams = std::min(budget.upstreams, limit / 5);
  budget.clients = left - budget.upstreams;
  if (asked > budget.clients) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "the descriptor limit of %d is too low for the caps: the listeners' max_connections add up "
        "to %d, but %s",
        limit, asked, budget.ToString()));
  }
  budget.cuts = Cuts(config, budget);
  return budget;
}

size_t RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  limit.rlim_cur = limit.rlim_max;
  // If this fails the soft limit stays, and the second look returns it.
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  constexpr rlim_t kMost = 1 << 20;  // "Unlimited" is no number to plan with.
  return static_cast<size_t>(std::min(limit.rlim_cur, kMost));
}

}  // namespace holdfast::server
