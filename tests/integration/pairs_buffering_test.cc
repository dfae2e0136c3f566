// Bodies that are held before the upstream is asked, over each pair of protocols.

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/integration/pair_peers.h"
#include "tests/support/pattern.h"

namespace holdfast::support {
namespace {

class PairsBufferingTest : public OverEachPair {
 protected:
  static GatewayConfig Buffering(const std::string& keys = "") {
    return {.listener = "body_timeout: 60s", .route = "buffering: {request: 200KiB}" + keys};
  }
};
HOLDFAST_OVER_EACH_PAIR(PairsBufferingTest);

Answered Echo(const Asked& asked) {
  return {.fields = {{"x-trailer", ValueOf(asked.trailers, "x-sum")},
                     {"x-expect", ValueOf(asked.fields, "expect")}},
          .body = asked.body.value_or("")};
}

// Longer ones than any window, whole and too long to be.
TEST_P(PairsBufferingTest, BodiesOfAnyLengthArriveAsTheyAre) {
  Start(Echo, Buffering());
  for (const bool with_length : {true, false}) {
    for (const size_t bytes : {0u, 1u, 70'000u, 204'800u, 204'801u, 300'000u, 2'000'000u}) {
      const std::string body = Pattern(bytes);
      const Answered answer =
          client_->Ask({.method = "POST", .body = body, .with_length = with_length});
      EXPECT_EQ(answer.status, 200);
      EXPECT_TRUE(answer.body == body) << answer.body.size() << " of " << bytes;
    }
  }
  gateway_->AwaitMetric("holdfast_request_buffering_total", {{"outcome", "too_long"}}, 6);
}

TEST_P(PairsBufferingTest, TrailersAreKept) {
  Start(Echo, Buffering());
  const Answered answer = client_->Ask({.method = "POST",
                                        .fields = {{"te", "trailers"}},
                                        .body = "body",
                                        .with_length = false,
                                        .trailers = {{"x-sum", "7"}}});
  EXPECT_EQ(answer.body, "body");
  EXPECT_EQ(ValueOf(answer.fields, "x-trailer"), "7");
}

TEST_P(PairsBufferingTest, TheGatewayMeetsTheExpectation) {
  Start(Echo, Buffering());
  const Answered answer =
      client_->Ask({.method = "PUT", .fields = {{"expect", "100-continue"}}, .body = "late"});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "late");
  EXPECT_EQ(ValueOf(answer.fields, "x-expect"), "");
  ASSERT_EQ(answer.interim.size(), 1u);
  EXPECT_EQ(answer.interim[0].first, 100);
}

TEST_P(PairsBufferingTest, ALongBodyIsSentAgain) {
  std::atomic<int> asked_times = 0;
  Start(
      [&](const Asked& asked) {
        Answered answer = Echo(asked);
        if (++asked_times == 1) answer.status = 503;
        return answer;
      },
      Buffering(", retry: {attempts: 1, on: [gateway_error]}"));
  const std::string body = Pattern(200'000);
  const Answered answer = client_->Ask({.method = "PUT", .body = body});
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.body == body) << answer.body.size();
  EXPECT_EQ(asked_times, 2);
}

TEST_P(PairsBufferingTest, ABodyThatStallsNeverReachesTheUpstream) {
  GatewayConfig config = Buffering();
  config.listener = "body_timeout: 200ms";
  Start(Echo, config);
  const Answered answer =
      client_->AskUnfinished({.method = "POST", .body = "never", .with_length = false});
  EXPECT_EQ(answer.status, 408);
  EXPECT_EQ(upstream_->begun(), 0);
}

// Calls of gRPC, which may wait for answers, are passed on as they come where there are any.
TEST_P(PairsBufferingTest, OfGrpcNothingIsHeldOverHttp2Alone) {
  GatewayConfig config = Buffering();
  config.listener = "body_timeout: 2s";
  Start(Echo, config);
  client_->AskUnfinished({.method = "POST",
                          .fields = {{"content-type", "application/grpc"}, {"te", "trailers"}},
                          .body = "never",
                          .with_length = false});
  const bool streams =
      GetParam().client == Protocol::kHttp2 && GetParam().upstream == Protocol::kHttp2;
  if (streams) {
    EXPECT_TRUE(Eventually([&] { return upstream_->begun() == 1; }));
  } else {
    EXPECT_EQ(upstream_->begun(), 0);
  }
}

TEST_P(PairsBufferingTest, ALimitIsMetBeforeTheUpstreamIsAsked) {
  Start(Echo, Buffering(", max_request_body: 100KiB"));
  EXPECT_EQ(client_->Ask({.method = "POST", .body = Pattern(102'401), .with_length = false}).status,
            413);
  EXPECT_EQ(upstream_->begun(), 0);
}

// The service that is asked is the upstream itself, and lets in what begins with "good".
TEST_P(PairsBufferingTest, WhoSaysWhetherItMayPassSeesTheBody) {
  std::vector<std::string> judged;
  GatewayConfig config;
  config.route = "forward_auth: {upstream: web, path: /verify, body: 1MiB}";
  Start(
      [&](const Asked& asked) {
        if (asked.path != "/verify") return Echo(asked);
        judged.push_back(asked.body.value_or(""));
        return Answered{.status = judged.back().starts_with("good") ? 200 : 403};
      },
      config);
  for (const bool with_length : {true, false}) {
    const std::string good = "good" + Pattern(300'000);
    const Answered passed =
        client_->Ask({.method = "POST", .body = good, .with_length = with_length});
    EXPECT_EQ(passed.status, 200);
    EXPECT_TRUE(passed.body == good) << passed.body.size();
    EXPECT_TRUE(judged.back() == good) << judged.back().size();
    EXPECT_EQ(client_->Ask({.method = "POST", .body = "bad", .with_length = with_length}).status,
              403);
    EXPECT_EQ(judged.back(), "bad");
  }
  EXPECT_EQ(judged.size(), 4u);
}

}  // namespace
}  // namespace holdfast::support
