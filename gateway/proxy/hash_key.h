#ifndef HOLDFAST_GATEWAY_PROXY_HASH_KEY_H_
#define HOLDFAST_GATEWAY_PROXY_HASH_KEY_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "gateway/config/config.h"
#include "gateway/http/message.h"

namespace holdfast::proxy {

// The hash of one request by which ring hash and maglev choose: that of the client's address (its
// text, as the access log has it), of the path without query, or of a header's or a cookie's value.
// A header that was taken out is none: where the gateway says itself who asks, that counts.
// Header names are compared without regard to case, cookie names exactly. Of several such fields or
// cookies the first counts, because user agents send the cookie with the most specific path first
// (RFC 6265 section 5.4).
//
// nullopt: the request has no such value, or an empty one; its hash would send everybody who lacks
// the value to one endpoint. Allocates nothing.
std::optional<uint64_t> HashOf(const config::HashKey& key, const http::RequestHead& head,
                               std::string_view client_ip);

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_HASH_KEY_H_
