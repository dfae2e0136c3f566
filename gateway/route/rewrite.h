#ifndef HOLDFAST_GATEWAY_ROUTE_REWRITE_H_
#define HOLDFAST_GATEWAY_ROUTE_REWRITE_H_

#include <string>
#include <string_view>

#include "gateway/config/route.h"
#include "gateway/http/message.h"
#include "gateway/http/path_form.h"

namespace holdfast::route {

// What the path has behind the route's prefix; empty on a route of a whole path or a pattern. The
// path is one that ChooseRoute gave (route/route_choice.h): without dot segments, unless it is
// matched byte for byte. Pure.
std::string_view BehindPrefix(const config::Match& match, std::string_view path);

// Fills in `*target`, in origin-form (RFC 9112 section 3.2.1), which the upstream gets in place of
// the request's path and query. The request's path is one that ChooseRoute gave and begins with
// '/'.
//
//   path_prefix   what is behind the route's prefix follows it, with one slash between the two
//   path          is all of it
//   path_regex    a pattern of the whole path, as it is forwarded or else in its matched form; a
//                 path that it does not match stays as it is
//
// A query in `path` or `to` comes before the request's own. kNone, or why nobody could tell what
// path it is that came out: readers differ about it. `policy` is the listener's and holds for what
// comes out as it did for what came in (http/path_policy.h): slashes that meet are merged, or
// nothing is looked at but that it is a path.
http::PathDoubt RewriteTarget(const config::Route& route, const http::PathPolicy& policy,
                              const http::RequestHead& request, std::string* target);

}  // namespace holdfast::route

#endif  // HOLDFAST_GATEWAY_ROUTE_REWRITE_H_
