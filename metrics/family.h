#ifndef HOLDFAST_METRICS_FAMILY_H_
#define HOLDFAST_METRICS_FAMILY_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "metrics/catalog.h"

namespace holdfast::metrics {

inline constexpr size_t kCacheLineBytes = 64;

// The most series of one metric in one thread. Label values follow what clients and configurations
// send, and memory must not: a full family counts everything new under kOverflowLabel. The bound
// leaves room for as many upstreams as a configuration may have, with each reason of each.
inline constexpr size_t kMaxSeriesPerFamily = 1 << 17;
inline constexpr std::string_view kOverflowLabel = "other";

// A series of any kind, for those who only keep or destroy it.
class AnySeries {
 public:
  virtual ~AnySeries() = default;
};

// Series in which nobody counts any more. A scrape may be about to read them, so they are destroyed
// on the scraping thread, outside a scrape.
using RetiredSeries = std::vector<std::unique_ptr<AnySeries>>;

// All series of one metric in one thread: a cell for every combination of label values.
//
// Thread: Get and Retire belong to the one owning thread. ForEach belongs to the scraping thread
// and may run at any time, also beside the two: it sees every series whose Get has returned before
// it began and that was not retired, each with its labels complete, and perhaps later ones.
//
// Lifetime: a cell's address is good until its series is retired or the family ends. Each series
// lies in cache lines of its own, so that its writer never slows another thread.
template <typename Cell>
class Family {
 public:
  Family() = default;
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;

  // The cell for these label values, created if it is new. A look-up of a known one allocates
  // nothing but hashes all the values: keep the reference instead of asking for every request.
  Cell& Get(std::span<const std::string_view> values) {
    if (Cell* known = Find(values)) return *known;
    if (index_.size() < kMaxSeriesPerFamily) return Append(values);
    dropped_.store(dropped_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    const std::vector<std::string_view> overflow(values.size(), kOverflowLabel);
    if (Cell* known = Find(overflow)) return *known;
    return Append(overflow);
  }

  // Moves every series whose labels satisfy gone(const LabelValues&) to `retired`. Nobody may use
  // their cells any more.
  template <typename Gone>
  void Retire(Gone gone, RetiredSeries* retired) {
    std::atomic<Series*>* link = &first_;
    last_ = nullptr;
    while (Series* series = link->load(std::memory_order_relaxed)) {
      if (!gone(series->labels)) {
        last_ = series;
        link = &series->next;
        continue;
      }
      // A scrape that stands on this series still finds its way on: the link to the next one stays.
      link->store(series->next.load(std::memory_order_relaxed), std::memory_order_release);
      MakeKey(std::span<const std::string>(series->labels));
      const auto entry = index_.find(key_);
      retired->push_back(std::move(entry->second));
      index_.erase(entry);
    }
  }

  // How often Get has given the overflow's cell. Any thread.
  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

  // Calls visit(const LabelValues&, const Cell&) for every series, in the order of creation.
  template <typename Visit>
  void ForEach(Visit visit) const {
    // Acquire pairs with the release in Append and Retire, which set the links.
    const Series* series = first_.load(std::memory_order_acquire);
    for (; series != nullptr; series = series->next.load(std::memory_order_acquire)) {
      visit(series->labels, series->cell);
    }
  }

 private:
  struct alignas(kCacheLineBytes) Series final : AnySeries {
    LabelValues labels;
    Cell cell;
    std::atomic<Series*> next{nullptr};
  };

  // Leaves the key of `values` in key_, for Append.
  Cell* Find(std::span<const std::string_view> values) {
    MakeKey(values);
    const auto it = index_.find(key_);
    return it == index_.end() ? nullptr : &it->second->cell;
  }

  template <typename Text>
  void MakeKey(std::span<const Text> values) {
    key_.clear();
    for (const std::string_view value : values) {
      // The length comes first, because {"ab", "c"} and {"a", "bc"} are two series.
      const uint64_t length = value.size();
      key_.append(reinterpret_cast<const char*>(&length), sizeof(length)).append(value);
    }
  }

  Cell& Append(std::span<const std::string_view> values) {
    auto series = std::make_unique<Series>();
    series->labels.assign(values.begin(), values.end());
    Series* const added = series.get();
    index_.emplace(key_, std::move(series));
    std::atomic<Series*>& link = last_ == nullptr ? first_ : last_->next;
    link.store(added, std::memory_order_release);
    last_ = added;
    return added->cell;
  }

  std::atomic<Series*> first_{nullptr};
  std::atomic<uint64_t> dropped_{0};

  // Only the owning thread uses these.
  Series* last_ = nullptr;
  std::string key_;
  std::unordered_map<std::string, std::unique_ptr<Series>> index_;
};

}  // namespace holdfast::metrics

#endif  // HOLDFAST_METRICS_FAMILY_H_
