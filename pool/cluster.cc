#include "pool/cluster.h"

#include <algorithm>
#include <utility>

#include <absl/container/inlined_vector.h>

#include "pool/net/check.h"

namespace holdfast::pool {

RetryPermit::RetryPermit(UpstreamTotals* totals, size_t worker) : totals_(totals), worker_(worker) {
  totals_->AddRetries(worker_, 1);
}

void RetryPermit::Release() {
  if (totals_ != nullptr) std::exchange(totals_, nullptr)->AddRetries(worker_, -1);
}

Cluster::Cluster(const PoolContext& context, metrics::Shard* shard, std::string name,
                 const ClusterOptions& options)
    : context_(context),
      name_(std::move(name)),
      options_(options),
      cells_(shard, name_),
      totals_(context.shelves->TotalsOf(name_)),
      balancer_(options.balancing, context.random) {
  totals_->SetLimits(options.breakers, options.retry_budget);
  totals_->SetIdleLimit(options.pool.idle_learned, options.pool.idle_timeout);
}

Cluster::~Cluster() = default;

void Cluster::Configure(const ClusterOptions& options) {
  options_ = options;
  balancer_.Configure(options.balancing);
  totals_->SetLimits(options.breakers, options.retry_budget);
  totals_->SetIdleLimit(options.pool.idle_learned, options.pool.idle_timeout);
  for (auto& pool : pools_) pool->SetLimits(options.pool);
}

std::unique_ptr<ConnectionPool> Cluster::PoolFor(const SocketAddress& address) {
  const auto same = [&](const auto& pool) { return pool->key().address == address; };
  if (const auto left = std::ranges::find_if(departed_, same); left != departed_.end()) {
    std::unique_ptr<ConnectionPool> pool = std::move(*left);
    departed_.erase(left);
    pool->SetLimits(options_.pool);
    if (!draining_) pool->Undrain();
    return pool;
  }
  auto pool = std::make_unique<ConnectionPool>(context_, EndpointKey{name_, address}, options_.pool,
                                               &cells_, this);
  if (draining_) pool->Drain();
  return pool;
}

void Cluster::SetEndpoints(const EndpointSet& set) {
  note_ = set.note;
  absl::flat_hash_map<SocketAddress, std::unique_ptr<ConnectionPool>> present;
  for (auto& pool : pools_) {
    const SocketAddress address = pool->key().address;
    present[address] = std::move(pool);
  }
  pools_.clear();
  by_address_.clear();
  endpoints_.clear();
  std::vector<BalancerEndpoint> choices;
  for (const EndpointState& endpoint : set.endpoints) {
    if (by_address_.contains(endpoint.address)) continue;  // Named twice: still one endpoint.
    const auto known = present.find(endpoint.address);
    pools_.push_back(known != present.end() ? std::move(known->second) : PoolFor(endpoint.address));
    by_address_[endpoint.address] = pools_.back().get();
    endpoints_.push_back(endpoint);
    choices.push_back({.address = endpoint.address,
                       .weight = endpoint.weight,
                       .backup = endpoint.backup,
                       .usable = endpoint.availability == Availability::kUp,
                       .drained = endpoint.availability == Availability::kDrained ||
                                  endpoint.availability == Availability::kMaintenance,
                       .up_since = endpoint.up_since});
    if (endpoint.availability == Availability::kUnhealthy ||
        endpoint.availability == Availability::kMaintenance) {
      pools_.back()->CloseAllIdle(CloseReason::kUnhealthy);
    } else if (endpoint.availability != Availability::kUp) {
      pools_.back()->CloseAside(CloseReason::kUnhealthy);
    }
  }
  for (auto& [address, pool] : present) {
    if (pool == nullptr) continue;
    pool->Drain();
    departed_.push_back(std::move(pool));
  }
  balancer_.SetEndpoints(std::move(choices));
  if (!departed_.empty()) context_.loop->Queue(reap_task_);
}

void Cluster::Drain() {
  draining_ = true;
  for (auto& pool : pools_) pool->Drain();
}

Checkout Cluster::Acquire(Waiter* waiter, const Request& request, SocketAddress* picked) {
  if (!departed_.empty()) context_.loop->Queue(reap_task_);
  if (Lease lease = LeaseTied(request); lease.held()) {
    *picked = lease.address();
    return Checkout{.status = Checkout::Status::kLeased, .lease = std::move(lease)};
  }
  const size_t choice = PickFor(request);
  if (choice == Balancer::kNoEndpoint) {
    cells_.checkout(CheckoutResult::kNoEndpoint).Add();
    return Checkout{};
  }
  if (!totals_->MayRequest()) {
    cells_.checkout(CheckoutResult::kRequestsBreaker).Add();
    *picked = pools_[choice]->key().address;
    return Checkout{.refusal = CheckoutResult::kRequestsBreaker};
  }
  ConnectionPool* family = pools_[choice]->hanging() ? OtherFamily(*pools_[choice]) : nullptr;
  ConnectionPool& pool = family != nullptr ? *family : *pools_[choice];
  *picked = pool.key().address;
  // An idle connection to another endpoint is worth less than the one that is needed here.
  if (pool.idle() == 0 && totals_->AtConnectionLimit()) EvictIdleElsewhere(pool);
  return pool.Acquire(waiter, request.fresh);
}

Lease Cluster::LeaseTied(const Request& request) {
  if (request.tie == nullptr || !request.tie->held() || request.fresh) return Lease();
  ConnectionPool& pool = *request.tie->pool();
  const SocketAddress& address = pool.key().address;
  if (Find(address) != &pool || !totals_->MayRequest()) return Lease();
  if (std::ranges::find(request.tried, address) != request.tried.end()) return Lease();
  return pool.LeaseTied(*request.tie);
}

size_t Cluster::PickFor(const Request& request) {
  absl::InlinedVector<size_t, 16> tried;
  for (size_t i = 0; !request.tried.empty() && i < pools_.size(); ++i) {
    const SocketAddress& address = pools_[i]->key().address;
    if (std::ranges::find(request.tried, address) != request.tried.end()) tried.push_back(i);
  }
  return balancer_.Pick({.now = context_.loop->now(), .hash = request.hash, .tried = tried},
                        [&](size_t i) { return pools_[i]->ProcessLoad(); });
}

void Cluster::EvictIdleElsewhere(const ConnectionPool& wanting) {
  for (auto& pool : pools_) {
    if (pool.get() != &wanting && pool->EvictIdle()) return;
  }
}

ConnectionPool* Cluster::OtherFamily(const ConnectionPool& pool) {
  const auto own =
      std::ranges::find_if(pools_, [&](const auto& candidate) { return candidate.get() == &pool; });
  if (own == pools_.end()) return nullptr;
  const EndpointState& slow = endpoints_[static_cast<size_t>(own - pools_.begin())];
  if (slow.host.empty()) return nullptr;
  for (size_t i = 0; i < pools_.size(); ++i) {
    const EndpointState& other = endpoints_[i];
    const bool same_service =
        other.host == slow.host && other.address.port() == slow.address.port();
    if (same_service && other.address.family() != slow.address.family() &&
        other.availability == Availability::kUp) {
      return pools_[i].get();
    }
  }
  return nullptr;
}

Waiter* Cluster::ReclaimWaiter(const Shelf& lender) {
  // The pool it was lent to may have left meanwhile.
  for (auto* pools : {&pools_, &departed_}) {
    for (auto& pool : *pools) {
      if (Waiter* waiter = pool->Reclaim(lender)) return waiter;
    }
  }
  return nullptr;
}

bool Cluster::ReturnWaiter(Waiter& waiter) {
  for (auto& pool : pools_) {
    if (!waiter.LentBy(*pool) || pool->connecting() <= pool->waiters()) continue;
    pool->TakeOver(waiter);
    return true;
  }
  return false;
}

ConnectionPool* Cluster::Find(const SocketAddress& address) {
  const auto found = by_address_.find(address);
  return found == by_address_.end() ? nullptr : found->second;
}

// Until an endpoint has failed a request there is nothing that an answer could end.
void Cluster::Report(const SocketAddress& endpoint, Outcome outcome) {
  if (outcome == Outcome::kAnswered && !totals_->troubled()) return;
  ConnectionPool* pool = Find(endpoint);
  if (pool == nullptr) return;
  if (outcome == Outcome::kAnswered) return pool->shelf().ForgetErrors();
  totals_->SetTroubled();
  const uint32_t errors = pool->shelf().CountError();
  if (options_.consecutive_errors != 0 && errors % options_.consecutive_errors == 0 &&
      context_.on_trouble) {
    context_.on_trouble(name_, endpoint);
  }
}

bool Cluster::HasOther(const SocketAddress& endpoint, std::span<const SocketAddress> tried) const {
  return std::ranges::any_of(endpoints_, [&](const EndpointState& other) {
    return other.availability == Availability::kUp && other.address != endpoint &&
           std::ranges::find(tried, other.address) == tried.end();
  });
}

RetryPermit Cluster::TakeRetryPermit() {
  if (!totals_->MayRetry()) return RetryPermit();
  return RetryPermit(totals_.get(), context_.worker);
}

// A pool whose connections are connecting for nobody any more counts as unused, too.
void Cluster::ReapDeparted() {
  std::erase_if(departed_, [](const auto& pool) { return !pool->in_use(); });
}

}  // namespace holdfast::pool
