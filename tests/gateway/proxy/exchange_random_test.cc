#include <sys/socket.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/proxy/exchange.h"
#include "gateway/proxy/mirror.h"
#include "tests/gateway/proxy/proxy_harness.h"

namespace holdfast::proxy {
namespace {

using metrics::Metric;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kUpgrade =
    "GET /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";
constexpr std::array<std::string_view, 16> kFromClients = {
    kGet,
    kGet,
    "GET /local HTTP/1.1\r\nHost: a\r\n\r\n",
    "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345",
    "12345",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "5\r\nworld\r\n0\r\nx-a: b\r\n\r\n",
    "0\r\nbroken\r\n\r\n",
    "POST /local HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    "GET / HTTP/1.1\r\nHo",
    "\r\n",
    kUpgrade,
};
constexpr std::string_view kSwitching =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nraw";
constexpr std::array<std::string_view, 14> kFromUpstreams = {
    kOk,
    kOk,
    kOk,
    "HTTP/1.1 204 No\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    "3\r\ndef\r\n0\r\nx-b: c\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart",
    "HTTP/1.1 200 OK\r\n\r\nuntil close",
    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    kSwitching,
    "HTTP/1.1 2",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "ok",
};

constexpr char kPlainRoutes[] =
    "- {match: {path_prefix: /local}, respond: {status: 200, body: hi}}\n"
    "  - {name: all, match: {path_prefix: /}, upstream: web, timeouts: {first_byte: 7s, "
    "stall: 8s, total: 15s}, tunnel_idle_timeout: 10s}";
// The upstream answers all: requests, questions whether they may pass, and copies.
constexpr char kGuardedRoutes[] =
    "- {match: {path_prefix: /local}, respond: {status: 200, body: hi}, max_in_flight: 1}\n"
    "  - {name: all, match: {path_prefix: /}, upstream: web, timeouts: {first_byte: 7s, "
    "stall: 8s, total: 15s}, tunnel_idle_timeout: 10s, retry: {attempts: 2, on: "
    "[connect_failure, reset, gateway_error]}, forward_auth: {upstream: web, timeout: 2s, fail: "
    "open, body: 1KiB}, buffering: {request: 8B}, max_in_flight: {requests: 2, queue: {size: 2, "
    "timeout: 2s}}, mirror: {upstream: web, timeout: 2s, max_in_flight: 3}}";
constexpr char kBufferedRoutes[] =
    "- {name: all, match: {path_prefix: /}, upstream: web, timeouts: {first_byte: 7s, stall: 8s}, "
    "buffering: {request: 8B}, max_in_flight: {requests: 1, queue: {size: 3, timeout: 4s}}, "
    "mirror: {upstream: web, timeout: 2s, max_in_flight: 1, max_body: 8B}}";

// Clients and an upstream that do at any moment whatever comes to them. Whatever that is, nothing
// may crash, and when they have gone away nothing of them may be left.
class RandomPeers {
 public:
  RandomPeers(uint64_t seed, const std::string& routes)
      : random_(seed),
        harness_(
            {.listener = "idle_timeout: 20s, head_timeout: 5s, body_timeout: 6s",
             .upstream = "max_connections: 2, queue: {size: 2, timeout: 3s}, connect_timeout: 2s",
             .routes = routes}),
        clients_(4) {
    for (Wire& client : clients_) client = harness_.Connect();
  }

  void Step() {
    Wire& client = clients_[random_.Below(static_cast<uint32_t>(clients_.size()))];
    switch (random_.Below(50)) {
      case 0: return Leave(client);
      case 1: return void(shutdown(client.fd(), SHUT_WR));
      case 2: return harness_.Advance(milliseconds(random_.Below(random_.Below(4000) + 1)));
      case 3: return Disturb();
      default: break;
    }
    switch (random_.Below(4)) {
      case 0: return ActAsUpstream();
      case 1: return client.fd() >= 0 ? void(client.SendSome(Pick(kFromClients))) : Replace(client);
      default: return harness_.Turn();
    }
  }

  void LeaveAll() {
    for (Wire& client : clients_) client.Close();
    for (Wire& upstream : upstreams_) upstream.Close();
  }
  ProxyHarness& harness() { return harness_; }

 private:
  template <size_t kCount>
  std::string_view Pick(const std::array<std::string_view, kCount>& from) {
    return from[random_.Below(kCount)];
  }
  void Replace(Wire& client) { client = harness_.Connect(); }
  void Leave(Wire& client) {
    if (client.fd() < 0) return Replace(client);
    random_.Below(2) == 0 ? client.Close() : client.Reset();
  }
  void ActAsUpstream() {
    while (true) {
      pool::FileDescriptor socket = harness_.backend.TryAccept();
      if (!socket.valid()) break;
      upstreams_.emplace_back(std::move(socket));
    }
    std::erase_if(upstreams_, [](const Wire& upstream) { return upstream.fd() < 0; });
    if (upstreams_.empty()) return;
    Wire& upstream = upstreams_[random_.Below(static_cast<uint32_t>(upstreams_.size()))];
    upstream.Pull();
    // Mostly it speaks when it is spoken to.
    if (upstream.received().empty() && random_.Below(8) != 0) return;
    const bool upgrade = upstream.Take().find("Upgrade: x") != std::string::npos;
    switch (random_.Below(16)) {
      case 0: return upstream.Close();
      case 1: return upstream.Reset();
      case 2: return void(shutdown(upstream.fd(), SHUT_WR));
      default: upstream.SendSome(upgrade ? kSwitching : Pick(kFromUpstreams));
    }
  }
  // What the worker does beside serving.
  void Disturb() {
    switch (random_.Below(30)) {
      case 0: return harness_.SetEndpoints({}, "gone");
      case 1:
      case 2: return harness_.SetEndpoints({harness_.backend.address(), refusing_});
      case 3:
      case 4: return harness_.SetEndpoints({harness_.backend.address()});
      case 7:
        if (!harness_.context.sessions.empty()) harness_.context.sessions.front()->Cut();
        return;
      case 5:
      case 6:
        harness_.Adopt(harness_.snapshot);
        harness_.listener->Configure(ProxyHarness::ListenerConfig(harness_.snapshot, 0), 0);
        return;
      default: return;
    }
  }

  pool::Random random_;
  ProxyHarness harness_;
  pool::SocketAddress refusing_ = Backend().address();
  std::vector<Wire> clients_;
  std::vector<Wire> upstreams_;
};

class RandomExchangeTest : public testing::TestWithParam<int> {
 protected:
  static void Run(const std::string& routes) {
    RandomPeers peers(static_cast<uint64_t>(GetParam()) + 1, routes);
    ProxyHarness& harness = peers.harness();
    for (int step = 0; step < 5000; ++step) {
      peers.Step();
      ASSERT_TRUE(harness.loop.timers().Validate());
    }
    peers.LeaveAll();
    for (int i = 0; i < 60; ++i) harness.Advance(seconds(1));
    ExpectNothing(harness);
  }

 private:
  static void ExpectNothing(ProxyHarness& harness) {
    EXPECT_TRUE(harness.TurnUntil([&] { return harness.context.sessions.empty(); }));
    EXPECT_TRUE(harness.AtRest());
    EXPECT_EQ(harness.listener->sessions(), 0u);
    for (const char* state : {"idle", "active"}) {
      EXPECT_EQ(harness.Level(Metric::kClientConnections, {"edge", state}), 0) << state;
    }
    EXPECT_EQ(harness.Level(Metric::kClientRequestsInFlight, {"edge"}), 0);
    EXPECT_EQ(harness.Level(Metric::kTunnels, {"web"}), 0);
    EXPECT_EQ(harness.Level(Metric::kRouteInFlight, {"all"}), 0);
    EXPECT_EQ(harness.Level(Metric::kRouteInFlightWaiting, {"all"}), 0);
    for (const route::Route& route : harness.snapshot->routes().routes()) {
      if (route.in_flight == nullptr) continue;
      EXPECT_EQ(route.in_flight->taken(), 0u) << route.name;
      EXPECT_EQ(route.in_flight->waiting(), 0u) << route.name;
    }
    EXPECT_EQ(harness.context.buffered_bytes, 0u);
    EXPECT_TRUE(harness.context.mirrors == nullptr || harness.context.mirrors->size() == 0);
    for (size_t i = 0; i < harness.cluster->endpoints(); ++i) {
      EXPECT_EQ(harness.cluster->pool(i).load(), 0u);
    }
  }
};

TEST_P(RandomExchangeTest, LeavesNothingBehind) { Run(kPlainRoutes); }

TEST_P(RandomExchangeTest, NorDoesOneThatIsGuarded) { Run(kGuardedRoutes); }

TEST_P(RandomExchangeTest, NorDoesOneThatIsBuffered) { Run(kBufferedRoutes); }

INSTANTIATE_TEST_SUITE_P(Seeds, RandomExchangeTest, testing::Range(0, 20));

}  // namespace
}  // namespace holdfast::proxy
