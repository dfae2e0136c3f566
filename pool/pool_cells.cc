#include "pool/pool_cells.h"

#include "pool/net/check.h"

namespace holdfast::pool {

using metrics::Metric;

std::string_view CheckoutResultName(CheckoutResult result) {
  switch (result) {
    case CheckoutResult::kReused: return "reused";
    case CheckoutResult::kFresh: return "fresh";
    case CheckoutResult::kQueueFull: return "queue_full";
    case CheckoutResult::kQueueTimeout: return "queue_timeout";
    case CheckoutResult::kConnectRefused: return "connect_refused";
    case CheckoutResult::kConnectTimeout: return "connect_timeout";
    case CheckoutResult::kConnectFailed: return "connect_failed";
    case CheckoutResult::kNoDescriptors: return "no_descriptors";
    case CheckoutResult::kNoEndpoint: return "no_endpoint";
    case CheckoutResult::kCancelled: return "cancelled";
  }
  HOLDFAST_CHECK(false);
}

std::string_view OpenReasonName(OpenReason reason) {
  switch (reason) {
    case OpenReason::kEmpty: return "empty";
    case OpenReason::kAllBusy: return "all_busy";
  }
  HOLDFAST_CHECK(false);
}

std::string_view IdleEndName(IdleEnd end) {
  switch (end) {
    case IdleEnd::kIdleTimeout: return "idle_timeout";
    case IdleEnd::kIdlePeerClosed: return "idle_peer_closed";
    case IdleEnd::kIdleBytes: return "idle_bytes";
    case IdleEnd::kIdleEvicted: return "idle_evicted";
    case IdleEnd::kMaxAge: return "max_age";
    case IdleEnd::kDrained: return "drained";
    case IdleEnd::kConnectFailed: return "connect_failed";
    case IdleEnd::kConnectTimeout: return "connect_timeout";
  }
  HOLDFAST_CHECK(false);
}

PoolCells::PoolCells(metrics::Shard* shard, std::string_view upstream)
    : idle(shard->GaugeFor(Metric::kUpstreamConnections, {upstream, "idle"})),
      busy(shard->GaugeFor(Metric::kUpstreamConnections, {upstream, "busy"})),
      connecting(shard->GaugeFor(Metric::kUpstreamConnections, {upstream, "connecting"})),
      waiters(shard->GaugeFor(Metric::kUpstreamWaiters, {upstream})),
      endpoints(shard->GaugeFor(Metric::kUpstreamEndpoints, {upstream})) {
  for (int i = 0; i < kCheckoutResults; ++i) {
    checkouts_[i] =
        &shard->CounterFor(Metric::kUpstreamCheckoutsTotal,
                           {upstream, CheckoutResultName(static_cast<CheckoutResult>(i))});
  }
  for (int i = 0; i < kOpenReasons; ++i) {
    opened_[i] = &shard->CounterFor(Metric::kUpstreamConnectionsOpenedTotal,
                                    {upstream, OpenReasonName(static_cast<OpenReason>(i))});
  }
  for (int i = 0; i < kIdleEnds; ++i) {
    idle_ends_[i] = &shard->CounterFor(Metric::kUpstreamConnectionsClosedTotal,
                                       {upstream, IdleEndName(static_cast<IdleEnd>(i))});
  }
  static_assert(static_cast<int>(ReuseDecision::kKeep) == 0);
  for (int i = 1; i < kReuseDecisions; ++i) {
    lease_ends_[i] =
        &shard->CounterFor(Metric::kUpstreamConnectionsClosedTotal,
                           {upstream, ReuseDecisionName(static_cast<ReuseDecision>(i))});
  }
}

}  // namespace holdfast::pool
