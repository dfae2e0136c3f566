#ifndef HOLDFAST_GATEWAY_CONFIG_TEXT_CHECKS_H_
#define HOLDFAST_GATEWAY_CONFIG_TEXT_CHECKS_H_

#include <string>
#include <string_view>

namespace holdfast::config {

// What a text of the configuration must look like. Pure; safe on any bytes.

// The name of a listener, upstream or route: 1 to 128 printable ASCII characters without quotes
// and backslashes, since it becomes a metric label and part of log lines.
bool IsName(std::string_view text);

// "example.com", "*.example.com", "*", an IPv4 address, or an IPv6 address in brackets.
bool IsHostPattern(std::string_view text);
// ASCII letters in lower case.
std::string LowerCase(std::string_view text);

// Lower case, without a trailing dot.
std::string CanonicalHost(std::string_view host);

// A path as a request target spells it: '/' and then visible ASCII without '?' and '#'; at most
// 1024 bytes.
bool IsPath(std::string_view text);

// A path as IsPath has it, and optionally '?' and a query (RFC 9112 section 3.2.1).
bool IsOriginForm(std::string_view text);

// What a Host field may hold (RFC 9110 section 7.2): a host as IsHostPattern has it but without
// '*', and optionally a port.
bool IsHostField(std::string_view text);

// A token (RFC 9110 section 5.6.2) of at most 128 bytes: the name of a field or a cookie.
bool IsTokenName(std::string_view text);

// A method that a route may be for: a token (RFC 9110 section 9.1) without lower-case letters, and
// not CONNECT, which no route gets.
bool IsRouteMethod(std::string_view text);

// A regular expression as far as its length goes.
bool IsPatternText(std::string_view text);

// A field name (a token, RFC 9110 section 5.6.2) that a configured response may set: not one that
// belongs to framing or to one hop, and not one that the gateway writes itself.
bool IsFieldName(std::string_view text);

// A field name that may carry who a client is: one as above that the gateway has no other use for.
bool IsIdentityFieldName(std::string_view text);

// A field name that may carry a request's id: one that the gateway has no use for at all.
bool IsRequestIdFieldName(std::string_view text);

// "192.0.2.0/24", "2001:db8::1" or "unix" (peer_set.h).
bool IsPeer(std::string_view text);

// A field value (RFC 9110 section 5.5) of at most 8 KiB: no control bytes, so that nothing written
// in a file splits a response; no white space at the ends.
bool IsFieldValue(std::string_view text);

// Where a redirect leads: a path ("/new/", not "//host"), or an http or https URL with a host;
// visible ASCII without quotes, angle brackets and backslashes.
bool IsRedirectTarget(std::string_view text);

// An absolute path, without a NUL.
bool IsFilePath(std::string_view text);

// The path of a file, absolute or not, or a glob: no control bytes; at most 4096 bytes.
bool IsFileGlob(std::string_view text);

// A host name or an IP address, without a port and without '*'.
bool IsServerName(std::string_view text);

// A name that an authority on the internet may vouch for: letters, digits and inner hyphens in at
// least two labels of at most 63 bytes, no wildcard and no address.
bool IsCertifiableName(std::string_view text);

// https, a host, and a path; visible ASCII without a fragment or user.
bool IsHttpsUrl(std::string_view text);

// One @ with something on both sides, visible ASCII without what would end it in a URL or a list.
bool IsMailAddress(std::string_view text);

// "dns:" or "uri:" and a name, of visible ASCII characters.
bool IsSubjectName(std::string_view text);

// Letters, digits and "-_:+@!", at most 4 KiB: what OpenSSL makes of it is found out when it is
// used.
bool IsCipherList(std::string_view text);

// "stdout", "stderr" or an absolute path.
bool IsLogTarget(std::string_view text);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_TEXT_CHECKS_H_
