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
  if (!fresh && idle_.size() > spoken_for() && SoundIdle() && idle_.size() > spoken_for()) {
    checkout.status = Checkout::Status::kLeased;
    checkout.lease = LeaseOut(*idle_.front());
    return checkout;
  }
  if (coming() <= waiters_.size()) {
    bool refused = false;
    if (MakeRoom()) {
      refused = !Connect(&checkout.refusal);
    } else if (waiters_.size() - coming() >= limits_.queue_size) {
      // Only those for whom nothing is coming are in the queue.
      checkout.refusal = CheckoutResult::kQueueFull;
      refused = true;
    }
    if (refused) {
      cells_->checkout(checkout.refusal).Add();
      return checkout;
    }
  }
  AddWaiter(*waiter, fresh);
  checkout.status = Checkout::Status::kWaiting;
  return checkout;
}

void ConnectionPool::AddWaiter(Waiter& waiter, bool fresh) {
  waiters_.PushBack(waiter);
  waiter.pool_ = this;
  waiter.since_ = context_.loop->now();
  waiter.fresh_ = fresh;
  fresh_waiters_ += fresh ? 1 : 0;
  cells_->waiters.Add(1);
  ArmQueueTimer();
}

// With room wanted and idle connections to spare, it is a fresh one that is wanted: it is worth
// more to a repetition than the oldest idle one.
bool ConnectionPool::MakeRoom() {
  if (connections() >= limits_.max_connections && idle_.size() > spoken_for()) {
    CloseIdle(*idle_.back(), IdleEnd::kIdleEvicted);
  }
  return connections() < limits_.max_connections;
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
  auto upstream = std::make_unique<UpstreamConnection>(this, context_.loop, context_.slabs,
                                                       std::move(socket), expires_at);
  if (upstream->connection().Open() != 0) {
    cells_->closed(IdleEnd::kConnectFailed).Add();
    *refusal = CheckoutResult::kConnectFailed;
    return false;
  }
  UpstreamConnection& opened = *upstream.release();
  connecting_.PushBack(opened);
  cells_->connecting.Add(1);
  context_.loop->timers().Arm(opened.timer_, now + limits_.connect_timeout);
  return true;
}

Lease ConnectionPool::LeaseOut(UpstreamConnection& upstream) {
  cells_->checkout(upstream.leases() == 0 ? CheckoutResult::kFresh : CheckoutResult::kReused).Add();
  Unlink(upstream);
  leased_.PushBack(upstream);
  cells_->busy.Add(1);
  upstream.MoveTo(UpstreamConnection::State::kLeased);
  return Lease(this, &upstream);
}

ReuseDecision ConnectionPool::TakeBack(UpstreamConnection* upstream, ReuseFacts facts) {
  HOLDFAST_CHECK(leased_.Contains(*upstream));
  Connection& connection = upstream->connection();
  if (facts.asked && connection.open() && connection.readable()) {
    // The last read came back full, so only a further one can tell whether more is there.
    const FillStatus status = connection.Fill(1);
    facts.broken |= status == FillStatus::kError;
    facts.peer_closed |= status == FillStatus::kEndOfStream;
  }
  facts.broken |= !connection.open() || connection.hung_up();
  facts.peer_closed |= connection.peer_ended();
  facts.extra_bytes |= !connection.in().empty() || connection.readable();
  facts.request_finished &= connection.out().empty();
  facts.draining |= draining_;
  facts.too_old |= upstream->too_old(context_.loop->now());
  facts.idle_off |= limits_.max_idle == 0;
  const ReuseDecision decision = DecideReuse(facts);
  if (decision == ReuseDecision::kKeep) {
    Unlink(*upstream);
    upstream->MoveTo(UpstreamConnection::State::kIdle);
    KeepIdle(*upstream);
  } else {
    cells_->closed(decision).Add();
    Discard(*upstream);
  }
  QueueServing();
  return decision;
}

void ConnectionPool::KeepIdle(UpstreamConnection& upstream) {
  idle_.PushFront(upstream);
  ++context_.idle_budget->used;
  cells_->idle.Add(1);
  upstream.BeginIdle(context_.loop->now(), limits_.idle_timeout);
  TrimIdle();
}

void ConnectionPool::TrimIdle() {
  const IdleEnd end = draining_ ? IdleEnd::kDrained : IdleEnd::kIdleEvicted;
  const size_t max_idle = draining_ ? 0 : limits_.max_idle;
  while (!idle_.empty() &&
         (idle_.size() - spoken_for() > max_idle || connections() > limits_.max_connections)) {
    CloseIdle(*idle_.back(), end);
  }
  // One at the most: what other pools hold beyond the budget is not for this one to make up.
  const IdleBudget& budget = *context_.idle_budget;
  if (budget.used > budget.limit && idle_.size() > spoken_for()) CloseIdle(*idle_.back(), end);
}

void ConnectionPool::CloseIdle(UpstreamConnection& upstream, IdleEnd end) {
  HOLDFAST_CHECK(idle_.Contains(upstream));
  cells_->closed(end).Add();
  Discard(upstream);
  // Its place under the cap may be what a waiter needs.
  QueueServing();
}

void ConnectionPool::OnConnected(UpstreamConnection& upstream) {
  HOLDFAST_CHECK(connecting_.Contains(upstream));
  if (!waiters_.empty()) return Serve(*waiters_.front(), upstream);
  Unlink(upstream);
  upstream.MoveTo(UpstreamConnection::State::kIdle);
  KeepIdle(upstream);
}

void ConnectionPool::OnConnectFailed(UpstreamConnection& upstream, CheckoutResult result) {
  HOLDFAST_CHECK(connecting_.Contains(upstream));
  cells_
      ->closed(result == CheckoutResult::kConnectTimeout ? IdleEnd::kConnectTimeout
                                                         : IdleEnd::kConnectFailed)
      .Add();
  Discard(upstream);
  // A waiter stands for each attempt, unless a connection that came back is there for it.
  ServeFromIdle();
  if (coming() < waiters_.size()) FailFirstWaiter(result);
  QueueServing();
}

void ConnectionPool::Unlink(UpstreamConnection& upstream) {
  switch (upstream.state()) {
    case UpstreamConnection::State::kConnecting:
      connecting_.Remove(upstream);
      cells_->connecting.Add(-1);
      return;
    case UpstreamConnection::State::kIdle:
      idle_.Remove(upstream);
      --context_.idle_budget->used;
      cells_->idle.Add(-1);
      return;
    case UpstreamConnection::State::kLeased:
      leased_.Remove(upstream);
      cells_->busy.Add(-1);
      return;
    case UpstreamConnection::State::kClosed: HOLDFAST_CHECK(false);
  }
}

void ConnectionPool::Discard(UpstreamConnection& upstream) {
  Unlink(upstream);
  upstream.connection().Close();
  upstream.MoveTo(UpstreamConnection::State::kClosed);
  context_.loop->DestroyLater(std::unique_ptr<UpstreamConnection>(&upstream));
}

void ConnectionPool::RemoveWaiter(Waiter& waiter) {
  waiters_.Remove(waiter);
  waiter.pool_ = nullptr;
  fresh_waiters_ -= waiter.fresh_ ? 1 : 0;
  cells_->waiters.Add(-1);
}

void ConnectionPool::FailFirstWaiter(CheckoutResult result) {
  Waiter& waiter = *waiters_.front();
  RemoveWaiter(waiter);
  cells_->checkout(result).Add();
  waiter.OnCheckoutFailed(result);
}

void ConnectionPool::Serve(Waiter& waiter, UpstreamConnection& upstream) {
  HOLDFAST_CHECK(!waiter.fresh_ || upstream.leases() == 0);
  RemoveWaiter(waiter);
  waiter.OnLease(LeaseOut(upstream));
}

Waiter& ConnectionPool::FirstWilling() const {
  Waiter* waiter = waiters_.front();
  while (waiter->fresh_) waiter = IntrusiveList<Waiter>::Next(*waiter);
  return *waiter;
}

// The idle reader hears of bytes and ends when the loop next waits. What has arrived since it last
// did would be read as the answer to the next request, and every answer after it as that of another
// client; so reuse costs one more system call.
bool ConnectionPool::SoundIdle() {
  while (!idle_.empty()) {
    UpstreamConnection& upstream = *idle_.front();
    const PeekResult found = PeekSocket(upstream.connection().fd());
    if (found == PeekResult::kNothing) return true;
    CloseIdle(upstream,
              found == PeekResult::kBytes ? IdleEnd::kIdleBytes : IdleEnd::kIdlePeerClosed);
  }
  return false;
}

void ConnectionPool::ServeFromIdle() {
  // Those who ask again from inside the call have their turn later: they must not hold the loop.
  for (size_t left = willing(); left > 0 && spoken_for() > 0 && SoundIdle(); --left) {
    Serve(FirstWilling(), *idle_.front());
  }
}

void ConnectionPool::ServeWaiters() {
  ServeFromIdle();
  bool again = spoken_for() > 0;
  while (coming() < waiters_.size() && MakeRoom()) {
    CheckoutResult refusal;
    if (!Connect(&refusal)) {
      FailFirstWaiter(refusal);
      again = true;
      break;  // The rest is tried in a later turn: a failing connect must not hold the loop.
    }
  }
  TrimIdle();
  if (again) QueueServing();
}

void ConnectionPool::QueueServing() {
  if (!waiters_.empty()) context_.loop->Queue(serve_task_);
}

void ConnectionPool::ArmQueueTimer() {
  const TimePoint deadline = waiters_.front()->since_ + limits_.queue_timeout;
  // An earlier wake-up that is armed already may stay; it looks at who waits when it comes.
  if (!queue_timer_.armed() || queue_timer_.deadline() > deadline) {
    context_.loop->timers().Arm(queue_timer_, deadline);
  }
}

void ConnectionPool::OnQueueTimer(TimePoint now) {
  ServeFromIdle();
  for (size_t left = waiters_.size(); left > 0 && !waiters_.empty(); --left) {
    if (now < waiters_.front()->since_ + limits_.queue_timeout) break;
    FailFirstWaiter(CheckoutResult::kQueueTimeout);
  }
  if (!waiters_.empty()) ArmQueueTimer();
}

void ConnectionPool::SetLimits(const PoolLimits& limits) {
  HOLDFAST_CHECK(limits.max_connections > 0);
  limits_ = limits;
  TrimIdle();
  QueueServing();
}

void ConnectionPool::Drain() {
  draining_ = true;
  TrimIdle();
}

}  // namespace holdfast::pool
