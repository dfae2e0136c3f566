#ifndef HOLDFAST_METRICS_CELL_H_
#define HOLDFAST_METRICS_CELL_H_

#include <atomic>
#include <cstdint>

namespace holdfast::metrics {

// Cells are single numbers that one thread writes and any thread may read.
//
// Thread: Add and Set belong to the one writing thread; value() to everybody. Because there is
// only one writer, an update is a relaxed load and a relaxed store and never a locked
// read-modify-write: it costs as much as a plain member. Two writers would lose updates silently,
// so a cell is never shared between workers: each has its own and the registry sums them.
// A reader sees every cell whole, but gets no order between two cells.
//
// Ownership: cells live in a Shard and never move. They outlive every object that keeps a
// reference to one, because the Registry outlives the workers.

// Counts upwards only.
class Counter {
 public:
  using Value = uint64_t;

  Counter() = default;
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;

  void Add(uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }

  Value value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// Goes up and down. Gauges of several threads are summed like counters, so a value that belongs
// to the whole process (a time stamp, a flag) is written by one thread only.
class Gauge {
 public:
  using Value = int64_t;

  Gauge() = default;
  Gauge(const Gauge&) = delete;
  Gauge& operator=(const Gauge&) = delete;

  // `n` may be negative.
  void Add(int64_t n) { Set(value() + n); }
  void Set(int64_t value) { value_.store(value, std::memory_order_relaxed); }

  Value value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

}  // namespace holdfast::metrics

#endif  // HOLDFAST_METRICS_CELL_H_
