#include "gateway/proxy/dispatch.h"

#include <optional>

#include "gateway/http/hops.h"
#include "gateway/policy/cors.h"
#include "gateway/route/route_choice.h"

namespace holdfast::proxy {
namespace {

using Kind = Dispatch::Kind;

Dispatch Refuse(Failure failure, std::string_view detail = {}) {
  return {.kind = Kind::kRefuse, .failure = failure, .detail = detail};
}

const http::PathPolicy& PolicyOf(const route::Snapshot& snapshot, uint32_t listener) {
  return snapshot.config().listeners[listener].path;
}

bool TooLarge(const http::RequestHead& request, const route::Route& route) {
  return request.body == http::BodyKind::kLength && route.max_request_body.has_value() &&
         request.content_length > *route.max_request_body;
}

// What keeps a request from an upstream though its route leads there.
void StopAtUs(std::string_view via_name, const http::RequestHead& request, Dispatch* dispatch) {
  constexpr http::FieldIds kOfHops = {http::FieldId::kVia, http::FieldId::kMaxForwards};
  if (!request.headers.HasAnyOf(kOfHops)) return;
  if (http::RoundsThrough(request.headers, via_name) >= http::kMaxRoundsThroughUs) {
    dispatch->kind = Kind::kRefuse;
    dispatch->failure = Failure::kLoopDetected;
  } else if (http::MaxForwards(request) == 0u) {
    dispatch->kind = Kind::kAnswerOptions;
    dispatch->allowed = &dispatch->route->match.methods;
  }
}

// The route of the request that a browser asks about, where that is the one to answer.
std::optional<Dispatch> FindPreflight(const route::Snapshot& snapshot, uint32_t listener,
                                      const route::Asking& asking, http::PathForm* form,
                                      route::Miss* miss) {
  const std::string_view method = policy::RequestedMethod(*asking.head);
  route::Asking about = asking;
  about.method = http::IdentifyMethod(method);
  about.method_text = method;
  const route::Choice choice = route::ChooseRoute(
      snapshot.routes(), listener, PolicyOf(snapshot, listener), *asking.head, about, form, miss);
  if (choice.doubt != http::PathDoubt::kNone || choice.route == nullptr ||
      !choice.route->cors_rules.active()) {
    return std::nullopt;
  }
  if (!route::Admits(*choice.route, asking.client)) return std::nullopt;
  return Dispatch{.kind = Kind::kPreflight, .route = choice.route, .path = choice.path};
}

}  // namespace

Dispatch DispatchRequest(const route::Snapshot& snapshot, uint32_t listener,
                         const route::Asking& asking, http::PathForm* form, route::Miss* miss) {
  const http::RequestHead& request = *asking.head;
  // A tunnel to anywhere is not a reverse proxy's to give, and TRACE would echo what fields the
  // client's own network put in (RFC 9110 sections 9.3.6 and 9.3.8).
  if (request.method == http::Method::kConnect || request.method == http::Method::kTrace) {
    return Refuse(Failure::kUnsupportedMethod);
  }
  if (request.expect_unknown) return Refuse(Failure::kUnknownExpectation);
  if (request.method == http::Method::kOptions && policy::IsPreflight(request)) {
    if (const auto preflight = FindPreflight(snapshot, listener, asking, form, miss))
      return *preflight;
  }
  const route::Choice choice = route::ChooseRoute(
      snapshot.routes(), listener, PolicyOf(snapshot, listener), request, asking, form, miss);
  if (choice.doubt != http::PathDoubt::kNone) {
    return Refuse(FailureOf(choice.doubt), http::PathDoubtText(choice.doubt));
  }
  Dispatch dispatch{.route = choice.route, .path = choice.path};
  if (choice.route == nullptr) {
    const bool other_method = miss->reason == route::Miss::Reason::kMethodNotAllowed;
    dispatch.kind = other_method ? Kind::kMethodNotAllowed : Kind::kNoRoute;
    dispatch.failure = other_method ? Failure::kMethodNotAllowed : Failure::kNoRoute;
    dispatch.allowed = &miss->allowed;
    return dispatch;
  }
  if (!route::Admits(*choice.route, asking.client)) {
    dispatch.failure = Failure::kClientDenied;
    return dispatch;
  }
  if (TooLarge(request, *choice.route)) {
    dispatch.failure = Failure::kBodyTooLarge;
    return dispatch;
  }
  // Who is asked may be reached through this gateway, and by this route.
  if (choice.route->guarded && choice.route->forward_auth.has_value()) {
    StopAtUs(snapshot.via_name(), request, &dispatch);
    if (dispatch.failure != Failure::kNone) return dispatch;
  }
  switch (choice.route->action) {
    case config::Action::kRespond: dispatch.kind = Kind::kRespond; break;
    case config::Action::kRedirect:
      // HTTP/1.0 may come without one (RFC 9112 section 3.2).
      if (choice.route->redirect.scheme != config::RedirectScheme::kKeep && request.host.empty()) {
        dispatch.failure = Failure::kNoHost;
        break;
      }
      dispatch.kind = Kind::kRedirect;
      break;
    case config::Action::kUpstream:
      dispatch.kind = Kind::kProxy;
      StopAtUs(snapshot.via_name(), request, &dispatch);
      break;
  }
  return dispatch;
}

}  // namespace holdfast::proxy
