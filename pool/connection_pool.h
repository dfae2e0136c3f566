#ifndef HOLDFAST_POOL_CONNECTION_POOL_H_
#define HOLDFAST_POOL_CONNECTION_POOL_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <absl/container/inlined_vector.h>

#include "pool/connection_tie.h"
#include "pool/dialer.h"
#include "pool/endpoint_key.h"
#include "pool/lease.h"
#include "pool/limits.h"
#include "pool/net/buffer.h"
#include "pool/net/event_loop.h"
#include "pool/net/intrusive_list.h"
#include "pool/net/random.h"
#include "pool/openings.h"
#include "pool/pool_cells.h"
#include "pool/upstream_connection.h"

namespace holdfast::pool {

class Cluster;

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
  bool waiting() const { return pool_ != nullptr; }
  void CancelWait();
  // The pool opens a connection for it, slowly, while it waits at another one.
  bool LentBy(const ConnectionPool& pool) const;

 protected:
  Waiter() = default;
  ~Waiter() { CancelWait(); }
  virtual void OnLease(Lease lease) = 0;
  // `endpoint` is where it waited last: what failed.
  virtual void OnCheckoutFailed(CheckoutResult result, const SocketAddress& endpoint) = 0;

 private:
  friend class Cluster;
  friend class ConnectionPool;
  ConnectionPool* pool_ = nullptr;
  TimePoint since_;
  Request request_;
  // The shelves of the pools that have lent it; to compare only.
  absl::InlinedVector<const Shelf*, 1> lenders_;
};

// What Acquire answers, by value: a lease; or nothing yet, and the waiter will hear; or a refusal.
struct Checkout {
  enum class Status : uint8_t { kLeased, kWaiting, kRefused };
  Status status = Status::kRefused;
  Lease lease;
  CheckoutResult refusal = CheckoutResult::kNoEndpoint;
};

class ConnectionPool;

// The pools of one worker, for those of them that need a descriptor which another can do without.
// One thread; it outlives the pools.
class WorkerPools {
 public:
  void Add(ConnectionPool* pool) { pools_.push_back(pool); }
  void Remove(ConnectionPool* pool) { std::erase(pools_, pool); }
  // Closes an idle connection of another pool, each pool's in turn; false: none has any.
  bool EvictIdle(const ConnectionPool& asker);

 private:
  std::vector<ConnectionPool*> pools_;
  size_t next_ = 0;
};

// What a pool needs of its worker and of the other workers. Everything outlives the pool.
struct PoolContext {
  EventLoop* loop;
  SlabPool* slabs;
  Dialer* dialer;
  Random* random;
  Shelves* shelves;
  const Peers* peers = nullptr;  // null: nothing is shared
  size_t worker = 0;
  WorkerPools* pools = nullptr;  // null: it stands alone
  // An endpoint has failed so many requests in a row that it may have to be left out.
  // `cause` is for people.
  std::function<void(const std::string& upstream, const SocketAddress& endpoint,
                     const std::string& cause)>
      on_trouble;
};

// All connections of one worker to one endpoint (one EndpointKey): idle ones in LIFO order, leased,
// connecting, and those who wait for one.
//
// A request gets the most recently used idle connection; else one that another worker has to
// spare; else a new one is opened for it if the caps allow; else it queues. All of these wait in
// order of arrival: a new connection goes to the first who waits, one that comes back or that
// another worker gives to the first who takes a used one. The caps hold over all workers; where one
// keeps requests waiting, a connection that comes back goes to the worker in which a request waits
// longest.
//
// One thread; other workers' pools for the same endpoint are reached by mail only. Owned by its
// Cluster. No lease may be out and nobody may wait when it is destroyed (asserted), which closes
// what is idle or connecting.
class ConnectionPool final : private OpeningsOwner {
 public:
  // For the answer of another worker; after that, or when something should have come back, whoever
  // waits is looked after without it.
  static constexpr Duration kSharePatience = std::chrono::milliseconds(20);
  // After an answer that did not come in time nobody is asked for so long.
  static constexpr Duration kSilencePause = std::chrono::milliseconds(100);
  // A connect that takes longer is raced by one to another endpoint, the host's other address
  // family first (RFC 8305 section 5 calls it the connection attempt delay). Sooner when there are
  // so many endpoints that not all would have their turn within the connect timeout.
  static constexpr Duration kSlowConnect = std::chrono::milliseconds(250);
  // After a response that announced content and must have none: so long it is looked whether that
  // comes, before the connection serves again.
  static constexpr Duration kRest = std::chrono::milliseconds(100);
  // How old the count of other workers' requests may be.
  static constexpr Duration kLoadAge = std::chrono::milliseconds(1);

  ConnectionPool(const PoolContext& context, EndpointKey key, const PoolLimits& limits,
                 PoolCells* cells, Cluster* cluster = nullptr);
  ~ConnectionPool();
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

  // `waiter` is queued if the answer is kWaiting. `fresh` passes used connections by: for the
  // repetition of a request that met a dead one.
  Checkout Acquire(Waiter* waiter, bool fresh);

  // The connection of that tie, which holds one of this pool; no lease when it has been closed
  // meanwhile.
  Lease LeaseTied(const ConnectionTie& tie);
  // Closes what is aside.
  void CloseAside(CloseReason reason);

  // New limits count from the next decision on; idle connections over a lowered cap are closed.
  void SetLimits(const PoolLimits& limits);
  // Closes what is idle and keeps nothing any more; leases and waiters go on.
  void Drain();
  // The endpoint has come back.
  void Undrain();
  // Closes what is idle and not spoken for.
  void CloseAllIdle(CloseReason reason);
  // Closes the oldest idle connection that nobody waits for; false when there is none.
  bool EvictIdle();
  // Serves one who waited at another pool until now.
  void TakeOver(Waiter& waiter);
  // The endpoint can't be reached, it seems.
  void Doubt();
  // Finds out whether a doubt still holds, if it is time to.
  void ProbeIfDue();
  // The waiter that the pool with this shelf has lent, no longer waiting here; null when there is
  // none.
  Waiter* Reclaim(const Shelf& lender);

  const EndpointKey& key() const { return key_; }
  size_t idle() const { return idle_.size(); }
  size_t aside() const { return aside_.size(); }
  size_t leased() const { return leased_.size(); }
  size_t connecting() const { return openings_.size(); }
  size_t waiters() const { return waiters_.size(); }
  size_t connections() const { return idle() + aside() + leased() + connecting(); }
  // Requests in flight or waiting: what balancing compares.
  size_t load() const { return leased() + waiters(); }
  // The same in the whole process; what the other workers have is looked at once in a while.
  size_t ProcessLoad();
  // Another endpoint is the better choice: this one's connects take long, or it is in doubt.
  bool passed_over() const { return idle_.empty() && openings_.passed_over(); }
  bool doubtful() const { return openings_.doubtful(); }
  bool in_use() const { return leased() + waiters() > 0; }
  Shelf& shelf() const { return *shelf_; }

 private:
  friend class UpstreamConnection;
  friend class Lease;
  friend class ConnectionTie;
  friend class Waiter;

  // Those who wait and take a used connection. As many idle ones are spoken for.
  size_t willing() const { return waiters_.size() - fresh_waiters_; }
  size_t spoken_for() const { return std::min(idle_.size(), willing()); }
  // Connections that those who wait are going to get.
  size_t coming() const { return openings_.standing() + spoken_for() + asked_; }
  size_t uncovered() const { return waiters_.size() - std::min(waiters_.size(), coming()); }

  // Hands the first who waits to another endpoint's pool, if there is one to be asked.
  void OnOpeningSlow(Opening& opening) override;
  // How one more connection is to be had.
  enum class Supply : uint8_t {
    kComing,  // it is being opened, or another worker was asked
    kCapped,  // when one comes back
    kFailed,
  };
  // `fresh`: for somebody who takes no used one. `*refusal` with kFailed.
  Supply Obtain(bool fresh, CheckoutResult* refusal);
  // Asks another worker for one that it has to spare; false when nobody shows any.
  bool AskForSpare(bool all);
  // What the asked one does, on its thread, and the answer on ours.
  static void AnswerAsk(const Peers* peers, const std::shared_ptr<Shelf>& shelf, size_t asker,
                        size_t owner, bool all);
  std::optional<SparedConnection> GiveSpare(bool all);
  void OnSpared(std::optional<SparedConnection> spared);
  void Adopt(SparedConnection spared);
  // Sends a connection whose lease ends to a worker that waits longer than we do.
  bool GiveAway(UpstreamConnection& upstream);
  // After a connection went: no more places for idle ones are held than there are connections.
  void ReturnSpareIdlePlace();
  SparedConnection TakeOut(UpstreamConnection& upstream);
  // A place under a cap has become free: it goes to a worker that waits longer than we do.
  void TellRoom();
  void OnRoom(ConnectionPermit permit);
  void ShowLoad();
  void ShowAside();
  void ShowWaiting();
  void ArmShareTimer();
  void OnShareTimer(TimePoint now);
  // Its place there is free for a pool that follows it: the upstream may come back while this one
  // is in use.
  void LeaveShelf();

  void AddWaiter(Waiter& waiter);
  // Room for one more under the caps; the oldest idle connection that nobody waits for gives way.
  Supply MakeRoom(ConnectionPermit* permit, CheckoutResult* refusal);
  bool TakePermit(ConnectionPermit* permit, bool* breaker);
  OpenReason WhyOpen(bool fresh) const;
  // Opens one connection, `forsaken` for nobody; false and `*refusal` when that failed at once.
  bool Connect(OpenReason reason, ConnectionPermit permit, CheckoutResult* refusal,
               bool forsaken = false);
  void NoteConnectFailure(CheckoutResult result);
  Lease LeaseOut(UpstreamConnection& upstream);
  CloseReason TakeBack(UpstreamConnection* upstream, ReuseFacts facts);
  // `since`: when it became idle, maybe at another worker.
  void KeepIdle(UpstreamConnection& upstream, TimePoint since);
  // For its client alone, or to rest when `tie` is null.
  void SetAside(UpstreamConnection& upstream, ConnectionTie* tie);
  void EndRest(UpstreamConnection& upstream);
  std::optional<Duration> IdleTimeoutOf(const UpstreamConnection& upstream) const;
  void Learn(const UpstreamConnection& upstream, CloseReason end);
  // Closes idle connections that are over a limit and not spoken for, the oldest first.
  void TrimIdle();
  // How long and how often it may be used, by the limits as they are now.
  void SetTerms(ConnectionRecord* record);
  void ApplyTermsTo(IntrusiveList<UpstreamConnection>& connections);
  void LookAtTimers();
  void CloseIdle(UpstreamConnection& upstream, CloseReason end);
  void OnOpened(std::unique_ptr<Connection> connection, ConnectionRecord record) override;
  void OnOpeningFailed(CheckoutResult result, bool forsaken) override;
  // Takes it off the list that its state names.
  void Unlink(UpstreamConnection& upstream);
  void UnlinkAside(UpstreamConnection& upstream);
  // Unlinks, closes and destroys at the end of the turn.
  void Discard(UpstreamConnection& upstream);
  void RemoveWaiter(Waiter& waiter);
  void FailWaiter(Waiter& waiter, CheckoutResult result);
  void FailFirstWaiter(CheckoutResult result) { FailWaiter(*waiters_.front(), result); }
  // How long one who waits does so at the most. Who has been lent is in search of a connection to
  // any endpoint, for which there is the time of one connect.
  Duration PatienceOf(const Waiter& waiter) const;
  Waiter* FirstDue(TimePoint now) const;
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
  void ArmQueueTimer(const Waiter& waiter);

  PoolContext context_;
  EndpointKey key_;
  PoolLimits limits_;
  PoolCells* cells_;
  Cluster* cluster_;  // may be null: there are no other addresses
  std::shared_ptr<Shelf> shelf_;
  bool sharing_ = false;  // there are other workers
  bool joined_ = false;   // they can reach this pool
  bool draining_ = false;
  CloseReason last_end_ = CloseReason::kNone;  // of the last kept connection that went
  size_t idle_places_ = 0;                     // taken on the shelf
  size_t asked_ = 0;                           // answers that other workers owe
  TimePoint ask_again_at_;
  size_t load_elsewhere_ = 0;  // at load_seen_
  TimePoint load_seen_;
  IntrusiveList<UpstreamConnection> idle_;   // front: used last
  IntrusiveList<UpstreamConnection> aside_;  // front: since last
  IntrusiveList<UpstreamConnection> leased_;
  Openings openings_;
  IntrusiveList<Waiter> waiters_;  // front: waits longest
  size_t fresh_waiters_ = 0;       // of them
  MemberTimer<ConnectionPool, &ConnectionPool::OnQueueTimer> queue_timer_{this};
  MemberTimer<ConnectionPool, &ConnectionPool::OnShareTimer> share_timer_{this};
  MemberTask<ConnectionPool, &ConnectionPool::ServeWaiters> serve_task_{this};
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_CONNECTION_POOL_H_
