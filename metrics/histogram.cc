#include "metrics/histogram.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>

namespace holdfast::metrics {

namespace {

static_assert(std::is_sorted(Histogram::kBounds.begin(), Histogram::kBounds.end()));

// For each width in bits the first bucket that a duration of that width may belong to. Bounds are
// twice the one before or more, so that the right bucket is this one or the next.
constexpr auto kFirstBucket = [] {
  std::array<uint8_t, std::numeric_limits<uint64_t>::digits + 1> first{};
  for (size_t width = 1; width < first.size(); ++width) {
    const uint64_t least = uint64_t{1} << (width - 1);
    while (first[width] < Histogram::kBounds.size() &&
           static_cast<uint64_t>(Histogram::kBounds[first[width]].count()) < least) {
      ++first[width];
    }
  }
  return first;
}();

}  // namespace

void Histogram::Observe(std::chrono::nanoseconds duration) {
  duration = std::max(duration, std::chrono::nanoseconds::zero());
  const auto nanoseconds = static_cast<uint64_t>(duration.count());
  size_t bucket = kFirstBucket[static_cast<size_t>(std::bit_width(nanoseconds))];
  while (bucket < kBounds.size() && kBounds[bucket] < duration) ++bucket;
  buckets_[bucket].Add();
  sum_nanoseconds_.Add(nanoseconds);
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
