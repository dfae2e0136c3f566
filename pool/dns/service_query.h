#ifndef HOLDFAST_POOL_DNS_SERVICE_QUERY_H_
#define HOLDFAST_POOL_DNS_SERVICE_QUERY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <absl/functional/any_invocable.h>

#include "pool/dns/endpoint_spec.h"
#include "pool/dns/resolver.h"
#include "pool/net/event_loop.h"
#include "pool/net/timer_wheel.h"

namespace holdfast::pool {

// Addresses that may exist although the answer does not have them.
struct UnknownAddresses {
  std::string host;
  uint16_t port = 0;
  int family = AF_UNSPEC;  // AF_UNSPEC: both
  bool operator==(const UnknownAddresses&) const = default;
  bool Includes(const EndpointSpec& endpoint) const;
};

// What a name of the configuration stands for at present.
struct EndpointAnswer {
  ResolveStatus status = ResolveStatus::kServerError;
  std::vector<EndpointSpec> endpoints;  // at least one with kOk; no address twice
  Duration ttl{0};                      // the smallest of all records
  std::string detail;                   // for people, as in AddressAnswer
  // With kOk: what could not be learned.
  std::vector<UnknownAddresses> unknown;
  bool more = false;  // with kOk: an early answer, which another one follows
};

// A plain name's addresses as endpoints of the first tier with equal weights.
EndpointAnswer ToEndpoints(const std::string& host, uint16_t port, AddressAnswer answer);

// A host that offers a service.
struct SrvTarget {
  std::string host;
  uint16_t port = 0;
  uint32_t weight = 1;
  bool backup = false;
  bool operator==(const SrvTarget&) const = default;
};

// Ranks the records by RFC 2782 in two tiers: those with the lowest priority value are the first
// tier, all others are backups. Weights are those of the records; 0, which means a very small
// chance there, becomes 1. The weights of a tier shrink together when one exceeds kMaxSrvWeight.
// The targets are in a fixed order, the first tier before the backups, each host and port once, at
// most kMaxSrvTargets. Empty when the service does not exist.
inline constexpr uint32_t kMaxSrvWeight = 1000;
inline constexpr size_t kMaxSrvTargets = 256;
std::vector<SrvTarget> RankTargets(std::vector<SrvRecord> records);

// One look-up of a service: it asks for the SRV records, then for the addresses of their targets,
// and gives one answer when the last of these is there. Where that takes long, early answers tell
// what is there already: the first after kPatience, others as more comes. Every address of a target
// has the target's weight. The answer leaves out targets that do not exist and lists those that
// could not be asked for as `unknown`. Without any address it is a failure: "not found" only if
// that holds for each target.
//
// Loop thread. Its questions hold weak references, and dropping it calls nothing. The callback
// comes from the loop and may drop the query.
class ServiceQuery : public std::enable_shared_from_this<ServiceQuery> {
 public:
  using Callback = absl::AnyInvocable<void(EndpointAnswer)>;

  // More addresses than this are left out, backups first.
  static constexpr size_t kMaxEndpoints = 256;
  // How long a family waits for the other one (RFC 8305 section 3).
  static constexpr Duration kPatience = std::chrono::milliseconds(50);

  // `loop` and `resolver` must outlive it.
  static std::shared_ptr<ServiceQuery> Start(EventLoop* loop, Resolver* resolver,
                                             const std::string& name, Callback callback);

 private:
  ServiceQuery(EventLoop* loop, Resolver* resolver, Callback callback)
      : loop_(loop), resolver_(resolver), callback_(std::move(callback)) {}

  void OnServices(SrvAnswer answer);
  void OnAddresses(size_t target, AddressAnswer answer);
  void OnPatienceEnd(TimePoint now);
  void TellEarly();
  EndpointAnswer Join();

  EventLoop* loop_;
  Resolver* resolver_;
  Callback callback_;
  Duration ttl_{0};     // of the SRV records
  std::string detail_;  // of them
  std::vector<SrvTarget> targets_;
  std::vector<AddressAnswer> answers_;  // of targets_; at first as if they had failed
  size_t unanswered_ = 0;
  bool patient_ = true;  // nothing is told early yet
  MemberTimer<ServiceQuery, &ServiceQuery::OnPatienceEnd> timer_{this};
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_DNS_SERVICE_QUERY_H_
