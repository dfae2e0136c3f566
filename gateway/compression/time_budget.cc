#include "gateway/compression/time_budget.h"

#include <algorithm>

namespace holdfast::compression {

bool TimeBudget::HasRoom(pool::TimePoint now) {
  if (now > filled_at_) {
    const auto earned = std::chrono::duration_cast<pool::Duration>((now - filled_at_) * kShare);
    left_ = std::min(kBurst, left_ + earned);
    filled_at_ = now;
  }
  return left_ > pool::Duration::zero();
}

}  // namespace holdfast::compression
