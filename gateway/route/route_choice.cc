#include "gateway/route/route_choice.h"

namespace holdfast::route {
namespace {

using http::PathDoubt;
using http::PathForm;

// Whether readers that make more of the path's bytes than RFC 3986 does also see a path for
// `route`.
template <typename Match>
PathDoubt CheckLiberalReadings(const Route* route, const Match& match, PathForm* form) {
  const size_t kept = route == nullptr ? 0 : route->match.path.size();
  for (const auto end : {PathForm::ParameterEnd::kSlash, PathForm::ParameterEnd::kAnySeparator}) {
    if (const PathDoubt doubt = form->ReadLiberally(kept, end); doubt != PathDoubt::kNone) {
      return doubt;
    }
    if (match(form->liberal()) != route) return PathDoubt::kOtherRoute;
    if (!form->has_parameters()) break;
  }
  return PathDoubt::kNone;
}

}  // namespace

Choice ChooseRoute(const RouteTable& table, uint32_t listener_index, const http::PathPolicy& policy,
                   const http::RequestHead& request, const Asking& asking, PathForm* form,
                   Miss* why) {
  Miss unused;
  const auto match = [&](std::string_view path, Miss* miss) {
    return table.Match(listener_index, request.host, path, asking, miss);
  };
  const auto match_only = [&](std::string_view path) { return match(path, &unused); };
  if (request.path == "*") return {.route = match("/", why), .path = request.path};

  Choice choice{.doubt = form->Read(request.path, policy), .path = request.path};
  if (choice.doubt != PathDoubt::kNone) return choice;
  choice.route = match(form->matched(), why);
  if (form->has_other_readings()) {
    choice.doubt = CheckLiberalReadings(choice.route, match_only, form);
  }
  const bool same = form->matched() == form->received();
  if (form->must_be_resolved() || (!same && match_only(form->received()) != choice.route)) {
    choice.path = form->resolved();
  }
  return choice;
}

}  // namespace holdfast::route
