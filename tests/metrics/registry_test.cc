#include "metrics/registry.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace holdfast::metrics {
namespace {

TEST(RegistryTest, WithoutShardsEverythingIsEmpty) {
  const Registry registry;
  EXPECT_TRUE(registry.Collect().Of<Gauge>(Metric::kWorkers).empty());
}

TEST(RegistryTest, ShardsAddUpByLabelSet) {
  Registry registry;
  Shard* first = registry.AddShard();
  Shard* second = registry.AddShard();
  ASSERT_NE(first, second);
  first->CounterFor(Metric::kRequestBytesTotal, {"edge"}).Add(10);
  second->CounterFor(Metric::kRequestBytesTotal, {"edge"}).Add(5);
  second->CounterFor(Metric::kRequestBytesTotal, {"inner"}).Add(1);
  first->GaugeFor(Metric::kTunnels, {"web"}).Add(4);
  second->GaugeFor(Metric::kTunnels, {"web"}).Add(-1);
  first->HistogramFor(Metric::kRequestDurationSeconds, {"edge", "api"})
      .Observe(std::chrono::seconds(1));
  second->HistogramFor(Metric::kRequestDurationSeconds, {"edge", "api"})
      .Observe(std::chrono::seconds(2));

  const Sums sums = registry.Collect();

  EXPECT_EQ(sums.Of<Counter>(Metric::kRequestBytesTotal).at({"edge"}), 15u);
  EXPECT_EQ(sums.Of<Counter>(Metric::kRequestBytesTotal).at({"inner"}), 1u);
  EXPECT_EQ(sums.Of<Gauge>(Metric::kTunnels).at({"web"}), 3);
  const Histogram::Snapshot& times =
      sums.Of<Histogram>(Metric::kRequestDurationSeconds).at({"edge", "api"});
  EXPECT_EQ(times.count(), 2u);
  EXPECT_EQ(times.sum_nanoseconds, 3'000'000'000u);
}

TEST(RegistryTest, OneMetricCanBeSummedAlone) {
  Registry registry;
  registry.AddShard()->CounterFor(Metric::kRequestBytesTotal, {"edge"}).Add(10);
  registry.AddShard()->CounterFor(Metric::kRequestBytesTotal, {"edge"}).Add(5);
  registry.AddShard()->GaugeFor(Metric::kTunnels, {"web"}).Add(4);
  registry.AddCollector([](Sums&) { FAIL() << "collectors are for scrapes"; });
  const Sums sums = registry.Collect(Metric::kRequestBytesTotal);
  EXPECT_EQ(sums.Of<Counter>(Metric::kRequestBytesTotal).at({"edge"}), 15u);
  EXPECT_TRUE(sums.Of<Gauge>(Metric::kTunnels).empty());
}

TEST(RegistryTest, CollectorsRunAtEachScrapeOnTheScrapingThread) {
  Registry registry;
  int64_t scrapes = 0;
  std::thread::id ran_on;
  registry.AddCollector([&](Sums& sums) {
    ran_on = std::this_thread::get_id();
    sums.Add<Gauge>(Metric::kProcessOpenFds, {}, ++scrapes);
  });
  EXPECT_EQ(registry.Collect().Of<Gauge>(Metric::kProcessOpenFds).at({}), 1);
  EXPECT_EQ(registry.Collect().Of<Gauge>(Metric::kProcessOpenFds).at({}), 2);
  EXPECT_EQ(ran_on, std::this_thread::get_id());
}

TEST(RegistryTest, ACollectorAddsToWhatTheShardsHave) {
  Registry registry;
  registry.AddShard()->GaugeFor(Metric::kWorkers, {}).Set(2);
  registry.AddCollector([](Sums& sums) { sums.Add<Gauge>(Metric::kWorkers, {}, 1); });
  EXPECT_EQ(registry.Collect().Of<Gauge>(Metric::kWorkers).at({}), 3);
}

TEST(RegistryTest, DroppedSeriesOfAllShardsAddUp) {
  Registry registry;
  for (int shard = 0; shard < 2; ++shard) {
    Shard* const full = registry.AddShard();
    for (size_t i = 0; i < kMaxSeriesPerFamily; ++i) {
      full->CounterFor(Metric::kRequestBytesTotal, {std::to_string(i)});
    }
    EXPECT_EQ(full->dropped(), 0u);
    full->CounterFor(Metric::kRequestBytesTotal, {"one too many"});
    EXPECT_EQ(full->dropped(), 1u);
  }
  EXPECT_EQ(registry.dropped(), 2u);
}

constexpr int kSeries = 2'000;

// What a worker does in its life: new series now and then, adds all the time.
void WorkLikeAWorker(Shard& shard) {
  Counter& log_lines = shard.CounterFor(Metric::kAccessLogWrittenTotal, {});
  Gauge& open = shard.GaugeFor(Metric::kClientConnections, {"edge", "active"});
  for (int i = 0; i < kSeries; ++i) {
    const std::string route = std::to_string(i);
    open.Add(1);
    shard.CounterFor(Metric::kRequestsTotal, {"edge", route, "GET", "200", "gateway"}).Add(3);
    shard.HistogramFor(Metric::kRequestDurationSeconds, {"edge", route})
        .Observe(std::chrono::milliseconds(i));
    log_lines.Add();
    open.Add(-1);
  }
}

TEST(RegistryTest, ScrapesWhileTwoThreadsWriteAreMonotonicAndTheLastIsExact) {
  constexpr uint64_t kAll = 2 * kSeries;
  Registry registry;
  const std::array<Shard*, 2> shards = {registry.AddShard(), registry.AddShard()};
  std::thread first([&] { WorkLikeAWorker(*shards[0]); });
  std::thread second([&] { WorkLikeAWorker(*shards[1]); });

  uint64_t last = 0;
  bool consistent = true;
  while (last < kAll && consistent) {
    const Sums sums = registry.Collect();
    const auto& log_lines = sums.Of<Counter>(Metric::kAccessLogWrittenTotal);
    const uint64_t now = log_lines.empty() ? 0 : log_lines.at({});
    consistent = now >= last && now <= kAll;
    last = now;
    for (const auto& [labels, open] : sums.Of<Gauge>(Metric::kClientConnections)) {
      consistent = consistent && open >= 0 && open <= 2;
    }
  }
  first.join();
  second.join();
  EXPECT_TRUE(consistent);

  const Sums sums = registry.Collect();
  const auto& requests = sums.Of<Counter>(Metric::kRequestsTotal);
  const auto& durations = sums.Of<Histogram>(Metric::kRequestDurationSeconds);
  EXPECT_EQ(sums.Of<Counter>(Metric::kAccessLogWrittenTotal).at({}), kAll);
  EXPECT_EQ(sums.Of<Gauge>(Metric::kClientConnections).at({"edge", "active"}), 0);
  ASSERT_EQ(requests.size(), static_cast<size_t>(kSeries));
  ASSERT_EQ(durations.size(), static_cast<size_t>(kSeries));
  for (int i = 0; i < kSeries; ++i) {
    const std::string route = std::to_string(i);
    EXPECT_EQ(requests.at({"edge", route, "GET", "200", "gateway"}), 6u);
    EXPECT_EQ(durations.at({"edge", route}).count(), 2u);
    EXPECT_EQ(durations.at({"edge", route}).sum_nanoseconds, uint64_t{2'000'000} * i);
  }
}

}  // namespace
}  // namespace holdfast::metrics
