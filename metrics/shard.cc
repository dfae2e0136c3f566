#include "metrics/shard.h"

#include <span>
#include <type_traits>

namespace holdfast::metrics {

Shard::Shard() {
  for (const Description& description : AllMetrics()) {
    auto& family = families_[IndexOf(description.metric)];
    switch (description.type) {
      case Type::kCounter: family.emplace<Family<Counter>>(); break;
      case Type::kGauge: family.emplace<Family<Gauge>>(); break;
      case Type::kHistogram: family.emplace<Family<Histogram>>(); break;
    }
  }
}

Counter& Shard::CounterFor(Metric metric, std::initializer_list<std::string_view> label_values) {
  return CellFor<Counter>(metric, label_values);
}

Gauge& Shard::GaugeFor(Metric metric, std::initializer_list<std::string_view> label_values) {
  return CellFor<Gauge>(metric, label_values);
}

Histogram& Shard::HistogramFor(Metric metric,
                               std::initializer_list<std::string_view> label_values) {
  return CellFor<Histogram>(metric, label_values);
}

template <typename Cell>
Cell& Shard::CellFor(Metric metric, std::initializer_list<std::string_view> label_values) {
  CheckLabelCount(metric, label_values.size());
  auto* family = std::get_if<Family<Cell>>(&families_[IndexOf(metric)]);
  if (family == nullptr) AbortMisuse(metric, "is of another type");
  return family->Get(std::span(label_values.begin(), label_values.size()));
}

void Shard::AddTo(Sums& sums) const {
  for (const Description& description : AllMetrics()) AddTo(sums, description.metric);
}

void Shard::AddTo(Sums& sums, Metric metric) const {
  const auto add = [&](const LabelValues& labels, const auto& cell) {
    using Cell = std::remove_cvref_t<decltype(cell)>;
    sums.Add<Cell>(metric, labels, cell.value());
  };
  std::visit([&](const auto& family) { family.ForEach(add); }, families_[IndexOf(metric)]);
}

}  // namespace holdfast::metrics
