#include "pool/dns/cares_channel.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/time.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string_view>
#include <type_traits>
#include <utility>

#include <ares.h>

#include "pool/net/check.h"

namespace holdfast::pool {
namespace {

static_assert(std::is_same_v<ares_channel, ares_channeldata*>);

ResolveStatus ToResolveStatus(int status) {
  switch (status) {
    case ARES_SUCCESS: return ResolveStatus::kOk;
    case ARES_ENOTFOUND:
    case ARES_ENODATA:
    case ARES_EBADNAME: return ResolveStatus::kNotFound;
    case ARES_ETIMEOUT: return ResolveStatus::kTimeout;
    default: return ResolveStatus::kServerError;
  }
}

std::string Explain(int status) {
  // Its own words, "could not contact DNS servers", would be wrong for those that said SERVFAIL.
  if (status == ARES_ECONNREFUSED) return "every server failed or refused";
  return ares_strerror(status);
}

// `bytes` as they are in a record.
SocketAddress ToAddress(int family, const char* bytes, uint16_t port) {
  if (family == AF_INET) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, bytes, sizeof(v4.sin_addr));
    return SocketAddress(reinterpret_cast<const sockaddr*>(&v4), sizeof(v4));
  }
  HOLDFAST_CHECK(family == AF_INET6);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  std::memcpy(&v6.sin6_addr, bytes, sizeof(v6.sin6_addr));
  return SocketAddress(reinterpret_cast<const sockaddr*>(&v6), sizeof(v6));
}

SocketAddress ToAddress(const sockaddr* address, uint16_t port) {
  const void* bytes =
      address->sa_family == AF_INET
          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(address)->sin_addr)
          : &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
  return ToAddress(address->sa_family, static_cast<const char*>(bytes), port);
}

// The bytes of a message, which somebody else wrote: what is not there reads as zero.
class MessageReader {
 public:
  explicit MessageReader(std::string_view message) : message_(message) {}

  uint32_t Take(size_t bytes) {
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; ++i, ++at_) {
      value = value << 8 | (at_ < message_.size() ? static_cast<uint8_t>(message_[at_]) : 0u);
    }
    return value;
  }
  void Skip(size_t bytes) { at_ += bytes; }
  // RFC 1035 section 4.1.4: labels, up to an empty one or a pointer.
  void SkipName() {
    constexpr uint32_t kPointer = 0xC0;
    while (const uint32_t length = Take(1)) {
      if (length >= kPointer) return Skip(1);
      Skip(length);
    }
  }

 private:
  std::string_view message_;
  size_t at_ = 0;
};

// An answer is as good as its shortest record, the links of a chain of aliases included. RFC 2181
// section 8: a TTL with its highest bit set counts as zero. `message` has been parsed before.
Duration SmallestTtl(std::string_view message) {
  MessageReader reader(message);
  reader.Skip(4);
  const uint32_t questions = reader.Take(2);
  const uint32_t answers = reader.Take(2);
  reader.Skip(4);
  for (uint32_t i = 0; i < questions; ++i) {
    reader.SkipName();
    reader.Skip(4);
  }
  uint32_t smallest = std::numeric_limits<int32_t>::max();
  for (uint32_t i = 0; i < answers; ++i) {
    reader.SkipName();
    reader.Skip(4);
    const uint32_t ttl = reader.Take(4);
    smallest = std::min(smallest, ttl > std::numeric_limits<int32_t>::max() ? 0 : ttl);
    reader.Skip(reader.Take(2));
  }
  return std::chrono::seconds(smallest);
}

struct FreeHostent {
  void operator()(hostent* host) const { ares_free_hostent(host); }
};
struct FreeData {
  void operator()(void* data) const { ares_free_data(data); }
};
struct FreeAddrinfo {
  void operator()(ares_addrinfo* info) const { ares_freeaddrinfo(info); }
};

Records Failure(int status) {
  Records records;
  records.status = ToResolveStatus(status);
  records.no_such_name = status == ARES_ENOTFOUND;
  records.detail = Explain(status);
  return records;
}

bool IsCut(const unsigned char* message, int length) {
  constexpr int kFlags = 2;
  constexpr unsigned char kTruncated = 0x02;
  return length > kFlags && (message[kFlags] & kTruncated) != 0;
}

int ParseAddresses(int type, const unsigned char* message, int length, uint16_t port,
                   std::vector<SocketAddress>& addresses) {
  hostent* raw = nullptr;
  const int status = type == ns_t_a
                         ? ares_parse_a_reply(message, length, &raw, nullptr, nullptr)
                         : ares_parse_aaaa_reply(message, length, &raw, nullptr, nullptr);
  const std::unique_ptr<hostent, FreeHostent> host(raw);
  if (status != ARES_SUCCESS) return status;
  for (char** address = host->h_addr_list; *address != nullptr; ++address) {
    addresses.push_back(ToAddress(host->h_addrtype, *address, port));
  }
  return ARES_SUCCESS;
}

int ParseServices(const unsigned char* message, int length, std::vector<SrvRecord>& services) {
  ares_srv_reply* raw = nullptr;
  const int status = ares_parse_srv_reply(message, length, &raw);
  const std::unique_ptr<ares_srv_reply, FreeData> list(raw);
  if (status != ARES_SUCCESS) return status;
  for (const ares_srv_reply* service = raw; service != nullptr; service = service->next) {
    services.push_back({service->host, service->port, service->priority, service->weight});
  }
  return ARES_SUCCESS;
}

Records Parse(int type, const unsigned char* message, int length, uint16_t port) {
  Records records;
  const int status = type == ns_t_srv
                         ? ParseServices(message, length, records.services)
                         : ParseAddresses(type, message, length, port, records.addresses);
  if (status != ARES_SUCCESS) return Failure(status);
  if (records.addresses.empty() && records.services.empty()) return Failure(ARES_ENODATA);
  records.status = ResolveStatus::kOk;
  records.ttl = SmallestTtl({reinterpret_cast<const char*>(message), static_cast<size_t>(length)});
  return records;
}

// What c-ares says of a question; a message comes with some failures, too.
Records ToRecords(int status, int type, const unsigned char* message, int length, uint16_t port) {
  // Whatever fitted in is not the answer. Without any record it looks as if there were none.
  if ((status == ARES_SUCCESS || status == ARES_ENODATA) && IsCut(message, length)) {
    Records records;
    records.cut = true;
    records.detail = "the answer does not fit into a datagram";
    return records;
  }
  return status == ARES_SUCCESS ? Parse(type, message, length, port) : Failure(status);
}

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

struct HostsEntry {
  uint16_t port;
  std::vector<SocketAddress> addresses;
};

// Called before ares_getaddrinfo returns: nothing but a file is read.
void OnHosts(void* data, int status, int /*timeouts*/, ares_addrinfo* result) {
  const std::unique_ptr<ares_addrinfo, FreeAddrinfo> info(result);
  HostsEntry& entry = *static_cast<HostsEntry*>(data);
  if (status != ARES_SUCCESS) return;
  for (const ares_addrinfo_node* node = info->nodes; node != nullptr; node = node->ai_next) {
    entry.addresses.push_back(ToAddress(node->ai_addr, entry.port));
  }
}

int WireType(CaresChannel::Type type) {
  switch (type) {
    case CaresChannel::Type::kA: return ns_t_a;
    case CaresChannel::Type::kAaaa: return ns_t_aaaa;
    case CaresChannel::Type::kSrv: return ns_t_srv;
  }
  HOLDFAST_CHECK(false);
}

// A cut answer is ours to deal with, so that c-ares does not go on to TCP by itself.
int FlagsOf(QuestionWay way) {
  switch (way) {
    case QuestionWay::kPlain: return ARES_FLAG_IGNTC;
    case QuestionWay::kEdns: return ARES_FLAG_IGNTC | ARES_FLAG_EDNS;
    case QuestionWay::kTcp: return ARES_FLAG_USEVC;
  }
  HOLDFAST_CHECK(false);
}

}  // namespace

std::optional<QuestionWay> NextWay(QuestionWay way, const Records& records) {
  const bool answered =
      records.status == ResolveStatus::kOk || records.status == ResolveStatus::kNotFound;
  switch (way) {
    case QuestionWay::kPlain: break;
    // A server that does not understand EDNS may say anything, or nothing.
    case QuestionWay::kEdns: return answered ? std::nullopt : std::optional(QuestionWay::kTcp);
    case QuestionWay::kTcp: return std::nullopt;
  }
  return records.cut ? std::optional(QuestionWay::kEdns) : std::nullopt;
}

// A socket of c-ares while it is watched.
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

// From Ask until its reply, or the channel's end.
struct CaresChannel::Question {
  CaresChannel* channel;
  Type type;
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
    // What a closing channel says is no answer.
    if (question->channel->closing_) return;
    question->on_records(
        ToRecords(status, WireType(question->type), message, length, question->port));
  }
};

CaresChannel::CaresChannel(EventLoop* loop, QuestionWay way, const ChannelOptions& options)
    : loop_(loop), way_(way) {
  HOLDFAST_CHECK(options.attempts >= 1 && options.timeout > Duration::zero());
  HOLDFAST_CHECK(ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS);
  Open(options);
}

CaresChannel::~CaresChannel() {
  closing_ = true;
  ares_destroy(channel_);
  HOLDFAST_CHECK(sockets_.empty());
  ares_library_cleanup();
}

// c-ares passes over files that it cannot read, so that nothing but memory can be wanting.
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

void CaresChannel::Ask(const std::string& name, Type type, uint16_t port, OnRecords on_records) {
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
    if (it == sockets_.end()) return;  // could not be watched
    loop_->Unregister(fd, it->second.get());
    sockets_.erase(it);
  } else if (it != sockets_.end()) {
    loop_->Modify(fd, it->second.get(), events);
  } else {
    auto socket = std::make_unique<Socket>(this, fd);
    // Unwatched when the kernel has no room: its queries time out, as if no server answered.
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

HostsFile::HostsFile() {
  HOLDFAST_CHECK(ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS);
  char lookups[] = "f";
  ares_options options{};
  options.lookups = lookups;
  HOLDFAST_CHECK(ares_init_options(&channel_, &options, ARES_OPT_LOOKUPS) == ARES_SUCCESS);
}

HostsFile::~HostsFile() {
  ares_destroy(channel_);
  ares_library_cleanup();
}

std::vector<SocketAddress> HostsFile::Find(const std::string& name, uint16_t port) {
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  // Sorting would open a socket per address to rank it; every address becomes an endpoint.
  hints.ai_flags = ARES_AI_NOSORT;
  const std::string relative = name.ends_with('.') ? name.substr(0, name.size() - 1) : name;
  HostsEntry entry{.port = port, .addresses = {}};
  ares_getaddrinfo(channel_, relative.c_str(), nullptr, &hints, &OnHosts, &entry);
  return std::move(entry.addresses);
}

}  // namespace holdfast::pool
