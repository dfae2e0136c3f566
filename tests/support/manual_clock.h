#ifndef HOLDFAST_TESTS_SUPPORT_MANUAL_CLOCK_H_
#define HOLDFAST_TESTS_SUPPORT_MANUAL_CLOCK_H_

#include "pool/net/check.h"
#include "pool/net/clock.h"

namespace holdfast::pool {

// Time that moves only when a test says so. Both clocks move together; the calendar starts at
// 2026-01-01T00:00:00Z. One thread.
//
// A loop on this clock must be turned with RunOnce(Duration::zero()): it would wait in real time
// for a deadline that only the test brings nearer.
class ManualClock final : public Clock {
 public:
  static constexpr TimePoint kStart{std::chrono::seconds(1000)};
  static constexpr WallTime kWallStart{std::chrono::seconds(1767225600)};

  explicit ManualClock(TimePoint start = kStart) : now_(start) {}

  TimePoint Now() const override { return now_; }
  WallTime WallNow() const override { return wall_now_; }

  void Advance(Duration step) {
    HOLDFAST_CHECK(step >= Duration::zero());
    now_ += step;
    wall_now_ += step;
  }

  // Moves on to `time`, which is not in the past.
  void Set(TimePoint time) { Advance(time - now_); }

  // The calendar alone may jump either way, as it does when an operator corrects it.
  void SetWall(WallTime time) { wall_now_ = time; }

 private:
  TimePoint now_;
  WallTime wall_now_ = kWallStart;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_TESTS_SUPPORT_MANUAL_CLOCK_H_
