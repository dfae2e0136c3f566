#include "gateway/config/build.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "gateway/config/reachability.h"
#include "gateway/config/units.h"
#include "gateway/config/values.h"

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
    report->Error(node.position, Quoted(bind.text) + " is bound twice; first at line " +
                                     std::to_string(first->second.line));
  }

  // Where an address is given, or null.
  const Position* Find(const pool::SocketAddress& address) const {
    const auto found = seen_.find(address);
    return found == seen_.end() ? nullptr : &found->second;
  }

 private:
  absl::flat_hash_map<pool::SocketAddress, Position> seen_;
};

Listener BuildListener(const YamlNode& node, Binds* binds, Report* report) {
  Listener listener;
  if (const YamlNode* scalar = FindScalar(node, "bind")) {
    if (std::optional<Bind> bind = ParseBind(scalar->text)) {
      listener.bind = *std::move(bind);
      binds->Add(listener.bind, *scalar, report);
    }
  }
  listener.name = listener.bind.text;
  Take(node, "name", &listener.name);
  Take(node, "idle_timeout", &listener.idle_timeout);
  Take(node, "head_timeout", &listener.head_timeout);
  Take(node, "body_timeout", &listener.body_timeout);
  Take(node, "max_connection_age", &listener.max_connection_age);
  for (const YamlNode& item : TakeList(node, "trusted_proxies")) {
    listener.trusted_proxies.Add(item.text);
  }
  TakeSize(node, "max_head_bytes", &listener.max_head_bytes);
  TakeCount(node, "max_header_fields", &listener.max_header_fields);
  listener.max_uri_bytes = std::min(listener.max_uri_bytes, listener.max_head_bytes);
  TakeSize(node, "max_uri_bytes", &listener.max_uri_bytes);
  TakeCount(node, "max_connections", &listener.max_connections);
  TakeCount(node, "max_requests", &listener.max_requests);
  if (listener.max_uri_bytes > listener.max_head_bytes) {
    const YamlNode* limit = FindScalar(node, "max_uri_bytes");
    report->Error((limit == nullptr ? node : *limit).position,
                  "max_uri_bytes is larger than max_head_bytes, which is " +
                      FormatSize(listener.max_head_bytes) + " and has the URI in it");
  }
  return listener;
}

void BuildListeners(const YamlNode& root, Binds* binds, Names* names, Config* config,
                    Report* report) {
  for (const YamlNode& node : TakeList(root, "listeners")) {
    config->listeners.push_back(BuildListener(node, binds, report));
    const YamlNode* name = FindScalar(node, "name");
    const std::string& text = config->listeners.back().name;
    // Without a name it is the bind's text, about which there has been a complaint already if it
    // is missing or given twice.
    if (name != nullptr || names->IsNew(text)) {
      names->Add(text, (name == nullptr ? node : *name).position, report);
    }
  }
}

void BuildStatus(const YamlNode& root, Binds* binds, Config* config, Report* report) {
  if (HoldsWord(root, "status", "off")) {
    config->status.reset();
    return;
  }
  const YamlNode* scalar = FindScalar(TakeMapping(root, "status"), "bind");
  if (scalar == nullptr) {
    if (const Position* taken = binds->Find(config->status->address)) {
      report->Error(*taken, Quoted(config->status->text) +
                                " is where status listens unless it is given another bind");
    }
    return;
  }
  if (std::optional<Bind> bind = ParseBind(scalar->text)) {
    config->status = *std::move(bind);
    binds->Add(*config->status, *scalar, report);
  }
}

void BuildAccessLog(const YamlNode& root, Config* config) {
  const YamlNode* node = root.Find("access_log");
  if (node == nullptr || !node->is_mapping()) return;
  AccessLog log;
  std::string path = "stdout";
  Take(*node, "path", &path);
  if (path == "stderr") {
    log.target = AccessLog::Target::kStderr;
  } else if (path != "stdout") {
    log.target = AccessLog::Target::kFile;
    log.path = std::move(path);
  }
  config->access_log = std::move(log);
}

void BuildDns(const YamlNode& node, Dns* dns, Report* report) {
  for (const YamlNode& item : TakeList(node, "servers")) {
    if (const auto server = ParseDnsServer(item.text)) dns->servers.push_back(*server);
  }
  Take(node, "max_ttl", &dns->max_ttl);
  dns->min_ttl = std::min(dns->min_ttl, dns->max_ttl);
  Take(node, "min_ttl", &dns->min_ttl);
  if (FindScalar(node, "max_ttl") == nullptr) dns->max_ttl = std::max(dns->max_ttl, dns->min_ttl);
  Take(node, "timeout", &dns->timeout);
  TakeCount(node, "attempts", &dns->attempts);
  Take(node, "hold", &dns->hold);
  if (dns->min_ttl > dns->max_ttl) report->Error(node.position, "min_ttl is larger than max_ttl");
}

void ReportUseless(const YamlNode& root, const Config& config, Report* report) {
  const std::vector<YamlNode>& routes = TakeList(root, "routes");
  for (const Unreachable& found : FindUnreachable(config)) {
    report->Warning(routes[found.route].position,
                    "route " + Quoted(config.routes[found.route].name) +
                        " never gets a request: route " +
                        Quoted(config.routes[found.earlier].name) + " at line " +
                        std::to_string(routes[found.earlier].position.line) +
                        " takes the same hosts, path and methods");
  }
  const std::vector<YamlEntry>& upstreams = TakeMapping(root, "upstreams").entries;
  for (const uint32_t unused : FindUnusedUpstreams(config)) {
    report->Warning(upstreams[unused].key.position,
                    "upstream " + Quoted(config.upstreams[unused].name) + " is used by no route");
  }
}

}  // namespace

Config BuildConfig(const YamlNode& root, Report* report) {
  Config config;
  Binds binds;
  Names listeners("listener");
  Names upstreams("upstream");
  TakeCount(root, "workers", &config.workers);
  BuildListeners(root, &binds, &listeners, &config, report);
  BuildStatus(root, &binds, &config, report);
  BuildAccessLog(root, &config);
  Take(root, "via", &config.via);
  for (const auto& [key, value] : TakeMapping(root, "upstreams").entries) {
    upstreams.Add(key.text, key.position, report);
    config.upstreams.push_back(BuildUpstream(key.text, value, report));
  }
  BuildRoutes(root, listeners, upstreams, &config, report);
  Take(TakeMapping(root, "drain"), "delay", &config.drain.delay);
  Take(TakeMapping(root, "drain"), "timeout", &config.drain.timeout);
  BuildDns(TakeMapping(root, "dns"), &config.dns, report);
  if (!report->has_errors()) ReportUseless(root, config, report);
  return config;
}

}  // namespace holdfast::config
