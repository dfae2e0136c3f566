#include <optional>
#include <string>

#include "gateway/config/build.h"
#include "gateway/config/lookup.h"
#include "gateway/fetch/url.h"
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

// Keys that somebody else can put in the place of the issuer's make everybody welcome.
void CheckKeyPlace(const YamlNode& node, const auth::TokenRules& rules, Report* report) {
  const bool own_authorities = rules.jwks_ca != auth::TokenRules::kSystemAuthorities;
  const std::optional<fetch::Url> url = fetch::ParseUrl(rules.jwks);
  if (own_authorities && (!url.has_value() || url->clear)) {
    report->Error(PlaceOf(node, "jwks_ca"),
                  "jwks_ca: only with a jwks that begins with https://; nothing else has a "
                  "certificate");
  }
  if (!url.has_value() || !url->clear || url->loopback()) return;
  if (!rules.jwks_over_http) {
    report->Error(
        PlaceOf(node, "jwks"),
        "jwks: expected https://, or http:// to this machine, such as http://127.0.0.1:80; "
        "whoever is on the way could change the keys (jwks_over_http: true takes that)");
    return;
  }
  report->Warning(PlaceOf(node, "jwks"),
                  "jwks: in clear from another machine: whoever is on the way can change the keys");
}

}  // namespace

void BuildJwt(const YamlNode& route_node, const Route& route, Report* report) {
  const YamlNode& node = MappingAt(route_node, "jwt");
  if (!route.jwt.has_value() || !node.is_mapping()) return;
  if (route.basic_auth.has_value()) {
    report->Error(PlaceOf(route_node, "jwt"),
                  "jwt: not with basic_auth on one route; both are in the field Authorization");
  }
  CheckKeyPlace(node, *route.jwt, report);
  CheckClaimHeaders(MappingAt(node, "claims_to_headers"), report);
}

}  // namespace holdfast::config
