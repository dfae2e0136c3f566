#ifndef HOLDFAST_METRICS_PROMETHEUS_EXPORT_H_
#define HOLDFAST_METRICS_PROMETHEUS_EXPORT_H_

#include <string>

#include "metrics/registry.h"

namespace holdfast::metrics {

// Renders one scrape in the Prometheus text format, version 0.0.4: the metrics in the order of the
// catalog, each with its series in the order of their label values. A metric without a series is
// left out. It runs on the registry's thread and takes milliseconds per thousand histograms, so a
// worker must never call it.
std::string ToPrometheusText(const Registry& registry);

}  // namespace holdfast::metrics

#endif  // HOLDFAST_METRICS_PROMETHEUS_EXPORT_H_
