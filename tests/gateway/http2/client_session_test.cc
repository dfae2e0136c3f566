#include "gateway/http2/client_session.h"

#include <nghttp2/nghttp2.h>

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "tests/gateway/http2/client_harness.h"

namespace holdfast::http2 {
namespace {

using pool::CloseReason;
using std::chrono::seconds;
using HeadKind = stream::HeadStep::Kind;

class ClientSessionTest : public ClientHarness {};

TEST_F(ClientSessionTest, PrefaceSettingsAndRequestsLeaveTogether) {
  Start();
  for (int i = 0; i < 10; ++i) Ask();
  EXPECT_EQ(connection_->bytes_written(), 0u);
  Turn();
  const std::string all = pool::ReceiveSome(pair_.theirs);
  EXPECT_TRUE(all.starts_with("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
  EXPECT_EQ(all.size(), connection_->bytes_written());
  EXPECT_TRUE(connection_->out().empty());
}

TEST_F(ClientSessionTest, AHundredAreAssumedUntilThePeerSaysMore) {
  Start({.max_streams = 7});
  EXPECT_EQ(session_->capacity(), ClientSession::kAssumedStreams);
  Settle();
  EXPECT_TRUE(session_->greeted());
  EXPECT_EQ(session_->capacity(), 7u);
  EXPECT_EQ(news_, 1);
  server_->SendSettings(3);
  Settle();
  EXPECT_EQ(session_->capacity(), 3u);
  EXPECT_EQ(news_, 2);
  server_->SendSettings(0);
  Settle();
  EXPECT_EQ(session_->capacity(), 1u);
  EXPECT_EQ(session_->end(), CloseReason::kNone);
}

TEST_F(ClientSessionTest, MoreThanThePeerTakesWaitForTheirTurn) {
  Start({.max_streams = 2});
  Settle();
  for (int i = 0; i < 4; ++i) Ask();
  Settle();
  EXPECT_EQ(server_->requests.size(), 2u);
  for (const int32_t id : {1, 3}) server_->Respond(id, 200, {}, "ok");
  Settle();
  EXPECT_EQ(server_->requests.size(), 4u);
  for (const int32_t id : {5, 7}) server_->Respond(id, 200, {}, "ok");
  Settle();
  for (Caller& caller : callers_) ExpectAnswer(caller, "ok");
}

TEST_F(ClientSessionTest, GoodbyeIsToldBeforeItsStreamsAre) {
  Start();
  Ask();
  Settle();
  EXPECT_EQ(session_->end(), CloseReason::kNone);
  const int before = news_;
  server_->NoticeOfShutdown();
  Settle();
  EXPECT_EQ(session_->end(), CloseReason::kGoaway);
  EXPECT_EQ(news_, before + 1);
  EXPECT_EQ(NextHead(callers_[0]).kind, HeadKind::kBlocked);
  server_->Respond(1, 200, {}, "ok");
  Settle();
  ExpectAnswer(callers_[0], "ok");
}

TEST_F(ClientSessionTest, ThePeerIsToldWhenAnIdleConnectionEnds) {
  Start();
  Ask();
  Settle();
  server_->Respond(1, 200, {}, "ok");
  Settle();
  ExpectAnswer(callers_[0], "ok");
  Settle();
  session_->SayEnd();
  connection_->Close();
  server_->Pump();
  EXPECT_EQ(server_->goaway(), 0u);
}

TEST_F(ClientSessionTest, ItsEndIsTold) {
  Start();
  Settle();
  const int before = news_;
  pair_.theirs.Reset();
  for (int i = 0; i < 5; ++i) Turn();
  EXPECT_EQ(session_->end(), CloseReason::kPeerClosed);
  EXPECT_EQ(news_, before + 1);
}

TEST_F(ClientSessionTest, WhileIdleItAnswersAndFindsItsEnd) {
  Start();
  Settle();
  EXPECT_EQ(session_->OnIdleReadable(*connection_), CloseReason::kNone);
  server_->SendSettings(5);
  server_->Pump();
  EXPECT_EQ(session_->OnIdleReadable(*connection_), CloseReason::kNone);
  EXPECT_EQ(session_->capacity(), 5u);
  server_->GoAway(0);
  server_->Pump();
  EXPECT_EQ(session_->OnIdleReadable(*connection_), CloseReason::kGoaway);
}

TEST_F(ClientSessionTest, TheEndWhileIdleIsFoundWithoutAnEvent) {
  Start();
  Settle();
  pair_.theirs.Reset();
  EXPECT_EQ(session_->OnIdleReadable(*connection_), CloseReason::kIdlePeerClosed);
}

TEST_F(ClientSessionTest, APeerThatSpeaksHttp1IsNamed) {
  Start({.greets = false});
  Caller& caller = Ask();
  Turn();
  pool::SendAll(pair_.theirs, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  for (int i = 0; i < 5; ++i) Turn();
  const stream::HeadStep step = NextHead(caller);
  EXPECT_EQ(step.kind, HeadKind::kBroken);
  EXPECT_EQ(step.trouble, stream::UpstreamTrouble::kBadResponse);
  EXPECT_EQ(step.refusal, http::Refusal::kNotHttp2);
  EXPECT_EQ(session_->end(), CloseReason::kBroken);
  EXPECT_TRUE(caller.Finish().broken);
}

TEST_F(ClientSessionTest, BrokenFramesEndItWithAWordToThePeer) {
  Start();
  Caller& caller = Ask();
  Settle();
  // DATA on stream 0.
  pool::SendAll(pair_.theirs, std::string("\0\0\1\0\0\0\0\0\0x", 10));
  for (int i = 0; i < 5; ++i) Turn();
  server_->Pump();
  EXPECT_EQ(server_->goaway(), uint32_t{NGHTTP2_PROTOCOL_ERROR});
  EXPECT_EQ(NextHead(caller).trouble, stream::UpstreamTrouble::kReset);
  EXPECT_EQ(caller.stream->evidence(), stream::Evidence::kUnknown);
  EXPECT_EQ(session_->end(), CloseReason::kBroken);
}

TEST_F(ClientSessionTest, WhatIsAnsweredLeavesAlsoWhenTheReadWasShort) {
  Start();
  Settle();
  const uint64_t before = connection_->bytes_written();
  server_->SendSettings(50);
  Settle();
  EXPECT_GT(connection_->bytes_written(), before) << "the acknowledgement";
}

TEST_F(ClientSessionTest, StreamsAreUsedAgain) {
  Start();
  Caller& first = Ask();
  ClientStream* const object = first.stream;
  Settle();
  server_->Respond(1, 200, {}, "ok");
  Settle();
  ExpectAnswer(first, "ok");
  EXPECT_EQ(Ask().stream, object);
}

TEST_F(ClientSessionTest, APeerThatIsSilentIsAskedWhetherItIsThere) {
  Start();
  Ask();
  Settle();
  // Until now it has had something to say.
  Advance(ClientSession::kSilence + seconds(1));
  Settle();
  EXPECT_EQ(server_->pings(), 0);
  Advance(ClientSession::kSilence + seconds(1));
  Settle();
  EXPECT_EQ(server_->pings(), 1);
  // It has said so, and is asked again much later.
  Advance(ClientSession::kPatience + seconds(1));
  Settle();
  Advance(ClientSession::kFurtherSilence - seconds(5));
  Settle();
  EXPECT_EQ(server_->pings(), 1);
  Advance(seconds(6));
  Settle();
  EXPECT_EQ(server_->pings(), 2);
  EXPECT_EQ(session_->end(), CloseReason::kNone);
}

TEST_F(ClientSessionTest, OneThatSaysNothingAtAllIsGivenUp) {
  Start();
  Caller& caller = Ask();
  Settle();
  Advance(ClientSession::kSilence + seconds(1));
  Turn();
  Advance(ClientSession::kSilence + seconds(1));
  Turn();  // the peer takes no part any more
  Advance(ClientSession::kPatience + seconds(1));
  Turn();
  EXPECT_EQ(session_->end(), CloseReason::kBroken);
  EXPECT_GT(news_, 0);
  EXPECT_GT(caller.events, 0);
  EXPECT_EQ(NextHead(caller).trouble, stream::UpstreamTrouble::kReset);
}

TEST_F(ClientSessionTest, WithoutRequestsOrWithNewsNobodyIsAsked) {
  Start();
  Caller& caller = Ask();
  Settle();
  for (int i = 0; i < 5; ++i) {
    Advance(ClientSession::kSilence / 2);
    server_->Inform(1, 103);
    Settle();
  }
  EXPECT_EQ(server_->pings(), 0);
  server_->Respond(1, 200, {}, "ok");
  Settle();
  while (NextHead(caller).kind == stream::HeadStep::Kind::kHead && caller.head.informational()) {
  }
  caller.Finish();
  Settle();
  for (int i = 0; i < 3; ++i) {
    Advance(ClientSession::kSilence * 2);
    Settle();
  }
  EXPECT_EQ(server_->pings(), 0);
}

}  // namespace
}  // namespace holdfast::http2
