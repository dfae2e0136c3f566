#ifndef HOLDFAST_GATEWAY_FETCH_RETRY_AFTER_H_
#define HOLDFAST_GATEWAY_FETCH_RETRY_AFTER_H_

#include <optional>
#include <string_view>

#include "pool/net/clock.h"

namespace holdfast::fetch {

// What Retry-After says at `now`: seconds, or a date (RFC 9110 section 10.2.3). Never negative, and
// a year or so at the most. nullopt: nothing that can be read. Pure; safe on any bytes.
std::optional<pool::Duration> ParseRetryAfter(std::string_view value, pool::WallTime now);

}  // namespace holdfast::fetch

#endif  // HOLDFAST_GATEWAY_FETCH_RETRY_AFTER_H_
