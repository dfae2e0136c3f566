#include "gateway/proxy/health_prober.h"

#include <algorithm>
#include <array>
#include <utility>

#include <absl/container/flat_hash_map.h>

#include "metrics/family.h"
#include "pool/net/check.h"
#include "pool/net/timer_wheel.h"

namespace holdfast::proxy {

// One upstream's endpoints, which share a check and the knowledge whether there is traffic.
class HealthProber::Group {
 public:
  Group(HealthProber* prober, std::string upstream)
      : prober_(prober), upstream_(std::move(upstream)) {}

  void SetTargets(const config::HealthCheck& check, const ProbeManner& manner,
                  const std::vector<ProbeTarget>& targets);
  void AddTo(metrics::Sums& sums, const pool::EndpointLabel& label_of) const;

  // Asked at most once an interval, so that an answer speaks of about that long.
  bool Busy(pool::TimePoint now) {
    if (now >= ask_at_) {
      busy_ = prober_->callbacks_.has_traffic(upstream_);
      ask_at_ = now + check_.interval;
    }
    return busy_;
  }

  HealthProber* prober() const { return prober_; }
  const config::HealthCheck& check() const { return check_; }
  const std::string& upstream() const { return upstream_; }
  const ProbeManner& manner() const { return manner_; }

 private:
  HealthProber* prober_;
  const std::string upstream_;
  config::HealthCheck check_;
  ProbeManner manner_;
  bool busy_ = true;
  pool::TimePoint ask_at_;
  absl::flat_hash_map<pool::SocketAddress, std::unique_ptr<Endpoint>> endpoints_;
};

// One endpoint with its schedule and its count.
class HealthProber::Endpoint {
 public:
  Endpoint(Group* group, const ProbeTarget& target)
      : group_(group),
        target_(target),
        healthy_(target.healthy),
        keeps_(group->prober()->keeping_ < kMaxKept),
        probe_(group->prober()->loop_, group->prober()->slabs_, &group->prober()->dialer_,
               pool::EndpointKey{group->upstream(), target.address, group->manner().tls,
                                 group->manner().proxy, group->manner().protocol},
               keeps_, group->manner().limits, [this](ProbeResult result) { OnResult(result); }) {
    if (keeps_) ++prober().keeping_;
    ScheduleFirst();
  }
  ~Endpoint() {
    if (keeps_) --prober().keeping_;
  }
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  void set_host(const std::string& host) { target_.host = host; }
  // The check became another one.
  void OnNewCheck() {
    in_a_row_ = 0;
    checked_ = false;
    if (!probe_.running()) ScheduleFirst();
  }
  uint64_t count(ProbeResult result) const { return counts_[static_cast<size_t>(result)]; }

 private:
  HealthProber& prober() const { return *group_->prober(); }

  // Spread over an interval, so that endpoints that came together are not checked together.
  void ScheduleFirst() {
    constexpr uint32_t kSteps = 1 << 16;
    const pool::Duration step = group_->check().interval / kSteps;
    Arm(prober().loop_->now() + step * prober().random_->Below(kSteps));
  }
  void ScheduleNext() {
    const pool::TimePoint due =
        started_ + prober().random_->JitterTenth(pool::Duration(group_->check().interval));
    Arm(std::max(due, prober().loop_->now()));
  }
  void Arm(pool::TimePoint at) { prober().loop_->timers().Arm(timer_, at); }

  void OnTimer(pool::TimePoint now) {
    const config::HealthCheck& check = group_->check();
    const bool may_wait =
        check.idle_interval.has_value() && checked_ && now < checked_at_ + *check.idle_interval;
    started_ = now;
    if (may_wait && !group_->Busy(now)) return ScheduleNext();
    checked_ = true;
    checked_at_ = now;
    probe_.Start(check, target_.host);
  }

  void OnResult(ProbeResult result) {
    ++counts_[static_cast<size_t>(result)];
    ScheduleNext();
    if (result == ProbeResult::kNotMade) return;
    if ((result == ProbeResult::kOk) == healthy_) {
      in_a_row_ = 0;
      return;
    }
    const config::HealthCheck& check = group_->check();
    if (++in_a_row_ < (healthy_ ? check.fall : check.rise)) return;
    const std::string cause =
        "check: " + WordOf(result) + ", " + std::to_string(in_a_row_) + " in a row";
    in_a_row_ = 0;
    healthy_ = !healthy_;
    prober().callbacks_.on_health(group_->upstream(), target_.address, healthy_, cause);
  }

  std::string WordOf(ProbeResult result) const {
    switch (result) {
      case ProbeResult::kBadStatus:
        if (const auto status = probe_.grpc_status(); status.has_value()) {
          return "grpc status " + std::string(grpc::StatusNumber(*status));
        }
        return std::to_string(probe_.status());
      case ProbeResult::kTlsFailed: return std::string(probe_.failure());
      default: return std::string(ProbeResultName(result));
    }
  }

  Group* group_;
  ProbeTarget target_;
  bool healthy_;
  uint32_t in_a_row_ = 0;    // results that speak against healthy_
  pool::TimePoint started_;  // of the present turn of the schedule
  bool checked_ = false;
  pool::TimePoint checked_at_;  // begin of the latest check, when checked_
  std::array<uint64_t, kProbeResults> counts_{};
  const bool keeps_;
  HealthProbe probe_;
  pool::MemberTimer<Endpoint, &Endpoint::OnTimer> timer_{this};
};

void HealthProber::Group::SetTargets(const config::HealthCheck& check, const ProbeManner& manner,
                                     const std::vector<ProbeTarget>& targets) {
  // Kept connections are of the settings with which they were made.
  if (std::exchange(manner_, manner) != manner) endpoints_.clear();
  const bool changed = std::exchange(check_, check) != check;
  if (changed) ask_at_ = pool::TimePoint();
  absl::flat_hash_map<pool::SocketAddress, std::unique_ptr<Endpoint>> next;
  for (const ProbeTarget& target : targets) {
    const auto known = endpoints_.find(target.address);
    if (known == endpoints_.end()) continue;
    known->second->set_host(target.host);
    if (changed) known->second->OnNewCheck();
    next[target.address] = std::move(known->second);
  }
  // Those that left go first, for what they kept to be free.
  endpoints_ = std::move(next);
  for (const ProbeTarget& target : targets) {
    std::unique_ptr<Endpoint>& endpoint = endpoints_[target.address];
    if (endpoint == nullptr) endpoint = std::make_unique<Endpoint>(this, target);
  }
}

void HealthProber::Group::AddTo(metrics::Sums& sums, const pool::EndpointLabel& label_of) const {
  for (const auto& [address, endpoint] : endpoints_) {
    const std::string text = label_of(upstream_, address);
    if (text == metrics::kOverflowLabel) continue;  // it would shrink with those who leave
    for (int i = 0; i < kProbeResults; ++i) {
      const auto result = static_cast<ProbeResult>(i);
      sums.Add<metrics::Counter>(metrics::Metric::kHealthChecksTotal,
                                 {upstream_, text, std::string(ProbeResultName(result))},
                                 endpoint->count(result));
    }
  }
}

HealthProber::HealthProber(pool::EventLoop* loop, pool::SlabPool* slabs, pool::Random* random,
                           pool::UpstreamTransports* transports, Callbacks callbacks)
    : loop_(loop),
      slabs_(slabs),
      dialer_(loop, slabs, transports),
      random_(random),
      callbacks_(std::move(callbacks)) {}

HealthProber::~HealthProber() = default;

void HealthProber::SetTargets(const std::string& upstream,
                              const std::optional<config::HealthCheck>& check,
                              const ProbeManner& manner, const std::vector<ProbeTarget>& targets) {
  if (!check.has_value() || targets.empty()) {
    groups_.erase(upstream);
    return;
  }
  std::unique_ptr<Group>& group = groups_[upstream];
  if (group == nullptr) group = std::make_unique<Group>(this, upstream);
  group->SetTargets(*check, manner, targets);
}

void HealthProber::AddTo(metrics::Sums& sums, const pool::EndpointLabel& label_of) const {
  for (const auto& [upstream, group] : groups_) group->AddTo(sums, label_of);
}

}  // namespace holdfast::proxy
