#ifndef HOLDFAST_POOL_SHELF_H_
#define HOLDFAST_POOL_SHELF_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "pool/bounded_count.h"
#include "pool/endpoint_counts.h"
#include "pool/net/check.h"
#include "pool/net/clock.h"
#include "pool/upstream_totals.h"

namespace holdfast::pool {

class WorkerShare;

// Door 4: what the workers' pools for one endpoint know of each other, and the caps that hold for
// all of them together. The connections themselves travel by mail (worker_share.h): a worker
// that has none asks one that shows a spare one here; one that is kept waiting by a cap is noted
// here and gets the next that another worker can do without.
//
// Any worker's thread. Each writes its own slot, which is on a cache line of its own, and reads
// those of the others; the load is written with plain stores. Others write two things in a slot:
// they count a claim, and they take a wish off. The strict counts change when a connection is
// opened or closed, never when a kept one is used. Owned together by the pools.
class Shelf {
 public:
  // Idle connections that a worker does not give away while nobody is kept waiting by a cap.
  static constexpr uint32_t kFloor = 1;

  Shelf(size_t workers, std::shared_ptr<UpstreamTotals> totals,
        std::shared_ptr<BoundedCount> process_idle,
        std::shared_ptr<BoundedCount> process_connections, std::shared_ptr<EndpointCounts> counts);
  Shelf(const Shelf&) = delete;
  Shelf& operator=(const Shelf&) = delete;

  size_t workers() const { return slots_.size(); }
  UpstreamTotals& totals() const { return *totals_; }
  // An attempt of the worker has ended.
  void CountAnswer(size_t worker, AnswerClass answer) { counts_->Add(worker, answer); }

  // The pool of a worker takes its slot; false when another one of the same worker holds it. One
  // that drains leaves it to the one that may follow. The worker's thread.
  bool Join(size_t worker, WorkerShare* share);
  void Leave(size_t worker, const WorkerShare* share);
  // On the worker's own thread only (asserted); null when no pool of that worker is here.
  WorkerShare* share(size_t worker) const;

  // The strict caps, for the whole process.
  void SetCaps(std::optional<uint32_t> max_connections, size_t max_idle);
  bool TakeConnection();
  void ReturnConnection() {
    HOLDFAST_CHECK(connections_.taken() > 0);
    connections_.Return();
    process_connections_->Return();
  }
  // The process has no descriptor for another connection to any upstream, though the cap would
  // allow one.
  bool OutOfDescriptors() const { return process_connections_->full() && !connections_.full(); }
  size_t connections() const { return connections_.taken(); }
  bool over_cap() const { return connections_.over(); }
  bool at_cap() const { return connections_.taken() > 0 && connections_.full(); }
  // A worker holds as many places as it ever kept idle at a time, so that going idle and coming
  // back changes nothing here.
  bool TakeIdlePlace();
  void ReturnIdlePlaces(size_t count) {
    idle_.Return(count);
    process_idle_->Return(count);
  }
  // More are taken than there may be, since a limit was lowered.
  bool over_idle() const { return idle_.over() || process_idle_->over(); }

  // What the others are to know of a worker: its requests that have a connection or wait for one,
  // and its idle connections.
  void ShowLoad(size_t worker, size_t load, size_t idle) {
    slots_[worker].load.store(static_cast<uint32_t>(load), std::memory_order_relaxed);
    slots_[worker].idle.store(static_cast<uint32_t>(idle), std::memory_order_relaxed);
  }
  // Idle connections of a worker that are not for everybody, but give way at a cap.
  void ShowAside(size_t worker, size_t aside) {
    slots_[worker].aside.store(static_cast<uint32_t>(aside), std::memory_order_relaxed);
  }
  // The load of the other workers.
  size_t LoadElsewhere(size_t worker) const;

  // Another worker that shows an idle connection to spare; it is to be asked for one, and the claim
  // ended when it has answered. With `all` it need not keep its floor, and what it has aside
  // counts.
  std::optional<size_t> ClaimSpare(size_t worker, bool all);
  void EndClaim(size_t owner) {
    const uint32_t before = slots_[owner].claimed.fetch_sub(1, std::memory_order_relaxed);
    HOLDFAST_CHECK(before > 0);
  }

  // `wanted` requests of the worker wait without a connection coming, the first since `since`.
  void ShowWaiting(size_t worker, size_t wanted, TimePoint since);
  bool SomeoneWaits() const { return waiting_workers_.load(std::memory_order_relaxed) != 0; }
  // The other worker in which a request waits longest, and longer than since `own`; one wish of
  // that worker is taken off. nullopt: none.
  std::optional<size_t> TakeWish(size_t worker, TimePoint own);
  size_t WantedElsewhere(size_t worker) const;

  // Failures in a row, over all workers. Returns the count.
  uint32_t CountError() { return errors_.fetch_add(1, std::memory_order_relaxed) + 1; }
  void ForgetErrors() {
    if (errors_.load(std::memory_order_relaxed) != 0) errors_.store(0, std::memory_order_relaxed);
  }

 private:
  struct alignas(64) Slot {
    std::atomic<uint32_t> load{0};
    std::atomic<uint32_t> idle{0};
    std::atomic<uint32_t> aside{0};
    std::atomic<uint32_t> wanted{0};
    std::atomic<int64_t> waiting_since{0};  // TimePoint's count, while wanted
    std::atomic<uint32_t> claimed{0};       // written by those who ask
    WorkerShare* share = nullptr;           // its worker's alone
  };

  std::vector<Slot> slots_;
  std::shared_ptr<UpstreamTotals> totals_;
  std::shared_ptr<BoundedCount> process_idle_;
  std::shared_ptr<BoundedCount> process_connections_;
  const std::shared_ptr<EndpointCounts> counts_;
  BoundedCount idle_;
  BoundedCount connections_;
  std::atomic<size_t> waiting_workers_{0};
  std::atomic<uint32_t> errors_{0};
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_SHELF_H_
