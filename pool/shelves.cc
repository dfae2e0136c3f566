#include "pool/shelves.h"

#include <algorithm>
#include <optional>

#include "metrics/family.h"
#include "pool/net/check.h"

namespace holdfast::pool {

namespace {

// What is gone is swept out when there are twice as many as were left the last time, so that a
// start with thousands of upstreams does not look at all of them for each.
size_t NextSweep(size_t left) { return std::max<size_t>(64, 2 * left); }

using metrics::Gauge;
using metrics::Metric;

void AddGauge(Metric metric, metrics::LabelValues labels, size_t value, metrics::Sums& sums) {
  sums.Add<Gauge>(metric, labels, static_cast<int64_t>(value));
}

void AddLimit(const char* name, const BoundedCount& count, metrics::Sums& sums) {
  AddGauge(Metric::kLimitUsed, {name}, count.taken(), sums);
  if (count.limit() != kNoLimit) AddGauge(Metric::kLimitMax, {name}, count.limit(), sums);
}

void AddTotals(const std::string& upstream, const UpstreamTotals& totals, metrics::Sums& sums) {
  const auto breaker = [&](const char* name, bool open) {
    AddGauge(Metric::kUpstreamBreakerOpen, {upstream, name}, open ? 1 : 0, sums);
  };
  breaker("connections", totals.connections() > 0 && totals.AtConnectionLimit());
  breaker("requests", !totals.MayRequest());
  breaker("pending", !totals.MayWait());
  // A budget that is a share of nothing is not spent.
  breaker("retries", totals.retries() > 0 && !totals.MayRetry());
  AddGauge(Metric::kUpstreamRetriesInFlight, {upstream}, totals.retries(), sums);
  AddGauge(Metric::kUpstreamPanic, {upstream}, totals.panic() ? 1 : 0, sums);
  const std::optional<Duration> limit = totals.IdleLimit();
  if (limit.has_value()) {
    sums.Add<Gauge>(Metric::kUpstreamIdleExpirySeconds, {upstream}, limit->count());
  }
}

}  // namespace

std::shared_ptr<Shelf> Shelves::For(const EndpointKey& key) {
  const std::lock_guard lock(mutex_);
  if (shelves_.size() >= shelves_swept_at_) {
    absl::erase_if(shelves_, [](const auto& entry) { return entry.second.expired(); });
    shelves_swept_at_ = NextSweep(shelves_.size());
  }
  std::weak_ptr<Shelf>& known = shelves_[key];
  std::shared_ptr<Shelf> shelf = known.lock();
  if (shelf == nullptr) {
    HOLDFAST_CHECK(!key.upstream.empty());
    // The totals first: they sweep.
    std::shared_ptr<UpstreamTotals> totals = LockedTotalsOf(key.upstream);
    shelf =
        std::make_shared<Shelf>(workers_, std::move(totals), idle_, connections_,
                                series_[key.upstream].CountsOf(key.address.ToString(), workers_));
    known = shelf;
  }
  return shelf;
}

std::shared_ptr<UpstreamTotals> Shelves::TotalsOf(const std::string& upstream) {
  const std::lock_guard lock(mutex_);
  return LockedTotalsOf(upstream);
}

uint64_t Shelves::RequestsOf(const std::string& upstream) {
  const std::lock_guard lock(mutex_);
  const auto known = totals_.find(upstream);
  const std::shared_ptr<UpstreamTotals> totals =
      known == totals_.end() ? nullptr : known->second.lock();
  return totals == nullptr ? 0 : totals->begun();
}

void Shelves::AddTo(TimePoint now, metrics::Sums& sums) {
  AddLimit("upstream_connections", *connections_, sums);
  AddLimit("idle_upstream_connections", *idle_, sums);
  const std::lock_guard lock(mutex_);
  for (const auto& [upstream, known] : totals_) {
    const std::shared_ptr<UpstreamTotals> totals = known.lock();
    if (totals != nullptr) AddTotals(upstream, *totals, sums);
  }
  AddEndpoints(now, sums);
}

void Shelves::AddEndpoints(TimePoint now, metrics::Sums& sums) {
  size_t endpoints = 0;
  for (auto& [upstream, series] : series_) {
    series.Look(now, keep_series_);
    endpoints += series.size();
  }
  std::erase_if(series_, [this](const auto& entry) {
    const auto known = totals_.find(entry.first);
    return entry.second.empty() && (known == totals_.end() || known->second.expired());
  });
  for (const auto& [upstream, series] : series_) {
    series.AddTo(upstream, endpoints <= kMaxEndpointsWithZeros, sums);
  }
  for (const auto& [key, known] : shelves_) {
    const std::shared_ptr<Shelf> shelf = known.lock();
    if (shelf == nullptr) continue;
    const auto series = series_.find(key.upstream);
    HOLDFAST_CHECK(series != series_.end());
    AddGauge(Metric::kUpstreamEndpointConnections,
             {key.upstream, series->second.LabelOf(key.address.ToString())}, shelf->connections(),
             sums);
    AddGauge(Metric::kUpstreamEndpointsAtCap, {key.upstream}, shelf->at_cap() ? 1 : 0, sums);
  }
}

std::string Shelves::LabelOf(const std::string& upstream, const SocketAddress& endpoint) {
  const std::lock_guard lock(mutex_);
  const auto series = series_.find(upstream);
  const std::string text = endpoint.ToString();
  return series != series_.end() ? series->second.LabelOf(text) : text;
}

std::shared_ptr<UpstreamTotals> Shelves::LockedTotalsOf(const std::string& upstream) {
  if (totals_.size() >= totals_swept_at_) {
    std::erase_if(totals_, [](const auto& entry) { return entry.second.expired(); });
    std::erase_if(series_, [this](const auto& entry) { return !totals_.contains(entry.first); });
    totals_swept_at_ = NextSweep(totals_.size());
  }
  std::weak_ptr<UpstreamTotals>& known = totals_[upstream];
  std::shared_ptr<UpstreamTotals> totals = known.lock();
  if (totals == nullptr) {
    totals = std::make_shared<UpstreamTotals>(workers_);
    known = totals;
  }
  return totals;
}

}  // namespace holdfast::pool
