// What clients cost that ask for nothing. The sanitizers keep memory of their own, so these run
// without them.

#include <chrono>
#include <cstddef>
#include <deque>

#include <gtest/gtest.h>

#include "tests/support/deadline.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"

namespace holdfast::support {
namespace {

constexpr size_t kClients = 4000;
// What an allocator rounds up to, and what each of the process's parts takes once.
constexpr size_t kOnce = 512 * 1024;

GatewayConfig AnswersItself() {
  return {.listener = "head_timeout: 1h",
          .routes = "- {match: {path_prefix: /}, respond: {body: hello}}"};
}

size_t Growth(const GatewayProcess& gateway, size_t before) {
  const size_t now = gateway.ResidentBytes();
  return now > before ? now - before : 0;
}

TEST(ClientMemoryTest, AnIdleClientCostsAFewHundredBytes) {
  GatewayProcess gateway(AnswersItself());
  RawClient(gateway.address()).Get("/");
  const size_t before = gateway.ResidentBytes();
  std::deque<RawClient> clients;
  for (size_t i = 0; i < kClients; ++i) {
    clients.emplace_back(gateway.address());
    ASSERT_EQ(clients.back().Get("/").body, "hello");
  }
  EXPECT_LT(Growth(gateway, before), kClients * 352 + kOnce);
}

TEST(ClientMemoryTest, AClientInTheMiddleOfItsHeadCostsLessThanAKilobyteAndNothingAfterwards) {
  GatewayProcess gateway(AnswersItself());
  RawClient(gateway.address()).Get("/");
  const size_t before = gateway.ResidentBytes();
  std::deque<RawClient> clients;
  for (size_t i = 0; i < kClients; ++i) {
    clients.emplace_back(gateway.address());
    clients.back().Send("GET /some/path HTTP/1.1\r\nHost: ");
  }
  gateway.AwaitMetric("holdfast_client_connections", {{"state", "active"}}, kClients);
  EXPECT_LT(Growth(gateway, before), kClients * 1024);
  clients.clear();
  EXPECT_TRUE(Eventually([&] { return Growth(gateway, before) <= kOnce; },
                         std::chrono::milliseconds(10'000)))
      << Growth(gateway, before);
}

}  // namespace
}  // namespace holdfast::support
