#ifndef HOLDFAST_POOL_CLUSTER_OPTIONS_H_
#define HOLDFAST_POOL_CLUSTER_OPTIONS_H_

#include <cstdint>
#include <optional>

#include "pool/limits.h"
#include "pool/net/clock.h"
#include "pool/net/proxy_header.h"
#include "pool/net/word_table.h"
#include "pool/tls_identity.h"
#include "pool/upstream_protocol.h"

// The settings of an upstream: plain values, whose defaults are the gateway's. The configuration
// fills them in place (gateway/config/config.h), so that each default and each limit is written
// once.

namespace holdfast::pool {

enum class BalancePolicy : uint8_t {
  kRoundRobin,    // smooth: the turns of a heavy endpoint are spread between those of the others
  kLeastRequest,  // the better of two drawn by lot (Mitzenmacher, "The power of two choices")
  kRandom,
  kRingHash,  // a key stays at its endpoint; HashRing and Maglev say how
  kMaglev,
};
inline constexpr auto kBalancePolicyWords = Words<BalancePolicy>({
    {"round_robin", BalancePolicy::kRoundRobin},
    {"least_request", BalancePolicy::kLeastRequest},
    {"random", BalancePolicy::kRandom},
    {"ring_hash", BalancePolicy::kRingHash},
    {"maglev", BalancePolicy::kMaglev},
});
constexpr const auto& WordsOf(BalancePolicy) { return kBalancePolicyWords; }

struct BalancerOptions {
  BalancePolicy policy = BalancePolicy::kLeastRequest;
  // How long an endpoint that came (back) takes to grow to its share; nullopt: it has it at once.
  std::optional<Duration> slow_start;
  // If fewer endpoints than this share are usable, all are used; 0: only when none is left.
  uint32_t panic_percent = 0;

  bool operator==(const BalancerOptions&) const = default;
};

// Passive health: an endpoint that fails requests is left out for a while.
struct OutlierOptions {
  uint32_t consecutive_errors = 5;                // > 0; in a row, over all workers
  Duration base_time = std::chrono::seconds(10);  // > 0; doubles with each ejection in a row
  Duration max_time = std::chrono::seconds(300);
  // The share of an upstream's endpoints that may be ejected at a time; above 0 it is at least one.
  uint32_t max_percent = 50;

  bool operator==(const OutlierOptions&) const = default;
};

struct ClusterOptions {
  PoolLimits pool;
  BreakerLimits breakers;
  // nullopt: no budget, every repetition is allowed as far as the breaker goes.
  std::optional<RetryBudgetLimits> retry_budget = RetryBudgetLimits{};
  BalancerOptions balancing;
  TlsIdentity tls;                                           // of the connections to its endpoints
  ProxyVersion proxy = ProxyVersion::kNone;                  // what they begin with
  UpstreamProtocol protocol = UpstreamProtocol::kH1;         // what is spoken on them
  std::optional<OutlierOptions> outlier = OutlierOptions{};  // nullopt: none is left out
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_CLUSTER_OPTIONS_H_
