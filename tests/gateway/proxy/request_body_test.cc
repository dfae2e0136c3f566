#include "gateway/proxy/request_body.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "tests/gateway/proxy/fake_streams.h"
#include "tests/gateway/proxy/proxy_harness.h"
#include "tests/pool/net/socket_pair.h"

namespace holdfast::proxy {
namespace {

using Kind = stream::BodyStep::Kind;
using HeldKind = RequestBody::Held::Kind;

class RequestBodyTest : public testing::Test, private CallEvents {
 protected:
  RequestBodyTest() {
    harness_.context.upstream_streams = &upstreams_;
    client_.head.body = http::BodyKind::kChunked;
    body_.Begin();
  }
  ~RequestBodyTest() override { call_.End(Failure::kClientGone, {0, {}}); }

  void Open() {
    const auto stage =
        call_.Begin({.cluster = harness_.cluster.get(), .policy = &policy_, .head = &client_.head});
    if (stage != UpstreamCall::Stage::kOpen) wire_ = harness_.Accept();
    ASSERT_TRUE(harness_.TurnUntil([this] { return call_.stage() == UpstreamCall::Stage::kOpen; }));
  }
  RequestBody::Filled Fill() { return body_.Fill(client_, limit_, &call_); }
  RequestBody::Held Hold() { return body_.Hold(client_, limit_); }
  size_t buffered() const { return harness_.context.buffered_bytes; }
  // What that is with one body of `bytes`.
  static size_t One(size_t bytes) { return bytes + RequestBody::kHeldOverhead; }
  std::string Sent() {
    upstreams_.last().output.Deliver();
    return upstreams_.last().output.delivered;
  }

  ProxyHarness harness_;
  FakeUpstreams upstreams_{&harness_.slabs};
  FakeServerStream client_{&harness_.slabs};
  config::RetryPolicy policy_;
  ExchangeAccount account_;
  UpstreamCall call_{&harness_.context, &account_, this};
  RequestBody body_{&harness_.context};
  std::optional<uint64_t> limit_;
  Wire wire_;

 private:
  void OnCallReady() override {}
};

TEST_F(RequestBodyTest, WhatHasComeIsSentAndTheRestIsWaitedFor) {
  Open();
  EXPECT_EQ(Fill().kind, Kind::kBlocked);
  EXPECT_FALSE(Fill().moved);
  client_.input.Add("one ");
  client_.input.Add("two");
  const RequestBody::Filled filled = Fill();
  EXPECT_EQ(filled.kind, Kind::kBlocked);
  EXPECT_TRUE(filled.moved);
  EXPECT_FALSE(body_.ended());
  client_.input.End();
  EXPECT_EQ(Fill().kind, Kind::kEnd);
  EXPECT_TRUE(body_.ended());
  EXPECT_EQ(Sent(), "one two");
}

TEST_F(RequestBodyTest, AnUpstreamThatTakesNothingIsGivenNoMore) {
  Open();
  upstreams_.last().output.window = 0;
  for (int i = 0; i < 3; ++i) client_.input.Add(std::string(stream::kHighWatermark, 'x'));
  EXPECT_EQ(Fill().kind, Kind::kData);
  EXPECT_EQ(upstreams_.last().output.unsent(), stream::kHighWatermark);
  EXPECT_FALSE(Fill().moved);
}

TEST_F(RequestBodyTest, MoreThanTheRouteTakesIsTooLong) {
  limit_ = 5;
  Open();
  client_.input.Add("12345");
  EXPECT_EQ(Fill().kind, Kind::kBlocked);
  client_.input.Add("6");
  const RequestBody::Filled filled = Fill();
  EXPECT_EQ(filled.kind, Kind::kBroken);
  EXPECT_TRUE(filled.too_long);
  EXPECT_EQ(Sent(), "12345");
}

TEST_F(RequestBodyTest, WhatBreaksIsNotTooLong) {
  Open();
  client_.input.Break();
  const RequestBody::Filled filled = Fill();
  EXPECT_EQ(filled.kind, Kind::kBroken);
  EXPECT_FALSE(filled.too_long);
  EXPECT_FALSE(body_.ended());
}

TEST_F(RequestBodyTest, AClientThatWaitsToBeToldKeepsItsBodyBack) {
  EXPECT_FALSE(body_.HeldBack(client_.head));
  client_.head.expect_continue = true;
  EXPECT_TRUE(body_.HeldBack(client_.head));
  body_.NoteContinue();
  EXPECT_FALSE(body_.HeldBack(client_.head));
  body_.Begin();
  EXPECT_TRUE(body_.HeldBack(client_.head));
  Open();
  client_.input.Add("unasked");
  Fill();
  EXPECT_FALSE(body_.HeldBack(client_.head));
}

TEST_F(RequestBodyTest, AShortRestIsThrownAway) {
  bool moved = false;
  client_.input.Add("rest");
  EXPECT_TRUE(body_.Discard(client_, &moved));
  EXPECT_TRUE(moved);
  client_.input.End();
  EXPECT_FALSE(body_.Discard(client_, &moved));
}

TEST_F(RequestBodyTest, ALongRestIsNotReadToItsEnd) {
  bool moved = false;
  for (int i = 0; i < 3; ++i) {
    client_.input.Add(std::string(RequestBody::kMaxDiscardBytes, 'x'));
  }
  EXPECT_FALSE(body_.Discard(client_, &moved));
  client_.head.content_length = RequestBody::kMaxDiscardBytes;
  EXPECT_TRUE(RequestBody::IsShort(client_.head));
  ++client_.head.content_length;
  EXPECT_FALSE(RequestBody::IsShort(client_.head));
}

TEST_F(RequestBodyTest, AWholeBodyIsHeldAndThenSent) {
  body_.BeginHold(10, One(10));
  EXPECT_EQ(Hold().kind, HeldKind::kBlocked);
  EXPECT_FALSE(Hold().moved);
  client_.input.Add("01234");
  EXPECT_TRUE(Hold().moved);
  EXPECT_EQ(buffered(), One(5));
  client_.input.Add("56789");
  client_.input.End();
  const RequestBody::Held held = Hold();
  EXPECT_EQ(held.kind, HeldKind::kOver);
  EXPECT_EQ(held.outcome, HoldOutcome::kWhole);
  EXPECT_TRUE(body_.ended());
  EXPECT_EQ(body_.Whole(), "0123456789");
  Open();
  EXPECT_EQ(Fill().kind, Kind::kEnd);
  EXPECT_EQ(Sent(), "0123456789");
  EXPECT_EQ(buffered(), One(10)) << "it may be sent again";
  body_.LetGo();
  EXPECT_EQ(buffered(), 0u);
}

TEST_F(RequestBodyTest, AnotherAttemptIsGivenItFromTheStart) {
  const std::string body = pool::Pattern(200'000);
  body_.BeginHold(body.size(), One(body.size()));
  client_.input.Add(body);
  client_.input.End();
  EXPECT_EQ(Hold().outcome, HoldOutcome::kWhole);
  for (int attempt = 0; attempt < 3; ++attempt) {
    Open();
    body_.Rewind();
    while (Fill().kind != Kind::kEnd) Sent();
    EXPECT_TRUE(Sent() == body) << attempt;
    EXPECT_EQ(buffered(), One(body.size()));
    call_.End(Failure::kClientGone, {0, {}});
  }
  Open();
  body_.Rewind();
  EXPECT_EQ(Fill().kind, Kind::kData);
  body_.Rewind();
  EXPECT_TRUE(body_.Whole() == body);
}

TEST_F(RequestBodyTest, WithoutAnotherAttemptWhatIsSentIsForgotten) {
  const std::string body = pool::Pattern(200'000);
  body_.BeginHold(body.size(), One(body.size()));
  client_.input.Add(body);
  client_.input.End();
  EXPECT_EQ(Hold().outcome, HoldOutcome::kWhole);
  Open();
  EXPECT_EQ(Fill().kind, Kind::kData);
  body_.ForgetSent();
  EXPECT_LT(buffered(), One(body.size()));
  EXPECT_GT(buffered(), 0u);
  Sent();
  while (Fill().kind != Kind::kEnd) Sent();
  EXPECT_TRUE(Sent() == body);
  EXPECT_EQ(buffered(), 0u);
}

TEST_F(RequestBodyTest, ALongerOneIsSentOnAndTheRestAsItComes) {
  body_.BeginHold(5, One(6));
  client_.input.Add("012345");
  const RequestBody::Held held = Hold();
  EXPECT_EQ(held.kind, HeldKind::kOver);
  EXPECT_EQ(held.outcome, HoldOutcome::kTooLong);
  EXPECT_FALSE(body_.kept());
  Open();
  client_.input.Add("6789");
  EXPECT_EQ(Fill().kind, Kind::kBlocked);
  EXPECT_EQ(Sent(), "0123456789");
  EXPECT_EQ(buffered(), 0u);
  client_.input.End();
  EXPECT_EQ(Fill().kind, Kind::kEnd);
}

TEST_F(RequestBodyTest, ABodyOfExactlyTheBoundIsWhole) {
  body_.BeginHold(5, One(6));
  client_.input.Add("01234");
  EXPECT_EQ(Hold().kind, HeldKind::kBlocked);
  client_.input.End();
  EXPECT_EQ(Hold().outcome, HoldOutcome::kWhole);
}

TEST_F(RequestBodyTest, TheWorkersRoomIsForAllOfItsBodies) {
  RequestBody other(&harness_.context);
  other.Begin();
  other.BeginHold(100, One(10));
  client_.input.Add("01234567");
  EXPECT_EQ(other.Hold(client_, limit_).kind, HeldKind::kBlocked);
  body_.BeginHold(100, One(10));
  client_.input.Add("012");
  EXPECT_EQ(Hold().outcome, HoldOutcome::kNoRoom);
  EXPECT_EQ(buffered(), One(8) + One(3)) << "what has left the client's stream is nowhere else";
  other.LetGo();
  EXPECT_EQ(buffered(), One(3));
}

TEST_F(RequestBodyTest, TheRoutesLimitHoldsForWhatIsHeld) {
  limit_ = 3;
  body_.BeginHold(100, One(100));
  client_.input.Add("0123");
  const RequestBody::Held held = Hold();
  EXPECT_EQ(held.kind, HeldKind::kBroken);
  EXPECT_TRUE(held.too_long);
}

TEST_F(RequestBodyTest, WhatBreaksIsBroken) {
  body_.BeginHold(100, One(100));
  client_.input.Add("0123");
  client_.input.Break();
  const RequestBody::Held held = Hold();
  EXPECT_EQ(held.kind, HeldKind::kBroken);
  EXPECT_FALSE(held.too_long);
}

TEST_F(RequestBodyTest, ATurnReadsNoMoreThanItsShare) {
  constexpr size_t kMuch = 10 * RequestBody::kMaxHeldPerTurn;
  body_.BeginHold(kMuch, kMuch);
  for (int i = 0; i < 3; ++i) client_.input.Add(std::string(RequestBody::kMaxHeldPerTurn, 'x'));
  EXPECT_EQ(Hold().kind, HeldKind::kMore);
  EXPECT_EQ(buffered(), One(RequestBody::kMaxHeldPerTurn));
}

}  // namespace
}  // namespace holdfast::proxy
