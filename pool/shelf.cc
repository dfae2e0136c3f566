#include "pool/shelf.h"

#include <algorithm>
#include <utility>

namespace holdfast::pool {
namespace {

// What is gone is swept out when there are twice as many as were left the last time, so that a
// start with thousands of upstreams does not look at all of them for each.
size_t NextSweep(size_t left) { return std::max<size_t>(64, 2 * left); }

}  // namespace

Shelf::Shelf(size_t workers, std::shared_ptr<UpstreamTotals> totals,
             std::shared_ptr<BoundedCount> process_idle,
             std::shared_ptr<BoundedCount> process_connections)
    : slots_(workers),
      totals_(std::move(totals)),
      process_idle_(std::move(process_idle)),
      process_connections_(std::move(process_connections)) {}

bool Shelf::Join(size_t worker, ConnectionPool* pool) {
  if (slots_[worker].pool != nullptr) return false;
  slots_[worker].pool = pool;
  return true;
}

void Shelf::Leave(size_t worker) {
  ShowLoad(worker, 0, 0);
  ShowAside(worker, 0);
  ShowWaiting(worker, 0, TimePoint());
  slots_[worker].pool = nullptr;
}

void Shelf::SetCaps(std::optional<uint32_t> max_connections, size_t max_idle) {
  connections_.SetLimit(max_connections);
  idle_.SetLimit(max_idle);
}

bool Shelf::TakeConnection() {
  if (!connections_.Take()) return false;
  if (process_connections_->Take()) return true;
  connections_.Return();
  return false;
}

bool Shelf::TakeIdlePlace() {
  if (!idle_.Take()) return false;
  if (process_idle_->Take()) return true;
  idle_.Return();
  return false;
}

size_t Shelf::LoadElsewhere(size_t worker) const {
  size_t load = 0;
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (i != worker) load += slots_[i].load.load(std::memory_order_relaxed);
  }
  return load;
}

std::optional<size_t> Shelf::ClaimSpare(size_t worker, bool all) {
  const uint32_t floor = all ? 0 : kFloor;
  std::optional<size_t> richest;
  uint32_t most = 0;
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (i == worker) continue;
    const uint32_t aside = all ? slots_[i].aside.load(std::memory_order_relaxed) : 0;
    const uint32_t idle = slots_[i].idle.load(std::memory_order_relaxed) + aside;
    const uint32_t kept = floor + slots_[i].claimed.load(std::memory_order_relaxed);
    if (idle <= kept || idle - kept <= most) continue;
    most = idle - kept;
    richest = i;
  }
  if (richest.has_value()) slots_[*richest].claimed.fetch_add(1, std::memory_order_relaxed);
  return richest;
}

void Shelf::ShowWaiting(size_t worker, size_t wanted, TimePoint since) {
  Slot& slot = slots_[worker];
  slot.waiting_since.store(since.time_since_epoch().count());
  const uint32_t before = slot.wanted.exchange(static_cast<uint32_t>(wanted));
  // waiting_workers_ is the number of slots with wishes, whoever changes them.
  if (before == 0 && wanted > 0) waiting_workers_.fetch_add(1);
  if (before > 0 && wanted == 0) waiting_workers_.fetch_sub(1);
}

std::optional<size_t> Shelf::TakeWish(size_t worker, TimePoint own) {
  std::optional<size_t> longest;
  int64_t since = own.time_since_epoch().count();
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (i == worker || slots_[i].wanted.load() == 0) continue;
    const int64_t theirs = slots_[i].waiting_since.load();
    if (theirs >= since) continue;
    since = theirs;
    longest = i;
  }
  if (!longest.has_value()) return std::nullopt;
  std::atomic<uint32_t>& wanted = slots_[*longest].wanted;
  uint32_t present = wanted.load();
  do {
    if (present == 0) return std::nullopt;
  } while (!wanted.compare_exchange_weak(present, present - 1));
  if (present == 1) waiting_workers_.fetch_sub(1);
  return longest;
}

size_t Shelf::WantedElsewhere(size_t worker) const {
  size_t wanted = 0;
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (i != worker) wanted += slots_[i].wanted.load(std::memory_order_relaxed);
  }
  return wanted;
}

void ConnectionPermit::Release() {
  if (shelf_ == nullptr) return;
  shelf_->totals().ReturnConnection();
  shelf_->ReturnConnection();
  shelf_.reset();
}

std::shared_ptr<Shelf> Shelves::For(const EndpointKey& key) {
  const std::lock_guard lock(mutex_);
  if (shelves_.size() >= shelves_swept_at_) {
    absl::erase_if(shelves_, [](const auto& entry) { return entry.second.expired(); });
    shelves_swept_at_ = NextSweep(shelves_.size());
  }
  std::weak_ptr<Shelf>& known = shelves_[key];
  std::shared_ptr<Shelf> shelf = known.lock();
  if (shelf == nullptr) {
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
