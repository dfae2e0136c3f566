#ifndef HOLDFAST_POOL_IDLE_STACK_H_
#define HOLDFAST_POOL_IDLE_STACK_H_

#include <cstddef>
#include <functional>
#include <optional>

#include "pool/connection_tie.h"
#include "pool/idle_places.h"
#include "pool/limits.h"
#include "pool/net/check.h"
#include "pool/net/clock.h"
#include "pool/net/event_loop.h"
#include "pool/net/intrusive_list.h"
#include "pool/pool_cells.h"
#include "pool/reasons.h"
#include "pool/shelf.h"
#include "pool/upstream_connection.h"

namespace holdfast::pool {

// The connections of a pool that nobody holds a lease of: a stack for everybody, from which the one
// that was used last is taken first, and those aside, which serve one client or rest. It knows how
// long each may stay, and learns from how they end.
//
// One thread. Part of a ConnectionPool, which owns what is in it and closes it; it is empty when it
// is destroyed (asserted).
class IdleStack {
 public:
  // After a response that announced content and must have none: so long it is looked whether that
  // comes, before the connection serves again.
  static constexpr Duration kRest = std::chrono::milliseconds(100);

  // What is given to it outlives it. `limits` may change; OnNewLimits then.
  IdleStack(EventLoop* loop, const PoolLimits* limits, Shelf* shelf, PoolCells* cells);
  ~IdleStack();
  IdleStack(const IdleStack&) = delete;
  IdleStack& operator=(const IdleStack&) = delete;

  bool empty() const { return idle_.empty(); }
  size_t size() const { return idle_.size(); }
  // How many leases those on the stack can carry.
  size_t slots() const { return slots_; }
  // How many of them may go to another worker.
  size_t travelers() const { return travelers_; }
  // Used last, and used longest ago; null when there is none.
  UpstreamConnection* top() const { return idle_.front(); }
  UpstreamConnection* oldest() const { return idle_.back(); }
  size_t aside() const { return aside_.size(); }
  UpstreamConnection* oldest_aside() const { return aside_.back(); }
  bool Contains(const UpstreamConnection& upstream) const {
    return idle_.Contains(upstream) || aside_.Contains(upstream);
  }

  // `since`: when it became idle, maybe at another worker.
  void Push(UpstreamConnection& upstream, TimePoint since);
  // For its client alone, who holds the tie, or to rest when `tie` is null.
  void PutAside(UpstreamConnection& upstream, ConnectionTie* tie);
  // From either.
  void Remove(UpstreamConnection& upstream) {
    cells_->idle.Add(-1);
    if (!idle_.Contains(upstream)) return RemoveAside(upstream);
    HOLDFAST_CHECK(slots_ >= upstream.capacity());
    slots_ -= upstream.capacity();
    travelers_ -= upstream.travels() ? 1 : 0;
    idle_.Remove(upstream);
  }
  // Its protocol or its terms may give it another capacity.
  void Refresh(UpstreamConnection& upstream) {
    const uint32_t before = upstream.capacity();
    upstream.Refresh();
    if (!idle_.Contains(upstream)) return;
    HOLDFAST_CHECK(slots_ >= before);
    slots_ += upstream.capacity();
    slots_ -= before;
  }
  // More are on the stack than there are places for, or the endpoint has more connections than its
  // cap; `needed` of them somebody waits for. With `keep` false none has a place.
  bool HasTooMany(size_t needed, bool keep) {
    HOLDFAST_CHECK(needed <= idle_.size());
    if (idle_.empty()) return false;
    const size_t spare = idle_.size() - needed;
    if (keep) places_.TakeUpTo(spare);
    return spare > (keep ? places_.taken() : 0) || shelf_->over_cap();
  }
  // After a connection of the pool went: no more places are held than there are connections.
  void ReturnPlacesBeyond(size_t connections) { places_.ReturnBeyond(connections); }
  void OnNewLimits();
  void ForEach(const std::function<void(UpstreamConnection&)>& apply) const;

  // Of the last kept connection that went, or of one that was not kept.
  CloseReason last_end() const { return last_end_; }
  void NoteEnd(CloseReason end) { last_end_ = end; }
  // One of them ends so: what that says about the peer's idle timeout.
  void Learn(const UpstreamConnection& upstream, CloseReason end);

  bool Validate() const;

 private:
  void RemoveAside(UpstreamConnection& upstream);
  // nullopt: it may stay until the peer closes.
  std::optional<Duration> TimeoutOf(const UpstreamConnection& upstream) const;

  EventLoop* loop_;
  const PoolLimits* limits_;
  Shelf* shelf_;
  PoolCells* cells_;
  IdlePlaces places_;
  IntrusiveList<UpstreamConnection> idle_;   // front: used last
  IntrusiveList<UpstreamConnection> aside_;  // front: since last
  size_t slots_ = 0;
  size_t travelers_ = 0;
  CloseReason last_end_ = CloseReason::kNone;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_IDLE_STACK_H_
