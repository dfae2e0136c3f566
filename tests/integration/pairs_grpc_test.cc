// What holds of a call of gRPC over each pair of protocols. gRPC itself is spoken over HTTP/2
// alone; but its fields mean the same to the gateway wherever they come from.

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/pair_peers.h"
#include "tests/support/unserved_address.h"

namespace holdfast::support {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// A message as gRPC frames it: not compressed, and its length in four bytes.
std::string Framed(std::string_view message) {
  const size_t size = message.size();
  std::string framed(1, '\0');
  for (const int shift : {24, 16, 8, 0}) framed += static_cast<char>(size >> shift & 0xff);
  return framed + std::string(message);
}

Asked Call(std::string body = Framed("question"), std::string path = "/test.Peer/Call") {
  return {.method = "POST",
          .path = std::move(path),
          .fields = {{"content-type", "application/grpc+proto"}, {"te", "trailers"}},
          .body = std::move(body),
          .with_length = false};
}

Answered Reply(const std::string& status, std::string body = Framed("answer")) {
  return {.fields = {{"content-type", "application/grpc+proto"}},
          .body = std::move(body),
          .with_length = false,
          .trailers = {{"grpc-status", status}, {"grpc-message", "that is so: %C3%A9"}}};
}

// One that is over with its head.
Answered OnlyHead(const std::string& status) {
  return {.fields = {{"content-type", "application/grpc"},
                     {"grpc-status", status},
                     {"grpc-message", "no"}}};
}

class PairsGrpcTest : public OverEachPair {
 protected:
  void ExpectCalls(const std::string& status, int calls, const std::string& route = "web") {
    gateway_->AwaitMetric("holdfast_grpc_calls_total", {{"route", route}, {"grpc_status", status}},
                          calls);
  }
  // An error of the gateway's own: nothing but a head.
  void ExpectError(const Answered& answer, const std::string& status, std::string_view reason) {
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(ValueOf(answer.fields, "content-type"), "application/grpc");
    EXPECT_EQ(ValueOf(answer.fields, "grpc-status"), status);
    EXPECT_THAT(ValueOf(answer.fields, "grpc-message"), StartsWith(reason));
    EXPECT_EQ(answer.body, "");
    EXPECT_FALSE(answer.broken);
  }
};

HOLDFAST_OVER_EACH_PAIR(PairsGrpcTest);

TEST_P(PairsGrpcTest, AStatusComesInTheTrailers) {
  Asked seen;
  std::string status;
  Start([&](const Asked& asked) {
    seen = asked;
    return Reply(status);
  });
  for (const char* const given : {"0", "5", "14", "16"}) {
    status = given;
    const Answered answer = client_->Ask(Call());
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, Framed("answer"));
    EXPECT_EQ(ValueOf(answer.fields, "content-type"), "application/grpc+proto");
    EXPECT_EQ(ValueOf(answer.trailers, "grpc-status"), given);
    EXPECT_EQ(ValueOf(answer.trailers, "grpc-message"), "that is so: %C3%A9");
    EXPECT_EQ(ValueOf(seen.fields, "te"), "trailers");
    EXPECT_EQ(ValueOf(seen.fields, "content-type"), "application/grpc+proto");
    EXPECT_EQ(seen.body, Framed("question"));
    ExpectCalls(given, 1);
  }
}

TEST_P(PairsGrpcTest, AStatusMayBeAllThatComes) {
  Start([](const Asked&) { return OnlyHead("7"); });
  const Answered answer = client_->Ask(Call());
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(ValueOf(answer.fields, "grpc-status"), "7");
  EXPECT_EQ(ValueOf(answer.fields, "grpc-message"), "no");
  EXPECT_EQ(answer.body, "");
  EXPECT_FALSE(answer.broken);
  ExpectCalls("7", 1);
}

TEST_P(PairsGrpcTest, AStatusOfThePolicyIsAskedForAgain) {
  std::atomic<int> asked_times = 0;
  Start([&](const Asked&) { return ++asked_times == 1 ? OnlyHead("14") : Reply("0"); },
        {.route = "retry: {attempts: 1, grpc_statuses: [unavailable]}"});
  const Answered answer = client_->Ask(Call());
  EXPECT_EQ(ValueOf(answer.trailers, "grpc-status"), "0");
  EXPECT_EQ(asked_times, 2);
  gateway_->AwaitMetric("holdfast_upstream_retries_total", {{"result", "retry_grpc_status"}}, 1);
}

// A status behind a message is the client's: it has begun to read.
TEST_P(PairsGrpcTest, AStatusOfThePolicyInTrailersIsAnAnswer) {
  std::atomic<int> asked_times = 0;
  Start(
      [&](const Asked&) {
        ++asked_times;
        return Reply("14");
      },
      {.route = "retry: {attempts: 1, grpc_statuses: [unavailable]}"});
  EXPECT_EQ(ValueOf(client_->Ask(Call()).trailers, "grpc-status"), "14");
  EXPECT_EQ(asked_times, 1);
}

TEST_P(PairsGrpcTest, TenThousandMessagesEachWay) {
  constexpr int kMessages = 10'000;
  std::string messages;
  for (int i = 0; i < kMessages; ++i) messages += Framed(std::to_string(i));
  Start([](const Asked& asked) { return Reply("0", asked.body.value_or("")); });
  for (int i = 0; i < 2; ++i) {
    const Answered answer = client_->Ask(Call(messages));
    EXPECT_TRUE(answer.body == messages) << answer.body.size();
    EXPECT_EQ(ValueOf(answer.trailers, "grpc-status"), "0");
  }
  ExpectCalls("0", 2);
}

TEST_P(PairsGrpcTest, AServerThatIsSilentInTheMiddleEndsTheCallWithoutAStatus) {
  Start(
      [](const Asked&) {
        Answered answer = Reply("0");
        answer.broken = true;
        return answer;
      },
      {.route = "timeouts: {stall: 1s}"});
  if (GetParam().client == Protocol::kHttp2) {
    const Answered answer = client_->Ask(Call());
    EXPECT_TRUE(answer.broken);
    EXPECT_EQ(answer.body, Framed("answer"));
    EXPECT_EQ(ValueOf(answer.trailers, "grpc-status"), "");
  } else {
    client_->Begin(Call(), 5 + Framed("answer").size());
    StreamEnd end = StreamEnd::kOpen;
    EXPECT_THAT(client_->raw()->ReadToEnd(&end), ::testing::Not(HasSubstr("0\r\n")));
    EXPECT_NE(end, StreamEnd::kOpen);
  }
  ExpectCalls("none", 1);
}

TEST_P(PairsGrpcTest, WhatTheGatewayRefusesIsAStatus) {
  Start([](const Asked&) { return Reply("0"); },
        {.route = "match: {path_prefix: /test.Peer/}, max_request_body: 1KiB"});
  ExpectError(client_->Ask(Call(Framed("x"), "/other.Service/Call")), "12", "no_route");
  ExpectCalls("12", 1, "none");
  Asked large = Call(Framed(std::string(4096, 'x')));
  large.with_length = true;  // else the upstream may see part of it
  ExpectError(NewClient()->Ask(large), "8", "body_too_large");
  ExpectCalls("8", 1);
  EXPECT_EQ(ValueOf(NewClient()->Ask(Call()).trailers, "grpc-status"), "0");
}

TEST_P(PairsGrpcTest, TimeoutsAreStatuses) {
  Start(
      [&](const Asked&) {
        EXPECT_TRUE(Eventually([&] { return go_.load(); }));
        return Reply("0");
      },
      {.route = "timeouts: {first_byte: 150ms}, retry: {attempts: 0}"});
  ExpectError(client_->Ask(Call()), "4", "first_byte_timeout");
  go_ = true;
  ExpectCalls("4", 1);
}

TEST_P(PairsGrpcTest, TheClientsDeadlineBoundsTheCall) {
  Start([&](const Asked&) {
    EXPECT_TRUE(Eventually([&] { return go_.load(); }));
    return Reply("0");
  });
  Asked asked = Call();
  asked.fields.emplace_back("grpc-timeout", "150m");
  ExpectError(client_->Ask(asked), "4", "total_timeout");
  go_ = true;
}

TEST_P(PairsGrpcTest, AnUpstreamThatIsAwayIsUnavailable) {
  const RefusingAddress away;
  StartBefore(away.address().ToString());
  ExpectError(client_->Ask(Call()), "14", "connect_refused");
  ExpectCalls("14", 1);
}

// Browsers speak it, and read statuses of HTTP.
TEST_P(PairsGrpcTest, WhatIsNoCallIsTreatedAsAnyRequest) {
  Start([](const Asked&) { return Answered{}; }, {.route = "match: {path_prefix: /test.Peer/}"});
  Asked asked = Call(Framed("x"), "/other.Service/Call");
  asked.fields[0].second = "application/grpc-web+proto";
  const Answered answer = client_->Ask(asked);
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(ValueOf(answer.fields, "grpc-status"), "");
  EXPECT_THAT(answer.body, HasSubstr("reason: no_route"));
}

}  // namespace
}  // namespace holdfast::support
