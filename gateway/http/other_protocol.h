#ifndef HOLDFAST_GATEWAY_HTTP_OTHER_PROTOCOL_H_
#define HOLDFAST_GATEWAY_HTTP_OTHER_PROTOCOL_H_

#include <string_view>

#include "gateway/http/framing.h"

namespace holdfast::http {

// Names the protocol of a message that is not HTTP/1 by its first bytes, so that logs can say what
// a misdirected client or upstream speaks. Pure.

// Looks at bytes that begin as no head can: TLS records, the PROXY protocol's second version (after
// its leading empty lines) and an HTTP/2 server's first frame. kIncompleteHead: more bytes will
// tell; kMalformedStartLine: no protocol that is known.
Refusal NameBinaryProtocol(std::string_view bytes);

// Looks at a first line without its line feed: an SSH banner or the PROXY protocol's first version.
// Nothing else may ever follow either of them, so they are named before a head is complete.
// kNone: neither.
Refusal NameLineProtocol(std::string_view line);

}  // namespace holdfast::http

#endif  // HOLDFAST_GATEWAY_HTTP_OTHER_PROTOCOL_H_
