#include "pool/shelves.h"

#include <algorithm>
#include <optional>

#include "pool/net/check.h"

namespace holdfast::pool {

namespace {

// What is gone is swept out when there are twice as many as were left the last time, so that a
// start with thousands of upstreams does not look at all of them for each.
size_t NextSweep(size_t left) { return std::max<size_t>(64, 2 * left); }

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
    shelf = std::make_shared<Shelf>(workers_, LockedTotalsOf(key.upstream), idle_, connections_);
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

void Shelves::AddTo(metrics::Sums& sums) {
  const std::lock_guard lock(mutex_);
  for (const auto& [upstream, known] : totals_) {
    const std::shared_ptr<UpstreamTotals> totals = known.lock();
    const std::optional<Duration> limit = totals == nullptr ? std::nullopt : totals->IdleLimit();
    if (!limit.has_value()) continue;
    sums.Add<metrics::Gauge>(metrics::Metric::kUpstreamIdleExpirySeconds, {upstream},
                             limit->count());
  }
}

std::shared_ptr<UpstreamTotals> Shelves::LockedTotalsOf(const std::string& upstream) {
  if (totals_.size() >= totals_swept_at_) {
    std::erase_if(totals_, [](const auto& entry) { return entry.second.expired(); });
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
