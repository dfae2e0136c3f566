#ifndef HOLDFAST_POOL_CLUSTER_H_
#define HOLDFAST_POOL_CLUSTER_H_

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pool/balancer.h"
#include "pool/connection_pool.h"
#include "pool/limits.h"
#include "pool/pool_cells.h"

namespace holdfast::pool {

// One upstream as one worker sees it: its endpoints, a pool for each, and the choice among them.
//
// One thread. Shared by the worker's views of the configuration that name it; destroyed when the
// last of them goes, by which time no lease is out. Pools of endpoints that stay survive every
// change. A waiter's callback may call Acquire.
class Cluster {
 public:
  Cluster(const PoolContext& context, metrics::Shard* shard, std::string name,
          const PoolLimits& limits, BalancePolicy policy);
  ~Cluster();

  // A reload's new numbers; idle connections stay as far as the new caps allow.
  void Configure(const PoolLimits& limits, BalancePolicy policy);
  // The endpoints from now on. An endpoint that left closes its idle connections at once; those in
  // use finish. `note` says why some are missing, for error responses and operators.
  void SetEndpoints(std::span<const SocketAddress> addresses, std::string note);
  // Closes what is idle and keeps nothing any more, at endpoints to come neither.
  void Drain();

  // As ConnectionPool::Acquire, at the endpoint the balancer picks. `avoid` (may be null) is the
  // endpoint that has just failed; `*picked` is the address chosen, unless the answer is
  // kNoEndpoint.
  Checkout Acquire(Waiter* waiter, bool fresh, const SocketAddress* avoid, SocketAddress* picked);

  const std::string& name() const { return name_; }
  const std::string& note() const { return note_; }
  size_t endpoints() const { return pools_.size(); }
  // For tests and the admin port.
  const ConnectionPool& pool(size_t i) const { return *pools_[i]; }

 private:
  // A task: a pool may be on the stack when its last lease ends.
  void ReapDeparted();

  PoolContext context_;
  std::string name_;
  std::string note_;
  PoolLimits limits_;
  PoolCells cells_;
  Balancer balancer_;
  std::vector<std::unique_ptr<ConnectionPool>> pools_;
  std::vector<std::unique_ptr<ConnectionPool>> departed_;  // until their last lease ends
  std::vector<size_t> loads_;                              // scratch, kept for its memory
  bool draining_ = false;
  MemberTask<Cluster, &Cluster::ReapDeparted> reap_task_{this};
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_CLUSTER_H_
