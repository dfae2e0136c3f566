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

// Keeps the series of one thing, such as the upstream of a certain name, for as long as cells of
// theirs are used or the thing is configured. Belongs to the shard's thread; the shard outlives it.
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
    std::optional<std::chrono::nanoseconds> unclaimed;  // since then, as far as Retire knows
  };

  Claim(Shard* shard, Subject* subject) : shard_(shard), subject_(subject) {}

  Shard* shard_ = nullptr;
  Subject* subject_ = nullptr;
};

// All series of one thread.
//
// Thread: CounterFor, GaugeFor, HistogramFor and the cells they return belong to the one thread
// the shard was made for; handing the shard over to that thread (starting it) must order what was
// done before. AddTo belongs to the scraping thread and may run at any time.
//
// Ownership: the Registry owns its shards. A returned reference is good for the shard's lifetime,
// unless one of its labels is claimed by anybody: then for that of a claim.
//
// Layout: cells lie on cache lines of their own family (family.h), so no two shards share one. The
// shard itself holds nothing that is written on a hot path and is not aligned.
//
// The three getters are for the cold paths: an object asks once, keeps the reference, and on the
// hot path only adds.
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

  // From the first claim on, the series with this value of the label go when the last claim has
  // been gone for a while. Series whose labels nobody ever claimed stay.
  Claim ClaimSeries(std::string_view label, std::string_view value);
  // Takes out the series whose last claim is gone for `grace` or more, so that a scrape has seen
  // their last numbers. `now` is since any fixed moment. To be destroyed on the scraping thread.
  RetiredSeries Retire(std::chrono::nanoseconds now, std::chrono::nanoseconds grace);

  void AddTo(Sums& sums) const;
  void AddTo(Sums& sums, Metric metric) const;

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
  std::vector<Claim::Subject*> unclaimed_;                    // or claimed again since
};

}  // namespace holdfast::metrics

#endif  // HOLDFAST_METRICS_SHARD_H_
