#include "pool/connection_pool.h"

#include <cerrno>
#include <utility>

#include "pool/net/check.h"

namespace holdfast::pool {

void Waiter::CancelWait() {
  if (pool_ == nullptr) return;
  ConnectionPool* pool = pool_;
  pool->RemoveWaiter(*this);
  pool->cells_->checkout(CheckoutResult::kCancelled).Add();
}

ConnectionPool::ConnectionPool(const PoolContext& context, EndpointKey key,
                               const PoolLimits& limits, PoolCells* cells)
    : context_(context), key_(std::move(key)), limits_(limits), cells_(cells) {
  HOLDFAST_CHECK(limits_.max_connections > 0);
}

ConnectionPool::~ConnectionPool() {
  HOLDFAST_CHECK(leased_.empty());
  HOLDFAST_CHECK(waiters_.empty());
  while (!idle_.empty()) CloseIdle(*idle_.back(), IdleEnd::kDrained);
  while (!connecting_.empty()) {
    cells_->closed(IdleEnd::kDrained).Add();
    Discard(*connecting_.back());
  }
}

Checkout ConnectionPool::Acquire(Waiter* waiter, bool fresh) {
  HOLDFAST_CHECK(!waiter->waiting());
  Checkout checkout;
  if (waiters_.empty() && !idle_.empty() && !fresh) {
    cells_->checkout(CheckoutResult::kReused).Add();
    checkout.status = Checkout::Status::kLeased;
    checkout.lease = LeaseOut(*idle_.front());
    return checkout;
  }
  if (waiters_.size() >= limits_.queue_size) {
    checkout.refusal = CheckoutResult::kQueueFull;
    cells_->checkout(checkout.refusal).Add();
    return checkout;
  }
  if (connecting_.size() <= waiters_.size()) {
    // A fresh connection is worth more to a repetition than the oldest idle one.
    if (connections() >= limits_.max_connections && !idle_.empty()) {
      CloseIdle(*idle_.back(), IdleEnd::kIdleEvicted);
    }
    if (connections() < limits_.max_connections && !Connect(&checkout.refusal)) {
      cells_->checkout(checkout.refusal).Add();
      return checkout;
    }
  }
  waiters_.PushBack(*waiter);
  waiter->pool_ = this;
  waiter->since_ = context_.loop->now();
  cells_->waiters.Add(1);
  ArmQueueTimer();
  checkout.status = Checkout::Status::kWaiting;
  return checkout;
}

bool ConnectionPool::Connect(CheckoutResult* refusal) {
  const TimePoint now = context_.loop->now();
  bool in_progress = false;
  int error = 0;
  FileDescriptor socket = StartConnect(key_.address, &in_progress, &error);
  if (!socket.valid()) {
    *refusal = error == EMFILE || error == ENFILE ? CheckoutResult::kNoDescriptors
               : error == ECONNREFUSED            ? CheckoutResult::kConnectRefused
                                                  : CheckoutResult::kConnectFailed;
    return false;
  }
  std::optional<TimePoint> expires_at;
  if (limits_.max_age.has_value()) {
    expires_at = now + context_.random->JitterTenth(*limits_.max_age);
  }
  cells_->opened(connections() == 0 ? OpenReason::kEmpty : OpenReason::kAllBusy).Add();
  auto upstream = std::make_unique<UpstreamConnection>(
      this, context_.loop, context_.slabs, std::move(socket), in_progress, expires_at);
  if (upstream->connection().Open() != 0) {
    cells_->closed(IdleEnd::kConnectFailed).Add();
    *refusal = CheckoutResult::kConnectFailed;
    return false;
  }
  UpstreamConnection& opened = *upstream.release();
  connecting_.PushBack(opened);
  cells_->connecting.Add(1);
  if (in_progress) {
    context_.loop->timers().Arm(opened.timer_, now + limits_.connect_timeout);
  } else {
    OnConnected(opened);
  }
  return true;
}

Lease ConnectionPool::LeaseOut(UpstreamConnection& upstream) {
  idle_.Remove(upstream);
  --context_.idle_budget->used;
  leased_.PushBack(upstream);
  cells_->idle.Add(-1);
  cells_->busy.Add(1);
  upstream.MoveTo(UpstreamConnection::State::kLeased);
  return Lease(this, &upstream);
}

ReuseDecision ConnectionPool::TakeBack(UpstreamConnection* upstream, ReuseFacts facts) {
  HOLDFAST_CHECK(leased_.Contains(*upstream));
  Connection& connection = upstream->connection();
  if (facts.asked && connection.open() && connection.readable()) {
    // The last read came back full, so only a further one can tell whether more is there.
    connection.Fill(1);
  }
  facts.broken |= !connection.open() || connection.hung_up();
  facts.peer_closed |= connection.peer_ended();
  facts.extra_bytes |= !connection.in().empty() || connection.readable();
  facts.request_finished &= connection.out().empty();
  facts.draining |= draining_;
  facts.too_old |= upstream->too_old(context_.loop->now());
  facts.idle_off |= limits_.max_idle == 0;
  const ReuseDecision decision = DecideReuse(facts);
  leased_.Remove(*upstream);
  cells_->busy.Add(-1);
  if (decision == ReuseDecision::kKeep) {
    upstream->MoveTo(UpstreamConnection::State::kIdle);
    KeepIdle(*upstream);
  } else {
    cells_->closed(decision).Add();
    connection.Close();
    upstream->MoveTo(UpstreamConnection::State::kClosed);
    context_.loop->DestroyLater(std::unique_ptr<UpstreamConnection>(upstream));
  }
  if (!waiters_.empty()) context_.loop->Queue(serve_task_);
  return decision;
}

void ConnectionPool::KeepIdle(UpstreamConnection& upstream) {
  IdleBudget& budget = *context_.idle_budget;
  if (!idle_.empty() &&
      (idle_.size() >= limits_.max_idle || budget.used >= budget.limit)) {
    CloseIdle(*idle_.back(), IdleEnd::kIdleEvicted);
  }
  idle_.PushFront(upstream);
  ++budget.used;
  cells_->idle.Add(1);
  if (budget.used > budget.limit && waiters_.empty()) {
    CloseIdle(upstream, IdleEnd::kIdleEvicted);
    return;
  }
  upstream.BeginIdle(context_.loop->now(), limits_.idle_timeout);
}

void ConnectionPool::CloseIdle(UpstreamConnection& upstream, IdleEnd end) {
  HOLDFAST_CHECK(idle_.Contains(upstream));
  cells_->closed(end).Add();
  Discard(upstream);
  // Its place under the cap may be what a waiter needs.
  if (!waiters_.empty()) context_.loop->Queue(serve_task_);
}

void ConnectionPool::OnConnected(UpstreamConnection& upstream) {
  connecting_.Remove(upstream);
  cells_->connecting.Add(-1);
  upstream.MoveTo(UpstreamConnection::State::kIdle);
  KeepIdle(upstream);
  context_.loop->Queue(serve_task_);
}

void ConnectionPool::OnConnectFailed(UpstreamConnection& upstream, CheckoutResult result) {
  HOLDFAST_CHECK(connecting_.Contains(upstream));
  cells_
      ->closed(result == CheckoutResult::kConnectTimeout ? IdleEnd::kConnectTimeout
                                                         : IdleEnd::kConnectFailed)
      .Add();
  Discard(upstream);
  // A waiter stands for each attempt; one whose place a returned connection took is served already.
  if (connecting_.size() < waiters_.size()) FailFirstWaiter(result);
  if (!waiters_.empty()) context_.loop->Queue(serve_task_);
}

void ConnectionPool::Discard(UpstreamConnection& upstream) {
  if (idle_.Contains(upstream)) {
    idle_.Remove(upstream);
    --context_.idle_budget->used;
    cells_->idle.Add(-1);
  } else {
    connecting_.Remove(upstream);
    cells_->connecting.Add(-1);
  }
  upstream.connection().Close();
  upstream.MoveTo(UpstreamConnection::State::kClosed);
  context_.loop->DestroyLater(std::unique_ptr<UpstreamConnection>(&upstream));
}

void ConnectionPool::RemoveWaiter(Waiter& waiter) {
  waiters_.Remove(waiter);
  waiter.pool_ = nullptr;
  cells_->waiters.Add(-1);
}

void ConnectionPool::FailFirstWaiter(CheckoutResult result) {
  Waiter& waiter = *waiters_.front();
  RemoveWaiter(waiter);
  cells_->checkout(result).Add();
  waiter.OnCheckoutFailed(result);
}

void ConnectionPool::ServeWaiters() {
  while (!waiters_.empty() && !idle_.empty()) {
    UpstreamConnection& upstream = *idle_.front();
    Waiter& waiter = *waiters_.front();
    RemoveWaiter(waiter);
    cells_->checkout(upstream.leases() == 0 ? CheckoutResult::kFresh : CheckoutResult::kReused)
        .Add();
    waiter.OnLease(LeaseOut(upstream));
  }
  while (connecting_.size() < waiters_.size() && connections() < limits_.max_connections) {
    CheckoutResult refusal;
    if (!Connect(&refusal)) {
      FailFirstWaiter(refusal);
      break;  // The rest is tried in a later turn: a failing connect must not hold the loop.
    }
  }
  if (!waiters_.empty()) {
    ArmQueueTimer();
    const bool can_go_on = connecting_.size() < waiters_.size() &&
                           connections() < limits_.max_connections;
    if (can_go_on || !idle_.empty()) context_.loop->Queue(serve_task_);
  }
}

void ConnectionPool::ArmQueueTimer() {
  const TimePoint deadline = waiters_.front()->since_ + limits_.queue_timeout;
  if (!queue_timer_.armed()) context_.loop->timers().Arm(queue_timer_, deadline);
}

void ConnectionPool::OnQueueTimer(TimePoint now) {
  while (!waiters_.empty() && now >= waiters_.front()->since_ + limits_.queue_timeout) {
    FailFirstWaiter(CheckoutResult::kQueueTimeout);
  }
  if (!waiters_.empty()) ArmQueueTimer();
}

void ConnectionPool::SetLimits(const PoolLimits& limits) {
  HOLDFAST_CHECK(limits.max_connections > 0);
  limits_ = limits;
  while (!idle_.empty() && (idle_.size() > limits_.max_idle ||
                            connections() > limits_.max_connections)) {
    CloseIdle(*idle_.back(), IdleEnd::kIdleEvicted);
  }
  if (!waiters_.empty()) context_.loop->Queue(serve_task_);
}

void ConnectionPool::Drain() {
  draining_ = true;
  while (!idle_.empty()) CloseIdle(*idle_.back(), IdleEnd::kDrained);
}

}  // namespace holdfast::pool
