#include "pool/worker_share.h"

#include <utility>

#include "pool/net/check.h"

namespace holdfast::pool {

WorkerShare::WorkerShare(EventLoop* loop, const Peers* peers, size_t worker,
                         std::shared_ptr<Shelf> shelf, WorkerShareOwner* owner)
    : loop_(loop),
      peers_(peers),
      worker_(worker),
      shelf_(std::move(shelf)),
      owner_(owner),
      sharing_(peers != nullptr && shelf_->workers() > 1) {
  HOLDFAST_CHECK(worker_ < shelf_->workers() && owner_ != nullptr);
}

void WorkerShare::Join() {
  AssertThread();
  joined_ = joined_ || (sharing_ && shelf_->Join(worker_, this));
}

void WorkerShare::Leave() {
  AssertThread();
  if (std::exchange(joined_, false)) shelf_->Leave(worker_, this);
}

void WorkerShare::Close() {
  Leave();
  sharing_ = false;
}

size_t WorkerShare::LoadElsewhere() {
  const TimePoint now = loop_->now();
  if (sharing_ && now - load_seen_ >= kLoadAge) {
    load_seen_ = now;
    load_elsewhere_ = shelf_->LoadElsewhere(worker_);
  }
  return load_elsewhere_;
}

bool WorkerShare::AskForSpare(bool all) {
  AssertThread();
  if (!joined_ || loop_->now() < ask_again_at_) return false;
  const std::optional<size_t> owner = shelf_->ClaimSpare(worker_, all);
  if (!owner.has_value()) return false;
  HOLDFAST_CHECK(*owner != worker_);
  // Those who ask later do not prolong the patience with an owner that is silent.
  if (asked_++ == 0 || !timer_.armed()) ArmTimer();
  peers_->Post(*owner, [peers = peers_, shelf = shelf_, asker = worker_, owner = *owner, all] {
    AnswerAsk(peers, shelf, asker, owner, all);
  });
  return true;
}

void WorkerShare::AnswerAsk(const Peers* peers, const std::shared_ptr<Shelf>& shelf, size_t asker,
                            size_t owner, bool all) {
  HOLDFAST_CHECK(asker != owner);
  shelf->EndClaim(owner);
  std::optional<SparedConnection> spared;
  if (WorkerShare* share = shelf->share(owner); share != nullptr) {
    spared = share->owner_->GiveSpare(all);
  }
  peers->Post(asker, [shelf, asker, spared = std::move(spared)]() mutable {
    // It may have gone meanwhile; what was spared is closed then.
    WorkerShare* share = shelf->share(asker);
    if (share != nullptr) share->OnAnswer(std::move(spared));
  });
}

// An answer that is late was given up; it is welcome all the same.
void WorkerShare::OnAnswer(std::optional<SparedConnection> spared) {
  HOLDFAST_CHECK(joined_);
  if (asked_ > 0 && --asked_ > 0) ArmTimer();
  owner_->OnSpared(std::move(spared));
}

std::optional<size_t> WorkerShare::TakeWish(TimePoint own) {
  AssertThread();
  if (!SomeoneWaits()) return std::nullopt;
  const std::optional<size_t> other = shelf_->TakeWish(worker_, own);
  HOLDFAST_CHECK(other != worker_);
  return other;
}

void WorkerShare::Send(size_t worker, SparedConnection spared) {
  HOLDFAST_CHECK(worker != worker_ && spared.record.permit.held());
  peers_->Post(worker, [shelf = shelf_, worker, spared = std::move(spared)]() mutable {
    WorkerShare* share = shelf->share(worker);
    if (share != nullptr) share->owner_->OnSpared(std::move(spared));
  });
}

// The place is kept for that worker: until it wakes, somebody here who has not waited would have
// taken it.
void WorkerShare::SendRoom(size_t worker, ConnectionPermit permit) {
  HOLDFAST_CHECK(worker != worker_);
  peers_->Post(worker, [shelf = shelf_, worker, permit = std::move(permit)]() mutable {
    WorkerShare* share = shelf->share(worker);
    if (share != nullptr) share->owner_->OnRoom(std::move(permit));
  });
}

void WorkerShare::ShowWaiting(size_t wanted, TimePoint since) {
  if (!sharing_) return;
  AssertThread();
  if (joined_) shelf_->ShowWaiting(worker_, wanted, since);
  // What comes back between a look at the shelf and a wish shown there tells nobody, nor does what
  // comes back while this pool has no place there.
  if (wanted > 0 && !timer_.armed()) ArmTimer();
}

void WorkerShare::ArmTimer() { loop_->timers().Arm(timer_, loop_->now() + kSharePatience); }

void WorkerShare::OnTimer(TimePoint now) {
  // Somebody is too busy to answer. When the answer comes after all, it is welcome.
  if (asked_ > 0) ask_again_at_ = now + kSilencePause;
  asked_ = 0;
  owner_->OnSilence();
}

bool WorkerShare::Validate() const {
  if (joined_ && (!sharing_ || shelf_->share(worker_) != this)) return false;
  return asked_ == 0 || (sharing_ && timer_.armed());
}

}  // namespace holdfast::pool
