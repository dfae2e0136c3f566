// The part of ConnectionPool that deals with the other workers' pools for the same endpoint.

#include <utility>

#include "pool/connection_pool.h"
#include "pool/net/check.h"

namespace holdfast::pool {

size_t ConnectionPool::ProcessLoad() {
  const TimePoint now = context_.loop->now();
  if (sharing_ && now - load_seen_ >= kLoadAge) {
    load_seen_ = now;
    load_elsewhere_ = shelf_->LoadElsewhere(context_.worker);
  }
  return load() + load_elsewhere_;
}

void ConnectionPool::ShowLoad() {
  if (joined_) shelf_->ShowLoad(context_.worker, load(), idle_.size());
}

void ConnectionPool::ShowAside() {
  if (joined_) shelf_->ShowAside(context_.worker, aside_.size());
}

bool ConnectionPool::AskForSpare(bool all) {
  if (!joined_ || draining_ || context_.loop->now() < ask_again_at_) return false;
  const std::optional<size_t> owner = shelf_->ClaimSpare(context_.worker, all);
  if (!owner.has_value()) return false;
  // Those who ask later do not prolong the patience with an owner that is silent.
  if (asked_++ == 0 || !share_timer_.armed()) ArmShareTimer();
  context_.peers->Post(
      *owner, [peers = context_.peers, shelf = shelf_, asker = context_.worker, owner = *owner,
               all] { AnswerAsk(peers, shelf, asker, owner, all); });
  return true;
}

void ConnectionPool::AnswerAsk(const Peers* peers, const std::shared_ptr<Shelf>& shelf,
                               size_t asker, size_t owner, bool all) {
  shelf->EndClaim(owner);
  std::optional<SparedConnection> spared;
  if (ConnectionPool* pool = shelf->pool(owner); pool != nullptr) spared = pool->GiveSpare(all);
  peers->Post(asker, [shelf, asker, spared = std::move(spared)]() mutable {
    ConnectionPool* pool = shelf->pool(asker);
    if (pool == nullptr) return;  // It went meanwhile; what was spared is closed.
    if (pool->asked_ > 0 && --pool->asked_ > 0) pool->ArmShareTimer();
    pool->OnSpared(std::move(spared));
  });
}

// What is aside is not given away, but at a cap it gives way: the place is there for whoever asked.
std::optional<SparedConnection> ConnectionPool::GiveSpare(bool all) {
  const size_t kept = spoken_for() + (all ? 0 : Shelf::kFloor);
  if (draining_) return std::nullopt;
  if (idle_.size() > kept && idle_.back()->connection().Detachable()) {
    return TakeOut(*idle_.back());
  }
  if (all) EvictIdle();
  return std::nullopt;
}

// Its place under the caps goes with it.
SparedConnection ConnectionPool::TakeOut(UpstreamConnection& upstream) {
  Unlink(upstream);
  SparedConnection spared = upstream.Spare();
  context_.loop->DestroyLater(std::unique_ptr<UpstreamConnection>(&upstream));
  ReturnSpareIdlePlace();
  ShowLoad();
  return spared;
}

bool ConnectionPool::GiveAway(UpstreamConnection& upstream) {
  if (!sharing_ || !shelf_->SomeoneWaits() || !upstream.connection().Detachable()) return false;
  const TimePoint own = waiters_.empty() ? TimePoint::max() : waiters_.front()->since_;
  const std::optional<size_t> other = shelf_->TakeWish(context_.worker, own);
  if (!other.has_value()) return false;
  upstream.record_.idle_since = context_.loop->now();
  context_.peers->Post(*other,
                       [shelf = shelf_, worker = *other, spared = TakeOut(upstream)]() mutable {
                         ConnectionPool* pool = shelf->pool(worker);
                         if (pool != nullptr) pool->OnSpared(std::move(spared));
                       });
  return true;
}

void ConnectionPool::OnSpared(std::optional<SparedConnection> spared) {
  if (spared.has_value()) Adopt(*std::move(spared));
  ServeFromIdle();
  QueueServing();
}

void ConnectionPool::Adopt(SparedConnection spared) {
  const TimePoint since = spared.record.idle_since;
  ConnectionEvents* const nobody = nullptr;  // until it is known that the loop can watch it
  auto connection =
      std::make_unique<Connection>(context_.loop, context_.slabs, std::move(spared.transport),
                                   nobody, Connection::Stage::kEstablished);
  if (connection->Open() != 0) {
    cells_->closed(CloseReason::kBroken).Add();
    return;
  }
  auto made = std::make_unique<UpstreamConnection>(this, context_.loop, std::move(connection),
                                                   std::move(spared.record),
                                                   UpstreamConnection::Origin::kSpared);
  UpstreamConnection& upstream = *made.release();
  upstream.MoveTo(UpstreamConnection::State::kIdle);
  KeepIdle(upstream, since);
}

void ConnectionPool::TellRoom() {
  if (!sharing_ || !shelf_->SomeoneWaits()) return;
  const TimePoint own = uncovered() == 0 ? TimePoint::max() : waiters_.front()->since_;
  const std::optional<size_t> other = shelf_->TakeWish(context_.worker, own);
  if (!other.has_value()) return;
  // Kept for that worker: until it wakes, somebody here who has not waited would have taken it.
  ConnectionPermit permit;
  bool breaker = false;
  TakePermit(&permit, &breaker);
  context_.peers->Post(*other,
                       [shelf = shelf_, worker = *other, permit = std::move(permit)]() mutable {
                         ConnectionPool* pool = shelf->pool(worker);
                         if (pool != nullptr) pool->OnRoom(std::move(permit));
                       });
}

void ConnectionPool::OnRoom(ConnectionPermit permit) {
  if (permit.held() && uncovered() > 0) {
    CheckoutResult refusal;
    if (!Connect(WhyOpen(willing() == 0), std::move(permit), &refusal)) FailFirstWaiter(refusal);
  } else if (permit.held()) {
    permit.Release();
    TellRoom();
  }
  QueueServing();
}

void ConnectionPool::ShowWaiting() {
  if (!sharing_) return;
  const size_t wanted = uncovered();
  const TimePoint since = waiters_.empty() ? TimePoint() : waiters_.front()->since_;
  if (joined_) shelf_->ShowWaiting(context_.worker, wanted, since);
  // What comes back between a look at the shelf and a wish shown there tells nobody, nor does what
  // comes back while this pool has no place there.
  if (wanted > 0 && !share_timer_.armed()) ArmShareTimer();
}

void ConnectionPool::ArmShareTimer() {
  context_.loop->timers().Arm(share_timer_, context_.loop->now() + kSharePatience);
}

void ConnectionPool::OnShareTimer(TimePoint now) {
  // Somebody is too busy to answer. When the answer comes after all, it is welcome.
  if (asked_ > 0) ask_again_at_ = now + kSilencePause;
  asked_ = 0;
  QueueServing();
}

}  // namespace holdfast::pool
