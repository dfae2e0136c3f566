#include "pool/reuse_ratio.h"

#include <gtest/gtest.h>

#include "metrics/registry.h"

namespace holdfast::pool {
namespace {

using metrics::Metric;

TEST(ReuseRatioTest, IsOfThoseThatWereGivenAConnection) {
  metrics::Registry registry;
  metrics::Shard* first = registry.AddShard();
  metrics::Shard* second = registry.AddShard();
  first->CounterFor(Metric::kUpstreamCheckoutsTotal, {"web", "reused"}).Add(4);
  first->CounterFor(Metric::kUpstreamCheckoutsTotal, {"web", "tied"}).Add(1);
  second->CounterFor(Metric::kUpstreamCheckoutsTotal, {"web", "reused"}).Add(1);
  second->CounterFor(Metric::kUpstreamCheckoutsTotal, {"web", "shared"}).Add(1);
  first->CounterFor(Metric::kUpstreamCheckoutsTotal, {"web", "fresh"}).Add(1);
  first->CounterFor(Metric::kUpstreamCheckoutsTotal, {"web", "queue_full"}).Add(100);
  first->CounterFor(Metric::kUpstreamCheckoutsTotal, {"api", "fresh"}).Add(4);
  first->CounterFor(Metric::kUpstreamCheckoutsTotal, {"new", "fresh"});
  registry.AddCollector(AddReuseRatios);
  const metrics::Sums sums = registry.Collect();
  const auto& ratios = sums.Of<metrics::Gauge>(Metric::kUpstreamReuseRatio);
  ASSERT_EQ(ratios.size(), 2u) << "without any request there is no ratio";
  EXPECT_EQ(ratios.at({"web"}), 875'000);
  EXPECT_EQ(ratios.at({"api"}), 0);
}

}  // namespace
}  // namespace holdfast::pool
