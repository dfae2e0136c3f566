#include "gateway/server/status_pages.h"

#include <utility>

#include "metrics/prometheus_export.h"

namespace holdfast::server {

StatusReply StatusPages::Answer(std::string_view path) const {
  if (path == "/metrics") {
    return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
            .body = metrics::ToPrometheusText(*registry_)};
  }
  if (path != "/healthz" && path != "/readyz") {
    return {.status = 404,
            .reason = "no_route",
            .body = "The status port has /healthz, /readyz and /metrics."};
  }
  std::string trouble = facts_.trouble();
  if (!trouble.empty()) {
    return {.status = 503, .reason = "worker_late", .body = std::move(trouble)};
  }
  if (path == "/readyz" && !facts_.serving()) return {.status = 503, .reason = "draining"};
  return {.body = "ok\n"};
}

void StatusPages::AddTo(metrics::Sums& sums) const {
  using metrics::Metric;
  const bool serving = facts_.serving();
  const bool ready = serving && facts_.trouble().empty();
  sums.Add<metrics::Gauge>(Metric::kReady, {}, ready ? 1 : 0);
  sums.Add<metrics::Gauge>(Metric::kDraining, {}, serving ? 0 : 1);
}

}  // namespace holdfast::server
