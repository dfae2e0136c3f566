#ifndef HOLDFAST_GATEWAY_PROXY_CLIENT_ENDS_H_
#define HOLDFAST_GATEWAY_PROXY_CLIENT_ENDS_H_

#include <string_view>

#include "pool/net/proxy_header.h"

namespace holdfast::proxy {

// The ends of a client's connection, as an upstream is told of them. `announced` (null: by nobody)
// is what a PROXY header said of it; otherwise the socket `fd` is asked, two system calls. `origin`
// is whom the peer speaks for, empty when it asks for itself: where an address is meant, it takes
// the place of the peer's, with port 0. What is not known then of the other end is left unspecified
// (0.0.0.0 or ::). Pure but for those calls; any thread.
pool::ProxiedEnds ClientEnds(int fd, const pool::ProxiedEnds* announced, std::string_view origin);

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_CLIENT_ENDS_H_
