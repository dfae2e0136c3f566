#include "metrics/shard.h"

#include <chrono>
#include <optional>
#include <utility>

#include <gtest/gtest.h>

namespace holdfast::metrics {
namespace {

TEST(ShardTest, CellsReachTheSumsUnderTheirLabels) {
  Shard shard;
  shard.CounterFor(Metric::kRequestsTotal, {"edge", "api", "GET", "200", "gateway"}).Add(4);
  shard.GaugeFor(Metric::kClientConnections, {"edge", "idle"}).Set(9);
  shard.HistogramFor(Metric::kRequestDurationSeconds, {"edge", "api"})
      .Observe(std::chrono::milliseconds(3));

  Sums sums;
  shard.AddTo(sums);

  EXPECT_EQ(sums.Of<Counter>(Metric::kRequestsTotal).at({"edge", "api", "GET", "200", "gateway"}),
            4u);
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

using std::chrono::seconds;

class ClaimTest : public testing::Test {
 protected:
  static constexpr seconds kGrace{300};

  bool Has(const std::string& upstream) const {
    Sums sums;
    shard_.AddTo(sums);
    return sums.Of<Gauge>(Metric::kUpstreamWaiters).contains({upstream});
  }
  void Count(const std::string& upstream) {
    shard_.GaugeFor(Metric::kUpstreamWaiters, {upstream}).Set(1);
  }

  Shard shard_;
};

TEST_F(ClaimTest, SeriesGoWhenTheirLastClaimIsGoneForTheGrace) {
  std::optional<Claim> first = shard_.ClaimSeries("upstream", "web");
  std::optional<Claim> second = shard_.ClaimSeries("upstream", "web");
  Count("web");
  first.reset();
  EXPECT_TRUE(shard_.Retire(seconds(1000), kGrace).empty());
  EXPECT_TRUE(shard_.Retire(seconds(9000), kGrace).empty()) << "one is left";
  second.reset();
  EXPECT_TRUE(shard_.Retire(seconds(10'000), kGrace).empty());
  EXPECT_TRUE(shard_.Retire(seconds(10'299), kGrace).empty());
  EXPECT_TRUE(Has("web"));
  EXPECT_EQ(shard_.Retire(seconds(10'300), kGrace).size(), 1u);
  EXPECT_FALSE(Has("web"));
}

TEST_F(ClaimTest, WhatIsClaimedAgainStays) {
  Count("web");
  { const Claim claim = shard_.ClaimSeries("upstream", "web"); }
  shard_.Retire(seconds(1000), kGrace);
  {
    const Claim again = shard_.ClaimSeries("upstream", "web");
    EXPECT_TRUE(shard_.Retire(seconds(2000), kGrace).empty());
  }
  EXPECT_TRUE(shard_.Retire(seconds(2001), kGrace).empty()) << "the grace begins anew";
  EXPECT_TRUE(Has("web"));
  EXPECT_FALSE(shard_.Retire(seconds(2301), kGrace).empty());
}

TEST_F(ClaimTest, AMovedClaimCountsOnce) {
  Count("web");
  Claim claim = shard_.ClaimSeries("upstream", "web");
  Claim moved = std::move(claim);
  claim = shard_.ClaimSeries("upstream", "web");
  claim = Claim();
  EXPECT_TRUE(shard_.Retire(seconds(1), seconds(0)).empty());
  moved = Claim();
  EXPECT_FALSE(shard_.Retire(seconds(1), seconds(0)).empty());
}

TEST_F(ClaimTest, WhatNobodyEverClaimedStays) {
  Count("web");
  { const Claim claim = shard_.ClaimSeries("upstream", "api"); }
  EXPECT_TRUE(shard_.Retire(seconds(1000), seconds(0)).empty());
  EXPECT_TRUE(Has("web"));
}

TEST_F(ClaimTest, EveryMetricWithTheLabelIsMeantAndNoOtherLabel) {
  shard_.CounterFor(Metric::kUpstreamCheckoutsTotal, {"web", "fresh"});
  shard_.HistogramFor(Metric::kRequestDurationSeconds, {"web", "api"});
  shard_.HistogramFor(Metric::kRequestDurationSeconds, {"edge", "old"});
  shard_.HistogramFor(Metric::kRequestDurationSeconds, {"edge", "api"});
  { const Claim upstream = shard_.ClaimSeries("upstream", "web"); }
  { const Claim route = shard_.ClaimSeries("route", "old"); }
  EXPECT_EQ(shard_.Retire(seconds(1000), seconds(0)).size(), 2u);
  Sums sums;
  shard_.AddTo(sums);
  EXPECT_TRUE(sums.Of<Counter>(Metric::kUpstreamCheckoutsTotal).empty());
  EXPECT_EQ(sums.Of<Histogram>(Metric::kRequestDurationSeconds).size(), 2u);
}

// Others may hold its cell.
TEST_F(ClaimTest, TheSeriesOfAllThatFoundNoRoomStays) {
  Count(std::string(kOverflowLabel));
  { const Claim claim = shard_.ClaimSeries("upstream", kOverflowLabel); }
  EXPECT_TRUE(shard_.Retire(seconds(1000), seconds(0)).empty());
}

}  // namespace
}  // namespace holdfast::metrics
