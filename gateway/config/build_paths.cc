#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/config/build.h"
#include "gateway/config/lookup.h"
#include "gateway/http/path_form.h"

namespace holdfast::config {
namespace {

bool IsForSomePaths(const Match& match) {
  return match.exact_path || !match.path_pattern.empty() || match.path != "/" ||
         std::ranges::any_of(match.exceptions, IsForSomePaths);
}

bool Guards(const Route& route) {
  return !route.allow.empty() || !route.deny.empty() || route.basic_auth.has_value() ||
         route.jwt.has_value() || route.forward_auth.has_value() || route.match.client_certificate;
}

// The route that suffers most where paths are not read; null: none does.
const Route* MostHarmed(const Config& config, size_t listener) {
  const Route* harmed = nullptr;
  for (const Route& route : config.routes) {
    if ((route.match.ListenerMask() >> listener & 1) == 0) continue;
    const bool some = IsForSomePaths(route.match);
    if (Guards(route) && some) return &route;
    if (harmed == nullptr && (Guards(route) || some)) harmed = &route;
  }
  return harmed;
}

void WarnOfBytes(Position place, const Route& route, Report* report) {
  report->Warning(place,
                  "normalize: off compares paths by their bytes: an origin may take others, such "
                  "as those with .. or %61, for paths of route " +
                      Quoted(route.name));
}

// A request says by its bytes what the file says here, and is another path.
void WarnOfOtherBytes(const YamlNode& match, const Listener& listener, Report* report) {
  for (const std::string_view key : {"path", "path_prefix"}) {
    const YamlNode* path = ScalarAt(match, key);
    if (path == nullptr) continue;
    const auto form = http::MatchedForm(path->text);
    if (!form || *form == path->text) continue;
    report->Warning(path->position, "listener " + Quoted(listener.name) +
                                        " compares paths by their bytes (normalize: off), and "
                                        "these have to be " +
                                        Quoted(*form));
  }
}

void WarnOfRefusedRewrite(const YamlNode& route, const Listener& listener, Report* report) {
  const YamlNode& rewrite = MappingAt(route, "rewrite");
  const http::PathPolicy only_slashes = {.normalize = http::PathNormalization::kOff,
                                         .encoded_slash = http::EncodedSlash::kReject};
  for (const YamlNode* to : {ScalarAt(rewrite, "path"), ScalarAt(rewrite, "path_prefix"),
                             ScalarAt(MappingAt(rewrite, "path_regex"), "to")}) {
    if (to == nullptr || !to->text.starts_with('/')) continue;
    const std::string_view path = std::string_view(to->text).substr(0, to->text.find('?'));
    if (http::PathForm().Read(path, only_slashes) == http::PathDoubt::kNone) continue;
    report->Warning(to->position, "listener " + Quoted(listener.name) +
                                      " refuses what comes out here: encoded_slash: reject");
  }
}

}  // namespace

void WarnOfPathPolicies(const YamlNode& root, const Config& config, Report* report) {
  const std::vector<YamlNode>& nodes = ListAt(root, "listeners");
  const std::vector<YamlNode>& routes = ListAt(root, "routes");
  for (size_t i = 0; i < config.listeners.size(); ++i) {
    const Listener& listener = config.listeners[i];
    if (listener.path == http::PathPolicy()) continue;
    if (listener.path.byte_for_byte()) {
      const Position given = PlaceOf(MappingAt(nodes[i], "path"), "normalize");
      if (const Route* route = MostHarmed(config, i)) WarnOfBytes(given, *route, report);
    }
    for (const Route& route : config.routes) {
      if ((route.match.ListenerMask() >> i & 1) == 0) continue;
      const YamlNode& node = routes[route.index];
      if (listener.path.byte_for_byte()) {
        WarnOfOtherBytes(MappingAt(node, "match"), listener, report);
      }
      if (listener.path.encoded_slash == http::EncodedSlash::kReject) {
        WarnOfRefusedRewrite(node, listener, report);
      }
    }
  }
}

}  // namespace holdfast::config
