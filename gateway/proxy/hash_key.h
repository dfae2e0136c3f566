#ifndef HOLDFAST_GATEWAY_PROXY_HASH_KEY_H_
#define HOLDFAST_GATEWAY_PROXY_HASH_KEY_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "gateway/config/config.h"
#include "gateway/http/message.h"

namespace holdfast::proxy {

// What ring hash and maglev go by, of one request: the hash of the client's address (its text, as
// the access log has it), of the path without query, or of a header's or a cookie's value. Header
// names are compared without regard to case, cookie names exactly. Of several such fields or
// cookies the first counts: user agents send the one with the most specific path first (RFC 6265
// section 5.4).
//
// nullopt when the request has no such value or an empty one, which would send everybody who lacks
// it to one endpoint. Allocates nothing.
std::optional<uint64_t> HashOf(const config::HashKey& key, const http::RequestHead& head,
                               std::string_view client_ip);

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_HASH_KEY_H_
