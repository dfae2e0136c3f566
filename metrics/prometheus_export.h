#ifndef HOLDFAST_METRICS_PROMETHEUS_EXPORT_H_
#define HOLDFAST_METRICS_PROMETHEUS_EXPORT_H_

#include <string>

#include "metrics/registry.h"

namespace holdfast::metrics {

// One scrape in the Prometheus text format, version 0.0.4: the metrics in the order of the
// catalog, each with its series in the order of their label values; a metric without a series is
// left out. Runs on the registry's thread, and takes milliseconds per thousand histograms: never
// call it on a worker.
std::string ToPrometheusText(const Registry& registry);

}  // namespace holdfast::metrics

#endif  // HOLDFAST_METRICS_PROMETHEUS_EXPORT_H_
