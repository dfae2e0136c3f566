#ifndef HOLDFAST_GATEWAY_ROUTE_CONDITIONS_H_
#define HOLDFAST_GATEWAY_ROUTE_CONDITIONS_H_

#include <string_view>

#include "gateway/config/peer_set.h"
#include "gateway/config/route.h"
#include "gateway/http/message.h"

namespace holdfast::route {

// A request, as far as conditions ask for it. A view, for the time of a call.
struct Asking {
  http::Method method = http::Method::kGet;
  std::string_view method_text;             // of kOther
  const http::RequestHead* head = nullptr;  // null: without fields and query
  std::string_view client;                  // the true client's address; not an IP: by UNIX socket
  bool encrypted = false;
};

// Whether the method is one of the match's. Pure.
inline bool MeetsMethod(const config::Match& match, const Asking& asking) {
  return match.methods.empty() || match.methods.Contains(asking.method, asking.method_text);
}

// Whether the path begins with the prefix, and that ends where a segment of the path does. Pure.
inline bool HasPrefix(std::string_view path, std::string_view prefix) {
  return path.starts_with(prefix) &&
         (prefix.ends_with('/') || path.size() == prefix.size() || path[prefix.size()] == '/');
}

// Whether all conditions of a match are met but those of listener, host, path and methods. The path
// is in the matched form (http/path_form.h); exceptions ask for it. Pure.
bool MeetsConditions(const config::Match& match, std::string_view path, const Asking& asking);

// Whether the client is of the set. Pure.
bool IsOf(const config::PeerSet& set, std::string_view client);

// Whether a route serves this client at all. Pure. Most ask for nobody in particular.
bool AdmitsListed(const config::Route& route, std::string_view client);
inline bool Admits(const config::Route& route, std::string_view client) {
  return (route.allow.empty() && route.deny.empty()) || AdmitsListed(route, client);
}

}  // namespace holdfast::route

#endif  // HOLDFAST_GATEWAY_ROUTE_CONDITIONS_H_
