// One of two endpoints stops and starts again all the time, under a load of kept connections: GETs
// all succeed, and no POST is executed twice or refused without need.

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"
#include "tests/support/wire.h"

namespace holdfast::support {
namespace {

// Requests for which it is there, and then is not.
constexpr int kUp = 400;
constexpr int kDown = 400;
constexpr int kClients = 8;
constexpr int kRestarts = 10;

// What the upstreams' applications have read.
class Ledger {
 public:
  AutoUpstream::Reply Execute(const Message& request) {
    const std::lock_guard lock(mutex_);
    ++executed_[request.Method() + request.Target()];
    return {.bytes = OkResponse("done")};
  }
  int Executed(const std::string& what) {
    const std::lock_guard lock(mutex_);
    return executed_[what];
  }
  // Once nobody executes any more.
  const std::map<std::string, int>& all() const { return executed_; }

 private:
  std::mutex mutex_;
  std::map<std::string, int> executed_;
};

struct Refused {
  std::string what;
  std::string body;
};

// One client's requests until the time is over; what was not answered 200.
std::vector<Refused> RunClient(const std::string& address, int number,
                               const std::atomic<bool>& over) {
  std::vector<Refused> refused;
  RawClient client(address);
  for (int i = 0; !over; ++i) {
    const std::string target = "/" + std::to_string(number) + "/" + std::to_string(i);
    const bool post = i % 2 == 0;
    const Message response = client.Exchange(post ? PostRequest(target, "x") : GetRequest(target));
    if (response.Status() == 200) continue;
    refused.push_back({(post ? "POST" : "GET") + target, response.body});
  }
  return refused;
}

class RestartTest : public OverEachWire {};
HOLDFAST_OVER_EACH_WIRE(RestartTest);

TEST_P(RestartTest, AnEndpointThatComesAndGoesCostsNoGetAndNoSecondPost) {
  Ledger ledger;
  const auto execute = [&](const Message& request) { return ledger.Execute(request); };
  AutoUpstream steady(execute);
  // While it is not there, nobody else is.
  const std::string address = UnusedAddress();
  auto restarted = std::make_unique<AutoUpstream>(execute, address);
  GatewayProcess gateway(GatewayConfig{
      .endpoints = {steady.address(), address},
      .upstream = "outlier: off, retry_budget: off",
      .route = "retry: {attempts: 3, on: [connect_failure, unprocessed, gateway_error]}",
      .workers = "2"});

  std::atomic<bool> over = false;
  std::vector<std::vector<Refused>> refused(kClients);
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&, i] { refused[i] = RunClient(gateway.address(), i, over); });
  }
  int restarts = 0;
  while (restarts < kRestarts && !HasFailure()) {
    EXPECT_TRUE(Eventually([&] { return restarted->requests() >= kUp; }, 3 * kPatience));
    restarted.reset();
    const int before = steady.requests();
    EXPECT_TRUE(Eventually([&] { return steady.requests() >= before + kDown; }, 3 * kPatience));
    restarted = std::make_unique<AutoUpstream>(execute, address);
    ++restarts;
  }
  over = true;
  for (std::thread& client : clients) client.join();

  size_t ambiguous = 0;
  for (int number = 0; number < kClients; ++number) {
    for (const Refused& one : refused[number]) {
      EXPECT_TRUE(one.what.starts_with("POST")) << one.what << ": " << one.body;
      // Over TLS a close_notify goes before the reset of a socket that is closed with a request
      // unread.
      const bool reset = OverTls() || one.body.find("upstream_reset") != std::string::npos;
      EXPECT_TRUE(reset || ledger.Executed(one.what) == 1) << one.what << ": " << one.body;
      ++ambiguous;
    }
  }
  for (const auto& [what, times] : ledger.all()) {
    EXPECT_TRUE(times == 1 || what.starts_with("GET")) << what << " was executed " << times;
  }
  EXPECT_EQ(restarts, kRestarts);
  std::printf("%d restarts, %d requests, %zu POSTs of unknown fate\n", restarts, steady.requests(),
              ambiguous);
}

}  // namespace
}  // namespace holdfast::support
