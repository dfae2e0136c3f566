#ifndef HOLDFAST_TESTS_SUPPORT_DNS_SERVER_H_
#define HOLDFAST_TESTS_SUPPORT_DNS_SERVER_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace holdfast::support {

// A name server on a free UDP port of 127.0.0.1 that knows the A records a test gives it. AAAA
// look-ups find no records; unknown names do not exist.
//
// Answers on a thread of its own; any thread may change what it knows.
class DnsServer {
 public:
  enum class Mood { kAnswer, kSilent, kFailure };

  DnsServer();
  ~DnsServer();
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  // As `dns: {servers: [...]}` takes it.
  const std::string& address() const { return address_; }
  // IPv4 addresses of `name`, instead of those before.
  void Set(const std::string& name, std::vector<std::string> addresses, uint32_t ttl);
  // How every query is met: with an answer, not at all, or with SERVFAIL.
  void SetMood(Mood mood) { mood_ = mood; }
  int queries() const { return queries_; }

 private:
  struct Records {
    std::vector<std::string> addresses;
    uint32_t ttl = 0;
  };
  void Serve();
  std::string Answer(std::string_view query);

  int fd_;
  int wake_[2];  // a pipe: closing its end stops the thread
  std::string address_;
  std::atomic<Mood> mood_ = Mood::kAnswer;
  std::atomic<int> queries_ = 0;
  std::mutex mutex_;
  std::map<std::string, Records> records_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace holdfast::support

#endif  // HOLDFAST_TESTS_SUPPORT_DNS_SERVER_H_
