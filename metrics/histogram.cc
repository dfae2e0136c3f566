#include "metrics/histogram.h"

#include <algorithm>
#include <numeric>

namespace holdfast::metrics {

static_assert(std::is_sorted(Histogram::kBounds.begin(), Histogram::kBounds.end()));

void Histogram::Observe(std::chrono::nanoseconds duration) {
  duration = std::max(duration, std::chrono::nanoseconds::zero());
  const auto bound = std::lower_bound(kBounds.begin(), kBounds.end(), duration);
  buckets_[static_cast<size_t>(bound - kBounds.begin())].Add();
  sum_nanoseconds_.Add(static_cast<uint64_t>(duration.count()));
}

Histogram::Value Histogram::value() const {
  Snapshot snapshot;
  for (size_t i = 0; i < kBuckets; ++i) snapshot.counts[i] = buckets_[i].value();
  snapshot.sum_nanoseconds = sum_nanoseconds_.value();
  return snapshot;
}

uint64_t Histogram::Snapshot::count() const {
  return std::accumulate(counts.begin(), counts.end(), uint64_t{0});
}

Histogram::Snapshot& Histogram::Snapshot::operator+=(const Snapshot& other) {
  for (size_t i = 0; i < kBuckets; ++i) counts[i] += other.counts[i];
  sum_nanoseconds += other.sum_nanoseconds;
  return *this;
}

}  // namespace holdfast::metrics
