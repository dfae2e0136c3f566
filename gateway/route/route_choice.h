#ifndef HOLDFAST_GATEWAY_ROUTE_ROUTE_CHOICE_H_
#define HOLDFAST_GATEWAY_ROUTE_ROUTE_CHOICE_H_

#include <cstdint>
#include <string_view>

#include "gateway/http/message.h"
#include "gateway/http/path_form.h"
#include "gateway/route/route_table.h"

namespace holdfast::route {

// Which route a request takes, and the path that may be forwarded on its behalf.
struct Choice {
  http::PathDoubt doubt = http::PathDoubt::kNone;  // anything else: the request must be refused
  const Route* route = nullptr;                    // null: none; `why` says what to answer
  std::string_view path;  // points into the request or into `form`; see ChooseRoute
};

// Chooses by the path's matched form (http/path_form.h). The path that is forwarded means the same
// to every reader. It is
//   - the bytes as received, where each reading of them leads to the same route;
//   - the resolved path, where there are dot segments or the literal bytes lead to another route;
//   - none (a doubt), where a reader that decodes further, or takes more bytes for separators,
//   would
//     see a path for another route.
// So a route that denies a path denies each spelling of it, whatever the origin behind another
// route makes of them. `request.path` may also be "*", which is matched as "/": `OPTIONS *` asks
// about the server as a whole (RFC 9110 section 9.3.7). For an ordinary path this is one look-up
// and allocates nothing.
//
// That is so where the listener's `policy` is the default. Slashes may be merged on top of it; byte
// for byte there is one reading, and nothing of the above is promised (http/path_policy.h).
Choice ChooseRoute(const RouteTable& table, uint32_t listener_index, const http::PathPolicy& policy,
                   const http::RequestHead& request, const Asking& asking, http::PathForm* form,
                   Miss* why);

}  // namespace holdfast::route

#endif  // HOLDFAST_GATEWAY_ROUTE_ROUTE_CHOICE_H_
