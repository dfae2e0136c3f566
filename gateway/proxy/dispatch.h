#ifndef HOLDFAST_GATEWAY_PROXY_DISPATCH_H_
#define HOLDFAST_GATEWAY_PROXY_DISPATCH_H_

#include <cstdint>
#include <string_view>

#include "gateway/config/config.h"
#include "gateway/http/message.h"
#include "gateway/http/path_form.h"
#include "gateway/proxy/failure.h"
#include "gateway/route/route_table.h"
#include "gateway/route/snapshot.h"

namespace holdfast::proxy {

// What is to be done with a request, decided by its head alone.
struct Dispatch {
  enum class Kind : uint8_t {
    kRefuse,            // `failure` and `detail`
    kNoRoute,           // 404
    kMethodNotAllowed,  // 405, `allowed`
    kRespond,           // the route's own answer
    kRedirect,          // the route's
    kPreflight,         // a browser asks for leave, and the route says who has it
    kAnswerOptions,     // an OPTIONS request that may not go further, `allowed`
    kProxy,             // the route's upstream
  };
  Kind kind = Kind::kRefuse;
  const route::Route* route = nullptr;  // null: none matched, or nobody looked
  std::string_view path;                // that may be forwarded; see route::Choice
  Failure failure = Failure::kNone;
  std::string_view detail;
  const config::MethodSet* allowed = nullptr;  // those of the route, or of `miss`
};

// Pure. `listener` is its place in the snapshot; `asking` has a head. The answer's views point into
// the request, into `form`, `miss` and the snapshot.
Dispatch DispatchRequest(const route::Snapshot& snapshot, uint32_t listener,
                         const route::Asking& asking, http::PathForm* form, route::Miss* miss);

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_DISPATCH_H_
