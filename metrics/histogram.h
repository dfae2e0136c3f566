#ifndef HOLDFAST_METRICS_HISTOGRAM_H_
#define HOLDFAST_METRICS_HISTOGRAM_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "metrics/cell.h"

namespace holdfast::metrics {

// A histogram of times or of numbers, made of cells, with the same buckets for every series so that
// threads add up and quantiles of different series compare.
//
// Thread and ownership: as for the cells it is made of (cell.h). Observe takes no lock and
// allocates nothing. There is no cell for the number of observations: it is the sum of the
// buckets, so a concurrent reader can never see a count that contradicts them. The sum of the
// durations may lag behind by the observation in progress.
class Histogram {
 public:
  // Upper bounds, inclusive as Prometheus' `le` is. Below 100 us a network hop cannot be told from
  // noise; beyond a minute every default timeout has fired.
  static constexpr std::array<std::chrono::nanoseconds, 18> kBounds = {
      std::chrono::microseconds(100),  std::chrono::microseconds(250),
      std::chrono::microseconds(500),  std::chrono::microseconds(1'000),
      std::chrono::microseconds(2500), std::chrono::milliseconds(5),
      std::chrono::milliseconds(10),   std::chrono::milliseconds(25),
      std::chrono::milliseconds(50),   std::chrono::milliseconds(100),
      std::chrono::milliseconds(250),  std::chrono::milliseconds(500),
      std::chrono::milliseconds(1000), std::chrono::milliseconds(2500),
      std::chrono::seconds(5),         std::chrono::seconds(10),
      std::chrono::seconds(30),        std::chrono::seconds(60),
  };
  // The last bucket takes what exceeds every bound.
  static constexpr size_t kBuckets = kBounds.size() + 1;

  // A copy of the numbers at one moment; snapshots of several threads add up.
  struct Snapshot {
    // Observations in each bucket alone, not cumulative.
    std::array<uint64_t, kBuckets> counts{};
    uint64_t sum_nanoseconds = 0;

    uint64_t count() const;
    Snapshot& operator+=(const Snapshot& other);
    bool operator==(const Snapshot&) const = default;
  };
  using Value = Snapshot;

  // A negative duration (a clock that was set back) counts as zero.
  void Observe(std::chrono::nanoseconds duration);
  // For a metric in millionths: a number of things. The bounds are then 1, 2.5, 5, 10 and so on up
  // to 60,000, since each of them counts as a million, as a millisecond does.
  void ObserveCount(uint64_t number) { Observe(std::chrono::milliseconds(number)); }

  Value value() const;

 private:
  std::array<Counter, kBuckets> buckets_;
  Counter sum_nanoseconds_;
};

}  // namespace holdfast::metrics

#endif  // HOLDFAST_METRICS_HISTOGRAM_H_
