#ifndef HOLDFAST_TESTS_SUPPORT_DNS_SERVER_H_
#define HOLDFAST_TESTS_SUPPORT_DNS_SERVER_H_

#include <netinet/in.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace holdfast::support {

// A name server on a free port of 127.0.0.1, UDP and TCP, that knows the records a test gives it:
// addresses of both families and services. A known name without records of the kind asked for has
// none; unknown names do not exist.
//
// Answers on a thread of its own; any thread may change what it knows.
class DnsServer {
 public:
  // How queries are met.
  enum class Mood {
    kAnswer,
    kSilent,
    kFailure,     // SERVFAIL
    kNoSuchName,  // NXDOMAIN
    kTruncated,   // over UDP with nothing but TC, over TCP with an answer
  };
  enum class Type : uint16_t { kA = 1, kAaaa = 28, kSrv = 33 };
  // RFC 2782; the target "" is the root, which stands for "no such service".
  struct Service {
    std::string target;
    uint16_t port = 0;
    uint16_t priority = 0;
    uint16_t weight = 0;
  };

  DnsServer();
  ~DnsServer();
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  // As `dns: {servers: [...]}` takes it.
  const std::string& address() const { return address_; }
  // Addresses of either family of `name`, instead of all records before.
  void Set(const std::string& name, const std::vector<std::string>& addresses, uint32_t ttl);
  // Services of `name`, instead of all records before.
  void SetServices(const std::string& name, const std::vector<Service>& services, uint32_t ttl);
  // From now on, for all queries or those for one type of record.
  void SetMood(Mood mood);
  void SetMood(Type type, Mood mood);
  // Every answer comes this much later; queries are taken meanwhile.
  void SetDelay(std::chrono::milliseconds delay) { delay_ = delay; }

  int queries() const { return queries_; }
  int tcp_queries() const { return tcp_queries_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Records {
    uint32_t ttl = 0;
    std::multimap<Type, std::string> data;  // as it goes on the wire
  };
  // An answer that waits for its time.
  struct Pending {
    int fd;
    sockaddr_in peer;  // of a datagram
    std::string bytes;
  };

  void Bind();
  void Serve();
  void ReadDatagram();
  // False when the connection has ended.
  bool ReadConnection(int fd);
  void SendDue();
  int UntilNextDue() const;  // milliseconds for poll(2)
  // Empty when there is to be none.
  std::string Answer(std::string_view query, bool tcp);
  Mood MoodFor(uint16_t type) const;

  int fd_ = -1;
  int listener_ = -1;
  int wake_[2];  // a pipe: closing its end stops the thread
  std::string address_;
  std::atomic<std::chrono::milliseconds> delay_{std::chrono::milliseconds(0)};
  std::atomic<int> queries_ = 0;
  std::atomic<int> tcp_queries_ = 0;
  std::mutex mutex_;
  std::map<std::string, Records> records_;         // guarded by mutex_
  std::map<Type, Mood> moods_;                     // guarded by mutex_; else kAnswer
  std::multimap<Clock::time_point, Pending> due_;  // the thread's
  std::vector<int> connections_;                   // the thread's
  std::thread thread_;
};

}  // namespace holdfast::support

#endif  // HOLDFAST_TESTS_SUPPORT_DNS_SERVER_H_
