#ifndef HOLDFAST_METRICS_SHARD_H_
#define HOLDFAST_METRICS_SHARD_H_

#include <array>
#include <initializer_list>
#include <string_view>
#include <variant>

#include "metrics/catalog.h"
#include "metrics/cell.h"
#include "metrics/family.h"
#include "metrics/histogram.h"
#include "metrics/sums.h"

namespace holdfast::metrics {

// All series of one thread.
//
// Thread: CounterFor, GaugeFor, HistogramFor and the cells they return belong to the one thread
// the shard was made for; handing the shard over to that thread (starting it) must order what was
// done before. AddTo may run on any thread at any time.
//
// Ownership: the Registry owns its shards. A returned reference is good for the shard's lifetime.
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

  void AddTo(Sums& sums) const;
  void AddTo(Sums& sums, Metric metric) const;

 private:
  template <typename Cell>
  Cell& CellFor(Metric metric, std::initializer_list<std::string_view> label_values);

  std::array<std::variant<Family<Counter>, Family<Gauge>, Family<Histogram>>, kMetricCount>
      families_;
};

}  // namespace holdfast::metrics

#endif  // HOLDFAST_METRICS_SHARD_H_
