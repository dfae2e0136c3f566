// Which endpoint a request goes to.

#include <array>
#include <future>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"

namespace holdfast::support {
namespace {

TEST(BalanceTest, RoundRobinTakesTurns) {
  std::array<AutoUpstream, 3> upstreams;
  GatewayProcess gateway(GatewayConfig{
      .endpoints = {upstreams[0].address(), upstreams[1].address(), upstreams[2].address()},
      .upstream = "balance: round_robin"});
  RawClient client(gateway.address());
  for (int i = 0; i < 30; ++i) EXPECT_EQ(client.Get("/").Status(), 200);
  for (const AutoUpstream& upstream : upstreams) EXPECT_EQ(upstream.requests(), 10);
}

// Requests to /hold are answered when the test says so.
class HoldingUpstream {
 public:
  const AutoUpstream& operator*() const { return upstream_; }
  const AutoUpstream* operator->() const { return &upstream_; }
  void Release() { released_.set_value(); }

 private:
  std::promise<void> released_;
  std::shared_future<void> release_ = released_.get_future().share();
  AutoUpstream upstream_{[this](const Message& request) {
    if (request.Target() == "/hold") release_.wait();
    return AutoUpstream::Reply{.bytes = OkResponse("x")};
  }};
};

TEST(BalanceTest, LeastRequestAvoidsTheBusyEndpoint) {
  HoldingUpstream one;
  HoldingUpstream two;
  GatewayProcess gateway(GatewayConfig{.endpoints = {one->address(), two->address()},
                                       .upstream = "balance: least_request"});
  RawClient holding(gateway.address());
  holding.Send(GetRequest("/hold"));
  EXPECT_TRUE(Eventually([&] { return one->requests() + two->requests() == 1; }));
  const AutoUpstream& idle = one->requests() == 0 ? *one : *two;
  RawClient client(gateway.address());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(client.Get("/").Status(), 200);
  EXPECT_EQ(idle.requests(), 20);
  one.Release();
  two.Release();
  EXPECT_EQ(holding.Response().Status(), 200);
}

TEST(BalanceTest, LeastRequestUsesEveryEndpointWhenAllAreIdle) {
  std::array<AutoUpstream, 3> upstreams;
  GatewayProcess gateway(GatewayConfig{
      .endpoints = {upstreams[0].address(), upstreams[1].address(), upstreams[2].address()},
      .upstream = "balance: least_request"});
  RawClient client(gateway.address());
  for (int i = 0; i < 150; ++i) EXPECT_EQ(client.Get("/").Status(), 200);
  for (const AutoUpstream& upstream : upstreams) EXPECT_GT(upstream.requests(), 10);
}

TEST(BalanceTest, EveryWorkerServes) {
  AutoUpstream upstream;
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}, .workers = "3"});
  for (int i = 0; i < 60; ++i) {
    RawClient client(gateway.address());
    EXPECT_EQ(client.Get("/").body, "hello");
  }
  gateway.AwaitMetric("holdfast_requests_total", {{"route", "web"}, {"code", "200"}}, 60);
  EXPECT_EQ(gateway.Scrape().Value("holdfast_workers"), 3);
}

TEST(BalanceTest, TheConnectionCapHoldsForAllWorkersTogether) {
  AutoUpstream upstream;
  GatewayProcess gateway(GatewayConfig{
      .endpoints = {upstream.address()}, .upstream = "max_connections: 2", .workers = "2"});
  for (int i = 0; i < 40; ++i) {
    RawClient client(gateway.address());
    EXPECT_EQ(client.Get("/").Status(), 200);
  }
  EXPECT_LE(upstream.accepted(), 2);
}

}  // namespace
}  // namespace holdfast::support
