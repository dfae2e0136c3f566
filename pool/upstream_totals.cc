#include "pool/upstream_totals.h"

namespace holdfast::pool {

UpstreamTotals::UpstreamTotals(size_t workers)
    : slots_(workers), idle_expiry_(LearnedExpiry::kStart.count()) {}

void UpstreamTotals::SetIdleLimit(bool learned, std::optional<Duration> limit) {
  const int64_t fixed = limit.has_value() ? limit->count() : kNoIdleLimit;
  idle_limit_.store(learned ? kLearnedLimit : fixed, std::memory_order_relaxed);
}

std::optional<Duration> UpstreamTotals::IdleLimit() const {
  const int64_t limit = idle_limit_.load(std::memory_order_relaxed);
  if (limit == kLearnedLimit) return idle_expiry();
  if (limit == kNoIdleLimit) return std::nullopt;
  return Duration(limit);
}

void UpstreamTotals::SetLimits(const BreakerLimits& breakers,
                               const std::optional<RetryBudgetLimits>& budget) {
  connections_.SetLimit(breakers.connections);
  request_limit_.store(CountOf(breakers.requests), std::memory_order_relaxed);
  pending_limit_.store(CountOf(breakers.pending), std::memory_order_relaxed);
  retry_limit_.store(CountOf(breakers.retries), std::memory_order_relaxed);
  retry_percent_.store(budget.has_value() ? budget->percent : 100, std::memory_order_relaxed);
  min_retries_.store(budget.has_value() ? size_t{budget->min_retries} : kNoLimit,
                     std::memory_order_relaxed);
}

bool UpstreamTotals::MayRetry() const {
  const size_t present = retries();
  if (present >= retry_limit_.load(std::memory_order_relaxed)) return false;
  if (present < min_retries_.load(std::memory_order_relaxed)) return true;
  return present * 100 < active() * retry_percent_.load(std::memory_order_relaxed);
}

void UpstreamTotals::LearnPeerClose(Duration idle_age, TimePoint now) {
  const std::lock_guard lock(learning_);
  learned_.ObservePeerClose(idle_age, now);
  idle_expiry_.store(learned_.current().count(), std::memory_order_relaxed);
}

void UpstreamTotals::LearnSurvived(Duration idle_age, TimePoint now) {
  const std::lock_guard lock(learning_);
  learned_.ObserveSurvived(idle_age, now);
  idle_expiry_.store(learned_.current().count(), std::memory_order_relaxed);
}

uint64_t UpstreamTotals::begun() const {
  uint64_t begun = 0;
  for (const Slot& slot : slots_) begun += slot.begun.load(std::memory_order_relaxed);
  return begun;
}

size_t UpstreamTotals::Sum(std::atomic<int32_t> Slot::*cell) const {
  int64_t sum = 0;
  for (const Slot& slot : slots_) sum += (slot.*cell).load(std::memory_order_relaxed);
  return sum > 0 ? static_cast<size_t>(sum) : 0;
}

}  // namespace holdfast::pool
