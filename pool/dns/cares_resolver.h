#ifndef HOLDFAST_POOL_DNS_CARES_RESOLVER_H_
#define HOLDFAST_POOL_DNS_CARES_RESOLVER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pool/dns/cares_channel.h"
#include "pool/dns/cares_hosts_file.h"
#include "pool/dns/lookup.h"
#include "pool/dns/lookup_queue.h"
#include "pool/dns/resolv_conf_watch.h"
#include "pool/dns/resolver.h"
#include "pool/net/event_loop.h"

namespace holdfast::pool {

struct CaresOptions {
  // The servers to ask, IP addresses each with its port; empty: the name servers of resolv.conf.
  std::vector<SocketAddress> servers;
  // The time for the first answer of a server; each further round over the servers waits twice as
  // long.
  Duration timeout = std::chrono::seconds(2);
  int attempts = 2;    // rounds over the servers, at least 1
  uint16_t port = 53;  // of the name servers of resolv.conf
  std::string resolv_conf = "/etc/resolv.conf";
  // Called with what resolv.conf says in vain, whenever the file is read, the first time within the
  // constructor; null: nobody is told.
  std::function<void(const std::string& trouble)> on_trouble;
};

// Looks names up with c-ares: addresses in /etc/hosts, then in DNS; services (RFC 2782) in DNS. It
// follows the search list and ndots of resolv.conf. When a look-up begins it checks whether that
// file has changed: every look-up uses the servers named at that time, and those in flight begin
// anew. Earlier answers stay good for their TTL. Without a resolv.conf it asks 127.0.0.1; a file
// that goes away later changes nothing. Literals need no query.
//
// It asks for A and AAAA together. Where a server fails to answer one of them the other is the
// answer (there are servers that never answer AAAA), and the answer says which family is unknown.
// While the servers are silent about one family, an early answer tells the other (RFC 8305
// section 3).
//
// Thread: the loop's; see CaresChannel. Destruction drops the look-ups in flight; their callbacks
// are never called. A callback may destroy it.
class CaresResolver final : public Resolver, private LookupEvents {
 public:
  // /etc/hosts has no TTLs.
  static constexpr Duration kHostsTtl = std::chrono::seconds(30);
  // Names of which it is known which candidate had them.
  static constexpr size_t kMaxKnown = 1024;

  // `loop` must outlive it.
  CaresResolver(EventLoop* loop, CaresOptions options);
  ~CaresResolver() override;
  CaresResolver(const CaresResolver&) = delete;
  CaresResolver& operator=(const CaresResolver&) = delete;

  void Resolve(const std::string& name, uint16_t port, Callback callback) override;
  void ResolveSrv(const std::string& name, SrvCallback callback) override;

 private:
  void OnNextCandidate(Lookup& lookup) override { AskCandidate(lookup); }
  void OnAnswered(Lookup& lookup) override;

  void Enqueue(Lookup& lookup);
  void RefreshChannels();
  void OpenChannels();
  void CloseChannels();
  void StartWaiting();
  void Begin(Lookup& lookup);
  void AskCandidate(Lookup& lookup);
  void Ask(Lookup& lookup, size_t question, QuestionWay way);
  void OnRecords(Lookup& lookup, size_t question, QuestionWay way, Records records);
  void Remember(const Lookup& lookup);

  EventLoop* loop_;
  const CaresOptions options_;
  std::array<std::unique_ptr<CaresChannel>, kQuestionWays> channels_;
  CaresHostsFile hosts_;
  ResolvConfWatch watch_;
  std::map<std::string, std::string> known_;  // the candidate that had a name the last time
  LookupQueue queue_;
  MemberTask<CaresResolver, &CaresResolver::StartWaiting> start_task_{this};
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_DNS_CARES_RESOLVER_H_
