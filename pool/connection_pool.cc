#include "pool/connection_pool.h"

#include <utility>

#include "pool/cluster.h"
#include "pool/connect_result.h"
#include "pool/net/check.h"

namespace holdfast::pool {

void Waiter::CancelWait() {
  if (pool_ == nullptr) return;
  ConnectionPool* pool = pool_;
  pool->RemoveWaiter(*this);
  pool->ShowWaiting();
  pool->cells_->checkout(CheckoutResult::kCancelled).Add();
}

bool Waiter::LentBy(const ConnectionPool& pool) const {
  return std::ranges::find(lenders_, &pool.shelf()) != lenders_.end();
}

bool WorkerPools::EvictIdle(const ConnectionPool& asker) {
  for (size_t i = 0; i < pools_.size(); ++i) {
    ConnectionPool* pool = pools_[next_++ % pools_.size()];
    if (pool != &asker && pool->EvictIdle()) return true;
  }
  return false;
}

ConnectionPool::ConnectionPool(const PoolContext& context, EndpointKey key,
                               const PoolLimits& limits, PoolCells* cells, Cluster* cluster)
    : context_(context),
      key_(std::move(key)),
      limits_(limits),
      cells_(cells),
      cluster_(cluster),
      shelf_(context.shelves->For(key_)),
      openings_(context.loop, context.dialer, &key_, cells, this) {
  HOLDFAST_CHECK(limits_.max_connections != 0u);
  shelf_->SetCaps(limits_.max_connections, limits_.max_idle);
  sharing_ = context_.peers != nullptr && shelf_->workers() > 1;
  joined_ = sharing_ && shelf_->Join(context_.worker, this);
  if (context_.pools != nullptr) context_.pools->Add(this);
}

ConnectionPool::~ConnectionPool() {
  HOLDFAST_CHECK(leased_.empty());
  HOLDFAST_CHECK(waiters_.empty());
  if (context_.pools != nullptr) context_.pools->Remove(this);
  LeaveShelf();
  sharing_ = false;
  CloseAllIdle(CloseReason::kDrained);
  openings_.Abandon(CloseReason::kDrained);
  shelf_->ReturnIdlePlaces(idle_places_);
}

Checkout ConnectionPool::Acquire(Waiter* waiter, bool fresh) {
  HOLDFAST_CHECK(!waiter->waiting());
  Checkout checkout;
  if (!fresh && idle_.size() > spoken_for() && SoundIdle() && idle_.size() > spoken_for()) {
    checkout.status = Checkout::Status::kLeased;
    checkout.lease = LeaseOut(*idle_.front());
    return checkout;
  }
  if (!shelf_->totals().MayWait()) {
    checkout.refusal = CheckoutResult::kPendingBreaker;
    cells_->checkout(checkout.refusal).Add();
    return checkout;
  }
  if (coming() <= waiters_.size()) {
    Supply supply = Obtain(fresh, &checkout.refusal);
    // Only those for whom nothing is coming are in the queue.
    if (supply == Supply::kCapped &&
        uncovered() + shelf_->WantedElsewhere(context_.worker) >= limits_.queue_size) {
      checkout.refusal = CheckoutResult::kQueueFull;
      supply = Supply::kFailed;
    }
    if (supply == Supply::kFailed) {
      cells_->checkout(checkout.refusal).Add();
      return checkout;
    }
  }
  waiter->since_ = context_.loop->now();
  waiter->request_.fresh = fresh;
  waiter->lenders_.clear();
  AddWaiter(*waiter);
  ShowWaiting();
  checkout.status = Checkout::Status::kWaiting;
  return checkout;
}

void ConnectionPool::OnOpeningSlow(Opening& opening) {
  if (cluster_ == nullptr) return;
  cluster_->NoteTrouble();
  if (opening.forsaken() || waiters_.empty()) return;
  Waiter& waiter = *waiters_.front();
  ConnectionPool* other = cluster_->StandInFor(*this, waiter);
  if (other == nullptr) return;
  openings_.Forsake(opening);
  RemoveWaiter(waiter);
  ShowWaiting();
  waiter.lenders_.push_back(shelf_.get());
  other->TakeOver(waiter);
}

void ConnectionPool::TakeOver(Waiter& waiter) {
  AddWaiter(waiter);
  QueueServing();
}

void ConnectionPool::Doubt() {
  openings_.Doubt();
  if (cluster_ != nullptr) cluster_->NoteTrouble();
}

void ConnectionPool::ProbeIfDue() {
  if (draining_ || !openings_.TakeProbe()) return;
  ConnectionPermit permit;
  bool breaker = false;
  if (!TakePermit(&permit, &breaker)) return;
  CheckoutResult refusal;
  Connect(WhyOpen(/*fresh=*/false), std::move(permit), &refusal, /*forsaken=*/true);
}

Waiter* ConnectionPool::Reclaim(const Shelf& lender) {
  for (Waiter* waiter = waiters_.front(); waiter != nullptr;
       waiter = IntrusiveList<Waiter>::Next(*waiter)) {
    if (std::ranges::find(waiter->lenders_, &lender) == waiter->lenders_.end()) continue;
    RemoveWaiter(*waiter);
    return waiter;
  }
  return nullptr;
}

void ConnectionPool::AddWaiter(Waiter& waiter) {
  Waiter* before = waiters_.back();
  while (before != nullptr && before->since_ > waiter.since_) {
    before = IntrusiveList<Waiter>::Previous(*before);
  }
  before != nullptr ? waiters_.InsertAfter(*before, waiter) : waiters_.PushFront(waiter);
  waiter.pool_ = this;
  fresh_waiters_ += waiter.request_.fresh ? 1 : 0;
  cells_->waiters.Add(1);
  shelf_->totals().AddActive(context_.worker, 1);
  shelf_->totals().AddPending(context_.worker, 1);
  ShowLoad();
  ArmQueueTimer(waiter);
}

ConnectionPool::Supply ConnectionPool::Obtain(bool fresh, CheckoutResult* refusal) {
  if (!fresh && AskForSpare(/*all=*/false)) return Supply::kComing;
  const OpenReason reason = WhyOpen(fresh);
  ConnectionPermit permit;
  const Supply room = MakeRoom(&permit, refusal);
  if (room != Supply::kComing) return AskForSpare(/*all=*/true) ? Supply::kComing : room;
  return Connect(reason, std::move(permit), refusal) ? Supply::kComing : Supply::kFailed;
}

// With room wanted and idle connections to spare, it is a fresh one that is wanted: it is worth
// more to a repetition than the oldest idle one.
ConnectionPool::Supply ConnectionPool::MakeRoom(ConnectionPermit* permit, CheckoutResult* refusal) {
  bool breaker = false;
  if (TakePermit(permit, &breaker)) return Supply::kComing;
  if (EvictIdle() && TakePermit(permit, &breaker)) return Supply::kComing;
  const bool others = context_.pools != nullptr && shelf_->OutOfDescriptors();
  if (others && context_.pools->EvictIdle(*this) && TakePermit(permit, &breaker)) {
    return Supply::kComing;
  }
  // With no connection of this pool's own, none will come back to a request that waits.
  const bool lost = shelf_->OutOfDescriptors() && leased() + connecting() + idle() == 0;
  if (!breaker && !lost) return Supply::kCapped;
  *refusal = breaker ? CheckoutResult::kConnectionsBreaker : CheckoutResult::kNoDescriptors;
  return Supply::kFailed;
}

bool ConnectionPool::TakePermit(ConnectionPermit* permit, bool* breaker) {
  if (!shelf_->TakeConnection()) return false;
  *breaker = !shelf_->totals().TakeConnection();
  if (*breaker) {
    shelf_->ReturnConnection();
    return false;
  }
  *permit = ConnectionPermit(shelf_);
  return true;
}

bool ConnectionPool::EvictIdle() {
  UpstreamConnection* oldest = idle_.size() > spoken_for() ? idle_.back() : aside_.back();
  if (oldest == nullptr) return false;
  last_end_ = CloseReason::kIdleEvicted;
  cells_->closed(CloseReason::kIdleEvicted).Add();
  Discard(*oldest);
  return true;
}

OpenReason ConnectionPool::WhyOpen(bool fresh) const {
  if (fresh) return OpenReason::kRetry;
  if (leased() + connecting() + idle() + aside() > 0) return OpenReason::kAllBusy;
  switch (last_end_) {
    case CloseReason::kNone:
      return cells_->idle.value() > 0 ? OpenReason::kKeyMismatch : OpenReason::kEmpty;
    case CloseReason::kIdleTimeout: return OpenReason::kExpired;
    case CloseReason::kIdlePeerClosed:
    case CloseReason::kIdleBytes: return OpenReason::kPeerClosed;
    case CloseReason::kMaxAge:
    case CloseReason::kMaxRequests: return OpenReason::kMaxAge;
    case CloseReason::kIdleOff:
    case CloseReason::kIdleEvicted: return OpenReason::kCap;
    case CloseReason::kDrained:
    case CloseReason::kUnhealthy: return OpenReason::kUnhealthy;
    default: return OpenReason::kNotKept;
  }
}

bool ConnectionPool::Connect(OpenReason reason, ConnectionPermit permit, CheckoutResult* refusal,
                             bool forsaken) {
  const TimePoint now = context_.loop->now();
  ConnectionRecord record{.permit = std::move(permit), .open_reason = reason};
  record.opened_at = now;
  SetTerms(&record);
  const Duration slow_after = cluster_ != nullptr ? cluster_->SlowConnect() : kSlowConnect;
  const DialTerms terms{.slow_at = now + slow_after, .deadline = now + limits_.connect_timeout};
  if (openings_.Start(std::move(record), terms, forsaken, refusal)) return true;
  NoteConnectFailure(*refusal);
  if (*refusal == CheckoutResult::kConnectUnreachable && cluster_ != nullptr) {
    cluster_->DoubtUnrouted(key_.address.family());
  }
  return false;
}

// Before anybody who waits hears of it, as openings_ has noted it.
void ConnectionPool::NoteConnectFailure(CheckoutResult result) {
  if (cluster_ == nullptr) return;
  if (openings_.doubtful()) cluster_->NoteTrouble();
  const std::optional<Outcome> outcome = OutcomeOf(result);
  if (outcome.has_value()) cluster_->Report(key_.address, *outcome);
}

Lease ConnectionPool::LeaseOut(UpstreamConnection& upstream) {
  Unlink(upstream);
  leased_.PushBack(upstream);
  cells_->leased.Add(1);
  upstream.MoveTo(UpstreamConnection::State::kLeased);
  cells_->checkout(upstream.result()).Add();
  shelf_->totals().AddActive(context_.worker, 1);
  ShowLoad();
  return Lease(this, &upstream);
}

CloseReason ConnectionPool::TakeBack(UpstreamConnection* upstream, ReuseFacts facts) {
  HOLDFAST_CHECK(leased_.Contains(*upstream));
  Connection& connection = upstream->connection();
  if (facts.asked && connection.open() && connection.readable()) {
    // The last read came back full, so only a further one can tell whether more is there.
    const FillStatus status = connection.Fill(1);
    facts.broken |= status == FillStatus::kError;
    facts.peer_closed |= status == FillStatus::kEndOfStream;
  }
  facts.broken |= !connection.open() || connection.gone();
  facts.peer_closed |= connection.end() != ConnectionEnd::kOpen;
  facts.extra_bytes |= !connection.in().empty() || connection.readable();
  facts.request_finished &= connection.out().empty();
  facts.draining |= draining_;
  facts.too_old |= upstream->too_old(context_.loop->now());
  facts.worn_out |= upstream->worn_out() || facts.keep_alive_max == 0u;
  facts.idle_off |= limits_.max_idle == 0;
  facts.authenticated |= upstream->record_.authenticated;
  upstream->record_.authenticated = facts.authenticated;
  const CloseReason decision = DecideReuse(facts);
  shelf_->totals().AddActive(context_.worker, -1);
  if (decision != CloseReason::kNone) {
    last_end_ = decision;
    cells_->closed(decision).Add();
    Discard(*upstream);
    TellRoom();
  } else {
    if (facts.keep_alive_timeout.has_value()) {
      upstream->record_.peer_timeout = facts.keep_alive_timeout;
    }
    if (facts.authenticated || facts.rest) {
      SetAside(*upstream, facts.authenticated ? facts.tie : nullptr);
    } else if (!GiveAway(*upstream)) {
      Unlink(*upstream);
      upstream->MoveTo(UpstreamConnection::State::kIdle);
      KeepIdle(*upstream, context_.loop->now());
    }
  }
  QueueServing();
  return decision;
}

void ConnectionPool::KeepIdle(UpstreamConnection& upstream, TimePoint since) {
  idle_.PushFront(upstream);
  cells_->idle.Add(1);
  upstream.BeginIdle(since, IdleTimeoutOf(upstream));
  ShowLoad();
  TrimIdle();
}

std::optional<Duration> ConnectionPool::IdleTimeoutOf(const UpstreamConnection& upstream) const {
  if (!limits_.idle_learned) return limits_.idle_timeout;
  const Duration learned = shelf_->totals().idle_expiry();
  const std::optional<Duration>& announced = upstream.record_.peer_timeout;
  return announced.has_value() ? std::min(learned, LearnedExpiry::WithMargin(*announced)) : learned;
}

void ConnectionPool::Learn(const UpstreamConnection& upstream, CloseReason end) {
  if (!limits_.idle_learned) return;
  const TimePoint now = context_.loop->now();
  const Duration age = now - upstream.idle_since();
  if (end == CloseReason::kIdlePeerClosed) shelf_->totals().LearnPeerClose(age, now);
  if (end == CloseReason::kIdleTimeout) shelf_->totals().LearnSurvived(age, now);
}

void ConnectionPool::TrimIdle() {
  const CloseReason end = draining_ ? CloseReason::kDrained : CloseReason::kIdleEvicted;
  while (idle_.size() - spoken_for() > idle_places_ && !draining_ && shelf_->TakeIdlePlace()) {
    ++idle_places_;
  }
  const size_t allowed = draining_ ? 0 : idle_places_;
  while (!idle_.empty() && (idle_.size() - spoken_for() > allowed || shelf_->over_cap())) {
    CloseIdle(*idle_.back(), end);
  }
}

void ConnectionPool::CloseIdle(UpstreamConnection& upstream, CloseReason end) {
  HOLDFAST_CHECK(idle_.Contains(upstream) || aside_.Contains(upstream));
  Learn(upstream, end);
  last_end_ = end;
  cells_->closed(end).Add();
  Discard(upstream);
  // Its place under a cap may be what a waiter needs, here or elsewhere.
  QueueServing();
  TellRoom();
}

void ConnectionPool::CloseAllIdle(CloseReason reason) {
  while (idle_.size() > spoken_for()) CloseIdle(*idle_.back(), reason);
  CloseAside(reason);
}

void ConnectionPool::OnOpened(std::unique_ptr<Connection> connection, ConnectionRecord record) {
  auto made = std::make_unique<UpstreamConnection>(this, context_.loop, std::move(connection),
                                                   std::move(record),
                                                   UpstreamConnection::Origin::kOpenedHere);
  UpstreamConnection& upstream = *made.release();
  if (!waiters_.empty()) return Serve(*waiters_.front(), upstream);
  if (Waiter* lent = cluster_ != nullptr ? cluster_->ReclaimWaiter(*shelf_) : nullptr) {
    return lent->OnLease(LeaseOut(upstream));
  }
  upstream.MoveTo(UpstreamConnection::State::kIdle);
  KeepIdle(upstream, context_.loop->now());
}

void ConnectionPool::OnOpeningFailed(CheckoutResult result, bool forsaken) {
  ReturnSpareIdlePlace();
  NoteConnectFailure(result);
  // A waiter stands for each attempt, unless a connection that came back is there for it, or the
  // waiter went on to another endpoint.
  ServeFromIdle();
  if (!forsaken && coming() < waiters_.size()) FailFirstWaiter(result);
  QueueServing();
  TellRoom();
}

void ConnectionPool::Unlink(UpstreamConnection& upstream) {
  switch (upstream.state()) {
    case UpstreamConnection::State::kNew: break;
    case UpstreamConnection::State::kIdle:
      idle_.Remove(upstream);
      cells_->idle.Add(-1);
      break;
    case UpstreamConnection::State::kAside: UnlinkAside(upstream); break;
    case UpstreamConnection::State::kLeased:
      leased_.Remove(upstream);
      cells_->leased.Add(-1);
      break;
    case UpstreamConnection::State::kClosed: HOLDFAST_CHECK(false);
  }
}

void ConnectionPool::ReturnSpareIdlePlace() {
  if (idle_places_ <= connections()) return;
  shelf_->ReturnIdlePlaces(1);
  --idle_places_;
}

void ConnectionPool::Discard(UpstreamConnection& upstream) {
  Unlink(upstream);
  upstream.connection().Close();
  upstream.record_.permit.Release();
  upstream.MoveTo(UpstreamConnection::State::kClosed);
  context_.loop->DestroyLater(std::unique_ptr<UpstreamConnection>(&upstream));
  ReturnSpareIdlePlace();
  ShowLoad();
}

void ConnectionPool::RemoveWaiter(Waiter& waiter) {
  waiters_.Remove(waiter);
  waiter.pool_ = nullptr;
  fresh_waiters_ -= waiter.request_.fresh ? 1 : 0;
  cells_->waiters.Add(-1);
  shelf_->totals().AddActive(context_.worker, -1);
  shelf_->totals().AddPending(context_.worker, -1);
  ShowLoad();
}

void ConnectionPool::FailWaiter(Waiter& waiter, CheckoutResult result) {
  RemoveWaiter(waiter);
  cells_->checkout(result).Add();
  waiter.OnCheckoutFailed(result, key_.address);
}

void ConnectionPool::Serve(Waiter& waiter, UpstreamConnection& upstream) {
  HOLDFAST_CHECK(!waiter.request_.fresh || upstream.leases() == 0);
  RemoveWaiter(waiter);
  waiter.OnLease(LeaseOut(upstream));
}

Waiter& ConnectionPool::FirstWilling() const {
  Waiter* waiter = waiters_.front();
  while (waiter->request_.fresh) waiter = IntrusiveList<Waiter>::Next(*waiter);
  return *waiter;
}

// The idle reader hears of bytes and ends when the loop next waits. What has arrived since it last
// did would be read as the answer to the next request, and every answer after it as that of another
// client; so reuse costs one more system call.
bool ConnectionPool::SoundIdle() {
  while (!idle_.empty()) {
    UpstreamConnection& upstream = *idle_.front();
    const CloseReason end = upstream.IdleEnd();
    if (end == CloseReason::kNone) return true;
    CloseIdle(upstream, end);
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
  while (coming() < waiters_.size()) {
    CheckoutResult refusal;
    const Supply supply = Obtain(willing() == 0, &refusal);
    if (supply == Supply::kCapped) break;
    if (supply == Supply::kFailed) {
      FailFirstWaiter(refusal);
      again = true;
      break;  // The rest is tried in a later turn: a failing connect must not hold the loop.
    }
  }
  TrimIdle();
  ShowWaiting();
  if (again) QueueServing();
}

void ConnectionPool::QueueServing() {
  if (!waiters_.empty()) context_.loop->Queue(serve_task_);
}

Duration ConnectionPool::PatienceOf(const Waiter& waiter) const {
  return waiter.lenders_.empty() ? limits_.queue_timeout
                                 : std::min(limits_.queue_timeout, limits_.connect_timeout);
}

Waiter* ConnectionPool::FirstDue(TimePoint now) const {
  const Duration least = std::min(limits_.queue_timeout, limits_.connect_timeout);
  for (Waiter* waiter = waiters_.front(); waiter != nullptr && now >= waiter->since_ + least;
       waiter = IntrusiveList<Waiter>::Next(*waiter)) {
    if (now >= waiter->since_ + PatienceOf(*waiter)) return waiter;
  }
  return nullptr;
}

void ConnectionPool::ArmQueueTimer(const Waiter& waiter) {
  const TimePoint deadline = waiter.since_ + PatienceOf(waiter);
  // An earlier wake-up that is armed already may stay; it looks at who waits when it comes.
  if (!queue_timer_.armed() || queue_timer_.deadline() > deadline) {
    context_.loop->timers().Arm(queue_timer_, deadline);
  }
}

void ConnectionPool::OnQueueTimer(TimePoint now) {
  ServeFromIdle();
  for (size_t left = waiters_.size(); left > 0; --left) {
    Waiter* due = FirstDue(now);
    if (due == nullptr) break;
    const bool in_queue = now >= due->since_ + limits_.queue_timeout;
    FailWaiter(*due, in_queue ? CheckoutResult::kQueueTimeout : CheckoutResult::kConnectTimeout);
  }
  for (Waiter* waiter = waiters_.front(); waiter != nullptr;
       waiter = IntrusiveList<Waiter>::Next(*waiter)) {
    ArmQueueTimer(*waiter);
  }
  ShowWaiting();
}

void ConnectionPool::SetLimits(const PoolLimits& limits) {
  HOLDFAST_CHECK(limits.max_connections != 0u);
  const bool other_terms =
      limits.max_age != limits_.max_age || limits.max_requests != limits_.max_requests;
  limits_ = limits;
  if (other_terms) {
    openings_.ForEachRecord([this](ConnectionRecord* record) { SetTerms(record); });
    for (auto* all : {&leased_, &idle_, &aside_}) ApplyTermsTo(*all);
  }
  shelf_->SetCaps(limits_.max_connections, limits_.max_idle);
  while (idle_places_ > 0 && shelf_->over_idle()) {
    shelf_->ReturnIdlePlaces(1);
    --idle_places_;
  }
  TrimIdle();
  LookAtTimers();
  QueueServing();
}

void ConnectionPool::SetTerms(ConnectionRecord* record) {
  record->expires_at.reset();
  record->max_leases.reset();
  if (limits_.max_age.has_value()) {
    record->expires_at = record->opened_at + context_.random->JitterTenth(*limits_.max_age);
  }
  if (limits_.max_requests.has_value()) {
    record->max_leases = context_.random->JitterTenth(uint64_t{*limits_.max_requests});
  }
}

void ConnectionPool::ApplyTermsTo(IntrusiveList<UpstreamConnection>& connections) {
  for (UpstreamConnection* upstream = connections.front(); upstream != nullptr;
       upstream = IntrusiveList<UpstreamConnection>::Next(*upstream)) {
    SetTerms(&upstream->record_);
  }
}

// What waits was armed for the limits of before.
void ConnectionPool::LookAtTimers() {
  for (UpstreamConnection* upstream = idle_.front(); upstream != nullptr;
       upstream = IntrusiveList<UpstreamConnection>::Next(*upstream)) {
    upstream->BeginIdle(upstream->idle_since(), IdleTimeoutOf(*upstream));
  }
  for (UpstreamConnection* upstream = aside_.front(); upstream != nullptr;
       upstream = IntrusiveList<UpstreamConnection>::Next(*upstream)) {
    if (upstream->tie_ == nullptr) continue;  // It rests for a moment, whatever the limits.
    upstream->BeginIdle(upstream->idle_since(), IdleTimeoutOf(*upstream));
  }
  for (Waiter* waiter = waiters_.front(); waiter != nullptr;
       waiter = IntrusiveList<Waiter>::Next(*waiter)) {
    ArmQueueTimer(*waiter);
  }
}

void ConnectionPool::Drain() {
  draining_ = true;
  LeaveShelf();
  CloseAside(CloseReason::kDrained);
  TrimIdle();
}

void ConnectionPool::Undrain() {
  draining_ = false;
  joined_ = joined_ || (sharing_ && shelf_->Join(context_.worker, this));
  ShowLoad();
  ShowWaiting();
}

void ConnectionPool::LeaveShelf() {
  if (std::exchange(joined_, false)) shelf_->Leave(context_.worker);
}

}  // namespace holdfast::pool
