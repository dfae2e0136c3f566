// The floor under tests/bench/compare: a relay that does for each request what no gateway can leave
// out (it learns of the request, receives it, sends it on, learns of the answer, receives it, sends
// it back) and nothing else. One thread, one epoll set; each client has an upstream connection of
// its own, and both end together.
//
//   relay PORT ORIGIN_PORT    from 127.0.0.1:PORT to 127.0.0.1:ORIGIN_PORT, until SIGTERM

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace {

constexpr int kMaxEvents = 512;
constexpr size_t kReadBytes = 64 * 1024;

struct Side {
  int fd = -1;
  Side* other = nullptr;
  std::string unsent;     // what `other` sent and this socket would not take yet
  bool readable = false;  // bytes may have been left in it while `other` was full
};

struct Pair {
  Side client;
  Side upstream;

  ~Pair() {
    if (client.fd >= 0) close(client.fd);
    if (upstream.fd >= 0) close(upstream.fd);
  }
};

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

class Relay {
 public:
  Relay(int listener, int origin_port)
      : listener_(listener), origin_port_(origin_port), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    epoll_event event{};
    event.events = EPOLLIN;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event);
  }

  [[noreturn]] void Run() {
    std::array<epoll_event, kMaxEvents> events;
    for (;;) {
      const int count = epoll_wait(epoll_, events.data(), kMaxEvents, -1);
      for (int i = 0; i < count; ++i) {
        if (events[i].data.ptr == nullptr) {
          Accept();
        } else {
          Serve(*static_cast<Side*>(events[i].data.ptr), events[i].events);
        }
      }
      ended_.clear();  // no event of this turn can refer to them any more
    }
  }

 private:
  void Accept() {
    int fd;
    while ((fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
      auto pair = std::make_unique<Pair>();
      pair->client.fd = fd;
      pair->upstream.fd = Connect();
      if (pair->upstream.fd < 0) continue;
      pair->client.other = &pair->upstream;
      pair->upstream.other = &pair->client;
      Watch(pair->client);
      Watch(pair->upstream);
      const auto slot = static_cast<size_t>(fd);
      if (slot >= pairs_.size()) pairs_.resize(slot + 1);
      pairs_[slot] = std::move(pair);
    }
  }

  // On loopback this does not wait.
  int Connect() const {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = Loopback(origin_port_);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      close(fd);
      return -1;
    }
    return fd;
  }

  void Watch(Side& side) {
    const int on = 1;
    setsockopt(side.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = &side;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, side.fd, &event);
  }

  void Serve(Side& side, uint32_t events) {
    if (side.other == nullptr) return;  // ended earlier in this turn
    if ((events & EPOLLOUT) != 0 && !side.unsent.empty() && !Flush(side)) return End(side);
    if ((events & ~static_cast<uint32_t>(EPOLLOUT)) == 0) return;
    side.readable = true;
    if (!Pump(side)) End(side);
  }

  // Both answer false when the pair is finished.
  bool Flush(Side& to) {
    const ssize_t sent = send(to.fd, to.unsent.data(), to.unsent.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN;
    to.unsent.erase(0, static_cast<size_t>(sent));
    return !to.unsent.empty() || Pump(*to.other);
  }

  bool Pump(Side& from) {
    Side& to = *from.other;
    while (from.readable && to.unsent.empty()) {
      const ssize_t got = recv(from.fd, bytes_.data(), bytes_.size(), MSG_DONTWAIT);
      if (got < 0 && errno == EAGAIN) from.readable = false;
      if (got < 0) return errno == EAGAIN;
      if (got == 0) return false;
      // epoll(7), question 9: a socket that gives less than it was asked for is empty.
      from.readable = static_cast<size_t>(got) == bytes_.size();
      const ssize_t sent =
          send(to.fd, bytes_.data(), static_cast<size_t>(got), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && errno != EAGAIN) return false;
      const auto taken = static_cast<size_t>(sent < 0 ? 0 : sent);
      to.unsent.assign(bytes_.data() + taken, static_cast<size_t>(got) - taken);
    }
    return true;
  }

  void End(Side& side) {
    Side* const other = side.other;
    side.other = other->other = nullptr;
    for (const Side* each : {&side, other}) {
      const auto slot = static_cast<size_t>(each->fd);
      if (slot >= pairs_.size() || pairs_[slot] == nullptr) continue;
      if (&pairs_[slot]->client == each) ended_.push_back(std::move(pairs_[slot]));
    }
  }

  const int listener_;
  const int origin_port_;
  const int epoll_;
  std::array<char, kReadBytes> bytes_;
  std::vector<std::unique_ptr<Pair>> pairs_;  // indexed by the client's descriptor
  std::vector<std::unique_ptr<Pair>> ended_;
};

int Listen(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const sockaddr_in address = Loopback(port);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) return -1;
  return listen(fd, SOMAXCONN) == 0 ? fd : -1;
}

int ParsePort(const char* text) {
  const int port = std::atoi(text);
  return port >= 1 && port <= 65535 ? port : 0;
}

}  // namespace

int main(int argc, char** argv) {
  const int port = argc == 3 ? ParsePort(argv[1]) : 0;
  const int origin_port = argc == 3 ? ParsePort(argv[2]) : 0;
  if (port == 0 || origin_port == 0) {
    std::fputs("usage: relay PORT ORIGIN_PORT\n", stderr);
    return 2;
  }
  const int listener = Listen(port);
  if (listener < 0) {
    std::fprintf(stderr, "relay: cannot listen on 127.0.0.1:%d: %s\n", port, strerror(errno));
    return 1;
  }
  static Relay relay(listener, origin_port);
  relay.Run();
}
