#include "pool/dns/service_query.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <absl/strings/ascii.h>

#include "pool/net/check.h"

namespace holdfast::pool {
namespace {

// `end` is where the tier that begins at `begin` ends.
void ScaleWeights(std::vector<SrvTarget>::iterator begin, std::vector<SrvTarget>::iterator end) {
  uint32_t largest = kMaxSrvWeight;
  for (auto target = begin; target != end; ++target) largest = std::max(largest, target->weight);
  for (auto target = begin; target != end; ++target) {
    const uint32_t scaled = (target->weight * kMaxSrvWeight + largest / 2) / largest;
    target->weight = std::max(scaled, uint32_t{1});
  }
}

void NoteUnknown(const SrvTarget& target, int family, EndpointAnswer& joined) {
  joined.unknown.push_back({.host = target.host, .port = target.port, .family = family});
}

void AddEndpoints(const SrvTarget& target, const std::vector<SocketAddress>& addresses,
                  EndpointAnswer& joined) {
  for (const SocketAddress& address : addresses) {
    if (joined.endpoints.size() >= ServiceQuery::kMaxEndpoints) return;
    if (std::ranges::find(joined.endpoints, address, &EndpointSpec::address) !=
        joined.endpoints.end()) {
      continue;
    }
    joined.endpoints.push_back({.address = address,
                                .weight = target.weight,
                                .backup = target.backup,
                                .host = target.host});
  }
}

}  // namespace

bool UnknownAddresses::Includes(const EndpointSpec& endpoint) const {
  return endpoint.host == host && endpoint.address.port() == port &&
         (family == AF_UNSPEC || family == endpoint.address.family());
}

EndpointAnswer ToEndpoints(const std::string& host, uint16_t port, AddressAnswer answer) {
  HOLDFAST_CHECK(answer.addresses.empty() == (answer.status != ResolveStatus::kOk));
  EndpointAnswer result{.status = answer.status,
                        .endpoints = {},
                        .ttl = answer.ttl,
                        .detail = std::move(answer.detail),
                        .unknown = {},
                        .more = answer.more};
  AddEndpoints({.host = host, .port = port}, answer.addresses, result);
  if (answer.failed_family != AF_UNSPEC) {
    result.unknown.push_back({.host = host, .port = port, .family = answer.failed_family});
  }
  return result;
}

std::vector<SrvTarget> RankTargets(std::vector<SrvRecord> records) {
  for (SrvRecord& record : records) absl::AsciiStrToLower(&record.target);
  std::erase_if(records, [](const SrvRecord& record) { return record.target.empty(); });
  std::ranges::sort(records, {}, [](const SrvRecord& record) {
    return std::tuple(record.priority, std::string_view(record.target), record.port, record.weight);
  });
  std::vector<SrvTarget> targets;
  for (SrvRecord& record : records) {
    const auto same = [&record](const SrvTarget& target) {
      return target.host == record.target && target.port == record.port;
    };
    if (targets.size() >= kMaxSrvTargets || std::ranges::any_of(targets, same)) continue;
    targets.push_back({.host = std::move(record.target),
                       .port = record.port,
                       .weight = record.weight,
                       .backup = record.priority != records.front().priority});
  }
  const auto backups = std::ranges::find(targets, true, &SrvTarget::backup);
  ScaleWeights(targets.begin(), backups);
  ScaleWeights(backups, targets.end());
  return targets;
}

std::shared_ptr<ServiceQuery> ServiceQuery::Start(EventLoop* loop, Resolver* resolver,
                                                  const std::string& name, Callback callback) {
  const std::shared_ptr<ServiceQuery> query(new ServiceQuery(loop, resolver, std::move(callback)));
  resolver->ResolveSrv(name, [weak = query->weak_from_this()](SrvAnswer answer) {
    const std::shared_ptr<ServiceQuery> locked = weak.lock();
    if (locked != nullptr) locked->OnServices(std::move(answer));
  });
  return query;
}

void ServiceQuery::OnServices(SrvAnswer answer) {
  HOLDFAST_CHECK(answer.records.empty() == (answer.status != ResolveStatus::kOk));
  ttl_ = answer.ttl;
  if (answer.status == ResolveStatus::kOk) detail_ = answer.detail;
  targets_ = RankTargets(std::move(answer.records));
  if (targets_.empty()) {
    // RFC 2782: a target of "." means that the service is decidedly not available.
    const bool refused = answer.status == ResolveStatus::kOk;
    callback_({.status = refused ? ResolveStatus::kNotFound : answer.status,
               .endpoints = {},
               .detail = refused ? "the service is not available" : std::move(answer.detail),
               .unknown = {}});
    return;
  }
  answers_.resize(targets_.size());
  unanswered_ = targets_.size();
  for (size_t i = 0; i < targets_.size(); ++i) {
    resolver_->Resolve(targets_[i].host + ".", targets_[i].port,
                       [weak = weak_from_this(), i](AddressAnswer addresses) {
                         const std::shared_ptr<ServiceQuery> query = weak.lock();
                         if (query != nullptr) query->OnAddresses(i, std::move(addresses));
                       });
  }
}

void ServiceQuery::OnAddresses(size_t target, AddressAnswer answer) {
  HOLDFAST_CHECK(unanswered_ > 0 && target < answers_.size());
  if (!answer.more) --unanswered_;
  answers_[target] = std::move(answer);
  if (unanswered_ == 0) {
    loop_->timers().Cancel(timer_);
    return callback_(Join());
  }
  if (!patient_) return TellEarly();
  if (!timer_.armed()) loop_->timers().Arm(timer_, loop_->now() + kPatience);
}

void ServiceQuery::OnPatienceEnd(TimePoint) {
  patient_ = false;
  TellEarly();
}

void ServiceQuery::TellEarly() {
  EndpointAnswer early = Join();
  if (early.endpoints.empty()) return;
  early.more = true;
  callback_(std::move(early));
}

EndpointAnswer ServiceQuery::Join() {
  EndpointAnswer joined{.status = ResolveStatus::kNotFound,
                        .endpoints = {},
                        .ttl = ttl_,
                        .detail = "no target of the service has an address",
                        .unknown = {}};
  for (size_t i = 0; i < targets_.size(); ++i) {
    const AddressAnswer& answer = answers_[i];
    if (answer.status == ResolveStatus::kOk) {
      AddEndpoints(targets_[i], answer.addresses, joined);
      joined.ttl = std::min(joined.ttl, answer.ttl);
      if (answer.failed_family != AF_UNSPEC) {
        NoteUnknown(targets_[i], answer.failed_family, joined);
      }
    } else if (answer.status != ResolveStatus::kNotFound) {
      NoteUnknown(targets_[i], AF_UNSPEC, joined);
      joined.status = answer.status;
      joined.detail = targets_[i].host + ": " + answer.detail;
    }
  }
  if (!joined.endpoints.empty()) {
    joined.status = ResolveStatus::kOk;
    joined.detail = detail_;
  }
  return joined;
}

}  // namespace holdfast::pool
