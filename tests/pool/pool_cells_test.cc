#include "pool/pool_cells.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "metrics/registry.h"

namespace holdfast::pool {
namespace {

using metrics::Counter;
using metrics::Gauge;
using metrics::LabelValues;
using metrics::Metric;

template <class Enum>
void ExpectDistinctNames(int count, std::string_view (*name_of)(Enum)) {
  std::set<std::string_view> names;
  for (int i = 0; i < count; ++i) {
    const std::string_view name = name_of(static_cast<Enum>(i));
    EXPECT_TRUE(std::ranges::all_of(name, [](char c) { return std::islower(c) || c == '_'; }))
        << name;
    names.insert(name);
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(count));
}

TEST(PoolCellsTest, NamesAreDistinctLabelValues) {
  ExpectDistinctNames(kCheckoutResults, CheckoutResultName);
  ExpectDistinctNames(kOpenReasons, OpenReasonName);
  ExpectDistinctNames(kIdleEnds, IdleEndName);
}

TEST(PoolCellsDeathTest, AValueOutsideTheEnumHasNoName) {
  EXPECT_DEATH(CheckoutResultName(static_cast<CheckoutResult>(kCheckoutResults)),
               "broken invariant");
  EXPECT_DEATH(OpenReasonName(static_cast<OpenReason>(kOpenReasons)), "broken invariant");
  EXPECT_DEATH(IdleEndName(static_cast<IdleEnd>(kIdleEnds)), "broken invariant");
}

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

// The ends of idle connections and of leases are one metric: a reader asks why connections close,
// not in which state. Only `max_age` is a reason of both.
TEST_F(PoolCellsSeriesTest, EveryWayToCloseHasASeries) {
  for (int i = 0; i < kIdleEnds; ++i) cells_.closed(static_cast<IdleEnd>(i)).Add();
  for (int i = 0; i < kReuseDecisions; ++i) {
    if (static_cast<ReuseDecision>(i) == ReuseDecision::kKeep) continue;
    cells_.closed(static_cast<ReuseDecision>(i)).Add();
  }
  const metrics::Sums sums = registry_.Collect();
  const auto& closed = sums.Of<Counter>(Metric::kUpstreamConnectionsClosedTotal);
  EXPECT_EQ(closed.size(), static_cast<size_t>(kIdleEnds + kReuseDecisions - 2));
  for (const auto& [labels, value] : closed) {
    EXPECT_EQ(labels.at(0), "web");
    EXPECT_EQ(value, labels.at(1) == "max_age" ? 2u : 1u) << labels.at(1);
  }
}

TEST_F(PoolCellsSeriesTest, AKeptConnectionIsNotAmongTheClosed) {
  const metrics::Sums sums = registry_.Collect();
  EXPECT_FALSE(sums.Of<Counter>(Metric::kUpstreamConnectionsClosedTotal)
                   .contains({"web", std::string(ReuseDecisionName(ReuseDecision::kKeep))}));
  EXPECT_DEATH(cells_.closed(ReuseDecision::kKeep).Add(), "broken invariant");
}

TEST_F(PoolCellsSeriesTest, GaugesAreTheStatesOfConnectionsAndTheLists) {
  cells_.idle.Add(1);
  cells_.busy.Add(2);
  cells_.connecting.Add(3);
  cells_.waiters.Add(4);
  cells_.endpoints.Add(5);
  EXPECT_EQ(GaugeOf(Metric::kUpstreamConnections, {"web", "idle"}), 1);
  EXPECT_EQ(GaugeOf(Metric::kUpstreamConnections, {"web", "busy"}), 2);
  EXPECT_EQ(GaugeOf(Metric::kUpstreamConnections, {"web", "connecting"}), 3);
  EXPECT_EQ(GaugeOf(Metric::kUpstreamWaiters, {"web"}), 4);
  EXPECT_EQ(GaugeOf(Metric::kUpstreamEndpoints, {"web"}), 5);
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
