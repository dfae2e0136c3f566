#include "pool/dns/discovery.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "pool/net/check.h"
#include "pool/net/timer_wheel.h"

namespace holdfast::pool {
namespace {

std::string_view Explain(ResolveStatus failure) {
  switch (failure) {
    case ResolveStatus::kOk: break;
    case ResolveStatus::kNotFound: return "not found";
    case ResolveStatus::kServerError: return "server failure";
    case ResolveStatus::kTimeout: return "no answer in time";
  }
  HOLDFAST_CHECK(false);
}

// DNS does not tell cases apart (RFC 4343); two spellings must not mean two look-ups.
HostPort Canonical(HostPort name) {
  for (char& c : name.host) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return name;
}

}  // namespace

struct Discovery::Upstream {
  std::vector<SocketAddress> literals;
  std::vector<Lookup*> lookups;
  DiscoveredEndpoints current;
};

// One name: what is known about it and when to ask again. Either a query is out or the timer runs.
class Discovery::Lookup : public std::enable_shared_from_this<Lookup> {
 public:
  Lookup(Discovery* discovery, HostPort name) : discovery_(discovery), name_(std::move(name)) {}

  void Begin() {
    HOLDFAST_CHECK(!timer_.armed());
    discovery_->resolver_->Resolve(name_.host, name_.port,
                                   [weak = weak_from_this()](ResolveAnswer answer) {
                                     const std::shared_ptr<Lookup> lookup = weak.lock();
                                     if (lookup != nullptr)
                                       lookup->discovery_->OnAnswer(*lookup, std::move(answer));
                                   });
  }

  // Takes the answer in and plans the next look-up.
  void Learn(ResolveAnswer answer) {
    HOLDFAST_CHECK(answer.addresses.empty() == (answer.status != ResolveStatus::kOk));
    Duration wait;
    if (answer.status == ResolveStatus::kOk) {
      failures_ = 0;
      addresses_ = std::move(answer.addresses);
      note_.clear();
      wait = std::clamp(answer.ttl, discovery_->options_.min_ttl, discovery_->options_.max_ttl);
    } else {
      ++failures_;
      note_ = FailureNote(answer);
      wait = RetryDelay();
    }
    discovery_->loop_->timers().Arm(timer_, discovery_->loop_->now() + wait);
  }

  const std::vector<SocketAddress>& addresses() const { return addresses_; }
  const std::string& note() const { return note_; }

  // The upstreams that name it, by their entries in upstreams_.
  std::vector<std::map<std::string, Upstream>::value_type*> users;

 private:
  void OnTimer(TimePoint) { Begin(); }

  std::string FailureNote(const ResolveAnswer& answer) const {
    std::string note = "DNS: " + name_.host + ": ";
    note += Explain(answer.status);
    // "Server failure" alone would leave open which: the library knows more.
    if (answer.status == ResolveStatus::kServerError && !answer.detail.empty()) {
      note += " (" + answer.detail + ")";
    }
    if (!addresses_.empty()) note += ", keeping the addresses known before";
    return note;
  }

  Duration RetryDelay() const {
    Duration delay = addresses_.empty() ? kFirstAnswerRetry : kRefreshRetry;
    for (uint32_t i = 1; i < failures_ && delay < kMaxRetry; ++i) delay *= 2;
    return std::min(delay, kMaxRetry);
  }

  Discovery* discovery_;
  HostPort name_;
  std::vector<SocketAddress> addresses_;  // of the last answer that had any
  std::string note_ = "waiting for DNS: " + name_.host;
  uint32_t failures_ = 0;  // since the last answer that had any
  MemberTimer<Lookup, &Lookup::OnTimer> timer_{this};
};

Discovery::Discovery(EventLoop* loop, Resolver* resolver, const DiscoveryOptions& options,
                     metrics::Shard* shard, OnChange on_change)
    : loop_(loop),
      resolver_(resolver),
      options_(options),
      shard_(shard),
      on_change_(std::move(on_change)) {
  HOLDFAST_CHECK(options_.min_ttl > Duration::zero() && options_.min_ttl <= options_.max_ttl);
}

Discovery::~Discovery() { HOLDFAST_CHECK(!notifying_); }

void Discovery::SetUpstreams(std::vector<UpstreamNames> upstreams) {
  HOLDFAST_CHECK(!notifying_);
  Lookups known = std::exchange(lookups_, {});
  upstreams_.clear();
  for (UpstreamNames& names : upstreams) {
    const auto [entry, added] = upstreams_.try_emplace(std::move(names.upstream));
    HOLDFAST_CHECK(added);
    Upstream& upstream = entry->second;
    upstream.literals = std::move(names.literals);
    for (HostPort& name : names.names) {
      Lookup& lookup = LookupFor(Canonical(std::move(name)), known);
      if (std::ranges::find(upstream.lookups, &lookup) != upstream.lookups.end()) continue;
      upstream.lookups.push_back(&lookup);
      lookup.users.push_back(&*entry);
    }
    upstream.current = Gather(upstream);
  }
}

const DiscoveredEndpoints& Discovery::Current(const std::string& upstream) const {
  const auto it = upstreams_.find(upstream);
  HOLDFAST_CHECK(it != upstreams_.end());
  return it->second.current;
}

// The one in use already, else the one of before, else a new one.
Discovery::Lookup& Discovery::LookupFor(HostPort name, Lookups& known) {
  if (const auto it = lookups_.find(name); it != lookups_.end()) return *it->second;
  if (auto node = known.extract(name)) {
    node.mapped()->users.clear();
    return *lookups_.insert(std::move(node)).position->second;
  }
  auto lookup = std::make_shared<Lookup>(this, name);
  lookup->Begin();
  return *lookups_.emplace(std::move(name), std::move(lookup)).first->second;
}

void Discovery::OnAnswer(Lookup& lookup, ResolveAnswer answer) {
  HOLDFAST_CHECK(!notifying_ && !lookup.users.empty());
  const std::string_view result = ResolveStatusName(answer.status);
  lookup.Learn(std::move(answer));
  notifying_ = true;
  for (auto* const user : lookup.users) {
    auto& [name, upstream] = *user;
    shard_->CounterFor(metrics::Metric::kDnsLookupsTotal, {name, result}).Add();
    DiscoveredEndpoints endpoints = Gather(upstream);
    if (endpoints == upstream.current) continue;
    upstream.current = std::move(endpoints);
    on_change_(name, upstream.current);
  }
  notifying_ = false;
}

DiscoveredEndpoints Discovery::Gather(const Upstream& upstream) {
  DiscoveredEndpoints result;
  result.addresses = upstream.literals;
  size_t noted = 0;
  for (const Lookup* lookup : upstream.lookups) {
    const std::vector<SocketAddress>& found = lookup->addresses();
    result.addresses.insert(result.addresses.end(), found.begin(), found.end());
    if (lookup->note().empty() || ++noted > kMaxNotedNames) continue;
    if (!result.note.empty()) result.note += "; ";
    result.note += lookup->note();
  }
  if (noted > kMaxNotedNames) {
    result.note += "; and " + std::to_string(noted - kMaxNotedNames) + " more";
  }
  SortUnique(result.addresses);
  return result;
}

}  // namespace holdfast::pool
