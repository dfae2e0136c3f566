#ifndef HOLDFAST_POOL_DNS_CARES_CHANNEL_H_
#define HOLDFAST_POOL_DNS_CARES_CHANNEL_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <absl/functional/any_invocable.h>

#include "pool/dns/resolver.h"
#include "pool/dns/search_list.h"
#include "pool/net/event_loop.h"
#include "pool/net/timer_wheel.h"

struct ares_channeldata;

namespace holdfast::pool {

// How a question is sent. An answer too long for plain UDP comes back cut (RFC 1035 section 4.1.1,
// TC). Then it is asked for with EDNS (RFC 6891), which has room for most, and over TCP, which many
// networks block, only after that.
enum class QuestionWay : uint8_t { kPlain, kEdns, kTcp };
inline constexpr size_t kQuestionWays = 3;

// What the question for one type of record ended with.
struct Records {
  ResolveStatus status = ResolveStatus::kServerError;
  bool no_such_name = false;  // with kNotFound: of no type (NXDOMAIN)
  bool cut = false;           // there is more than what the message had room for
  std::string detail;         // for people, unless kOk
  Duration ttl{0};            // the smallest of the records
  std::vector<SocketAddress> addresses;
  std::vector<SrvRecord> services;
};

// How to ask again after this reply; nullopt: it is the answer. Pure.
std::optional<QuestionWay> NextWay(QuestionWay way, const Records& records);

struct ChannelOptions {
  std::vector<SocketAddress> servers;  // empty: those of resolv.conf
  Duration timeout = std::chrono::seconds(2);
  int attempts = 2;
  uint16_t port = 53;  // of the servers of resolv.conf
  std::string resolv_conf = "/etc/resolv.conf";
};

// A c-ares channel on an event loop: asks the servers of one state of the configuration, in one
// way. With resolver.h this is the house's view of c-ares: nothing else includes ares.h.
//
// Thread: the loop's; every channel of the process is on the same one, because c-ares' set-up is
// global. Destruction closes its sockets; replies that are outstanding never come. Not to be
// destroyed by a reply.
class CaresChannel {
 public:
  enum class Type : uint8_t { kA, kAaaa, kSrv };
  using OnRecords = absl::AnyInvocable<void(Records)>;

  // Longer options count as this.
  static constexpr std::chrono::milliseconds kMaxTimeout = std::chrono::seconds(60);
  // What a datagram may have in any network without being taken apart.
  static constexpr int kEdnsBytes = 1232;

  // `loop` must outlive it, and its clock keep the machine's pace: c-ares has no other.
  CaresChannel(EventLoop* loop, QuestionWay way, const ChannelOptions& options);
  ~CaresChannel();
  CaresChannel(const CaresChannel&) = delete;
  CaresChannel& operator=(const CaresChannel&) = delete;

  // Asks for the absolute name (whether it has its last dot or not); addresses are given `port`.
  // The reply may come before it returns. It may ask again.
  void Ask(const std::string& name, Type type, uint16_t port, OnRecords on_records);

  // Of its resolv.conf.
  const SearchList& search() const { return search_; }

 private:
  class Socket;
  struct Question;
  struct Hooks;  // what c-ares calls

  void Open(const ChannelOptions& options);
  void WatchSocket(int fd, bool readable, bool writable);
  void Process(int read_fd, int write_fd);
  void OnTimer(TimePoint now);
  void ArmTimer();

  EventLoop* loop_;
  const QuestionWay way_;
  ares_channeldata* channel_ = nullptr;
  SearchList search_;
  bool closing_ = false;
  std::map<int, std::unique_ptr<Socket>> sockets_;
  MemberTimer<CaresChannel, &CaresChannel::OnTimer> timer_{this};
};

// /etc/hosts, read anew by every look.
class HostsFile {
 public:
  HostsFile();
  ~HostsFile();
  HostsFile(const HostsFile&) = delete;
  HostsFile& operator=(const HostsFile&) = delete;

  // The addresses of the name; empty: it is not in there.
  std::vector<SocketAddress> Find(const std::string& name, uint16_t port);

 private:
  ares_channeldata* channel_ = nullptr;  // one that never has a question to send
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_DNS_CARES_CHANNEL_H_
