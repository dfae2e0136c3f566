#include "pool/cluster.h"

#include <algorithm>
#include <utility>

#include "pool/net/check.h"

namespace holdfast::pool {

Cluster::Cluster(const PoolContext& context, metrics::Shard* shard, std::string name,
                 const PoolLimits& limits, BalancePolicy policy)
    : context_(context),
      name_(std::move(name)),
      limits_(limits),
      cells_(shard, name_),
      balancer_(policy, context.random) {}

Cluster::~Cluster() { cells_.endpoints.Add(-static_cast<int64_t>(pools_.size())); }

void Cluster::Configure(const PoolLimits& limits, BalancePolicy policy) {
  balancer_.set_policy(policy);
  limits_ = limits;
  for (auto& pool : pools_) pool->SetLimits(limits);
}

void Cluster::SetEndpoints(std::span<const SocketAddress> addresses, std::string note) {
  note_ = std::move(note);
  std::vector<std::unique_ptr<ConnectionPool>> next;
  next.reserve(addresses.size());
  for (const SocketAddress& address : addresses) {
    const auto same = [&](const auto& pool) {
      return pool != nullptr && pool->key().address == address;
    };
    if (std::ranges::any_of(next, same)) continue;  // Named twice: still one endpoint.
    const auto known = std::ranges::find_if(pools_, same);
    if (known != pools_.end()) {
      next.push_back(std::move(*known));
    } else {
      next.push_back(std::make_unique<ConnectionPool>(context_, EndpointKey{name_, address},
                                                      limits_, &cells_));
      if (draining_) next.back()->Drain();
    }
  }
  for (auto& pool : pools_) {
    if (pool == nullptr) continue;
    pool->Drain();
    departed_.push_back(std::move(pool));
  }
  cells_.endpoints.Add(static_cast<int64_t>(next.size()) - static_cast<int64_t>(pools_.size()));
  pools_ = std::move(next);
  loads_.resize(pools_.size());
  if (!departed_.empty()) context_.loop->Queue(reap_task_);
}

void Cluster::Drain() {
  draining_ = true;
  for (auto& pool : pools_) pool->Drain();
}

Checkout Cluster::Acquire(Waiter* waiter, bool fresh, const SocketAddress* avoid,
                          SocketAddress* picked) {
  if (!departed_.empty()) context_.loop->Queue(reap_task_);
  if (pools_.empty()) {
    cells_.checkout(CheckoutResult::kNoEndpoint).Add();
    return Checkout{};
  }
  size_t avoided = Balancer::kNoEndpoint;
  if (pools_.size() > 1) {
    for (size_t i = 0; i < pools_.size(); ++i) {
      loads_[i] = pools_[i]->load();
      if (avoid != nullptr && pools_[i]->key().address == *avoid) avoided = i;
    }
  }
  ConnectionPool& pool = *pools_[balancer_.Pick(loads_, avoided)];
  *picked = pool.key().address;
  return pool.Acquire(waiter, fresh);
}

// A pool whose connections are connecting for nobody any more counts as unused, too.
void Cluster::ReapDeparted() {
  std::erase_if(departed_, [](const auto& pool) { return !pool->in_use(); });
}

}  // namespace holdfast::pool
