#ifndef HOLDFAST_POOL_ENDPOINT_DIRECTORY_H_
#define HOLDFAST_POOL_ENDPOINT_DIRECTORY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <absl/container/flat_hash_map.h>
#include <absl/functional/any_invocable.h>

#include "metrics/sums.h"
#include "pool/endpoint.h"
#include "pool/net/event_loop.h"
#include "pool/net/timer_wheel.h"
#include "pool/outlier.h"

namespace holdfast::pool {

// What an operator wants of an endpoint, whatever its health.
enum class ManualState : uint8_t { kUp, kDrained, kMaintenance };

// How one upstream's endpoints are judged.
struct HealthPolicy {
  std::string upstream;                   // unique
  std::optional<OutlierOptions> outlier;  // nullopt: nothing is ejected
  bool checked = false;                   // there are health checks; without, all count as healthy
};

// The one place that knows which endpoints each upstream has and whether each endpoint may be used.
// Discovery, health checks, failed requests and operators tell it, and it tells the workers. Where
// several states apply, maintenance counts before drained, drained before unhealthy, and unhealthy
// before ejected.
//
// It keeps what it knows of an endpoint over reloads that keep the upstream and the address, and
// for kRememberTime after discovery has dropped the endpoint.
//
// Main thread; one per process. `loop` outlives it. It calls nobody from within a call: it tells
// changes from the loop, those of one turn together. Destruction tells nobody.
class EndpointDirectory {
 public:
  // An upstream's set has changed. The callback may call everything but the destructor.
  using OnChange = absl::AnyInvocable<void(const std::string& upstream, const EndpointSet& set)>;

  // An endpoint that appears this soon after its upstream was named counts as there from the start:
  // it needs no slow start beside the others.
  static constexpr Duration kStartTime = std::chrono::seconds(10);
  // How long it remembers the state of endpoints that left, and of how many of each upstream.
  static constexpr Duration kRememberTime = std::chrono::minutes(10);
  static constexpr size_t kMaxRemembered = 256;

  EndpointDirectory(EventLoop* loop, OnChange on_change);
  EndpointDirectory(const EndpointDirectory&) = delete;
  EndpointDirectory& operator=(const EndpointDirectory&) = delete;

  // Names the upstreams from now on. Those named before keep what is known of them.
  void SetUpstreams(const std::vector<HealthPolicy>& policies);

  // The following do nothing for an unknown upstream or endpoint: the news may have been on its way
  // while the endpoint left.

  // What discovery found. An endpoint that is named twice counts once.
  void SetDiscovered(const std::string& upstream, const std::vector<EndpointSpec>& endpoints,
                     const std::string& note);
  // What a health check found. `cause` is for people, here and below.
  void SetHealth(const std::string& upstream, const SocketAddress& address, bool healthy,
                 const std::string& cause = "");
  // The endpoint has failed as many requests in a row as it may.
  void OnTrouble(const std::string& upstream, const SocketAddress& address,
                 const std::string& cause = "");
  // What an operator says of an endpoint. Only tests call these two: an operator has no interface
  // in this version. False: unknown.
  bool SetManual(const std::string& upstream, const SocketAddress& address, ManualState state);
  // Replaces the discovered weight, which comes back with nullopt; at least 1. False: unknown.
  bool SetWeight(const std::string& upstream, const SocketAddress& address,
                 std::optional<uint32_t> weight);

  // The set of an upstream that the last SetUpstreams named.
  EndpointSet Current(const std::string& upstream) const;
  // What the health checks said last; true without any.
  bool Healthy(const std::string& upstream, const SocketAddress& address) const;

  // Why a present endpoint is in the state that it is in; empty when there is nothing to say.
  std::string Cause(const std::string& upstream, const SocketAddress& address) const;

  // The endpoints' states at the moment of a scrape. Of those that share a name only whether all
  // are up.
  void AddTo(metrics::Sums& sums, const EndpointLabel& label_of = OwnLabel) const;

 private:
  struct Record {
    EndpointSpec spec;
    uint64_t generation = 0;  // the upstream's, when the endpoint was last discovered
    TimePoint left_at;        // with an older generation
    bool healthy = true;
    std::string health_cause;  // of the last change
    EjectionRecord ejection;
    std::string ejection_cause;
    TimePoint ejected_until;  // while ejected
    ManualState manual = ManualState::kUp;
    std::optional<uint32_t> weight;
    Availability availability = Availability::kUp;
    std::optional<TimePoint> up_since;
    std::array<uint64_t, kAvailabilities> changes{};  // into each state
  };
  struct Upstream {
    HealthPolicy policy;
    TimePoint named_at;
    std::string note;
    uint64_t generation = 0;               // of the last SetDiscovered
    std::vector<SocketAddress> addresses;  // as discovered last, in that order
    absl::flat_hash_map<SocketAddress, Record> records;
    std::array<uint64_t, kEjectionResultWords.size()> ejections{};
    std::optional<EndpointSet> told;  // the last set that OnChange got
  };

  Upstream* FindUpstream(const std::string& upstream);
  // The record of a present endpoint; null: there is none.
  Record* FindRecord(const std::string& upstream, const SocketAddress& address);
  static const Record& RecordOf(const Upstream& upstream, const SocketAddress& address);
  void SetPolicy(Upstream& upstream, const HealthPolicy& policy);
  // Works out the record's availability from its facts.
  void Judge(const Upstream& upstream, Record& record);
  static EndpointState StateOf(const Record& record);
  static EjectionFacts FactsOf(const Upstream& upstream, const Record& record);
  void ForgetDeparted(Upstream& upstream);
  void MarkChanged(const Upstream& upstream);
  void Tell();
  void OnEjectionTimer(TimePoint now);
  void ArmEjectionTimer();

  EventLoop* loop_;
  OnChange on_change_;
  std::map<std::string, Upstream> upstreams_;
  std::set<std::string> changed_;  // upstreams of which Tell will speak
  MemberTask<EndpointDirectory, &EndpointDirectory::Tell> tell_task_{this};
  // Fires at the earliest end of an ejection.
  MemberTimer<EndpointDirectory, &EndpointDirectory::OnEjectionTimer> ejection_timer_{this};
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_ENDPOINT_DIRECTORY_H_
