#include "pool/net/timer_wheel.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "pool/net/check.h"

namespace holdfast::pool {
namespace {

// Every connection has one or several inside, so their size is part of its budget.
static_assert(sizeof(Timer) <= 48);

constexpr int kSpanBits = TimerWheel::kLevels * TimerWheel::kSlotBits;
constexpr uint64_t kSlotMask = TimerWheel::kSlots - 1;

// The last tick that begins at or before `time`.
uint64_t TickBefore(TimePoint time) {
  return static_cast<uint64_t>(time.time_since_epoch() / TimerWheel::kTick);
}

// The first tick that begins at or after `time`. It adds after dividing, because the furthest time,
// which means "never" to some callers, must not overflow.
uint64_t TickAfter(TimePoint time) {
  const bool partial = time.time_since_epoch() % TimerWheel::kTick != Duration::zero();
  return TickBefore(time) + (partial ? 1 : 0);
}

TimePoint StartOf(uint64_t tick) {
  return TimePoint(TimerWheel::kTick * static_cast<Duration::rep>(tick));
}

}  // namespace

Timer::~Timer() {
  if (wheel_ != nullptr) wheel_->Cancel(*this);
}

TimerWheel::TimerWheel(TimePoint now) : tick_(TickBefore(now)), now_(now) {
  HOLDFAST_CHECK(now >= TimePoint());
}

TimerWheel::~TimerWheel() {
  HOLDFAST_CHECK(!advancing_);
  for (Timer* head : lists_) {
    while (head != nullptr) {
      Timer* timer = std::exchange(head, head->next_);
      timer->wheel_ = nullptr;
    }
  }
}

void TimerWheel::Arm(Timer& timer, TimePoint deadline) {
  HOLDFAST_CHECK(timer.wheel_ == nullptr || timer.wheel_ == this);
  if (timer.wheel_ != nullptr) Unlink(timer);
  timer.deadline_ = deadline;
  Link(timer, deadline <= now_ ? overdue_ : ListFor(deadline));
}

void TimerWheel::Cancel(Timer& timer) {
  if (timer.wheel_ == nullptr) return;
  HOLDFAST_CHECK(timer.wheel_ == this);
  Unlink(timer);
}

size_t TimerWheel::Advance(TimePoint now) {
  HOLDFAST_CHECK(!advancing_);
  advancing_ = true;
  now_ = std::max(now_, now);
  const uint64_t target = TickBefore(now_);
  size_t fired = FireOverdue();
  for (auto next = FindNextSlot(); next && next->tick <= target; next = FindNextSlot()) {
    tick_ = next->tick;
    if (next->list < kSlots) {
      fired += FireList(next->list);
    } else {
      MoveDown(next->list);
    }
  }
  tick_ = target;
  advancing_ = false;
  return fired;
}

std::optional<TimePoint> TimerWheel::NextExpiry() const {
  if (lists_[overdue_] != nullptr) return now_;
  const std::optional<NextSlot> next = FindNextSlot();
  if (!next) return std::nullopt;
  return StartOf(next->tick);
}

int TimerWheel::ListFor(TimePoint deadline) const {
  const uint64_t tick = TickAfter(deadline);
  const uint64_t differing = tick ^ tick_;
  if (differing >> kSpanBits != 0) return kBeyondList;
  const int level = differing == 0 ? 0 : (63 - std::countl_zero(differing)) / kSlotBits;
  return ListOf(level, (tick >> (level * kSlotBits)) & kSlotMask);
}

std::optional<TimerWheel::NextSlot> TimerWheel::FindNextSlot() const {
  for (int level = 0; level < kLevels; ++level) {
    if (occupied_[level] == 0) continue;
    const uint64_t slot = std::countr_zero(occupied_[level]);
    const int shift = level * kSlotBits;
    const uint64_t span_start = tick_ >> (shift + kSlotBits) << (shift + kSlotBits);
    return NextSlot{ListOf(level, slot), span_start | slot << shift};
  }
  if (lists_[kBeyondList] == nullptr) return std::nullopt;
  return NextSlot{kBeyondList, ((tick_ >> kSpanBits) + 1) << kSpanBits};
}

void TimerWheel::Link(Timer& timer, int list) {
  Timer*& head = lists_[list];
  timer.wheel_ = this;
  timer.list_ = static_cast<uint16_t>(list);
  timer.previous_ = nullptr;
  timer.next_ = head;
  if (head != nullptr) head->previous_ = &timer;
  head = &timer;
  if (list < kBeyondList) occupied_[list / kSlots] |= uint64_t{1} << (list % kSlots);
  ++size_;
}

void TimerWheel::Unlink(Timer& timer) {
  const int list = timer.list_;
  if (timer.next_ != nullptr) timer.next_->previous_ = timer.previous_;
  if (timer.previous_ != nullptr) {
    timer.previous_->next_ = timer.next_;
  } else {
    HOLDFAST_CHECK(lists_[list] == &timer);
    lists_[list] = timer.next_;
    if (timer.next_ == nullptr && list < kBeyondList) {
      occupied_[list / kSlots] &= ~(uint64_t{1} << (list % kSlots));
    }
  }
  timer.wheel_ = nullptr;
  timer.previous_ = nullptr;
  timer.next_ = nullptr;
  --size_;
}

// Only those beyond the span can come back to their list, so the end is fixed beforehand: each
// timer goes round once.
void TimerWheel::MoveDown(int list) {
  Timer* timer = lists_[list];
  while (timer != nullptr) {
    Timer* const next = timer->next_;
    Unlink(*timer);
    Link(*timer, ListFor(timer->deadline_));
    timer = next;
  }
}

size_t TimerWheel::FireOverdue() {
  const int list = overdue_;
  overdue_ = list == kOverdueList ? kOverdueList + 1 : kOverdueList;
  return FireList(list);
}

// A callback may do anything to the timers that remain, so each step looks at the list afresh. The
// loop ends, because timers that callbacks arm are due after `now_` or overdue and so never come to
// the list that is being fired.
size_t TimerWheel::FireList(int list) {
  size_t fired = 0;
  while (Timer* timer = lists_[list]) {
    HOLDFAST_CHECK(timer->deadline_ <= now_);
    Unlink(*timer);
    ++fired;
    timer->OnTimer(now_);
  }
  return fired;
}

bool TimerWheel::Validate() const {
  size_t count = 0;
  for (int list = 0; list < kLists; ++list) {
    if (!ValidateList(list, &count)) return false;
  }
  return count == size_ && tick_ <= TickBefore(now_);
}

bool TimerWheel::ValidateList(int list, size_t* count) const {
  if (list < kBeyondList) {
    const bool occupied = (occupied_[list / kSlots] >> (list % kSlots) & 1) != 0;
    if (occupied != (lists_[list] != nullptr)) return false;
  }
  const Timer* previous = nullptr;
  for (const Timer* timer = lists_[list]; timer != nullptr; timer = timer->next_) {
    if (timer->wheel_ != this || timer->list_ != list || timer->previous_ != previous) return false;
    if (list >= kOverdueList) {
      if (timer->deadline_ > now_) return false;
    } else {
      // Only inside Advance may the slot of the current tick hold timers: those yet to be fired.
      const uint64_t tick = TickAfter(timer->deadline_);
      if (tick < tick_ || (tick == tick_ && !advancing_)) return false;
      if (ListFor(timer->deadline_) != list) return false;
    }
    previous = timer;
    if (++*count > size_) return false;  // also ends a walk around a cycle
  }
  return true;
}

}  // namespace holdfast::pool
