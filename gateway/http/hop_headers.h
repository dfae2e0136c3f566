#ifndef HOLDFAST_GATEWAY_HTTP_HOP_HEADERS_H_
#define HOLDFAST_GATEWAY_HTTP_HOP_HEADERS_H_

#include <span>
#include <string>

#include "gateway/http/header_list.h"

namespace holdfast::http {

// Marks the fields as dropped that belong to one hop only (RFC 9110 section 7.6.1): Connection,
// Keep-Alive, Proxy-Connection, TE, Transfer-Encoding, Upgrade, and every field that Connection
// names. Connection cannot name fields on which the gateway relies, which it adds itself, or which
// are meant for every recipient (Host, Content-Length, Via, Forwarded, X-Forwarded-*, Date,
// Authorization, Cookie, Cache-Control, ...): a client could use it to strip what the next hop
// trusts.
//
// Content-Length and Transfer-Encoding are always dropped here, because the serializer writes the
// framing anew; it also writes Connection and Upgrade when an upgrade is passed on. HTTP2-Settings
// is dropped because an upgrade to h2c is never passed on. Client-Cert and Client-Cert-Chain tell
// what the hop before has seen of its peer (RFC 9440 section 2.4): nobody sends them through us.
//
// Proxy-Authenticate and Proxy-Authorization stay: a gateway is neither the proxy that asks nor the
// one that answers, RFC 9110 section 11.7 lets them through to a proxy behind it, and services rely
// on that. The return value tells of `TE: trailers`, so that the serializer can send our own. Pure,
// no allocation.
struct HopFacts {
  bool te_trailers = false;
};
HopFacts DropHopHeaders(HeaderList* headers);

// Marks the fields as dropped that a reader may take for one of `names` (LooksLikeName). Pure.
void DropNamed(std::span<const std::string> names, HeaderList* headers);

}  // namespace holdfast::http

#endif  // HOLDFAST_GATEWAY_HTTP_HOP_HEADERS_H_
