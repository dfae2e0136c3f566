#include "pool/dns/discovery.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <absl/strings/ascii.h>

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

// As an endpoint's host: the names of questions are in lower case already.
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

// One name: what is known about it and when to ask again. Either a query is out or the timer runs.
class Discovery::Lookup : public std::enable_shared_from_this<Lookup> {
 public:
  Lookup(Discovery* discovery, Question question)
      : discovery_(discovery), question_(std::move(question)) {}

  void Begin() {
    HOLDFAST_CHECK(!timer_.armed());
    const auto learn = [weak = weak_from_this()](EndpointAnswer answer) {
      const std::shared_ptr<Lookup> lookup = weak.lock();
      if (lookup != nullptr) lookup->discovery_->OnAnswer(*lookup, std::move(answer));
    };
    const auto& [host, port, srv] = question_;
    if (srv) {
      service_query_ = ServiceQuery::Start(discovery_->loop_, discovery_->resolver_, host, learn);
      return;
    }
    discovery_->resolver_->Resolve(
        host, port, [learn, host = WithoutDot(host), port = port](AddressAnswer answer) {
          learn(ToEndpoints(host, port, std::move(answer)));
        });
  }

  // Takes in what is known before the whole answer is there: of use to those who have nothing.
  void LearnEarly(EndpointAnswer answer) {
    HOLDFAST_CHECK(answer.more && !answer.endpoints.empty());
    if (!endpoints_.empty() && !early_) return;
    early_ = true;
    endpoints_ = std::move(answer.endpoints);
    note_ = "waiting for the rest of DNS: " + question_.host;
  }

  // Takes the answer in and plans the next look-up.
  NameNews Learn(EndpointAnswer answer) {
    HOLDFAST_CHECK(!answer.more);
    HOLDFAST_CHECK(answer.endpoints.empty() == (answer.status != ResolveStatus::kOk));
    early_ = false;
    const TimePoint now = discovery_->loop_->now();
    Duration wait;
    if (answer.status == ResolveStatus::kOk) {
      failures_ = 0;
      gone_since_.reset();
      note_ = KeepUnknown(answer) ? Note("not all was answered") : "";
      trouble_ = DefectOf(answer);
      endpoints_ = std::move(answer.endpoints);
      const DiscoveryOptions& options = discovery_->options_;
      wait = std::clamp(answer.ttl, options.min_ttl, options.max_ttl);
      // What is missing may be had long before the rest expires.
      partial_ = answer.unknown.empty() && answer.detail.empty() ? 0 : partial_ + 1;
      if (partial_ > 0) wait = std::min(wait, Backoff(kRefreshRetry, partial_));
      wait = Shorten(wait);
    } else {
      ++failures_;
      if (answer.status == ResolveStatus::kNotFound) TakeAsGone(now);
      note_ = FailureNote(answer);
      trouble_ = note_;
      wait = RetryDelay(now);
    }
    discovery_->loop_->timers().Arm(timer_, now + wait);
    return record_.OnLookup(answer.status == ResolveStatus::kOk, !trouble_.empty(), now,
                            discovery_->loop_->wall_now());
  }

  bool srv() const { return question_.srv; }
  const std::vector<EndpointSpec>& endpoints() const { return endpoints_; }
  const std::string& note() const { return note_; }
  const std::string& host() const { return question_.host; }
  const NameRecord& record() const { return record_; }
  // What was wrong with the last look-up, for people; empty: nothing.
  const std::string& trouble() const { return trouble_; }

  // The upstreams that name it, by their entries in upstreams_.
  std::vector<std::map<std::string, Upstream>::value_type*> users;

 private:
  void OnTimer(TimePoint) { Begin(); }

  Duration Shorten(Duration wait) { return discovery_->random_.ShortenTenth(wait); }

  // Adds to the answer what is known of before where it says nothing; whether there was any.
  bool KeepUnknown(EndpointAnswer& answer) const {
    bool kept = false;
    for (const EndpointSpec& before : endpoints_) {
      const auto includes = [&](const UnknownAddresses& unknown) {
        return unknown.Includes(before);
      };
      if (std::ranges::none_of(answer.unknown, includes)) continue;
      if (std::ranges::find(answer.endpoints, before.address, &EndpointSpec::address) !=
          answer.endpoints.end()) {
        continue;
      }
      if (answer.endpoints.size() >= ServiceQuery::kMaxEndpoints) break;
      answer.endpoints.push_back(before);
      kept = true;
    }
    return kept;
  }

  // DNS says that there is nothing. Other failures in between do not matter, but it takes a second
  // such answer at the end of the time to believe it.
  void TakeAsGone(TimePoint now) {
    if (!gone_since_.has_value()) gone_since_ = now;
    const std::optional<Duration>& hold = discovery_->options_.hold;
    if (hold.has_value() && now - *gone_since_ >= *hold) endpoints_.clear();
  }

  std::string Note(std::string_view trouble) const {
    std::string note = "DNS: " + question_.host + ": ";
    note += trouble;
    if (!endpoints_.empty()) note += ", keeping the addresses known before";
    return note;
  }

  std::string FailureNote(const EndpointAnswer& answer) const {
    std::string trouble(Explain(answer.status));
    // "Server failure" alone would leave open which: the library knows more. So it is with what
    // may be wrong about a service.
    if ((answer.status == ResolveStatus::kServerError || srv()) && !answer.detail.empty()) {
      trouble += " (" + answer.detail + ")";
    }
    return Note(trouble);
  }

  // What an answer leaves to be desired.
  std::string DefectOf(const EndpointAnswer& answer) const {
    if (!answer.detail.empty()) return "DNS: " + question_.host + ": " + answer.detail;
    if (answer.unknown.empty()) return "";
    std::string defect = "DNS: " + question_.host + ": no answer about ";
    for (const UnknownAddresses& unknown : std::span(answer.unknown).first(1)) {
      if (srv()) defect += unknown.host + " ";
      defect += unknown.family == AF_INET ? "A" : unknown.family == AF_INET6 ? "AAAA" : "A, AAAA";
    }
    return defect;
  }

  // Before the next look-up after so many that failed.
  static Duration Backoff(Duration delay, uint32_t failures) {
    for (uint32_t i = 1; i < failures && delay < kMaxRetry; ++i) delay *= 2;
    return std::min(delay, kMaxRetry);
  }

  Duration RetryDelay(TimePoint now) {
    const Duration delay =
        Shorten(Backoff(endpoints_.empty() ? kFirstAnswerRetry : kRefreshRetry, failures_));
    const std::optional<Duration>& hold = discovery_->options_.hold;
    if (endpoints_.empty() || !hold.has_value() || !gone_since_.has_value()) return delay;
    const Duration held = *gone_since_ + *hold - now;
    return held > Duration::zero() ? std::min(delay, held) : delay;
  }

  Discovery* discovery_;
  Question question_;
  std::shared_ptr<ServiceQuery> service_query_;  // the last one, with srv
  std::vector<EndpointSpec> endpoints_;          // of the last answer that had any
  std::string note_ = "waiting for DNS: " + question_.host;
  std::string trouble_;
  NameRecord record_;
  bool early_ = false;                   // endpoints_ are of an early answer
  uint32_t partial_ = 0;                 // answers in a row that left something to be desired
  uint32_t failures_ = 0;                // since the last answer that had any
  std::optional<TimePoint> gone_since_;  // the first "not found" since then
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

// DNS does not tell cases apart (RFC 4343); two spellings must not mean two look-ups.
Discovery::Question Discovery::QuestionOf(const UpstreamName& name) {
  Question question{.host = name.host, .port = name.srv ? uint16_t{0} : name.port, .srv = name.srv};
  absl::AsciiStrToLower(&question.host);
  return question;
}

// The one in use already, else the one of before, else a new one.
Discovery::Lookup& Discovery::LookupFor(const Question& question, Lookups& known) {
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
                    .name = lookup.host(),
                    .trouble = lookup.trouble(),
                    .endpoints = lookup.endpoints().size(),
                    .failures = lookup.record().failures(),
                    .upstreams = {}};
  for (const auto* const user : lookup.users) report.upstreams.push_back(user->first);
  notifying_ = true;
  options_.on_news(report);
  notifying_ = false;
}

// One name may be asked for with several ports.
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
    for (EndpointSpec endpoint : lookup->endpoints()) {
      if (!lookup->srv()) endpoint.weight = weight;
      endpoint.backup = endpoint.backup || backup;
      endpoints.push_back(std::move(endpoint));
    }
    if (lookup->note().empty() || ++noted > kMaxNotedNames) continue;
    if (!result.note.empty()) result.note += "; ";
    result.note += lookup->note();
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
