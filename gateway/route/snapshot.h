#ifndef HOLDFAST_GATEWAY_ROUTE_SNAPSHOT_H_
#define HOLDFAST_GATEWAY_ROUTE_SNAPSHOT_H_

#include <utility>

#include "gateway/config/config.h"
#include "gateway/route/route_table.h"

namespace holdfast::route {

// A validated configuration with what is worth computing once for all workers. It is immutable: the
// main thread builds it, every worker reads it, and it goes when the last of them lets go.
class Snapshot {
 public:
  explicit Snapshot(config::Config config) : config_(std::move(config)), routes_(config_) {}

  const config::Config& config() const { return config_; }
  const RouteTable& routes() const { return routes_; }

 private:
  config::Config config_;
  RouteTable routes_;
};

}  // namespace holdfast::route

#endif  // HOLDFAST_GATEWAY_ROUTE_SNAPSHOT_H_
