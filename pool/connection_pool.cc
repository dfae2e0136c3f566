#include "pool/connection_pool.h"

#include <utility>
#include <vector>

#include "pool/net/check.h"

namespace holdfast::pool {

namespace {

// What the connection itself tells at the end of a lease.
void AddWhatIsSeen(UpstreamConnection& upstream, TimePoint now, ReuseFacts* facts) {
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
  facts->too_old |= upstream.too_old(now);
  facts->worn_out |= upstream.worn_out() || facts->keep_alive_max == 0u;
  if (upstream.exclusive() && facts->authenticated) upstream.SetAuthenticated();
  facts->authenticated = upstream.record().authenticated;
}

// Whether all was said on a connection that ends like this. An end in good order tells the peer
// that what came before it is whole.
bool IsAtRest(CloseReason end) {
  switch (end) {
    case CloseReason::kPeerAskedClose:
    case CloseReason::kOwnerGone:
    case CloseReason::kDraining:
    case CloseReason::kMaxAge:
    case CloseReason::kMaxRequests:
    case CloseReason::kIdleOff:
    case CloseReason::kIdleTimeout:
    case CloseReason::kIdleEvicted:
    case CloseReason::kDrained:
    case CloseReason::kUnhealthy: return true;
    default: return false;
  }
}

// RFC 8446 section 6.1: each side says its end before it closes. A plain socket does so by itself.
void SayEnd(Connection& connection) {
  if (!connection.open() || connection.gone() || connection.transport().ends_with_socket()) return;
  connection.Shutdown();
}

}  // namespace

ConnectionPool::ConnectionPool(const PoolContext& context, EndpointKey key,
                               const PoolLimits& limits, PoolCells* cells, Cluster* cluster)
    : context_(context),
      key_(std::move(key)),
      limits_(limits),
      cells_(cells),
      cluster_(cluster),
      expected_capacity_(ExpectedCapacity()),
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

size_t ConnectionPool::ExpectedCapacity() const {
  if (of_one_client()) return 1;
  return std::min(context_.protocols->ExpectedCapacity(key_), limits_.streams_per_connection);
}

ConnectionPool::~ConnectionPool() {
  HOLDFAST_CHECK(used_.size() == 0);
  HOLDFAST_CHECK(waiters_.empty());
  if (context_.pools != nullptr) context_.pools->Remove(this);
  share_.Close();
  CloseAllIdle(CloseReason::kDrained);
  openings_.Abandon(CloseReason::kDrained);
}

Checkout ConnectionPool::Acquire(Waiter* waiter, bool fresh, const ProxiedEnds* ends) {
  context_.loop->AssertInLoop();
  HOLDFAST_CHECK(!waiter->waiting());
  fresh |= of_one_client();
  if (!fresh && HasSpare()) {
    UpstreamConnection* const kept = FindUsable();
    if (kept != nullptr && HasSpare()) {
      return Checkout{.status = Checkout::Status::kLeased, .lease = LeaseOut(*kept)};
    }
  }
  return OpenOrWait(waiter, fresh, ends);
}

bool ConnectionPool::MayServe(const UpstreamConnection& upstream, const ProxiedEnds* ends) const {
  if (!of_one_client()) return true;
  const ProxiedEnds* const told = upstream.record().ends.get();
  return told == nullptr || ends == nullptr ? told == ends : *told == *ends;
}

// The idle reader hears of bytes and ends when the loop next waits. What has arrived since it last
// did would be read as the answer to the next request, and every answer after it as that of another
// client; so reuse costs one more system call.
UpstreamConnection* ConnectionPool::FindUsable() {
  while (UpstreamConnection* const open = used_.Fullest()) {
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

CloseReason ConnectionPool::TakeBack(UpstreamConnection* upstream, const ReuseFacts& told) {
  context_.loop->AssertInLoop();
  ReuseFacts facts = told;
  HOLDFAST_CHECK(used_.Contains(*upstream));
  AddWhatIsSeen(*upstream, context_.loop->now(), &facts);
  facts.draining |= draining_;
  facts.idle_off |= limits_.max_idle == 0;
  const CloseReason decision =
      upstream->exclusive() ? DecideReuse(facts) : DecideReuseOfShared(facts);
  shelf_->totals().AddActive(context_.worker, -1);
  shelf_->CountAnswer(context_.worker, told.answer);
  if (told.first_byte >= Duration::zero()) cells_->first_byte().Observe(told.first_byte);
  QueueServing();
  if (upstream->used() > 1) {
    TakeBackOneOfMany(*upstream, decision);
    return decision;
  }
  const CloseReason end =
      upstream->retired() != CloseReason::kNone ? upstream->retired() : decision;
  if (end != CloseReason::kNone) {
    idle_.NoteEnd(end);
    Discard(*upstream, end);
    TellRoom();
  } else {
    Keep(*upstream, facts);
  }
  return end;
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

void ConnectionPool::OnProtocolNews(UpstreamConnection& upstream) {
  context_.loop->AssertInLoop();
  const CloseReason end = upstream.protocol().end();
  if (upstream.used() == 0) {
    idle_.Refresh(upstream);
  } else {
    used_.Remove(upstream);
    upstream.Refresh();
    if (end != CloseReason::kNone) upstream.Retire(end);
    used_.Add(upstream);
  }
  if (end == CloseReason::kNone && !of_one_client()) expected_capacity_ = upstream.capacity();
  QueueServing();
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

void ConnectionPool::CloseOldestOver() {
  OnIdleEnd(*idle_.oldest(), draining_ ? CloseReason::kDrained : CloseReason::kIdleEvicted);
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

void ConnectionPool::TakeOff(UpstreamConnection& idle) {
  const bool aside = idle.state() == UpstreamConnection::State::kAside;
  HOLDFAST_CHECK(aside || idle.state() == UpstreamConnection::State::kIdle);
  idle_.Remove(idle);
  if (aside) share_.ShowAside(this->aside());
}

void ConnectionPool::Discard(UpstreamConnection& upstream, CloseReason end) {
  cells_->closed(end).Add();
  cells_->requests().ObserveCount(upstream.leases());
  Unlink(upstream);
  if (IsAtRest(end)) {
    upstream.protocol().SayEnd();
    SayEnd(upstream.connection());
  }
  upstream.Close();
  context_.loop->DestroyLater(std::unique_ptr<UpstreamConnection>(&upstream));
  idle_.ReturnPlacesBeyond(connections());
  ShowLoad();
}

void ConnectionPool::SetLimits(const PoolLimits& limits) {
  context_.loop->AssertInLoop();
  HOLDFAST_CHECK(limits.max_connections != 0u);
  const bool other_slots = limits.streams_per_connection != limits_.streams_per_connection;
  const bool other_terms = other_slots || limits.max_age != limits_.max_age ||
                           limits.max_requests != limits_.max_requests;
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
  if (other_slots) ApplySlots();
  shelf_->SetCaps(limits_.max_connections, limits_.max_idle);
  idle_.OnNewLimits();
  TrimIdle();
  waiters_.ArmForAll();
  QueueServing();
}

void ConnectionPool::ApplySlots() {
  std::vector<UpstreamConnection*> all;
  const auto add = [&](UpstreamConnection& upstream) { all.push_back(&upstream); };
  used_.ForEach(add);
  idle_.ForEach(add);
  for (UpstreamConnection* const upstream : all) OnProtocolNews(*upstream);
  expected_capacity_ = ExpectedCapacity();
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
