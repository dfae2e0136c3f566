#include "metrics/registry.h"

#include <utility>

namespace holdfast::metrics {

Shard* Registry::AddShard() { return shards_.emplace_back(std::make_unique<Shard>()).get(); }

void Registry::AddCollector(Collector collector) { collectors_.push_back(std::move(collector)); }

Sums Registry::Collect() const {
  Sums sums;
  for (const auto& shard : shards_) shard->AddTo(sums);
  for (const Collector& collector : collectors_) collector(sums);
  return sums;
}

uint64_t Registry::dropped() const {
  uint64_t dropped = 0;
  for (const auto& shard : shards_) dropped += shard->dropped();
  return dropped;
}

Sums Registry::Collect(Metric metric) const {
  Sums sums;
  for (const auto& shard : shards_) shard->AddTo(sums, metric);
  return sums;
}

}  // namespace holdfast::metrics
