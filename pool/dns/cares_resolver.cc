#include "pool/dns/cares_resolver.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

#include <ares.h>

#include "pool/net/check.h"
#include "pool/net/socket.h"

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

SocketAddress WithPort(const sockaddr* address, uint16_t port) {
  if (address->sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, address, sizeof(v4));
    v4.sin_port = htons(port);
    return SocketAddress(reinterpret_cast<const sockaddr*>(&v4), sizeof(v4));
  }
  HOLDFAST_CHECK(address->sa_family == AF_INET6);
  sockaddr_in6 v6;
  std::memcpy(&v6, address, sizeof(v6));
  v6.sin6_port = htons(port);
  return SocketAddress(reinterpret_cast<const sockaddr*>(&v6), sizeof(v6));
}

// RFC 2181 section 8: a TTL with its highest bit set counts as zero.
Duration ToTtl(int seconds) { return std::chrono::seconds(std::max(seconds, 0)); }

// A chain of aliases is as good as its shortest link.
Duration SmallestTtl(const ares_addrinfo& info) {
  Duration ttl = Duration::max();
  for (const ares_addrinfo_node* node = info.nodes; node != nullptr; node = node->ai_next) {
    ttl = std::min(ttl, ToTtl(node->ai_ttl));
  }
  for (const ares_addrinfo_cname* cname = info.cnames; cname != nullptr; cname = cname->next) {
    ttl = std::min(ttl, ToTtl(cname->ttl));
  }
  return ttl;
}

ResolveAnswer Failure(int status) {
  ResolveAnswer answer;
  answer.status = ToResolveStatus(status);
  answer.detail = Explain(status);
  return answer;
}

// `info` is null unless the status is ARES_SUCCESS.
ResolveAnswer ToAnswer(int status, const ares_addrinfo* info, uint16_t port) {
  if (status != ARES_SUCCESS) return Failure(status);
  ResolveAnswer answer;
  for (const ares_addrinfo_node* node = info->nodes; node != nullptr; node = node->ai_next) {
    answer.addresses.push_back(WithPort(node->ai_addr, port));
  }
  if (answer.addresses.empty()) return Failure(ARES_ENODATA);
  SortUnique(answer.addresses);
  if (answer.addresses.size() > CaresResolver::kMaxAddresses) {
    answer.addresses.resize(CaresResolver::kMaxAddresses);
  }
  answer.status = ResolveStatus::kOk;
  answer.ttl = SmallestTtl(*info);
  return answer;
}

struct FreeAddrinfo {
  void operator()(ares_addrinfo* info) const { ares_freeaddrinfo(info); }
};

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

}  // namespace

// One call of Resolve. As a task it is queued from when it has its answer, which is how callbacks
// come from the loop even where c-ares answers at once, and never from inside c-ares.
class CaresResolver::Lookup final : public Task {
 public:
  Lookup(CaresResolver* resolver, std::string name, uint16_t port, Callback callback)
      : resolver(resolver), name(std::move(name)), port(port), callback(std::move(callback)) {}

  enum class State : uint8_t { kWaiting, kAsked, kAnswered };

  CaresResolver* const resolver;
  const std::string name;
  const uint16_t port;
  Callback callback;
  State state = State::kWaiting;
  bool asking = false;  // inside ares_getaddrinfo
  ResolveAnswer answer;
  std::list<std::unique_ptr<Lookup>>::iterator self;

 private:
  void Run() override { resolver->Deliver(*this); }
};

// A socket of c-ares while it is watched.
class CaresResolver::Socket final : public EventHandler {
 public:
  Socket(CaresResolver* resolver, int fd) : resolver_(resolver), fd_(fd) {}

  // c-ares may close the socket meanwhile, which destroys this.
  void OnEvents(uint32_t events) override {
    const bool writable = (events & EPOLLOUT) != 0;
    const bool readable = (events & ~uint32_t{EPOLLOUT}) != 0;  // errors are found by reading
    resolver_->Process(readable ? fd_ : ARES_SOCKET_BAD, writable ? fd_ : ARES_SOCKET_BAD);
  }

 private:
  CaresResolver* resolver_;
  int fd_;
};

struct CaresResolver::Hooks {
  static void OnSocketState(void* data, ares_socket_t fd, int readable, int writable) {
    static_cast<CaresResolver*>(data)->WatchSocket(fd, readable != 0, writable != 0);
  }

  static void OnAnswer(void* data, int status, int /*timeouts*/, ares_addrinfo* result) {
    const std::unique_ptr<ares_addrinfo, FreeAddrinfo> info(result);
    Lookup& lookup = *static_cast<Lookup*>(data);
    // Whatever a closing channel says, "success" with half of the records included, is no answer.
    if (lookup.resolver->closing_) return;
    ResolveAnswer answer = ToAnswer(status, info.get(), lookup.port);
    // No server can have answered yet, so it was found in a file.
    if (lookup.asking && answer.status == ResolveStatus::kOk) answer.ttl = kHostsTtl;
    lookup.resolver->Finish(lookup, std::move(answer));
  }
};

CaresResolver::CaresResolver(EventLoop* loop, CaresOptions options)
    : loop_(loop), options_(std::move(options)), config_checked_(loop->now()) {
  HOLDFAST_CHECK(options_.attempts >= 1 && options_.timeout > Duration::zero());
  HOLDFAST_CHECK(ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS);
  config_stamp_ = StampOf(options_.resolv_conf);
  channel_ = OpenChannel();
}

CaresResolver::~CaresResolver() {
  CloseChannel();
  HOLDFAST_CHECK(sockets_.empty());
  ares_library_cleanup();
}

void CaresResolver::Resolve(const std::string& name, uint16_t port, Callback callback) {
  lookups_.push_back(std::make_unique<Lookup>(this, name, port, std::move(callback)));
  Lookup& lookup = *lookups_.back();
  lookup.self = std::prev(lookups_.end());
  if (const auto literal = SocketAddress::FromIp(name, port)) {
    Finish(lookup, {ResolveStatus::kOk, {*literal}, Duration::max(), ""});
    return;
  }
  RefreshChannel();
  waiting_.push_back(&lookup);
  StartWaiting();
}

void CaresResolver::RefreshChannel() {
  if (loop_->now() - config_checked_ < kConfigCheckInterval) return;
  config_checked_ = loop_->now();
  // Before the file is read, so that a change in between is found the next time.
  const std::optional<FileStamp> stamp = StampOf(options_.resolv_conf);
  // Without the file there is nothing better than the servers known.
  if (!stamp || stamp == config_stamp_) return;
  CloseChannel();
  channel_ = OpenChannel();
  config_stamp_ = stamp;
  // Those whose servers may be gone ask the new ones.
  for (const std::unique_ptr<Lookup>& lookup : lookups_) {
    if (lookup->state == Lookup::State::kAsked) Ask(*lookup);
  }
  ArmTimer();
}

std::optional<CaresResolver::FileStamp> CaresResolver::StampOf(const std::string& path) {
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status;
  if (!file.valid() || fstat(file.get(), &status) != 0) return std::nullopt;
  return FileStamp(status.st_dev, status.st_ino, status.st_size, status.st_mtim.tv_sec,
                   status.st_mtim.tv_nsec);
}

// It passes over files that it cannot read, so that nothing but memory can be wanting.
ares_channeldata* CaresResolver::OpenChannel() {
  const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(options_.timeout);
  std::string path = options_.resolv_conf;
  ares_options options{};
  options.timeout = static_cast<int>(std::min(timeout, kMaxTimeout).count());
  options.tries = options_.attempts;
  options.udp_port = options_.port;
  options.tcp_port = options_.port;
  options.sock_state_cb = &Hooks::OnSocketState;
  options.sock_state_cb_data = this;
  options.resolvconf_path = path.data();
  const int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_UDP_PORT | ARES_OPT_TCP_PORT |
                   ARES_OPT_SOCK_STATE_CB | ARES_OPT_RESOLVCONF;
  ares_channel channel = nullptr;
  HOLDFAST_CHECK(ares_init_options(&channel, &options, mask) == ARES_SUCCESS);
  if (!options_.servers.empty()) {
    std::vector<ares_addr_port_node> servers = ToServerList(options_.servers);
    HOLDFAST_CHECK(ares_set_servers_ports(channel, servers.data()) == ARES_SUCCESS);
  }
  return channel;
}

// Leaves the look-ups without an answer.
void CaresResolver::CloseChannel() {
  closing_ = true;
  ares_destroy(std::exchange(channel_, nullptr));
  closing_ = false;
}

void CaresResolver::StartWaiting() {
  while (!waiting_.empty() && in_flight_ < kMaxInFlight) {
    Lookup& lookup = *waiting_.front();
    waiting_.pop_front();
    HOLDFAST_CHECK(lookup.state == Lookup::State::kWaiting);
    lookup.state = Lookup::State::kAsked;
    ++in_flight_;
    Ask(lookup);
  }
  ArmTimer();
}

void CaresResolver::Ask(Lookup& lookup) {
  HOLDFAST_CHECK(lookup.state == Lookup::State::kAsked && !closing_);
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  // Sorting would open a socket per address to rank it; every address becomes an endpoint.
  hints.ai_flags = ARES_AI_NOSORT;
  lookup.asking = true;
  ares_getaddrinfo(channel_, lookup.name.c_str(), nullptr, &hints, &Hooks::OnAnswer, &lookup);
  lookup.asking = false;
}

void CaresResolver::Finish(Lookup& lookup, ResolveAnswer answer) {
  HOLDFAST_CHECK(lookup.state != Lookup::State::kAnswered);
  if (lookup.state == Lookup::State::kAsked) --in_flight_;
  lookup.state = Lookup::State::kAnswered;
  lookup.answer = std::move(answer);
  loop_->Queue(lookup);
}

void CaresResolver::Deliver(Lookup& lookup) {
  HOLDFAST_CHECK(lookup.state == Lookup::State::kAnswered);
  const std::unique_ptr<Lookup> done = std::move(*lookup.self);
  lookups_.erase(done->self);
  StartWaiting();
  done->callback(std::move(done->answer));  // may destroy this
}

void CaresResolver::WatchSocket(int fd, bool readable, bool writable) {
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

void CaresResolver::Process(int read_fd, int write_fd) {
  HOLDFAST_CHECK(!closing_);
  ares_process_fd(channel_, read_fd, write_fd);
  ArmTimer();
}

void CaresResolver::OnTimer(TimePoint) { Process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); }

void CaresResolver::ArmTimer() {
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
