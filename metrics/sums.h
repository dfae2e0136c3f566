#ifndef HOLDFAST_METRICS_SUMS_H_
#define HOLDFAST_METRICS_SUMS_H_

#include <array>
#include <functional>
#include <map>
#include <variant>

#include "metrics/catalog.h"
#include "metrics/cell.h"
#include "metrics/histogram.h"

namespace holdfast::metrics {

// The totals by label set, sorted so that two scrapes list the same series in the same order.
template <typename Cell>
using SumsByLabels = std::map<LabelValues, typename Cell::Value>;

using FamilySums =
    std::variant<SumsByLabels<Counter>, SumsByLabels<Gauge>, SumsByLabels<Histogram>>;

// What one scrape reports: the total of each label set of every metric. It is a plain value that
// only the scraping thread uses.
class Sums {
 public:
  Sums();

  // Adds `value` to the label set's total. Aborts unless `Cell` is the metric's type and there is
  // one value for each of its labels.
  template <typename Cell>
  void Add(Metric metric, const LabelValues& labels, const typename Cell::Value& value) {
    CheckLabelCount(metric, labels.size());
    auto* family = std::get_if<SumsByLabels<Cell>>(&families_[IndexOf(metric)]);
    if (family == nullptr) AbortMisuse(metric, "is of another type");
    (*family)[labels] += value;
  }

  template <typename Cell>
  const SumsByLabels<Cell>& Of(Metric metric) const {
    const auto* family = std::get_if<SumsByLabels<Cell>>(&families_[IndexOf(metric)]);
    if (family == nullptr) AbortMisuse(metric, "is of another type");
    return *family;
  }

  const FamilySums& family(Metric metric) const { return families_[IndexOf(metric)]; }

 private:
  std::array<FamilySums, kMetricCount> families_;
};

// Adds values that it reads at the moment of the scrape. It runs on the scraping thread.
using Collector = std::function<void(Sums&)>;

}  // namespace holdfast::metrics

#endif  // HOLDFAST_METRICS_SUMS_H_
