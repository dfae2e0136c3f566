#include "pool/connection_pool.h"

#include <utility>

#include "pool/cluster.h"
#include "pool/connect_result.h"
#include "pool/net/check.h"

namespace holdfast::pool {

ConnectionPool::ConnectionPool(const PoolContext& context, EndpointKey key,
                               const PoolLimits& limits, PoolCells* cells, Cluster* cluster)
    : context_(context),
      key_(std::move(key)),
      limits_(limits),
      cells_(cells),
      cluster_(cluster),
      expected_capacity_(context.protocols->ExpectedCapacity(key_)),
      shelf_(context.shelves->For(key_)),
      used_(cells),
      idle_(context.loop, &limits_, shelf_.get(), cells),
      openings_(context.loop, context.dialer, &key_, shelf_, cells, this),
      waiters_(context.loop, &limits_, cells, &shelf_->totals(), context.worker, this),
      share_(context.loop, context.peers, context.worker, shelf_, this) {
  context_.loop->AssertInLoop();
  HOLDFAST_CHECK(limits_.max_connections != 0u && expected_capacity_ > 0);
  shelf_->SetCaps(limits_.max_connections, limits_.max_idle);
  share_.Join();
  if (context_.pools != nullptr) context_.pools->Add(this);
}

ConnectionPool::~ConnectionPool() {
  HOLDFAST_CHECK(used_.size() == 0);
  HOLDFAST_CHECK(waiters_.empty());
  if (context_.pools != nullptr) context_.pools->Remove(this);
  share_.Close();
  CloseAllIdle(CloseReason::kDrained);
  openings_.Abandon(CloseReason::kDrained);
}

Checkout ConnectionPool::Acquire(Waiter* waiter, bool fresh) {
  context_.loop->AssertInLoop();
  HOLDFAST_CHECK(!waiter->waiting());
  Checkout checkout;
  if (!fresh && at_hand() > spoken_for()) {
    UpstreamConnection* const kept = FindUsable();
    if (kept != nullptr && at_hand() > spoken_for()) {
      checkout.status = Checkout::Status::kLeased;
      checkout.lease = LeaseOut(*kept);
      return checkout;
    }
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
  waiters_.Begin(*waiter, fresh);
  ShowLoad();
  ShowWaiting();
  checkout.status = Checkout::Status::kWaiting;
  return checkout;
}

ConnectionPool::Supply ConnectionPool::Obtain(bool fresh, CheckoutResult* refusal) {
  if (!fresh && share_.AskForSpare(/*all=*/false)) return Supply::kComing;
  const OpenReason reason = WhyOpenNow(fresh);
  ConnectionPermit permit;
  const Openings::Room room = openings_.MakeRoom(&permit, refusal);
  if (room == Openings::Room::kThere) {
    return Open(reason, std::move(permit), refusal) ? Supply::kComing : Supply::kFailed;
  }
  if (share_.AskForSpare(/*all=*/true)) return Supply::kComing;
  return room == Openings::Room::kCapped ? Supply::kCapped : Supply::kFailed;
}

OpenReason ConnectionPool::WhyOpenNow(bool fresh) const {
  return WhyOpen({.fresh = fresh,
                  .has_connections = connections() > 0,
                  .last_end = idle_.last_end(),
                  .idle_elsewhere = cells_->idle.value() > 0});
}

bool ConnectionPool::Open(OpenReason reason, ConnectionPermit permit, CheckoutResult* refusal,
                          bool forsaken) {
  const TimePoint now = context_.loop->now();
  const Duration slow_after = cluster_ != nullptr ? cluster_->SlowConnect() : kSlowConnect;
  const DialTerms terms{.slow_at = now + slow_after, .deadline = now + limits_.connect_timeout};
  ConnectionRecord record{.permit = std::move(permit), .open_reason = reason, .opened_at = now};
  record.terms = NewTerms(now);
  if (openings_.Start(std::move(record), terms, forsaken, refusal)) return true;
  TellOfFailure(*refusal);
  if (*refusal == CheckoutResult::kConnectUnreachable && cluster_ != nullptr) {
    cluster_->DoubtUnrouted(key_.address.family());
  }
  return false;
}

ConnectionTerms ConnectionPool::NewTerms(TimePoint opened_at) const {
  ConnectionTerms terms;
  if (limits_.max_age.has_value()) {
    terms.expires_at = opened_at + context_.random->JitterTenth(*limits_.max_age);
  }
  if (limits_.max_requests.has_value()) {
    terms.max_leases = context_.random->JitterTenth(uint64_t{*limits_.max_requests});
  }
  return terms;
}

// Before anybody who waits hears of it, as openings_ has noted it.
void ConnectionPool::TellOfFailure(CheckoutResult result) {
  if (cluster_ == nullptr) return;
  if (openings_.doubtful()) cluster_->NoteTrouble();
  const std::optional<Outcome> outcome = OutcomeOf(result);
  if (outcome.has_value()) cluster_->Report(key_.address, *outcome);
}

bool ConnectionPool::EvictElsewhere() {
  return context_.pools != nullptr && context_.pools->EvictIdle(*this);
}

// Those it was opened for go on at another endpoint, if there is one to be asked.
void ConnectionPool::OnOpeningSlow(Opening& opening) {
  if (cluster_ == nullptr) return;
  cluster_->NoteTrouble();
  if (opening.forsaken()) return;
  bool lent = false;
  for (size_t left = expected_capacity_; left > 0 && !waiters_.empty(); --left) {
    Waiter& waiter = *waiters_.front();
    ConnectionPool* const other = cluster_->StandInFor(*this, waiter);
    if (other == nullptr) break;
    HOLDFAST_CHECK(other != this);
    if (!std::exchange(lent, true)) openings_.Forsake(opening);
    waiters_.Lend(waiter, *shelf_);
    ShowLoad();
    ShowWaiting();
    other->TakeOver(waiter);
  }
  if (lent && expected_capacity_ > 1) QueueServing();
}

UpstreamConnection& ConnectionPool::Make(std::unique_ptr<Connection> connection,
                                         ConnectionRecord record,
                                         UpstreamConnection::Origin origin) {
  std::unique_ptr<ConnectionProtocol> protocol = context_.protocols->ProtocolFor(*connection);
  HOLDFAST_CHECK(protocol != nullptr);
  UpstreamConnectionOwner* const owner = this;
  auto made = std::make_unique<UpstreamConnection>(owner, context_.loop, std::move(connection),
                                                   std::move(protocol), std::move(record), origin);
  return *made.release();  // Its list owns it.
}

// It serves as many as it carries: those who wait here, and those who have been lent.
void ConnectionPool::OnOpened(std::unique_ptr<Connection> connection, ConnectionRecord record) {
  UpstreamConnection& upstream =
      Make(std::move(connection), std::move(record), UpstreamConnection::Origin::kOpenedHere);
  bool serves = false;
  for (uint32_t left = upstream.capacity(); left > 0; --left) {
    // From inside the last call it may have been given back, or closed.
    if (serves && upstream.state() != UpstreamConnection::State::kOpen) break;
    if (!waiters_.empty()) {
      serves = true;
      Serve(*waiters_.front(), upstream);
    } else if (Waiter* lent = cluster_ != nullptr ? cluster_->ReclaimWaiter(*shelf_) : nullptr) {
      serves = true;
      lent->OnLease(LeaseOut(upstream));
    } else {
      break;
    }
  }
  if (!serves) KeepIdle(upstream, context_.loop->now());
  // It may carry less than was hoped for.
  if (expected_capacity_ > 1) QueueServing();
}

void ConnectionPool::OnOpeningFailed(CheckoutResult result, bool forsaken) {
  idle_.ReturnPlacesBeyond(connections());
  TellOfFailure(result);
  // Waiters stand for each attempt, unless a connection that came back is there for them, or they
  // went on to another endpoint.
  ServeFromKept();
  for (size_t left = expected_capacity_; !forsaken && left > 0 && coming() < waiters_.size();
       --left) {
    FailFirstWaiter(result);
  }
  QueueServing();
  TellRoom();
}

void ConnectionPool::Doubt() {
  openings_.Doubt();
  if (cluster_ != nullptr) cluster_->NoteTrouble();
}

void ConnectionPool::ProbeIfDue() {
  if (draining_ || !openings_.TakeProbe()) return;
  bool breaker = false;
  ConnectionPermit permit = ConnectionPermit::Take(shelf_, &breaker);
  if (!permit.held()) return;
  CheckoutResult refusal;
  Open(WhyOpenNow(/*fresh=*/false), std::move(permit), &refusal, /*forsaken=*/true);
}

// The idle reader hears of bytes and ends when the loop next waits. What has arrived since it last
// did would be read as the answer to the next request, and every answer after it as that of another
// client; so reuse costs one more system call.
UpstreamConnection* ConnectionPool::FindUsable() {
  while (UpstreamConnection* const open = used_.FirstOpen()) {
    const CloseReason end = open->FindEnd();
    if (end == CloseReason::kNone) return open;
    used_.Remove(*open);
    open->Retire(end);
    used_.Add(*open);
  }
  while (UpstreamConnection* const top = idle_.top()) {
    const CloseReason end = top->FindEnd();
    if (end == CloseReason::kNone) return top;
    OnIdleEnd(*top, end);
  }
  return nullptr;
}

Lease ConnectionPool::LeaseOut(UpstreamConnection& upstream) {
  Unlink(upstream);
  const CheckoutResult result = upstream.TakeSlot();
  used_.Add(upstream);
  cells_->checkout(result).Add();
  shelf_->totals().AddActive(context_.worker, 1);
  ShowLoad();
  return Lease(this, &upstream, result);
}

CloseReason ConnectionPool::TakeBack(UpstreamConnection* upstream, ReuseFacts facts) {
  context_.loop->AssertInLoop();
  HOLDFAST_CHECK(used_.Contains(*upstream));
  AddWhatIsSeen(*upstream, &facts);
  const CloseReason decision =
      upstream->exclusive() ? DecideReuse(facts) : DecideReuseOfShared(facts);
  shelf_->totals().AddActive(context_.worker, -1);
  if (upstream->used() > 1) {
    TakeBackOneOfMany(*upstream, decision);
  } else if (const CloseReason end =
                 upstream->retired() != CloseReason::kNone ? upstream->retired() : decision;
             end != CloseReason::kNone) {
    idle_.NoteEnd(end);
    Discard(*upstream, end);
    TellRoom();
  } else {
    Keep(*upstream, facts);
  }
  QueueServing();
  return decision;
}

void ConnectionPool::AddWhatIsSeen(UpstreamConnection& upstream, ReuseFacts* facts) const {
  Connection& connection = upstream.connection();
  if (upstream.exclusive() && facts->asked && connection.open() && connection.readable()) {
    // The last read came back full, so only a further one can tell whether more is there.
    const FillStatus status = connection.Fill(1);
    facts->broken |= status == FillStatus::kError;
    facts->peer_closed |= status == FillStatus::kEndOfStream;
  }
  facts->broken |= !connection.open() || connection.gone();
  facts->peer_closed |= connection.end() != ConnectionEnd::kOpen;
  facts->extra_bytes |= !connection.in().empty() || connection.readable();
  facts->request_finished &= connection.out().empty();
  facts->draining |= draining_;
  facts->too_old |= upstream.too_old(context_.loop->now());
  facts->worn_out |= upstream.worn_out() || facts->keep_alive_max == 0u;
  facts->idle_off |= limits_.max_idle == 0;
  if (upstream.exclusive() && facts->authenticated) upstream.SetAuthenticated();
  facts->authenticated = upstream.record().authenticated;
}

void ConnectionPool::TakeBackOneOfMany(UpstreamConnection& upstream, CloseReason end) {
  used_.Remove(upstream);
  upstream.ReturnSlot();
  if (end != CloseReason::kNone) upstream.Retire(end);
  used_.Add(upstream);
  ShowLoad();
}

void ConnectionPool::Keep(UpstreamConnection& upstream, const ReuseFacts& facts) {
  if (facts.keep_alive_timeout.has_value()) upstream.SetPeerTimeout(*facts.keep_alive_timeout);
  if (facts.authenticated || (facts.rest && upstream.exclusive())) {
    SetAside(upstream, facts.authenticated ? facts.tie : nullptr);
  } else if (!GiveAway(upstream)) {
    KeepIdle(upstream, context_.loop->now());
  }
}

void ConnectionPool::KeepIdle(UpstreamConnection& upstream, TimePoint since) {
  Unlink(upstream);
  idle_.Push(upstream, since);
  ShowLoad();
  TrimIdle();
}

// With a tie it waits for its client as long as an idle one may; without, it rests.
void ConnectionPool::SetAside(UpstreamConnection& upstream, ConnectionTie* tie) {
  if (tie != nullptr) tie->Close();
  Unlink(upstream);
  idle_.PutAside(upstream, tie);
  if (tie != nullptr) tie->Take(&upstream);
  share_.ShowAside(aside());
  ShowLoad();
  if (shelf_->over_cap()) OnIdleEnd(upstream, CloseReason::kIdleEvicted);
}

// Nothing came: it is as good as any other.
void ConnectionPool::OnRestOver(UpstreamConnection& upstream) {
  if (GiveAway(upstream)) return;
  KeepIdle(upstream, upstream.idle_since());
  QueueServing();
}

Lease ConnectionPool::LeaseTied(const ConnectionTie& tie) {
  context_.loop->AssertInLoop();
  UpstreamConnection& upstream = tie.upstream();
  HOLDFAST_CHECK(idle_.Contains(upstream));
  const CloseReason end = upstream.FindEnd();
  if (end == CloseReason::kNone) return LeaseOut(upstream);
  OnIdleEnd(upstream, end);
  return Lease();
}

void ConnectionPool::CloseTied(const ConnectionTie& tie) {
  HOLDFAST_CHECK(tie.pool() == this);
  OnIdleEnd(tie.upstream(), CloseReason::kOwnerGone);
}

// What is aside is not given away, but at a cap it gives way: the place is there for whoever asked.
std::optional<SparedConnection> ConnectionPool::GiveSpare(bool all) {
  if (draining_) return std::nullopt;
  const size_t kept = idle_spoken_for() + (all ? 0 : Shelf::kFloor);
  if (idle_.size() > kept && idle_.oldest()->Detachable()) {
    return TakeOut(*idle_.oldest(), idle_.oldest()->idle_since());
  }
  if (all) EvictIdle();
  return std::nullopt;
}

// Its place under the caps goes with it.
SparedConnection ConnectionPool::TakeOut(UpstreamConnection& upstream, TimePoint idle_since) {
  Unlink(upstream);
  SparedConnection spared = upstream.Spare(idle_since);
  context_.loop->DestroyLater(std::unique_ptr<UpstreamConnection>(&upstream));
  idle_.ReturnPlacesBeyond(connections());
  ShowLoad();
  return spared;
}

bool ConnectionPool::GiveAway(UpstreamConnection& upstream) {
  if (!share_.SomeoneWaits() || !upstream.Detachable()) return false;
  const std::optional<size_t> other = share_.TakeWish(waiters_.SinceOr(TimePoint::max()));
  if (!other.has_value()) return false;
  share_.Send(*other, TakeOut(upstream, context_.loop->now()));
  return true;
}

void ConnectionPool::OnSpared(std::optional<SparedConnection> spared) {
  if (spared.has_value()) {
    const TimePoint since = spared->record.idle_since;
    auto connection =
        std::make_unique<Connection>(context_.loop, context_.slabs, std::move(spared->transport),
                                     /*events=*/nullptr, Connection::Stage::kEstablished);
    if (connection->Open() == 0) {
      KeepIdle(Make(std::move(connection), std::move(spared->record),
                    UpstreamConnection::Origin::kSpared),
               since);
    } else {
      cells_->closed(CloseReason::kBroken).Add();
    }
  }
  ServeFromKept();
  QueueServing();
}

void ConnectionPool::TellRoom() {
  if (!share_.SomeoneWaits()) return;
  const TimePoint own = uncovered() == 0 ? TimePoint::max() : waiters_.SinceOr(TimePoint::max());
  const std::optional<size_t> other = share_.TakeWish(own);
  if (!other.has_value()) return;
  bool breaker = false;
  share_.SendRoom(*other, ConnectionPermit::Take(shelf_, &breaker));
}

void ConnectionPool::OnRoom(ConnectionPermit permit) {
  if (permit.held() && uncovered() > 0) {
    CheckoutResult refusal;
    const OpenReason reason = WhyOpenNow(/*fresh=*/waiters_.willing() == 0);
    if (!Open(reason, std::move(permit), &refusal)) FailFirstWaiter(refusal);
  } else if (permit.held()) {
    permit.Release();
    TellRoom();
  }
  QueueServing();
}

void ConnectionPool::TrimIdle() {
  const CloseReason end = draining_ ? CloseReason::kDrained : CloseReason::kIdleEvicted;
  while (idle_.HasTooMany(idle_spoken_for(), /*keep=*/!draining_)) OnIdleEnd(*idle_.oldest(), end);
}

bool ConnectionPool::EvictIdle() {
  context_.loop->AssertInLoop();
  UpstreamConnection* const oldest =
      idle_.size() > idle_spoken_for() ? idle_.oldest() : idle_.oldest_aside();
  if (oldest == nullptr) return false;
  idle_.NoteEnd(CloseReason::kIdleEvicted);
  Discard(*oldest, CloseReason::kIdleEvicted);
  return true;
}

void ConnectionPool::OnIdleEnd(UpstreamConnection& upstream, CloseReason end) {
  idle_.Learn(upstream, end);
  idle_.NoteEnd(end);
  Discard(upstream, end);
  // Its place under a cap may be what a waiter needs, here or elsewhere.
  QueueServing();
  TellRoom();
}

void ConnectionPool::CloseAllIdle(CloseReason reason) {
  context_.loop->AssertInLoop();
  while (idle_.size() > idle_spoken_for()) OnIdleEnd(*idle_.oldest(), reason);
  CloseAside(reason);
}

void ConnectionPool::CloseAside(CloseReason reason) {
  while (UpstreamConnection* const oldest = idle_.oldest_aside()) OnIdleEnd(*oldest, reason);
}

void ConnectionPool::Unlink(UpstreamConnection& upstream) {
  switch (upstream.state()) {
    case UpstreamConnection::State::kNew: return;
    case UpstreamConnection::State::kIdle: return idle_.Remove(upstream);
    case UpstreamConnection::State::kAside:
      idle_.Remove(upstream);
      return share_.ShowAside(aside());
    case UpstreamConnection::State::kOpen:
    case UpstreamConnection::State::kFull:
    case UpstreamConnection::State::kRetired: return used_.Remove(upstream);
    case UpstreamConnection::State::kClosed: break;
  }
  HOLDFAST_CHECK(false);
}

void ConnectionPool::Discard(UpstreamConnection& upstream, CloseReason end) {
  cells_->closed(end).Add();
  Unlink(upstream);
  upstream.Close();
  context_.loop->DestroyLater(std::unique_ptr<UpstreamConnection>(&upstream));
  idle_.ReturnPlacesBeyond(connections());
  ShowLoad();
}

void ConnectionPool::TakeOver(Waiter& waiter) {
  context_.loop->AssertInLoop();
  HOLDFAST_CHECK(!waiter.waiting());
  waiters_.Add(waiter);
  ShowLoad();
  QueueServing();
}

Waiter* ConnectionPool::Reclaim(const Shelf& lender) {
  Waiter* const waiter = waiters_.FirstLentBy(lender);
  if (waiter != nullptr) RemoveWaiter(*waiter);
  return waiter;
}

void ConnectionPool::RemoveWaiter(Waiter& waiter) {
  waiters_.Remove(waiter);
  ShowLoad();
}

void ConnectionPool::FailWaiter(Waiter& waiter, CheckoutResult result) {
  RemoveWaiter(waiter);
  cells_->checkout(result).Add();
  waiter.OnCheckoutFailed(result, key_.address);
}

void ConnectionPool::OnWaitCancelled() {
  context_.loop->AssertInLoop();
  ShowLoad();
  ShowWaiting();
}

void ConnectionPool::Serve(Waiter& waiter, UpstreamConnection& upstream) {
  // Opened a moment ago: others may have had a lease of it since, but it was never idle.
  const bool new_here =
      upstream.state() != UpstreamConnection::State::kIdle && !upstream.was_kept();
  HOLDFAST_CHECK(!waiter.wanted().fresh || new_here);
  RemoveWaiter(waiter);
  waiter.OnLease(LeaseOut(upstream));
}

void ConnectionPool::ServeFromKept() {
  // Those who ask again from inside the call have their turn later: they must not hold the loop.
  for (size_t left = waiters_.willing(); left > 0 && spoken_for() > 0; --left) {
    UpstreamConnection* const usable = FindUsable();
    if (usable == nullptr) return;
    Serve(waiters_.FirstWilling(), *usable);
  }
}

void ConnectionPool::ServeWaiters() {
  ServeFromKept();
  bool again = spoken_for() > 0;
  while (coming() < waiters_.size()) {
    CheckoutResult refusal;
    const Supply supply = Obtain(waiters_.willing() == 0, &refusal);
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

void ConnectionPool::ShowWaiting() {
  share_.ShowWaiting(uncovered(), waiters_.SinceOr(TimePoint()));
}

void ConnectionPool::OnWaitsDue(TimePoint now) {
  ServeFromKept();
  for (size_t left = waiters_.size(); left > 0; --left) {
    Waiter* const due = waiters_.FirstDue(now);
    if (due == nullptr) break;
    FailWaiter(*due, waiters_.WhyDue(*due, now));
  }
  waiters_.ArmForAll();
  ShowWaiting();
}

void ConnectionPool::SetLimits(const PoolLimits& limits) {
  context_.loop->AssertInLoop();
  HOLDFAST_CHECK(limits.max_connections != 0u);
  const bool other_terms =
      limits.max_age != limits_.max_age || limits.max_requests != limits_.max_requests;
  limits_ = limits;
  if (other_terms) {
    openings_.ForEachRecord(
        [this](ConnectionRecord* record) { record->terms = NewTerms(record->opened_at); });
    const auto apply = [this](UpstreamConnection& upstream) {
      upstream.SetTerms(NewTerms(upstream.record().opened_at));
    };
    used_.ForEach(apply);
    idle_.ForEach(apply);
  }
  shelf_->SetCaps(limits_.max_connections, limits_.max_idle);
  idle_.OnNewLimits();
  TrimIdle();
  waiters_.ArmForAll();
  QueueServing();
}

void ConnectionPool::Drain() {
  context_.loop->AssertInLoop();
  draining_ = true;
  share_.Leave();
  CloseAside(CloseReason::kDrained);
  TrimIdle();
}

void ConnectionPool::Undrain() {
  context_.loop->AssertInLoop();
  draining_ = false;
  share_.Join();
  ShowLoad();
  ShowWaiting();
}

bool ConnectionPool::Validate() const {
  if (!used_.Validate() || !idle_.Validate() || !openings_.Validate() || !waiters_.Validate() ||
      !share_.Validate()) {
    return false;
  }
  // Other workers and other endpoints have their part of these.
  const auto at_least = [](int64_t gauge, size_t part) {
    return gauge >= static_cast<int64_t>(part);
  };
  const bool gauges = at_least(cells_->idle.value(), idle() + aside()) &&
                      at_least(cells_->leased.value(), used_.size()) &&
                      at_least(cells_->connecting.value(), connecting()) &&
                      at_least(cells_->waiters.value(), waiters());
  const bool permits =
      shelf_->connections() >= connections() && shelf_->totals().connections() >= connections();
  const bool totals =
      shelf_->totals().active() >= load() && shelf_->totals().pending() >= waiters();
  return gauges && permits && totals;
}

}  // namespace holdfast::pool
