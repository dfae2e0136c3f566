#include "gateway/route/redirect.h"

#include <algorithm>
#include <string_view>

#include "gateway/route/rewrite.h"

namespace holdfast::route {
namespace {

// The path behind the prefix, which is appended to `to`, with one slash between the two. Behind a
// lone "/" it loses the slashes at its front: "//host" (and "/\host", which browsers read alike)
// would lead to a site that the author of a crafted link chose.
std::string_view Remainder(const config::Route& route, std::string_view path) {
  if (!route.redirect.to.ends_with('/')) return {};
  std::string_view rest = BehindPrefix(route.match, path);
  if (route.redirect.to == "/") {
    rest.remove_prefix(std::min(rest.find_first_not_of("/\\"), rest.size()));
  } else if (!route.match.path.ends_with('/') && rest.starts_with('/')) {
    rest.remove_prefix(1);
  }
  return rest;
}

// The scheme and the host; empty when they stay as they are.
std::string Origin(const config::Redirect& redirect, const http::RequestHead& request) {
  if (redirect.scheme == config::RedirectScheme::kKeep) return {};
  std::string origin(config::WordsOf(redirect.scheme).WordOf(redirect.scheme));
  origin.append("://").append(request.host);
  if (redirect.port.has_value()) origin.append(":").append(std::to_string(*redirect.port));
  return origin;
}

}  // namespace

std::string RedirectLocation(const config::Route& route, const http::RequestHead& request) {
  std::string location = Origin(route.redirect, request);
  const std::string& to = route.redirect.to;
  location += to;
  if (to.find_first_of("?#") != std::string::npos) return location;
  if (!to.empty()) {
    location += Remainder(route, request.path);
  } else if (request.path.starts_with('/')) {
    location += request.path;  // and not the "*" of OPTIONS
  }
  if (request.has_query) {
    location += '?';
    location += request.query;
  }
  return location;
}

}  // namespace holdfast::route
