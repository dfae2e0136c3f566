#include "pool/pool_cells.h"

#include <string>

#include <gtest/gtest.h>

#include "metrics/registry.h"

namespace holdfast::pool {
namespace {

using metrics::Counter;
using metrics::Gauge;
using metrics::LabelValues;
using metrics::Metric;

class PoolCellsSeriesTest : public testing::Test {
 protected:
  uint64_t CounterOf(Metric metric, const LabelValues& labels) {
    return registry_.Collect().Of<Counter>(metric).at(labels);
  }
  int64_t GaugeOf(Metric metric, const LabelValues& labels) {
    return registry_.Collect().Of<Gauge>(metric).at(labels);
  }

  metrics::Registry registry_;
  metrics::Shard* shard_ = registry_.AddShard();
  PoolCells cells_{shard_, "web"};
};

TEST_F(PoolCellsSeriesTest, EveryCheckoutResultHasItsOwnSeries) {
  for (int i = 0; i < kCheckoutResults; ++i) {
    const auto result = static_cast<CheckoutResult>(i);
    cells_.checkout(result).Add(static_cast<uint64_t>(i) + 1);
    EXPECT_EQ(CounterOf(Metric::kUpstreamCheckoutsTotal,
                        {"web", std::string(CheckoutResultName(result))}),
              static_cast<uint64_t>(i) + 1);
  }
}

TEST_F(PoolCellsSeriesTest, EveryOpenReasonHasItsOwnSeries) {
  for (int i = 0; i < kOpenReasons; ++i) {
    const auto reason = static_cast<OpenReason>(i);
    cells_.opened(reason).Add(static_cast<uint64_t>(i) + 1);
    EXPECT_EQ(CounterOf(Metric::kUpstreamConnectionsOpenedTotal,
                        {"web", std::string(OpenReasonName(reason))}),
              static_cast<uint64_t>(i) + 1);
  }
}

TEST_F(PoolCellsSeriesTest, EveryCloseReasonHasItsOwnSeries) {
  for (int i = 1; i < kCloseReasons; ++i) {
    const auto reason = static_cast<CloseReason>(i);
    cells_.closed(reason).Add(static_cast<uint64_t>(i));
    EXPECT_EQ(CounterOf(Metric::kUpstreamConnectionsClosedTotal,
                        {"web", std::string(CloseReasonName(reason))}),
              static_cast<uint64_t>(i));
  }
}

TEST_F(PoolCellsSeriesTest, AKeptConnectionIsNotAmongTheClosed) {
  const metrics::Sums sums = registry_.Collect();
  EXPECT_FALSE(sums.Of<Counter>(Metric::kUpstreamConnectionsClosedTotal)
                   .contains({"web", std::string(CloseReasonName(CloseReason::kNone))}));
  EXPECT_DEATH(cells_.closed(CloseReason::kNone).Add(), "broken invariant");
}

TEST_F(PoolCellsSeriesTest, GaugesAreTheStatesOfConnectionsAndTheLists) {
  cells_.idle.Add(1);
  cells_.busy.Add(2);
  cells_.connecting.Add(3);
  cells_.waiters.Add(4);
  EXPECT_EQ(GaugeOf(Metric::kUpstreamConnections, {"web", "idle"}), 1);
  EXPECT_EQ(GaugeOf(Metric::kUpstreamConnections, {"web", "busy"}), 2);
  EXPECT_EQ(GaugeOf(Metric::kUpstreamConnections, {"web", "connecting"}), 3);
  EXPECT_EQ(GaugeOf(Metric::kUpstreamWaiters, {"web"}), 4);
}

TEST_F(PoolCellsSeriesTest, UpstreamsAreApartAndTheSameUpstreamIsTheSame) {
  PoolCells other(shard_, "api");
  PoolCells same(shard_, "web");
  other.idle.Add(10);
  same.idle.Add(1);
  cells_.idle.Add(1);
  EXPECT_EQ(GaugeOf(Metric::kUpstreamConnections, {"web", "idle"}), 2);
  EXPECT_EQ(GaugeOf(Metric::kUpstreamConnections, {"api", "idle"}), 10);
}

}  // namespace
}  // namespace holdfast::pool
