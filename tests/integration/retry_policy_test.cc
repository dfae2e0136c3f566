// What a route repeats beyond connections that were dead.

#include <atomic>
#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_hop.h"

namespace holdfast::support {
namespace {

constexpr std::string_view kRetries = "holdfast_upstream_retries_total";

std::string Answer(int status, std::string_view body) {
  return "HTTP/1.1 " + std::to_string(status) +
         " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

// One endpoint that answers with a status and one that is well; every other request meets the
// first.
struct SickAndWell {
  explicit SickAndWell(int status, std::string retry)
      : sick([status](const Message&) { return AutoUpstream::Reply{Answer(status, "sick")}; }),
        gateway(GatewayConfig{.endpoints = {sick.address(), well.address()},
                              .upstream = "balance: round_robin, outlier: off",
                              .route = "retry: {" + retry + "}"}) {}

  AutoUpstream sick;
  AutoUpstream well{"well"};
  GatewayProcess gateway;
  RawClient client{gateway.address()};
};

TEST(RetryPolicyTest, AGatewayErrorIsReplacedByAnotherEndpointsAnswer) {
  SickAndWell hop(503, "attempts: 1, on: [gateway_error]");
  for (int i = 0; i < 20; ++i) EXPECT_EQ(hop.client.Get("/").body, "well");
  EXPECT_GE(hop.sick.requests(), 1);
  hop.gateway.AwaitMetric(kRetries, {{"result", "retry_gateway_error"}}, hop.sick.requests());
}

TEST(RetryPolicyTest, APostThatWasAnsweredIsNotRepeated) {
  SickAndWell hop(503, "attempts: 1, on: [gateway_error]");
  int sick = 0;
  for (int i = 0; i < 20; ++i) {
    if (hop.client.Exchange(PostRequest("/", "x")).Status() == 503) ++sick;
  }
  EXPECT_EQ(sick, hop.sick.requests());
  EXPECT_EQ(hop.sick.requests() + hop.well.requests(), 20) << "each was sent once";
}

TEST(RetryPolicyTest, OnlyTheChosenStatusesAreReplaced) {
  SickAndWell chosen(429, "attempts: 1, statuses: [429]");
  for (int i = 0; i < 10; ++i) EXPECT_EQ(chosen.client.Get("/").body, "well");
  SickAndWell other(500, "attempts: 1, on: [gateway_error], statuses: [429]");
  int sick = 0;
  for (int i = 0; i < 10; ++i) {
    if (other.client.Get("/").Status() == 500) ++sick;
  }
  EXPECT_EQ(sick, other.sick.requests());
  EXPECT_GE(sick, 1);
}

TEST(RetryPolicyTest, WithoutAPolicyAnswersAreRelayedAsTheyAre) {
  SickAndWell hop(503, "attempts: 1");
  int sick = 0;
  for (int i = 0; i < 10; ++i) {
    if (hop.client.Get("/").Status() == 503) ++sick;
  }
  EXPECT_EQ(sick, hop.sick.requests());
  EXPECT_GE(sick, 1);
}

TEST(RetryPolicyTest, ASilentEndpointIsLeftForAnother) {
  ScriptedUpstream silent;
  AutoUpstream well("well");
  GatewayProcess gateway(GatewayConfig{
      .endpoints = {silent.address(), well.address()},
      .upstream = "balance: round_robin, outlier: off",
      // The other one has no more time than the silent one, and so more than one try.
      .route = "retry: {attempts: 5, on: [first_byte_timeout], per_try_timeout: 1s}"});
  RawClient client(gateway.address());
  for (int i = 0; i < 2; ++i) EXPECT_EQ(client.Get("/").body, "well");
  gateway.AwaitMetricAtLeast(kRetries, {{"result", "retry_first_byte_timeout"}}, 1);
}

TEST(RetryPolicyTest, ABodyIsSentToEachEndpointWhole) {
  const std::string body = Pattern(40'000);
  std::atomic<int> whole = 0;
  AutoUpstream sick([&](const Message& request) {
    if (request.body == body) ++whole;
    return AutoUpstream::Reply{Answer(503, "sick")};
  });
  GatewayProcess gateway(
      GatewayConfig{.endpoints = {sick.address()},
                    .upstream = "outlier: off",
                    .route = "retry: {attempts: 3, on: [gateway_error], backoff: 1ms}"});
  RawClient client(gateway.address());
  const Message response =
      client.Exchange("PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: 40000\r\n\r\n" + body);
  EXPECT_EQ(response.Status(), 503);
  EXPECT_EQ(response.body, "sick") << "the last attempt's answer";
  EXPECT_EQ(whole, 4);
  gateway.AwaitMetric(kRetries, {{"result", "attempts_used"}}, 1);
}

TEST(RetryPolicyTest, TheBudgetEndsRepetition) {
  AutoUpstream sick([](const Message&) { return AutoUpstream::Reply{Answer(503, "sick")}; });
  GatewayProcess gateway(
      GatewayConfig{.endpoints = {sick.address()},
                    .upstream = "outlier: off, retry_budget: {percent: 0%, min: 0}",
                    .route = "retry: {attempts: 3, on: [gateway_error], backoff: 1ms}"});
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/").body, "sick");
  EXPECT_EQ(sick.requests(), 1);
  gateway.AwaitMetric(kRetries, {{"result", "budget_exhausted"}}, 1);
}

TEST(RetryPolicyTest, TheTotalTimeSpansAllAttempts) {
  ScriptedUpstream silent;
  GatewayProcess gateway(GatewayConfig{
      .endpoints = {silent.address()},
      .upstream = "outlier: off",
      .route = "timeouts: {total: 300ms}, retry: {attempts: 10, on: [first_byte_timeout], "
               "per_try_timeout: 100ms}"});
  RawClient client(gateway.address());
  const Message response = client.Get("/");
  EXPECT_EQ(response.Status(), 504);
  EXPECT_NE(response.body.find("reason: total_timeout"), std::string::npos) << response.body;
}

TEST(ShedLoadTest, ARequestOverTheBreakerIsToldWhenToComeBack) {
  ScriptedHop hop(GatewayConfig{.upstream = "breakers: {requests: 1}"});
  UpstreamConnection upstream = hop.Begin(GetRequest("/first"));
  upstream.Request();
  RawClient second(hop.gateway.address());
  const Message response = second.Get("/second");
  EXPECT_EQ(response.Status(), 503);
  EXPECT_EQ(response.Value("retry-after"), "1");
  EXPECT_NE(response.body.find("reason: breaker_open"), std::string::npos) << response.body;
  upstream.Send(OkResponse("x"));
  EXPECT_EQ(hop.client.Response().Status(), 200);
  hop.client.Send(GetRequest("/third"));
  upstream.Answer(OkResponse("x"));
  EXPECT_EQ(hop.client.Response().Status(), 200);
}

}  // namespace
}  // namespace holdfast::support
