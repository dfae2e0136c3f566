#include "pool/idle_stack.h"

#include <algorithm>

#include "pool/learned_expiry.h"
#include "pool/net/check.h"

namespace holdfast::pool {

IdleStack::IdleStack(EventLoop* loop, const PoolLimits* limits, Shelf* shelf, PoolCells* cells)
    : loop_(loop), limits_(limits), shelf_(shelf), cells_(cells), places_(shelf) {
  HOLDFAST_CHECK(limits_ != nullptr);
}

IdleStack::~IdleStack() { HOLDFAST_CHECK(idle_.empty() && aside_.empty() && slots_ == 0); }

void IdleStack::Push(UpstreamConnection& upstream, TimePoint since) {
  idle_.PushFront(upstream);
  upstream.BeginIdle(since, TimeoutOf(upstream));
  slots_ += upstream.capacity();
  travelers_ += upstream.travels() ? 1 : 0;
  cells_->idle.Add(1);
}

void IdleStack::PutAside(UpstreamConnection& upstream, ConnectionTie* tie) {
  aside_.PushFront(upstream);
  upstream.BeginAside(tie, loop_->now(), tie != nullptr ? TimeoutOf(upstream) : kRest);
  cells_->idle.Add(1);
}

std::optional<Duration> IdleStack::TimeoutOf(const UpstreamConnection& upstream) const {
  if (!limits_->idle_learned) return limits_->idle_timeout;
  const Duration learned = shelf_->totals().idle_expiry();
  const std::optional<Duration>& announced = upstream.record().peer_timeout;
  return announced.has_value() ? std::min(learned, LearnedExpiry::WithMargin(*announced)) : learned;
}

void IdleStack::Learn(const UpstreamConnection& upstream, CloseReason end) {
  HOLDFAST_CHECK(Contains(upstream));
  if (!limits_->idle_learned) return;
  const TimePoint now = loop_->now();
  const Duration age = now - upstream.idle_since();
  // An HTTP/2 peer says so before it closes what is idle.
  const bool by_peer = end == CloseReason::kIdlePeerClosed || end == CloseReason::kGoaway;
  if (by_peer) shelf_->totals().LearnPeerClose(age, now);
  if (end == CloseReason::kIdleTimeout) shelf_->totals().LearnSurvived(age, now);
}

// What waits was armed for the limits of before. What rests does so for a moment, whatever they
// are.
void IdleStack::OnNewLimits() {
  places_.ReturnOver();
  ForEach([this](UpstreamConnection& upstream) {
    const bool rests = aside_.Contains(upstream) && upstream.tie() == nullptr;
    if (!rests) upstream.SetIdleTimeout(TimeoutOf(upstream));
  });
}

void IdleStack::ForEach(const std::function<void(UpstreamConnection&)>& apply) const {
  for (const auto* list : {&idle_, &aside_}) {
    for (UpstreamConnection* upstream = list->front(); upstream != nullptr;
         upstream = IntrusiveList<UpstreamConnection>::Next(*upstream)) {
      apply(*upstream);
    }
  }
}

void IdleStack::RemoveAside(UpstreamConnection& upstream) {
  if (upstream.tie() != nullptr) upstream.tie()->Lose(upstream);
  upstream.Untie();
  aside_.Remove(upstream);
}

bool IdleStack::Validate() const {
  size_t slots = 0;
  size_t travelers = 0;
  bool sound = true;
  ForEach([&](const UpstreamConnection& upstream) {
    const bool aside = aside_.Contains(upstream);
    const auto expected =
        aside ? UpstreamConnection::State::kAside : UpstreamConnection::State::kIdle;
    sound = sound && upstream.Validate() && upstream.state() == expected;
    slots += aside ? 0 : upstream.capacity();
    travelers += !aside && upstream.travels() ? 1 : 0;
  });
  return sound && slots == slots_ && travelers == travelers_;
}

}  // namespace holdfast::pool
