#ifndef HOLDFAST_GATEWAY_PROXY_ERROR_STYLE_H_
#define HOLDFAST_GATEWAY_PROXY_ERROR_STYLE_H_

#include "gateway/config/config.h"
#include "gateway/proxy/local_reply.h"

namespace holdfast::proxy {

// The error that was filled in last, as the listener's clients are to read it: its page, or a body
// in its format that tells as much as it may. The status and the other fields stay. The reply may
// point into the listener's pages from then on.
//
// In every format, whatever a detail quotes of a request is no more than text to who reads it: in
// JSON (RFC 8259) all but plain ASCII is escaped, and so are the signs that HTML begins with.
// problem+json is that of RFC 9457, with the reason's word as a member of its own. Loop thread.
void StyleError(const config::Listener& listener, LocalReply* reply);

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_ERROR_STYLE_H_
