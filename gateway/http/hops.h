#ifndef HOLDFAST_GATEWAY_HTTP_HOPS_H_
#define HOLDFAST_GATEWAY_HTTP_HOPS_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "gateway/http/message.h"

namespace holdfast::http {

// What a request says about the hops behind it and before it. Everything here is pure and allocates
// nothing.

// The gateway's name in Via (RFC 9110 section 7.6.3) unless the configuration gives another.
inline constexpr std::string_view kViaName = "holdfast";

// A request that has been here this often goes in a circle (RFC 9110 section 7.6.3). Several
// gateways of one name in a row are common, so the first return proves nothing.
inline constexpr int kMaxRoundsThroughUs = 5;

// How many entries of the request's Via fields bear `name`, in any case.
int RoundsThrough(const HeaderList& headers, std::string_view name);

// The Max-Forwards of an OPTIONS or TRACE request (RFC 9110 section 7.6.2), the least if there are
// several; a number that is too large counts as the largest. nullopt: there is none, or none that
// is a number, or the method is another one, for which the field means nothing.
std::optional<uint32_t> MaxForwards(const RequestHead& request);

}  // namespace holdfast::http

#endif  // HOLDFAST_GATEWAY_HTTP_HOPS_H_
