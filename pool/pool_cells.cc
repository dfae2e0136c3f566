#include "pool/pool_cells.h"

namespace holdfast::pool {

using metrics::Metric;

PoolCells::PoolCells(metrics::Shard* shard, std::string_view upstream)
    : idle(shard->GaugeFor(Metric::kUpstreamConnections, {upstream, "idle"})),
      busy(shard->GaugeFor(Metric::kUpstreamConnections, {upstream, "busy"})),
      connecting(shard->GaugeFor(Metric::kUpstreamConnections, {upstream, "connecting"})),
      waiters(shard->GaugeFor(Metric::kUpstreamWaiters, {upstream})) {
  for (int i = 0; i < kCheckoutResults; ++i) {
    checkouts_[i] =
        &shard->CounterFor(Metric::kUpstreamCheckoutsTotal,
                           {upstream, CheckoutResultName(static_cast<CheckoutResult>(i))});
  }
  for (int i = 0; i < kOpenReasons; ++i) {
    opened_[i] = &shard->CounterFor(Metric::kUpstreamConnectionsOpenedTotal,
                                    {upstream, OpenReasonName(static_cast<OpenReason>(i))});
  }
  static_assert(static_cast<int>(CloseReason::kNone) == 0);
  for (int i = 1; i < kCloseReasons; ++i) {
    closed_[i] = &shard->CounterFor(Metric::kUpstreamConnectionsClosedTotal,
                                    {upstream, CloseReasonName(static_cast<CloseReason>(i))});
  }
}

}  // namespace holdfast::pool
