#include <algorithm>
#include <string>
#include <string_view>

#include <absl/container/flat_hash_map.h>

#include "gateway/config/build.h"
#include "gateway/config/lookup.h"
#include "gateway/config/server_name.h"
#include "gateway/config/text_checks.h"

namespace holdfast::config {
namespace {

using pool::BalancePolicy;

void CheckEndpoint(const YamlNode& item, Report* report) {
  if (!item.is_mapping()) return;
  if (const std::string wrong = NotOneOf(item, {"address", "srv"}); !wrong.empty()) {
    report->Error(item.position, wrong);
  }
  const YamlNode* weight = item.Find("weight");
  if (weight != nullptr && item.Find("address") == nullptr && item.Find("srv") != nullptr) {
    report->Error(weight->position,
                  "weight is only for endpoints with an address; SRV records bring weights");
  }
}

void CheckEndpoints(const YamlNode& node, const Upstream& upstream, Report* report) {
  absl::flat_hash_map<std::string, Position> seen;
  size_t i = 0;
  for (const YamlNode& item : ListAt(node, "endpoints")) {
    const Endpoint& endpoint = upstream.endpoints[i++];
    CheckEndpoint(item, report);
    if (endpoint.text.empty()) continue;
    const Position place = PlaceOf(item, endpoint.srv ? "srv" : "address");
    const auto [first, added] = seen.try_emplace(endpoint.text, place);
    if (!added) {
      report->Error(place,
                    GivenTwice("endpoint " + Quoted(endpoint.text), first->second, place, *report));
    }
  }
  if (!upstream.endpoints.empty() && std::ranges::all_of(upstream.endpoints, &Endpoint::backup)) {
    report->Error(PlaceOf(node, "endpoints"),
                  "every endpoint is a backup; expected at least one that is not");
  }
}

void CheckHash(const YamlNode& node, const Upstream& upstream, Report* report) {
  const YamlNode* hash = node.Find("hash");
  if (hash == nullptr) return;
  const BalancePolicy policy = upstream.cluster.balancing.policy;
  if (policy != BalancePolicy::kRingHash && policy != BalancePolicy::kMaglev) {
    report->Error(hash->position, "hash is only for balance: ring_hash and balance: maglev");
  }
  if (!hash->is_mapping()) return;
  if (const std::string wrong = NotOneOf(*hash, {"header", "cookie"}); !wrong.empty()) {
    report->Error(hash->position, wrong);
  }
}

void CheckCookie(const YamlNode& node, const Upstream& upstream, Report* report) {
  if (!upstream.cookie.has_value() || upstream.cookie->secure != StickyCookie::Secure::kNever) {
    return;
  }
  if (upstream.cookie->same_site == StickyCookie::SameSite::kNone) {
    report->Error(PlaceOf(node, "same_site"),
                  "same_site: browsers take none only with secure: true or auto");
  }
  // RFC 6265bis section 4.1.3, in any case. What __Host- asks for besides, a path of / and no
  // domain, all of ours have.
  const std::string name = LowerCase(upstream.cookie->name);
  if (name.starts_with("__host-") || name.starts_with("__secure-")) {
    report->Error(PlaceOf(node, "name"),
                  "name: browsers take one that begins so only with secure: true or auto");
  }
}

// More are never there to be kept.
void WarnOfIdle(const YamlNode& node, const pool::PoolLimits& limits, Report* report) {
  const YamlNode* idle = ScalarAt(node, "max_idle");
  if (idle == nullptr || !limits.max_connections) return;
  if (IsOthersDefault(*idle, ScalarAt(node, "max_connections"))) return;
  if (limits.max_idle > *limits.max_connections) {
    report->Warning(idle->position, "max_idle is larger than max_connections, which is " +
                                        std::to_string(*limits.max_connections));
  }
}

// What does not go with a check's type.
std::vector<std::string_view> KeysAgainst(HealthCheck::Type type) {
  switch (type) {
    case HealthCheck::Type::kHttp: return {"service"};
    case HealthCheck::Type::kTcp: return {"path", "service", "host", "status", "protocol"};
    case HealthCheck::Type::kGrpc: return {"path", "status"};
  }
  HOLDFAST_CHECK(false);
}

void CheckHealthCheck(const YamlNode& node, const Upstream& upstream, Report* report) {
  if (!upstream.health_check) return;
  const HealthCheck::Type type = upstream.health_check->type;
  for (const std::string_view key : KeysAgainst(type)) {
    if (const YamlNode* value = node.Find(key)) {
      report->Error(value->position, std::string(key) + " does not go with checks of type " +
                                         std::string(kCheckTypeWords.WordOf(type)));
    }
  }
  if (type == HealthCheck::Type::kGrpc &&
      upstream.check_protocol() == pool::UpstreamProtocol::kH1) {
    report->Error(PlaceOf(node, "type"),
                  "gRPC needs HTTP/2; expected protocol: h2 (or auto) in this upstream or here");
  }
}

void CheckTls(const YamlNode& node, const Upstream& upstream, Report* report) {
  if (!upstream.tls.has_value()) return;
  const Position place = PlaceOf(node, "tls");
  if (upstream.tls->verify == TlsUpstreamVerify::kOff) {
    report->Warning(place, "verify: off takes any certificate, that of an attacker, too");
  } else if (!ServerNameOf(upstream).has_value()) {
    report->Error(place,
                  "server_name is missing; expected the name that the certificate is for, because "
                  "the endpoints do not have one host in common");
  }
}

}  // namespace

void CheckUpstream(const YamlNode& node, const Upstream& upstream, Report* report) {
  CheckEndpoints(node, upstream, report);
  CheckHash(node, upstream, report);
  CheckCookie(MappingAt(MappingAt(node, "balance"), "cookie"), upstream, report);
  WarnOfIdle(node, upstream.cluster.pool, report);
  CheckHealthCheck(MappingAt(node, "health_check"), upstream, report);
  CheckTls(node, upstream, report);
}

}  // namespace holdfast::config
