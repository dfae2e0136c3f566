#ifndef HOLDFAST_POOL_DNS_CARES_CHANNEL_H_
#define HOLDFAST_POOL_DNS_CARES_CHANNEL_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <absl/functional/any_invocable.h>

#include "pool/dns/dns_question.h"
#include "pool/dns/search_list.h"
#include "pool/net/event_loop.h"
#include "pool/net/timer_wheel.h"

struct ares_channeldata;

namespace holdfast::pool {

struct ChannelOptions {
  std::vector<SocketAddress> servers;  // empty: those of resolv.conf
  Duration timeout = std::chrono::seconds(2);
  int attempts = 2;
  uint16_t port = 53;  // of the servers of resolv.conf
  std::string resolv_conf = "/etc/resolv.conf";
};

// A c-ares channel on an event loop: it asks the servers of one state of the configuration, in one
// way.
//
// Thread: the loop's; every channel of the process is on the same one, because c-ares' set-up is
// global. Destruction closes its sockets; replies that are outstanding never come. A reply must not
// destroy it.
class CaresChannel {
 public:
  using OnRecords = absl::AnyInvocable<void(Records)>;

  // A longer timeout counts as this one.
  static constexpr std::chrono::milliseconds kMaxTimeout = std::chrono::seconds(60);
  // The bytes of a datagram that no network takes apart.
  static constexpr int kEdnsBytes = 1232;

  // `loop` must outlive it, and the loop's clock must keep the machine's pace, which is c-ares'.
  CaresChannel(EventLoop* loop, QuestionWay way, const ChannelOptions& options);
  ~CaresChannel();
  CaresChannel(const CaresChannel&) = delete;
  CaresChannel& operator=(const CaresChannel&) = delete;

  // Asks for the absolute name (whether it has its last dot or not); addresses get `port`. The
  // reply may come before Ask returns. It may ask again.
  void Ask(const std::string& name, QuestionType type, uint16_t port, OnRecords on_records);

  // The search list of its resolv.conf.
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

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_DNS_CARES_CHANNEL_H_
