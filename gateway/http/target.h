#ifndef HOLDFAST_GATEWAY_HTTP_TARGET_H_
#define HOLDFAST_GATEWAY_HTTP_TARGET_H_

#include <optional>
#include <string_view>

#include "gateway/http/framing.h"
#include "gateway/http/message.h"

namespace holdfast::http {

// A host and its port, as Host and the targets carry them (RFC 9110 section 7.2).
struct Authority {
  std::string_view host;  // an IPv6 address keeps its brackets
  int port = -1;          // -1 when absent
};

// Reads a registered name, an IPv4 address or a bracketed IPv6 address, then a port of 0-65535 or
// none; a colon without a port is the same as none (RFC 3986 section 3.2.3). It is stricter than
// RFC 3986 in two places that only help readers to disagree: no comma and no empty name. A blank
// Host is within the grammar, but then the target of an http request is "http:///...", which RFC
// 9110 section 4.2.1 says to reject, and no upstream could know whom the request is for.
std::optional<Authority> ParseAuthority(std::string_view text);

// The authority as it is passed on: RFC 3986 section 6.2.3 has the colon of an empty port removed.
std::string_view WithoutEmptyPort(std::string_view authority);

// Takes a target apart (RFC 9112 section 3.2), whose bytes are visible ASCII without '#'. It sets
// form, path, query and has_query, and host and authority for the forms that carry them.
Refusal ParseTarget(std::string_view target, Method method, RequestHead* head);

// Whether `host` (of Host) names the same authority as an absolute-form `target` of this scheme,
// with the scheme's default port filled in.
bool SameAuthority(const Authority& target, const Authority& host, bool https);

}  // namespace holdfast::http

#endif  // HOLDFAST_GATEWAY_HTTP_TARGET_H_
