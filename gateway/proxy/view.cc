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

void RouteCells::Remember(uint32_t key, http::Method method, int status, AnswerSource source) {
  metrics::Counter*& counter = requests_[key];
  if (counter == nullptr) {
    counter =
        &shard_->CounterFor(Metric::kRequestsTotal,
                            {listener_, route_, http::MethodName(method), std::to_string(status),
                             source == AnswerSource::kUpstream ? "upstream" : "gateway"});
  }
  last_ = counter;
  last_key_ = key;
}

metrics::Counter& RouteCells::FailedFor(std::string_view reason) {
  for (const auto& [word, cell] : failures_) {
    if (word == reason) return *cell;
  }
  metrics::Counter& cell = shard_->CounterFor(Metric::kRequestFailuresTotal, {route_, reason});
  failures_.emplace_back(reason, &cell);
  return cell;
}

View::View(pool::EventLoop* loop, metrics::Shard* shard,
           std::shared_ptr<const route::Snapshot> snapshot,
           std::vector<std::shared_ptr<pool::Cluster>> clusters)
    : loop_(loop),
      shard_(shard),
      snapshot_(std::move(snapshot)),
      clusters_(std::move(clusters)),
      routes_(snapshot_->config().routes.size()) {
  const config::Config& config = snapshot_->config();
  HOLDFAST_CHECK(clusters_.size() == config.upstreams.size());
  for (size_t i = 0; i < config.upstreams.size(); ++i) {
    const config::Upstream& upstream = config.upstreams[i];
    if (!upstream.cookie.has_value()) continue;
    cookies_.resize(config.upstreams.size());
    cookies_[i] =
        std::make_unique<EndpointCookie>(upstream.name, *upstream.cookie, snapshot_->process_key());
  }
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
  cells_.resize(config.listeners.size() * (routes_ + 1));
}

RouteCells& View::NewCells(uint32_t listener, const route::Route* route) {
  auto cells = std::make_unique<RouteCells>(
      shard_, snapshot_->config().listeners[listener].name,
      route == nullptr ? std::string(config::kUnmatchedRouteName) : route->name);
  const size_t column = route == nullptr ? routes_ : route->index;
  return *(cells_[listener * (routes_ + 1) + column] = std::move(cells));
}

}  // namespace holdfast::proxy
