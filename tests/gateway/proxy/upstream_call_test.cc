#include "gateway/proxy/upstream_call.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/gateway/proxy/fake_streams.h"
#include "tests/gateway/proxy/proxy_harness.h"

namespace holdfast::proxy {
namespace {

using std::chrono::milliseconds;
using stream::Evidence;
using stream::UpstreamTrouble;
using Stage = UpstreamCall::Stage;

class UpstreamCallTest : public testing::Test, private CallEvents {
 protected:
  UpstreamCallTest() {
    harness_.context.upstream_streams = &upstreams_;
    head_.method_text = "GET";
    head_.target = head_.path = "/";
    head_.authority = head_.host = "a";
    policy_.attempts = 1;
  }
  ~UpstreamCallTest() override { call_.End(Failure::kClientGone, {0, {}}); }

  Stage Begin() {
    request_.cluster = harness_.cluster.get();
    request_.policy = &policy_;
    request_.head = &head_;
    return call_.Begin(request_);
  }
  // Begins and waits for the connection.
  void Open() {
    if (Begin() != Stage::kOpen) wire_ = harness_.Accept();
    ASSERT_TRUE(harness_.TurnUntil([&] { return call_.stage() == Stage::kOpen; }));
  }
  // A whole call, after which a connection is kept.
  void Use() {
    Open();
    call_.SendEnd(nullptr);
    call_.End(Failure::kNone, {200, {}});
  }
  FakeUpstreamStream& upstream() { return upstreams_.last(); }

  ProxyHarness harness_;
  FakeUpstreams upstreams_{&harness_.slabs};
  http::RequestHead head_;
  config::RetryPolicy policy_;
  UpstreamCall::Request request_;
  ExchangeAccount account_;
  UpstreamCall call_{&harness_.context, &account_, this};
  Wire wire_;
  int told_ = 0;

 private:
  void OnCallReady() override { ++told_; }
};

TEST_F(UpstreamCallTest, TellsOfTheConnectionThatItWaitedFor) {
  EXPECT_EQ(Begin(), Stage::kWaiting);
  EXPECT_FALSE(call_.has_stream());
  wire_ = harness_.Accept();
  ASSERT_TRUE(harness_.TurnUntil([&] { return told_ > 0; }));
  EXPECT_EQ(call_.stage(), Stage::kOpen);
  EXPECT_EQ(upstream().path, "/");
  EXPECT_EQ(account_.endpoint, harness_.backend.address());
}

TEST_F(UpstreamCallTest, AKeptConnectionIsThereAtOnce) {
  Use();
  EXPECT_EQ(call_.stage(), Stage::kAtRest);
  EXPECT_EQ(Begin(), Stage::kOpen);
  EXPECT_TRUE(account_.reused());
}

TEST_F(UpstreamCallTest, NothingOfOneCallIsInTheNext) {
  Open();
  call_.SendEnd(nullptr);
  EXPECT_TRUE(call_.request_done());
  call_.End(Failure::kNone, {200, {}});
  EXPECT_FALSE(call_.request_done());
  Begin();
  EXPECT_FALSE(call_.request_done());
  EXPECT_FALSE(upstream().ended);
}

TEST_F(UpstreamCallTest, AnEndAtRestIsNothing) {
  call_.End(Failure::kNone, {0, {}});
  EXPECT_EQ(call_.stage(), Stage::kAtRest);
}

TEST_F(UpstreamCallTest, AnEndCancelsTheWait) {
  EXPECT_EQ(Begin(), Stage::kWaiting);
  call_.End(Failure::kClientGone, {0, {}});
  EXPECT_EQ(harness_.cluster->pool(0).waiters(), 0u);
}

TEST_F(UpstreamCallTest, ADeadKeptConnectionIsReplacedAndTheBodySentAgain) {
  Use();
  Open();
  FakeUpstreamStream& first = upstream();
  pool::Buffer body(&harness_.slabs);
  body.Append("body");
  call_.SendBody(body, 4);
  call_.SendEnd(nullptr);
  const Stage stage = call_.OnTrouble(UpstreamTrouble::kReset);
  EXPECT_TRUE(first.finished);
  if (stage == Stage::kWaiting) wire_ = harness_.Accept();
  ASSERT_TRUE(harness_.TurnUntil([&] { return call_.stage() == Stage::kOpen; }));
  EXPECT_TRUE(upstream().ended);
  upstream().output.Deliver();
  EXPECT_EQ(upstream().output.delivered, "body");
  EXPECT_EQ(account_.retries, 1u);
}

TEST_F(UpstreamCallTest, ProofIsAwaitedForSoLongAndNoLonger) {
  head_.method = http::Method::kPost;
  Use();
  Open();
  call_.SendEnd(nullptr);
  upstream().output.Add("sent");
  upstream().output.Deliver();
  upstream().known = Evidence::kPending;
  EXPECT_EQ(call_.OnTrouble(UpstreamTrouble::kClosed), Stage::kWaiting);
  EXPECT_TRUE(call_.has_stream());
  pool::Duration waited{0};
  while (call_.wake_at().has_value()) {
    const pool::TimePoint wake = *call_.wake_at();
    waited += wake - harness_.clock.Now();
    harness_.clock.Advance(wake - harness_.clock.Now());
    harness_.Turn();
    call_.OnWake();
    ASSERT_LE(waited, 2 * UpstreamCall::kProofPatience);
  }
  EXPECT_EQ(call_.stage(), Stage::kFailed);
  EXPECT_EQ(call_.failure(), Failure::kUpstreamClosed);
  EXPECT_EQ(call_.failure_detail(), "The request was not sent again: not_proven");
  EXPECT_GE(waited, UpstreamCall::kProofPatience);
}

TEST_F(UpstreamCallTest, AStatusOfThePolicyIsReplaced) {
  policy_.statuses = {429};
  Open();
  call_.SendEnd(nullptr);
  bool replaced = true;
  EXPECT_EQ(call_.OnStatus({200, {}}, &replaced), Stage::kOpen);
  EXPECT_FALSE(replaced);
  FakeUpstreamStream& first = upstream();
  call_.OnStatus({429, {}}, &replaced);
  EXPECT_TRUE(replaced);
  EXPECT_TRUE(first.finished);
  EXPECT_EQ(harness_.Retries("retry_status"), 1u);
}

TEST_F(UpstreamCallTest, ATimeThatIsNearlyOverAllowsNoPause) {
  policy_.statuses = {429};
  policy_.attempts = 3;
  policy_.backoff = policy_.max_backoff = milliseconds(500);
  call_.Begin({.cluster = harness_.cluster.get(),
               .policy = &policy_,
               .head = &head_,
               .ends = harness_.loop.now() + milliseconds(200)});
  wire_ = harness_.Accept();
  ASSERT_TRUE(harness_.TurnUntil([&] { return call_.stage() == Stage::kOpen; }));
  call_.SendEnd(nullptr);
  bool replaced = false;
  call_.OnStatus({429, {}}, &replaced);
  EXPECT_TRUE(replaced) << "the first needs no pause";
  if (call_.stage() == Stage::kWaiting) wire_ = harness_.Accept();
  ASSERT_TRUE(harness_.TurnUntil([&] { return call_.stage() == Stage::kOpen; }));
  EXPECT_EQ(call_.OnStatus({429, {}}, &replaced), Stage::kOpen);
  EXPECT_FALSE(replaced) << "what is at hand is the better answer";
  EXPECT_EQ(harness_.Retries("no_time_left"), 1u);
}

TEST_F(UpstreamCallTest, ABodyThatItsCallerKeepsIsGivenAnew) {
  policy_.gateway_error = true;
  request_.body_kept = true;
  Open();
  pool::Buffer body(&harness_.slabs);
  body.Append(std::string(100'000, 'x'));
  call_.SendBody(body, body.size());
  call_.SendEnd(nullptr);
  bool replaced = false;
  EXPECT_NE(call_.OnStatus({503, {}}, &replaced), Stage::kFailed);
  EXPECT_TRUE(replaced);
  EXPECT_FALSE(call_.request_done());
  if (call_.stage() != Stage::kOpen) wire_ = harness_.Accept();
  ASSERT_TRUE(harness_.TurnUntil([&] { return call_.stage() == Stage::kOpen; }));
  EXPECT_EQ(upstream().output.unsent(), 0u);
  EXPECT_FALSE(upstream().ended);
}

}  // namespace
}  // namespace holdfast::proxy
