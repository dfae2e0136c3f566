#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <absl/container/flat_hash_map.h>

#include "gateway/config/build.h"
#include "gateway/config/text_checks.h"
#include "gateway/config/units.h"
#include "gateway/config/values.h"

namespace holdfast::config {
namespace {

constexpr std::pair<std::string_view, pool::BalancePolicy> kBalances[] = {
    {"round_robin", pool::BalancePolicy::kRoundRobin},
    {"least_request", pool::BalancePolicy::kLeastRequest},
    {"random", pool::BalancePolicy::kRandom},
    {"ring_hash", pool::BalancePolicy::kRingHash},
    {"maglev", pool::BalancePolicy::kMaglev},
};

// Where the value of `key` stands; the mapping's own place when it has a default.
Position PlaceOf(const YamlNode& mapping, std::string_view key) {
  const YamlNode* value = mapping.Find(key);
  return value == nullptr ? mapping.position : value->position;
}

std::optional<Endpoint> BuildService(const YamlNode& item, const YamlNode& srv, Report* report) {
  if (const YamlNode* weight = item.Find("weight")) {
    report->Error(weight->position, "weight and srv exclude each other; SRV records bring weights");
  }
  return ParseService(srv.text);
}

std::optional<Endpoint> BuildEndpoint(const YamlNode& item, Report* report) {
  if (item.is_scalar()) return ParseEndpoint(item.text);
  const YamlNode* address = FindScalar(item, "address");
  const YamlNode* srv = FindScalar(item, "srv");
  if (item.is_mapping() && (item.Find("address") == nullptr) == (item.Find("srv") == nullptr)) {
    report->Error(item.position, std::string("expected one of address, srv; found ") +
                                     (item.Find("srv") == nullptr ? "none" : "both"));
  }
  std::optional<Endpoint> endpoint;
  if (address != nullptr) endpoint = ParseEndpoint(address->text);
  if (address == nullptr && srv != nullptr) endpoint = BuildService(item, *srv, report);
  if (!endpoint) return std::nullopt;
  TakeCount(item, "weight", &endpoint->weight);
  endpoint->backup = HoldsWord(item, "backup", "true");
  return endpoint;
}

void BuildEndpoints(const YamlNode& node, Upstream* upstream, Report* report) {
  absl::flat_hash_map<std::string, Position> seen;
  for (const YamlNode& item : TakeList(node, "endpoints")) {
    std::optional<Endpoint> endpoint = BuildEndpoint(item, report);
    if (!endpoint) continue;
    const Position place = endpoint->srv ? PlaceOf(item, "srv") : PlaceOf(item, "address");
    const auto [first, added] = seen.try_emplace(endpoint->text, place);
    if (!added) {
      report->Error(place, "endpoint " + Quoted(endpoint->text) +
                               " is given twice; first at line " +
                               std::to_string(first->second.line));
    }
    upstream->endpoints.push_back(*std::move(endpoint));
  }
  if (!upstream->endpoints.empty() && std::ranges::all_of(upstream->endpoints, &Endpoint::backup)) {
    report->Error(PlaceOf(node, "endpoints"),
                  "every endpoint is a backup; expected at least one that is not");
  }
}

void BuildHash(const YamlNode& node, Upstream* upstream, Report* report) {
  const YamlNode* hash = node.Find("hash");
  if (hash == nullptr) return;
  if (upstream->cluster.balancing.policy != pool::BalancePolicy::kRingHash &&
      upstream->cluster.balancing.policy != pool::BalancePolicy::kMaglev) {
    report->Error(hash->position, "hash is only for balance: ring_hash and balance: maglev");
  }
  HashKey& key = upstream->hash;
  if (HoldsWord(node, "hash", "path")) key.source = HashKey::Source::kPath;
  if (!hash->is_mapping()) return;
  const YamlNode* header = FindScalar(*hash, "header");
  const YamlNode* cookie = FindScalar(*hash, "cookie");
  if (hash->entries.size() != 1) {
    report->Error(hash->position, std::string("expected one of header, cookie; found ") +
                                      (hash->entries.empty() ? "none" : "several"));
  }
  if (header != nullptr) {
    key = {HashKey::Source::kHeader, LowerCase(header->text)};
  } else if (cookie != nullptr) {
    key = {HashKey::Source::kCookie, cookie->text};
  }
}

// More are never there to be kept.
void WarnOfIdle(const YamlNode& node, const Upstream& upstream, Report* report) {
  const YamlNode* idle = FindScalar(node, "max_idle");
  const pool::PoolLimits& limits = upstream.cluster.pool;
  if (idle == nullptr || !limits.max_connections) return;
  if (limits.max_idle > *limits.max_connections) {
    report->Warning(idle->position, "max_idle is larger than max_connections, which is " +
                                        std::to_string(*limits.max_connections));
  }
}

void BuildIdleTimeout(const YamlNode& node, pool::PoolLimits* limits) {
  if (FindScalar(node, "idle_timeout") == nullptr) return;
  limits->idle_learned = HoldsWord(node, "idle_timeout", "auto");
  if (!limits->idle_learned) Take(node, "idle_timeout", &limits->idle_timeout);
}

void BuildBreakers(const YamlNode& node, pool::BreakerLimits* breakers) {
  TakeCount(node, "connections", &breakers->connections);
  TakeCount(node, "pending", &breakers->pending);
  TakeCount(node, "requests", &breakers->requests);
  TakeCount(node, "retries", &breakers->retries);
}

void BuildRetryBudget(const YamlNode& node, std::optional<pool::RetryBudgetLimits>* limits) {
  if (HoldsWord(node, "retry_budget", "off")) {
    limits->reset();
    return;
  }
  const YamlNode& budget = TakeMapping(node, "retry_budget");
  TakePercent(budget, "percent", &(*limits)->percent);
  TakeCount(budget, "min", &(*limits)->min_retries);
}

void BuildCheckTimes(const YamlNode& node, HealthCheck* check, Report* report) {
  Take(node, "interval", &check->interval);
  Take(node, "idle_interval", &check->idle_interval);
  check->timeout = std::min(check->timeout, check->interval);
  Take(node, "timeout", &check->timeout);
  if (check->timeout > check->interval) {
    report->Error(PlaceOf(node, "timeout"),
                  "timeout is longer than interval, which is " + FormatDuration(check->interval));
  }
  if (check->idle_interval && *check->idle_interval < check->interval) {
    report->Error(
        PlaceOf(node, "idle_interval"),
        "idle_interval is shorter than interval, which is " + FormatDuration(check->interval));
  }
}

void BuildHealthCheck(const YamlNode& upstream, std::optional<HealthCheck>* result,
                      Report* report) {
  const YamlNode* node = upstream.Find("health_check");
  if (node == nullptr || !node->is_mapping()) return;
  HealthCheck& check = result->emplace();
  if (HoldsWord(*node, "type", "tcp")) {
    check.type = HealthCheck::Type::kTcp;
    for (const std::string_view key : {"path", "host", "status"}) {
      if (const YamlNode* value = node->Find(key)) {
        report->Error(value->position, std::string(key) + " is only for checks of type http");
      }
    }
  }
  Take(*node, "path", &check.path);
  Take(*node, "host", &check.host);
  BuildCheckTimes(*node, &check, report);
  TakeCount(*node, "fall", &check.fall);
  TakeCount(*node, "rise", &check.rise);
  const YamlNode* status = FindScalar(*node, "status");
  if (status == nullptr) return;
  if (const std::optional<StatusRange> range = ParseStatusRange(status->text)) {
    check.min_status = range->min;
    check.max_status = range->max;
  }
}

void BuildOutlier(const YamlNode& upstream, std::optional<pool::OutlierOptions>* outlier,
                  Report* report) {
  if (HoldsWord(upstream, "outlier", "off")) {
    outlier->reset();
    return;
  }
  const YamlNode& node = TakeMapping(upstream, "outlier");
  TakeCount(node, "consecutive_errors", &(*outlier)->consecutive_errors);
  Take(node, "max_ejection", &(*outlier)->max_time);
  (*outlier)->base_time = std::min((*outlier)->base_time, (*outlier)->max_time);
  Take(node, "base_ejection", &(*outlier)->base_time);
  TakePercent(node, "max_ejected", &(*outlier)->max_percent);
  if ((*outlier)->base_time > (*outlier)->max_time) {
    report->Error(PlaceOf(node, "base_ejection"),
                  "base_ejection is longer than max_ejection, which is " +
                      FormatDuration((*outlier)->max_time));
  }
}

}  // namespace

Upstream BuildUpstream(const std::string& name, const YamlNode& node, Report* report) {
  Upstream upstream;
  upstream.name = name;
  BuildEndpoints(node, &upstream, report);
  pool::ClusterOptions& cluster = upstream.cluster;
  for (const auto& [word, policy] : kBalances) {
    if (HoldsWord(node, "balance", word)) cluster.balancing.policy = policy;
  }
  BuildHash(node, &upstream, report);
  Take(node, "slow_start", &cluster.balancing.slow_start);
  TakePercent(node, "panic_threshold", &cluster.balancing.panic_percent);
  TakeCount(node, "max_connections", &cluster.pool.max_connections);
  TakeCount(node, "max_idle", &cluster.pool.max_idle);
  WarnOfIdle(node, upstream, report);
  BuildIdleTimeout(node, &cluster.pool);
  Take(node, "max_connection_age", &cluster.pool.max_age);
  TakeCount(node, "max_requests", &cluster.pool.max_requests);
  Take(node, "connect_timeout", &cluster.pool.connect_timeout);
  const YamlNode& queue = TakeMapping(node, "queue");
  TakeCount(queue, "size", &cluster.pool.queue_size);
  Take(queue, "timeout", &cluster.pool.queue_timeout);
  BuildBreakers(TakeMapping(node, "breakers"), &cluster.breakers);
  BuildRetryBudget(node, &cluster.retry_budget);
  BuildHealthCheck(node, &upstream.health_check, report);
  BuildOutlier(node, &cluster.outlier, report);
  return upstream;
}

}  // namespace holdfast::config
