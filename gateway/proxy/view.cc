#include "gateway/proxy/view.h"

#include "gateway/proxy/local_reply.h"
#include "pool/net/check.h"

namespace holdfast::proxy {

using metrics::Metric;

RouteCells::RouteCells(metrics::Shard* shard, std::string listener, std::string route)
    : first_byte(shard->HistogramFor(Metric::kRequestFirstByteSeconds, {listener, route})),
      duration(shard->HistogramFor(Metric::kRequestDurationSeconds, {listener, route})),
      shard_(shard),
      listener_(std::move(listener)),
      route_(std::move(route)) {}

void RouteCells::CountRequest(http::Method method, int status) {
  const uint32_t key = (static_cast<uint32_t>(method) << 16) | static_cast<uint32_t>(status);
  if (last_ == nullptr || key != last_key_) {
    metrics::Counter*& counter = requests_[key];
    if (counter == nullptr) {
      counter = &shard_->CounterFor(
          Metric::kRequestsTotal,
          {listener_, route_, http::MethodName(method), std::to_string(status)});
    }
    last_ = counter;
    last_key_ = key;
  }
  last_->Add();
}

View::View(pool::EventLoop* loop, metrics::Shard* shard,
           std::shared_ptr<const route::Snapshot> snapshot,
           std::vector<std::shared_ptr<pool::Cluster>> clusters)
    : loop_(loop), shard_(shard), snapshot_(std::move(snapshot)), clusters_(std::move(clusters)) {
  const config::Config& config = snapshot_->config();
  HOLDFAST_CHECK(clusters_.size() == config.upstreams.size());
  respond_heads_.resize(config.routes.size());
  for (const route::Route& route : snapshot_->routes().routes()) {
    if (route.action == config::Action::kRespond) {
      FillRespondHead(route.respond, &respond_heads_[route.index]);
    }
  }
  for (const config::Listener& listener : config.listeners) {
    claims_.push_back(shard->ClaimSeries("listener", listener.name));
  }
  for (const config::Route& route : config.routes) {
    claims_.push_back(shard->ClaimSeries("route", route.name));
  }
  cells_.resize(config.listeners.size() * (config.routes.size() + 1));
}

RouteCells& View::cells(uint32_t listener, const route::Route* route) {
  const config::Config& config = snapshot_->config();
  const size_t column = route == nullptr ? config.routes.size() : route->index;
  std::unique_ptr<RouteCells>& cells = cells_[listener * (config.routes.size() + 1) + column];
  if (cells == nullptr) {
    cells = std::make_unique<RouteCells>(
        shard_, config.listeners[listener].name,
        route == nullptr ? std::string(config::kUnmatchedRouteName) : route->name);
  }
  return *cells;
}

}  // namespace holdfast::proxy
