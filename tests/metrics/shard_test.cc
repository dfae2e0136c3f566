#include "metrics/shard.h"

#include <chrono>

#include <gtest/gtest.h>

namespace holdfast::metrics {
namespace {

TEST(ShardTest, CellsReachTheSumsUnderTheirLabels) {
  Shard shard;
  shard.CounterFor(Metric::kRequestsTotal, {"edge", "api", "GET", "200"}).Add(4);
  shard.GaugeFor(Metric::kClientConnections, {"edge", "idle"}).Set(9);
  shard.HistogramFor(Metric::kRequestDurationSeconds, {"edge", "api"})
      .Observe(std::chrono::milliseconds(3));

  Sums sums;
  shard.AddTo(sums);

  EXPECT_EQ(sums.Of<Counter>(Metric::kRequestsTotal).at({"edge", "api", "GET", "200"}), 4u);
  EXPECT_EQ(sums.Of<Gauge>(Metric::kClientConnections).at({"edge", "idle"}), 9);
  const auto& durations = sums.Of<Histogram>(Metric::kRequestDurationSeconds);
  EXPECT_EQ(durations.at({"edge", "api"}).sum_nanoseconds, 3'000'000u);
}

TEST(ShardTest, ASeriesIsReportedFromItsCreationOnAtZero) {
  Shard shard;
  shard.CounterFor(Metric::kTunnelsTotal, {"web"});
  Sums sums;
  shard.AddTo(sums);
  EXPECT_EQ(sums.Of<Counter>(Metric::kTunnelsTotal).at({"web"}), 0u);
}

TEST(ShardTest, AskingAgainGivesTheSameCell) {
  Shard shard;
  Gauge& gauge = shard.GaugeFor(Metric::kTunnels, {"web"});
  EXPECT_EQ(&shard.GaugeFor(Metric::kTunnels, {"web"}), &gauge);
  EXPECT_NE(&shard.GaugeFor(Metric::kUpstreamWaiters, {"web"}), &gauge);
}

TEST(ShardDeathTest, AMetricOfAnotherTypeAborts) {
  Shard shard;
  EXPECT_DEATH(shard.CounterFor(Metric::kTunnels, {"web"}), "holdfast_tunnels: is of another type");
  EXPECT_DEATH(shard.GaugeFor(Metric::kRequestDurationSeconds, {"edge", "api"}),
               "holdfast_request_duration_seconds: is of another type");
  EXPECT_DEATH(shard.HistogramFor(Metric::kTunnelsTotal, {"web"}),
               "holdfast_tunnels_total: is of another type");
}

TEST(ShardDeathTest, AWrongNumberOfLabelValuesAborts) {
  Shard shard;
  EXPECT_DEATH(shard.CounterFor(Metric::kTunnelsTotal, {}),
               "holdfast_tunnels_total: given 0 label values, has 1");
  EXPECT_DEATH(shard.GaugeFor(Metric::kWorkers, {"surplus"}),
               "holdfast_workers: given 1 label values, has 0");
}

}  // namespace
}  // namespace holdfast::metrics
