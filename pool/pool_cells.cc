#include "pool/pool_cells.h"

namespace holdfast::pool {

using metrics::Counter;
using metrics::Gauge;
using metrics::Metric;

PoolCells::PoolCells(metrics::Shard* shard, std::string_view upstream, const EventLoop* loop)
    : idle(shard->GaugeFor(Metric::kUpstreamConnections, {upstream, "idle"})),
      leased(shard->GaugeFor(Metric::kUpstreamConnections, {upstream, "busy"})),
      streams(shard->GaugeFor(Metric::kUpstreamStreams, {upstream})),
      connecting(shard->GaugeFor(Metric::kUpstreamConnections, {upstream, "connecting"})),
      waiters(shard->GaugeFor(Metric::kUpstreamWaiters, {upstream})),
      loop_(loop),
      shard_(shard),
      upstream_(upstream),
      claim_(shard->ClaimSeries("upstream", upstream)) {
  // Nearly every request uses these.
  NewCheckout(CheckoutResult::kFresh);
  NewCheckout(CheckoutResult::kReused);
}

metrics::Histogram& PoolCells::NewHistogram(HistogramPlace place) {
  AssertThread();
  static constexpr std::array<Metric, kHistograms> kMetrics = {
      Metric::kUpstreamFirstByteSeconds, Metric::kUpstreamConnectSeconds,
      Metric::kUpstreamQueueSeconds, Metric::kUpstreamConnectionRequests};
  metrics::Histogram& cell = shard_->HistogramFor(kMetrics[place], {upstream_});
  histograms_[place] = &cell;
  return cell;
}

Counter& PoolCells::NewCheckout(CheckoutResult result) {
  Counter& cell =
      shard_->CounterFor(Metric::kUpstreamCheckoutsTotal, {upstream_, CheckoutResultName(result)});
  checkouts_[Index(result)] = &cell;
  return cell;
}

Counter& PoolCells::NewOpened(OpenReason reason) {
  Counter& cell = shard_->CounterFor(Metric::kUpstreamConnectionsOpenedTotal,
                                     {upstream_, OpenReasonName(reason)});
  opened_[Index(reason)] = &cell;
  return cell;
}

Counter& PoolCells::NewClosed(CloseReason reason) {
  Counter& cell = shard_->CounterFor(Metric::kUpstreamConnectionsClosedTotal,
                                     {upstream_, CloseReasonName(reason)});
  closed_[Index(reason)] = &cell;
  return cell;
}

void AddUnusedWords(metrics::Sums& sums) {
  const auto& upstreams = sums.Of<Gauge>(Metric::kUpstreamWaiters);
  if (upstreams.size() > kMaxUpstreamsWithZeros) return;
  for (const auto& [labels, waiters] : upstreams) {
    const auto add = [&, &upstream = labels.front()](Metric metric, std::string_view word) {
      sums.Add<Counter>(metric, {upstream, std::string(word)}, 0);
    };
    for (int i = 0; i < kCheckoutResults; ++i) {
      add(Metric::kUpstreamCheckoutsTotal, CheckoutResultName(static_cast<CheckoutResult>(i)));
    }
    for (int i = 0; i < kOpenReasons; ++i) {
      add(Metric::kUpstreamConnectionsOpenedTotal, OpenReasonName(static_cast<OpenReason>(i)));
    }
    static_assert(static_cast<int>(CloseReason::kNone) == 0);
    for (int i = 1; i < kCloseReasons; ++i) {
      add(Metric::kUpstreamConnectionsClosedTotal, CloseReasonName(static_cast<CloseReason>(i)));
    }
  }
}

}  // namespace holdfast::pool
