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
    return {.status = 404, .body = "the status port has /healthz, /readyz and /metrics\n"};
  }
  std::string trouble = facts_.trouble();
  if (!trouble.empty()) return {.status = 503, .body = std::move(trouble)};
  if (path == "/readyz" && !facts_.serving()) return {.status = 503, .body = "draining\n"};
  return {.body = "ok\n"};
}

}  // namespace holdfast::server
