#include "pool/cluster.h"

#include <algorithm>
#include <utility>

#include "pool/net/check.h"

namespace holdfast::pool {
namespace {

// Each look for a route is three system calls.
constexpr int kMaxRouteLooks = 64;

}  // namespace

RetryPermit::RetryPermit(UpstreamTotals* totals, size_t worker) : totals_(totals), worker_(worker) {
  HOLDFAST_CHECK(totals_ != nullptr);
  totals_->AddRetries(worker_, 1);
}

void RetryPermit::Return() { std::exchange(totals_, nullptr)->AddRetries(worker_, -1); }

Cluster::Cluster(const PoolContext& context, metrics::Shard* shard, std::string name,
                 const ClusterOptions& options)
    : context_(context),
      name_(std::move(name)),
      options_(options),
      cells_(shard, name_, context.loop),
      totals_(context.shelves->TotalsOf(name_)),
      balancer_(options.balancing, context.random) {
  totals_->SetLimits(options.breakers, options.retry_budget);
  totals_->SetIdleLimit(options.pool.idle_learned, options.pool.idle_timeout);
}

Cluster::~Cluster() { context_.loop->AssertInLoop(); }

void Cluster::Configure(const ClusterOptions& options) {
  context_.loop->AssertInLoop();
  options_ = options;
  balancer_.Configure(options.balancing);
  totals_->SetPanic(balancer_.panic());
  totals_->SetLimits(options.breakers, options.retry_budget);
  totals_->SetIdleLimit(options.pool.idle_learned, options.pool.idle_timeout);
  ReplaceForeignPools();
  for (auto& pool : pools_) pool->SetLimits(options.pool);
}

// The endpoints first: they bring the table of keys that a new policy asks for.
void Cluster::Adopt(const ClusterOptions& options, const EndpointSet& set) {
  options_ = options;
  SetEndpoints(set);
  Configure(options);
}

void Cluster::ReplaceForeignPools() {
  for (auto& pool : pools_) {
    const EndpointKey key = KeyOf(pool->key().address);
    if (pool->key() == key) continue;
    const auto same = [&](const auto& left) { return left->key() == key; };
    std::unique_ptr<ConnectionPool> known;
    if (const auto left = std::ranges::find_if(departed_, same); left != departed_.end()) {
      known = std::move(*left);
      departed_.erase(left);
    }
    std::unique_ptr<ConnectionPool> next = PoolFor(key, std::move(known));
    pool->Drain();
    departed_.push_back(std::exchange(pool, std::move(next)));
  }
  if (!departed_.empty()) context_.loop->Queue(reap_task_);
}

std::unique_ptr<ConnectionPool> Cluster::PoolFor(const EndpointKey& key,
                                                 std::unique_ptr<ConnectionPool> departed) {
  if (departed != nullptr) {
    departed->SetLimits(options_.pool);
    if (!draining_) departed->Undrain();
    return departed;
  }
  auto pool = std::make_unique<ConnectionPool>(context_, key, options_.pool, &cells_, this);
  if (draining_) pool->Drain();
  return pool;
}

// Linear: an upstream may have thousands of endpoints, and each worker sees each change.
void Cluster::SetEndpoints(const EndpointSet& set) {
  context_.loop->AssertInLoop();
  using Pools = absl::flat_hash_map<EndpointKey, std::unique_ptr<ConnectionPool>>;
  const auto by_key = [](std::vector<std::unique_ptr<ConnectionPool>>& pools) {
    Pools map;
    map.reserve(pools.size());
    for (auto& pool : std::exchange(pools, {})) {
      const EndpointKey key = pool->key();
      HOLDFAST_CHECK(map.try_emplace(key, std::move(pool)).second);
    }
    return map;
  };
  const auto take = [](Pools& pools, const EndpointKey& key) {
    auto node = pools.extract(key);
    return node.empty() ? nullptr : std::move(node.mapped());
  };
  note_ = set.note;
  Pools present = by_key(pools_);
  Pools departed = by_key(departed_);
  by_address_.clear();
  endpoints_.clear();
  std::vector<BalancerEndpoint> choices;
  choices.reserve(set.endpoints.size());
  for (const EndpointState& endpoint : set.endpoints) {
    // Named twice: still one endpoint.
    if (!by_address_.try_emplace(endpoint.address, pools_.size()).second) continue;
    const EndpointKey key = KeyOf(endpoint.address);
    std::unique_ptr<ConnectionPool> known = take(present, key);
    pools_.push_back(known != nullptr ? std::move(known) : PoolFor(key, take(departed, key)));
    endpoints_.push_back(endpoint);
    choices.push_back(BalancerEndpointOf(endpoint));
    if (endpoint.availability == Availability::kUnhealthy ||
        endpoint.availability == Availability::kMaintenance) {
      pools_.back()->CloseAllIdle(CloseReason::kUnhealthy);
    } else if (endpoint.availability != Availability::kUp) {
      pools_.back()->CloseAside(CloseReason::kUnhealthy);
    }
  }
  for (auto& [key, pool] : departed) departed_.push_back(std::move(pool));
  for (auto& [key, pool] : present) {
    pool->Drain();
    departed_.push_back(std::move(pool));
  }
  balancer_.SetEndpoints(std::move(choices), set.keys);
  totals_->SetPanic(balancer_.panic());
  if (!departed_.empty()) context_.loop->Queue(reap_task_);
}

void Cluster::Drain() {
  context_.loop->AssertInLoop();
  draining_ = true;
  for (auto& pool : pools_) pool->Drain();
}

Checkout Cluster::Acquire(Waiter* waiter, const Request& request, SocketAddress* picked) {
  context_.loop->AssertInLoop();
  if (!departed_.empty()) context_.loop->Queue(reap_task_);
  if (request.tie != nullptr && request.tie->held()) {
    if (Lease lease = LeaseTied(request); lease.held()) {
      *picked = lease.address();
      return Checkout{.status = Checkout::Status::kLeased, .lease = std::move(lease)};
    }
  }
  const size_t choice = PickFor(request);
  HOLDFAST_CHECK(choice == Balancer::kNoEndpoint || choice < pools_.size());
  if (choice == Balancer::kNoEndpoint) {
    cells_.checkout(CheckoutResult::kNoEndpoint).Add();
    return Checkout{};
  }
  if (!totals_->MayRequest()) {
    cells_.checkout(CheckoutResult::kRequestsBreaker).Add();
    *picked = pools_[choice]->key().address;
    return Checkout{.refusal = CheckoutResult::kRequestsBreaker};
  }
  ConnectionPool& pool = *pools_[choice];
  *picked = pool.key().address;
  // An idle connection to another endpoint is worth less than the one that is needed here.
  if (pool.idle() == 0 && totals_->AtConnectionLimit()) EvictIdleElsewhere(pool);
  Checkout checkout = pool.Acquire(waiter, request.fresh, request.ends);
  if (checkout.status == Checkout::Status::kWaiting) waiter->Remember(request);
  return checkout;
}

Lease Cluster::LeaseTied(const Request& request) {
  HOLDFAST_CHECK(request.tie->held());
  if (request.fresh) return Lease();
  ConnectionPool& pool = *request.tie->pool();
  const SocketAddress& address = pool.key().address;
  if (Find(address) != &pool || !totals_->MayRequest()) return Lease();
  if (std::ranges::find(request.tried, address) != request.tried.end()) return Lease();
  if (!pool.MayServe(request.tie->upstream(), request.ends)) return Lease();
  return pool.LeaseTied(*request.tie);
}

size_t Cluster::PickPreferred(const Request& request) {
  const auto found = by_address_.find(*request.preferred);
  if (found == by_address_.end()) return Balancer::kNoEndpoint;
  const size_t i = found->second;
  const bool failed = std::ranges::find(request.tried, *request.preferred) != request.tried.end();
  if (failed || pools_[i]->passed_over() || !balancer_.MayTake(i)) return Balancer::kNoEndpoint;
  for (size_t j = 0; troubled_ && j < pools_.size(); ++j) pools_[j]->ProbeIfDue();
  return i;
}

size_t Cluster::PickFor(const Request& request) {
  if (request.preferred != nullptr) {
    const size_t preferred = PickPreferred(request);
    if (preferred != Balancer::kNoEndpoint) return preferred;
  }
  if (troubled_ || !request.tried.empty()) return PickAround(request);
  if (const size_t only = balancer_.only(); only != Balancer::kNoEndpoint) return only;
  return Pick(request, {},
              request.last_resort ? Balancer::Reach::kLastResort : Balancer::Reach::kUsable);
}

// Others than those that have failed it or are passed over, if that can be.
size_t Cluster::PickAround(const Request& request) {
  const Indices tried = IndicesOf(request.tried);
  if (troubled_) {
    Indices avoided = tried;
    troubled_ = AddPassedOver(&avoided);
    for (size_t i = 0; troubled_ && i < pools_.size(); ++i) pools_[i]->ProbeIfDue();
    const size_t choice = Pick(request, avoided, Balancer::Reach::kUntried);
    if (choice != Balancer::kNoEndpoint) return choice;
  }
  return Pick(request, tried,
              request.last_resort ? Balancer::Reach::kLastResort : Balancer::Reach::kUsable);
}

size_t Cluster::Pick(const Request& request, std::span<const size_t> tried, Balancer::Reach reach) {
  return balancer_.Pick(
      {.now = context_.loop->now(), .hash = request.hash, .tried = tried, .reach = reach},
      [&](size_t i) { return pools_[i]->ProcessLoad(); });
}

Cluster::Indices Cluster::IndicesOf(std::span<const SocketAddress> addresses) const {
  Indices indices;
  for (const SocketAddress& address : addresses) {
    const auto found = by_address_.find(address);
    if (found != by_address_.end()) indices.push_back(found->second);
  }
  return indices;
}

bool Cluster::AddPassedOver(Indices* tried) {
  bool any = false;
  for (size_t i = 0; i < pools_.size(); ++i) {
    if (!pools_[i]->passed_over()) continue;
    any = true;
    if (std::ranges::find(*tried, i) == tried->end()) tried->push_back(i);
  }
  return any;
}

// Those that are passed over, too, when no other is left to be asked: one of them may be back.
ConnectionPool* Cluster::StandInFor(const ConnectionPool& slow, const Waiter& waiter) {
  context_.loop->AssertInLoop();
  Indices asked = IndicesOf(waiter.wanted().tried);
  for (size_t i = 0; i < pools_.size(); ++i) {
    const bool here = pools_[i].get() == &slow || waiter.LentBy(pools_[i]->shelf());
    if (here && std::ranges::find(asked, i) == asked.end()) asked.push_back(i);
  }
  Indices avoided = asked;
  AddPassedOver(&avoided);
  ConnectionPool* family = OtherFamily(slow);
  for (const size_t i : avoided) family = pools_[i].get() == family ? nullptr : family;
  if (family != nullptr) return family;
  for (const Indices* tried : {&avoided, &asked}) {
    const size_t choice = Pick(waiter.wanted(), *tried, Balancer::Reach::kUntried);
    if (choice != Balancer::kNoEndpoint) return pools_[choice].get();
  }
  return nullptr;
}

Duration Cluster::SlowConnect() const {
  const auto endpoints = static_cast<int64_t>(std::max<size_t>(1, pools_.size()));
  // The timer comes up to a tick late.
  return std::clamp<Duration>(options_.pool.connect_timeout / endpoints - TimerWheel::kTick,
                              TimerWheel::kTick, ConnectionPool::kSlowConnect);
}

void Cluster::DoubtUnrouted(int family) {
  int looks = 0;
  for (auto& pool : pools_) {
    const SocketAddress& address = pool->key().address;
    if (address.family() != family || pool->doubtful()) continue;
    if (++looks > kMaxRouteLooks) return;
    if (!HasRoute(address)) pool->Doubt();
  }
}

void Cluster::EvictIdleElsewhere(const ConnectionPool& wanting) {
  for (auto& pool : pools_) {
    if (pool.get() != &wanting && pool->EvictIdle()) return;
  }
}

ConnectionPool* Cluster::OtherFamily(const ConnectionPool& pool) {
  const auto own = by_address_.find(pool.key().address);
  if (own == by_address_.end() || pools_[own->second].get() != &pool) return nullptr;
  const EndpointState& slow = endpoints_[own->second];
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

Waiter* Cluster::ReclaimWaiter(const ConnectionPool& lender, const UpstreamConnection& opened) {
  // The pool it was lent to may have left meanwhile.
  for (auto* pools : {&pools_, &departed_}) {
    for (auto& pool : *pools) {
      if (Waiter* waiter = pool->Reclaim(lender, opened)) return waiter;
    }
  }
  return nullptr;
}

ConnectionPool* Cluster::Find(const SocketAddress& address) {
  const auto found = by_address_.find(address);
  return found == by_address_.end() ? nullptr : pools_[found->second].get();
}

void Cluster::NoteOutcome(const SocketAddress& endpoint, Outcome outcome) {
  ConnectionPool* pool = Find(endpoint);
  if (pool == nullptr) return;
  if (outcome == Outcome::kAnswered) return pool->shelf().ForgetErrors();
  totals_->SetTroubled();
  const uint32_t errors = pool->shelf().CountError();
  if (!options_.outlier.has_value() || !context_.on_trouble) return;
  if (errors % options_.outlier->consecutive_errors == 0) {
    context_.on_trouble(name_, endpoint,
                        std::to_string(errors) +
                            " failures in a row, the last: " + std::string(OutcomeName(outcome)));
  }
}

bool Cluster::HasOther(const SocketAddress& endpoint, std::span<const SocketAddress> tried) const {
  context_.loop->AssertInLoop();
  HOLDFAST_CHECK(endpoints_.size() == pools_.size());
  return std::ranges::any_of(endpoints_, [&](const EndpointState& other) {
    return other.availability == Availability::kUp && other.address != endpoint &&
           std::ranges::find(tried, other.address) == tried.end();
  });
}

bool Cluster::HasUntried(const SocketAddress& endpoint,
                         std::span<const SocketAddress> tried) const {
  context_.loop->AssertInLoop();
  Indices indices = IndicesOf(tried);
  const auto found = by_address_.find(endpoint);
  if (found != by_address_.end()) indices.push_back(found->second);
  return balancer_.HasUntried(indices);
}

RetryPermit Cluster::TakeRetryPermit() {
  context_.loop->AssertInLoop();
  if (!totals_->MayRetry()) return RetryPermit();
  return RetryPermit(totals_.get(), context_.worker);
}

// A pool whose connections are connecting for nobody any more counts as unused, too.
void Cluster::ReapDeparted() {
  std::erase_if(departed_, [](const auto& pool) { return !pool->in_use(); });
}

}  // namespace holdfast::pool
