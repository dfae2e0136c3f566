#ifndef HOLDFAST_POOL_CLUSTER_H_
#define HOLDFAST_POOL_CLUSTER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>
#include <absl/container/inlined_vector.h>

#include "pool/balancer.h"
#include "pool/cluster_options.h"
#include "pool/connection_pool.h"
#include "pool/endpoint.h"
#include "pool/pool_cells.h"
#include "pool/upstream_totals.h"

namespace holdfast::pool {

// Counts one repetition of a request under way, until it goes. Movable. One thread; the upstream's
// cluster outlives it.
class RetryPermit {
 public:
  RetryPermit() = default;
  RetryPermit(RetryPermit&& other) noexcept
      : totals_(std::exchange(other.totals_, nullptr)), worker_(other.worker_) {}
  RetryPermit& operator=(RetryPermit&& other) noexcept {
    Release();
    totals_ = std::exchange(other.totals_, nullptr);
    worker_ = other.worker_;
    return *this;
  }
  ~RetryPermit() { Release(); }

  bool held() const { return totals_ != nullptr; }
  // Ends it early.
  void Release() {
    if (held()) Return();
  }

 private:
  friend class Cluster;
  RetryPermit(UpstreamTotals* totals, size_t worker);
  void Return();

  UpstreamTotals* totals_ = nullptr;
  size_t worker_ = 0;
};

// One upstream as one worker sees it: its endpoints, a pool for each, and the choice among them.
//
// One thread. Shared by the worker's views of the configuration that name it; destroyed when the
// last of them goes, by which time no lease is out. Pools of endpoints that stay survive every
// change. A waiter's callback may call Acquire.
class Cluster {
 public:
  Cluster(const PoolContext& context, metrics::Shard* shard, std::string name,
          const ClusterOptions& options);
  ~Cluster();

  // A reload's new numbers; idle connections stay as far as the new caps allow, but none that was
  // opened under another TLS identity serves anybody who asks from now on.
  void Configure(const ClusterOptions& options);
  // A reload's numbers and endpoints together: pools of new endpoints never have the old numbers.
  void Adopt(const ClusterOptions& options, const EndpointSet& set);
  // The endpoints from now on. An endpoint that left closes its idle connections at once; those in
  // use finish.
  void SetEndpoints(const EndpointSet& set);
  // Closes what is idle and keeps nothing any more, at endpoints to come neither.
  void Drain();

  // As ConnectionPool::Acquire, at the endpoint the balancer picks. `*picked` is the address
  // chosen, unless the answer is kNoEndpoint.
  Checkout Acquire(Waiter* waiter, const Request& request, SocketAddress* picked);

  // How a request went that was sent to `endpoint`, for passive health. Once for each attempt; its
  // pools report connects that fail.
  void Report(const SocketAddress& endpoint, Outcome outcome) {
    context_.loop->AssertInLoop();
    // Until an endpoint has failed a request there is nothing that an answer could end.
    if (outcome != Outcome::kAnswered || totals_->troubled()) NoteOutcome(endpoint, outcome);
  }

  // Whether an endpoint is up that is neither `endpoint` nor among `tried`.
  bool HasOther(const SocketAddress& endpoint, std::span<const SocketAddress> tried) const;
  // Whether a request that has failed at `endpoint` and those `tried` could be sent to another one,
  // up or not.
  bool HasUntried(const SocketAddress& endpoint, std::span<const SocketAddress> tried) const;
  // The time there is to find an endpoint that takes a connection.
  Duration connect_timeout() const { return options_.pool.connect_timeout; }

  // What is known of the endpoint at that address; null when it has left.
  const EndpointSpec* EndpointAt(const SocketAddress& address) const {
    const auto found = by_address_.find(address);
    return found == by_address_.end() ? nullptr : &endpoints_[found->second];
  }

  // The right to repeat a request, while it is held; not held when the upstream's retry budget and
  // breaker leave no room.
  RetryPermit TakeRetryPermit();

  const std::string& name() const { return name_; }
  const std::string& note() const { return note_; }
  // Its connections are introduced: requests are to say whose they are (Request::ends).
  bool introduces() const { return options_.proxy != ProxyVersion::kNone; }
  size_t endpoints() const { return pools_.size(); }
  UpstreamTotals& totals() { return *totals_; }

  // For its pools: where one who waits for a slow connect may try as well, null when that is
  // nowhere. The other family's address of the same host comes first (RFC 8305).
  ConnectionPool* StandInFor(const ConnectionPool& slow, const Waiter& waiter);
  // A waiter that this pool of it has lent to another and that connection of it may serve, no
  // longer waiting there; or null.
  Waiter* ReclaimWaiter(const ConnectionPool& lender, const UpstreamConnection& opened);
  // When a connect is slow.
  Duration SlowConnect() const;
  // One of them is to be passed over.
  void NoteTrouble() { troubled_ = true; }
  // A connect found no route to an address of the family: the others are looked at, too.
  void DoubtUnrouted(int family);
  // For tests.
  const ConnectionPool& pool(size_t i) const { return *pools_[i]; }
  // For tests: what it looks keys up in.
  const KeyTable* keys() const { return balancer_.keys(); }

 private:
  // Of endpoints; a request that has failed nowhere needs no memory of its own.
  using Indices = absl::InlinedVector<size_t, 16>;

  // What the pool of that endpoint is known by now.
  EndpointKey KeyOf(const SocketAddress& address) const {
    return {name_, address, options_.tls, options_.proxy, options_.protocol};
  }
  // The one that has left and is still in use, if there is one, or a new one.
  std::unique_ptr<ConnectionPool> PoolFor(const EndpointKey& key,
                                          std::unique_ptr<ConnectionPool> departed);
  // Pools of another TLS identity, PROXY version or protocol than those of the options leave.
  void ReplaceForeignPools();
  // The endpoint for a request, by index; Balancer::kNoEndpoint when there is none.
  size_t PickFor(const Request& request);
  size_t PickAround(const Request& request);
  // The one that the request prefers, if it may have it; else Balancer::kNoEndpoint.
  size_t PickPreferred(const Request& request);
  void NoteOutcome(const SocketAddress& endpoint, Outcome outcome);
  // The connection that has authenticated this client, if the request may use it.
  Lease LeaseTied(const Request& request);
  size_t Pick(const Request& request, std::span<const size_t> tried, Balancer::Reach reach);
  Indices IndicesOf(std::span<const SocketAddress> addresses) const;
  // Adds those that are passed over; false when there is none.
  bool AddPassedOver(Indices* tried);
  ConnectionPool* OtherFamily(const ConnectionPool& pool);
  // Makes room for one at another endpoint.
  void EvictIdleElsewhere(const ConnectionPool& wanting);
  ConnectionPool* Find(const SocketAddress& address);
  // A task: a pool may be on the stack when its last lease ends.
  void ReapDeparted();

  PoolContext context_;
  std::string name_;
  std::string note_;
  ClusterOptions options_;
  PoolCells cells_;
  std::shared_ptr<UpstreamTotals> totals_;
  Balancer balancer_;
  std::vector<EndpointState> endpoints_;
  std::vector<std::unique_ptr<ConnectionPool>> pools_;     // in the order of endpoints_
  absl::flat_hash_map<SocketAddress, size_t> by_address_;  // of pools_
  std::vector<std::unique_ptr<ConnectionPool>> departed_;  // until their last lease ends
  bool draining_ = false;
  bool troubled_ = false;  // maybe one of pools_ is passed over
  MemberTask<Cluster, &Cluster::ReapDeparted> reap_task_{this};
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_CLUSTER_H_
