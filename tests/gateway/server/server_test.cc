#include "gateway/server/server.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/config/load.h"
#include "pool/net/clock.h"
#include "pool/net/socket.h"
#include "tests/support/auto_upstream.h"
#include "tests/support/metrics_scrape.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"
#include "tests/support/temp_dir.h"

namespace holdfast::server {
namespace {

using support::AutoUpstream;
using support::Eventually;
using support::GetRequest;
using support::Message;
using support::OkResponse;
using support::RawClient;
using support::ScriptedUpstream;
using support::UpstreamConnection;
using ::testing::AllOf;
using ::testing::HasSubstr;

// A server in this process, on a thread that stands for the main one. Its listeners are UNIX
// sockets, whose addresses a test knows beforehand.
class ServerTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { BlockSignals(); }

  void TearDown() override {
    if (!thread_.joinable()) return;
    for (int i = 0; i < 2 && exit_.wait_for(std::chrono::seconds(0)) != std::future_status::ready;
         ++i) {
      Signal(SIGTERM);
      exit_.wait_for(std::chrono::seconds(1));
    }
    thread_.join();
    // The second may have come when nobody was there to take it: it is not the next server's.
    sigset_t late;
    sigemptyset(&late);
    sigaddset(&late, SIGTERM);
    const timespec now = {};
    while (sigtimedwait(&late, nullptr, &now) > 0) {
    }
  }

  std::string edge() const { return "unix:" + dir_.Path("edge"); }
  std::string status() const { return "unix:" + dir_.Path("status"); }

  struct Shape {
    std::string drain = "{delay: 0s, timeout: 10s}";
    std::string top = "";
    std::string upstream = "";  // an address
    std::string body = "hello";
    std::string workers = "2";
  };
  std::string Text(const Shape& shape) const {
    std::string text = "workers: " + shape.workers + "\nstatus: {bind: '" + status() +
                       "'}\ndrain: " + shape.drain + "\n" + shape.top +
                       "listeners: [{name: edge, bind: '" + edge() + "'}]\n";
    if (!shape.upstream.empty()) {
      text += "upstreams: {web: {endpoints: ['" + shape.upstream + "']}}\n";
    }
    text += "routes:\n  - {match: {path: /local}, respond: {body: '" + shape.body + "'}}\n";
    if (!shape.upstream.empty()) text += "  - {upstream: web}\n";
    return text;
  }

  static config::Config Load(const std::string& text) {
    config::LoadResult loaded = config::LoadConfig(text, "test");
    EXPECT_TRUE(loaded.config.has_value()) << config::FormatDiagnostics(loaded.diagnostics);
    return loaded.config.value_or(config::Config{});
  }

  // Returns when it serves.
  void Serve(const Shape& shape) { ServeText(Text(shape)); }
  void ServeText(const std::string& text) {
    const std::string path = dir_.Write("config.yaml", text);
    std::promise<absl::Status> started;
    exit_promise_ = {};
    exit_ = exit_promise_.get_future().share();
    thread_ = std::thread([this, text, path, &started] {
      const pool::SystemClock clock;
      std::optional<Server> server;
      server.emplace(
          &clock, ServerOptions{
                      .config_path = path, .version = "1.2.3", .series_grace = pool::Duration(0)});
      const absl::Status status = server->Start(Load(text));
      started.set_value(status);
      const int code = status.ok() ? server->Run() : kExitFailure;
      server.reset();  // Its threads have ended then, and closed what they had.
      exit_promise_.set_value(code);
    });
    const absl::Status status = started.get_future().get();
    ASSERT_TRUE(status.ok()) << status;
  }

  // Why a server with this configuration does not start.
  std::string StartError(const std::string& text) {
    const pool::SystemClock clock;
    Server server(&clock, {});
    const absl::Status status = server.Start(Load(text));
    EXPECT_FALSE(status.ok());
    return std::string(status.message());
  }

  void Signal(int signal) { ASSERT_EQ(kill(getpid(), signal), 0); }
  int WaitExit() {
    if (exit_.wait_for(support::kPatience) != std::future_status::ready) return -1;
    return exit_.get();
  }

  Message Status(std::string_view path) const {
    RawClient client(status());
    return client.Get(path, "Connection: close\r\n");
  }
  double Metric(std::string_view name, const support::Labels& labels = {}) const {
    return support::MetricsScrape(Status("/metrics").body).Value(name, labels);
  }
  void Reload(const std::string& text, const char* result) {
    const support::Labels labels{{"result", result}};
    const double before = Metric("holdfast_config_reloads_total", labels);
    dir_.Write("config.yaml", text);
    Signal(SIGHUP);
    EXPECT_TRUE(Eventually([&] {
      return Metric("holdfast_config_reloads_total", labels) == before + 1;
    })) << result;
  }
  // One try; over a UNIX socket a connect is done when it returns.
  bool Accepts() const {
    bool in_progress = false;
    int error = 0;
    return pool::StartConnect(*pool::SocketAddress::Parse(edge()), &in_progress, &error).valid();
  }

  support::TempDir dir_;
  std::promise<int> exit_promise_;
  std::shared_future<int> exit_;
  std::thread thread_;
};

TEST_F(ServerTest, ServesItsConfigurationAndItsStatus) {
  AutoUpstream upstream("from upstream");
  Serve({.upstream = upstream.address()});
  RawClient client(edge());
  EXPECT_EQ(client.Get("/local").body, "hello");
  EXPECT_EQ(client.Get("/").body, "from upstream");
  EXPECT_EQ(Status("/healthz").body, "ok\n");
  EXPECT_EQ(Status("/readyz").body, "ok\n");
  EXPECT_EQ(Status("/other").Status(), 404);
  const Message metrics = Status("/metrics");
  EXPECT_EQ(metrics.Value("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(metrics.body, HasSubstr("version=\"1.2.3\",commit=\"unknown\""));
  EXPECT_EQ(Metric("holdfast_workers"), 2);
}

TEST_F(ServerTest, ATermWithNothingToDoEndsInOrder) {
  Serve(Shape{});
  Signal(SIGTERM);
  EXPECT_EQ(WaitExit(), kExitOk);
  EXPECT_FALSE(Accepts());
}

TEST_F(ServerTest, IntAndQuitDrainAsWell) {
  for (const int signal : {SIGINT, SIGQUIT}) {
    Serve(Shape{});
    Signal(signal);
    EXPECT_EQ(WaitExit(), kExitOk) << signal;
    thread_.join();
  }
}

TEST_F(ServerTest, DuringTheDelayItIsNotReadyButAcceptsAndAsksToClose) {
  Serve({.drain = "{delay: 1h, timeout: 1h}"});
  RawClient kept(edge());
  EXPECT_FALSE(kept.Get("/local").Has("connection"));
  Signal(SIGTERM);
  EXPECT_TRUE(Eventually([&] { return Status("/readyz").Status() == 503; }));
  EXPECT_EQ(Status("/readyz").body, "503 Service Unavailable\nreason: draining\n");
  EXPECT_EQ(Status("/healthz").Status(), 200);
  // Each worker hears of it a moment later.
  EXPECT_TRUE(Eventually([&] { return kept.Get("/local").Value("connection") == "close"; }));
  EXPECT_TRUE(Eventually([&] {
    RawClient late(edge());
    return late.Get("/local").Value("connection") == "close";
  }));
}

TEST_F(ServerTest, ASecondSignalStopsAtOnce) {
  Serve({.drain = "{delay: 1h, timeout: 1h}"});
  Signal(SIGTERM);
  EXPECT_TRUE(Eventually([&] { return Status("/readyz").Status() == 503; }));
  Signal(SIGINT);
  EXPECT_EQ(WaitExit(), kExitDrainDeadline);
}

TEST_F(ServerTest, TheDrainFinishesWhatIsInFlight) {
  ScriptedUpstream upstream;
  Serve({.upstream = upstream.address()});
  RawClient idle(edge());
  EXPECT_EQ(idle.Get("/local").body, "hello");
  RawClient busy(edge());
  busy.Send(GetRequest("/"));
  UpstreamConnection connection = upstream.Accept();
  connection.Request();
  Signal(SIGTERM);
  idle.ExpectClosed();
  EXPECT_TRUE(Eventually([&] { return !Accepts(); }));
  connection.Send(OkResponse("finished"));
  const Message response = busy.Response();
  EXPECT_EQ(response.body, "finished");
  EXPECT_EQ(response.Value("connection"), "close");
  EXPECT_EQ(WaitExit(), kExitOk);
}

TEST_F(ServerTest, TheDeadlineCutsOffWhatIsLeft) {
  ScriptedUpstream upstream;
  Serve({.drain = "{delay: 0s, timeout: 50ms}", .upstream = upstream.address()});
  RawClient busy(edge());
  busy.Send(GetRequest("/"));
  UpstreamConnection connection = upstream.Accept();
  connection.Request();
  Signal(SIGTERM);
  EXPECT_EQ(WaitExit(), kExitDrainDeadline);
  support::StreamEnd end;
  busy.ReadToEnd(&end);
  EXPECT_NE(end, support::StreamEnd::kOpen);
}

TEST_F(ServerTest, AReloadKeepsConnectionsAndWarmPools) {
  AutoUpstream upstream("from upstream");
  Serve({.upstream = upstream.address(), .workers = "1"});
  RawClient client(edge());
  EXPECT_EQ(client.Get("/").body, "from upstream");
  EXPECT_EQ(client.Get("/local").body, "hello");
  Reload(Text({.upstream = upstream.address(), .body = "changed", .workers = "1"}), "success");
  EXPECT_EQ(client.Get("/local").body, "changed");
  EXPECT_EQ(client.Get("/").body, "from upstream");
  EXPECT_EQ(upstream.accepted(), 1);
  EXPECT_EQ(Metric("holdfast_config_last_reload_successful"), 1);
}

TEST_F(ServerTest, TheSeriesOfWhatAReloadRemovedGo) {
  AutoUpstream upstream("from upstream");
  std::string text = Text({.upstream = upstream.address()});
  Serve({.upstream = upstream.address()});
  {
    RawClient client(edge());
    EXPECT_EQ(client.Get("/").body, "from upstream");
  }
  EXPECT_THAT(Status("/metrics").body, HasSubstr("upstream=\"web\""));
  Reload(Text(Shape{}), "success");
  EXPECT_TRUE(Eventually([&] {
    const std::string metrics = Status("/metrics").body;
    return metrics.find("upstream=\"web\"") == metrics.npos &&
           metrics.find("route=\"route-2\"") == metrics.npos;
  })) << Status("/metrics").body;
  EXPECT_THAT(Status("/metrics").body, HasSubstr("listener=\"edge\""));
  Reload(text, "success");
  RawClient client(edge());
  EXPECT_EQ(client.Get("/").body, "from upstream");
  EXPECT_EQ(Metric("holdfast_upstream_checkouts_total", {{"upstream", "web"}, {"result", "fresh"}}),
            1);
}

TEST_F(ServerTest, AsManyUpstreamsAsTheSchemaAllowsHaveTheirOwnNumbers) {
  AutoUpstream upstream;
  std::string text = Text({.upstream = upstream.address(), .workers = "1"});
  std::string more;
  for (int i = 1; i < 4096; ++i) {
    more += "  u" + std::to_string(i) + ": {endpoints: ['unix:/nowhere']}\n";
  }
  text.replace(text.find("upstreams: {web: {endpoints: ['"), 11, "upstreams:\n" + more + "  #");
  text.insert(text.find("routes:"), "  web: {endpoints: ['" + upstream.address() + "']}\n");
  ServeText(text);
  RawClient client(edge());
  EXPECT_EQ(client.Get("/").Status(), 200);
  const std::string metrics = Status("/metrics").body;
  EXPECT_EQ(support::MetricsScrape(metrics).Value("holdfast_upstream_checkouts_total",
                                                  {{"upstream", "web"}, {"result", "fresh"}}),
            1);
  EXPECT_EQ(metrics.find("upstream=\"other\""), metrics.npos);
  EXPECT_THAT(metrics, HasSubstr("upstream=\"u4095\""));
}

TEST_F(ServerTest, HowLongConnectionsAreKeptIdleIsToldAsItIs) {
  AutoUpstream upstream;
  Serve({.upstream = upstream.address()});
  const auto told = [&] { return Metric("holdfast_upstream_idle_expiry_seconds"); };
  // auto, before anything is learned
  EXPECT_TRUE(Eventually([&] { return told() == 4; }));
  std::string text = Text({.upstream = upstream.address()});
  text.insert(text.find("endpoints:"), "idle_timeout: 30s, ");
  Reload(text, "success");
  EXPECT_TRUE(Eventually([&] { return told() == 30; }));
  text.replace(text.find("30s"), 3, "off");
  Reload(text, "success");
  EXPECT_TRUE(Eventually([&] {
    return Status("/metrics").body.find("holdfast_upstream_idle_expiry_seconds{") ==
           std::string::npos;
  }));
}

TEST_F(ServerTest, AReloadOpensNewListenersAndClosesOldOnes) {
  Serve(Shape{});
  std::string text = Text(Shape{});
  text.replace(text.find(edge()), edge().size(), edge() + "2");
  Reload(text, "success");
  RawClient client(edge() + "2");
  EXPECT_EQ(client.Get("/local").body, "hello");
  EXPECT_TRUE(Eventually([&] { return !Accepts(); }));
}

TEST_F(ServerTest, AReloadMovesTheStatusListener) {
  Serve(Shape{});
  std::string text = Text(Shape{});
  text.replace(text.find(status()), status().size(), status() + "2");
  dir_.Write("config.yaml", text);
  Signal(SIGHUP);
  // The file is there a moment before somebody listens on it.
  const pool::SocketAddress moved = *pool::SocketAddress::Parse(status() + "2");
  ASSERT_TRUE(Eventually([&] {
    bool in_progress = false;
    int error = 0;
    return pool::StartConnect(moved, &in_progress, &error).valid();
  }));
  RawClient client(status() + "2");
  EXPECT_EQ(client.Get("/healthz").body, "ok\n");
}

TEST_F(ServerTest, ABadFileKeepsTheOldConfiguration) {
  Serve(Shape{});
  RawClient client(edge());
  EXPECT_EQ(client.Get("/local").body, "hello");
  Reload("listeners: 7\n", "failure");
  EXPECT_EQ(client.Get("/local").body, "hello");
  EXPECT_EQ(Metric("holdfast_config_last_reload_successful"), 0);
  Reload(Text({.body = "mended"}), "success");
  EXPECT_EQ(client.Get("/local").body, "mended");
  EXPECT_EQ(Metric("holdfast_config_last_reload_successful"), 1);
}

// The time is that of the configuration in force: the start's, then that of the last success.
TEST_F(ServerTest, TheLoadsTimeIsThatOfTheConfigurationInForce) {
  constexpr std::string_view kTime = "holdfast_config_last_reload_timestamp_seconds";
  const pool::SystemClock clock;
  const auto now = [&clock] {
    return static_cast<double>(
        std::chrono::duration_cast<std::chrono::seconds>(clock.WallNow().time_since_epoch())
            .count());
  };
  const double before = now();
  Serve(Shape{});
  EXPECT_GE(Metric(kTime), before) << "set by the start";
  // Long enough for a change to show.
  ASSERT_TRUE(Eventually([&] { return now() > Metric(kTime); }));
  const double started = Metric(kTime);
  Reload("listeners: 7\n", "failure");
  EXPECT_EQ(Metric(kTime), started) << "a failure changes nothing";
  Reload(Text({.body = "mended"}), "success");
  EXPECT_GT(Metric(kTime), started);
}

TEST_F(ServerTest, AMissingFileKeepsTheOldConfiguration) {
  Serve(Shape{});
  ASSERT_EQ(unlink(dir_.Path("config.yaml").c_str()), 0);
  Signal(SIGHUP);
  EXPECT_TRUE(Eventually([&] {
    return Metric("holdfast_config_reloads_total", {{"result", "failure"}}) == 1;
  }));
  RawClient client(edge());
  EXPECT_EQ(client.Get("/local").body, "hello");
}

TEST_F(ServerTest, AListenerThatCannotBeBoundKeepsTheOldConfiguration) {
  ScriptedUpstream occupied;
  Serve(Shape{});
  std::string text = Text({.body = "changed"});
  text.replace(text.find(edge()), edge().size(), occupied.address());
  Reload(text, "failure");
  RawClient client(edge());
  EXPECT_EQ(client.Get("/local").body, "hello");
}

TEST_F(ServerTest, AFailureOfOnePartChangesNoOther) {
  const std::string old_log = "access_log: {path: '" + dir_.Path("old.log") + "'}\n";
  const std::string new_log = "access_log: {path: '" + dir_.Path("new.log") + "'}\n";
  const std::string bad_log = "access_log: {path: '" + dir_.Path("no/such.log") + "'}\n";
  ScriptedUpstream occupied;
  Serve({.top = old_log});

  std::string bad_status = Text({.top = new_log});
  bad_status.replace(bad_status.find(status()), status().size(), occupied.address());
  Reload(bad_status, "failure");
  std::string moved_status = Text({.top = bad_log});
  moved_status.replace(moved_status.find(status()), status().size(), status() + "2");
  Reload(moved_status, "failure");  // is seen at the old address

  RawClient client(edge());
  client.Get("/local");
  EXPECT_TRUE(Eventually([&] { return !support::ReadFile(dir_.Path("old.log")).empty(); }));
  EXPECT_EQ(support::ReadFile(dir_.Path("new.log")), "");
}

TEST_F(ServerTest, AReloadDuringTheDrainIsRefused) {
  Serve({.drain = "{delay: 1h, timeout: 1h}"});
  Signal(SIGTERM);
  EXPECT_TRUE(Eventually([&] { return Status("/readyz").Status() == 503; }));
  Reload(Text({.body = "changed"}), "failure");
}

TEST_F(ServerTest, Usr1ReopensTheAccessLog) {
  const std::string path = dir_.Path("access.log");
  const std::string rotated = dir_.Path("access.log.1");
  Serve({.top = "access_log: {path: '" + path + "'}\n"});
  RawClient client(edge());
  client.Get("/local");
  EXPECT_TRUE(Eventually([&] { return !support::ReadFile(path).empty(); }));
  ASSERT_EQ(rename(path.c_str(), rotated.c_str()), 0);
  Signal(SIGUSR1);
  struct stat file;
  EXPECT_TRUE(Eventually([&] { return stat(path.c_str(), &file) == 0; }));
  client.Get("/local");
  EXPECT_TRUE(Eventually([&] { return !support::ReadFile(path).empty(); }));
}

TEST_F(ServerTest, TheLastLinesOfTheAccessLogAreWrittenBeforeItEnds) {
  const std::string path = dir_.Path("access.log");
  Serve({.top = "access_log: {path: '" + path + "'}\n"});
  RawClient client(edge());
  for (int i = 0; i < 100; ++i) client.Get("/local");
  Signal(SIGTERM);
  EXPECT_EQ(WaitExit(), kExitOk);
  thread_.join();
  const std::string log = support::ReadFile(path);
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 100);
}

TEST_F(ServerTest, AListenerInUseIsAStartErrorThatNamesIt) {
  ScriptedUpstream occupied;
  std::string text = Text(Shape{});
  text.replace(text.find(edge()), edge().size(), occupied.address());
  EXPECT_THAT(StartError(text), AllOf(HasSubstr("listener edge"), HasSubstr(occupied.address())));
}

TEST_F(ServerTest, AStatusAddressInUseIsAStartErrorThatNamesIt) {
  ScriptedUpstream occupied;
  std::string text = Text(Shape{});
  text.replace(text.find(status()), status().size(), occupied.address());
  EXPECT_THAT(StartError(text), AllOf(HasSubstr("status"), HasSubstr(occupied.address())));
}

TEST_F(ServerTest, AnAccessLogThatCannotBeWrittenIsAStartError) {
  EXPECT_THAT(StartError(Text({.top = "access_log: {path: '/no/such/folder/log'}\n"})),
              HasSubstr("/no/such/folder/log"));
}

TEST_F(ServerTest, AStartThatFailsLeavesNothingBound) {
  StartError(Text({.top = "access_log: {path: '/no/such/folder/log'}\n"}));
  Serve(Shape{});
  EXPECT_EQ(Status("/healthz").Status(), 200);
}

TEST_F(ServerTest, CapsBeyondTheDescriptorLimitAreAStartError) {
  std::string text = Text(Shape{});
  text.replace(text.find("edge, "), 6, "edge, max_connections: 10000000, ");
  EXPECT_THAT(StartError(text), AllOf(HasSubstr("descriptor limit"), HasSubstr("10000000")));
}

TEST_F(ServerTest, EveryAddressMayBeAListenerBesideOneAddressOfItsPort) {
  const int probe = support::Listen("127.0.0.1:0");
  const std::string one = support::LocalAddress(probe);
  close(probe);
  const std::string every = "0.0.0.0" + one.substr(one.rfind(':'));
  const std::string text =
      "workers: 2\nstatus: off\n"
      "listeners: [{name: one, bind: '" +
      one + "'}, {name: every, bind: '" + every +
      "'}]\n"
      "routes:\n"
      "  - {match: {listeners: [one]}, respond: {body: one}}\n"
      "  - {match: {listeners: [every]}, respond: {body: every}}\n";
  const pool::SystemClock clock;
  Server server(&clock, {});
  const absl::Status status = server.Start(Load(text));
  ASSERT_TRUE(status.ok()) << status;
  RawClient client(one);
  EXPECT_EQ(client.Get("/").body, "one");
  RawClient other("127.0.0.2" + one.substr(one.rfind(':')));
  EXPECT_EQ(other.Get("/").body, "every");
}

TEST_F(ServerTest, StatusMayBeOnOneAddressOfAPortThatAListenerHasOnEvery) {
  const int probe = support::Listen("127.0.0.1:0");
  const std::string one = support::LocalAddress(probe);
  close(probe);
  const std::string port = one.substr(one.rfind(':'));
  const pool::SystemClock clock;
  Server server(&clock, {});
  const absl::Status status =
      server.Start(Load("workers: 1\nstatus: {bind: '" + one + "'}\nlisteners: [{bind: '0.0.0.0" +
                        port + "'}]\nroutes: [{respond: {body: every}}]\n"));
  ASSERT_TRUE(status.ok()) << status;
  RawClient client("127.0.0.2" + port);
  EXPECT_EQ(client.Get("/").body, "every");
}

}  // namespace
}  // namespace holdfast::server
