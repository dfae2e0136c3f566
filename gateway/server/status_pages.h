#ifndef HOLDFAST_GATEWAY_SERVER_STATUS_PAGES_H_
#define HOLDFAST_GATEWAY_SERVER_STATUS_PAGES_H_

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/server/status_server.h"
#include "metrics/registry.h"

namespace holdfast::server {

// What the status port answers: /healthz (503 when a worker's loop does not turn), /readyz (503
// then, and from the drain's first moment on) and /metrics (the Prometheus text format).
//
// Main thread. A value; what the functions and the registry refer to outlives it.
class StatusPages {
 public:
  struct Facts {
    std::function<std::string()> trouble;  // of the workers; empty when all is well
    std::function<bool()> serving;         // new requests are wanted
  };

  StatusPages(const metrics::Registry* registry, Facts facts)
      : registry_(registry), facts_(std::move(facts)) {}

  StatusReply Answer(std::string_view path) const;
  // The same as gauges, at the moment of a scrape.
  void AddTo(metrics::Sums& sums) const;

 private:
  const metrics::Registry* registry_;
  Facts facts_;
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_STATUS_PAGES_H_
