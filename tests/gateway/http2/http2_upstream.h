#ifndef HOLDFAST_TESTS_GATEWAY_HTTP2_HTTP2_UPSTREAM_H_
#define HOLDFAST_TESTS_GATEWAY_HTTP2_HTTP2_UPSTREAM_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "pool/net/socket.h"
#include "tests/gateway/http2/scripted_server.h"

namespace holdfast::http2 {

// An upstream that speaks HTTP/2 in clear, on a thread of its own. Handlers run there.
class Http2Upstream {
 public:
  using Handler = std::function<void(ScriptedServer&, SeenRequest&)>;

  // `on_end` hears of each request that is complete, `on_head` of each head.
  explicit Http2Upstream(Handler on_end, const ServerTerms& terms = {}, Handler on_head = {});
  ~Http2Upstream();

  const std::string& address() const { return address_; }
  int accepted() const { return accepted_; }
  int live() const { return live_; }
  int requests() const { return requests_; }
  int resets() const { return resets_; }
  // Streams at a time on one connection, the most there were.
  int most_streams() const { return most_streams_; }
  // On its thread, with each connection that is open; returns when it was done.
  void ForEach(const std::function<void(ScriptedServer&)>& what);
  // Ends all connections, with resets.
  void Kill();

 private:
  struct Client {
    pool::FileDescriptor socket;
    std::unique_ptr<ScriptedServer> server;
  };

  void Run();
  void Accept();
  void RunOrder();
  void Order(std::function<void()> what);

  Handler on_end_;
  Handler on_head_;
  const ServerTerms terms_;
  pool::FileDescriptor listener_;
  pool::FileDescriptor wake_;
  std::string address_;
  std::map<int, Client> clients_;
  std::mutex mutex_;
  std::vector<std::function<void()>> orders_;
  std::atomic<bool> over_ = false;
  std::atomic<int> accepted_ = 0;
  std::atomic<int> live_ = 0;
  std::atomic<int> requests_ = 0;
  std::atomic<int> resets_ = 0;
  std::atomic<int> most_streams_ = 0;
  std::thread thread_;
};

}  // namespace holdfast::http2

#endif  // HOLDFAST_TESTS_GATEWAY_HTTP2_HTTP2_UPSTREAM_H_
