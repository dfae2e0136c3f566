#include "pool/pool_cells.h"

#include <chrono>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "metrics/registry.h"
#include "tests/support/manual_clock.h"

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
  cells_.leased.Add(2);
  cells_.connecting.Add(3);
  cells_.waiters.Add(4);
  EXPECT_EQ(GaugeOf(Metric::kUpstreamConnections, {"web", "idle"}), 1);
  EXPECT_EQ(GaugeOf(Metric::kUpstreamConnections, {"web", "busy"}), 2);
  EXPECT_EQ(GaugeOf(Metric::kUpstreamConnections, {"web", "connecting"}), 3);
  EXPECT_EQ(GaugeOf(Metric::kUpstreamWaiters, {"web"}), 4);
}

TEST_F(PoolCellsSeriesTest, AHistogramIsThereOnceSomethingWasObserved) {
  EXPECT_TRUE(registry_.Collect().Of<metrics::Histogram>(Metric::kUpstreamQueueSeconds).empty());
  cells_.queue().Observe(std::chrono::milliseconds(1));
  cells_.connect().Observe(std::chrono::milliseconds(2));
  cells_.first_byte().Observe(std::chrono::milliseconds(3));
  cells_.requests().ObserveCount(4);
  cells_.requests().ObserveCount(5);
  const metrics::Sums sums = registry_.Collect();
  const auto sum = [&](Metric metric) {
    return sums.Of<metrics::Histogram>(metric).at({"web"}).sum_nanoseconds;
  };
  EXPECT_EQ(sum(Metric::kUpstreamQueueSeconds), 1'000'000u);
  EXPECT_EQ(sum(Metric::kUpstreamConnectSeconds), 2'000'000u);
  EXPECT_EQ(sum(Metric::kUpstreamFirstByteSeconds), 3'000'000u);
  EXPECT_EQ(sum(Metric::kUpstreamConnectionRequests), 9'000'000u);
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

TEST_F(PoolCellsSeriesTest, AWordThatWasNotUsedCountsZero) {
  registry_.AddCollector(AddUnusedWords);
  EXPECT_EQ(CounterOf(Metric::kUpstreamCheckoutsTotal, {"web", "fresh"}), 0u);
  cells_.checkout(CheckoutResult::kFresh).Add(2);
  EXPECT_EQ(CounterOf(Metric::kUpstreamCheckoutsTotal, {"web", "fresh"}), 2u);
  const metrics::Sums sums = registry_.Collect();
  EXPECT_EQ(sums.Of<Counter>(Metric::kUpstreamCheckoutsTotal).size(), size_t{kCheckoutResults});
  EXPECT_EQ(sums.Of<Counter>(Metric::kUpstreamConnectionsOpenedTotal).size(), size_t{kOpenReasons});
  EXPECT_EQ(sums.Of<Counter>(Metric::kUpstreamConnectionsClosedTotal).size(),
            size_t{kCloseReasons} - 1);
}

TEST_F(PoolCellsSeriesTest, AsManyUpstreamsAsMayBeHaveEachTheirOwnSeriesOfEveryWord) {
  for (size_t i = 1; i < kMaxUpstreams; ++i) {
    PoolCells cells(shard_, "upstream-" + std::to_string(i));
    for (int j = 0; j < kCheckoutResults; ++j) cells.checkout(static_cast<CheckoutResult>(j)).Add();
    for (int j = 0; j < kOpenReasons; ++j) cells.opened(static_cast<OpenReason>(j)).Add();
    for (int j = 1; j < kCloseReasons; ++j) cells.closed(static_cast<CloseReason>(j)).Add();
  }
  registry_.AddCollector(AddUnusedWords);
  const metrics::Sums sums = registry_.Collect();
  for (const Metric metric :
       {Metric::kUpstreamCheckoutsTotal, Metric::kUpstreamConnectionsOpenedTotal,
        Metric::kUpstreamConnectionsClosedTotal}) {
    const auto& counters = sums.Of<Counter>(metric);
    EXPECT_FALSE(counters.contains({"other", "other"})) << metrics::Describe(metric).name;
    EXPECT_TRUE(counters.contains({"upstream-4095", counters.begin()->first.back()}));
  }
  EXPECT_FALSE(sums.Of<Counter>(Metric::kUpstreamConnectionsOpenedTotal)
                   .contains({"web", std::string(OpenReasonName(OpenReason::kEmpty))}))
      << "zeros of so many help nobody";
}

TEST_F(PoolCellsSeriesTest, TheSeriesOfAnUpstreamThatIsGoneGo) {
  { PoolCells gone(shard_, "gone"); }
  EXPECT_FALSE(shard_->Retire(std::chrono::seconds(1), std::chrono::seconds(0)).empty());
  const metrics::Sums sums = registry_.Collect();
  EXPECT_FALSE(sums.Of<Gauge>(Metric::kUpstreamWaiters).contains({"gone"}));
  EXPECT_TRUE(sums.Of<Gauge>(Metric::kUpstreamWaiters).contains({"web"}));
}

TEST(PoolCellsDeathTest, AnotherThreadIsFoundOut) {
  ManualClock clock;
  EventLoop loop{&clock};
  loop.RunOnce(Duration::zero());
  metrics::Registry registry;
  PoolCells cells(registry.AddShard(), "web", &loop);
  cells.checkout(CheckoutResult::kFresh).Add();
  EXPECT_DEATH(std::thread([&] { cells.checkout(CheckoutResult::kFresh); }).join(),
               "broken invariant");
  EXPECT_DEATH(std::thread([&] { cells.closed(CloseReason::kBroken); }).join(), "broken invariant");
}

}  // namespace
}  // namespace holdfast::pool
