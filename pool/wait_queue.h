#ifndef HOLDFAST_POOL_WAIT_QUEUE_H_
#define HOLDFAST_POOL_WAIT_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <functional>

#include "pool/limits.h"
#include "pool/net/clock.h"
#include "pool/net/event_loop.h"
#include "pool/net/intrusive_list.h"
#include "pool/net/timer_wheel.h"
#include "pool/pool_cells.h"
#include "pool/reasons.h"
#include "pool/upstream_totals.h"
#include "pool/waiter.h"

namespace holdfast::pool {

// Hears of the queue what it does by itself.
class WaitQueueOwner {
 public:
  // One has gone away; it is no longer here.
  virtual void OnWaitCancelled() = 0;
  // Somebody's time may be up: FirstDue says whose. Afterwards ArmForAll is to be called.
  virtual void OnWaitsDue(TimePoint now) = 0;

 protected:
  ~WaitQueueOwner() = default;
};

// Those who wait for a connection to one endpoint, longest first, wherever their wait began, and
// the deadlines of their waits. They count as pending requests of the upstream.
//
// One thread. Part of a ConnectionPool; it is empty when it is destroyed (asserted). Who waits here
// takes itself off when it goes.
class WaitQueue {
 public:
  // What is given to it outlives it. `limits` may change; ArmForAll then.
  WaitQueue(EventLoop* loop, const PoolLimits* limits, PoolCells* cells, UpstreamTotals* totals,
            size_t worker, WaitQueueOwner* owner);
  ~WaitQueue();
  WaitQueue(const WaitQueue&) = delete;
  WaitQueue& operator=(const WaitQueue&) = delete;

  bool empty() const { return list_.empty(); }
  size_t size() const { return list_.size(); }
  // Those who take a used connection.
  size_t willing() const { return list_.size() - fresh_; }
  // Waits longest; null when nobody waits.
  Waiter* front() const { return list_.front(); }
  // The first who takes a used connection; one must be there.
  Waiter& FirstWilling() const;
  // The first for whom alone nothing is being opened; null: there is none.
  Waiter* FirstUnserved() const;
  // Since when the first waits. `otherwise` when nobody does.
  TimePoint SinceOr(TimePoint otherwise) const;

  // A wait begins; `fresh`: for a connection that nobody has used.
  void Begin(Waiter& waiter, bool fresh);
  // One goes on waiting that has left another queue, at the place that its begin gives it.
  void Add(Waiter& waiter);
  // Its wait has ended: counts how long it took, wherever it began.
  void Remove(Waiter& waiter);
  // It has gone away: counts it, and tells the owner.
  void Cancel(Waiter& waiter);
  // Removes one that goes on to wait at another pool; the pool with this shelf goes on opening a
  // connection for it.
  void Lend(Waiter& waiter, const Shelf& lender);
  // The first that the pool with this shelf has lent to this one, of those with such wishes; null
  // when there is none.
  Waiter* FirstLentBy(const Shelf& lender, const std::function<bool(const Request&)>& fits) const;

  // The first whose time is up; null when nobody's is.
  Waiter* FirstDue(TimePoint now) const;
  // How the wait of one that is due has ended.
  CheckoutResult WhyDue(const Waiter& waiter, TimePoint now) const;
  void ArmForAll();

  // Checks order, membership and count.
  bool Validate() const;

 private:
  void TakeOff(Waiter& waiter);
  // How long one waits at the most. Who has been lent is in search of a connection to any endpoint,
  // for which there is the time of one connect.
  Duration PatienceOf(const Waiter& waiter) const;
  void ArmFor(const Waiter& waiter);
  void OnTimer(TimePoint now) { owner_->OnWaitsDue(now); }

  EventLoop* loop_;
  const PoolLimits* limits_;
  PoolCells* cells_;
  UpstreamTotals* totals_;
  size_t worker_;
  WaitQueueOwner* owner_;
  IntrusiveList<Waiter> list_;  // front: waits longest
  size_t fresh_ = 0;            // of them, those who take no used connection
  MemberTimer<WaitQueue, &WaitQueue::OnTimer> timer_{this};
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_WAIT_QUEUE_H_
