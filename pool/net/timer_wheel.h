#ifndef HOLDFAST_POOL_NET_TIMER_WHEEL_H_
#define HOLDFAST_POOL_NET_TIMER_WHEEL_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "pool/net/clock.h"

namespace holdfast::pool {

class TimerWheel;

// One deadline, embedded in the object that waits for it; the wheel allocates nothing. Belongs to
// the loop's thread. Destruction cancels. `OnTimer` may arm, cancel or destroy any timer of the
// same wheel, itself included.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  bool armed() const { return wheel_ != nullptr; }
  // Meaningful while armed.
  TimePoint deadline() const { return deadline_; }

 protected:
  virtual ~Timer();
  virtual void OnTimer(TimePoint now) = 0;

 private:
  friend class TimerWheel;
  TimerWheel* wheel_ = nullptr;
  Timer* previous_ = nullptr;
  Timer* next_ = nullptr;
  TimePoint deadline_;
  uint16_t list_ = 0;  // which of the wheel's lists, while armed
};

// A timer that calls `(owner->*kMethod)(now)`:
//
//   class Session {
//     void OnIdleTimer(TimePoint now);
//     MemberTimer<Session, &Session::OnIdleTimer> idle_timer_{this};
//   };
template <class Owner, void (Owner::*kMethod)(TimePoint)>
class MemberTimer final : public Timer {
 public:
  explicit MemberTimer(Owner* owner) : owner_(owner) {}

 private:
  void OnTimer(TimePoint now) override { (owner_->*kMethod)(now); }
  Owner* owner_;
};

// A hierarchical timing wheel (Varghese and Lauck, scheme 7): kLevels wheels of kSlots slots; a
// timer sits in the lowest level whose span covers its deadline and moves down as time advances.
// Arm and cancel are O(1). A timer never fires before its deadline, and fires in the first Advance
// at or past its deadline rounded up to a tick.
//
// Ticks are counted from the clock's epoch. Written in base kSlots, a timer's tick differs from the
// current one first at the digit of its level, and there it is larger. So everything in one level
// is due before anything in the next, the slots of a level never wrap around, and the first slot
// of the lowest level in use is the next to look at. Deadlines beyond the span of all levels wait
// in a list of their own, looked at when time enters the next span.
//
// One thread. Destruction disarms the timers left without firing them; none may outlive the wheel
// armed.
class TimerWheel {
 public:
  static constexpr Duration kTick = std::chrono::milliseconds(10);
  static constexpr int kLevels = 5;
  static constexpr int kSlotBits = 6;
  static constexpr int kSlots = 1 << kSlotBits;

  explicit TimerWheel(TimePoint now);
  ~TimerWheel();
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // Arms or re-arms; a deadline that the last Advance (or the construction) had already reached
  // fires at the next one.
  void Arm(Timer& timer, TimePoint deadline);
  // No effect on a timer that is not armed.
  void Cancel(Timer& timer);

  // Fires every timer due at `now`, in order of ticks. Returns how many fired. Timers armed by a
  // callback with a deadline that is already due fire at the next Advance, so a callback that
  // re-arms itself cannot hold the loop. Callbacks must not call it. A `now` before the last one
  // counts as the last one.
  size_t Advance(TimePoint now);

  // When Advance next has something to do: never later than the earliest deadline rounded up to
  // its tick (it may be earlier, when a timer only moves down a level). nullopt: nothing armed.
  std::optional<TimePoint> NextExpiry() const;

  size_t size() const { return size_; }

  // Checks every structural invariant (links, level and slot of each timer, bitmaps, count).
  bool Validate() const;

 private:
  // The lists: the slots level by level, then the deadlines beyond the span, then two for overdue
  // timers. Two, so that those that callbacks arm while one is fired gather in the other.
  static constexpr int kBeyondList = kLevels * kSlots;
  static constexpr int kOverdueList = kBeyondList + 1;
  static constexpr int kLists = kOverdueList + 2;

  // The slot that comes due first, and the tick at which it does.
  struct NextSlot {
    int list;
    uint64_t tick;
  };

  static constexpr int ListOf(int level, uint64_t slot) {
    return level * kSlots + static_cast<int>(slot);
  }
  // Of a deadline that is not reached yet.
  int ListFor(TimePoint deadline) const;
  std::optional<NextSlot> FindNextSlot() const;

  void Link(Timer& timer, int list);
  void Unlink(Timer& timer);
  void MoveDown(int list);
  size_t FireOverdue();
  size_t FireList(int list);
  bool ValidateList(int list, size_t* count) const;

  std::array<Timer*, kLists> lists_{};
  std::array<uint64_t, kLevels> occupied_{};  // a bit for each slot that is not empty
  uint64_t tick_;                             // every slot up to this one has been emptied
  TimePoint now_;                             // of the last Advance
  int overdue_ = kOverdueList;                // which of the two gathers
  bool advancing_ = false;
  size_t size_ = 0;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_NET_TIMER_WHEEL_H_
