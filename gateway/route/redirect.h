#ifndef HOLDFAST_GATEWAY_ROUTE_REDIRECT_H_
#define HOLDFAST_GATEWAY_ROUTE_REDIRECT_H_

#include <string>

#include "gateway/config/config.h"
#include "gateway/http/message.h"

namespace holdfast::route {

// The Location of a redirect (RFC 9110 section 10.2.2) for a route with Action::kRedirect.
//
// On a path_prefix route, a `to` that ends with '/' gets what the path has behind the prefix:
// "/old/a?b" becomes "/new/a?b". Any other `to` is the whole path. The request keeps its query
// unless `to` has a query or a fragment of its own, which is sent as it is. The request's path is
// the one that ChooseRoute gave (route/route_choice.h).
//
// With a scheme that is the same on the request's host, which it must have; without a `to` the path
// is the request's.
std::string RedirectLocation(const config::Route& route, const http::RequestHead& request);

}  // namespace holdfast::route

#endif  // HOLDFAST_GATEWAY_ROUTE_REDIRECT_H_
