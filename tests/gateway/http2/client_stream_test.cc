#include "gateway/http2/client_stream.h"

#include <nghttp2/nghttp2.h>

#include <string>

#include <gtest/gtest.h>

#include "tests/gateway/http2/client_harness.h"

namespace holdfast::http2 {
namespace {

using http::Refusal;
using stream::Evidence;
using stream::UpstreamTrouble;
using BodyKind = stream::BodyStep::Kind;
using HeadKind = stream::HeadStep::Kind;

class ClientStreamTest : public ClientHarness {};

TEST_F(ClientStreamTest, AWholeExchange) {
  Start();
  Caller& caller = Ask();
  EXPECT_EQ(NextHead(caller).kind, HeadKind::kBlocked);
  EXPECT_EQ(caller.stream->bytes_sent(), 0u);
  Settle();
  const SeenRequest& seen = Seen(1);
  EXPECT_EQ(seen.Field(":method"), "GET");
  EXPECT_EQ(seen.Field(":scheme"), "http");
  EXPECT_EQ(seen.Field(":path"), "/");
  EXPECT_EQ(seen.Field(":authority"), "a.test");
  EXPECT_EQ(seen.Field("connection"), "");
  EXPECT_TRUE(seen.ended);
  EXPECT_GT(caller.stream->bytes_sent(), 0u);
  EXPECT_FALSE(caller.stream->response_begun());
  server_->Respond(1, 200, {{"content-length", "2"}}, "ok");
  Settle();
  EXPECT_GT(caller.events, 0);
  EXPECT_TRUE(caller.stream->response_begun());
  ExpectAnswer(caller, "ok");
  EXPECT_EQ(session_->streams(), 0u);
  EXPECT_FALSE(seen.reset.has_value());
}

TEST_F(ClientStreamTest, AnswersOfManyStreamsAreEachOnesOwn) {
  Start();
  for (int i = 0; i < 50; ++i) Ask();
  Settle();
  ASSERT_EQ(server_->requests.size(), 50u);
  for (int32_t id = 99; id > 0; id -= 2) {
    server_->Respond(id, 200, {}, "answer " + std::to_string(id));
  }
  Settle();
  for (int i = 0; i < 50; ++i) ExpectAnswer(callers_[i], "answer " + std::to_string(2 * i + 1));
}

TEST_F(ClientStreamTest, ABodyAndItsTrailersGoOut) {
  Start();
  Caller& caller = Ask(http::Method::kPost, http::BodyKind::kChunked);
  http::HeaderList trailers;
  trailers.Add({.name = "X-Sum", .value = "17"});
  Send(caller, "some body", &trailers);
  Settle();
  EXPECT_EQ(Seen(1).body, "some body");
  EXPECT_TRUE(Seen(1).ended);
  EXPECT_EQ(Seen(1).trailers, (Fields{{"x-sum", "17"}}));
  EXPECT_EQ(Seen(1).Field("transfer-encoding"), "");
}

TEST_F(ClientStreamTest, TrailersOfTheResponseAreThereAtItsEnd) {
  Start();
  Caller& caller = Ask();
  Settle();
  server_->Respond(1, 200, {}, "ok", true, {{"x-sum", "17"}});
  Settle();
  ASSERT_EQ(NextHead(caller).kind, HeadKind::kHead);
  EXPECT_EQ(caller.head.body, http::BodyKind::kChunked);
  EXPECT_EQ(caller.Body(), "ok");
  EXPECT_EQ(caller.last.kind, BodyKind::kEnd);
  ASSERT_EQ(caller.stream->response_trailers()->fields().size(), 1u);
  EXPECT_EQ(caller.stream->response_trailers()->fields()[0].value, "17");
}

TEST_F(ClientStreamTest, InterimHeadsComeOneByOneAndStayGood) {
  Start();
  Caller& caller = Ask();
  Settle();
  server_->Inform(1, 103, {{"link", "</first>"}});
  server_->Inform(1, 103, {{"link", "</second>"}});
  server_->Respond(1, 200, {}, "ok");
  Settle();
  ASSERT_EQ(NextHead(caller).kind, HeadKind::kHead);
  EXPECT_EQ(caller.head.status, 103);
  EXPECT_EQ(caller.head.headers.fields()[0].value, "</first>");
  ASSERT_EQ(NextHead(caller).kind, HeadKind::kHead);
  EXPECT_EQ(caller.head.headers.fields()[0].value, "</second>");
  ExpectAnswer(caller, "ok");
}

TEST_F(ClientStreamTest, AHeadIsGoodWhileTrailersCome) {
  Start();
  Caller& caller = Ask();
  Settle();
  server_->Respond(1, 200, {{"x-kept", "value"}}, "ok", /*end=*/false);
  Settle();
  ASSERT_EQ(NextHead(caller).kind, HeadKind::kHead);
  server_->SendBody(1, "more", true);
  Settle();
  EXPECT_EQ(caller.head.headers.fields()[0].value, "value");
  EXPECT_EQ(caller.Body(), "okmore");
}

TEST_F(ClientStreamTest, TooManyInterimHeadsInOneGoBreakIt) {
  Start();
  Caller& caller = Ask();
  Settle();
  for (size_t i = 0; i <= ClientStream::kMaxWaitingHeads; ++i) server_->Inform(1, 103);
  Settle();
  stream::HeadStep step;
  while ((step = NextHead(caller)).kind == HeadKind::kHead) {
  }
  EXPECT_EQ(step.kind, HeadKind::kBroken);
  EXPECT_EQ(step.refusal, Refusal::kTooManyInterimResponses);
  caller.Finish();
  Settle();
  EXPECT_TRUE(Seen(1).reset.has_value());
  EXPECT_TRUE(alive_);
}

TEST_F(ClientStreamTest, AHeadOfNoBodyIsTheWholeResponse) {
  Start();
  Caller& head = Ask(http::Method::kHead);
  Caller& none = Ask();
  Caller& same = Ask();
  Settle();
  server_->Respond(1, 200, {{"content-length", "500"}});
  server_->Respond(3, 204);
  server_->Respond(5, 304, {{"content-length", "500"}});
  Settle();
  for (Caller* caller : {&head, &none, &same}) {
    ASSERT_EQ(NextHead(*caller).kind, HeadKind::kHead);
    EXPECT_EQ(caller->head.body, http::BodyKind::kNone);
    EXPECT_EQ(caller->Body(), "");
    EXPECT_EQ(caller->last.kind, BodyKind::kEnd);
  }
}

TEST_F(ClientStreamTest, ABodyThatIsCutIsNoEnd) {
  Start();
  Caller& caller = Ask();
  Settle();
  server_->Respond(1, 200, {}, "part", /*end=*/false);
  Settle();
  ASSERT_EQ(NextHead(caller).kind, HeadKind::kHead);
  EXPECT_EQ(caller.Body(), "part");
  EXPECT_EQ(caller.last.kind, BodyKind::kBlocked);
  server_->Reset(1, NGHTTP2_INTERNAL_ERROR);
  Settle();
  caller.Body();
  EXPECT_EQ(caller.last.kind, BodyKind::kBroken);
  EXPECT_EQ(caller.last.refusal, Refusal::kNone);
  EXPECT_FALSE(caller.Finish().broken) << "the connection is sound";
}

TEST_F(ClientStreamTest, ABodyOfAnotherLengthThanAnnouncedIsNoEnd) {
  Start();
  Caller& caller = Ask();
  Settle();
  server_->Respond(1, 200, {{"content-length", "9"}}, "part");
  Settle();
  ASSERT_EQ(NextHead(caller).kind, HeadKind::kHead);
  caller.Body();
  EXPECT_EQ(caller.last.kind, BodyKind::kBroken);
  caller.Finish();
  Settle();
  EXPECT_TRUE(alive_);
}

TEST_F(ClientStreamTest, AConnectionThatEndsCutsTheBody) {
  Start();
  Caller& caller = Ask();
  Settle();
  server_->Respond(1, 200, {}, "part", /*end=*/false);
  Settle();
  pair_.theirs.Reset();
  Turn();
  Turn();
  ASSERT_EQ(NextHead(caller).kind, HeadKind::kHead);
  EXPECT_EQ(caller.Body(), "part");
  EXPECT_EQ(caller.last.kind, BodyKind::kBroken);
}

TEST_F(ClientStreamTest, ARefusedStreamIsProvenUnprocessed) {
  Start();
  Caller& caller = Ask(http::Method::kPost, http::BodyKind::kChunked);
  Send(caller, "body", nullptr, /*end=*/false);
  Settle();
  EXPECT_EQ(caller.stream->evidence(), Evidence::kUnknown);
  server_->Reset(1, NGHTTP2_REFUSED_STREAM);
  Settle();
  const auto step = NextHead(caller);
  EXPECT_EQ(step.kind, HeadKind::kBroken);
  EXPECT_EQ(step.trouble, UpstreamTrouble::kReset);
  EXPECT_EQ(caller.stream->evidence(), Evidence::kUnprocessed);
  EXPECT_FALSE(caller.Finish().broken);
}

TEST_F(ClientStreamTest, AnyOtherResetProvesNothing) {
  Start();
  Caller& caller = Ask();
  Settle();
  server_->Reset(1, NGHTTP2_CANCEL);
  Settle();
  EXPECT_EQ(NextHead(caller).kind, HeadKind::kBroken);
  EXPECT_EQ(caller.stream->evidence(), Evidence::kUnknown);
}

TEST_F(ClientStreamTest, WhoHasBegunToAnswerHasProcessed) {
  Start();
  Caller& caller = Ask();
  Settle();
  server_->Inform(1, 103);
  Settle();
  server_->Reset(1, NGHTTP2_REFUSED_STREAM);
  Settle();
  EXPECT_EQ(NextHead(caller).kind, HeadKind::kHead);
  EXPECT_EQ(NextHead(caller).kind, HeadKind::kBroken);
  EXPECT_EQ(caller.stream->evidence(), Evidence::kProcessed);
}

// The end of a body that has no head before it is none; nobody waits for what cannot come.
TEST_F(ClientStreamTest, AnEndAfterAnInterimHeadIsNoAnswer) {
  Start();
  Caller& caller = Ask();
  Settle();
  server_->Inform(1, 103);
  server_->EndWithData(1);
  Settle();
  EXPECT_EQ(NextHead(caller).kind, HeadKind::kHead);
  const stream::HeadStep step = NextHead(caller);
  EXPECT_EQ(step.kind, HeadKind::kBroken);
  EXPECT_EQ(step.trouble, UpstreamTrouble::kBadResponse);
  EXPECT_EQ(step.refusal, http::Refusal::kIncompleteHead);
}

TEST_F(ClientStreamTest, StreamsAboveTheLastAreProvenUnprocessedAndTheOthersGoOn) {
  Start();
  Caller& first = Ask();
  Caller& second = Ask(http::Method::kPost, http::BodyKind::kChunked);
  Settle();
  server_->GoAway(1);
  Settle();
  EXPECT_EQ(NextHead(first).kind, HeadKind::kBlocked);
  EXPECT_EQ(NextHead(second).kind, HeadKind::kBroken);
  EXPECT_EQ(second.stream->evidence(), Evidence::kUnprocessed);
  server_->Respond(1, 200, {}, "ok");
  Settle();
  ExpectAnswer(first, "ok");
}

TEST_F(ClientStreamTest, TheyStaySoWhenTheConnectionCloses) {
  Start();
  Caller& first = Ask();
  Caller& second = Ask();
  Settle();
  server_->GoAway(1);
  server_->Pump();
  pair_.theirs.Reset();
  for (int i = 0; i < 5; ++i) Turn();
  EXPECT_EQ(NextHead(first).kind, HeadKind::kBroken);
  EXPECT_EQ(first.stream->evidence(), Evidence::kUnknown);
  EXPECT_EQ(NextHead(second).kind, HeadKind::kBroken);
  EXPECT_EQ(second.stream->evidence(), Evidence::kUnprocessed);
}

TEST_F(ClientStreamTest, ARequestThatWasNotFramedBeforeTheGoodbyeIsUnprocessed) {
  Start();
  Caller& first = Ask();
  Settle();
  server_->GoAway(1);
  server_->Pump();
  Caller& late = Ask(http::Method::kPost, http::BodyKind::kChunked);
  Settle();
  EXPECT_EQ(NextHead(late).kind, HeadKind::kBroken);
  EXPECT_EQ(late.stream->evidence(), Evidence::kUnprocessed);
  EXPECT_FALSE(server_->requests.contains(3));
  EXPECT_TRUE(alive_) << "no reset for a stream that the peer has never seen";
  server_->Respond(1, 200, {}, "ok");
  Settle();
  ExpectAnswer(first, "ok");
}

TEST_F(ClientStreamTest, WhatNeverLeftIsUnprocessed) {
  Start();
  pair_.theirs.Reset();
  Caller& caller = Ask(http::Method::kPost, http::BodyKind::kChunked);
  for (int i = 0; i < 5; ++i) Turn();
  EXPECT_EQ(NextHead(caller).kind, HeadKind::kBroken);
  EXPECT_EQ(caller.stream->bytes_sent(), 0u);
  EXPECT_EQ(caller.stream->evidence(), Evidence::kUnprocessed);
  Caller& later = Ask();
  EXPECT_EQ(NextHead(later).kind, HeadKind::kBroken) << "a stream of a session that has ended";
  EXPECT_EQ(later.stream->evidence(), Evidence::kUnprocessed);
}

TEST_F(ClientStreamTest, WhoeverLeavesCancelsTheStreamAtOnce) {
  Start();
  Caller& caller = Ask();
  Caller& other = Ask();
  Settle();
  EXPECT_FALSE(caller.Finish().broken);
  Settle();
  EXPECT_EQ(Seen(1).reset, NGHTTP2_CANCEL);
  EXPECT_EQ(session_->streams(), 1u);
  server_->Respond(3, 200, {}, "ok");
  Settle();
  ExpectAnswer(other, "ok");
}

TEST_F(ClientStreamTest, WhatIsCancelledBeforeItLeftNeverLeaves) {
  Start();
  Caller& caller = Ask();
  caller.Finish();
  Caller& other = Ask();
  Settle();
  EXPECT_EQ(server_->requests.size(), 1u);
  EXPECT_TRUE(alive_);
  server_->Respond(3, 200, {}, "ok");
  Settle();
  ExpectAnswer(other, "ok");
}

TEST_F(ClientStreamTest, AnEarlyAnswerWithAResetOfNoErrorIsWhole) {
  Start();
  Caller& caller = Ask(http::Method::kPost, http::BodyKind::kChunked);
  Send(caller, "part", nullptr, /*end=*/false);
  Settle();
  server_->Respond(1, 413, {}, "too much");
  Settle();
  server_->Reset(1, NGHTTP2_NO_ERROR);
  Settle();
  ASSERT_EQ(NextHead(caller).kind, HeadKind::kHead);
  EXPECT_EQ(caller.head.status, 413);
  EXPECT_EQ(caller.Body(), "too much");
  EXPECT_EQ(caller.last.kind, BodyKind::kEnd);
  caller.Finish();
  Settle();
  EXPECT_TRUE(alive_);
}

TEST_F(ClientStreamTest, AnEarlyAnswerEndsTheRequest) {
  Start();
  Caller& caller = Ask(http::Method::kPost, http::BodyKind::kChunked);
  Send(caller, "part", nullptr, /*end=*/false);
  Settle();
  server_->Respond(1, 413, {}, "too much");
  Settle();
  ASSERT_EQ(NextHead(caller).kind, HeadKind::kHead);
  EXPECT_EQ(caller.Body(), "too much");
  caller.Finish();
  Settle();
  EXPECT_EQ(Seen(1).reset, NGHTTP2_CANCEL);
  EXPECT_EQ(session_->streams(), 0u);
}

TEST_F(ClientStreamTest, WhoSendsWhatMustNotBeIsRefusedAlone) {
  Start();
  Caller& bad = Ask();
  Caller& good = Ask();
  Settle();
  server_->Respond(1, 200, {{"x-bad", "a\x01z"}}, "ok");
  server_->Respond(3, 200, {}, "ok");
  Settle();
  const auto step = NextHead(bad);
  EXPECT_EQ(step.kind, HeadKind::kBroken);
  EXPECT_EQ(step.trouble, UpstreamTrouble::kBadResponse);
  EXPECT_NE(step.refusal, Refusal::kNone);
  bad.Finish();
  ExpectAnswer(good, "ok");
  Settle();
  EXPECT_FALSE(Seen(1).reset.has_value());  // It was over.
  EXPECT_TRUE(alive_);
}

TEST_F(ClientStreamTest, AHeadThatIsTooLargeIsRefusedAlone) {
  Start();
  Caller& bad = Ask();
  Caller& good = Ask();
  Settle();
  Fields fields = {{"x-long", std::string(63'000, 'x')}};
  for (int i = 0; i < 90; ++i) fields.emplace_back("a", "b");
  server_->Respond(1, 200, fields);
  server_->Respond(3, 200, {}, "ok");
  Settle();
  const auto step = NextHead(bad);
  EXPECT_EQ(step.kind, HeadKind::kBroken);
  EXPECT_EQ(step.refusal, Refusal::kHeadTooLarge);
  bad.Finish();
  ExpectAnswer(good, "ok");
}

// One that waits for the peer to take any has not left, whatever else has.
TEST_F(ClientStreamTest, OneThatThePeerDoesNotTakeYetIsUnprocessed) {
  Start({.max_streams = 0});
  Settle();
  Caller& caller = Ask(http::Method::kPost);
  server_->SendSettings(0);
  Settle();
  EXPECT_TRUE(server_->requests.empty());
  EXPECT_EQ(caller.stream->bytes_sent(), 0u);
  EXPECT_EQ(caller.stream->evidence(), Evidence::kUnprocessed);
  EXPECT_FALSE(caller.stream->gone());
  server_->GoAway(0);
  Settle();
  EXPECT_TRUE(caller.stream->gone()) << "nor will it";
  EXPECT_EQ(caller.stream->evidence(), Evidence::kUnprocessed);
}

TEST_F(ClientStreamTest, ALongBodyGoesOutAsTheWindowOpens) {
  Start({.keeps_bodies = false});
  Caller& caller = Ask(http::Method::kPost, http::BodyKind::kChunked);
  constexpr size_t kPieces = 64;
  const std::string piece(16 * 1024, 'x');
  size_t sent = 0;
  for (int i = 0; i < 2000 && Seen(1).body_bytes < kPieces * piece.size(); ++i) {
    while (sent < kPieces && !caller.stream->Congested()) {
      ++sent;
      Send(caller, piece, nullptr, /*end=*/sent == kPieces);
    }
    caller.stream->Flush();
    Turn();
    server_->Pump();
  }
  EXPECT_EQ(Seen(1).body_bytes, kPieces * piece.size());
  Settle();
  EXPECT_TRUE(Seen(1).ended);
}

TEST_F(ClientStreamTest, WhoWaitsForRoomHearsOfIt) {
  Start({.keeps_bodies = false, .opens_windows = false});
  Caller& caller = Ask(http::Method::kPost, http::BodyKind::kChunked);
  Send(caller, std::string(200'000, 'x'));
  Settle();
  EXPECT_EQ(Seen(1).body_bytes, 65'535u);
  EXPECT_EQ(caller.stream->Flush(), pool::FlushStatus::kBlocked);
  EXPECT_TRUE(caller.stream->Congested());
  const int before = caller.events;
  server_->Reset(1, NGHTTP2_CANCEL);
  Settle();
  EXPECT_GT(caller.events, before);
  EXPECT_EQ(caller.stream->Flush(), pool::FlushStatus::kError);
}

TEST_F(ClientStreamTest, OneThatIsNotReadHoldsUpNoOther) {
  Start();
  constexpr int kIdle = 40;  // more than the connection's window in all
  for (int i = 0; i < kIdle; ++i) Ask();
  Settle();
  for (int i = 0; i < kIdle; ++i) server_->Respond(2 * i + 1, 200, {}, std::string(100'000, 'x'));
  Settle();
  Caller& quick = Ask();
  Settle();
  const int32_t id = 2 * kIdle + 1;
  server_->Respond(id, 200, {}, std::string(500'000, 'y'));
  ASSERT_EQ((Settle(), NextHead(quick).kind), HeadKind::kHead);
  std::string body;
  for (int i = 0; i < 100 && quick.last.kind != BodyKind::kEnd; ++i) {
    body += quick.Body();
    Settle();
  }
  EXPECT_EQ(body.size(), 500'000u);
  // And those that have rested go on.
  for (int i = 0; i < kIdle; ++i) {
    Caller& caller = callers_[i];
    ASSERT_EQ(NextHead(caller).kind, HeadKind::kHead);
    size_t bytes = 0;
    for (int j = 0; j < 20 && caller.last.kind != BodyKind::kEnd; ++j) {
      bytes += caller.Body().size();
      Settle();
    }
    EXPECT_EQ(bytes, 100'000u);
  }
}

TEST_F(ClientStreamTest, WhatIsThrownAwayGivesTheWindowBack) {
  Start();
  for (int i = 0; i < 60; ++i) {
    Caller& caller = Ask();
    Settle();
    const int32_t id = 2 * i + 1;
    server_->Respond(id, 200, {}, std::string(60'000, 'x'), /*end=*/i % 2 == 0);
    Settle();
    caller.Finish();
    Settle();
  }
  Caller& last = Ask();
  Settle();
  server_->Respond(121, 200, {}, "ok");
  Settle();
  ExpectAnswer(last, "ok");
}

TEST_F(ClientStreamTest, ATunnelIsAskedForOnceThePeerHasGreeted) {
  Start({.greets = false, .tunnels = true});
  Caller& caller = AskForTunnel();
  Caller& left = AskForTunnel();
  Turn();
  EXPECT_TRUE(server_->requests.empty());
  EXPECT_EQ(NextHead(caller).kind, HeadKind::kBlocked);
  EXPECT_FALSE(caller.stream->gone());
  EXPECT_EQ(caller.stream->bytes_sent(), 0u);
  EXPECT_EQ(caller.stream->evidence(), Evidence::kUnprocessed);
  left.Finish();  // before anything was sent
  server_->SendSettings(100);
  Settle();
  ASSERT_EQ(server_->requests.size(), 1u);
  EXPECT_EQ(Seen(1).Field(":method"), "CONNECT");
  EXPECT_EQ(Seen(1).Field(":protocol"), "websocket");
  EXPECT_EQ(Seen(1).Field(":path"), "/chat");
  EXPECT_FALSE(Seen(1).ended);
  server_->Respond(1, 200, {{"x-a", "b"}}, "up", /*end=*/false);
  Settle();
  EXPECT_GT(caller.events, 0);
  ASSERT_EQ(NextHead(caller).kind, HeadKind::kHead);
  EXPECT_EQ(caller.head.status, 101);
  EXPECT_TRUE(caller.head.connection_upgrade);
  EXPECT_EQ(caller.head.headers.Find(http::FieldId::kUpgrade)->value, "websocket");
  caller.stream->Switch();
  EXPECT_EQ(caller.Body(), "up");
  Send(caller, "down");
  Settle();
  EXPECT_EQ(Seen(1).body, "down");
  EXPECT_TRUE(Seen(1).ended);
  server_->SendBody(1, "bye", /*end=*/true);
  Settle();
  EXPECT_EQ(caller.Body(), "bye");
  EXPECT_EQ(caller.last.kind, BodyKind::kEnd);
}

TEST_F(ClientStreamTest, APeerWithoutTunnelsIsAskedForNone) {
  Start({.greets = false});
  Caller& early = AskForTunnel();
  Turn();
  server_->SendSettings(100);
  Settle();
  EXPECT_GT(early.events, 0);
  EXPECT_EQ(NextHead(early).trouble, UpstreamTrouble::kNoSwitch);
  Caller& late = AskForTunnel();
  EXPECT_EQ(NextHead(late).trouble, UpstreamTrouble::kNoSwitch);
  EXPECT_TRUE(server_->requests.empty());
}

TEST_F(ClientStreamTest, ATunnelIsLostWithItsConnection) {
  Start({.greets = false, .tunnels = true});
  Caller& caller = AskForTunnel();
  Turn();
  server_.reset();
  pair_.theirs = pool::FileDescriptor();
  for (int i = 0; i < 3; ++i) Turn();
  EXPECT_GT(caller.events, 0);
  EXPECT_EQ(NextHead(caller).trouble, UpstreamTrouble::kClosed);
  EXPECT_EQ(caller.stream->evidence(), Evidence::kUnprocessed);
}

TEST_F(ClientStreamTest, ARefusedTunnelIsAnAnswer) {
  Start({.tunnels = true});
  Caller& caller = AskForTunnel();
  Settle();
  server_->Respond(1, 403, {{"content-length", "2"}}, "no");
  Settle();
  ASSERT_EQ(NextHead(caller).kind, HeadKind::kHead);
  EXPECT_EQ(caller.head.status, 403);
  EXPECT_EQ(caller.Body(), "no");
  EXPECT_EQ(caller.last.kind, BodyKind::kEnd);
  caller.Finish();
  Settle();
  EXPECT_TRUE(Seen(1).reset.has_value()) << "its side was never ended";
}

}  // namespace
}  // namespace holdfast::http2
