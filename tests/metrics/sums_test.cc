#include "metrics/sums.h"

#include <chrono>
#include <variant>

#include <gtest/gtest.h>

namespace holdfast::metrics {
namespace {

TEST(SumsTest, EveryFamilyIsEmptyAndOfItsType) {
  const Sums sums;
  for (const Description& row : AllMetrics()) {
    const FamilySums& family = sums.family(row.metric);
    EXPECT_EQ(std::holds_alternative<SumsByLabels<Counter>>(family), row.type == Type::kCounter);
    EXPECT_EQ(std::holds_alternative<SumsByLabels<Gauge>>(family), row.type == Type::kGauge);
    EXPECT_EQ(std::holds_alternative<SumsByLabels<Histogram>>(family),
              row.type == Type::kHistogram);
    std::visit([](const auto& series) { EXPECT_TRUE(series.empty()); }, family);
  }
}

TEST(SumsTest, CountersOfOneLabelSetAddUpAndOthersStayApart) {
  Sums sums;
  sums.Add<Counter>(Metric::kRequestBytesTotal, {"edge"}, 2);
  sums.Add<Counter>(Metric::kRequestBytesTotal, {"edge"}, 3);
  sums.Add<Counter>(Metric::kRequestBytesTotal, {"inner"}, 10);
  const auto& family = sums.Of<Counter>(Metric::kRequestBytesTotal);
  EXPECT_EQ(family.size(), 2u);
  EXPECT_EQ(family.at({"edge"}), 5u);
  EXPECT_EQ(family.at({"inner"}), 10u);
}

TEST(SumsTest, CountersStayExactWhereADoubleWouldNot) {
  Sums sums;
  sums.Add<Counter>(Metric::kAccessLogWrittenTotal, {}, uint64_t{1} << 53);
  sums.Add<Counter>(Metric::kAccessLogWrittenTotal, {}, 1);
  EXPECT_EQ(sums.Of<Counter>(Metric::kAccessLogWrittenTotal).at({}), (uint64_t{1} << 53) + 1);
}

TEST(SumsTest, GaugesAddUpWithTheirSigns) {
  Sums sums;
  sums.Add<Gauge>(Metric::kUpstreamWaiters, {"web"}, 7);
  sums.Add<Gauge>(Metric::kUpstreamWaiters, {"web"}, -2);
  EXPECT_EQ(sums.Of<Gauge>(Metric::kUpstreamWaiters).at({"web"}), 5);
}

TEST(SumsTest, HistogramsAddUpBucketByBucket) {
  Histogram fast;
  fast.Observe(std::chrono::microseconds(1));
  Histogram slow;
  slow.Observe(std::chrono::minutes(5));
  Sums sums;
  sums.Add<Histogram>(Metric::kRequestDurationSeconds, {"edge", "api"}, fast.value());
  sums.Add<Histogram>(Metric::kRequestDurationSeconds, {"edge", "api"}, slow.value());
  const Histogram::Snapshot& sum =
      sums.Of<Histogram>(Metric::kRequestDurationSeconds).at({"edge", "api"});
  EXPECT_EQ(sum.counts.front(), 1u);
  EXPECT_EQ(sum.counts.back(), 1u);
  EXPECT_EQ(sum.count(), 2u);
}

TEST(SumsDeathTest, AnotherTypeThanTheCatalogsAborts) {
  Sums sums;
  EXPECT_DEATH(sums.Add<Gauge>(Metric::kAccessLogWrittenTotal, {}, 1),
               "holdfast_access_log_written_total: is of another type");
  EXPECT_DEATH(sums.Of<Counter>(Metric::kWorkers), "holdfast_workers: is of another type");
}

TEST(SumsDeathTest, AWrongNumberOfLabelValuesAborts) {
  Sums sums;
  EXPECT_DEATH(sums.Add<Counter>(Metric::kRequestBytesTotal, {}, 1),
               "holdfast_request_bytes_total: given 0 label values, has 1");
}

}  // namespace
}  // namespace holdfast::metrics
