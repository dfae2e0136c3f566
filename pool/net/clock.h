#ifndef HOLDFAST_POOL_NET_CLOCK_H_
#define HOLDFAST_POOL_NET_CLOCK_H_

#include <chrono>

namespace holdfast::pool {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

// Where time comes from. The event loop reads it once per turn, and everything below `server/`
// takes the time from the loop, so that tests run on a clock of their own.
class Clock {
 public:
  virtual ~Clock() = default;
  // Never goes back.
  virtual TimePoint Now() const = 0;
  // The calendar, for dates that people and peers read.
  virtual WallTime WallNow() const = 0;
};

// The machine's clocks. It has no state; any thread may call it.
class SystemClock final : public Clock {
 public:
  TimePoint Now() const override;
  WallTime WallNow() const override;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_NET_CLOCK_H_
