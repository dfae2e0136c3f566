#include "gateway/acme/schedule.h"

#include <algorithm>

#include "pool/net/check.h"

namespace holdfast::acme {

pool::Duration PauseAfter(uint32_t failures, const Trouble& trouble, pool::Random* random) {
  HOLDFAST_CHECK(failures > 0);
  pool::Duration pause = kFirstPause;
  for (uint32_t i = 1; i < failures && pause < kLastPause; ++i) pause *= 3;
  pause = std::min(pause, kLastPause);
  if (trouble.result == Result::kRateLimited) pause = std::max(pause, kRatePause);
  pause = random->JitterTenth(pause);
  if (!trouble.retry_after.has_value()) return pause;
  return std::max(pause, std::min(*trouble.retry_after, kLongestPause));
}

pool::WallTime RenewalOf(pool::WallTime not_before, pool::WallTime not_after,
                         pool::Random* random) {
  const pool::Duration life = std::max(pool::Duration::zero(), not_after - not_before);
  const pool::WallTime at = not_after - life / 3;
  return MomentIn(at - life / 30, at, random);
}

pool::WallTime LastRenewalOf(pool::WallTime not_before, pool::WallTime not_after) {
  return not_after - std::max(pool::Duration::zero(), not_after - not_before) / 10;
}

pool::WallTime MomentIn(pool::WallTime begin, pool::WallTime end, pool::Random* random) {
  if (end <= begin) return begin;
  constexpr uint32_t kSteps = 1 << 16;
  return begin + (end - begin) / kSteps * random->Below(kSteps);
}

}  // namespace holdfast::acme
