#include "pool/dns/discovery.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <absl/strings/ascii.h>

#include "pool/net/check.h"
#include "pool/net/timer_wheel.h"

namespace holdfast::pool {
namespace {

// The name as an endpoint's host: names of questions are in lower case already.
std::string WithoutDot(std::string name) {
  if (name.ends_with('.')) name.pop_back();
  return name;
}

}  // namespace

struct Discovery::Upstream {
  struct Source {
    Lookup* lookup;
    uint32_t weight;
    bool backup;
  };
  std::vector<EndpointSpec> literals;
  std::vector<Source> sources;  // a look-up once
  DiscoveredEndpoints current;
};

// One name: what is known of it, and its next look-up. Either a query is out or the timer runs.
class Discovery::Lookup : public std::enable_shared_from_this<Lookup> {
 public:
  Lookup(Discovery* discovery, NameQuestion question)
      : discovery_(discovery), known_(std::move(question)) {}

  void Begin() {
    HOLDFAST_CHECK(!timer_.armed());
    begun_at_ = discovery_->loop_->now();
    const auto learn = [weak = weak_from_this()](EndpointAnswer answer) {
      const std::shared_ptr<Lookup> lookup = weak.lock();
      if (lookup != nullptr) lookup->discovery_->OnAnswer(*lookup, std::move(answer));
    };
    const auto& [host, port, srv] = known_.question();
    if (srv) {
      service_query_ = ServiceQuery::Start(discovery_->loop_, discovery_->resolver_, host, learn);
      return;
    }
    discovery_->resolver_->Resolve(
        host, port, [learn, host = WithoutDot(host), port = port](AddressAnswer answer) {
          learn(ToEndpoints(host, port, std::move(answer)));
        });
  }

  void LearnEarly(EndpointAnswer answer) { known_.LearnEarly(std::move(answer)); }

  // Takes the answer in and plans the next look-up.
  NameNews Learn(EndpointAnswer answer) {
    const bool found = answer.status == ResolveStatus::kOk;
    const TimePoint now = discovery_->loop_->now();
    const DiscoveryOptions& options = discovery_->options_;
    const RefreshOptions refresh{
        .min_ttl = options.min_ttl, .max_ttl = options.max_ttl, .hold = options.hold};
    const Duration wait = known_.Learn(std::move(answer), refresh, now, discovery_->random_);
    discovery_->loop_->timers().Arm(timer_, now + wait);
    return record_.OnLookup(found, !known_.trouble().empty(), now, discovery_->loop_->wall_now());
  }

  const KnownName& known() const { return known_; }
  TimePoint begun_at() const { return begun_at_; }
  const NameRecord& record() const { return record_; }

  // The upstreams that name it, by their entries in upstreams_.
  std::vector<std::map<std::string, Upstream>::value_type*> users;

 private:
  void OnTimer(TimePoint) { Begin(); }

  Discovery* discovery_;
  KnownName known_;
  TimePoint begun_at_;                           // the last query
  std::shared_ptr<ServiceQuery> service_query_;  // the last one, with srv
  NameRecord record_;
  MemberTimer<Lookup, &Lookup::OnTimer> timer_{this};
};

Discovery::Discovery(EventLoop* loop, Resolver* resolver, const DiscoveryOptions& options,
                     metrics::Shard* shard, OnChange on_change)
    : loop_(loop),
      resolver_(resolver),
      options_(options),
      shard_(shard),
      on_change_(std::move(on_change)),
      random_(options.seed) {
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
    for (const UpstreamName& name : names.names) {
      Lookup& lookup = LookupFor(QuestionOf(name), known);
      const auto again = std::ranges::find(upstream.sources, &lookup, &Upstream::Source::lookup);
      const Upstream::Source source{&lookup, name.weight, name.backup};
      if (again == upstream.sources.end()) {
        upstream.sources.push_back(source);
        lookup.users.push_back(&*entry);
      } else if (again->backup && !name.backup) {
        *again = source;
      }
    }
    upstream.current = Gather(upstream);
  }
}

const DiscoveredEndpoints& Discovery::Current(const std::string& upstream) const {
  const auto it = upstreams_.find(upstream);
  HOLDFAST_CHECK(it != upstreams_.end());
  return it->second.current;
}

// Two spellings must not mean two look-ups.
NameQuestion Discovery::QuestionOf(const UpstreamName& name) {
  NameQuestion question{
      .host = name.host, .port = name.srv ? uint16_t{0} : name.port, .srv = name.srv};
  absl::AsciiStrToLower(&question.host);
  return question;
}

// The look-up that is in use already, else the one known before, else a new one.
Discovery::Lookup& Discovery::LookupFor(const NameQuestion& question, Lookups& known) {
  if (const auto it = lookups_.find(question); it != lookups_.end()) return *it->second;
  if (auto node = known.extract(question)) {
    node.mapped()->users.clear();
    return *lookups_.insert(std::move(node)).position->second;
  }
  auto lookup = std::make_shared<Lookup>(this, question);
  lookup->Begin();
  return *lookups_.emplace(question, std::move(lookup)).first->second;
}

void Discovery::OnAnswer(Lookup& lookup, EndpointAnswer answer) {
  HOLDFAST_CHECK(!notifying_ && !lookup.users.empty());
  if (answer.more) {
    lookup.LearnEarly(std::move(answer));
    return TellChanges(lookup);
  }
  const std::string_view result = ResolveStatusName(answer.status);
  for (const auto* const user : lookup.users) {
    shard_->CounterFor(metrics::Metric::kDnsLookupsTotal, {user->first, result}).Add();
    shard_->HistogramFor(metrics::Metric::kDnsLookupSeconds, {user->first})
        .Observe(loop_->now() - lookup.begun_at());
  }
  const NameNews news = lookup.Learn(std::move(answer));
  TellChanges(lookup);
  if (news != NameNews::kNone && options_.on_news) TellNews(lookup, news);
}

void Discovery::TellChanges(const Lookup& lookup) {
  notifying_ = true;
  for (auto* const user : lookup.users) {
    auto& [name, upstream] = *user;
    DiscoveredEndpoints endpoints = Gather(upstream);
    if (endpoints == upstream.current) continue;
    upstream.current = std::move(endpoints);
    on_change_(name, upstream.current);
  }
  notifying_ = false;
}

void Discovery::TellNews(const Lookup& lookup, NameNews news) {
  NameReport report{.news = news,
                    .name = lookup.known().question().host,
                    .trouble = lookup.known().trouble(),
                    .endpoints = lookup.known().endpoints().size(),
                    .failures = lookup.record().failures(),
                    .upstreams = {}};
  for (const auto* const user : lookup.users) report.upstreams.push_back(user->first);
  notifying_ = true;
  options_.on_news(report);
  notifying_ = false;
}

// Sums by name, because one name may be asked for with several ports.
void Discovery::AddTo(metrics::Sums& sums) const {
  struct Counts {
    uint64_t failures = 0;
    int64_t last_success = 0;
  };
  std::map<std::string, Counts> names;
  for (const auto& [question, lookup] : lookups_) {
    Counts& counts = names[question.host];
    const NameRecord& record = lookup->record();
    counts.failures += record.failures();
    if (!record.last_success().has_value()) continue;
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(record.last_success()->time_since_epoch());
    counts.last_success = std::max<int64_t>(counts.last_success, seconds.count());
  }
  for (const auto& [name, counts] : names) {
    sums.Add<metrics::Counter>(metrics::Metric::kDnsNameFailuresTotal, {name}, counts.failures);
    sums.Add<metrics::Gauge>(metrics::Metric::kDnsNameLastSuccessTimestampSeconds, {name},
                             counts.last_success);
  }
}

DiscoveredEndpoints Discovery::Gather(const Upstream& upstream) {
  DiscoveredEndpoints result;
  std::vector<EndpointSpec>& endpoints = result.endpoints;
  endpoints = upstream.literals;
  size_t noted = 0;
  for (const auto& [lookup, weight, backup] : upstream.sources) {
    for (EndpointSpec endpoint : lookup->known().endpoints()) {
      if (!lookup->known().question().srv) endpoint.weight = weight;
      endpoint.backup = endpoint.backup || backup;
      endpoints.push_back(std::move(endpoint));
    }
    if (lookup->known().note().empty() || ++noted > kMaxNotedNames) continue;
    if (!result.note.empty()) result.note += "; ";
    result.note += lookup->known().note();
  }
  if (noted > kMaxNotedNames) {
    result.note += "; and " + std::to_string(noted - kMaxNotedNames) + " more";
  }
  std::ranges::stable_sort(endpoints, [](const EndpointSpec& a, const EndpointSpec& b) {
    if (a.address == b.address) return !a.backup && b.backup;
    return AddressBefore(a.address, b.address);
  });
  const auto again = std::ranges::unique(endpoints, {}, &EndpointSpec::address);
  endpoints.erase(again.begin(), again.end());
  return result;
}

}  // namespace holdfast::pool
