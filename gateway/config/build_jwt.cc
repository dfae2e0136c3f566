#include <string>

#include "gateway/config/build.h"
#include "gateway/config/lookup.h"
#include "gateway/http/header_list.h"

namespace holdfast::config {
namespace {

// Each name once, in every spelling: two fields that a reader takes for the same would be one.
void CheckClaimHeaders(const YamlNode& node, Report* report) {
  const std::vector<YamlEntry>& entries = node.entries;
  for (size_t i = 0; i < entries.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const YamlNode& name = entries[i].key;
      if (!http::LooksLikeName(name.text, entries[j].key.text)) continue;
      report->Error(name.position, GivenTwice("field '" + name.text + "'", entries[j].key.position,
                                              name.position, *report));
    }
  }
}

}  // namespace

void BuildJwt(const YamlNode& route_node, const Route& route, Report* report) {
  const YamlNode& node = MappingAt(route_node, "jwt");
  if (!route.jwt.has_value() || !node.is_mapping()) return;
  if (route.basic_auth.has_value()) {
    report->Error(PlaceOf(route_node, "jwt"),
                  "jwt: not with basic_auth on one route; both are in the field Authorization");
  }
  const YamlNode* const jwks = ScalarAt(node, "jwks");
  if (jwks != nullptr && !jwks->text.starts_with('/')) {
    report->Error(jwks->position, "jwks: a URL is not supported: give a file");
  }
  CheckClaimHeaders(MappingAt(node, "claims_to_headers"), report);
}

}  // namespace holdfast::config
