#ifndef HOLDFAST_METRICS_SHARD_H_
#define HOLDFAST_METRICS_SHARD_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "metrics/catalog.h"
#include "metrics/cell.h"
#include "metrics/family.h"
#include "metrics/histogram.h"
#include "metrics/sums.h"

namespace holdfast::metrics {

class Shard;

// Keeps the series of one thing, such as one upstream, while somebody uses their cells or the thing
// is configured. It belongs to the shard's thread, and the shard outlives it.
class Claim {
 public:
  Claim() = default;
  Claim(Claim&& other) noexcept
      : shard_(std::exchange(other.shard_, nullptr)), subject_(other.subject_) {}
  Claim& operator=(Claim&& other) noexcept {
    std::swap(shard_, other.shard_);
    std::swap(subject_, other.subject_);
    return *this;
  }
  ~Claim();

 private:
  friend class Shard;

  // A label and a value of it.
  struct Subject {
    std::string label;
    std::string value;
    size_t claims = 0;
    bool listed = false;                                // in the shard's list of the unclaimed
    std::optional<std::chrono::nanoseconds> unclaimed;  // since when, as far as Retire knows
  };

  Claim(Shard* shard, Subject* subject) : shard_(shard), subject_(subject) {}

  Shard* shard_ = nullptr;
  Subject* subject_ = nullptr;
};

// All series of one thread.
//
// Thread: CounterFor, GaugeFor, HistogramFor and the cells that they return belong to the one
// thread for which the shard was made. Whatever hands the shard to that thread (its start) must
// order what was done before. AddTo belongs to the scraping thread and may run at any time.
//
// Ownership: the Registry owns its shards. A returned reference is good as long as the shard, or,
// if anybody claims one of its labels, as long as a claim.
//
// Layout: each series lies on cache lines of its own (family.h), so no two shards share one. The
// shard itself holds nothing that a hot path writes.
//
// The three getters are for cold paths: an object asks once and keeps the reference; the hot path
// only adds.
//
//   accepted_(shard.CounterFor(Metric::kClientConnectionsAcceptedTotal, {listener_name}))
//   ...
//   accepted_.Add();
class Shard {
 public:
  Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  // The series with these label values, one for each of the metric's label names and in their
  // order; created at zero if it is new. Equal values give the same cell again. Once a metric has
  // kMaxSeriesPerFamily series, new ones share one whose label values are all kOverflowLabel.
  // Aborts on a metric of another type and on a wrong number of values.
  Counter& CounterFor(Metric metric, std::initializer_list<std::string_view> label_values);
  Gauge& GaugeFor(Metric metric, std::initializer_list<std::string_view> label_values);
  Histogram& HistogramFor(Metric metric, std::initializer_list<std::string_view> label_values);

  // From the first claim on, the series with this value of the label are retired when the last
  // claim has been gone for a while. Series whose labels nobody ever claimed stay.
  Claim ClaimSeries(std::string_view label, std::string_view value);
  // Takes out the series whose last claim has been gone for `grace` or longer, by when a scrape has
  // seen their last numbers. `now` counts from any fixed moment. The caller destroys the series on
  // the scraping thread.
  RetiredSeries Retire(std::chrono::nanoseconds now, std::chrono::nanoseconds grace);

  void AddTo(Sums& sums) const;
  void AddTo(Sums& sums, Metric metric) const;
  // How often a series was asked for that a full family had no room for. Any thread.
  uint64_t dropped() const;

 private:
  friend class Claim;
  // Label and value.
  using Expired = std::vector<std::pair<std::string, std::string>>;

  void OnUnclaimed(Claim::Subject* subject);
  Expired TakeExpired(std::chrono::nanoseconds now, std::chrono::nanoseconds grace);

  template <typename Cell>
  Cell& CellFor(Metric metric, std::initializer_list<std::string_view> label_values);

  std::array<std::variant<Family<Counter>, Family<Gauge>, Family<Histogram>>, kMetricCount>
      families_;
  std::unordered_map<std::string, Claim::Subject> subjects_;  // by label, NUL and value
  std::vector<Claim::Subject*> unclaimed_;                    // some may have been claimed again
};

}  // namespace holdfast::metrics

#endif  // HOLDFAST_METRICS_SHARD_H_
