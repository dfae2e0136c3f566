#include "metrics/prometheus_export.h"

#include <chrono>
#include <cstdint>
#include <limits>
#include <utility>
#include <variant>
#include <vector>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace holdfast::metrics {
namespace {

prometheus::MetricType ToPrometheusType(Type type) {
  switch (type) {
    case Type::kCounter: return prometheus::MetricType::Counter;
    case Type::kGauge: return prometheus::MetricType::Gauge;
    case Type::kHistogram: return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

// Doubles hold integers exactly up to 2^53; a larger counter loses its last digits, which no rate
// computed from it can show.
void SetValue(uint64_t value, double divisor, prometheus::ClientMetric& metric) {
  metric.counter.value = static_cast<double>(value) / divisor;
}

void SetValue(int64_t value, double divisor, prometheus::ClientMetric& metric) {
  metric.gauge.value = static_cast<double>(value) / divisor;
}

void SetValue(const Histogram::Snapshot& value, double divisor, prometheus::ClientMetric& metric) {
  uint64_t cumulative = 0;
  for (size_t i = 0; i < Histogram::kBuckets; ++i) {
    cumulative += value.counts[i];
    const double bound = i < Histogram::kBounds.size()
                             ? static_cast<double>(Histogram::kBounds[i].count()) / divisor
                             : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({cumulative, bound});
  }
  metric.histogram.sample_count = cumulative;
  metric.histogram.sample_sum = static_cast<double>(value.sum_nanoseconds) / divisor;
}

prometheus::MetricFamily ToPrometheusFamily(const Description& description,
                                            const FamilySums& sums) {
  prometheus::MetricFamily family;
  family.name = description.name;
  family.help = description.help;
  family.type = ToPrometheusType(description.type);
  const auto add_series = [&](const auto& sums_by_labels) {
    for (const auto& [labels, value] : sums_by_labels) {
      prometheus::ClientMetric& metric = family.metric.emplace_back();
      for (size_t i = 0; i < labels.size(); ++i) {
        metric.label.push_back({std::string(description.labels[i]), labels[i]});
      }
      SetValue(value, description.divisor(), metric);
    }
  };
  std::visit(add_series, sums);
  return family;
}

}  // namespace

std::string ToPrometheusText(const Registry& registry) {
  const Sums sums = registry.Collect();
  std::vector<prometheus::MetricFamily> families;
  for (const Description& description : AllMetrics()) {
    prometheus::MetricFamily family =
        ToPrometheusFamily(description, sums.family(description.metric));
    if (!family.metric.empty()) families.push_back(std::move(family));
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace holdfast::metrics
