#include "gateway/config/build.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "gateway/config/decode.h"
#include "gateway/config/error_pages.h"
#include "gateway/config/lookup.h"
#include "gateway/config/reachability.h"
#include "gateway/config/schema.h"
#include "gateway/config/text_checks.h"
#include "gateway/http/header_list.h"

namespace holdfast::config {
namespace {

// The addresses of the file's listening sockets, to find one that is given twice.
class Binds {
 public:
  void Add(const Bind& bind, const YamlNode& node, Report* report) {
    const bool ephemeral = bind.address.is_ip() && bind.address.port() == 0;
    if (ephemeral) return;
    const auto [first, added] = seen_.try_emplace(bind.address, node.position);
    if (added) return;
    report->Error(node.position, GivenTwice("address " + Quoted(bind.text), first->second,
                                            node.position, *report));
  }

  // Where an address is given, or null.
  const Position* Find(const pool::SocketAddress& address) const {
    const auto found = seen_.find(address);
    return found == seen_.end() ? nullptr : &found->second;
  }

 private:
  absl::flat_hash_map<pool::SocketAddress, Position> seen_;
};

// Without a name a listener is called by its bind, about which there has been a complaint already
// if it is missing or given twice.
void NameListener(const YamlNode& node, Listener* listener, Names* names, Report* report) {
  const bool named = ScalarAt(node, "name") != nullptr;
  if (!named) listener->name = listener->bind.text;
  if (named || names->IsNew(listener->name)) {
    names->Add(listener->name, PlaceOf(node, "name"), report);
  }
}

void CheckVersions(const YamlNode& node, const Listener& listener, Report* report) {
  if (!listener.tls.has_value() || listener.tls->min_version <= listener.tls->max_version) return;
  report->Error(PlaceOf(MappingAt(node, "tls"), "min_version"),
                "min_version is newer than max_version");
}

void CheckClientIp(const YamlNode& node, const Listener& listener, Report* report) {
  const ClientIp& rule = listener.client_ip;
  const PeerSet& trusted = listener.trusted_proxies;
  if (rule == ClientIp()) return;
  if (trusted.ranges().empty() && !trusted.unix_peers()) {
    report->Error(PlaceOf(node, "client_ip"),
                  "client_ip is only for trusted_proxies, and there are none: nobody else is "
                  "believed");
  }
  if (rule.from == ClientIp::From::kXRealIp && rule.depth) {
    report->Error(PlaceOf(MappingAt(node, "client_ip"), "depth"),
                  "depth is only for lists of addresses; x_real_ip has one");
  }
}

bool AsksForCertificates(const Listener& listener) {
  if (!listener.tls.has_value()) return false;
  return listener.tls->client_auth.has_value() ||
         std::ranges::any_of(listener.tls->certificates, [](const TlsCertificateFiles& files) {
           return files.client_auth.has_value();
         });
}

// Two of them that a reader may take for each other would say two things under one name.
void CheckCertificateHeaders(const YamlNode& node, const Listener& listener, Report* report) {
  if (!listener.client_certificate_headers.has_value()) return;
  const YamlNode& headers = *node.Find("client_certificate_headers");
  for (size_t i = 0; i < headers.entries.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const YamlNode& value = headers.entries[i].value;
      if (!http::LooksLikeName(value.text, headers.entries[j].value.text)) continue;
      report->Error(value.position, Quoted(value.text) + " is the field of " +
                                        headers.entries[j].key.text + " already");
    }
  }
  if (AsksForCertificates(listener) || headers.shared) return;
  report->Warning(headers.position,
                  "no client of this listener is asked for a certificate; see "
                  "client_auth of its tls");
}

// Whether one of that name, which a request has, leaves with another value, or not at all.
bool Changes(const policy::HeaderRules& rules, std::string_view name) {
  const auto named = [name](const auto& field) { return http::LooksLikeName(field.first, name); };
  return std::ranges::any_of(rules.set, named) || std::ranges::any_of(rules.add, named) ||
         std::ranges::any_of(rules.remove, [name](const std::string& removed) {
           return http::LooksLikeName(removed, name);
         });
}

// What says who a client is would be overwritten, or said by the client.
void CheckRequestIdField(const YamlNode& node, const Listener& listener, const Config& config,
                         Report* report) {
  if (!listener.request_id.has_value()) return;
  const std::string& name = listener.request_id->header;
  const YamlNode& given = MappingAt(node, "request_id");
  const Position place =
      given.is_mapping() ? PlaceOf(given, "header") : PlaceOf(node, "request_id");
  const auto check = [&](std::string_view taken, std::string_view by) {
    if (!http::LooksLikeName(name, taken)) return;
    report->Error(place, Quoted(name) + " is a field of " + std::string(by) + " already");
  };
  for (const Listener& other : config.listeners) {
    if (!other.client_certificate_headers.has_value()) continue;
    const ClientCertificateHeaders& taken = *other.client_certificate_headers;
    for (const std::string* field : {&taken.certificate, &taken.chain, &taken.subject, &taken.san,
                                     &taken.fingerprint, &taken.verified}) {
      check(*field, "client_certificate_headers");
    }
  }
  for (const Route& route : config.routes) {
    if (Changes(route.request_headers, name)) {
      const std::string which = route.name.empty() ? "a route" : "route " + Quoted(route.name);
      report->Warning(place, "request_headers of " + which + " change " + Quoted(name) +
                                 ", so that the log and upstreams differ");
    }
    if (route.jwt.has_value()) {
      for (const auto& claim : route.jwt->claims_to_headers) {
        check(claim.header, "claims_to_headers");
      }
    }
    if (!route.forward_auth.has_value()) continue;
    for (const std::string& field : route.forward_auth->copy_response_headers) {
      check(field, "copy_response_headers");
    }
  }
  check("x-real-ip", "client_ip");
}

// Routes for clients with certificates, on listeners that ask nobody for one.
void WarnOfUnaskedCertificates(const YamlNode& root, const Config& config, Report* report) {
  const std::vector<YamlNode>& nodes = ListAt(root, "routes");
  for (const Route& route : config.routes) {
    if (!route.match.client_certificate) continue;
    bool asked = false;
    for (size_t i = 0; i < config.listeners.size(); ++i) {
      const bool taken = (route.match.ListenerMask() >> i & 1) != 0;
      asked |= taken && AsksForCertificates(config.listeners[i]);
    }
    if (asked) continue;
    report->Warning(nodes[route.index].position, "route " + Quoted(route.name) +
                                                     " answers 403 to everybody: no listener of "
                                                     "its own asks clients for a certificate");
  }
}

// Whether the redirect leads to where it is found itself, on every listener.
bool LeadsToItself(const Route& route) {
  const Redirect& redirect = route.redirect;
  return redirect.scheme == RedirectScheme::kKeep && redirect.to == route.match.path;
}

// Whether the redirect leads the listener's clients to where they are.
bool LeadsInACircle(const Redirect& redirect, const Listener& listener) {
  if (!listener.tls.has_value() || redirect.scheme != RedirectScheme::kHttps) return false;
  if (!redirect.to.empty()) return false;
  // Without one it may be the port by which the listener is reached, whatever it is here.
  return !redirect.port.has_value() || *redirect.port == listener.bind.address.port();
}

void WarnOfCircles(const YamlNode& root, const Config& config, Report* report) {
  const std::vector<YamlNode>& nodes = ListAt(root, "routes");
  for (const Route& route : config.routes) {
    if (route.action != Action::kRedirect) continue;
    if (LeadsToItself(route)) {
      report->Warning(nodes[route.index].position,
                      "route " + Quoted(route.name) +
                          " sends clients in a circle: to leads to the path that it takes");
      continue;
    }
    for (size_t i = 0; i < config.listeners.size(); ++i) {
      const bool taken = (route.match.ListenerMask() >> i & 1) != 0;
      if (!taken || !LeadsInACircle(route.redirect, config.listeners[i])) continue;
      report->Warning(nodes[route.index].position,
                      "route " + Quoted(route.name) + " sends the clients of listener " +
                          Quoted(config.listeners[i].name) +
                          " in a circle: they speak https already; match.listeners says which "
                          "listeners it is for");
      break;
    }
  }
}

// The whole hosts of the routes that lead from this listener, each once, as far as an authority can
// vouch for them.
std::vector<std::string> NamesFromRoutes(const Config& config, size_t listener) {
  std::vector<std::string> names;
  for (const Route& route : config.routes) {
    if ((route.match.ListenerMask() >> listener & 1) == 0) continue;
    for (const std::string& host : route.match.hosts) {
      if (IsCertifiableName(host) && std::ranges::find(names, host) == names.end()) {
        names.push_back(host);
      }
    }
  }
  return names;
}

// `node` is the listener's `tls`.
void BuildAcme(const YamlNode& node, const Config& config, size_t listener, ListenerAcme* acme,
               Report* report) {
  const YamlNode& given = MappingAt(node, "acme");
  if (ListAt(given, "names").empty()) {
    acme->from_routes = true;
    acme->names = NamesFromRoutes(config, listener);
    if (acme->names.empty() || acme->names.size() > kMaxAcmeNames) {
      report->Error(PlaceOf(given, "names"),
                    "from_routes finds " + std::to_string(acme->names.size()) +
                        " hosts; expected 1 to 100 whole host names in the routes' match.hosts");
    }
    return;
  }
  std::vector<std::string> once;
  for (const std::string& name : acme->names) {
    std::string canonical = CanonicalHost(name);
    if (std::ranges::find(once, canonical) == once.end()) once.push_back(std::move(canonical));
  }
  acme->names = std::move(once);
}

void BuildTls(const YamlNode& root, Config* config, Report* report) {
  const bool all_encrypted = std::ranges::all_of(
      config->listeners, [](const Listener& listener) { return listener.tls.has_value(); });
  size_t i = 0;
  for (const YamlNode& node : ListAt(root, "listeners")) {
    Listener& listener = config->listeners[i++];
    const YamlNode& given = MappingAt(node, "tls");
    if (!listener.tls.has_value() || !given.is_mapping()) continue;
    if (!listener.tls->acme.has_value()) {
      if (given.Find("certificates") == nullptr) {
        report->Error(given.position,
                      "tls has nothing to show; expected certificates, acme or both");
      }
      continue;
    }
    BuildAcme(given, *config, i - 1, &*listener.tls->acme, report);
    if (listener.tls->acme->challenge == AcmeChallenge::kHttp01 && all_encrypted) {
      report->Warning(PlaceOf(MappingAt(given, "acme"), "challenge"),
                      "http-01 is asked at port 80, by which no listener in clear can be reached: "
                      "there is none; tls-alpn-01 needs none");
    }
  }
}

void BuildListeners(const YamlNode& root, Binds* binds, Names* names, Config* config,
                    Report* report) {
  size_t i = 0;
  for (const YamlNode& node : ListAt(root, "listeners")) {
    Listener& listener = config->listeners[i++];
    if (!listener.bind.text.empty()) binds->Add(listener.bind, *ScalarAt(node, "bind"), report);
    NameListener(node, &listener, names, report);
    CheckVersions(node, listener, report);
    CheckClientIp(node, listener, report);
    CheckCertificateHeaders(node, listener, report);
    CheckRequestIdField(node, listener, *config, report);
    WarnOfErrorPages(MappingAt(node, "error_pages"), report);
  }
}

// Behind one host a browser keeps one cookie of a name, and each upstream would replace the
// other's.
void WarnOfSharedCookies(const YamlNode& root, const Config& config, Report* report) {
  const std::vector<YamlEntry>& entries = MappingAt(root, "upstreams").entries;
  for (size_t i = 0; i < entries.size(); ++i) {
    for (size_t j = 0; j < i && config.upstreams[i].cookie.has_value(); ++j) {
      const std::optional<StickyCookie>& other = config.upstreams[j].cookie;
      if (!other.has_value() || other->name != config.upstreams[i].cookie->name) continue;
      report->Warning(entries[i].key.position,
                      "its cookie has the name of that of upstream " +
                          Quoted(config.upstreams[j].name) +
                          "; behind one host browsers keep one of them: cookie: {name: ...}");
      break;
    }
  }
}

void BuildStatus(const YamlNode& root, Binds* binds, const Config& config, Report* report) {
  if (!config.status) return;
  if (const YamlNode* given = ScalarAt(MappingAt(root, "status"), "bind")) {
    if (given->text == config.status->text) binds->Add(*config.status, *given, report);
    return;
  }
  if (const Position* taken = binds->Find(config.status->address)) {
    report->Error(*taken, Quoted(config.status->text) +
                              " is where status listens unless it is given another bind");
  }
}

void ReportUseless(const YamlNode& root, const Config& config, Report* report) {
  WarnOfUnaskedCertificates(root, config, report);
  WarnOfCircles(root, config, report);
  WarnOfPathPolicies(root, config, report);
  const std::vector<YamlNode>& routes = ListAt(root, "routes");
  for (const Unreachable& found : FindUnreachable(config)) {
    report->Warning(
        routes[found.route].position,
        "route " + Quoted(config.routes[found.route].name) + " never gets a request: route " +
            Quoted(config.routes[found.earlier].name) + " at " +
            report->LineSeenFrom(routes[found.route].position, routes[found.earlier].position) +
            " takes the same hosts, path and methods");
  }
  const std::vector<YamlEntry>& upstreams = MappingAt(root, "upstreams").entries;
  for (const uint32_t unused : FindUnusedUpstreams(config)) {
    report->Warning(upstreams[unused].key.position,
                    "upstream " + Quoted(config.upstreams[unused].name) + " is used by no route");
  }
}

}  // namespace

Config BuildConfig(const YamlNode& root, Report* report) {
  Config config;
  DecodeMapping(root, FileShape(), &config, report);
  Binds binds;
  Names listeners("listener");
  Names upstreams("upstream");
  BuildListeners(root, &binds, &listeners, &config, report);
  BuildStatus(root, &binds, config, report);
  size_t i = 0;
  for (const auto& [key, value] : MappingAt(root, "upstreams").entries) {
    upstreams.Add(key.text, key.position, report);
    CheckUpstream(value, config.upstreams[i++], report);
  }
  WarnOfSharedCookies(root, config, report);
  BuildRoutes(root, listeners, upstreams, &config, report);
  BuildTls(root, &config, report);
  BuildAccessLog(root, &config, report);
  BuildTracing(root, config, report);
  if (!report->has_errors()) ReportUseless(root, config, report);
  return config;
}

}  // namespace holdfast::config
