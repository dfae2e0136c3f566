#include "gateway/route/redirect.h"

#include <algorithm>
#include <string_view>

#include "gateway/http/path_form.h"

namespace holdfast::route {
namespace {

// The path behind the prefix, which is appended to `to`. Behind a lone "/" it loses the slashes at
// its front: "//host" (and "/\host", which browsers read alike) would lead to a site that the
// author of a crafted link chose.
std::string_view Remainder(const config::Route& route, std::string_view path) {
  if (route.match.exact_path || !route.redirect.to.ends_with('/')) return {};
  std::string_view rest = path.substr(http::SpelledBytes(path, route.match.path.size()));
  if (route.redirect.to == "/") {
    rest.remove_prefix(std::min(rest.find_first_not_of("/\\"), rest.size()));
  }
  return rest;
}

}  // namespace

std::string RedirectLocation(const config::Route& route, const http::RequestHead& request) {
  std::string location = route.redirect.to;
  if (location.find_first_of("?#") != std::string::npos) return location;
  location += Remainder(route, request.path);
  if (request.has_query) {
    location += '?';
    location += request.query;
  }
  return location;
}

}  // namespace holdfast::route
