#ifndef HOLDFAST_POOL_UPSTREAM_TOTALS_H_
#define HOLDFAST_POOL_UPSTREAM_TOTALS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "pool/bounded_count.h"
#include "pool/learned_expiry.h"
#include "pool/limits.h"
#include "pool/net/clock.h"

namespace holdfast::pool {

// Door 4: what one upstream has in the whole process, over all workers and endpoints: its requests
// for breakers and the retry budget, its connections, and what is learned of its idle timeout.
//
// Any worker's thread. Each writes its own slot of requests with plain stores; the count of
// connections, the limits and what is learned are shared by all (atomics and a mutex). Owned
// together by clusters and shelves.
class UpstreamTotals {
 public:
  explicit UpstreamTotals(size_t workers);
  UpstreamTotals(const UpstreamTotals&) = delete;
  UpstreamTotals& operator=(const UpstreamTotals&) = delete;

  // One worker's requests: in flight or waiting, those of them that wait, and those that are
  // repetitions.
  void AddActive(size_t worker, int n) {
    Slot& slot = slots_[worker];
    Add(slot.active, n);
    if (n <= 0) return;
    const uint64_t begun = slot.begun.load(std::memory_order_relaxed);
    slot.begun.store(begun + static_cast<uint64_t>(n), std::memory_order_relaxed);
  }
  void AddPending(size_t worker, int n) { Add(slots_[worker].pending, n); }
  void AddRetries(size_t worker, int n) { Add(slots_[worker].retries, n); }
  // Over all workers; each may be ahead by what it is just adding.
  size_t active() const { return Sum(&Slot::active); }
  size_t pending() const { return Sum(&Slot::pending); }
  size_t retries() const { return Sum(&Slot::retries); }
  // How often AddActive has added so far: it grows with every request, by one or two.
  uint64_t begun() const;

  void SetLimits(const BreakerLimits& breakers, const std::optional<RetryBudgetLimits>& budget);
  // One more may be added. Workers that ask at the same moment may get one each.
  bool MayRequest() const { return Below(request_limit_, &Slot::active); }
  bool MayWait() const { return Below(pending_limit_, &Slot::pending); }
  bool MayRetry() const;

  // The upstream's connections, strictly.
  bool TakeConnection() { return connections_.Take(); }
  void ReturnConnection() { connections_.Return(); }
  bool AtConnectionLimit() const { return connections_.full(); }
  size_t connections() const { return connections_.taken(); }

  // Some endpoint has failed a request since the process began; until then answers need not be
  // looked at.
  bool troubled() const { return troubled_.load(std::memory_order_relaxed); }
  void SetTroubled() { troubled_.store(true, std::memory_order_relaxed); }

  // So few endpoints are up that all of them serve. Each worker says so of what it has been told.
  bool panic() const { return panic_.load(std::memory_order_relaxed); }
  void SetPanic(bool panic) { panic_.store(panic, std::memory_order_relaxed); }

  // How long a connection may be idle at present, by what was learned of the peer.
  Duration idle_expiry() const { return Duration(idle_expiry_.load(std::memory_order_relaxed)); }
  // Whether that is what counts, or else the configuration's limit (nullopt: none).
  void SetIdleLimit(bool learned, std::optional<Duration> limit);
  std::optional<Duration> IdleLimit() const;
  // The peer closed a connection that had been idle for so long.
  void LearnPeerClose(Duration idle_age, TimePoint now);
  // A connection was idle for so long and the peer had not closed it.
  void LearnSurvived(Duration idle_age, TimePoint now);

 private:
  // Of idle_limit_, beside limits in nanoseconds.
  static constexpr int64_t kLearnedLimit = -1;
  static constexpr int64_t kNoIdleLimit = -2;

  struct alignas(64) Slot {
    std::atomic<int32_t> active{0};
    std::atomic<int32_t> pending{0};
    std::atomic<int32_t> retries{0};
    std::atomic<uint64_t> begun{0};
  };

  static void Add(std::atomic<int32_t>& cell, int n) {
    cell.store(cell.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  size_t Sum(std::atomic<int32_t> Slot::*cell) const;
  bool Below(const std::atomic<size_t>& limit, std::atomic<int32_t> Slot::*cell) const {
    const size_t most = limit.load(std::memory_order_relaxed);
    return most == kNoLimit || Sum(cell) < most;
  }

  std::vector<Slot> slots_;
  BoundedCount connections_;
  std::atomic<size_t> request_limit_{kNoLimit};
  std::atomic<size_t> pending_limit_{kNoLimit};
  std::atomic<size_t> retry_limit_{kNoLimit};
  std::atomic<uint32_t> retry_percent_{100};
  std::atomic<size_t> min_retries_{kNoLimit};
  std::atomic<bool> troubled_{false};
  std::atomic<bool> panic_{false};
  std::mutex learning_;
  LearnedExpiry learned_;  // under learning_
  std::atomic<int64_t> idle_expiry_;
  std::atomic<int64_t> idle_limit_{kLearnedLimit};
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_UPSTREAM_TOTALS_H_
