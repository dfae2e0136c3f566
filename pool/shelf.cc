#include "pool/shelf.h"

#include <utility>

#include "pool/net/check.h"
#include "pool/worker_share.h"

namespace holdfast::pool {
Shelf::Shelf(size_t workers, std::shared_ptr<UpstreamTotals> totals,
             std::shared_ptr<BoundedCount> process_idle,
             std::shared_ptr<BoundedCount> process_connections,
             std::shared_ptr<EndpointCounts> counts)
    : slots_(workers),
      totals_(std::move(totals)),
      process_idle_(std::move(process_idle)),
      process_connections_(std::move(process_connections)),
      counts_(std::move(counts)) {
  HOLDFAST_CHECK(workers > 0 && totals_ != nullptr && counts_ != nullptr);
}

bool Shelf::Join(size_t worker, WorkerShare* share) {
  HOLDFAST_CHECK(worker < slots_.size() && share != nullptr);
  if (slots_[worker].share != nullptr) return false;
  slots_[worker].share = share;
  return true;
}

void Shelf::Leave(size_t worker, const WorkerShare* share) {
  HOLDFAST_CHECK(worker < slots_.size() && slots_[worker].share == share);
  ShowLoad(worker, 0, 0);
  ShowAside(worker, 0);
  ShowWaiting(worker, 0, TimePoint());
  slots_[worker].share = nullptr;
}

WorkerShare* Shelf::share(size_t worker) const {
  HOLDFAST_CHECK(worker < slots_.size());
  WorkerShare* const share = slots_[worker].share;
  if (share != nullptr) share->AssertThread();
  return share;
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

}  // namespace holdfast::pool
