#include "gateway/config/build.h"

#include <string>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "gateway/config/decode.h"
#include "gateway/config/lookup.h"
#include "gateway/config/reachability.h"
#include "gateway/config/schema.h"

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
    report->Error(node.position, GivenTwice("address " + Quoted(bind.text), first->second));
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

void BuildListeners(const YamlNode& root, Binds* binds, Names* names, Config* config,
                    Report* report) {
  size_t i = 0;
  for (const YamlNode& node : ListAt(root, "listeners")) {
    Listener& listener = config->listeners[i++];
    if (!listener.bind.text.empty()) binds->Add(listener.bind, *ScalarAt(node, "bind"), report);
    NameListener(node, &listener, names, report);
    CheckVersions(node, listener, report);
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
  const std::vector<YamlNode>& routes = ListAt(root, "routes");
  for (const Unreachable& found : FindUnreachable(config)) {
    report->Warning(routes[found.route].position,
                    "route " + Quoted(config.routes[found.route].name) +
                        " never gets a request: route " +
                        Quoted(config.routes[found.earlier].name) + " at line " +
                        std::to_string(routes[found.earlier].position.line) +
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
  BuildRoutes(root, listeners, upstreams, &config, report);
  if (!report->has_errors()) ReportUseless(root, config, report);
  return config;
}

}  // namespace holdfast::config
