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

// A plain name's addresses: equal endpoints of the first tier.
EndpointAnswer ToEndpoints(const std::string& host, uint16_t port, AddressAnswer answer);

// Where a service is to be had.
struct SrvTarget {
  std::string host;
  uint16_t port = 0;
  uint32_t weight = 1;
  bool backup = false;
  bool operator==(const SrvTarget&) const = default;
};

// RFC 2782's order as two tiers: the lowest priority value is the first, all others are backups.
// Weights are those of the records, 0 (a very small chance there) as 1; those of a tier shrink
// together when one is beyond kMaxSrvWeight. In a fixed order, the first tier before the backups,
// each host and port once, cut after kMaxSrvTargets. Empty when the service does not exist.
inline constexpr uint32_t kMaxSrvWeight = 1000;
inline constexpr size_t kMaxSrvTargets = 256;
std::vector<SrvTarget> RankTargets(std::vector<SrvRecord> records);

// One look-up of a service: its SRV records, then the addresses of their targets, together one
// answer, which comes when the last of them is there. Where that takes long, early answers tell
// what is there already: the first after kPatience, others as there is more. Every address of a
// target has its weight. Targets that do not exist are left out, those that could not be asked for
// are `unknown`; without any address the answer is a failure, "not found" only if that is so for
// each target.
//
// Loop thread. Shared with its questions' weak references only; dropping it calls nothing. The
// callback comes from the loop, and may drop the query.
class ServiceQuery : public std::enable_shared_from_this<ServiceQuery> {
 public:
  using Callback = absl::AnyInvocable<void(EndpointAnswer)>;

  // More addresses than this are left out, backups first.
  static constexpr size_t kMaxEndpoints = 256;
  // As long as a family waits for the other one (RFC 8305 section 3).
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
