#ifndef HOLDFAST_POOL_DNS_CARES_RESOLVER_H_
#define HOLDFAST_POOL_DNS_CARES_RESOLVER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "pool/dns/resolver.h"
#include "pool/net/event_loop.h"
#include "pool/net/timer_wheel.h"

struct ares_channeldata;

namespace holdfast::pool {

struct CaresOptions {
  // Whom to ask, IP addresses each with its port; empty: the name servers of resolv.conf.
  std::vector<SocketAddress> servers;
  // For the first answer of a server; each further round over the servers waits twice as long.
  Duration timeout = std::chrono::seconds(2);
  int attempts = 2;    // rounds over the servers, at least 1
  uint16_t port = 53;  // of the name servers of resolv.conf
  std::string resolv_conf = "/etc/resolv.conf";
};

// Looks names up with c-ares: addresses in /etc/hosts, then in DNS, services (RFC 2782) in DNS, by
// the search list and ndots of resolv.conf. It looks whether that file has changed as a look-up
// begins: every look-up uses the servers named at that time, and those in flight begin anew.
// Answers of before stay good for their TTL. Without a resolv.conf it is 127.0.0.1 that is asked;
// one that goes away later changes nothing. Literals need no query.
//
// A and AAAA are asked together, and where a server fails to answer one of them the other is the
// answer (there are servers that never answer AAAA), which then says which family is unknown.
//
// Thread: the loop's; every resolver of the process is on the same one, because c-ares' set-up is
// global. Destruction closes its sockets and drops the look-ups in flight; their callbacks are
// never called. A callback may destroy it.
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
  // Longer options count as this.
  static constexpr std::chrono::milliseconds kMaxTimeout = std::chrono::seconds(60);

  // `loop` must outlive it, and its clock keep the machine's pace: c-ares has no other.
  CaresResolver(EventLoop* loop, CaresOptions options);
  ~CaresResolver() override;
  CaresResolver(const CaresResolver&) = delete;
  CaresResolver& operator=(const CaresResolver&) = delete;

  void Resolve(const std::string& name, uint16_t port, Callback callback) override;
  void ResolveSrv(const std::string& name, SrvCallback callback) override;

 private:
  class Lookup;
  class Socket;
  struct Hooks;  // what c-ares calls

  // Tells one state of a file from another: device, inode, size and time of its last change.
  using FileStamp = std::tuple<uint64_t, uint64_t, int64_t, int64_t, int64_t>;
  static std::optional<FileStamp> StampOf(const std::string& path);

  Lookup& Add(std::unique_ptr<Lookup> lookup);
  void Enqueue(Lookup& lookup);
  void RefreshChannel();
  void OpenChannel();
  static ares_channeldata* OpenFiles();
  void CloseChannel();
  void StartWaiting();
  void Ask(Lookup& lookup);
  void AskFiles(Lookup& lookup);
  void AskNext(Lookup& lookup);
  void Conclude(Lookup& lookup);
  void Finish(Lookup& lookup, std::variant<AddressAnswer, SrvAnswer> answer);
  void Deliver(Lookup& lookup);
  void WatchSocket(int fd, bool readable, bool writable);
  void Process(int read_fd, int write_fd);
  void OnTimer(TimePoint now);
  void ArmTimer();

  EventLoop* loop_;
  const CaresOptions options_;
  ares_channeldata* channel_ = nullptr;
  ares_channeldata* files_ = nullptr;
  int ndots_ = 1;  // with search_: of channel_
  std::vector<std::string> search_;
  bool closing_ = false;                   // inside ares_destroy
  std::optional<FileStamp> config_stamp_;  // of what channel_ was set up with
  TimePoint config_checked_;
  std::list<std::unique_ptr<Lookup>> lookups_;
  std::deque<Lookup*> waiting_;
  size_t in_flight_ = 0;
  std::map<int, std::unique_ptr<Socket>> sockets_;
  MemberTimer<CaresResolver, &CaresResolver::OnTimer> timer_{this};
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_DNS_CARES_RESOLVER_H_
