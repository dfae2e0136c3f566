// The service behind every target of tests/bench/compare: one thread, one epoll set, kept
// connections, two fixed documents. It is a benchmark tool: it understands requests without a
// body, closes no connection of its own accord, and spends as little CPU as it can.
//
//   origin PORT     serves on 127.0.0.1:PORT until SIGTERM
//     GET /small    a 70-byte text document
//     GET /large    100 KiB
//     GET /huge     1 MiB
//     GET /json     100 KiB of records in JSON

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
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::string_view kSmallBody =
    "A kept connection is a promise: the next request pays only for itself.";
static_assert(kSmallBody.size() == 70);
constexpr size_t kLargeBodyBytes = 100 * 1024;
constexpr size_t kHugeBodyBytes = 1024 * 1024;
constexpr size_t kMaxHeadBytes = 16 * 1024;
constexpr int kMaxEvents = 512;

// A whole response, head and body, formatted once; only its Date is rewritten, in place.
class Document {
 public:
  Document(const std::string& status, std::string_view body, const char* type = "text/plain")
      : bytes_("HTTP/1.1 " + status + "\r\nDate: "), date_offset_(bytes_.size()) {
    bytes_ += std::string(kDateBytes, ' ') + "\r\nContent-Type: " + type + "\r\nContent-Length: ";
    bytes_ += std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
  }

  void SetDate(const char* date) { bytes_.replace(date_offset_, kDateBytes, date, kDateBytes); }
  const std::string& bytes() const { return bytes_; }
  static constexpr size_t kDateBytes = 29;  // RFC 9110 5.6.7, IMF-fixdate

 private:
  std::string bytes_;
  const size_t date_offset_;
};

// Records as an API gives them: the same names again and again, values that differ.
std::string Json() {
  std::string text = "[";
  uint64_t random = 88172645463325252;
  for (int id = 1; text.size() < kLargeBodyBytes; ++id) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    text += R"({"id":)" + std::to_string(id) + R"(,"name":"customer )" +
            std::to_string(random % 9973) + R"(","active":)" +
            (random % 3 == 0 ? "false" : "true") + R"(,"balance":)" +
            std::to_string(random % 1'000'000) + R"(,"city":"town )" + std::to_string(random % 31) +
            R"("},)" + "\n";
  }
  text.resize(kLargeBodyBytes - 1);
  return text + "]";
}

struct Connection {
  std::string unparsed;                  // the beginning of a head whose end has not arrived
  std::vector<const Document*> pending;  // responses owed, in request order
  size_t next_pending = 0;
  size_t sent_of_next = 0;
  bool waits_for_room = false;
};

class Origin {
 public:
  explicit Origin(int listener) : listener_(listener), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    Watch(listener_, EPOLLIN, EPOLL_CTL_ADD);
  }

  [[noreturn]] void Run() {
    std::array<epoll_event, kMaxEvents> events;
    for (;;) {
      const int count = epoll_wait(epoll_, events.data(), kMaxEvents, -1);
      RefreshDate();
      for (int i = 0; i < count; ++i) {
        const int fd = events[i].data.fd;
        if (fd == listener_) Accept();
        if (fd != listener_ && !Serve(fd)) close(fd);
      }
    }
  }

 private:
  void Watch(int fd, uint32_t interest, int operation) {
    epoll_event event{};
    event.events = interest;
    event.data.fd = fd;
    epoll_ctl(epoll_, operation, fd, &event);
  }

  void RefreshDate() {
    timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec == date_second_) return;
    date_second_ = now.tv_sec;
    char text[Document::kDateBytes + 1];
    strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", gmtime(&now.tv_sec));
    for (Document* document : {&small_, &large_, &huge_, &json_, &missing_})
      document->SetDate(text);
  }

  void Accept() {
    int fd;
    while ((fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      if (static_cast<size_t>(fd) >= connections_.size()) connections_.resize(fd + 1);
      connections_[fd] = Connection();
      Watch(fd, EPOLLIN, EPOLL_CTL_ADD);
    }
  }

  // False when the connection is finished.
  bool Serve(int fd) {
    Connection& connection = connections_[fd];
    if (connection.waits_for_room) return Flush(fd, connection);
    const ssize_t got = recv(fd, input_.data(), input_.size(), 0);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return false;
    std::string_view text(input_.data(), got);
    if (!connection.unparsed.empty()) text = connection.unparsed.append(text);
    const size_t used = TakeRequests(text, connection);
    connection.unparsed = std::string(text.substr(used));
    return connection.unparsed.size() <= kMaxHeadBytes && Flush(fd, connection);
  }

  size_t TakeRequests(std::string_view text, Connection& connection) {
    size_t used = 0;
    for (;;) {
      const size_t end = text.find("\r\n\r\n", used);
      if (end == std::string_view::npos) return used;
      connection.pending.push_back(DocumentFor(text.substr(used)));
      used = end + 4;
    }
  }

  const Document* DocumentFor(std::string_view head) const {
    if (head.starts_with("GET /small ")) return &small_;
    if (head.starts_with("GET /large ")) return &large_;
    if (head.starts_with("GET /huge ")) return &huge_;
    if (head.starts_with("GET /json ")) return &json_;
    return &missing_;
  }

  bool Flush(int fd, Connection& connection) {
    size_t& next = connection.next_pending;
    while (next < connection.pending.size()) {
      const std::string& bytes = connection.pending[next]->bytes();
      const ssize_t sent = send(fd, bytes.data() + connection.sent_of_next,
                                bytes.size() - connection.sent_of_next, MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN) return false;
      if (sent < 0) return WaitForRoom(fd, connection, true);
      connection.sent_of_next += sent;
      if (connection.sent_of_next < bytes.size()) continue;
      connection.sent_of_next = 0;
      ++next;
    }
    connection.pending.clear();
    connection.next_pending = 0;
    return WaitForRoom(fd, connection, false);
  }

  // No reading while a response waits: a client that does not read is held back. Always true.
  bool WaitForRoom(int fd, Connection& connection, bool wait) {
    if (wait != connection.waits_for_room) Watch(fd, wait ? EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
    connection.waits_for_room = wait;
    return true;
  }

  const int listener_;
  const int epoll_;
  time_t date_second_ = 0;
  Document small_{"200 OK", kSmallBody};
  Document large_{"200 OK", std::string(kLargeBodyBytes, 'x')};
  Document huge_{"200 OK", std::string(kHugeBodyBytes, 'x')};
  Document json_{"200 OK", Json(), "application/json"};
  Document missing_{"404 Not Found", "no such document\n"};
  std::array<char, kMaxHeadBytes> input_;
  std::vector<Connection> connections_;  // indexed by descriptor
};

int Listen(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return -1;
  return listen(fd, SOMAXCONN) == 0 ? fd : -1;
}

}  // namespace

int main(int argc, char** argv) {
  const int port = argc == 2 ? std::atoi(argv[1]) : 0;
  if (port < 1 || port > 65535) {
    std::fputs("usage: origin PORT\n", stderr);
    return 2;
  }
  const int listener = Listen(port);
  if (listener < 0) {
    std::fprintf(stderr, "origin: cannot listen on 127.0.0.1:%d: %s\n", port, strerror(errno));
    return 1;
  }
  Origin(listener).Run();
}
