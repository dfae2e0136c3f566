#ifndef HOLDFAST_GATEWAY_ACME_SCHEDULE_H_
#define HOLDFAST_GATEWAY_ACME_SCHEDULE_H_

#include <cstdint>

#include "gateway/acme/trouble.h"
#include "pool/net/clock.h"
#include "pool/net/random.h"

// When to order. Pure, but for the dice.

namespace holdfast::acme {

// Begins with kFirstPause and grows threefold: an authority that counts five failed proofs an hour
// (Let's Encrypt) has just had five in the first. Varied by up to a tenth.
inline constexpr pool::Duration kFirstPause = std::chrono::minutes(1);
inline constexpr pool::Duration kLastPause = std::chrono::hours(12);
// After a refusal for too many requests that does not say how long.
inline constexpr pool::Duration kRatePause = std::chrono::hours(1);
// Whatever an authority asks for, a day later it is asked again.
inline constexpr pool::Duration kLongestPause = std::chrono::hours(24);
pool::Duration PauseAfter(uint32_t failures, const Trouble& trouble, pool::Random* random);

// With a third of its life left, or up to a thirtieth of its life earlier, so that certificates
// that came together are not renewed together.
pool::WallTime RenewalOf(pool::WallTime not_before, pool::WallTime not_after, pool::Random* random);

// The latest moment to renew one, whatever its authority says: with a tenth of its life left, in
// which what fails can be tried again.
pool::WallTime LastRenewalOf(pool::WallTime not_before, pool::WallTime not_after);

// A random moment of a window (RFC 9773 section 4.2); `begin` when that is empty.
pool::WallTime MomentIn(pool::WallTime begin, pool::WallTime end, pool::Random* random);

}  // namespace holdfast::acme

#endif  // HOLDFAST_GATEWAY_ACME_SCHEDULE_H_
