#ifndef HOLDFAST_POOL_DNS_DISCOVERY_H_
#define HOLDFAST_POOL_DNS_DISCOVERY_H_

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
#include "pool/dns/known_name.h"
#include "pool/dns/name_record.h"
#include "pool/dns/resolver.h"
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
  // One for each address, sorted by address. Where several sources name an address, a source of the
  // first tier counts before a backup, then a literal, then the name that comes first.
  std::vector<EndpointSpec> endpoints;
  // Why endpoints may be missing or out of date, for people; empty when there is nothing to say:
  // "waiting for DNS: web.default.svc", "DNS: web.default.svc: not found".
  std::string note;
  bool operator==(const DiscoveredEndpoints&) const = default;
};

// What people should know of one name's look-ups.
struct NameReport {
  NameNews news = NameNews::kNone;     // anything else
  std::string name;                    // as it is asked for
  std::string trouble;                 // "DNS: web.default.svc: not found"; empty with kResolved
  size_t endpoints = 0;                // known by it now
  uint64_t failures = 0;               // in all
  std::vector<std::string> upstreams;  // that have it
};

struct DiscoveryOptions {
  // The range to which the TTL of an answer is clamped. It is the time until the name is looked up
  // again, shortened by up to a tenth, so that gateways that began together do not go on asking
  // together.
  Duration min_ttl = std::chrono::seconds(1);
  Duration max_ttl = std::chrono::seconds(300);
  // How long to keep addresses of which DNS says that they are gone; nullopt: until it names
  // others.
  std::optional<Duration> hold;
  uint64_t seed = 1;  // for the shortening; each process has another one
  // Called from the loop as OnChange is, under the same rules; null: nobody is told.
  std::function<void(const NameReport& report)> on_news;
};

// Keeps the endpoint set of every upstream up to date: literals at once, names when the resolver
// answers and again when their TTL ends. A failure never shrinks a set (see KnownName). Each name
// is looked up once, however many upstreams share it.
//
// Main thread; one per process. The server owns it. `loop`, `resolver` and `shard` must outlive it.
// Destruction drops look-ups in flight (the resolver's answers go nowhere) and calls nothing.
class Discovery {
 public:
  // An upstream's set or note has changed. Called from the loop, never within SetUpstreams. The
  // callback may call Current; it must not call SetUpstreams or destroy the Discovery.
  using OnChange =
      absl::AnyInvocable<void(const std::string& upstream, const DiscoveredEndpoints& endpoints)>;

  // A note names so many and counts the rest.
  static constexpr size_t kMaxNotedNames = 4;

  Discovery(EventLoop* loop, Resolver* resolver, const DiscoveryOptions& options,
            metrics::Shard* shard, OnChange on_change);
  ~Discovery();
  Discovery(const Discovery&) = delete;
  Discovery& operator=(const Discovery&) = delete;

  // Names the upstreams from now on. Names known before keep their addresses and their schedule;
  // new ones are looked up at once. Current has the state after it; OnChange tells later changes.
  void SetUpstreams(std::vector<UpstreamNames> upstreams);

  // The state of an upstream that the last SetUpstreams named. Good until the next SetUpstreams or
  // turn.
  const DiscoveredEndpoints& Current(const std::string& upstream) const;

  // The counts of every name, at the moment of a scrape.
  void AddTo(metrics::Sums& sums) const;

 private:
  class Lookup;
  struct Upstream;

  static NameQuestion QuestionOf(const UpstreamName& name);

  // It alone owns the look-ups; answers hold weak references, which end with the look-up.
  using Lookups = std::map<NameQuestion, std::shared_ptr<Lookup>>;

  Lookup& LookupFor(const NameQuestion& question, Lookups& known);
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
