#ifndef HOLDFAST_GATEWAY_FETCH_FRESHNESS_H_
#define HOLDFAST_GATEWAY_FETCH_FRESHNESS_H_

#include <optional>

#include "gateway/fetch/exchanges.h"
#include "pool/net/clock.h"

namespace holdfast::fetch {

// For how long a response says that it can be used from now on (RFC 9111 sections 4.2.1 and 5.2.2):
// zero when it is to be asked for each time, or is old already; nullopt when it does not say, or
// says it in a way that cannot be read. Pure; safe on any bytes.
std::optional<pool::Duration> FreshFor(const Response& response);

}  // namespace holdfast::fetch

#endif  // HOLDFAST_GATEWAY_FETCH_FRESHNESS_H_
