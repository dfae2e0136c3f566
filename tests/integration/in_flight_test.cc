// How many requests of a route may be under way at a time, over all workers: who waits, who is
// served in which order, and that every place is given back, whichever way its request ends.

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/gateway/http2/support/http2_client.h"
#include "tests/support/auto_upstream.h"
#include "tests/support/deadline.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_hop.h"
#include "tests/support/temp_dir.h"

namespace holdfast::support {
namespace {

constexpr std::string_view kInFlight = "holdfast_route_in_flight";
constexpr std::string_view kWaiting = "holdfast_route_in_flight_waiting";
constexpr std::string_view kResults = "holdfast_in_flight_requests_total";

// An origin that keeps each request until it is let go, and remembers how many it had at a time and
// in which order they came.
class HoldingOrigin {
 public:
  ~HoldingOrigin() { Open(); }

  const std::string& address() const { return upstream_.address(); }
  // Lets as many go, of those that are here or are still to come.
  void LetGo(int requests) {
    const std::lock_guard lock(mutex_);
    allowed_ += requests;
    changed_.notify_all();
  }
  // From now on all go at once.
  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  int most() {
    const std::lock_guard lock(mutex_);
    return most_;
  }
  // Waits until so many have come in all.
  void AwaitArrived(size_t requests) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kPatience, [&] { return order_.size() >= requests; }))
        << order_.size() << " have come";
  }
  std::vector<std::string> order() {
    const std::lock_guard lock(mutex_);
    return order_;
  }

 private:
  AutoUpstream::Reply Serve(const Message& request) {
    std::unique_lock lock(mutex_);
    order_.push_back(request.Target());
    most_ = std::max(most_, ++present_);
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_ || allowed_ > 0; });
    if (!open_) --allowed_;
    --present_;
    return {.bytes = OkResponse(request.Target())};
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> order_;
  int present_ = 0;
  int most_ = 0;
  int allowed_ = 0;
  bool open_ = false;
  AutoUpstream upstream_{[this](const Message& request) { return Serve(request); }};
};

class InFlightTest : public testing::Test {
 protected:
  GatewayConfig Config(const std::string& max_in_flight, const std::string& workers) const {
    return {.endpoints = {origin_.address()},
            .route = "max_in_flight: " + max_in_flight,
            .routes = Marked("none"),
            .workers = workers};
  }
  // A route by which a worker tells which configuration it has.
  static std::string Marked(const std::string& mark) {
    return "- {name: mark, match: {path: /mark}, respond: {body: " + mark + "}}\n";
  }
  static void AwaitUnderWay(const GatewayProcess& gateway, int held, int waiting) {
    gateway.AwaitMetric(kInFlight, {{"route", "web"}}, held);
    gateway.AwaitMetric(kWaiting, {{"route", "web"}}, waiting);
  }
  static void AwaitResult(const GatewayProcess& gateway, std::string_view result, int requests) {
    gateway.AwaitMetric(kResults, {{"route", "web"}, {"result", std::string(result)}}, requests);
  }
  // A client whose request is on its way, or waits.
  static RawClient Asking(const GatewayProcess& gateway, std::string_view target = "/") {
    RawClient client(gateway.address());
    client.Send(GetRequest(target));
    return client;
  }
  static void ExpectRefused(const Message& answer, const std::string& reason) {
    EXPECT_EQ(answer.Status(), 503);
    EXPECT_NE(answer.Value("retry-after"), "");
    EXPECT_NE(answer.body.find("reason: " + reason + "\n"), std::string::npos) << answer.body;
  }

  // From now on with this rule, whichever worker is asked.
  static void Use(const std::string& max_in_flight, const std::string& mark, GatewayConfig* config,
                  GatewayProcess* gateway) {
    config->route = "max_in_flight: " + max_in_flight;
    config->routes = Marked(mark);
    gateway->Reload(config->Text());
    constexpr int kEnough = 100;  // for each worker to be among those that are asked
    const Deadline deadline;
    for (int marked = 0; marked < kEnough && !deadline.passed();) {
      RawClient client(gateway->address());
      marked = client.Get("/mark").body == mark ? marked + 1 : 0;
    }
    EXPECT_FALSE(deadline.passed());
  }

  HoldingOrigin origin_;
};

TEST_F(InFlightTest, NoMoreThanThatAreUnderWayAndAllAreServed) {
  GatewayProcess gateway(Config("{requests: 3, queue: {size: 100, timeout: 60s}}", "4"));
  std::vector<RawClient> clients;
  for (int i = 0; i < 16; ++i) clients.push_back(Asking(gateway));
  AwaitUnderWay(gateway, 3, 13);
  origin_.AwaitArrived(3);
  for (int i = 1; i <= 13; ++i) {
    origin_.LetGo(1);
    origin_.AwaitArrived(static_cast<size_t>(3 + i));
    AwaitUnderWay(gateway, 3, 13 - i);
  }
  origin_.Open();
  for (RawClient& client : clients) EXPECT_EQ(client.Response().Status(), 200);
  AwaitUnderWay(gateway, 0, 0);
  EXPECT_EQ(origin_.most(), 3);
  AwaitResult(gateway, "at_once", 3);
  AwaitResult(gateway, "waited", 13);
}

TEST_F(InFlightTest, NobodyIsForgottenInARush) {
  constexpr int kClients = 12;
  constexpr int kRequests = 50;
  GatewayProcess gateway(Config("{requests: 2, queue: {size: 100, timeout: 60s}}", "4"));
  origin_.Open();
  std::vector<std::thread> threads;
  for (int i = 0; i < kClients; ++i) {
    threads.emplace_back([&] {
      RawClient client(gateway.address());
      for (int j = 0; j < kRequests; ++j) EXPECT_EQ(client.Get("/").Status(), 200);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(origin_.most(), 2);
  AwaitUnderWay(gateway, 0, 0);
  AwaitResult(gateway, "full", 0);
  AwaitResult(gateway, "timeout", 0);
}

TEST_F(InFlightTest, ThoseOfAWorkerAreServedInTheOrderInWhichTheyCame) {
  GatewayProcess gateway(Config("{requests: 1, queue: {timeout: 60s}}", "1"));
  std::vector<RawClient> clients;
  std::vector<std::string> order;
  for (int i = 0; i < 6; ++i) {
    order.push_back("/" + std::to_string(i));
    clients.push_back(Asking(gateway, order.back()));
    AwaitUnderWay(gateway, 1, i);
  }
  origin_.Open();
  for (size_t i = 0; i < clients.size(); ++i) EXPECT_EQ(clients[i].Response().body, order[i]);
  EXPECT_EQ(origin_.order(), order);
  EXPECT_EQ(origin_.most(), 1);
}

TEST_F(InFlightTest, WhoFindsTheQueueFullIsRefusedAtOnce) {
  GatewayProcess gateway(Config("{requests: 1, queue: {size: 2, timeout: 60s}}", "4"));
  std::vector<RawClient> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(Asking(gateway));
    AwaitUnderWay(gateway, 1, i);
  }
  for (int i = 0; i < 5; ++i) {
    RawClient client(gateway.address());
    ExpectRefused(client.Get("/"), "in_flight_full");
    EXPECT_EQ(client.Get("/local").Status(), 200) << "the connection stays, and other routes go on";
  }
  AwaitResult(gateway, "full", 5);
  origin_.Open();
  for (RawClient& client : clients) EXPECT_EQ(client.Response().Status(), 200);
}

TEST_F(InFlightTest, WithoutAQueueNobodyWaits) {
  GatewayProcess gateway(Config("{requests: 1, queue: {size: 0}}", "2"));
  RawClient first = Asking(gateway);
  AwaitUnderWay(gateway, 1, 0);
  RawClient second(gateway.address());
  ExpectRefused(second.Get("/"), "in_flight_full");
  origin_.Open();
  EXPECT_EQ(first.Response().Status(), 200);
  AwaitUnderWay(gateway, 0, 0);
  EXPECT_EQ(second.Get("/").Status(), 200);
}

TEST_F(InFlightTest, AWaitHasAnEnd) {
  GatewayProcess gateway(Config("{requests: 1, queue: {timeout: 200ms}}", "2"));
  RawClient first = Asking(gateway);
  AwaitUnderWay(gateway, 1, 0);
  RawClient second(gateway.address());
  ExpectRefused(second.Get("/"), "in_flight_timeout");
  AwaitResult(gateway, "timeout", 1);
  AwaitUnderWay(gateway, 1, 0);
  origin_.Open();
  EXPECT_EQ(first.Response().Status(), 200);
  AwaitUnderWay(gateway, 0, 0);
  EXPECT_EQ(second.Get("/").Status(), 200);
}

TEST_F(InFlightTest, AClientThatLeavesWhileItWaitsIsNotServed) {
  GatewayProcess gateway(Config("{requests: 1, queue: {size: 1, timeout: 60s}}", "2"));
  RawClient first = Asking(gateway);
  AwaitUnderWay(gateway, 1, 0);
  RawClient leaver = Asking(gateway, "/left");
  AwaitUnderWay(gateway, 1, 1);
  leaver.Reset();
  AwaitUnderWay(gateway, 1, 0);
  AwaitResult(gateway, "left", 1);
  RawClient next = Asking(gateway, "/next");
  AwaitUnderWay(gateway, 1, 1);
  origin_.Open();
  EXPECT_EQ(first.Response().Status(), 200);
  EXPECT_EQ(next.Response().Status(), 200);
  EXPECT_EQ(origin_.order(), (std::vector<std::string>{"/", "/next"}));
  AwaitUnderWay(gateway, 0, 0);
}

TEST_F(InFlightTest, StreamsOfOneConnectionAreRequestsLikeAnyOther) {
  GatewayConfig config = Config("{requests: 2, queue: {size: 3, timeout: 60s}}", "2");
  config.listener = "protocols: [h2, h1]";
  GatewayProcess gateway(config);
  Http2Client client(gateway.address());
  std::vector<int32_t> streams;
  for (int i = 0; i < 5; ++i) streams.push_back(client.Send({.path = "/" + std::to_string(i)}));
  client.Flush();
  AwaitUnderWay(gateway, 2, 3);
  origin_.AwaitArrived(2);
  const Http2Response refused = client.Get("/more");
  EXPECT_EQ(refused.Status(), 503);
  EXPECT_NE(refused.body.find("reason: in_flight_full\n"), std::string::npos) << refused.body;
  client.Reset(streams[3], /*CANCEL*/ 8);
  client.Flush();
  AwaitUnderWay(gateway, 2, 2);
  client.Reset(streams[0], /*CANCEL*/ 8);
  client.Flush();
  AwaitUnderWay(gateway, 2, 1);
  origin_.Open();
  for (const size_t i : {1, 2, 4}) EXPECT_EQ(client.Await(streams[i]).Status(), 200) << i;
  AwaitUnderWay(gateway, 0, 0);
  AwaitResult(gateway, "left", 1);
}

TEST_F(InFlightTest, AReloadWithOtherNumbersGoesOnCounting) {
  GatewayConfig config = Config("{requests: 1, queue: {size: 5, timeout: 60s}}", "4");
  GatewayProcess gateway(config);
  std::vector<RawClient> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(Asking(gateway));
  AwaitUnderWay(gateway, 1, 5);
  Use("{requests: 4, queue: {size: 2, timeout: 60s}}", "one", &config, &gateway);
  AwaitUnderWay(gateway, 4, 2);
  origin_.AwaitArrived(4);
  RawClient refused(gateway.address());
  ExpectRefused(refused.Get("/"), "in_flight_full");
  Use("{requests: 2, queue: {timeout: 60s}}", "two", &config, &gateway);
  origin_.LetGo(2);
  AwaitUnderWay(gateway, 2, 2);
  clients.push_back(Asking(gateway));
  AwaitUnderWay(gateway, 2, 3);
  origin_.LetGo(1);
  AwaitUnderWay(gateway, 2, 2);
  EXPECT_EQ(origin_.most(), 4);
  origin_.Open();
  for (RawClient& client : clients) EXPECT_EQ(client.Response().Status(), 200);
  AwaitUnderWay(gateway, 0, 0);
}

// Those that wait for a place of a limit that is no more still get one.
TEST_F(InFlightTest, AReloadWithoutItLetsTheNextOnesPass) {
  GatewayConfig config = Config("{requests: 1, queue: {timeout: 60s}}", "2");
  GatewayProcess gateway(config);
  RawClient first = Asking(gateway);
  AwaitUnderWay(gateway, 1, 0);
  RawClient second = Asking(gateway);
  AwaitUnderWay(gateway, 1, 1);
  Use("off", "one", &config, &gateway);
  RawClient third = Asking(gateway);
  origin_.AwaitArrived(2);
  origin_.Open();
  EXPECT_EQ(third.Response().Status(), 200);
  EXPECT_EQ(first.Response().Status(), 200);
  EXPECT_EQ(second.Response().Status(), 200);
}

TEST_F(InFlightTest, AShadowOnlyCounts) {
  GatewayProcess gateway(Config("{requests: 1, queue: {size: 0}, shadow: true}", "2"));
  std::vector<RawClient> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(Asking(gateway));
  origin_.AwaitArrived(4);
  AwaitUnderWay(gateway, 4, 0);
  AwaitResult(gateway, "at_once", 1);
  AwaitResult(gateway, "shadow", 3);
  origin_.Open();
  for (RawClient& client : clients) EXPECT_EQ(client.Response().Status(), 200);
  AwaitUnderWay(gateway, 0, 0);
}

TEST_F(InFlightTest, EachRouteHasPlacesOfItsOwn) {
  GatewayConfig config = Config("{requests: 1, queue: {size: 0}}", "1");
  config.routes =
      "- {name: other, match: {path_prefix: /other}, upstream: web, max_in_flight: {requests: 1, "
      "queue: {size: 0}}}\n"
      "- {name: free, match: {path_prefix: /free}, upstream: web}\n";
  GatewayProcess gateway(config);
  std::vector<RawClient> clients;
  for (const std::string_view target : {"/", "/other", "/free", "/free"}) {
    clients.push_back(Asking(gateway, target));
  }
  origin_.AwaitArrived(4);
  RawClient client(gateway.address());
  ExpectRefused(client.Get("/"), "in_flight_full");
  ExpectRefused(client.Get("/other"), "in_flight_full");
  const MetricsScrape scrape = gateway.Scrape();
  EXPECT_EQ(scrape.Value(kInFlight, {{"route", "other"}}), 1);
  EXPECT_FALSE(scrape.Has(kInFlight, {{"route", "free"}}));
  origin_.Open();
  for (RawClient& one : clients) EXPECT_EQ(one.Response().Status(), 200);
}

// "ann:correct horse", by htpasswd -B with a cost of 4: two things are waited for, one after the
// other.
TEST_F(InFlightTest, APlaceIsAskedForOnceItIsKnownWhoAsks) {
  const TempDir dir;
  const std::string users =
      dir.Write("users", "ann:$2y$04$.IQH/CZ9cug7KeZx18rMiuYXN6OadGpLdg0Ksu7WurmZcxz7zrkai\n");
  constexpr std::string_view kAnn = "Authorization: Basic YW5uOmNvcnJlY3QgaG9yc2U=\r\n";
  GatewayConfig config = Config("{requests: 1, queue: {size: 1, timeout: 60s}}", "2");
  config.route += ", basic_auth: {file: " + users + "}";
  GatewayProcess gateway(config);
  std::vector<RawClient> clients;
  for (int i = 0; i < 2; ++i) {
    clients.emplace_back(gateway.address()).Send(GetRequest("/", kAnn));
  }
  AwaitUnderWay(gateway, 1, 1);
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/").Status(), 401);
  ExpectRefused(client.Get("/", kAnn), "in_flight_full");
  origin_.Open();
  for (RawClient& one : clients) EXPECT_EQ(one.Response().Status(), 200);
  EXPECT_EQ(client.Get("/", kAnn).Status(), 200);
  AwaitUnderWay(gateway, 0, 0);
}

TEST_F(InFlightTest, WhoWaitsIsServedWhileTheProcessEnds) {
  GatewayConfig config = Config("{requests: 1, queue: {timeout: 60s}}", "2");
  config.drain = "{delay: 0s, timeout: 20s}";
  GatewayProcess gateway(config);
  RawClient first = Asking(gateway);
  AwaitUnderWay(gateway, 1, 0);
  RawClient second = Asking(gateway);
  AwaitUnderWay(gateway, 1, 1);
  gateway.Signal(SIGTERM);
  origin_.Open();
  EXPECT_EQ(first.Response().Status(), 200);
  EXPECT_EQ(second.Response().Status(), 200);
  EXPECT_EQ(gateway.WaitExit(), 0);
}

// With the test at both ends.
class InFlightEndsTest : public testing::Test {
 protected:
  ScriptedUpstream upstream_;
  GatewayProcess gateway_{GatewayConfig{.endpoints = {upstream_.address()},
                                        .upstream = "max_idle: 0",
                                        .route =
                                            "max_in_flight: {requests: 1, queue: {timeout: 60s}}, "
                                            "max_request_body: 10, timeouts: {first_byte: 5s}"}};

  void AwaitUnderWay(int held, int waiting) {
    gateway_.AwaitMetric(kInFlight, {{"route", "web"}}, held);
    gateway_.AwaitMetric(kWaiting, {{"route", "web"}}, waiting);
  }

  using Way = std::function<void(RawClient&)>;
  // Runs it, and then another request.
  void TryWay(std::string_view way, const Way& run) {
    SCOPED_TRACE(way);
    RawClient client(gateway_.address());
    run(client);
    AwaitUnderWay(0, 0);
    RawClient next(gateway_.address());
    next.Send(GetRequest("/"));
    upstream_.Accept().Answer(OkResponse("b"));
    EXPECT_EQ(next.Response().Status(), 200);
    AwaitUnderWay(0, 0);
  }
};

TEST_F(InFlightEndsTest, WhicheverWayTheClientEndsItTheNextIsServed) {
  const std::vector<std::pair<std::string_view, Way>> ways = {
      {"with its response",
       [&](RawClient& client) {
         client.Send(GetRequest("/"));
         upstream_.Accept().Answer(OkResponse("a"));
         EXPECT_EQ(client.Response().Status(), 200);
       }},
      {"its client leaves",
       [&](RawClient& client) {
         client.Send(GetRequest("/"));
         UpstreamConnection connection = upstream_.Accept();
         connection.Request();
         client.Reset();
       }},
      {"its client leaves within the response",
       [&](RawClient& client) {
         client.Send(GetRequest("/"));
         UpstreamConnection connection = upstream_.Accept();
         connection.Answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort");
         EXPECT_EQ(client.ReadUntil("short").substr(0, 12), "HTTP/1.1 200");
         client.Reset();
       }},
  };
  for (const auto& [way, run] : ways) TryWay(way, run);
}

TEST_F(InFlightEndsTest, WhicheverWayTheUpstreamEndsItTheNextIsServed) {
  const std::vector<std::pair<std::string_view, Way>> ways = {
      {"the response breaks off",
       [&](RawClient& client) {
         client.Send(GetRequest("/"));
         UpstreamConnection connection = upstream_.Accept();
         connection.Answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort");
         connection.Close();
         StreamEnd end;
         client.ReadToEnd(&end);
       }},
      {"the upstream breaks the framing",
       [&](RawClient& client) {
         client.Send(GetRequest("/"));
         upstream_.Accept().Answer("what is this\r\n\r\n");
         EXPECT_EQ(client.Response().Status(), 502);
       }},
      {"the upstream says nothing",
       [&](RawClient& client) {
         client.Send(GetRequest("/"));
         UpstreamConnection connection = upstream_.Accept();
         connection.Request();
         EXPECT_EQ(client.Response().Status(), 504);
       }},
      {"its body is too long",
       [&](RawClient& client) {
         EXPECT_EQ(client.Exchange(PostRequest("/", "far too long a body")).Status(), 413);
       }},
      {"it was a tunnel",
       [&](RawClient& client) {
         client.Send(GetRequest("/", "Connection: upgrade\r\nUpgrade: test\r\n"));
         UpstreamConnection connection = upstream_.Accept();
         connection.Answer(
             "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: test\r\n\r\n");
         EXPECT_EQ(client.Response().Status(), 101);
         RawClient waiting(gateway_.address());
         waiting.Send(GetRequest("/"));
         AwaitUnderWay(1, 1);
         client.Close();
         connection.Close();
         upstream_.Accept().Answer(OkResponse("b"));
         EXPECT_EQ(waiting.Response().Status(), 200);
       }},
  };
  for (const auto& [way, run] : ways) TryWay(way, run);
}

}  // namespace
}  // namespace holdfast::support
