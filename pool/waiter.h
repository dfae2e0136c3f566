#ifndef HOLDFAST_POOL_WAITER_H_
#define HOLDFAST_POOL_WAITER_H_

#include <cstdint>
#include <optional>
#include <span>

#include <absl/container/inlined_vector.h>

#include "pool/connection_tie.h"
#include "pool/lease.h"
#include "pool/net/clock.h"
#include "pool/net/intrusive_list.h"
#include "pool/net/proxy_header.h"
#include "pool/net/socket_address.h"
#include "pool/reasons.h"

namespace holdfast::pool {

class Cluster;
class ConnectionPool;
class Opening;
class Shelf;
class WaitQueue;

// What the choice of an endpoint may depend on.
struct Request {
  // For ring hash and maglev: of the route's hash key. nullopt: any endpoint will do.
  std::optional<uint64_t> hash;
  // Endpoints that have failed this request; chosen again only when no other may be. They stay as
  // they are while the request waits.
  std::span<const SocketAddress> tried;
  // None of them took a connection: one that is not up is a better choice than they are.
  bool last_resort = false;
  // Only a connection that has served nobody will do: the repetition of a request that met a dead
  // one.
  bool fresh = false;
  // The client's: the connection it holds is taken, if it is one of this upstream. May be null.
  const ConnectionTie* tie = nullptr;
  // Of the client's connection, where the upstream is told of it (EndpointKey::of_one_client);
  // null: not known. They stay as they are while the request waits.
  const ProxiedEnds* ends = nullptr;
  // Taken before any other while it is up and has not failed this request; null: there is none. It
  // stays as it is while the request waits.
  const SocketAddress* preferred = nullptr;
};

// One who waits for a connection; embedded in the exchange. Destruction cancels the wait. The calls
// come from the loop, never from inside a call to the pool; each ends the wait. They may use the
// pool at once (acquire, end leases, cancel waits), but not destroy it.
//
// A wait begins at one pool and may go on at others: while a connect is slow, those of other
// endpoints are begun as well, and the first to succeed serves. However often it moves, its
// deadlines count from its begin.
class Waiter : public ListNode<Waiter> {
 public:
  bool waiting() const { return queue_ != nullptr; }
  void CancelWait();

 protected:
  Waiter() = default;
  ~Waiter() { CancelWait(); }
  virtual void OnLease(Lease lease) = 0;
  // `endpoint` is where it waited last: what failed.
  virtual void OnCheckoutFailed(CheckoutFailure failure, const SocketAddress& endpoint) = 0;

 private:
  friend class Cluster;
  friend class ConnectionPool;
  friend class Opening;
  friend class WaitQueue;

  // A wait begins; it is in no queue yet.
  void BeginWait(TimePoint now, bool fresh);
  // What it waits for, for the choice of the next endpoint.
  void Remember(const Request& request);
  const Request& wanted() const { return wanted_; }
  TimePoint since() const { return since_; }
  // The pool with this shelf opens a connection for it, slowly, while it waits at another one.
  bool LentBy(const Shelf& shelf) const;
  bool lent() const { return !lenders_.empty(); }
  void NoteLender(const Shelf* shelf) { lenders_.push_back(shelf); }

  void EnterQueue(WaitQueue* queue);
  void LeaveQueue(const WaitQueue* queue);
  bool served_by_opening() const { return opening_ != nullptr; }
  bool IsIn(const WaitQueue* queue) const { return queue_ == queue; }

  WaitQueue* queue_ = nullptr;
  // What is being opened for it alone; ends with its wait.
  Opening* opening_ = nullptr;
  TimePoint since_;
  Request wanted_;
  // The shelves of the pools that have lent it; to compare only.
  absl::InlinedVector<const Shelf*, 1> lenders_;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_WAITER_H_
