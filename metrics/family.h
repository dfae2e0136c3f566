#ifndef HOLDFAST_METRICS_FAMILY_H_
#define HOLDFAST_METRICS_FAMILY_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "metrics/catalog.h"

namespace holdfast::metrics {

inline constexpr size_t kCacheLineBytes = 64;

// Label values can follow what clients and configurations send, and memory may not: a family that
// is full counts everything new under kOverflowLabel. The bound is per thread.
inline constexpr size_t kMaxSeriesPerFamily = 10'000;
inline constexpr std::string_view kOverflowLabel = "other";

// All series of one metric in one thread: a cell for every combination of label values.
//
// Thread: Get belongs to the one owning thread. ForEach may run on any thread at any time, also
// beside Get: it sees every series whose Get has returned before it began, each with its
// labels complete, and perhaps later ones.
//
// Lifetime: series are only ever added, and a cell's address is good until the family's end.
// They lie in whole cache lines of their own, so that a writer never slows another thread's.
template <typename Cell>
class Family {
 public:
  Family() = default;
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;

  // The cell for these label values, created if it is new. Allocates nothing if it is known, yet
  // hashes all the values: keep the reference rather than asking again for every request.
  Cell& Get(std::span<const std::string_view> values) {
    if (Cell* known = Find(values)) return *known;
    if (published_.load(std::memory_order_relaxed) < kMaxSeriesPerFamily) return Append(values);
    const std::vector<std::string_view> overflow(values.size(), kOverflowLabel);
    if (Cell* known = Find(overflow)) return *known;
    return Append(overflow);
  }

  // Calls visit(const LabelValues&, const Cell&) for every series, in the order of creation.
  template <typename Visit>
  void ForEach(Visit visit) const {
    // Acquire pairs with the release in Append. A link is read only when the count just seen says
    // that the chunk behind it holds series, so links need not be atomic themselves.
    size_t left = published_.load(std::memory_order_acquire);
    const std::unique_ptr<Chunk>* link = &first_;
    while (left > 0) {
      const Chunk& chunk = **link;
      const size_t here = std::min(left, kSeriesPerChunk);
      for (size_t i = 0; i < here; ++i) visit(chunk.series[i].labels, chunk.series[i].cell);
      left -= here;
      link = &chunk.next;
    }
  }

 private:
  static constexpr size_t kSeriesPerChunk = 16;

  struct Series {
    LabelValues labels;
    Cell cell;
  };

  struct alignas(kCacheLineBytes) Chunk {
    std::array<Series, kSeriesPerChunk> series;
    std::unique_ptr<Chunk> next;
  };

  // Leaves the key of `values` in key_, for Append.
  Cell* Find(std::span<const std::string_view> values) {
    key_.clear();
    for (const std::string_view value : values) {
      // The length first: {"ab", "c"} and {"a", "bc"} are two series.
      const uint64_t length = value.size();
      key_.append(reinterpret_cast<const char*>(&length), sizeof(length)).append(value);
    }
    const auto it = index_.find(key_);
    return it == index_.end() ? nullptr : it->second;
  }

  Cell& Append(std::span<const std::string_view> values) {
    const size_t count = published_.load(std::memory_order_relaxed);
    if (count % kSeriesPerChunk == 0) {
      std::unique_ptr<Chunk>& link = last_ == nullptr ? first_ : last_->next;
      link = std::make_unique<Chunk>();
      last_ = link.get();
    }
    Series& series = last_->series[count % kSeriesPerChunk];
    series.labels.assign(values.begin(), values.end());
    index_.emplace(key_, &series.cell);
    published_.store(count + 1, std::memory_order_release);
    return series.cell;
  }

  std::unique_ptr<Chunk> first_;
  std::atomic<size_t> published_{0};

  // The owning thread's alone.
  Chunk* last_ = nullptr;
  std::string key_;
  std::unordered_map<std::string, Cell*> index_;
};

}  // namespace holdfast::metrics

#endif  // HOLDFAST_METRICS_FAMILY_H_
