#ifndef HOLDFAST_POOL_DNS_DISCOVERY_H_
#define HOLDFAST_POOL_DNS_DISCOVERY_H_

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <absl/functional/any_invocable.h>

#include "metrics/shard.h"
#include "metrics/sums.h"
#include "pool/dns/endpoint_spec.h"
#include "pool/dns/name_record.h"
#include "pool/dns/resolver.h"
#include "pool/dns/service_query.h"
#include "pool/net/event_loop.h"
#include "pool/net/random.h"

namespace holdfast::pool {

// A name to look up. Every address it has gets `weight`; those of SRV records have their own.
struct UpstreamName {
  std::string host;   // without brackets; a trailing dot means absolute
  uint16_t port = 0;  // of a plain name; SRV records bring theirs
  bool srv = false;   // the owner of SRV records (RFC 2782)
  uint32_t weight = 1;
  bool backup = false;  // all that is found; SRV records may make a part backups without it
};

// One upstream as the configuration names it.
struct UpstreamNames {
  std::string upstream;                // unique
  std::vector<EndpointSpec> literals;  // endpoints that need no look-up
  std::vector<UpstreamName> names;
};

// One upstream as far as it is known.
struct DiscoveredEndpoints {
  // One for each address, sorted by it. What several sources name is taken from a source of the
  // first tier rather than a backup, then from a literal, then from the name that comes first.
  std::vector<EndpointSpec> endpoints;
  // Why endpoints may be missing or out of date, for people; empty when there is nothing to say:
  // "waiting for DNS: web.default.svc", "DNS: web.default.svc: not found".
  std::string note;
  bool operator==(const DiscoveredEndpoints&) const = default;
};

// What there is to tell people of one name's look-ups.
struct NameReport {
  NameNews news = NameNews::kNone;     // anything else
  std::string name;                    // as it is asked for
  std::string trouble;                 // "DNS: web.default.svc: not found"; empty with kResolved
  size_t endpoints = 0;                // known by it now
  uint64_t failures = 0;               // in all
  std::vector<std::string> upstreams;  // that have it
};

struct DiscoveryOptions {
  // What the TTL of an answer is clamped to, to make the time until the name is looked up again.
  // That time is then shortened by up to a tenth, so that gateways that began together do not go
  // on asking together.
  Duration min_ttl = std::chrono::seconds(1);
  Duration max_ttl = std::chrono::seconds(300);
  // How long addresses are kept that DNS says are no more; nullopt: until it names others.
  std::optional<Duration> hold;
  uint64_t seed = 1;  // of the shortening; another one for each process
  // Called from the loop as OnChange is, and bound by the same rules; null: nobody is told.
  std::function<void(const NameReport& report)> on_news;
};

// Keeps the endpoint set of every upstream up to date: literals at once, names as the resolver
// answers and again when their TTL ends. A failure never shrinks a set: the addresses known so far
// stay, and the look-up is repeated with back-off; if only a part of the answer is wanting (one
// family, one target of a service), that part of them stays. "No such name" and "no records" keep
// the addresses as well, but with `hold` only until they are said again when that time is over.
// Each name is looked up once, however many upstreams share it.
//
// Main thread; one per process. Owned by the server. `loop`, `resolver` and `shard` must outlive
// it; destruction drops look-ups in flight (the resolver's answers go nowhere) and calls nothing.
class Discovery {
 public:
  // An upstream's set or note became another. Called from the loop, never within SetUpstreams. It
  // may call Current; it must not call SetUpstreams or destroy the Discovery.
  using OnChange =
      absl::AnyInvocable<void(const std::string& upstream, const DiscoveredEndpoints& endpoints)>;

  // Before there is any answer people wait, so retries begin early; after that the old addresses
  // serve and there is no hurry. Either doubles up to the last.
  static constexpr Duration kFirstAnswerRetry = std::chrono::milliseconds(200);
  static constexpr Duration kRefreshRetry = std::chrono::seconds(1);
  static constexpr Duration kMaxRetry = std::chrono::seconds(30);
  // A note speaks of so many names and counts the rest.
  static constexpr size_t kMaxNotedNames = 4;

  Discovery(EventLoop* loop, Resolver* resolver, const DiscoveryOptions& options,
            metrics::Shard* shard, OnChange on_change);
  ~Discovery();
  Discovery(const Discovery&) = delete;
  Discovery& operator=(const Discovery&) = delete;

  // The upstreams from now on. Names known before keep their addresses and their schedule; new
  // ones are looked up at once. The state after it is in Current, OnChange tells later changes.
  void SetUpstreams(std::vector<UpstreamNames> upstreams);

  // Of an upstream that the last SetUpstreams named. Good until the next SetUpstreams or turn.
  const DiscoveredEndpoints& Current(const std::string& upstream) const;

  // Of every name, at the moment of a scrape.
  void AddTo(metrics::Sums& sums) const;

 private:
  class Lookup;
  struct Upstream;

  // What is looked up once. The port is 0 with `srv`.
  struct Question {
    std::string host;
    uint16_t port = 0;
    bool srv = false;
    auto operator<=>(const Question&) const = default;
  };
  static Question QuestionOf(const UpstreamName& name);

  // Shared with nobody: answers hold weak references, which end with the look-up.
  using Lookups = std::map<Question, std::shared_ptr<Lookup>>;

  Lookup& LookupFor(const Question& question, Lookups& known);
  void OnAnswer(Lookup& lookup, EndpointAnswer answer);
  void TellChanges(const Lookup& lookup);
  void TellNews(const Lookup& lookup, NameNews news);
  static DiscoveredEndpoints Gather(const Upstream& upstream);

  EventLoop* loop_;
  Resolver* resolver_;
  const DiscoveryOptions options_;
  metrics::Shard* shard_;
  OnChange on_change_;
  Random random_;
  bool notifying_ = false;
  Lookups lookups_;  // exactly those that upstreams_ name
  std::map<std::string, Upstream> upstreams_;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_DNS_DISCOVERY_H_
