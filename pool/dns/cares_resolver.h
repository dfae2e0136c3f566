#ifndef HOLDFAST_POOL_DNS_CARES_RESOLVER_H_
#define HOLDFAST_POOL_DNS_CARES_RESOLVER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "pool/dns/cares_channel.h"
#include "pool/dns/resolver.h"
#include "pool/dns/search_list.h"
#include "pool/net/event_loop.h"
#include "pool/net/timer_wheel.h"

namespace holdfast::pool {

struct CaresOptions {
  // Whom to ask, IP addresses each with its port; empty: the name servers of resolv.conf.
  std::vector<SocketAddress> servers;
  // For the first answer of a server; each further round over the servers waits twice as long.
  Duration timeout = std::chrono::seconds(2);
  int attempts = 2;    // rounds over the servers, at least 1
  uint16_t port = 53;  // of the name servers of resolv.conf
  std::string resolv_conf = "/etc/resolv.conf";
  // Told what resolv.conf says in vain, whenever it is read, the first time within the constructor;
  // null: nobody.
  std::function<void(const std::string& trouble)> on_trouble;
};

// Looks names up with c-ares: addresses in /etc/hosts, then in DNS, services (RFC 2782) in DNS, by
// the search list and ndots of resolv.conf. It looks whether that file has changed as a look-up
// begins: every look-up uses the servers named at that time, and those in flight begin anew.
// Answers of before stay good for their TTL. Without a resolv.conf it is 127.0.0.1 that is asked;
// one that goes away later changes nothing. Literals need no query.
//
// A and AAAA are asked together, and where a server fails to answer one of them the other is the
// answer (there are servers that never answer AAAA), which then says which family is unknown. While
// the servers are silent about one, an early answer tells the other (RFC 8305 section 3).
//
// Thread: the loop's; see CaresChannel. Destruction drops the look-ups in flight; their callbacks
// are never called. A callback may destroy it.
class CaresResolver final : public Resolver {
 public:
  // Look-ups under way at a time; the others wait their turn. Each sends two datagrams, and all of
  // them together must fit into a server's socket buffer (some 190 with Linux' defaults).
  static constexpr size_t kMaxInFlight = 64;
  // An answer with more is cut after sorting, always to the same ones.
  static constexpr size_t kMaxAddresses = 256;
  // /etc/hosts has no TTLs.
  static constexpr Duration kHostsTtl = std::chrono::seconds(30);
  // How often at most resolv.conf is looked at, as a look-up begins.
  static constexpr Duration kConfigCheckInterval = std::chrono::seconds(1);
  // How long one family's answer waits for the other's before it is told, or before the search goes
  // on where the name was said not to exist (RFC 8305 section 3: Resolution Delay).
  static constexpr Duration kResolutionDelay = std::chrono::milliseconds(50);
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
  class Lookup;

  // Tells one state of a file from another: device, inode, size and time of its last change.
  using FileStamp = std::tuple<uint64_t, uint64_t, int64_t, int64_t, int64_t>;
  static std::optional<FileStamp> StampOf(const std::string& path);

  Lookup& Add(std::shared_ptr<Lookup> lookup);
  void Enqueue(Lookup& lookup);
  void RefreshChannels();
  void OpenChannels();
  void CloseChannels();
  void StartWaiting();
  void Begin(Lookup& lookup);
  void AskCandidate(Lookup& lookup);
  void AskPart(Lookup& lookup, size_t part, QuestionWay way);
  void OnRecords(Lookup& lookup, size_t part, QuestionWay way, Records records);
  void Conclude(Lookup& lookup);
  void Found(Lookup& lookup);
  void NotFound(Lookup& lookup, ResolveStatus status, const std::string& detail);
  void OnDelay(Lookup& lookup);
  void Finish(Lookup& lookup, std::variant<AddressAnswer, SrvAnswer> answer);
  void Deliver(Lookup& lookup);

  EventLoop* loop_;
  const CaresOptions options_;
  std::array<std::unique_ptr<CaresChannel>, kQuestionWays> channels_;
  HostsFile hosts_;
  std::optional<FileStamp> config_stamp_;  // of what channels_ were set up with
  TimePoint config_checked_;
  std::map<std::string, std::string> known_;  // the candidate that had a name the last time
  // Shared with nobody: replies hold weak references, which end with the look-up.
  std::list<std::shared_ptr<Lookup>> lookups_;
  std::deque<Lookup*> waiting_;
  // Without a reply, those of look-ups that do not wait for it any more among them.
  size_t questions_ = 0;
  MemberTask<CaresResolver, &CaresResolver::StartWaiting> start_task_{this};
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_DNS_CARES_RESOLVER_H_
