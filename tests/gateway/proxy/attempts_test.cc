#include "gateway/proxy/attempts.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "tests/gateway/proxy/proxy_harness.h"

namespace holdfast::proxy {
namespace {

using config::RetryPolicy;
using pool::Duration;
using pool::SocketAddress;
using std::chrono::milliseconds;

constexpr RetryDecision kStaleRetry = RetryDecision::kRetryIdempotent;
constexpr RetryDecision kByPolicy = RetryDecision::kRetryStatus;

SocketAddress Address(uint16_t port) { return *SocketAddress::FromIp("127.0.0.1", port); }

TEST(AttemptsTest, WhatMayBeRepeatedIsKept) {
  Attempts attempts;
  const RetryPolicy standard;
  attempts.Begin(standard);
  EXPECT_TRUE(attempts.MaySendAgain(/*reused_connection=*/true, /*idempotent=*/false));
  EXPECT_FALSE(attempts.MaySendAgain(/*reused_connection=*/false, /*idempotent=*/false));
  EXPECT_TRUE(attempts.MaySendAgain(/*reused_connection=*/false, /*idempotent=*/true));
  const RetryPolicy off{.attempts = 0, .gateway_error = true};
  attempts.Begin(off);
  EXPECT_FALSE(attempts.MaySendAgain(true, false));
  const RetryPolicy policies[] = {{.unprocessed = true},
                                  {.gateway_error = true},
                                  {.first_byte_timeout = true},
                                  {.statuses = {429}}};
  for (const RetryPolicy& policy : policies) {
    attempts.Begin(policy);
    EXPECT_TRUE(attempts.MaySendAgain(false, false));
  }
}

TEST(AttemptsTest, WhatWasRepeatedAsOftenAsItMayIsNotKept) {
  pool::Random random(1);
  Attempts attempts;
  const RetryPolicy policy{.gateway_error = true};
  attempts.Begin(policy);
  attempts.NextPause(kStaleRetry, 2, &random);
  EXPECT_TRUE(attempts.MaySendAgain(false, false)) << "that one does not count";
  attempts.NextPause(kByPolicy, 2, &random);
  EXPECT_FALSE(attempts.MaySendAgain(true, false));
}

TEST(AttemptsTest, EndpointsThatFailedAreRememberedOnce) {
  Attempts attempts;
  const RetryPolicy policy;
  attempts.Begin(policy);
  EXPECT_TRUE(attempts.tried().empty());
  attempts.NoteFailed(Address(1));
  attempts.NoteFailed(Address(1));
  attempts.NoteFailed(Address(2));
  ASSERT_EQ(attempts.tried().size(), 2u);
  EXPECT_EQ(attempts.tried()[1], Address(2));
  attempts.Begin(policy);
  EXPECT_TRUE(attempts.tried().empty());
}

TEST(AttemptsTest, ASearchEndsWithItsTimeOrWithSoManyEndpoints) {
  constexpr pool::TimePoint kBegin{std::chrono::seconds(1)};
  constexpr Duration kTime = std::chrono::seconds(2);
  Attempts attempts;
  const RetryPolicy policy;
  attempts.Begin(policy);
  attempts.BeginSearch(kBegin);
  attempts.BeginSearch(kBegin + milliseconds(1500));
  EXPECT_TRUE(attempts.MaySearchOn(kBegin + milliseconds(1999), kTime));
  EXPECT_FALSE(attempts.MaySearchOn(kBegin + kTime, kTime)) << "one search, one time";
  for (uint16_t port = 1; port < Attempts::kMaxTried; ++port) attempts.NoteFailed(Address(port));
  EXPECT_TRUE(attempts.MaySearchOn(kBegin, kTime));
  for (uint16_t port = 1000; port < 1002; ++port) attempts.NoteFailed(Address(port));
  EXPECT_FALSE(attempts.MaySearchOn(kBegin, kTime));
  EXPECT_EQ(attempts.tried().size(), Attempts::kMaxTried);
}

TEST(AttemptsTest, TheNextEndpointIsAskedAtOnceAndIsNoRepetition) {
  const RetryPolicy off{.attempts = 0};
  pool::Random random(1);
  Attempts attempts;
  attempts.Begin(off);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(attempts.NextPause(RetryDecision::kRetryNextEndpoint, 2, &random), Duration::zero());
  }
  EXPECT_EQ(attempts.made(), 0u);
  EXPECT_TRUE(attempts.searching());
  const RetryPolicy policy;
  attempts.Begin(policy);
  EXPECT_FALSE(attempts.searching());
}

TEST(AttemptsTest, ARepetitionSearchesAnew) {
  constexpr pool::TimePoint kBegin{std::chrono::seconds(1)};
  constexpr Duration kTime = std::chrono::seconds(2);
  pool::Random random(1);
  Attempts attempts;
  const RetryPolicy policy;
  attempts.Begin(policy);
  attempts.BeginSearch(kBegin);
  attempts.NextPause(kByPolicy, 2, &random);
  attempts.BeginSearch(kBegin + kTime);
  EXPECT_TRUE(attempts.MaySearchOn(kBegin + kTime, kTime));
}

TEST(AttemptsTest, TheFirstGoesAtOnceAndTheOthersWaitLongerAndLonger) {
  const RetryPolicy policy{
      .attempts = 10, .backoff = milliseconds(25), .max_backoff = milliseconds(250)};
  for (uint64_t seed = 1; seed < 50; ++seed) {
    pool::Random random(seed);
    Attempts attempts;
    attempts.Begin(policy);
    EXPECT_EQ(attempts.NextPause(kByPolicy, 2, &random), Duration::zero());
    for (const int most : {25, 50, 100, 200, 250, 250, 250, 250, 250}) {
      const Duration pause = attempts.NextPause(kByPolicy, 2, &random);
      EXPECT_LE(pause, milliseconds(most));
      EXPECT_GE(pause, milliseconds(most) / 2);
    }
    EXPECT_EQ(attempts.made(), 10u);
  }
}

TEST(AttemptsTest, PausesDiffer) {
  const RetryPolicy policy{.attempts = 2};
  pool::Random random(1);
  Duration least = Duration::max();
  Duration most = Duration::zero();
  for (int i = 0; i < 200; ++i) {
    Attempts attempts;
    attempts.Begin(policy);
    attempts.NextPause(kByPolicy, 2, &random);
    const Duration pause = attempts.NextPause(kByPolicy, 2, &random);
    least = std::min(least, pause);
    most = std::max(most, pause);
  }
  EXPECT_LT(least, policy.backoff * 6 / 10);
  EXPECT_GT(most, policy.backoff * 9 / 10);
}

TEST(AttemptsTest, AnEndpointThatRefusedIsGivenTimeWhenThereIsNoOther) {
  const RetryPolicy policy;
  pool::Random random(1);
  Attempts attempts;
  attempts.Begin(policy);
  attempts.NoteFailed(Address(1));
  EXPECT_GT(attempts.NextPause(RetryDecision::kRetryConnectFailure, 1, &random), Duration::zero());
  attempts.Begin(policy);
  attempts.NoteFailed(Address(1));
  EXPECT_EQ(attempts.NextPause(RetryDecision::kRetryConnectFailure, 2, &random), Duration::zero());
}

TEST(AttemptsTest, TheEndForgetsWhereItFailed) {
  const RetryPolicy policy;
  Attempts attempts;
  attempts.Begin(policy);
  for (int i = 1; i <= 8; ++i) attempts.NoteFailed(Address(i));
  EXPECT_EQ(attempts.tried().size(), 8u);
  attempts.End();
  EXPECT_TRUE(attempts.tried().empty());
}

TEST(AttemptsTest, ADeadKeptConnectionIsNoAttemptOfThePolicys) {
  const RetryPolicy policy;
  pool::Random random(1);
  Attempts attempts;
  attempts.Begin(policy);
  EXPECT_EQ(attempts.NextPause(kStaleRetry, 1, &random), Duration::zero());
  EXPECT_TRUE(attempts.stale_retry_made());
  EXPECT_EQ(attempts.made(), 0u);
}

TEST(AttemptsTest, WhatWasGivenBackWaitsFromTheSecondTimeOn) {
  const RetryPolicy policy;
  pool::Random random(1);
  Attempts attempts;
  attempts.Begin(policy);
  EXPECT_TRUE(attempts.MayReturn());
  EXPECT_EQ(attempts.NextPause(RetryDecision::kRetryReturned, 1, &random), Duration::zero());
  EXPECT_GE(attempts.NextPause(RetryDecision::kRetryReturned, 1, &random), policy.backoff / 2);
  EXPECT_GE(attempts.NextPause(RetryDecision::kRetryReturned, 1, &random), policy.backoff);
  EXPECT_EQ(attempts.returns_made(), kMaxReturns);
  EXPECT_FALSE(attempts.MayReturn());
  EXPECT_EQ(attempts.made(), 0u);
  const RetryPolicy off{.attempts = 0};
  attempts.Begin(off);
  EXPECT_FALSE(attempts.MayReturn());
}

TEST(AttemptsTest, WhatAddsNoLoadNeedsNoPermit) {
  ProxyHarness harness;
  const RetryPolicy policy;
  Attempts attempts;
  attempts.Begin(policy);
  EXPECT_TRUE(attempts.Permit(kStaleRetry, *harness.cluster));
  EXPECT_TRUE(attempts.Permit(kByPolicy, *harness.cluster));
  EXPECT_TRUE(attempts.Permit(kByPolicy, *harness.cluster)) << "it has one";
  attempts.End();
}

}  // namespace
}  // namespace holdfast::proxy
