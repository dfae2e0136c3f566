#ifndef HOLDFAST_TESTS_SUPPORT_AUTO_UPSTREAM_H_
#define HOLDFAST_TESTS_SUPPORT_AUTO_UPSTREAM_H_

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/support/http_message.h"
#include "tests/support/wire.h"

namespace holdfast::support {

// An origin that answers by itself, for tests whose subject is elsewhere: threads of its own
// accept connections and hand each request to a function of the test.
//
// Any thread may ask it questions. The handler runs on the connections' threads, so what it shares
// with the test is the test's to guard. Destruction closes every connection and joins.
class AutoUpstream {
 public:
  struct Reply {
    std::string bytes;  // head and body as they go out
    bool close = false;
  };
  using Handler = std::function<Reply(const Message& request)>;

  // Answers every request with 200 and `body`.
  explicit AutoUpstream(std::string body = "hello", std::string_view bind = "127.0.0.1:0");
  explicit AutoUpstream(Handler handler, std::string_view bind = "127.0.0.1:0");
  ~AutoUpstream();
  AutoUpstream(const AutoUpstream&) = delete;
  AutoUpstream& operator=(const AutoUpstream&) = delete;

  const std::string& address() const { return address_; }
  int accepted() const { return accepted_; }
  int requests() const { return requests_; }

 private:
  void AcceptAll();
  void Serve(WireSocket* connection);

  Handler handler_;
  const Wire wire_ = CurrentWire();
  int listener_;
  std::string address_;
  std::atomic<int> accepted_ = 0;
  std::atomic<int> requests_ = 0;
  int wake_[2];                           // a pipe: closing its end tells every thread to stop
  std::vector<std::thread> connections_;  // the acceptor's, until it is joined
  std::thread acceptor_;
};

}  // namespace holdfast::support

#endif  // HOLDFAST_TESTS_SUPPORT_AUTO_UPSTREAM_H_
