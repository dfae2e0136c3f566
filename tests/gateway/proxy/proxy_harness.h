#ifndef HOLDFAST_TESTS_GATEWAY_PROXY_PROXY_HARNESS_H_
#define HOLDFAST_TESTS_GATEWAY_PROXY_PROXY_HARNESS_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/proxy/access_log.h"
#include "gateway/proxy/context.h"
#include "gateway/proxy/http1_session.h"
#include "gateway/proxy/listener.h"
#include "gateway/route/snapshot.h"
#include "metrics/registry.h"
#include "pool/cluster.h"
#include "pool/net/socket.h"
#include "tests/support/manual_clock.h"

namespace holdfast::proxy {

inline constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
inline constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
inline constexpr std::string_view kHeadEnd = "\r\n\r\n";

// The other end of one of the gateway's sockets, in the test's hands.
class Wire {
 public:
  Wire() = default;
  explicit Wire(pool::FileDescriptor socket) : socket_(std::move(socket)) {}

  // Everything; the test fails if the socket does not take it.
  void Send(std::string_view bytes);
  // What the socket takes; returns how much.
  size_t SendSome(std::string_view bytes);
  // Sends the end and goes on reading.
  void End();
  void Close() { socket_.Reset(); }
  void Reset();

  // Takes in what is there. Nothing is read that no one asked for: a client can be slow.
  void Pull();
  const std::string& received() const { return received_; }
  // All that was received since the last Take.
  std::string Take() { return std::exchange(received_, {}); }
  // After a Pull: the gateway's end, orderly or by a reset.
  bool ended() const { return ended_; }
  bool reset() const { return reset_; }
  int fd() const { return socket_.get(); }

 private:
  pool::FileDescriptor socket_;
  std::string received_;
  bool ended_ = false;
  bool reset_ = false;
};

// A service that listens; the test accepts, reads and answers.
class Backend {
 public:
  Backend();
  const pool::SocketAddress& address() const { return address_; }
  int fd() const { return listener_.get(); }
  // Invalid while nobody has connected.
  pool::FileDescriptor TryAccept();

 private:
  pool::FileDescriptor listener_;
  pool::SocketAddress address_;
};

// The configuration of a harness, in the words of the file.
struct HarnessConfig {
  std::string listener;  // more keys of the listener "edge": "idle_timeout: 5s"
  std::string upstream;  // more keys of the upstream "web"
  std::string routes = "- {name: all, match: {path_prefix: /}, upstream: web}";
};

// One worker's proxy on a manual clock: sessions on one side, a backend on the other, both over
// real sockets. Nothing happens but in Turn, and no time passes but by Advance.
class ProxyHarness {
 public:
  explicit ProxyHarness(const HarnessConfig& config = {});
  ~ProxyHarness();

  void Turn() { loop.RunOnce(pool::Duration::zero()); }
  void Turns(int n);
  // Lets time pass and fires the timers due.
  void Advance(pool::Duration step);
  // Turns until the condition holds; what the loopback delivers is there within a few turns. False
  // when it never holds.
  template <class Condition>
  [[nodiscard]] bool TurnUntil(Condition condition) {
    for (int turn = 0; turn < kMaxTurns; ++turn) {
      if (condition()) return true;
      TurnAndYield();
    }
    return condition();
  }

  // A client's new connection, over TCP.
  Wire Connect();
  Wire Connect(pool::FileDescriptor ours, pool::FileDescriptor theirs,
               std::string_view peer = "192.0.2.7:4711");
  // The next connection that the gateway opens to the backend.
  Wire Accept() { return Accept(backend); }
  Wire Accept(Backend& from);
  // What `wire` receives, once it ends with `last`.
  std::string Await(Wire& wire, std::string_view last);
  // The gateway ended this connection; what came before is in `received()`.
  bool AwaitEnd(Wire& wire);
  // A request and its response on connections that are there already.
  void Serve(Wire& client, Wire& upstream);
  // Nothing of a connection, an exchange or a body is left in memory.
  bool AtRest();

  // From now on with other endpoints.
  void SetEndpoints(const std::vector<pool::SocketAddress>& addresses, std::string note = "");
  // A view of another configuration, which listeners adopt by Configure.
  void Adopt(std::shared_ptr<const route::Snapshot> next);
  static std::shared_ptr<const route::Snapshot> Load(std::string_view text);
  // The i-th listener's configuration, sharing the snapshot's life.
  static std::shared_ptr<const config::Listener> ListenerConfig(
      const std::shared_ptr<const route::Snapshot>& from, size_t i);
  // From now on every exchange leaves a line in `log_lines`, or those that `target` is for.
  void LogExchanges(const config::AccessLog& target = {});

  // As a scrape sees it; 0 for a series that is not there.
  uint64_t Count(metrics::Metric metric, const metrics::LabelValues& labels);
  int64_t Level(metrics::Metric metric, const metrics::LabelValues& labels);
  uint64_t Closed(const std::string& reason) {
    return Count(metrics::Metric::kClientConnectionsClosedTotal, {"edge", reason});
  }
  uint64_t Retries(const std::string& decision) {
    return Count(metrics::Metric::kUpstreamRetriesTotal, {"web", decision});
  }

  pool::ManualClock clock;
  pool::EventLoop loop{&clock};
  pool::SlabPool slabs;
  pool::SocketDialer dialer{&loop, &slabs};
  pool::Random random{1};
  pool::Shelves shelves{1};
  ClientPlaces places{1};
  int troubles = 0;  // attempts that were reported as an endpoint's failure
  std::vector<pool::SocketAddress> troubled;  // the endpoint of each
  metrics::Registry registry;
  metrics::Shard* shard = registry.AddShard();
  Backend backend;
  std::string log_lines;
  std::unique_ptr<AccessLog> access_log;
  WorkerContext context{&loop, &slabs, shard, &random};
  std::shared_ptr<const route::Snapshot> snapshot;
  std::shared_ptr<pool::Cluster> cluster;
  std::unique_ptr<Listener> listener;
  pool::SocketAddress listener_address;

 private:
  static constexpr int kMaxTurns = 100'000;
  void TurnAndYield();
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_TESTS_GATEWAY_PROXY_PROXY_HARNESS_H_
