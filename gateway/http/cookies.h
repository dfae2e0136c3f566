#ifndef HOLDFAST_GATEWAY_HTTP_COOKIES_H_
#define HOLDFAST_GATEWAY_HTTP_COOKIES_H_

#include <string_view>

#include "gateway/http/header_list.h"

namespace holdfast::http {

// The value of the request's cookie of that name, compared exactly; empty when there is none. Of
// several the first that is not empty counts, because user agents send the cookie with the most
// specific path first (RFC 6265 section 5.4). White space around names and values is passed over,
// as section 5.2 has it, and so are pairs without '='. Pure.
std::string_view CookieOf(const HeaderList& fields, std::string_view name);
// The same where every reader finds the same: empty as well when several of that name differ, of
// which some readers take the last one.
std::string_view OneCookieOf(const HeaderList& fields, std::string_view name);

}  // namespace holdfast::http

#endif  // HOLDFAST_GATEWAY_HTTP_COOKIES_H_
