#include "gateway/http2/stream.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "gateway/http2/session.h"
#include "tests/gateway/http2/support/session_harness.h"
#include "tests/support/pattern.h"

namespace holdfast::http2 {
namespace {

using http::BodyKind;
using http::Refusal;
using pool::FlushStatus;
using support::Http2Request;
using support::Pattern;
using Kind = stream::BodyStep::Kind;

constexpr uint32_t kProtocolError = 1;
constexpr uint32_t kInternalError = 2;
constexpr uint32_t kCancel = 8;

class StreamTest : public testing::Test {
 protected:
  void Start(const HarnessOptions& options = {}, const Http2Request& request = {}) {
    harness_ = std::make_unique<SessionHarness>(options);
    stream_ = harness_->Begin(request, &id_);
    harness_->ready.clear();
  }
  void SendHead() { stream_->SendHead(HeadOf(200, BodyKind::kChunked), {}); }
  bool WasReady() { return !harness_->ready.empty(); }
  const support::Http2Response& response() { return harness_->client->At(id_); }

  std::unique_ptr<SessionHarness> harness_;
  ServerStream* stream_ = nullptr;
  int32_t id_ = 0;
};

TEST_F(StreamTest, FlushIsDoneWhenNothingWaits) {
  Start();
  SendHead();
  EXPECT_EQ(stream_->Flush(), FlushStatus::kDone);
  harness_->Turns(2);
  EXPECT_EQ(response().Status(), 200);
  EXPECT_FALSE(response().ended);
}

TEST_F(StreamTest, ASmallCompleteMessageIsAsGoodAsSent) {
  Start();
  SendHead();
  stream_->SendBody(Pattern(1000));
  stream_->SendEnd(nullptr);
  const uint64_t before = stream_->bytes_sent();
  EXPECT_EQ(stream_->Flush(), FlushStatus::kDone);
  EXPECT_EQ(stream_->bytes_sent(), before + 1000);
  harness_->Finish(*stream_);
  harness_->Turns(2);
  EXPECT_EQ(response().body, Pattern(1000));
  EXPECT_TRUE(response().ended);
  EXPECT_EQ(harness_->session->streams(), 0u);
}

TEST_F(StreamTest, AnUnfinishedMessageBlocksUntilItWasFramed) {
  Start();
  SendHead();
  stream_->SendBody("part");
  const uint64_t before = stream_->bytes_sent();
  EXPECT_EQ(stream_->Flush(), FlushStatus::kBlocked);
  EXPECT_FALSE(WasReady());
  harness_->loop.RunOnce(pool::Duration::zero());
  EXPECT_TRUE(WasReady());
  EXPECT_EQ(stream_->bytes_sent(), before + 4);
  EXPECT_EQ(stream_->Flush(), FlushStatus::kDone);
}

TEST_F(StreamTest, ALargeMessageBlocksUntilItWasFramed) {
  Start({.client = {.stream_window = 1024 * 1024}});
  SendHead();
  stream_->SendBody(Pattern(200'000));
  stream_->SendEnd(nullptr);
  EXPECT_EQ(stream_->Flush(), FlushStatus::kBlocked);
  ASSERT_TRUE(harness_->TurnUntil([&] { return WasReady(); }));
  ASSERT_TRUE(harness_->TurnUntil([&] { return stream_->Flush() == FlushStatus::kDone; }));
  harness_->Finish(*stream_);
  harness_->Turns(3);
  EXPECT_EQ(response().body, Pattern(200'000));
}

TEST_F(StreamTest, WhatHasNoRoomAtThePeerBlocks) {
  Start({.client = {.stream_window = 100, .reads_bodies = false}});
  SendHead();
  stream_->SendBody(Pattern(101));
  stream_->SendEnd(nullptr);
  EXPECT_EQ(stream_->Flush(), FlushStatus::kBlocked);
  harness_->Turns(5);
  EXPECT_EQ(response().body.size(), 100u);
  EXPECT_FALSE(response().ended);
  harness_->client->Grant(id_, 100);
  harness_->ready.clear();
  ASSERT_TRUE(harness_->TurnUntil([&] { return response().ended; }));
  EXPECT_TRUE(WasReady());
  EXPECT_EQ(stream_->Flush(), FlushStatus::kDone);
}

TEST_F(StreamTest, BothWatermarksDecideWhetherItIsCongested) {
  Start({.client = {.stream_window = 1, .reads_bodies = false}});
  SendHead();
  stream_->SendBody(Pattern(stream::kHighWatermark - 1));
  EXPECT_FALSE(stream_->Congested());
  stream_->SendBody("x");
  EXPECT_TRUE(stream_->Congested());
  harness_->Turns(3);
  EXPECT_TRUE(stream_->Congested()) << "one byte has left, far above the low one";
  harness_->ready.clear();
  harness_->client_reads = false;  // or it finds that its window is passed
  // The client's window: all but a byte more than the low watermark.
  const auto window = static_cast<uint32_t>(stream::kHighWatermark - stream::kLowWatermark - 1);
  const auto increment = [](uint32_t by) {
    std::string bytes;
    for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(by >> shift);
    return bytes;
  };
  harness_->client->SendRaw(Frame(8, 0, static_cast<uint32_t>(id_), increment(window - 1)));
  harness_->Turns(3);
  EXPECT_TRUE(stream_->Congested());
  EXPECT_FALSE(WasReady());
  harness_->client->SendRaw(Frame(8, 0, static_cast<uint32_t>(id_), increment(2)));
  harness_->Turns(3);
  EXPECT_TRUE(WasReady());
  EXPECT_FALSE(stream_->Congested());
}

TEST_F(StreamTest, TrailersGoAlthoughTheirListIsGone) {
  Start({.client = {.stream_window = 3, .reads_bodies = false}});
  SendHead();
  {
    std::string value = "sum";
    http::HeaderList trailers;
    trailers.Add({.name = "Checksum", .value = value});
    stream_->SendBody("hello");
    stream_->SendEnd(&trailers);
    stream_->Flush();
    value = "bad";
  }
  harness_->Turns(3);
  EXPECT_FALSE(response().ended);
  harness_->client->Grant(id_, 3);
  ASSERT_TRUE(harness_->TurnUntil([&] { return response().ended; }));
  EXPECT_EQ(response().body, "hello");
  EXPECT_EQ(response().trailers, (support::Http2Fields{{"checksum", "sum"}}));
}

TEST_F(StreamTest, AResetOfThePeersIsToldWithItsCode) {
  Start({}, {.method = "POST", .body = "part", .open = true});
  SendHead();
  stream_->SendBody("part");
  harness_->client->Reset(id_, kCancel);
  ASSERT_TRUE(harness_->TurnUntil([&] { return stream_->lost(); }));
  EXPECT_TRUE(WasReady());
  EXPECT_EQ(stream_->reset_code(), kCancel);
  EXPECT_EQ(stream_->Flush(), FlushStatus::kError);
  EXPECT_EQ(harness_->TakeBody(*stream_), "part") << "what came before";
  EXPECT_EQ(harness_->last.kind, Kind::kBroken);
  EXPECT_EQ(harness_->last.refusal, Refusal::kNone);
  stream_->SendBody("more");
  stream_->SendEnd(nullptr);
  EXPECT_EQ(stream_->Flush(), FlushStatus::kError);
  harness_->Finish(*stream_);
  EXPECT_EQ(harness_->session->streams(), 0u);
}

TEST_F(StreamTest, ABodyIsAsLongAsItSays) {
  const struct {
    const char* length;
    const char* body;
    bool open;
    Kind last;
  } cases[] = {
      {"4", "body", false, Kind::kEnd},     {"4", "bod", false, Kind::kBroken},
      {"4", "bodyx", false, Kind::kBroken}, {"4", "bodyx", true, Kind::kBroken},
      {"4", "bod", true, Kind::kBlocked},   {"0", "", false, Kind::kEnd},
      {"0", "x", true, Kind::kBroken},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.body);
    Start({}, {.method = "POST",
               .fields = {{"content-length", test.length}},
               .body = test.body,
               .open = test.open});
    harness_->Turns(3);
    harness_->TakeBody(*stream_);
    EXPECT_EQ(harness_->last.kind, test.last);
    if (test.last != Kind::kBroken) continue;
    EXPECT_EQ(harness_->last.refusal, Refusal::kContentLengthMismatch);
    harness_->Answer(*stream_, "no");
    harness_->Finish(*stream_);
    harness_->Turns(3);
    EXPECT_EQ(response().body, "no");
    EXPECT_EQ(response().reset == kProtocolError, test.open);
    EXPECT_EQ(harness_->session->streams(), 0u);
  }
}

TEST_F(StreamTest, OfAMessageThatSaysItHasNoBodyNoneComes) {
  Start({}, {.method = "POST", .fields = {{"content-length", "3"}}});
  harness_->TakeBody(*stream_);
  EXPECT_TRUE(stream_->refusal() != Refusal::kNone || harness_->last.kind == Kind::kBroken);
}

TEST_F(StreamTest, WhatComesAfterItsUserIsDoneIsGivenBack) {
  Start({.limits = {.stream_window = 64 * 1024, .connection_window = 64 * 1024},
         .client = {.stream_window = 1, .reads_bodies = false}},
        {.method = "POST", .body = "begin", .open = true});
  SendHead();
  stream_->SendBody("xx");  // waits for a window
  stream_->SendEnd(nullptr);
  harness_->Finish(*stream_);
  harness_->Turns(3);
  EXPECT_EQ(harness_->session->streams(), 1u);
  harness_->client->SendBody(id_, Pattern(500'000), /*last=*/false);
  ASSERT_TRUE(harness_->TurnUntil([&] { return harness_->client->Unsent(id_) == 0; }));
  EXPECT_GE(harness_->client->Room(0), 32 * 1024);
  harness_->client->Grant(id_, 1);
  ASSERT_TRUE(harness_->TurnUntil([&] { return harness_->session->streams() == 0; }));
  EXPECT_TRUE(response().ended);
}

// What nobody counts is not too short, either.
TEST_F(StreamTest, ABodyThatIsNotWaitedForIsNotFoundTooShort) {
  Start({.client = {.stream_window = 1, .reads_bodies = false}},
        {.method = "POST", .fields = {{"content-length", "9"}}, .body = "begin", .open = true});
  SendHead();
  stream_->SendBody("xx");
  stream_->SendEnd(nullptr);
  harness_->Finish(*stream_);
  harness_->client->SendBody(id_, "rest", /*last=*/true);
  harness_->Turns(3);
  harness_->client->Grant(id_, 1);
  ASSERT_TRUE(harness_->TurnUntil([&] { return response().ended; }));
  harness_->Turns(3);
  EXPECT_FALSE(response().reset.has_value());
  EXPECT_FALSE(harness_->session->guard().has_counts());
}

TEST_F(StreamTest, AnIncompleteMessageIsReset) {
  Start();
  SendHead();
  stream_->SendBody("part");
  harness_->Finish(*stream_, /*complete=*/false);
  harness_->Turns(3);
  EXPECT_EQ(response().reset, kInternalError);
  EXPECT_EQ(harness_->session->streams(), 0u);
}

// RFC 9113 section 8.1.
TEST_F(StreamTest, ARequestThatIsNotReadIsStoppedAfterTheResponse) {
  Start({}, {.method = "POST", .body = "part", .open = true});
  harness_->Answer(*stream_, "enough");
  harness_->Finish(*stream_);
  harness_->Turns(3);
  EXPECT_TRUE(response().ended);
  EXPECT_EQ(response().body, "enough");
  EXPECT_EQ(harness_->session->streams(), 0u) << "it was stopped";
  EXPECT_FALSE(harness_->session->guard().has_counts()) << "which is nobody's fault";
}

TEST_F(StreamTest, TheResponsesEndComesFirstHoweverLateItIsFramed) {
  Start({.client = {.stream_window = 3, .reads_bodies = false}},
        {.method = "POST", .body = "part", .open = true});
  harness_->Answer(*stream_, "enough");
  harness_->Finish(*stream_);
  harness_->Turns(5);
  EXPECT_FALSE(response().reset.has_value());
  harness_->client->Grant(id_, 3);
  ASSERT_TRUE(harness_->TurnUntil([&] { return harness_->session->streams() == 0; }));
  harness_->Turns(2);
  EXPECT_EQ(response().body, "enough");
  EXPECT_TRUE(response().ended);
}

}  // namespace
}  // namespace holdfast::http2
