#include "pool/net/clock.h"

namespace holdfast::pool {

TimePoint SystemClock::Now() const { return std::chrono::steady_clock::now(); }

WallTime SystemClock::WallNow() const { return std::chrono::system_clock::now(); }

}  // namespace holdfast::pool
