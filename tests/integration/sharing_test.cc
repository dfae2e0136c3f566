// Four workers, one pool: kept connections go where they are needed, and caps hold for all.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/http_message.h"
#include "tests/support/raw_client.h"
#include "tests/support/wire.h"

namespace holdfast::support {
namespace {

constexpr std::string_view kCheckouts = "holdfast_upstream_checkouts_total";
// However slow the machine, nobody who waits is turned away, and no connection is too old.
constexpr char kPatient[] = ", queue: {timeout: 60s}, idle_timeout: 60s";

// Counts how many requests it has at a time.
class CountingOrigin {
 public:
  explicit CountingOrigin(std::chrono::milliseconds work)
      : upstream_([this, work](const Message&) {
          const int now = ++in_flight_;
          int peak = peak_;
          while (now > peak && !peak_.compare_exchange_weak(peak, now)) {
          }
          std::this_thread::sleep_for(work);
          --in_flight_;
          return AutoUpstream::Reply{.bytes = OkResponse("x")};
        }) {}

  AutoUpstream& upstream() { return upstream_; }
  int peak() const { return peak_; }

 private:
  std::atomic<int> in_flight_ = 0;
  std::atomic<int> peak_ = 0;
  AutoUpstream upstream_;
};

std::vector<std::unique_ptr<RawClient>> Connect(const GatewayProcess& gateway, size_t count) {
  std::vector<std::unique_ptr<RawClient>> clients;
  for (size_t i = 0; i < count; ++i) {
    clients.push_back(std::make_unique<RawClient>(gateway.address()));
  }
  return clients;
}

// Each of the clients sends so many requests, all at the same time.
void Burst(const std::vector<RawClient*>& clients, int requests) {
  std::vector<std::thread> threads;
  for (RawClient* client : clients) {
    threads.emplace_back([client, requests] {
      for (int i = 0; i < requests; ++i) EXPECT_EQ(client->Get("/").Status(), 200);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

class SharingTest : public OverEachWire {};
INSTANTIATE_TEST_SUITE_P(Over, SharingTest, testing::ValuesIn(Wires(/*many_handshakes=*/true)),
                         WireName);

// In each phase other clients are busy, and so other workers.
struct Phases {
  static constexpr size_t kClients = 128;
  static constexpr size_t kBusy = 32;
  static constexpr int kPhases = 12;

  void Run() {
    const auto clients = Connect(gateway, kClients);
    std::mt19937 random(1);
    std::vector<RawClient*> order;
    for (const auto& client : clients) order.push_back(client.get());
    for (int phase = 0; phase < kPhases; ++phase) {
      std::ranges::shuffle(order, random);
      Burst({order.begin(), order.begin() + kBusy}, 20);
    }
    const MetricsScrape scrape = gateway.Scrape();
    shared = scrape.Value(kCheckouts, {{"result", "shared"}});
    reuse_ratio = scrape.Value("holdfast_upstream_reuse_ratio", {{"upstream", "web"}});
  }
  // How many are under way at the origin depends on the machine; no more than that are at all.
  bool few() { return reuse_ratio >= 0.99 && origin.upstream().accepted() <= kBusy * 1.3; }

  CountingOrigin origin{std::chrono::milliseconds(4)};
  GatewayProcess gateway{GatewayConfig{
      .endpoints = {origin.upstream().address()}, .upstream = "idle_timeout: 60s", .workers = "4"}};
  double shared = 0;
  double reuse_ratio = 0;
};

// What one worker needs no more serves the next, instead of a connection of its own for each. A
// worker that is kept from running cannot give any away, so that it is the best of a few runs that
// counts.
TEST_P(SharingTest, ConnectionsFollowTheLoadFromWorkerToWorker) {
  for (int run = 0; run < 4; ++run) {
    Phases phases;
    phases.Run();
    EXPECT_GT(phases.shared, 0);
    if (HasFailure() || phases.few()) return;
    std::printf("%d connections, peak %d, reuse ratio %g, shared %g\n",
                phases.origin.upstream().accepted(), phases.origin.peak(), phases.reuse_ratio,
                phases.shared);
  }
  ADD_FAILURE() << "in every run more connections than are needed";
}

TEST_P(SharingTest, TheCapHoldsForTheWholeProcess) {
  constexpr int kCap = 3;
  CountingOrigin origin(std::chrono::milliseconds(2));
  GatewayProcess gateway(GatewayConfig{
      .endpoints = {origin.upstream().address()},
      .upstream = "max_connections: " + std::to_string(kCap) + kPatient,
      .workers = "4",
  });
  const auto clients = Connect(gateway, 24);
  std::vector<RawClient*> all;
  for (const auto& client : clients) all.push_back(client.get());
  Burst(all, 25);
  EXPECT_LE(origin.peak(), kCap);
  EXPECT_EQ(origin.upstream().accepted(), kCap) << gateway.Scrape().text();
  EXPECT_EQ(origin.upstream().requests(), 24 * 25);
}

// Fewer than the workers: each is served in its turn.
TEST_P(SharingTest, OneConnectionServesEveryWorker) {
  CountingOrigin origin(std::chrono::milliseconds(1));
  GatewayProcess gateway(GatewayConfig{.endpoints = {origin.upstream().address()},
                                       .upstream = std::string("max_connections: 1") + kPatient,
                                       .workers = "4"});
  const auto clients = Connect(gateway, 16);
  std::vector<RawClient*> all;
  for (const auto& client : clients) all.push_back(client.get());
  Burst(all, 10);
  EXPECT_EQ(origin.peak(), 1);
  EXPECT_EQ(origin.upstream().accepted(), 1);
}

TEST_P(SharingTest, TheLimitOfIdleOnesHoldsForTheWholeProcess) {
  CountingOrigin origin(std::chrono::milliseconds(20));
  GatewayProcess gateway(GatewayConfig{
      .endpoints = {origin.upstream().address()}, .upstream = "max_idle: 2", .workers = "4"});
  const auto clients = Connect(gateway, 16);
  std::vector<RawClient*> all;
  for (const auto& client : clients) all.push_back(client.get());
  Burst(all, 3);
  EXPECT_LE(gateway.Scrape().Value("holdfast_upstream_connections", {{"state", "idle"}}), 2);
}

// However they are spread over the workers, the less busy endpoint gets the next request.
TEST_P(SharingTest, LoadIsSeenAcrossWorkers) {
  // Much slower than the way through a gateway that is sanitized.
  CountingOrigin slow(std::chrono::milliseconds(300));
  CountingOrigin fast(std::chrono::milliseconds(1));
  GatewayProcess gateway(GatewayConfig{
      .endpoints = {slow.upstream().address(), fast.upstream().address()}, .workers = "4"});
  const auto clients = Connect(gateway, 8);
  std::vector<RawClient*> all;
  for (const auto& client : clients) all.push_back(client.get());
  Burst(all, 40);
  // Two requests for each worker: a worker that saw only its own would send half of them to the
  // slow one.
  EXPECT_LT(slow.upstream().requests() * 3, fast.upstream().requests());
}

}  // namespace
}  // namespace holdfast::support
