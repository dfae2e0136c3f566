#ifndef HOLDFAST_POOL_CONNECTION_POOL_H_
#define HOLDFAST_POOL_CONNECTION_POOL_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "pool/endpoint_key.h"
#include "pool/lease.h"
#include "pool/limits.h"
#include "pool/net/buffer.h"
#include "pool/net/event_loop.h"
#include "pool/net/intrusive_list.h"
#include "pool/pool_cells.h"
#include "pool/random.h"
#include "pool/upstream_connection.h"

namespace holdfast::pool {

// One who waits for a connection; embedded in the exchange. Destruction cancels the wait. The calls
// come from the loop, never from inside a call to the pool; each ends the wait. They may use the
// pool at once (acquire, end leases, cancel waits), but not destroy it.
class Waiter : public ListNode<Waiter> {
 public:
  bool waiting() const { return pool_ != nullptr; }
  void CancelWait();

 protected:
  Waiter() = default;
  ~Waiter() { CancelWait(); }
  virtual void OnLease(Lease lease) = 0;
  virtual void OnCheckoutFailed(CheckoutResult result) = 0;

 private:
  friend class ConnectionPool;
  ConnectionPool* pool_ = nullptr;
  TimePoint since_;
  bool fresh_ = false;  // only a connection that has served nobody will do
};

// What Acquire answers, by value: a lease; or nothing yet, and the waiter will hear; or a refusal.
struct Checkout {
  enum class Status : uint8_t { kLeased, kWaiting, kRefused };
  Status status = Status::kRefused;
  Lease lease;
  CheckoutResult refusal = CheckoutResult::kNoEndpoint;
};

// What a pool needs of its worker. Everything outlives the pool.
struct PoolContext {
  EventLoop* loop;
  SlabPool* slabs;
  IdleBudget* idle_budget;
  Random* random;
};

// All connections of one worker to one endpoint (one EndpointKey): idle ones in LIFO order, leased,
// connecting, and those who wait for one.
//
// A request gets the most recently used idle connection; else a new one is opened for it if the cap
// allows; else it queues. All of these wait in order of arrival: a new connection goes to the first
// who waits, one that comes back to the first who does not insist on a fresh one.
//
// One thread. Owned by its Cluster. No lease may be out and nobody may wait when it is destroyed
// (asserted), which closes what is idle or connecting.
class ConnectionPool {
 public:
  ConnectionPool(const PoolContext& context, EndpointKey key, const PoolLimits& limits,
                 PoolCells* cells);
  ~ConnectionPool();
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

  // `waiter` is queued if the answer is kWaiting. `fresh` passes used connections by: for the
  // repetition of a request that met a dead one.
  Checkout Acquire(Waiter* waiter, bool fresh);

  // New limits count from the next decision on; idle connections over a lowered cap are closed.
  void SetLimits(const PoolLimits& limits);
  // Closes what is idle and keeps nothing any more; leases and waiters go on.
  void Drain();

  const EndpointKey& key() const { return key_; }
  size_t idle() const { return idle_.size(); }
  size_t leased() const { return leased_.size(); }
  size_t connecting() const { return connecting_.size(); }
  size_t waiters() const { return waiters_.size(); }
  size_t connections() const { return idle() + leased() + connecting(); }
  // Requests in flight or waiting: what balancing compares.
  size_t load() const { return leased() + waiters(); }
  bool in_use() const { return leased() + waiters() > 0; }

 private:
  friend class UpstreamConnection;
  friend class Lease;
  friend class Waiter;

  // Those who wait and take a used connection. As many idle ones are spoken for.
  size_t willing() const { return waiters_.size() - fresh_waiters_; }
  size_t spoken_for() const { return std::min(idle_.size(), willing()); }
  // Connections that those who wait are going to get.
  size_t coming() const { return connecting_.size() + spoken_for(); }

  void AddWaiter(Waiter& waiter, bool fresh);
  // Room for one more under the cap; the oldest idle connection that nobody waits for gives way.
  bool MakeRoom();
  // Opens one connection; false and `*refusal` when that failed at once.
  bool Connect(CheckoutResult* refusal);
  Lease LeaseOut(UpstreamConnection& upstream);
  ReuseDecision TakeBack(UpstreamConnection* upstream, ReuseFacts facts);
  void KeepIdle(UpstreamConnection& upstream);
  // Closes idle connections that are over a limit and not spoken for, the oldest first.
  void TrimIdle();
  void CloseIdle(UpstreamConnection& upstream, IdleEnd end);
  void OnConnected(UpstreamConnection& upstream);
  void OnConnectFailed(UpstreamConnection& upstream, CheckoutResult result);
  // Takes it off the list that its state names.
  void Unlink(UpstreamConnection& upstream);
  // Unlinks, closes and destroys at the end of the turn.
  void Discard(UpstreamConnection& upstream);
  void RemoveWaiter(Waiter& waiter);
  void FailFirstWaiter(CheckoutResult result);
  void Serve(Waiter& waiter, UpstreamConnection& upstream);
  // The first who takes a used connection; one must be there.
  Waiter& FirstWilling() const;
  // Closes those at the front of idle_ that have something to be read; false when none is left.
  bool SoundIdle();
  void ServeFromIdle();
  // Gives free connections to waiters and opens missing ones; runs as a task of the loop.
  void ServeWaiters();
  void QueueServing();
  void OnQueueTimer(TimePoint now);
  void ArmQueueTimer();

  PoolContext context_;
  EndpointKey key_;
  PoolLimits limits_;
  PoolCells* cells_;
  bool draining_ = false;
  IntrusiveList<UpstreamConnection> idle_;  // front: used last
  IntrusiveList<UpstreamConnection> leased_;
  IntrusiveList<UpstreamConnection> connecting_;
  IntrusiveList<Waiter> waiters_;  // front: waits longest
  size_t fresh_waiters_ = 0;       // of them
  MemberTimer<ConnectionPool, &ConnectionPool::OnQueueTimer> queue_timer_{this};
  MemberTask<ConnectionPool, &ConnectionPool::ServeWaiters> serve_task_{this};
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_CONNECTION_POOL_H_
