#include "gateway/server/worker.h"

#include <poll.h>

#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/config/load.h"
#include "gateway/server/listener_sockets.h"
#include "metrics/prometheus_export.h"
#include "metrics/registry.h"
#include "pool/net/clock.h"
#include "tests/support/auto_upstream.h"
#include "tests/support/metrics_scrape.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"

namespace holdfast::server {
namespace {

using support::AutoUpstream;
using support::GetRequest;
using support::Message;
using support::OkResponse;
using support::RawClient;
using support::ScriptedUpstream;
using support::UpstreamConnection;

constexpr char kListener[] = "listeners: [{name: edge, bind: '127.0.0.1:0'}]\n";
constexpr char kHello[] = "routes: [{match: {path_prefix: /}, respond: {body: hello}}]\n";

// One worker on its thread, and the test in the place of the main thread.
class WorkerTest : public testing::Test {
 protected:
  void SetUp() override {
    Worker::Callbacks callbacks;
    callbacks.on_empty = [this](size_t cut) {
      exchanges_cut_ = cut;
      empty_.set_value();
    };
    callbacks.submit_log = [this](uint32_t, std::string batch) { log_ += batch; };
    worker_ = std::make_unique<Worker>(
        &clock_, registry_.AddShard(),
        WorkerPlace{
            .index = 3, .shelves = &shelves_, .places = &places_, .passwords = &*passwords_},
        std::move(callbacks));
    worker_->Start();
  }
  void TearDown() override { End(); }

  void End() {
    if (worker_ == nullptr) return;
    worker_->mailbox().Post([worker = worker_.get()] { worker->Stop(); });
    worker_->Join();
    passwords_.reset();
    worker_.reset();
  }

  // Runs on the worker's thread; returns when it has.
  void Mail(std::function<void(Worker&)> letter) {
    std::promise<void> done;
    worker_->mailbox().Post([this, &letter, &done] {
      letter(*worker_);
      done.set_value();
    });
    ASSERT_EQ(done.get_future().wait_for(support::kPatience), std::future_status::ready);
  }

  static std::string Upstream(const std::string& endpoint) {
    return "upstreams: {web: {endpoints: ['" + endpoint + "']}}\nroutes: [{upstream: web}]\n";
  }

  // As the server publishes a configuration: with sockets for the listeners that are new.
  void Adopt(const std::string& text) {
    config::LoadResult loaded = config::LoadConfig(text, "test");
    ASSERT_TRUE(loaded.config.has_value()) << config::FormatDiagnostics(loaded.diagnostics);
    WorkerUpdate update;
    update.snapshot = std::make_shared<route::Snapshot>(std::move(*loaded.config));
    for (const config::Listener& listener : update.snapshot->config().listeners) {
      if (addresses_.contains(ListenerKey(listener))) continue;
      absl::StatusOr<BoundListener> bound = BindListener(listener, sockets_);
      ASSERT_TRUE(bound.ok()) << bound.status();
      addresses_[ListenerKey(listener)] = bound->address.ToString();
      address_ = bound->address.ToString();
      update.sockets[ListenerKey(listener)] = std::move(bound->sockets);
    }
    for (const config::Upstream& upstream : update.snapshot->config().upstreams) {
      for (const config::Endpoint& endpoint : upstream.endpoints) {
        update.endpoints[upstream.name].endpoints.push_back({{.address = *endpoint.literal}});
      }
    }
    update.shares = shares_;
    worker_->mailbox().Post([worker = worker_.get(), update = std::move(update)]() mutable {
      worker->Adopt(std::move(update));
    });
  }

  bool AwaitEmpty() {
    return empty_.get_future().wait_for(support::kPatience) == std::future_status::ready;
  }
  bool IsEmpty() {
    return empty_future_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }
  double Metric(std::string_view name, const support::Labels& labels = {}) {
    double value = 0;
    Mail([&](Worker& worker) {
      worker.PublishStats();
      value = support::MetricsScrape(metrics::ToPrometheusText(registry_)).Value(name, labels);
    });
    return value;
  }

  pool::SystemClock clock_;
  metrics::Registry registry_;
  pool::Shelves shelves_{4};
  proxy::ClientPlaces places_{4};
  std::optional<auth::PasswordChecker> passwords_{&clock_};
  WorkerShares shares_;
  size_t sockets_ = 1;        // of each listener
  size_t exchanges_cut_ = 0;  // the worker's until it is empty
  std::promise<void> empty_;
  std::future<void> empty_future_;
  std::string log_;  // the worker's until it has ended
  std::map<std::string, std::string> addresses_;
  std::string address_;  // of the last listener
  std::unique_ptr<Worker> worker_;
};

TEST_F(WorkerTest, ServesWhatItAdopted) {
  Adopt(std::string(kListener) + kHello);
  RawClient client(address_);
  EXPECT_EQ(client.Get("/").body, "hello");
  EXPECT_EQ(client.Get("/").body, "hello");
}

TEST_F(WorkerTest, ANewSnapshotIsForKeptConnectionsToo) {
  Adopt(std::string(kListener) + kHello);
  RawClient client(address_);
  EXPECT_EQ(client.Get("/").body, "hello");
  Adopt(std::string(kListener) + "routes: [{match: {path: /}, respond: {body: changed}}]\n");
  EXPECT_EQ(client.Get("/").body, "changed");
}

TEST_F(WorkerTest, AnUnchangedUpstreamKeepsItsWarmPool) {
  AutoUpstream upstream("from upstream");
  Adopt(kListener + Upstream(upstream.address()));
  RawClient client(address_);
  EXPECT_EQ(client.Get("/").body, "from upstream");
  Adopt(kListener + Upstream(upstream.address()));
  EXPECT_EQ(client.Get("/").body, "from upstream");
  EXPECT_EQ(upstream.accepted(), 1);
}

TEST_F(WorkerTest, AnExchangeEndsOnTheSnapshotItBeganOn) {
  ScriptedUpstream upstream;
  Adopt(kListener + Upstream(upstream.address()));
  RawClient client(address_);
  client.Send(GetRequest("/"));
  UpstreamConnection connection = upstream.Accept();
  connection.Request();
  Adopt(std::string(kListener) + kHello);
  connection.Send(OkResponse("old"));
  EXPECT_EQ(client.Response().body, "old");
  EXPECT_EQ(client.Get("/").body, "hello");
}

TEST_F(WorkerTest, EndpointsChangeWithoutASnapshot) {
  AutoUpstream first("first");
  AutoUpstream second("second");
  Adopt(kListener + Upstream(first.address()));
  RawClient client(address_);
  EXPECT_EQ(client.Get("/").body, "first");
  pool::EndpointSet moved;
  moved.endpoints.push_back({{.address = *pool::SocketAddress::Parse(second.address())}});
  Mail([&](Worker& worker) { worker.SetEndpoints("web", moved); });
  EXPECT_EQ(client.Get("/").body, "second");
}

TEST_F(WorkerTest, EndpointsOfAnUpstreamThatIsGoneAreIgnored) {
  Adopt(std::string(kListener) + kHello);
  Mail([](Worker& worker) { worker.SetEndpoints("web", {}); });
  RawClient client(address_);
  EXPECT_EQ(client.Get("/").body, "hello");
}

TEST_F(WorkerTest, WithoutEndpointsTheReasonIsToldAndNoName) {
  AutoUpstream upstream;
  Adopt(kListener + Upstream(upstream.address()));
  Mail([](Worker& worker) {
    worker.SetEndpoints("web", {.endpoints = {}, .note = "waiting for DNS: web"});
  });
  RawClient client(address_);
  const Message response = client.Get("/");
  EXPECT_EQ(response.Status(), 503);
  EXPECT_EQ(response.body, "503 Service Unavailable\nreason: no_endpoint\n");
}

TEST_F(WorkerTest, AListenerThatLeavesStopsAcceptingAndItsConnectionsEnd) {
  Adopt(std::string(kListener) + kHello);
  const std::string old_address = address_;
  RawClient idle(old_address);
  EXPECT_EQ(idle.Get("/").body, "hello");
  Adopt(std::string("listeners: [{name: other, bind: '127.0.0.1:0'}]\n") + kHello);
  idle.ExpectClosed();
  RawClient other(address_);
  EXPECT_EQ(other.Get("/").body, "hello");
  bool in_progress = false;
  int error = 0;
  const pool::FileDescriptor refused =
      pool::StartConnect(*pool::SocketAddress::Parse(old_address), &in_progress, &error);
  const bool connected = in_progress &&
                         support::AwaitReady(refused.get(), POLLOUT, support::Deadline()) &&
                         pool::TakeSocketError(refused.get()) == 0;
  EXPECT_FALSE(connected);
}

TEST_F(WorkerTest, TheProcesssCapOfConnectionsHolds) {
  shares_.clients = 1;
  Adopt(std::string(kListener) + kHello);
  RawClient first(address_);
  EXPECT_EQ(first.Get("/").body, "hello");
  RawClient second(address_);
  second.Send(GetRequest("/"));
  EXPECT_EQ(Metric("holdfast_client_connections"), 1);
  first.Close();
  EXPECT_EQ(second.Response().body, "hello");
}

TEST_F(WorkerTest, DrainingAsksTheClientToClose) {
  Adopt(std::string(kListener) + kHello);
  RawClient client(address_);
  EXPECT_FALSE(client.Get("/").Has("connection"));
  Mail([](Worker& worker) { worker.BeginDrain(); });
  EXPECT_EQ(client.Get("/").Value("connection"), "close");
  client.ExpectClosed();
  RawClient still_accepted(address_);
  EXPECT_EQ(still_accepted.Get("/").Value("connection"), "close");
}

TEST_F(WorkerTest, StopAcceptingClosesWhatIsIdleAndIsEmptyAfterTheLastExchange) {
  ScriptedUpstream upstream;
  Adopt(kListener + Upstream(upstream.address()));
  RawClient idle(address_);
  RawClient busy(address_);
  busy.Send(GetRequest("/"));
  UpstreamConnection connection = upstream.Accept();
  connection.Request();
  empty_future_ = empty_.get_future();
  Mail([](Worker& worker) { worker.StopAccepting(); });
  idle.ExpectClosed();
  EXPECT_FALSE(IsEmpty());
  connection.Send(OkResponse("finished"));
  const Message response = busy.Response();
  EXPECT_EQ(response.body, "finished");
  EXPECT_EQ(response.Value("connection"), "close");
  busy.ExpectClosed();
  EXPECT_EQ(empty_future_.wait_for(support::kPatience), std::future_status::ready);
}

TEST_F(WorkerTest, ClosedListenersLeaveIdleConnectionsOneMoreRequest) {
  Adopt(std::string(kListener) + kHello);
  RawClient client(address_);
  EXPECT_EQ(client.Get("/").body, "hello");
  Mail([](Worker& worker) { worker.CloseListeners(); });
  const Message last = client.Get("/");
  EXPECT_EQ(last.body, "hello");
  EXPECT_EQ(last.Value("connection"), "close");
  client.ExpectClosed();
  EXPECT_TRUE(AwaitEmpty());
}

TEST_F(WorkerTest, EmptyIsToldOnce) {
  Adopt(std::string(kListener) + kHello);
  Mail([](Worker& worker) { worker.CloseListeners(); });
  EXPECT_TRUE(AwaitEmpty());
  // A second word would throw: the promise is kept.
  Mail([](Worker& worker) { worker.StopAccepting(); });
  Mail([](Worker&) {});
}

TEST_F(WorkerTest, EverySocketOfAListenerIsAcceptedOn) {
  sockets_ = 4;
  Adopt(std::string(kListener) + kHello);
  std::vector<RawClient> clients;
  for (int i = 0; i < 64; ++i) clients.emplace_back(address_);
  for (RawClient& client : clients) EXPECT_EQ(client.Get("/").body, "hello");
}

TEST_F(WorkerTest, TheCapHoldsOverAllSocketsOfAListener) {
  sockets_ = 4;
  shares_.clients = 2;
  Adopt(std::string(kListener) + kHello);
  std::vector<RawClient> clients;
  for (int i = 0; i < 16; ++i) {
    clients.emplace_back(address_);
    clients.back().Send(GetRequest("/", "Connection: close\r\n"));
  }
  for (RawClient& client : clients) EXPECT_EQ(client.Response().body, "hello");
}

TEST_F(WorkerTest, WithoutSessionsItIsEmptyAtOnce) {
  Adopt(std::string(kListener) + kHello);
  Mail([](Worker& worker) { worker.StopAccepting(); });
  EXPECT_TRUE(AwaitEmpty());
}

TEST_F(WorkerTest, CutAllEndsWhatIsInFlight) {
  ScriptedUpstream upstream;
  Adopt(kListener + Upstream(upstream.address()));
  RawClient busy(address_);
  busy.Send(GetRequest("/"));
  UpstreamConnection connection = upstream.Accept();
  connection.Request();
  Mail([](Worker& worker) {
    worker.StopAccepting();
    worker.CutAll();
  });
  EXPECT_TRUE(AwaitEmpty());
  EXPECT_EQ(exchanges_cut_, 1u);
  support::StreamEnd end;
  busy.ReadToEnd(&end);
  EXPECT_NE(end, support::StreamEnd::kOpen);
  connection.ReadToEnd(&end);
  EXPECT_NE(end, support::StreamEnd::kOpen);
}

// Stop comes first in the last turn, and the client after it.
TEST_F(WorkerTest, WhatBeginsInItsLastTurnIsCutAndLoggedBeforeTheThreadEnds) {
  ScriptedUpstream upstream;
  Adopt("access_log: {path: stderr}\n" + (kListener + Upstream(upstream.address())));
  Mail([](Worker&) {});  // it has adopted that
  std::promise<void> waits, goes_on;
  worker_->mailbox().Post([&] {
    waits.set_value();
    goes_on.get_future().wait();
  });
  ASSERT_EQ(waits.get_future().wait_for(support::kPatience), std::future_status::ready);
  worker_->mailbox().Post([worker = worker_.get()] { worker->Stop(); });
  RawClient late(address_);
  late.Send(GetRequest("/late"));
  goes_on.set_value();
  worker_->Join();
  EXPECT_NE(log_.find("\"/late\""), std::string::npos) << log_;
  log_.clear();
  passwords_.reset();
  worker_.reset();
  EXPECT_EQ(log_, "") << "nobody would take it any more";
}

TEST_F(WorkerTest, EndingWithSessionsAtWorkClosesThemAndLogsTheirExchanges) {
  ScriptedUpstream upstream;
  Adopt("access_log: {path: stderr}\n" + (kListener + Upstream(upstream.address())));
  RawClient busy(address_);
  busy.Send(GetRequest("/cut"));
  UpstreamConnection connection = upstream.Accept();
  connection.Request();
  End();
  support::StreamEnd end;
  busy.ReadToEnd(&end);
  EXPECT_NE(end, support::StreamEnd::kOpen);
  EXPECT_NE(log_.find("\"/cut\""), std::string::npos) << log_;
}

TEST_F(WorkerTest, LinesOfTheAccessLogAreHandedOverBeforeItEnds) {
  Adopt(std::string("access_log: {path: stderr}\n") + kListener + kHello);
  RawClient client(address_);
  client.Get("/first");
  End();
  EXPECT_NE(log_.find("\"/first\""), std::string::npos) << log_;
}

TEST_F(WorkerTest, WithoutAnAccessLogNothingIsHandedOver) {
  Adopt(std::string("access_log: {path: stderr}\n") + kListener + kHello);
  Adopt(std::string(kListener) + kHello);
  RawClient client(address_);
  client.Get("/first");
  End();
  EXPECT_EQ(log_, "");
}

TEST_F(WorkerTest, TheLoopsCountsBecomeMetricsOfThisWorker) {
  Adopt(std::string(kListener) + kHello);
  RawClient client(address_);
  client.Get("/");
  const double turns = Metric("holdfast_loop_turns_total", {{"worker", "3"}});
  EXPECT_GT(turns, 0);
  EXPECT_GT(Metric("holdfast_loop_turns_total", {{"worker", "3"}}), turns);
}

TEST(ListenerKeyTest, NameAndAddressMakeAListener) {
  config::Listener listener;
  listener.name = "edge";
  listener.bind = *config::ParseBind("127.0.0.1:80");
  config::Listener moved = listener;
  moved.bind = *config::ParseBind("127.0.0.1:81");
  config::Listener renamed = listener;
  renamed.name = "other";
  EXPECT_EQ(ListenerKey(listener), ListenerKey(config::Listener(listener)));
  EXPECT_NE(ListenerKey(listener), ListenerKey(moved));
  EXPECT_NE(ListenerKey(listener), ListenerKey(renamed));
}

}  // namespace
}  // namespace holdfast::server
