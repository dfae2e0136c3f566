#ifndef HOLDFAST_POOL_SHELF_H_
#define HOLDFAST_POOL_SHELF_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "metrics/sums.h"
#include "pool/bounded_count.h"
#include "pool/endpoint_key.h"
#include "pool/net/clock.h"
#include "pool/net/mailbox.h"
#include "pool/upstream_totals.h"

namespace holdfast::pool {

class ConnectionPool;

// Where a worker posts to the others. The main thread fills it in before the workers run and
// empties it after they were joined; a letter to nobody is dropped.
struct Peers {
  std::vector<Mailbox*> mailboxes;  // by worker

  void Post(size_t worker, Mailbox::Letter letter) const {
    if (worker < mailboxes.size()) mailboxes[worker]->Post(std::move(letter));
  }
};

// Door 4: what the workers' pools for one endpoint know of each other, and the caps that hold for
// all of them together. The connections themselves travel by mail (connection_pool.h): a worker
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
        std::shared_ptr<BoundedCount> process_connections);
  Shelf(const Shelf&) = delete;
  Shelf& operator=(const Shelf&) = delete;

  size_t workers() const { return slots_.size(); }
  UpstreamTotals& totals() const { return *totals_; }

  // The pool of a worker takes its slot; false when another one of the same worker holds it. One
  // that drains leaves it to the one that may follow. The worker's thread.
  bool Join(size_t worker, ConnectionPool* pool);
  void Leave(size_t worker);
  // On the worker's own thread only.
  ConnectionPool* pool(size_t worker) const { return slots_[worker].pool; }

  // The strict caps, for the whole process.
  void SetCaps(std::optional<uint32_t> max_connections, size_t max_idle);
  bool TakeConnection();
  void ReturnConnection() {
    connections_.Return();
    process_connections_->Return();
  }
  // The process has no descriptor for another connection to any upstream, though the cap would
  // allow one.
  bool OutOfDescriptors() const { return process_connections_->full() && !connections_.full(); }
  size_t connections() const { return connections_.taken(); }
  bool over_cap() const { return connections_.over(); }
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
  void EndClaim(size_t owner) { slots_[owner].claimed.fetch_sub(1, std::memory_order_relaxed); }

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
    ConnectionPool* pool = nullptr;         // its worker's alone
  };

  std::vector<Slot> slots_;
  std::shared_ptr<UpstreamTotals> totals_;
  std::shared_ptr<BoundedCount> process_idle_;
  std::shared_ptr<BoundedCount> process_connections_;
  BoundedCount idle_;
  BoundedCount connections_;
  std::atomic<size_t> waiting_workers_{0};
  std::atomic<uint32_t> errors_{0};
};

// A place under the caps of an endpoint and its upstream, for one connection's life. Movable.
class ConnectionPermit {
 public:
  ConnectionPermit() = default;
  // The place has been taken.
  explicit ConnectionPermit(std::shared_ptr<Shelf> shelf) : shelf_(std::move(shelf)) {}
  ConnectionPermit(ConnectionPermit&&) noexcept = default;
  ConnectionPermit& operator=(ConnectionPermit&& other) noexcept {
    Release();
    shelf_ = std::move(other.shelf_);
    return *this;
  }
  ~ConnectionPermit() { Release(); }
  bool held() const { return shelf_ != nullptr; }
  void Release();

 private:
  std::shared_ptr<Shelf> shelf_;
};

// The shelves of the process, by endpoint. Any thread; asked when a pool is made.
class Shelves {
 public:
  explicit Shelves(size_t workers) : workers_(workers) {}

  // Made when it is asked for first; gone with the last who holds it.
  std::shared_ptr<Shelf> For(const EndpointKey& key);
  std::shared_ptr<UpstreamTotals> TotalsOf(const std::string& upstream);
  // Changes whenever the upstream has had requests; 0 for one that nobody uses.
  uint64_t RequestsOf(const std::string& upstream);
  // Of idle connections over all endpoints.
  void SetIdleLimit(size_t limit) { idle_->SetLimit(limit); }
  // Of connections over all endpoints, whatever the caps add up to.
  void SetConnectionLimit(size_t limit) { connections_->SetLimit(limit); }
  size_t idle_places() const { return idle_->taken(); }
  // What is known of each upstream, for a scrape.
  void AddTo(metrics::Sums& sums);

 private:
  std::shared_ptr<UpstreamTotals> LockedTotalsOf(const std::string& upstream);

  const size_t workers_;
  // The process's places for idle connections: a share of its descriptors.
  const std::shared_ptr<BoundedCount> idle_ = std::make_shared<BoundedCount>();
  // Its places for connections, idle ones among them.
  const std::shared_ptr<BoundedCount> connections_ = std::make_shared<BoundedCount>();
  std::mutex mutex_;
  // Under mutex_.
  absl::flat_hash_map<EndpointKey, std::weak_ptr<Shelf>> shelves_;
  std::map<std::string, std::weak_ptr<UpstreamTotals>> totals_;
  size_t shelves_swept_at_ = 0;
  size_t totals_swept_at_ = 0;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_SHELF_H_
