#ifndef HOLDFAST_POOL_CONNECTION_POOL_H_
#define HOLDFAST_POOL_CONNECTION_POOL_H_

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

// One who waits for a connection; embedded in the exchange. Destruction cancels the wait. The calls come
// from the loop, never from inside Checkout; each ends the wait.
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
};

// What Checkout answers, by value: a lease; or nothing yet, and the waiter will hear; or a refusal.
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
// A request gets the most recently used idle connection; else a new one is opened if the cap
// allows; else it waits in order of arrival. Every connection that becomes free goes to the first
// waiter.
//
// One thread. Owned by its Cluster. No lease may be out when it is destroyed (asserted).
class ConnectionPool {
 public:
  ConnectionPool(const PoolContext& context, EndpointKey key, const PoolLimits& limits,
                 PoolCells* cells);
  ~ConnectionPool();
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

  // `waiter` is queued if the answer is kWaiting. `fresh` passes idle connections by: for the repetition of a request
  // that met a dead one.
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

  // Opens one connection; false and `*refusal` when that failed at once.
  bool Connect(CheckoutResult* refusal);
  Lease LeaseOut(UpstreamConnection& upstream);
  ReuseDecision TakeBack(UpstreamConnection* upstream, ReuseFacts facts);
  void KeepIdle(UpstreamConnection& upstream);
  void CloseIdle(UpstreamConnection& upstream, IdleEnd end);
  void OnConnected(UpstreamConnection& upstream);
  void OnConnectFailed(UpstreamConnection& upstream, CheckoutResult result);
  // Unlinks, closes and destroys at the end of the turn.
  void Discard(UpstreamConnection& upstream);
  void RemoveWaiter(Waiter& waiter);
  void FailFirstWaiter(CheckoutResult result);
  // Gives free connections to waiters and opens missing ones; runs as a task of the loop.
  void ServeWaiters();
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
  MemberTimer<ConnectionPool, &ConnectionPool::OnQueueTimer> queue_timer_{this};
  MemberTask<ConnectionPool, &ConnectionPool::ServeWaiters> serve_task_{this};
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_CONNECTION_POOL_H_
