#include "pool/dns/cares_resolver.h"

#include <arpa/nameser.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string_view>
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

// What the question for one type of record ended with.
struct Records {
  ResolveStatus status = ResolveStatus::kServerError;
  std::string detail;
  Duration ttl{0};
  std::vector<SocketAddress> addresses;
  std::vector<SrvRecord> services;
};

Records Failure(int status) {
  return {.status = ToResolveStatus(status), .detail = Explain(status)};
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

bool Failed(const Records& records) {
  return records.status != ResolveStatus::kOk && records.status != ResolveStatus::kNotFound;
}

AddressAnswer Found(std::vector<SocketAddress> addresses, Duration ttl) {
  SortUnique(addresses);
  if (addresses.size() > CaresResolver::kMaxAddresses) {
    addresses.resize(CaresResolver::kMaxAddresses);
  }
  return {
      .status = ResolveStatus::kOk, .addresses = std::move(addresses), .ttl = ttl, .detail = ""};
}

// Both families' answers as one; at least one of them has addresses.
AddressAnswer Join(Records v4, Records v6) {
  const bool both = v4.status == v6.status;
  const Duration ttl = both                              ? std::min(v4.ttl, v6.ttl)
                       : v4.status == ResolveStatus::kOk ? v4.ttl
                                                         : v6.ttl;
  std::vector<SocketAddress> addresses = std::move(v4.addresses);
  addresses.insert(addresses.end(), v6.addresses.begin(), v6.addresses.end());
  AddressAnswer answer = Found(std::move(addresses), ttl);
  if (Failed(v4)) answer.failed_family = AF_INET;
  if (Failed(v6)) answer.failed_family = AF_INET6;
  return answer;
}

// The names to try one after the other. A name with a trailing dot is taken as it is; one with few
// dots is tried within the search list first (resolv.conf(5), ndots).
std::vector<std::string> Candidates(const std::string& name, int ndots,
                                    const std::vector<std::string>& domains) {
  if (name.ends_with('.')) return {name};
  std::vector<std::string> candidates;
  for (const std::string& domain : domains) candidates.push_back(name + "." + domain);
  const bool as_it_is_first = std::ranges::count(name, '.') >= ndots;
  candidates.insert(as_it_is_first ? candidates.begin() : candidates.end(), name);
  return candidates;
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

}  // namespace

// One call of Resolve or ResolveSrv. As a task it is queued from when it has its answer, which is
// how callbacks come from the loop even where c-ares answers at once, and never from inside c-ares.
class CaresResolver::Lookup final : public Task {
 public:
  Lookup(CaresResolver* resolver, std::string name, uint16_t port, Callback callback)
      : resolver(resolver),
        name(std::move(name)),
        port(port),
        callback(std::move(callback)),
        parts{{this, ns_t_a}, {this, ns_t_aaaa}} {}
  Lookup(CaresResolver* resolver, std::string name, SrvCallback callback)
      : resolver(resolver),
        name(std::move(name)),
        port(0),
        callback(std::move(callback)),
        parts{{this, ns_t_srv}} {}

  enum class State : uint8_t { kWaiting, kAsked, kAnswered };
  // The question for one type of record, of the current candidate.
  struct Part {
    Lookup* lookup;
    int type;
    Records records = {};
  };

  bool srv() const { return std::holds_alternative<SrvCallback>(callback); }

  CaresResolver* const resolver;
  const std::string name;
  const uint16_t port;
  std::variant<Callback, SrvCallback> callback;
  State state = State::kWaiting;
  std::vector<std::string> candidates;
  size_t next_candidate = 0;
  std::vector<Part> parts;
  size_t unanswered = 0;  // of the parts
  std::variant<AddressAnswer, SrvAnswer> answer;
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

  static void OnAnswer(void* data, int status, int /*timeouts*/, unsigned char* message,
                       int length) {
    Lookup::Part& part = *static_cast<Lookup::Part*>(data);
    Lookup& lookup = *part.lookup;
    // What a closing channel says is no answer.
    if (lookup.resolver->closing_) return;
    HOLDFAST_CHECK(lookup.unanswered > 0);
    part.records =
        status == ARES_SUCCESS ? Parse(part.type, message, length, lookup.port) : Failure(status);
    if (--lookup.unanswered == 0) lookup.resolver->Conclude(lookup);
  }

  // Called before ares_getaddrinfo returns: nothing but a file is read.
  static void OnFiles(void* data, int status, int /*timeouts*/, ares_addrinfo* result) {
    const std::unique_ptr<ares_addrinfo, FreeAddrinfo> info(result);
    Lookup& lookup = *static_cast<Lookup*>(data);
    if (status != ARES_SUCCESS || info->nodes == nullptr) return;
    std::vector<SocketAddress> addresses;
    for (const ares_addrinfo_node* node = info->nodes; node != nullptr; node = node->ai_next) {
      addresses.push_back(ToAddress(node->ai_addr, lookup.port));
    }
    lookup.resolver->Finish(lookup, Found(std::move(addresses), kHostsTtl));
  }
};

CaresResolver::CaresResolver(EventLoop* loop, CaresOptions options)
    : loop_(loop), options_(std::move(options)), config_checked_(loop->now()) {
  HOLDFAST_CHECK(options_.attempts >= 1 && options_.timeout > Duration::zero());
  HOLDFAST_CHECK(ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS);
  config_stamp_ = StampOf(options_.resolv_conf);
  OpenChannel();
  files_ = OpenFiles();
}

CaresResolver::~CaresResolver() {
  CloseChannel();
  ares_destroy(files_);
  HOLDFAST_CHECK(sockets_.empty());
  ares_library_cleanup();
}

void CaresResolver::Resolve(const std::string& name, uint16_t port, Callback callback) {
  Lookup& lookup = Add(std::make_unique<Lookup>(this, name, port, std::move(callback)));
  if (const auto literal = SocketAddress::FromIp(name, port)) {
    Finish(lookup, Found({*literal}, Duration::max()));
    return;
  }
  Enqueue(lookup);
}

void CaresResolver::ResolveSrv(const std::string& name, SrvCallback callback) {
  Enqueue(Add(std::make_unique<Lookup>(this, name, std::move(callback))));
}

CaresResolver::Lookup& CaresResolver::Add(std::unique_ptr<Lookup> lookup) {
  lookups_.push_back(std::move(lookup));
  lookups_.back()->self = std::prev(lookups_.end());
  return *lookups_.back();
}

void CaresResolver::Enqueue(Lookup& lookup) {
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
  OpenChannel();
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

// c-ares passes over files that it cannot read, so that nothing but memory can be wanting.
void CaresResolver::OpenChannel() {
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
  HOLDFAST_CHECK(ares_init_options(&channel_, &options, mask) == ARES_SUCCESS);
  if (!options_.servers.empty()) {
    std::vector<ares_addr_port_node> servers = ToServerList(options_.servers);
    HOLDFAST_CHECK(ares_set_servers_ports(channel_, servers.data()) == ARES_SUCCESS);
  }
  ares_options present{};
  int present_mask = 0;
  HOLDFAST_CHECK(ares_save_options(channel_, &present, &present_mask) == ARES_SUCCESS);
  ndots_ = present.ndots;
  search_.assign(present.domains, present.domains + present.ndomains);
  ares_destroy_options(&present);
}

// A channel that looks into /etc/hosts and never has a question to send.
ares_channeldata* CaresResolver::OpenFiles() {
  char lookups[] = "f";
  ares_options options{};
  options.lookups = lookups;
  ares_channel channel = nullptr;
  HOLDFAST_CHECK(ares_init_options(&channel, &options, ARES_OPT_LOOKUPS) == ARES_SUCCESS);
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
  HOLDFAST_CHECK(lookup.state == Lookup::State::kAsked);
  lookup.candidates = Candidates(lookup.name, ndots_, search_);
  lookup.next_candidate = 0;
  if (!lookup.srv()) AskFiles(lookup);
  if (lookup.state == Lookup::State::kAsked) AskNext(lookup);
}

void CaresResolver::AskFiles(Lookup& lookup) {
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  // Sorting would open a socket per address to rank it; every address becomes an endpoint.
  hints.ai_flags = ARES_AI_NOSORT;
  const std::string_view name = lookup.name;
  const std::string relative(name.substr(0, name.size() - (name.ends_with('.') ? 1 : 0)));
  ares_getaddrinfo(files_, relative.c_str(), nullptr, &hints, &Hooks::OnFiles, &lookup);
}

// Any of the calls may bring its answer at once, and the last one the next candidate or the end.
void CaresResolver::AskNext(Lookup& lookup) {
  HOLDFAST_CHECK(!closing_ && lookup.next_candidate < lookup.candidates.size());
  const std::string& name = lookup.candidates[lookup.next_candidate++];
  lookup.unanswered = lookup.parts.size();
  for (Lookup::Part& part : lookup.parts) {
    ares_query(channel_, name.c_str(), ns_c_in, part.type, &Hooks::OnAnswer, &part);
  }
}

// A failure ends the search: a name further on might be somebody else's.
void CaresResolver::Conclude(Lookup& lookup) {
  std::vector<Lookup::Part>& parts = lookup.parts;
  const auto has = [&parts](const auto& test) {
    return std::ranges::find_if(parts, test, &Lookup::Part::records);
  };
  const auto found =
      has([](const Records& records) { return records.status == ResolveStatus::kOk; });
  const auto failed = has(Failed);
  if (found == parts.end() && failed == parts.end() &&
      lookup.next_candidate < lookup.candidates.size()) {
    return AskNext(lookup);
  }
  // That a name does not exist is said for all types alike.
  Records& telling = failed != parts.end() ? failed->records : parts.front().records;
  if (lookup.srv()) {
    Finish(lookup,
           SrvAnswer{telling.status, std::move(telling.services), telling.ttl, telling.detail});
  } else if (found != parts.end()) {
    Finish(lookup, Join(std::move(parts[0].records), std::move(parts[1].records)));
  } else {
    Finish(lookup,
           AddressAnswer{.status = telling.status, .addresses = {}, .detail = telling.detail});
  }
}

void CaresResolver::Finish(Lookup& lookup, std::variant<AddressAnswer, SrvAnswer> answer) {
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
  // Either may destroy this.
  if (done->srv()) {
    std::get<SrvCallback>(done->callback)(std::get<SrvAnswer>(std::move(done->answer)));
  } else {
    std::get<Callback>(done->callback)(std::get<AddressAnswer>(std::move(done->answer)));
  }
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
