#include "pool/endpoint_directory.h"

#include <algorithm>
#include <utility>

#include "metrics/family.h"
#include "pool/net/check.h"

namespace holdfast::pool {

using metrics::Metric;

EndpointDirectory::EndpointDirectory(EventLoop* loop, OnChange on_change)
    : loop_(loop), on_change_(std::move(on_change)) {}

void EndpointDirectory::SetUpstreams(const std::vector<HealthPolicy>& policies) {
  std::map<std::string, Upstream> next;
  for (const HealthPolicy& policy : policies) {
    auto known = upstreams_.extract(policy.upstream);
    Upstream& upstream = next[policy.upstream];
    if (known.empty()) {
      upstream.named_at = loop_->now();
    } else {
      upstream = std::move(known.mapped());
    }
    SetPolicy(upstream, policy);
  }
  upstreams_ = std::move(next);
  std::erase_if(changed_, [this](const auto& name) { return !upstreams_.contains(name); });
  ArmEjectionTimer();
}

void EndpointDirectory::SetPolicy(Upstream& upstream, const HealthPolicy& policy) {
  upstream.policy = policy;
  for (auto& [address, record] : upstream.records) {
    if (!policy.checked) record.healthy = true;
    if (!policy.outlier.has_value() && record.ejection.ejected()) {
      record.ejection.EndEjection(loop_->now());
    }
    Judge(upstream, record);
  }
}

void EndpointDirectory::SetDiscovered(const std::string& upstream_name,
                                      const std::vector<EndpointSpec>& endpoints,
                                      const std::string& note) {
  Upstream* upstream = FindUpstream(upstream_name);
  if (upstream == nullptr) return;
  const TimePoint now = loop_->now();
  const bool starting = upstream->addresses.empty() || now < upstream->named_at + kStartTime;
  ++upstream->generation;
  upstream->note = note;
  const std::vector<SocketAddress> before = std::exchange(upstream->addresses, {});
  for (const EndpointSpec& spec : endpoints) {
    Record& record = upstream->records[spec.address];
    if (record.generation == upstream->generation) continue;
    const bool appears = record.generation == 0 || record.generation + 1 != upstream->generation;
    record.generation = upstream->generation;
    record.spec = spec;
    upstream->addresses.push_back(spec.address);
    if (!appears) continue;
    const bool slow = !starting && record.availability == Availability::kUp;
    record.up_since = slow ? std::optional(now) : std::nullopt;
  }
  for (const SocketAddress& address : before) {
    Record& record = upstream->records.at(address);
    if (record.generation != upstream->generation) record.left_at = now;
  }
  ForgetDeparted(*upstream);
  MarkChanged(*upstream);
}

void EndpointDirectory::ForgetDeparted(Upstream& upstream) {
  std::vector<std::pair<TimePoint, SocketAddress>> departed;
  for (const auto& [address, record] : upstream.records) {
    if (record.generation != upstream.generation) departed.emplace_back(record.left_at, address);
  }
  std::ranges::sort(departed, std::greater(), &std::pair<TimePoint, SocketAddress>::first);
  const TimePoint oldest = loop_->now() - kRememberTime;
  for (size_t i = 0; i < departed.size(); ++i) {
    if (i >= kMaxRemembered || departed[i].first <= oldest) {
      upstream.records.erase(departed[i].second);
    }
  }
}

void EndpointDirectory::SetHealth(const std::string& upstream, const SocketAddress& address,
                                  bool healthy, const std::string& cause) {
  Record* record = FindRecord(upstream, address);
  if (record == nullptr || !upstreams_.at(upstream).policy.checked) return;
  record->healthy = healthy;
  record->health_cause = cause;
  Judge(upstreams_.at(upstream), *record);
}

void EndpointDirectory::OnTrouble(const std::string& upstream_name, const SocketAddress& address,
                                  const std::string& cause) {
  Record* record = FindRecord(upstream_name, address);
  if (record == nullptr) return;
  Upstream& upstream = upstreams_.at(upstream_name);
  if (!upstream.policy.outlier.has_value()) return;
  const OutlierOptions& options = *upstream.policy.outlier;
  const EjectionResult result = DecideEjection(FactsOf(upstream, *record), options);
  ++upstream.ejections[static_cast<size_t>(result)];
  if (result != EjectionResult::kEjected) return;
  record->ejected_until = record->ejection.Eject(options, loop_->now());
  record->ejection_cause = cause;
  Judge(upstream, *record);
  ArmEjectionTimer();
}

bool EndpointDirectory::SetManual(const std::string& upstream, const SocketAddress& address,
                                  ManualState state) {
  Record* record = FindRecord(upstream, address);
  if (record == nullptr) return false;
  record->manual = state;
  Judge(upstreams_.at(upstream), *record);
  return true;
}

bool EndpointDirectory::SetWeight(const std::string& upstream, const SocketAddress& address,
                                  std::optional<uint32_t> weight) {
  HOLDFAST_CHECK(weight.value_or(1) >= 1);
  Record* record = FindRecord(upstream, address);
  if (record == nullptr) return false;
  record->weight = weight;
  MarkChanged(upstreams_.at(upstream));
  return true;
}

EndpointSet EndpointDirectory::Current(const std::string& upstream_name) const {
  const auto found = upstreams_.find(upstream_name);
  HOLDFAST_CHECK(found != upstreams_.end());
  const Upstream& upstream = found->second;
  EndpointSet set{.note = upstream.note};
  for (const SocketAddress& address : upstream.addresses) {
    set.endpoints.push_back(StateOf(RecordOf(upstream, address)));
  }
  return set;
}

bool EndpointDirectory::Healthy(const std::string& upstream, const SocketAddress& address) const {
  const auto found = upstreams_.find(upstream);
  if (found == upstreams_.end()) return true;
  const auto record = found->second.records.find(address);
  return record == found->second.records.end() || record->second.healthy;
}

std::string EndpointDirectory::Cause(const std::string& upstream_name,
                                     const SocketAddress& address) const {
  const auto upstream = upstreams_.find(upstream_name);
  if (upstream == upstreams_.end()) return "";
  const auto found = upstream->second.records.find(address);
  if (found == upstream->second.records.end()) return "";
  const Record& record = found->second;
  switch (record.availability) {
    case Availability::kUp:
    case Availability::kUnhealthy: return record.health_cause;
    case Availability::kEjected: return record.ejection_cause;
    case Availability::kDrained:
    case Availability::kMaintenance: return "by an operator";
  }
  HOLDFAST_CHECK(false);
}

EndpointDirectory::Upstream* EndpointDirectory::FindUpstream(const std::string& upstream) {
  const auto found = upstreams_.find(upstream);
  return found != upstreams_.end() ? &found->second : nullptr;
}

EndpointDirectory::Record* EndpointDirectory::FindRecord(const std::string& upstream_name,
                                                         const SocketAddress& address) {
  Upstream* upstream = FindUpstream(upstream_name);
  if (upstream == nullptr) return nullptr;
  const auto found = upstream->records.find(address);
  if (found == upstream->records.end()) return nullptr;
  return found->second.generation == upstream->generation ? &found->second : nullptr;
}

const EndpointDirectory::Record& EndpointDirectory::RecordOf(const Upstream& upstream,
                                                             const SocketAddress& address) {
  const auto found = upstream.records.find(address);
  HOLDFAST_CHECK(found != upstream.records.end());
  HOLDFAST_CHECK(found->second.generation == upstream.generation);
  return found->second;
}

void EndpointDirectory::Judge(const Upstream& upstream, Record& record) {
  const auto judged = [&record] {
    if (record.manual == ManualState::kMaintenance) return Availability::kMaintenance;
    if (record.manual == ManualState::kDrained) return Availability::kDrained;
    if (!record.healthy) return Availability::kUnhealthy;
    return record.ejection.ejected() ? Availability::kEjected : Availability::kUp;
  }();
  if (judged == record.availability) return;
  record.availability = judged;
  record.up_since = judged == Availability::kUp ? std::optional(loop_->now()) : std::nullopt;
  ++record.changes[static_cast<size_t>(judged)];
  MarkChanged(upstream);
}

EndpointState EndpointDirectory::StateOf(const Record& record) {
  EndpointState state{record.spec, record.availability, record.up_since};
  state.weight = record.weight.value_or(state.weight);
  return state;
}

EjectionFacts EndpointDirectory::FactsOf(const Upstream& upstream, const Record& record) {
  EjectionFacts facts{.usable = record.availability == Availability::kUp,
                      .endpoints = upstream.addresses.size()};
  for (const SocketAddress& address : upstream.addresses) {
    const Availability availability = RecordOf(upstream, address).availability;
    if (availability == Availability::kUp) ++facts.all_usable;
    if (availability == Availability::kEjected) ++facts.all_ejected;
  }
  return facts;
}

void EndpointDirectory::MarkChanged(const Upstream& upstream) {
  changed_.insert(upstream.policy.upstream);
  loop_->Queue(tell_task_);
}

void EndpointDirectory::Tell() {
  const std::set<std::string> changed = std::exchange(changed_, {});
  for (const std::string& name : changed) {
    Upstream* upstream = FindUpstream(name);
    if (upstream == nullptr) continue;  // A callback dropped it.
    const EndpointSet set = Current(name);
    if (upstream->told == set) continue;
    upstream->told = set;
    on_change_(name, set);
  }
}

void EndpointDirectory::OnEjectionTimer(TimePoint now) {
  for (auto& [name, upstream] : upstreams_) {
    for (auto& [address, record] : upstream.records) {
      if (!record.ejection.ejected() || record.ejected_until > now) continue;
      record.ejection.EndEjection(now);
      Judge(upstream, record);
    }
  }
  ArmEjectionTimer();
}

void EndpointDirectory::ArmEjectionTimer() {
  std::optional<TimePoint> next;
  for (const auto& [name, upstream] : upstreams_) {
    for (const auto& [address, record] : upstream.records) {
      if (!record.ejection.ejected()) continue;
      next = std::min(next.value_or(record.ejected_until), record.ejected_until);
    }
  }
  if (next.has_value()) {
    loop_->timers().Arm(ejection_timer_, *next);
  } else {
    loop_->timers().Cancel(ejection_timer_);
  }
}

void EndpointDirectory::AddTo(metrics::Sums& sums, const EndpointLabel& label_of) const {
  for (const auto& [name, upstream] : upstreams_) {
    std::array<int64_t, kAvailabilities> states{};
    // The state that was told, not the one that is known: whoever reads of a change here may count
    // on the workers having been told.
    std::map<std::string, bool> up;  // by label; all that share one
    for (const EndpointState& told : upstream.told.value_or(EndpointSet{}).endpoints) {
      ++states[static_cast<size_t>(told.availability)];
      bool& all = up.try_emplace(label_of(name, told.address), true).first->second;
      all = all && told.availability == Availability::kUp;
    }
    for (const auto& [label, all] : up) {
      sums.Add<metrics::Gauge>(Metric::kUpstreamEndpointUp, {name, label}, all ? 1 : 0);
    }
    for (const SocketAddress& address : upstream.addresses) {
      const Record& record = RecordOf(upstream, address);
      const std::string endpoint = label_of(name, address);
      if (endpoint == metrics::kOverflowLabel) continue;  // it would shrink with those who leave
      for (size_t i = 0; i < kAvailabilities; ++i) {
        const auto state = AvailabilityName(static_cast<Availability>(i));
        sums.Add<metrics::Counter>(Metric::kUpstreamEndpointStateChangesTotal,
                                   {name, endpoint, std::string(state)}, record.changes[i]);
      }
    }
    for (size_t i = 0; i < kAvailabilities; ++i) {
      const auto state = AvailabilityName(static_cast<Availability>(i));
      sums.Add<metrics::Gauge>(Metric::kUpstreamEndpoints, {name, std::string(state)}, states[i]);
    }
    for (size_t i = 0; i < kEjectionResultWords.size(); ++i) {
      const auto result = kEjectionResultWords.words()[i];
      sums.Add<metrics::Counter>(Metric::kUpstreamEjectionsTotal, {name, std::string(result)},
                                 upstream.ejections[i]);
    }
  }
}

}  // namespace holdfast::pool
