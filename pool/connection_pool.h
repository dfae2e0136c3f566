#ifndef HOLDFAST_POOL_CONNECTION_POOL_H_
#define HOLDFAST_POOL_CONNECTION_POOL_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "pool/connection_tie.h"
#include "pool/endpoint_key.h"
#include "pool/idle_stack.h"
#include "pool/lease.h"
#include "pool/limits.h"
#include "pool/net/event_loop.h"
#include "pool/openings.h"
#include "pool/pool_cells.h"
#include "pool/pool_context.h"
#include "pool/upstream_connection.h"
#include "pool/used_connections.h"
#include "pool/wait_queue.h"
#include "pool/worker_pools.h"
#include "pool/worker_share.h"

namespace holdfast::pool {

class Cluster;

// What Acquire answers, by value: a lease; or nothing yet, and the waiter will hear; or a refusal.
struct Checkout {
  enum class Status : uint8_t { kLeased, kWaiting, kRefused };
  Status status = Status::kRefused;
  Lease lease;
  CheckoutResult refusal = CheckoutResult::kNoEndpoint;
};

// All connections of one worker to one endpoint (one EndpointKey): those in use, the idle ones,
// those being opened, and those who wait for one. Here is the policy; each of these is a class of
// its own.
//
// A request gets a slot of a connection that has room, else the most recently used idle one; else
// one that another worker has to spare; else a new one is opened for it if the caps allow; else it
// queues. All of these wait in order of arrival: a new connection goes to the first who waits, one
// that comes back or that another worker gives to the first who takes a used one. The caps hold
// over all workers; where one keeps requests waiting, a connection that comes back goes to the
// worker in which a request waits longest.
//
// One thread (asserted); other workers' pools for the same endpoint are reached by mail only. Owned
// by its Cluster. No lease may be out and nobody may wait when it is destroyed (asserted), which
// closes what is idle or connecting.
class ConnectionPool final : private OpeningsOwner,
                             private WaitQueueOwner,
                             private WorkerShareOwner,
                             private UpstreamConnectionOwner,
                             public IdleHolder {
 public:
  // A connect that takes longer is raced by one to another endpoint, the host's other address
  // family first (RFC 8305 section 5 calls it the connection attempt delay). Sooner when there are
  // so many endpoints that not all would have their turn within the connect timeout.
  static constexpr Duration kSlowConnect = std::chrono::milliseconds(250);

  // `cluster` may be null: there are no other endpoints.
  ConnectionPool(const PoolContext& context, EndpointKey key, const PoolLimits& limits,
                 PoolCells* cells, Cluster* cluster = nullptr);
  ~ConnectionPool();
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

  // `waiter` is queued if the answer is kWaiting. `fresh` passes used connections by: for the
  // repetition of a request that met a dead one. Where connections are of one client each, all are
  // fresh, and introduced with `ends` (null: not known).
  Checkout Acquire(Waiter* waiter, bool fresh, const ProxiedEnds* ends = nullptr);
  // Whether this connection, which the client of a request with these ends is tied to, may serve
  // it: it has to be introduced alike.
  bool MayServe(const UpstreamConnection& upstream, const ProxiedEnds* ends) const;
  // The connection of that tie, which holds one of this pool; no lease when it has been closed
  // meanwhile.
  Lease LeaseTied(const ConnectionTie& tie);
  // Its client has no more use for it.
  void CloseTied(const ConnectionTie& tie);

  // New limits count from the next decision on; idle connections over a lowered cap are closed.
  void SetLimits(const PoolLimits& limits);
  // Closes what is idle and keeps nothing any more; leases and waiters go on.
  void Drain();
  // The endpoint has come back.
  void Undrain();
  // Closes what is idle and not spoken for.
  void CloseAllIdle(CloseReason reason);
  // Closes what is aside.
  void CloseAside(CloseReason reason);
  bool EvictIdle() override;
  // Serves one who waited at another pool until now.
  void TakeOver(Waiter& waiter);
  // The first whom that pool has lent and this connection of it may serve, no longer waiting here;
  // null: there is none.
  Waiter* Reclaim(const ConnectionPool& lender, const UpstreamConnection& opened);
  // The endpoint can't be reached, it seems.
  void Doubt();
  // Finds out whether a doubt still holds, if it is time to.
  void ProbeIfDue();

  const EndpointKey& key() const { return key_; }
  size_t idle() const { return idle_.size(); }
  size_t aside() const { return idle_.aside(); }
  // Leases, each of one slot.
  size_t leased() const { return used_.leases(); }
  size_t connecting() const { return openings_.size(); }
  size_t waiters() const { return waiters_.size(); }
  size_t connections() const { return idle() + aside() + used_.size() + connecting(); }
  // Requests in flight or waiting: what balancing compares.
  size_t load() const { return leased() + waiters(); }
  // The same in the whole process; what the other workers have is looked at once in a while.
  size_t ProcessLoad() { return load() + share_.LoadElsewhere(); }
  // Another endpoint is the better choice: this one's connects take long, or it is in doubt.
  bool passed_over() const { return idle_.empty() && openings_.passed_over(); }
  bool doubtful() const { return openings_.doubtful(); }
  bool in_use() const { return load() > 0; }
  Shelf& shelf() const { return *shelf_; }

  // Whether the parts agree: each list with its counts and its connections' states, the places
  // under the caps and the gauges with the lists, nobody waiting beside a connection at hand.
  bool Validate() const;

 private:
  friend class Lease;

  // Slots at hand, and those of them, and of idle connections, that somebody waits for and takes.
  // A client's own are nobody else's.
  size_t at_hand() const { return of_one_client() ? 0 : used_.room() + idle_.slots(); }
  size_t spoken_for() const { return std::min(at_hand(), waiters_.willing()); }
  bool HasSpare() const { return at_hand() > waiters_.willing(); }
  size_t idle_spoken_for() const {
    if (waiters_.empty()) return 0;
    return std::min(idle_.size(), spoken_for() - std::min(spoken_for(), used_.room()));
  }
  // Slots that those who wait are going to get; for how many nothing is coming.
  size_t coming() const {
    return openings_.standing() * expected_capacity_ + spoken_for() + share_.asked();
  }
  size_t uncovered() const { return waiters_.size() - std::min(waiters_.size(), coming()); }

  // OpeningsOwner
  bool EvictHere() override { return EvictIdle(); }
  bool EvictElsewhere() override;
  size_t OtherConnections() const override { return used_.size() + idle_.size(); }
  void OnOpeningSlow(Opening& opening) override;
  void OnOpened(std::unique_ptr<Connection> connection, ConnectionRecord record,
                Waiter* whom) override;
  void OnOpeningFailed(CheckoutFailure failure, bool forsaken, Waiter* whom) override;
  // WaitQueueOwner
  void OnWaitCancelled() override;
  void OnWaitsDue(TimePoint now) override;
  // WorkerShareOwner
  std::optional<SparedConnection> GiveSpare(bool all) override;
  void OnSpared(std::optional<SparedConnection> spared) override;
  void OnRoom(ConnectionPermit permit) override;
  void OnSilence() override { QueueServing(); }
  // UpstreamConnectionOwner
  void OnIdleEnd(UpstreamConnection& upstream, CloseReason end) override;
  void OnRestOver(UpstreamConnection& upstream) override;
  void OnProtocolNews(UpstreamConnection& upstream) override;
  ConnectionPool* pool() override { return this; }

  Checkout OpenOrWait(Waiter* waiter, bool fresh, const ProxiedEnds* ends);
  // How one more connection is to be had.
  enum class Supply : uint8_t {
    kComing,  // it is being opened, or another worker was asked
    kCapped,  // when one comes back
    kFailed,
  };
  // Whom one is opened for, where each is of one client.
  struct Client {
    Waiter* waiter = nullptr;
    const ProxiedEnds* ends = nullptr;
  };
  // `fresh`: for somebody who takes no used one. `*refusal` with kFailed.
  Supply Obtain(bool fresh, const Client& client, CheckoutResult* refusal);
  // Opens one, `forsaken` for nobody; false and `*refusal` when that failed at once.
  bool Open(OpenReason reason, ConnectionPermit permit, const Client& client,
            CheckoutResult* refusal, bool forsaken = false);
  // The first who waits for one and has none coming; nobody where any will do.
  Client NextClient() const;
  bool of_one_client() const { return key_.of_one_client(); }
  OpenReason WhyOpenNow(bool fresh) const;
  void TellOfFailure(CheckoutResult result);
  ConnectionTerms NewTerms(TimePoint opened_at) const;

  size_t ExpectedCapacity() const;
  // The limit of slots is another one.
  void ApplySlots();
  // A connection with a slot to be had and nothing against its use; null when there is none.
  UpstreamConnection* FindUsable();
  Lease LeaseOut(UpstreamConnection& upstream);
  CloseReason TakeBack(UpstreamConnection* upstream, const ReuseFacts& told);
  void TakeBackOneOfMany(UpstreamConnection& upstream, CloseReason end);
  void Keep(UpstreamConnection& upstream, const ReuseFacts& facts);
  void KeepIdle(UpstreamConnection& upstream, TimePoint since);
  void SetAside(UpstreamConnection& upstream, ConnectionTie* tie);
  // Sends it to a worker that waits longer than we do; false: there is none.
  bool GiveAway(UpstreamConnection& upstream) {
    return share_.SomeoneWaits() && GiveToOther(upstream);
  }
  bool GiveToOther(UpstreamConnection& upstream);
  SparedConnection TakeOut(UpstreamConnection& upstream, TimePoint idle_since);
  UpstreamConnection& Make(std::unique_ptr<Connection> connection, ConnectionRecord record,
                           UpstreamConnection::Origin origin);
  // A place under a cap has become free: it goes to a worker that waits longer than we do.
  void TellRoom();
  // Closes idle connections that are over a limit and not spoken for, the oldest first.
  void TrimIdle() {
    while (idle_.HasTooMany(idle_spoken_for(), /*keep=*/!draining_)) CloseOldestOver();
  }
  void CloseOldestOver();
  // Takes it off the list that its state names.
  void Unlink(UpstreamConnection& upstream) {
    if (upstream.used() > 0) return used_.Remove(upstream);
    if (upstream.state() != UpstreamConnection::State::kNew) TakeOff(upstream);
  }
  void TakeOff(UpstreamConnection& idle);
  // Unlinks, closes and destroys at the end of the turn.
  void Discard(UpstreamConnection& upstream, CloseReason end);

  void RemoveWaiter(Waiter& waiter);
  void FailWaiter(Waiter& waiter, CheckoutFailure failure);
  void FailFirstWaiter(CheckoutFailure failure) { FailWaiter(*waiters_.front(), failure); }
  void FailNext(const Client& client, CheckoutFailure failure) {
    FailWaiter(client.waiter != nullptr ? *client.waiter : *waiters_.front(), failure);
  }
  // Goes on waiting at another endpoint's pool, if there is one to be asked.
  bool Lend(Waiter& waiter);
  // One of those who has gone on elsewhere while that connection was opened, and waits no longer.
  Waiter* TakeLent(const UpstreamConnection& opened);
  void Serve(Waiter& waiter, UpstreamConnection& upstream);
  void ServeFromKept();
  // Gives free connections to waiters and opens missing ones; runs as a task of the loop.
  void ServeWaiters();
  void QueueServing();
  // What can't travel is nothing that another worker could be given.
  void ShowLoad() { share_.ShowLoad(load(), idle_.travelers()); }
  void ShowWaiting();

  PoolContext context_;
  EndpointKey key_;
  PoolLimits limits_;
  PoolCells* cells_;
  Cluster* cluster_;
  // Of a connection that is being opened: what its protocol hopes for, or the last one has shown.
  size_t expected_capacity_;
  std::shared_ptr<Shelf> shelf_;
  bool draining_ = false;
  UsedConnections used_;
  IdleStack idle_;
  Openings openings_;
  WaitQueue waiters_;
  WorkerShare share_;
  MemberTask<ConnectionPool, &ConnectionPool::ServeWaiters> serve_task_{this};
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_CONNECTION_POOL_H_
