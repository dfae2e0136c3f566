#include "pool/dns/cares_channel.h"

#include <arpa/nameser.h>
#include <netinet/in.h>
#include <sys/time.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <type_traits>
#include <utility>

#include <ares.h>

#include "pool/dns/cares_library.h"
#include "pool/dns/cares_reply.h"
#include "pool/net/check.h"

namespace holdfast::pool {
namespace {

static_assert(std::is_same_v<ares_channel, ares_channeldata*>);

std::vector<ares_addr_port_node> ToServerList(const std::vector<SocketAddress>& servers) {
  std::vector<ares_addr_port_node> nodes(servers.size());
  for (size_t i = 0; i < servers.size(); ++i) {
    HOLDFAST_CHECK(servers[i].is_ip());
    ares_addr_port_node& node = nodes[i];
    node.next = i + 1 < servers.size() ? &nodes[i + 1] : nullptr;
    node.family = servers[i].family();
    node.udp_port = node.tcp_port = servers[i].port();
    if (node.family == AF_INET) {
      sockaddr_in v4;
      std::memcpy(&v4, servers[i].get(), sizeof(v4));
      node.addr.addr4 = v4.sin_addr;
    } else {
      sockaddr_in6 v6;
      std::memcpy(&v6, servers[i].get(), sizeof(v6));
      std::memcpy(&node.addr.addr6, &v6.sin6_addr, sizeof(node.addr.addr6));
    }
  }
  return nodes;
}

// The resolver deals with a cut answer, so c-ares must not go on to TCP by itself.
int FlagsOf(QuestionWay way) {
  switch (way) {
    case QuestionWay::kPlain: return ARES_FLAG_IGNTC;
    case QuestionWay::kEdns: return ARES_FLAG_IGNTC | ARES_FLAG_EDNS;
    case QuestionWay::kTcp: return ARES_FLAG_USEVC;
  }
  HOLDFAST_CHECK(false);
}

}  // namespace

// A socket of c-ares that the loop watches.
class CaresChannel::Socket final : public EventHandler {
 public:
  Socket(CaresChannel* channel, int fd) : channel_(channel), fd_(fd) {}

  // c-ares may close the socket meanwhile, which destroys this.
  void OnEvents(uint32_t events) override {
    const bool writable = (events & EPOLLOUT) != 0;
    const bool readable = (events & ~uint32_t{EPOLLOUT}) != 0;  // errors are found by reading
    channel_->Process(readable ? fd_ : ARES_SOCKET_BAD, writable ? fd_ : ARES_SOCKET_BAD);
  }

 private:
  CaresChannel* channel_;
  int fd_;
};

// Lives from Ask until its reply or the channel's end.
struct CaresChannel::Question {
  CaresChannel* channel;
  QuestionType type;
  uint16_t port;
  OnRecords on_records;
};

struct CaresChannel::Hooks {
  static void OnSocketState(void* data, ares_socket_t fd, int readable, int writable) {
    static_cast<CaresChannel*>(data)->WatchSocket(fd, readable != 0, writable != 0);
  }

  static void OnAnswer(void* data, int status, int /*timeouts*/, unsigned char* message,
                       int length) {
    const std::unique_ptr<Question> question(static_cast<Question*>(data));
    // A closing channel says something too, which is no answer.
    if (question->channel->closing_) return;
    const std::string_view text(reinterpret_cast<const char*>(message),
                                message == nullptr ? 0 : static_cast<size_t>(length));
    question->on_records(ReadReply(status, question->type, text, question->port));
  }
};

CaresChannel::CaresChannel(EventLoop* loop, QuestionWay way, const ChannelOptions& options)
    : loop_(loop), way_(way) {
  HOLDFAST_CHECK(options.attempts >= 1 && options.timeout > Duration::zero());
  HoldCaresLibrary();
  Open(options);
}

CaresChannel::~CaresChannel() {
  closing_ = true;
  ares_destroy(channel_);
  HOLDFAST_CHECK(sockets_.empty());
}

// c-ares passes over files that it cannot read, so only memory can be missing.
void CaresChannel::Open(const ChannelOptions& chosen) {
  const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(chosen.timeout);
  std::string path = chosen.resolv_conf;
  ares_options options{};
  options.flags = FlagsOf(way_);
  options.ednspsz = kEdnsBytes;
  options.timeout = static_cast<int>(std::min(timeout, kMaxTimeout).count());
  options.tries = chosen.attempts;
  options.udp_port = chosen.port;
  options.tcp_port = chosen.port;
  options.sock_state_cb = &Hooks::OnSocketState;
  options.sock_state_cb_data = this;
  options.resolvconf_path = path.data();
  const int mask = ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
                   ARES_OPT_UDP_PORT | ARES_OPT_TCP_PORT | ARES_OPT_SOCK_STATE_CB |
                   ARES_OPT_RESOLVCONF;
  HOLDFAST_CHECK(ares_init_options(&channel_, &options, mask) == ARES_SUCCESS);
  if (!chosen.servers.empty()) {
    std::vector<ares_addr_port_node> servers = ToServerList(chosen.servers);
    HOLDFAST_CHECK(ares_set_servers_ports(channel_, servers.data()) == ARES_SUCCESS);
  }
  ares_options present{};
  int present_mask = 0;
  HOLDFAST_CHECK(ares_save_options(channel_, &present, &present_mask) == ARES_SUCCESS);
  search_.ndots = present.ndots;
  search_.domains.assign(present.domains, present.domains + present.ndomains);
  ares_destroy_options(&present);
}

void CaresChannel::Ask(const std::string& name, QuestionType type, uint16_t port,
                       OnRecords on_records) {
  HOLDFAST_CHECK(!closing_);
  auto question = std::make_unique<Question>(
      Question{.channel = this, .type = type, .port = port, .on_records = std::move(on_records)});
  ares_query(channel_, name.c_str(), ns_c_in, WireType(type), &Hooks::OnAnswer, question.release());
  ArmTimer();
}

void CaresChannel::WatchSocket(int fd, bool readable, bool writable) {
  const uint32_t events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u);
  const auto it = sockets_.find(fd);
  if (events == 0) {
    if (it == sockets_.end()) return;  // the loop could not watch it
    loop_->Unregister(fd, it->second.get());
    sockets_.erase(it);
  } else if (it != sockets_.end()) {
    loop_->Modify(fd, it->second.get(), events);
  } else {
    auto socket = std::make_unique<Socket>(this, fd);
    // Stays unwatched when the kernel has no room: its queries time out, as if no server answered.
    if (loop_->Register(fd, socket.get(), events) == 0) sockets_.emplace(fd, std::move(socket));
  }
}

void CaresChannel::Process(int read_fd, int write_fd) {
  HOLDFAST_CHECK(!closing_);
  ares_process_fd(channel_, read_fd, write_fd);
  ArmTimer();
}

void CaresChannel::OnTimer(TimePoint) { Process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); }

void CaresChannel::ArmTimer() {
  timeval storage;
  const timeval* const wait = ares_timeout(channel_, nullptr, &storage);
  if (wait == nullptr) {
    loop_->timers().Cancel(timer_);
    return;
  }
  const Duration delay =
      std::chrono::seconds(wait->tv_sec) + std::chrono::microseconds(wait->tv_usec);
  loop_->timers().Arm(timer_, loop_->now() + delay);
}

}  // namespace holdfast::pool
