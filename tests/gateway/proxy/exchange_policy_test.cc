#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "gateway/proxy/exchange.h"
#include "tests/gateway/proxy/retry_fixture.h"
#include "tests/pool/net/socket_pair.h"
#include "tests/pool/pool_harness.h"

// What a route's policy repeats, and what is reported of the endpoints meanwhile.

namespace holdfast::proxy {
namespace {

using metrics::Metric;
using pool::Pattern;
using std::chrono::milliseconds;
using std::chrono::seconds;

class ConnectFailureTest : public RetryTest {
 protected:
  ConnectFailureTest() : RetryTest(WithRetry("attempts: 3", ", timeouts: {total: 10s}")) {
    harness_.SetEndpoints({nobody_.address()});
  }
  bool AwaitRetries(uint64_t count) {
    return harness_.TurnUntil([&] { return harness_.Retries("retry_connect_failure") == count; });
  }

  const pool::RefusingAddress nobody_;
};

TEST_F(ConnectFailureTest, TheOnlyEndpointIsGivenTimeBetweenTheAttempts) {
  client_.Send(kGet);
  uint64_t made = 0;
  for (const int pause : {25, 25, 50}) {
    ASSERT_TRUE(AwaitRetries(++made));
    harness_.Turns(3);
    client_.Pull();
    EXPECT_EQ(client_.received(), "");
    harness_.Advance(milliseconds(pause) + pool::TimerWheel::kTick);
  }
  EXPECT_TRUE(ClientGets("502 ", "reason: connect_refused\n"));
  EXPECT_EQ(harness_.Retries("attempts_used"), 1u);
}

TEST_F(ConnectFailureTest, AnEndpointThatComesBackInTimeServes) {
  client_.Send(kPost);
  ASSERT_TRUE(AwaitRetries(1));
  harness_.SetEndpoints({harness_.backend.address()});
  harness_.Advance(milliseconds(30));
  ServeAnew("hi");
}

TEST_F(ConnectFailureTest, AClientThatLeavesDuringThePauseEndsIt) {
  client_.Send(kGet);
  ASSERT_TRUE(AwaitRetries(1));
  client_.Reset();
  EXPECT_TRUE(harness_.TurnUntil([&] { return harness_.context.sessions.empty(); }));
  EXPECT_TRUE(harness_.AtRest());
}

TEST_F(ConnectFailureTest, TheTotalTimeSpansAllAttempts) {
  client_.Send(kGet);
  ASSERT_TRUE(AwaitRetries(1));
  harness_.Advance(seconds(11));
  EXPECT_TRUE(ClientGets("504 ", "reason: total_timeout\n"));
}

// The answer at hand is better than a timeout.
class LittleTimeTest : public RetryTest {
 protected:
  LittleTimeTest()
      : RetryTest(WithRetry("attempts: 5, statuses: [425], backoff: 2s, max_backoff: 2s",
                            ", timeouts: {total: 500ms}")) {}
};

TEST_F(LittleTimeTest, APauseThatWouldOutlastTheTotalTimeIsNotBegun) {
  client_.Send(kGet);
  for (int attempt = 0; attempt < 2; ++attempt) {
    Wire upstream = harness_.Accept();
    harness_.Await(upstream, kHeadEnd);
    upstream.Send("HTTP/1.1 425 Too Early\r\nContent-Length: 0\r\n\r\n");
  }
  EXPECT_TRUE(ClientGets("425 ", kHeadEnd));
  EXPECT_EQ(harness_.Retries("no_time_left"), 1u);
}

class GatewayErrorTest : public RetryTest {
 protected:
  GatewayErrorTest()
      : RetryTest(WithRetry("attempts: 2, on: [connect_failure, gateway_error], "
                            "statuses: [429]")) {}
  // The decision, and the pause that follows it.
  void AwaitRepetition(uint64_t nth) {
    EXPECT_TRUE(harness_.TurnUntil([&] { return harness_.Retries("retry_gateway_error") == nth; }));
    harness_.Advance(milliseconds(30));
  }
};

TEST_F(GatewayErrorTest, AnAnswerThatIsReplacedIsNotRelayed) {
  client_.Send(kGet);
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, kHeadEnd);
  upstream_.Send(kBusy);
  Wire second = harness_.Accept();
  EXPECT_TRUE(harness_.AwaitEnd(upstream_)) << "its body goes with its connection";
  harness_.Await(second, kHeadEnd);
  second.Send(kOk);
  const std::string response = harness_.Await(client_, kOkEnd);
  EXPECT_TRUE(response.starts_with("HTTP/1.1 200 ")) << response;
  EXPECT_EQ(response.find("busy"), response.npos);
  EXPECT_EQ(harness_.Retries("retry_gateway_error"), 1u);
}

TEST_F(GatewayErrorTest, TheLastAnswerIsRelayed) {
  client_.Send(kGet);
  for (uint64_t attempt = 1; attempt <= 3; ++attempt) {
    upstream_ = harness_.Accept();
    harness_.Await(upstream_, kHeadEnd);
    upstream_.Send(kBusy);
    if (attempt < 3) AwaitRepetition(attempt);
  }
  EXPECT_TRUE(ClientGets("503 Busy", "busy"));
  EXPECT_EQ(harness_.Retries("retry_gateway_error"), 2u);
  EXPECT_EQ(harness_.Retries("attempts_used"), 1u);
}

TEST_F(GatewayErrorTest, AnAnswerToAPostIsRelayed) {
  client_.Send(kPost);
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, "hi");
  upstream_.Send(kBusy);
  EXPECT_TRUE(ClientGets("503 Busy", "busy"));
  EXPECT_EQ(harness_.Retries("not_idempotent"), 1u);
}

TEST_F(GatewayErrorTest, ChosenStatusesAreRepeatedAndOthersAreNot) {
  client_.Send(kGet);
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, kHeadEnd);
  upstream_.Send("HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(harness_.TurnUntil([&] { return harness_.Retries("retry_status") == 1; }));
  harness_.Await(upstream_, kHeadEnd);
  upstream_.Send("HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(ClientGets("500 Broken", kHeadEnd));
  EXPECT_EQ(harness_.Count(Metric::kUpstreamConnectionsOpenedTotal, {"web", "empty"}), 1u)
      << "an answer without a body leaves its connection usable";
}

TEST_F(GatewayErrorTest, AConnectionThatBreaksIsRepeatedForAGetOnly) {
  client_.Send(kGet);
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, kHeadEnd);
  upstream_.Reset();
  ServeAnew();
  client_.Send(std::string(kPost));
  EXPECT_EQ(harness_.Retries("retry_gateway_error"), 1u);
}

// Three times, with a pause before the third.
TEST_F(GatewayErrorTest, ABodyIsSentWithEveryAttempt) {
  const std::string body = Pattern(50'000);
  client_.Send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n" + body);
  for (int attempt = 0; attempt < 3; ++attempt) {
    upstream_ = harness_.Accept();
    EXPECT_TRUE(harness_.Await(upstream_, body.substr(body.size() - 100)).ends_with(body));
    if (attempt == 2) break;
    upstream_.Send(kBusy);
    AwaitRepetition(static_cast<uint64_t>(attempt) + 1);
  }
  upstream_.Send(kOk);
  harness_.Await(client_, kOkEnd);
}

TEST_F(GatewayErrorTest, EveryEndpointIsTriedBeforeOneIsTriedAgain) {
  Backend others[2];
  harness_.SetEndpoints({harness_.backend.address(), others[0].address(), others[1].address()});
  client_.Send(kGet);
  int reached[3] = {};
  for (int attempt = 0; attempt < 3; ++attempt) {
    Wire wire;
    ASSERT_TRUE(harness_.TurnUntil([&] {
      harness_.Advance(milliseconds(1));
      Backend* const all[] = {&harness_.backend, &others[0], &others[1]};
      for (int i = 0; i < 3; ++i) {
        pool::FileDescriptor socket = all[i]->TryAccept();
        if (!socket.valid()) continue;
        wire = Wire(std::move(socket));
        ++reached[i];
        return true;
      }
      return false;
    }));
    harness_.Await(wire, kHeadEnd);
    wire.Send(kBusy);
    harness_.Turns(5);
  }
  EXPECT_EQ(*std::ranges::min_element(reached), 1);
}

class SilenceTest : public RetryTest {
 protected:
  SilenceTest()
      : RetryTest(WithRetry("attempts: 1, on: [first_byte_timeout], per_try_timeout: 2s",
                            ", timeouts: {first_byte: 11s}")) {}
};

TEST_F(SilenceTest, AnAttemptThatIsSilentIsReplaced) {
  client_.Send(kGet);
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, kHeadEnd);
  harness_.Advance(milliseconds(1990));
  ExpectNoConnection();
  harness_.Advance(milliseconds(20));
  EXPECT_TRUE(harness_.AwaitEnd(upstream_));
  ServeAnew();
  EXPECT_EQ(harness_.Retries("retry_first_byte_timeout"), 1u);
}

TEST_F(SilenceTest, EachAttemptHasItsTimeAndThenItIsOver) {
  client_.Send(kGet);
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, kHeadEnd);
  harness_.Advance(seconds(2));
  Wire second = harness_.Accept();
  harness_.Await(second, kHeadEnd);
  harness_.Advance(seconds(2));
  EXPECT_TRUE(ClientGets("504 ", "reason: first_byte_timeout\n"));
  EXPECT_EQ(harness_.Retries("attempts_used"), 1u);
}

TEST_F(SilenceTest, ThePostThatMayBeInWorkIsNotSentAgain) {
  client_.Send(kPost);
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, "hi");
  harness_.Advance(seconds(2));
  EXPECT_TRUE(ClientGets("504 ", "reason: first_byte_timeout\n"));
  EXPECT_EQ(harness_.Retries("not_idempotent"), 1u);
  ExpectNoConnection();
}

class NoBudgetTest : public StaleTest {
 protected:
  NoBudgetTest()
      : StaleTest({.upstream = "retry_budget: {percent: 0%, min: 0}",
                   .routes = "- {name: all, match: {path_prefix: /}, upstream: web, "
                             "retry: {attempts: 2, on: [gateway_error]}}"}) {}
};

TEST_F(NoBudgetTest, AnAnswerIsRelayedWhenNothingMayBeRepeated) {
  client_.Send(kGet);
  harness_.Await(upstream_, kHeadEnd);
  upstream_.Send(kBusy);
  EXPECT_TRUE(ClientGets("503 Busy", "busy"));
  EXPECT_EQ(harness_.Retries("budget_exhausted"), 1u);
}

// It takes the place of a request that the upstream has not answered and never will.
TEST_F(NoBudgetTest, ADeadKeptConnectionIsReplacedAllTheSame) {
  client_.Send(kGet);
  harness_.Await(upstream_, kHeadEnd);
  upstream_.Close();
  ServeAnew();
}

class OneInBudgetTest : public RetryTest {
 protected:
  OneInBudgetTest()
      : RetryTest({.upstream = "retry_budget: {percent: 0%, min: 1}",
                   .routes = "- {name: all, match: {path_prefix: /}, upstream: web, "
                             "retry: {attempts: 2, on: [gateway_error]}}"}) {}
};

// While the first client's repetition is under way the second one's request is not repeated; once
// it has ended, the third one's is.
TEST_F(OneInBudgetTest, APermitIsHeldUntilTheRepetitionEnds) {
  client_.Send(kGet);
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, kHeadEnd);
  upstream_.Send(kBusy);
  Wire repetition = harness_.Accept();
  harness_.Await(repetition, kHeadEnd);

  const auto meets_busy = [&](Wire& client) {
    client.Send(kGet);
    Wire upstream = harness_.Accept();
    harness_.Await(upstream, kHeadEnd);
    upstream.Send("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy");
  };
  Wire second = harness_.Connect();
  meets_busy(second);
  harness_.Await(second, "busy");
  EXPECT_EQ(harness_.Retries("budget_exhausted"), 1u);

  repetition.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
  harness_.Await(client_, kOkEnd);
  Wire third = harness_.Connect();
  meets_busy(third);
  Wire again = harness_.Accept();
  harness_.Await(again, kHeadEnd);
  again.Send(kOk);
  harness_.Await(third, kOkEnd);
}

// What is told about the endpoint's health.

class ReportTest : public RetryTest {
 protected:
  explicit ReportTest(const HarnessConfig& config = {}) : RetryTest(config) {}
  void ReachUpstream(std::string_view request = kGet) {
    client_.Send(request);
    upstream_ = harness_.Accept();
    harness_.Await(upstream_, request.substr(request.size() - 2));
  }
};

TEST_F(ReportTest, AnswersAreNoTroubleButGatewayErrorsAre) {
  ReachUpstream();
  for (const auto& [status, troubles] :
       {std::pair{"200", 0}, {"404", 0}, {"500", 0}, {"502", 1}, {"503", 2}, {"504", 3}}) {
    upstream_.Send("HTTP/1.1 " + std::string(status) + " X\r\nContent-Length: 2\r\n\r\nok");
    harness_.Await(client_, kOkEnd);
    EXPECT_EQ(harness_.troubles, troubles) << status;
    client_.Send(kGet);
    harness_.Await(upstream_, kHeadEnd);
  }
}

TEST_F(ReportTest, AFreshConnectionThatDiesIsTrouble) {
  ReachUpstream();
  upstream_.Close();
  EXPECT_TRUE(ClientIsRefused("not_in_policy"));
  EXPECT_EQ(harness_.troubles, 1);
}

TEST_F(ReportTest, AResponseThatBreaksOffIsTrouble) {
  ReachUpstream();
  upstream_.Send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart");
  harness_.Await(client_, "part");
  upstream_.Close();
  EXPECT_TRUE(harness_.AwaitEnd(client_));
  EXPECT_EQ(harness_.troubles, 1);
}

TEST_F(ReportTest, ABrokenResponseIsTrouble) {
  ReachUpstream();
  upstream_.Send("nonsense\r\n\r\n");
  EXPECT_TRUE(harness_.TurnUntil([&] { return harness_.troubles == 1; }));
}

TEST_F(ReportTest, SilenceIsTrouble) {
  ReachUpstream();
  harness_.Advance(seconds(31));
  EXPECT_TRUE(ClientGets("504 ", "reason: first_byte_timeout\n"));
  EXPECT_EQ(harness_.troubles, 1);
}

TEST_F(ReportTest, AClientThatLeavesIsNobodysTrouble) {
  ReachUpstream();
  client_.Reset();
  EXPECT_TRUE(harness_.TurnUntil([&] { return harness_.context.sessions.empty(); }));
  EXPECT_EQ(harness_.troubles, 0);
}

TEST_F(ConnectFailureTest, EveryRefusedConnectionIsTrouble) {
  client_.Send(kGet);
  ASSERT_TRUE(AwaitRetries(1));
  EXPECT_EQ(harness_.troubles, 1);
  harness_.Advance(milliseconds(30));
  ASSERT_TRUE(AwaitRetries(2));
  EXPECT_EQ(harness_.troubles, 2);
}

TEST_F(GatewayErrorTest, AnAttemptThatIsRepeatedIsTroubleToo) {
  client_.Send(kGet);
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, kHeadEnd);
  upstream_.Send(kBusy);
  ServeAnew();
  EXPECT_EQ(harness_.troubles, 1);
}

}  // namespace
}  // namespace holdfast::proxy
