#ifndef HOLDFAST_METRICS_REGISTRY_H_
#define HOLDFAST_METRICS_REGISTRY_H_

#include <memory>
#include <vector>

#include "metrics/shard.h"
#include "metrics/sums.h"

namespace holdfast::metrics {

// The door through which numbers leave their threads: it owns every thread's shard and sums them
// for a scrape. There is no lock, because cells have one writer and series are published as they
// are added.
//
// Thread: AddShard, AddCollector and Collect belong to the main thread; the shards' threads write
// meanwhile. A scrape takes time in proportion to the number of series, so no worker makes one.
//
// Ownership: it owns the shards and the collectors. Destroy it after every thread that has a shard
// has ended and every object that keeps a cell is gone.
class Registry {
 public:
  Registry() = default;
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // A shard for one thread; good for the registry's lifetime.
  Shard* AddShard();

  // `collector` runs in every Collect from now on and must not have it collect.
  void AddCollector(Collector collector);

  // Adds up each metric's values by label set: counters, gauges and histograms alike.
  Sums Collect() const;

  // Of all shards. A collector may ask.
  uint64_t dropped() const;

  // Adds up one metric alone, as far as the shards count it: for a decision rather than a scrape.
  Sums Collect(Metric metric) const;

 private:
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<Collector> collectors_;
};

}  // namespace holdfast::metrics

#endif  // HOLDFAST_METRICS_REGISTRY_H_
