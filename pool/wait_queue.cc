#include "pool/wait_queue.h"

#include <algorithm>

#include "pool/net/check.h"

namespace holdfast::pool {

WaitQueue::WaitQueue(EventLoop* loop, const PoolLimits* limits, PoolCells* cells,
                     UpstreamTotals* totals, size_t worker, WaitQueueOwner* owner)
    : loop_(loop), limits_(limits), cells_(cells), totals_(totals), worker_(worker), owner_(owner) {
  HOLDFAST_CHECK(owner_ != nullptr);
}

WaitQueue::~WaitQueue() { HOLDFAST_CHECK(list_.empty() && fresh_ == 0); }

Waiter& WaitQueue::FirstWilling() const {
  HOLDFAST_CHECK(willing() > 0);
  Waiter* waiter = list_.front();
  while (waiter->wanted().fresh) waiter = IntrusiveList<Waiter>::Next(*waiter);
  return *waiter;
}

Waiter* WaitQueue::FirstUnserved() const {
  Waiter* waiter = list_.front();
  while (waiter != nullptr && waiter->served_by_opening()) {
    waiter = IntrusiveList<Waiter>::Next(*waiter);
  }
  return waiter;
}

TimePoint WaitQueue::SinceOr(TimePoint otherwise) const {
  return list_.empty() ? otherwise : list_.front()->since();
}

void WaitQueue::Begin(Waiter& waiter, bool fresh) {
  waiter.BeginWait(loop_->now(), fresh);
  Add(waiter);
}

void WaitQueue::Lend(Waiter& waiter, const Shelf& lender) {
  HOLDFAST_CHECK(!waiter.LentBy(lender));
  TakeOff(waiter);
  waiter.NoteLender(&lender);
}

void WaitQueue::Add(Waiter& waiter) {
  Waiter* before = list_.back();
  while (before != nullptr && before->since() > waiter.since()) {
    before = IntrusiveList<Waiter>::Previous(*before);
  }
  before != nullptr ? list_.InsertAfter(*before, waiter) : list_.PushFront(waiter);
  waiter.EnterQueue(this);
  fresh_ += waiter.wanted().fresh ? 1 : 0;
  cells_->waiters.Add(1);
  totals_->AddActive(worker_, 1);
  totals_->AddPending(worker_, 1);
  ArmFor(waiter);
}

void WaitQueue::Remove(Waiter& waiter) {
  cells_->queue().Observe(loop_->now() - waiter.since());
  TakeOff(waiter);
}

void WaitQueue::TakeOff(Waiter& waiter) {
  HOLDFAST_CHECK(!waiter.wanted().fresh || fresh_ > 0);
  list_.Remove(waiter);
  waiter.LeaveQueue(this);
  fresh_ -= waiter.wanted().fresh ? 1 : 0;
  cells_->waiters.Add(-1);
  totals_->AddActive(worker_, -1);
  totals_->AddPending(worker_, -1);
}

void WaitQueue::Cancel(Waiter& waiter) {
  Remove(waiter);
  cells_->checkout(CheckoutResult::kCancelled).Add();
  owner_->OnWaitCancelled();
}

Waiter* WaitQueue::FirstLentBy(const Shelf& lender,
                               const std::function<bool(const Request&)>& fits) const {
  Waiter* waiter = list_.front();
  while (waiter != nullptr && !(waiter->LentBy(lender) && fits(waiter->wanted()))) {
    waiter = IntrusiveList<Waiter>::Next(*waiter);
  }
  return waiter;
}

Duration WaitQueue::PatienceOf(const Waiter& waiter) const {
  return waiter.lent() ? std::min(limits_->queue_timeout, limits_->connect_timeout)
                       : limits_->queue_timeout;
}

Waiter* WaitQueue::FirstDue(TimePoint now) const {
  const Duration least = std::min(limits_->queue_timeout, limits_->connect_timeout);
  for (Waiter* waiter = list_.front(); waiter != nullptr && now >= waiter->since() + least;
       waiter = IntrusiveList<Waiter>::Next(*waiter)) {
    if (now >= waiter->since() + PatienceOf(*waiter)) return waiter;
  }
  return nullptr;
}

CheckoutResult WaitQueue::WhyDue(const Waiter& waiter, TimePoint now) const {
  HOLDFAST_CHECK(now >= waiter.since() + PatienceOf(waiter));
  return now >= waiter.since() + limits_->queue_timeout ? CheckoutResult::kQueueTimeout
                                                        : CheckoutResult::kConnectTimeout;
}

void WaitQueue::ArmFor(const Waiter& waiter) {
  const TimePoint deadline = waiter.since() + PatienceOf(waiter);
  // An earlier wake-up that is armed already may stay; it looks at who waits when it comes.
  if (!timer_.armed() || timer_.deadline() > deadline) loop_->timers().Arm(timer_, deadline);
}

void WaitQueue::ArmForAll() {
  for (const Waiter* waiter = list_.front(); waiter != nullptr;
       waiter = IntrusiveList<Waiter>::Next(*waiter)) {
    ArmFor(*waiter);
  }
}

bool WaitQueue::Validate() const {
  size_t count = 0;
  size_t fresh = 0;
  TimePoint since = TimePoint::min();
  for (const Waiter* waiter = list_.front(); waiter != nullptr;
       waiter = IntrusiveList<Waiter>::Next(*waiter)) {
    if (!waiter->IsIn(this) || waiter->since() < since) return false;
    since = waiter->since();
    fresh += waiter->wanted().fresh ? 1 : 0;
    if (++count > list_.size()) return false;
  }
  return count == list_.size() && fresh == fresh_ && (count == 0 || timer_.armed());
}

}  // namespace holdfast::pool
