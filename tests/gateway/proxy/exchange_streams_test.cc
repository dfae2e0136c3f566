#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "gateway/proxy/exchange.h"
#include "tests/gateway/proxy/fake_streams.h"
#include "tests/gateway/proxy/proxy_harness.h"

// The exchange between two streams that behave as those of HTTP/2 will.

namespace holdfast::proxy {
namespace {

using http::BodyKind;
using std::chrono::seconds;
using stream::Evidence;
using stream::UpstreamTrouble;
using Step = Exchange::Step;

class ExchangeStreamsTest : public testing::Test, private ExchangeOwner {
 protected:
  explicit ExchangeStreamsTest(HarnessConfig config = {.listener = "body_timeout: 30s"})
      : harness_(config) {
    harness_.context.upstream_streams = &upstreams_;
    NewClient();
  }
  ~ExchangeStreamsTest() override {
    if (exchange_ == nullptr) return;
    exchange_->Cut();
    End();
  }

  void NewClient() { client_ = std::make_unique<FakeServerStream>(&harness_.slabs); }
  // Starts the client's request; it has the upstream's stream afterwards.
  void Begin() {
    over_ = false;
    serving_ = harness_.context.http1_servings.Take(&harness_.context);
    exchange_ = &serving_->exchange;
    exchange_->Begin({.stream = client_.get(),
                      .owner = this,
                      .listener = harness_.listener.get(),
                      .ip = "192.0.2.7"});
    Follow(exchange_->Start());
    const size_t streams = upstreams_.opened.size();
    if (!over_ && client_->status == 0 && !Connected()) wire_ = harness_.Accept();
    ASSERT_TRUE(over_ || harness_.TurnUntil([&] { return Connected(); })) << streams;
  }
  bool Connected() const {
    return !upstreams_.opened.empty() && !upstreams_.opened.back().finished;
  }
  FakeUpstreamStream& upstream() { return upstreams_.last(); }
  void Progress() { Follow(exchange_->Progress()); }
  // The end of a turn: what the streams were given leaves, and the exchange hears of it.
  void TurnEnds() {
    client_->output.Deliver();
    if (Connected()) upstream().output.Deliver();
    if (!over_) Progress();
  }

  ProxyHarness harness_;
  FakeUpstreams upstreams_{&harness_.slabs};
  std::unique_ptr<FakeServerStream> client_;
  Wire wire_;
  Http1Serving* serving_ = nullptr;
  Exchange* exchange_ = nullptr;  // of it
  bool over_ = false;
  bool complete_ = false;

  void Follow(Step step) {
    if (step == Step::kOver) End();
  }
  void End() {
    complete_ = exchange_->Finish();
    harness_.context.http1_servings.Give(&harness_.loop, serving_);
    exchange_ = nullptr;
    over_ = true;
  }

 private:
  void OnExchangeOver() override { End(); }
};

TEST_F(ExchangeStreamsTest, ADecodedHeadNeedsNoBytes) {
  client_->head.target = client_->head.path = "/where";
  Begin();
  EXPECT_EQ(upstream().path, "/where");
  EXPECT_EQ(upstream().client_ip, "192.0.2.7");
  EXPECT_TRUE(upstream().ended);
  upstream().heads = {103, 200};
  upstream().input.Add("hello");
  upstream().trailers.Add({.name = "t", .value = "1"});
  upstream().input.End();
  upstream().Tell();
  EXPECT_EQ(client_->interims, std::vector<int>{103});
  EXPECT_EQ(client_->status, 200);
  EXPECT_EQ(client_->fields, "x-a=1;");
  EXPECT_FALSE(over_) << "what was sent has not left";
  TurnEnds();
  EXPECT_TRUE(over_);
  EXPECT_TRUE(complete_);
  EXPECT_EQ(client_->output.delivered, "hello") << "with no coding of its own";
  EXPECT_EQ(client_->sent_trailers, 1u);
}

TEST_F(ExchangeStreamsTest, ABodyOfUnknownLengthAndItsTrailersGoUp) {
  client_->head.method = http::Method::kPost;
  client_->head.method_text = "POST";
  client_->head.body = BodyKind::kChunked;
  client_->input.Add("part");
  Begin();
  EXPECT_FALSE(upstream().ended);
  client_->input.Add(" and rest");
  client_->trailers.Add({.name = "t", .value = "1"});
  client_->input.End();
  Progress();
  TurnEnds();
  EXPECT_EQ(upstream().output.delivered, "part and rest");
  EXPECT_TRUE(upstream().ended);
  EXPECT_EQ(upstream().sent_trailers, 1u);
}

// The peer's window is shut, and opens a little now and then: a slow reader, not a dead one.
TEST_F(ExchangeStreamsTest, WhatLeavesBetweenTheCallsIsProgress) {
  Begin();
  upstream().heads = {200};
  upstream().input.Add("0123456789");
  upstream().input.End();
  client_->output.window = 0;
  upstream().Tell();
  for (int i = 0; i < 8; ++i) {
    harness_.Advance(seconds(20));
    ASSERT_FALSE(over_);
    client_->output.window = 1;
    client_->output.Deliver();  // Nobody tells the exchange.
  }
  harness_.Advance(seconds(30));
  harness_.Advance(seconds(31));
  EXPECT_TRUE(over_);
  EXPECT_FALSE(complete_) << "now nothing has moved for longer than body_timeout";
}

TEST_F(ExchangeStreamsTest, AWindowThatOpensLaterLetsTheRequestGoOn) {
  client_->head.method = http::Method::kPost;
  client_->head.method_text = "POST";
  client_->head.body = BodyKind::kChunked;
  const std::string part(16 * 1024, 'x');
  for (int i = 0; i < 8; ++i) client_->input.Add(part);
  client_->input.End();
  Begin();
  EXPECT_GE(upstream().output.unsent(), stream::kHighWatermark);
  EXPECT_LE(upstream().output.unsent(), stream::kHighWatermark + part.size());
  EXPECT_FALSE(upstream().ended) << "no more is taken from the client than the window lets through";
  for (int i = 0; i < 2; ++i) {
    upstream().output.Deliver();
    upstream().Tell();
  }
  EXPECT_TRUE(upstream().ended);
  TurnEnds();
  EXPECT_EQ(upstream().output.delivered.size(), 8 * part.size());
}

class RetryUnprocessedTest : public ExchangeStreamsTest {
 protected:
  // One exchange, so that the next meets a kept connection.
  void UseOnce() {
    Begin();
    upstream().heads = {204};
    upstream().input.End();
    upstream().Tell();
    TurnEnds();
    ASSERT_TRUE(over_ && complete_);
    NewClient();
  }
  void Post() {
    client_->head.method = http::Method::kPost;
    client_->head.method_text = "POST";
    client_->head.body = BodyKind::kChunked;
    client_->input.Add("once");
    client_->input.End();
    Begin();
  }
};

TEST_F(RetryUnprocessedTest, AResetThatSaysUnprocessedIsSentAgainWhateverTheMethod) {
  UseOnce();
  Post();
  upstream().output.Deliver();
  FakeUpstreamStream& refused = upstream();
  refused.trouble = UpstreamTrouble::kReset;
  refused.known = Evidence::kUnprocessed;
  refused.Tell();
  EXPECT_TRUE(refused.finished);
  if (!Connected()) wire_ = harness_.Accept();
  ASSERT_TRUE(harness_.TurnUntil([&] { return Connected(); }));
  upstream().output.Deliver();
  EXPECT_EQ(upstream().output.delivered, "once") << "the body as well";
  EXPECT_EQ(harness_.Retries("retry_proven"), 1u);
}

TEST_F(RetryUnprocessedTest, AResetThatSaysNothingIsNot) {
  UseOnce();
  Post();
  upstream().output.Deliver();
  upstream().trouble = UpstreamTrouble::kReset;
  upstream().Tell();
  TurnEnds();
  EXPECT_TRUE(over_);
  EXPECT_EQ(client_->status, 502);
  EXPECT_EQ(harness_.Retries("not_proven"), 1u);
}

TEST_F(RetryUnprocessedTest, EvidenceThatIsPendingIsWaitedFor) {
  UseOnce();
  Post();
  upstream().output.Deliver();
  FakeUpstreamStream& refused = upstream();
  refused.trouble = UpstreamTrouble::kClosed;
  refused.known = Evidence::kPending;
  refused.Tell();
  EXPECT_FALSE(refused.finished);
  refused.known = Evidence::kUnprocessed;
  harness_.Advance(2 * UpstreamCall::kProofStep);
  EXPECT_TRUE(refused.finished);
  EXPECT_EQ(harness_.Retries("retry_proven"), 1u);
}

// How a WebSocket comes over HTTP/2 (RFC 8441): an upgrade to whoever looks at the head.
TEST_F(ExchangeStreamsTest, AnExtendedConnectBecomesATunnelOfStreams) {
  client_->head.connection_upgrade = true;
  Begin();
  upstream().heads = {101};
  upstream().Tell();
  EXPECT_TRUE(client_->switched);
  EXPECT_TRUE(upstream().switched);
  client_->input.Add("ping");
  upstream().input.Add("pong");
  Progress();
  TurnEnds();
  EXPECT_EQ(upstream().output.delivered, "ping");
  EXPECT_EQ(client_->output.delivered, "pong");
  client_->input.End();
  Progress();
  EXPECT_TRUE(upstream().ended);
  EXPECT_FALSE(over_) << "the other way goes on";
  upstream().input.Add("late");
  upstream().input.End();
  Progress();
  TurnEnds();
  EXPECT_EQ(client_->output.delivered, "ponglate");
  EXPECT_TRUE(over_ && complete_);
}

TEST_F(ExchangeStreamsTest, AClientThatIsGoneEndsTheUpstreamsStream) {
  Begin();
  FakeUpstreamStream& open = upstream();
  EXPECT_EQ(exchange_->OnClientEnded(/*gone=*/true), Step::kOver);
  End();
  EXPECT_TRUE(open.finished);
}

}  // namespace
}  // namespace holdfast::proxy
