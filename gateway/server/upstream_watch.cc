#include "gateway/server/upstream_watch.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "gateway/route/plan.h"
#include "gateway/server/op_log.h"
#include "pool/net/check.h"

namespace holdfast::server {

using metrics::Metric;

namespace {

void LogName(const pool::NameReport& report) {
  const std::string subject =
      absl::StrCat(report.upstreams.size() == 1 ? "upstream " : "upstreams ",
                   absl::StrJoin(report.upstreams, ", "), ": ");
  const std::string known = absl::StrCat("addresses known: ", report.endpoints);
  switch (report.news) {
    case pool::NameNews::kNone: return;
    case pool::NameNews::kTrouble:
      return LogWarning(absl::StrCat(subject, report.trouble, " (", known, ")"));
    case pool::NameNews::kStillTrouble:
      return LogWarning(absl::StrCat(subject, "still ", report.trouble, " (", known, ", ",
                                     report.failures, " look-ups failed since the start)"));
    case pool::NameNews::kResolved:
      return LogInfo(
          absl::StrCat(subject, "DNS: ", report.name, ": all is answered (", known, ")"));
  }
}

uint64_t SeedOf(const pool::Clock& clock) {
  return static_cast<uint64_t>(clock.WallNow().time_since_epoch().count());
}

// As a plan of its own, with each check's client instead of its upstream's where they differ; null
// for each that is plain.
tls::TlsPlan PlanOfChecks(const config::Config& config, const tls::TlsPlan& tls) {
  tls::TlsPlan checks;
  checks.upstreams = tls.upstreams;
  for (size_t i = 0; i < tls.checks.size(); ++i) {
    if (tls.checks[i] != nullptr) checks.upstreams[i] = tls.checks[i];
  }
  checks.upstreams.resize(config.upstreams.size());
  return checks;
}

}  // namespace

UpstreamWatch::UpstreamWatch(pool::EventLoop* loop, pool::SlabPool* slabs, RequestsOf requests_of,
                             metrics::Shard* shard, OnChange on_change,
                             pool::EndpointLabel label_of)
    : loop_(loop),
      requests_of_(std::move(requests_of)),
      shard_(shard),
      on_change_(std::move(on_change)),
      label_of_(std::move(label_of)),
      random_(SeedOf(loop->clock())),
      directory_(loop,
                 [this](const std::string& upstream, const pool::EndpointSet& endpoints) {
                   OnDirectoryChange(upstream, endpoints);
                 }),
      tls_(shard),
      prober_(
          loop, slabs, &random_, &tls_,
          {.on_health =
               [this](const std::string& upstream, const pool::SocketAddress& address, bool healthy,
                      const std::string& cause) {
                 directory_.SetHealth(upstream, address, healthy, cause);
               },
           .has_traffic = [this](const std::string& upstream) { return HasTraffic(upstream); }}) {}

void UpstreamWatch::StartDiscovery(const config::Dns& dns) {
  for (auto& [name, upstream] : upstreams_) upstream.carried = upstream.found;
  dns_ = dns;
  discovery_.reset();
  resolver_ = std::make_unique<pool::CaresResolver>(
      loop_,
      pool::CaresOptions{.servers = dns.servers,
                         .timeout = dns.timeout,
                         .attempts = static_cast<int>(dns.attempts),
                         .on_trouble = [](const std::string& trouble) { LogWarning(trouble); }});
  discovery_ = std::make_unique<pool::Discovery>(
      loop_, resolver_.get(),
      pool::DiscoveryOptions{.min_ttl = dns.min_ttl,
                             .max_ttl = dns.max_ttl,
                             .hold = dns.hold,
                             .seed = SeedOf(loop_->clock()),
                             .on_news = LogName},
      shard_, [this](const std::string& upstream, const pool::DiscoveredEndpoints& discovered) {
        TakeDiscovered(upstream, discovered);
      });
}

void UpstreamWatch::TakeDiscovered(const std::string& name,
                                   const pool::DiscoveredEndpoints& discovered) {
  Upstream& upstream = upstreams_.at(name);
  // A note speaks of names that have no complete answer.
  if (discovered.note.empty()) upstream.carried.clear();
  std::vector<pool::EndpointSpec> endpoints = discovered.endpoints;
  for (const pool::EndpointSpec& spec : upstream.carried) {
    if (std::ranges::find(endpoints, spec.address, &pool::EndpointSpec::address) ==
        endpoints.end()) {
      endpoints.push_back(spec);
    }
  }
  directory_.SetDiscovered(name, endpoints, discovered.note);
  std::erase_if(endpoints, [](const pool::EndpointSpec& spec) { return spec.host.empty(); });
  upstream.found = std::move(endpoints);
}

void UpstreamWatch::Adopt(const config::Config& config, const tls::TlsPlan& tls) {
  const tls::TlsPlan checks = PlanOfChecks(config, tls);
  probe_contexts_ = tls::MakeContexts(config, checks, {}, probe_contexts_);
  tls_.Adopt(probe_contexts_);
  if (discovery_ == nullptr || config.dns != dns_) StartDiscovery(config.dns);
  const route::Plan plan = route::PlanOf(config);
  discovery_->SetUpstreams(plan.names);
  directory_.SetUpstreams(plan.policies);
  std::map<std::string, Upstream> before = std::exchange(upstreams_, {});
  for (size_t i = 0; i < config.upstreams.size(); ++i) {
    const config::Upstream& upstream = config.upstreams[i];
    const auto known = before.extract(upstream.name);
    if (!known.empty()) upstreams_[upstream.name] = std::move(known.mapped());
    upstreams_[upstream.name].check = upstream.health_check;
    upstreams_[upstream.name].manner = {
        .tls = checks.upstreams[i] != nullptr ? pool::TlsIdentity(checks.upstreams[i]->settings())
                                              : pool::TlsIdentity(),
        .proxy = upstream.cluster.proxy,
        .protocol = upstream.check_protocol(),
        .limits = {.head_bytes = upstream.max_head_bytes, .fields = upstream.max_header_fields}};
    upstreams_[upstream.name].policy = upstream.cluster.balancing.policy;
    upstreams_[upstream.name].claim = shard_->ClaimSeries("upstream", upstream.name);
    TakeDiscovered(upstream.name, discovery_->Current(upstream.name));
    AimChecks(upstream.name);
  }
  for (const auto& [name, upstream] : before) prober_.SetTargets(name, std::nullopt, {}, {});
}

void UpstreamWatch::OnDirectoryChange(const std::string& name, const pool::EndpointSet& endpoints) {
  LogStates(name, std::exchange(upstreams_.at(name).told, endpoints), endpoints);
  AimChecks(name);
  on_change_(name, WithKeys(name, endpoints));
}

void UpstreamWatch::LogStates(const std::string& upstream, const pool::EndpointSet& before,
                              const pool::EndpointSet& after) const {
  absl::flat_hash_map<pool::SocketAddress, pool::Availability> known;
  for (const auto& endpoint : before.endpoints) known[endpoint.address] = endpoint.availability;
  const auto up = std::ranges::count(after.endpoints, pool::Availability::kUp,
                                     &pool::EndpointState::availability);
  for (const pool::EndpointState& endpoint : after.endpoints) {
    const auto was = known.try_emplace(endpoint.address, pool::Availability::kUp).first->second;
    if (was == endpoint.availability) continue;
    const bool returns = endpoint.availability == pool::Availability::kUp;
    const std::string cause = returns && was == pool::Availability::kEjected
                                  ? "its time is over"
                                  : directory_.Cause(upstream, endpoint.address);
    const std::string line = absl::StrCat(
        "upstream ", upstream, ": endpoint ", endpoint.address.ToString(), " is ",
        std::string(pool::AvailabilityName(endpoint.availability)), ", was ",
        std::string(pool::AvailabilityName(was)), cause.empty() ? "" : " (" + cause + ")", "; ", up,
        " of ", after.endpoints.size(), " are up");
    returns ? LogInfo(line) : LogWarning(line);
  }
}

void UpstreamWatch::AimChecks(const std::string& name) {
  std::vector<proxy::ProbeTarget> targets;
  for (const pool::EndpointState& endpoint : directory_.Current(name).endpoints) {
    targets.push_back({.address = endpoint.address,
                       .host = route::HostOf(endpoint, 80),
                       .healthy = directory_.Healthy(name, endpoint.address)});
  }
  prober_.SetTargets(name, upstreams_.at(name).check, upstreams_.at(name).manner, targets);
}

pool::EndpointSet UpstreamWatch::Current(const std::string& upstream) {
  return WithKeys(upstream, directory_.Current(upstream));
}

pool::EndpointSet UpstreamWatch::WithKeys(const std::string& name, pool::EndpointSet set) {
  Upstream& upstream = upstreams_.at(name);
  std::vector<pool::BalancerEndpoint> choices;
  for (const pool::EndpointState& endpoint : set.endpoints) {
    choices.push_back(pool::BalancerEndpointOf(endpoint));
  }
  upstream.keys = pool::MakeKeyTable(upstream.policy, choices, upstream.keys);
  set.keys = upstream.keys;
  return set;
}

bool UpstreamWatch::AllNamed() const {
  return std::ranges::none_of(upstreams_, [this](const auto& entry) {
    return directory_.Current(entry.first).endpoints.empty();
  });
}

void UpstreamWatch::OnTrouble(const std::string& upstream, const pool::SocketAddress& endpoint,
                              const std::string& cause) {
  directory_.OnTrouble(upstream, endpoint, cause);
}

bool UpstreamWatch::HasTraffic(const std::string& name) {
  const uint64_t requests = requests_of_(name);
  return std::exchange(upstreams_.at(name).requests, requests) != requests;
}

void UpstreamWatch::AddTo(metrics::Sums& sums) const {
  if (discovery_ != nullptr) discovery_->AddTo(sums);
  directory_.AddTo(sums, label_of_);
  prober_.AddTo(sums, label_of_);
}

}  // namespace holdfast::server
