#include "gateway/http2/session.h"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/gateway/http2/support/session_harness.h"
#include "tests/support/pattern.h"

namespace holdfast::http2 {
namespace {

using support::Http2Client;
using support::Http2Request;
using support::Pattern;

constexpr uint32_t kNoError = 0;
constexpr uint32_t kProtocolError = 1;
constexpr uint32_t kRefusedStream = 7;
constexpr uint32_t kCancel = 8;
constexpr uint32_t kEnhanceYourCalm = 11;
constexpr uint32_t kMaxId = 0x7fffffff;
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const std::string kPing = Frame(6, 0, 0, "12345678");

Http2Request Upload(std::string body, bool open = false) {
  return {.method = "POST", .body = std::move(body), .open = open};
}

TEST(SessionTest, SettingsAndTheWindowLeaveInOneWriteAtTheStart) {
  SessionHarness harness;
  EXPECT_EQ(harness.connection->bytes_written(), 0u) << "not before the turn's end";
  harness.loop.RunOnce(pool::Duration::zero());
  // SETTINGS with five of them, and WINDOW_UPDATE.
  EXPECT_EQ(harness.connection->bytes_written(), 9u + 5 * 6 + 9 + 4);
  EXPECT_FALSE(harness.session->greeted());
  harness.Turns(2);
  EXPECT_TRUE(harness.session->greeted());
  EXPECT_EQ(harness.client->AwaitMaxStreams(), 100u);
  EXPECT_EQ(harness.client->Room(0), 1024 * 1024);
}

TEST(SessionTest, ABrokenPrefaceIsTheEnd) {
  SessionHarness harness;
  harness.client->SendRaw("PRI * HTTP/2.0\r\n\r\nSN\r\n\r\n");
  harness.loop.RunOnce(pool::Duration::zero());
  EXPECT_TRUE(harness.session->over());
  EXPECT_TRUE(harness.session->failed());
  EXPECT_FALSE(harness.session->flooded());
  EXPECT_NE(harness.session->broken_word(), nullptr);
}

TEST(SessionTest, APrefaceWithoutSettingsIsBrokenAndTold) {
  SessionHarness harness;
  harness.client->SendRaw(std::string(kPreface) + kPing);
  harness.loop.RunOnce(pool::Duration::zero());
  harness.client->TakeWhatIsThere();
  ASSERT_EQ(harness.client->goaways().size(), 1u);
  EXPECT_EQ(harness.client->goaways()[0].first, kProtocolError);
  EXPECT_TRUE(harness.session->over());
  EXPECT_TRUE(harness.session->failed());
}

TEST(SessionTest, APrefaceMayComeByteByByte) {
  SessionHarness harness;
  const std::string bytes = std::string(kPreface) + Frame(4, 0, 0, "") + kPing;
  for (const char byte : bytes) {
    EXPECT_FALSE(harness.session->over());
    harness.client->SendRaw({&byte, 1});
    harness.loop.RunOnce(pool::Duration::zero());
  }
  EXPECT_TRUE(harness.session->greeted());
  EXPECT_FALSE(harness.session->over());
}

// However the bytes fall into reads: these fill one, so that another finds nothing.
TEST(SessionTest, AnswersDoNotWaitForTheNextRead) {
  SessionHarness harness;
  harness.Turns(3);
  constexpr size_t kRead = pool::SlabPool::kSlabCapacity;
  const std::string bytes = kPing + Frame(0xfe, 0, 0, std::string(kRead - kPing.size() - 9, 'x'));
  ASSERT_EQ(bytes.size(), kRead);
  harness.client->SendRaw(bytes);
  harness.Turns(2);
  EXPECT_EQ(harness.client->pongs(), 1);
}

TEST(SessionTest, GoodbyeIsSaidInTwoSteps) {
  SessionHarness harness;
  ServerStream* const first = harness.Begin({.path = "/first"});
  harness.session->AnnounceEnd();
  harness.loop.RunOnce(pool::Duration::zero());
  EXPECT_FALSE(harness.session->end_noticed());
  // One that was on its way.
  ServerStream* const second = harness.Begin({.path = "/second"});
  EXPECT_EQ(second->request().path, "/second");
  ASSERT_TRUE(harness.TurnUntil([&] { return harness.session->end_noticed(); }));
  ASSERT_EQ(harness.client->goaways().size(), 1u);
  EXPECT_EQ(harness.client->goaways()[0], std::pair(kNoError, static_cast<int32_t>(kMaxId)));
  harness.session->RefuseNewStreams();
  harness.Turns(3);
  ASSERT_EQ(harness.client->goaways().size(), 2u);
  EXPECT_EQ(harness.client->goaways()[1], std::pair(kNoError, 3));
  for (ServerStream* const stream : {first, second}) {
    EXPECT_FALSE(harness.session->over());
    harness.Answer(*stream);
    harness.Finish(*stream);
    harness.Turns(3);
  }
  EXPECT_TRUE(harness.session->over());
  EXPECT_FALSE(harness.session->failed());
  EXPECT_EQ(harness.client->At(3).body, "ok");
}

// Else the answer would not say that the goodbye was read.
TEST(SessionTest, TheQuestionFollowsTheGoodbye) {
  SessionHarness harness;
  harness.Turns(3);
  harness.session->AnnounceEnd();
  harness.loop.RunOnce(pool::Duration::zero());
  const std::string sent = harness.client->wire().ReadSome(1024);
  ASSERT_EQ(sent.size(), 34u);
  EXPECT_EQ(sent[3], 7) << "GOAWAY";
  EXPECT_EQ(sent[17 + 3], 6) << "PING";
}

TEST(SessionTest, TerminateSaysItsCode) {
  SessionHarness harness;
  harness.Begin({});
  harness.session->Terminate(kEnhanceYourCalm);
  harness.Turns(3);
  ASSERT_EQ(harness.client->goaways().size(), 1u);
  EXPECT_EQ(harness.client->goaways()[0].first, kEnhanceYourCalm);
  EXPECT_TRUE(harness.session->over());
  EXPECT_TRUE(harness.session->failed());
}

TEST(SessionTest, LoseTellsEachStreamOnce) {
  SessionHarness harness;
  harness.Begin({});
  harness.Begin(Upload("part", /*open=*/true));
  harness.Begin({});
  harness.Finish(*harness.live.back(), /*complete=*/false);  // of no interest to anybody
  harness.ready.clear();
  harness.session->Lose();
  harness.session->Lose();
  harness.Turns(3);
  EXPECT_TRUE(harness.session->over());
  EXPECT_EQ(harness.ready, harness.live);
  EXPECT_EQ(harness.ready.size(), 2u);
  for (ServerStream* const stream : harness.live) EXPECT_TRUE(stream->gone());
  EXPECT_EQ(harness.session->streams(), 2u);
}

TEST(SessionTest, AStreamKeepsTheCodeOfItsOwnReset) {
  SessionHarness harness;
  int32_t id = 0;
  ServerStream* const stream = harness.Begin({}, &id);
  harness.client->Reset(id, kCancel);
  ASSERT_TRUE(harness.TurnUntil([&] { return stream->lost(); }));
  harness.session->Lose();
  EXPECT_EQ(stream->reset_code(), kCancel);
}

// A field that is in no table (RFC 7541 section 6.2.2).
std::string NewField(std::string_view name, std::string_view value) {
  return std::string(1, '\0') + static_cast<char>(name.size()) + std::string(name) +
         static_cast<char>(value.size()) + std::string(value);
}

// The stream is over while its trailers come, and serves the next request when their rest is here.
TEST(SessionTest, FieldsOfAStreamThatIsOverAreNobodys) {
  SessionHarness harness;
  harness.Turns(3);
  harness.client_reads = false;  // It knows nothing of these streams.
  const std::string post = std::string("\x83\x86\x84\x41\x01") + "a";
  harness.client->SendRaw(Frame(1, 4, 1, post) + Frame(1, 1, 1, NewField("first", "1")));
  harness.Turn();
  ASSERT_EQ(harness.begun.size(), 1u);
  ServerStream* const stream = harness.begun[0];
  harness.Answer(*stream);
  harness.Finish(*stream);
  harness.Turns(2);
  ASSERT_EQ(harness.session->streams(), 0u);
  harness.client->SendRaw(Frame(9, 4, 1, NewField("rest", "2")));
  harness.Turn();
  EXPECT_FALSE(harness.session->fields_since().has_value());
  harness.client->SendRaw(Frame(1, 4, 3, post) + Frame(1, 4 | 1, 3, NewField("next", "3")));
  harness.Turn();
  ASSERT_EQ(harness.begun.size(), 1u);
  ASSERT_EQ(harness.begun[0], stream) << "the same one serves again";
  EXPECT_EQ(harness.TakeBody(*stream), "");
  EXPECT_EQ(harness.last.kind, stream::BodyStep::Kind::kEnd);
  ASSERT_EQ(stream->request_trailers()->size(), 1u);
  EXPECT_EQ(stream->request_trailers()->fields()[0].name, "next");
}

TEST(SessionTest, WhileAHeadIsIncompleteItSaysSinceWhen) {
  SessionHarness harness;
  harness.Turns(3);
  EXPECT_FALSE(harness.session->fields_since().has_value());
  harness.clock.Advance(std::chrono::seconds(1));
  // :method GET, :scheme http; END_STREAM.
  harness.client->SendRaw(Frame(1, 1, 1, "\x82\x86"));
  harness.Turn();
  const auto since = harness.clock.Now();
  EXPECT_EQ(harness.session->fields_since(), since);
  harness.clock.Advance(std::chrono::seconds(1));
  harness.client->SendRaw(Frame(9, 0, 1, "\x84"));  // :path /
  harness.Turn();
  EXPECT_EQ(harness.session->fields_since(), since) << "a piece is no end";
  EXPECT_TRUE(harness.begun.empty());
  harness.client->SendRaw(Frame(9, 4, 1, std::string("\x41\x01") + "a"));  // :authority a
  harness.Turn();
  EXPECT_FALSE(harness.session->fields_since().has_value());
  ASSERT_EQ(harness.begun.size(), 1u);
  EXPECT_EQ(harness.begun[0]->request().host, "a");
}

TEST(SessionTest, WhatIsReadInATurnIsBoundedAndGoesOnByItself) {
  SessionHarness harness;
  harness.Turns(3);
  std::string bytes;
  while (bytes.size() < 2'000'000) bytes += Frame(0xfe, 0, 0, std::string(16 * 1024, 'x'));
  size_t sent = 0;
  uint64_t most = 0;
  for (int turn = 0; turn < 500 && sent < bytes.size(); ++turn) {
    // The socket is kept full.
    sent += harness.client->wire().TrySend(std::string_view(bytes).substr(sent));
    const uint64_t before = harness.connection->bytes_read();
    harness.loop.RunOnce(pool::Duration::zero());
    most = std::max(most, harness.connection->bytes_read() - before);
  }
  ASSERT_EQ(sent, bytes.size());
  harness.client->SendRaw(kPing);
  harness.Turns(20);
  EXPECT_EQ(harness.client->pongs(), 1);
  EXPECT_LE(most, 2u * Session::kMaxReads * pool::Connection::kMaxReadBytes);
}

TEST(SessionTest, OutputIsBoundedAndGoesOnWhenThePeerReads) {
  SessionHarness harness({.client = {.stream_window = 8 * 1024 * 1024}});
  constexpr size_t kSize = 4 * 1024 * 1024;
  int32_t id = 0;
  ServerStream* const stream = harness.Begin({}, &id);
  harness.client_reads = false;
  harness.Answer(*stream, Pattern(kSize));
  for (int turn = 0; turn < 50; ++turn) {
    harness.Turn();
    EXPECT_LE(harness.connection->out().size(), Session::kOutBytes + 17 * 1024);
  }
  EXPECT_GT(harness.connection->out().size(), 0u);
  harness.client_reads = true;
  ASSERT_TRUE(harness.TurnUntil([&] { return harness.client->At(id).ended; }));
  EXPECT_EQ(harness.client->At(id).body, Pattern(kSize));
  harness.Finish(*stream);
}

TEST(SessionTest, ABodyLargerThanTheWindowsPassesOnlyAsItIsTaken) {
  SessionHarness harness({.limits = {.stream_window = 64 * 1024, .connection_window = 64 * 1024}});
  constexpr size_t kSize = 1024 * 1024;
  int32_t id = 0;
  ServerStream* const stream = harness.Begin(Upload(Pattern(kSize)), &id);
  harness.Turns(50);
  EXPECT_EQ(harness.client->Unsent(id), kSize - 64 * 1024) << "nobody has taken anything";
  EXPECT_EQ(harness.client->Room(id), 0);
  std::string body;
  ASSERT_TRUE(harness.TurnUntil([&] {
    body += harness.TakeBody(*stream);
    return harness.last.kind == stream::BodyStep::Kind::kEnd;
  }));
  EXPECT_TRUE(body == Pattern(kSize));
  harness.Answer(*stream);
  harness.Finish(*stream);
}

TEST(SessionTest, AWindowGrowsWhileItsReaderKeepsUp) {
  constexpr int32_t kWindow = 64 * 1024;
  SessionHarness harness({.limits = {.stream_window = kWindow, .connection_window = 16 * kWindow}});
  int32_t id = 0;
  ServerStream* const stream = harness.Begin(Upload(Pattern(1024 * 1024), /*open=*/true), &id);
  for (size_t taken = 0; taken < 1024 * 1024;) {
    harness.Turns(3);
    const size_t more = harness.TakeBody(*stream).size();
    ASSERT_GT(more, 0u);
    taken += more;
  }
  harness.Turns(3);
  EXPECT_GT(harness.client->Room(id), 2 * kWindow);
  EXPECT_LE(harness.client->Room(id), 4 * kWindow) << "a quarter of the connection's";
  // Once it is not read, the others go on.
  harness.client->SendBody(id, Pattern(1024 * 1024), /*last=*/false);
  harness.Turns(20);
  int32_t other_id = 0;
  ServerStream* const other = harness.Begin(Upload(Pattern(512 * 1024)), &other_id);
  size_t taken = 0;
  EXPECT_TRUE(harness.TurnUntil([&] {
    taken += harness.TakeBody(*other).size();
    return taken == 512 * 1024;
  }));
}

// What a client may send before it has seen our settings is not ours to take back.
TEST(SessionTest, AWindowSmallerThanTheDefaultStopsNobody) {
  SessionHarness harness(
      {.limits = {.stream_window = 16 * 1024, .connection_window = 1024 * 1024}});
  constexpr size_t kSize = 1024 * 1024;
  int32_t id = 0;
  harness.client_reads = false;
  ServerStream* const stream = harness.Begin(Upload(Pattern(kSize)), &id);
  harness.Turns(3);
  std::string body = harness.TakeBody(*stream);
  EXPECT_GT(body.size(), 32u * 1024);
  harness.Turns(3);
  harness.client_reads = true;
  EXPECT_TRUE(harness.TurnUntil([&] {
    body += harness.TakeBody(*stream);
    return harness.last.kind == stream::BodyStep::Kind::kEnd;
  }));
  EXPECT_TRUE(body == Pattern(kSize));
}

// nghttp2 refuses them by itself until the client has acknowledged our settings.
TEST(SessionTest, StreamsThatAreRefusedAreAFloodWhoeverRefusesThem) {
  SessionHarness harness({.limits = {.max_concurrent_streams = 2}});
  harness.client_reads = false;  // Nor does it acknowledge anything.
  harness.Turn();
  std::string bytes;
  for (uint32_t i = 0; i < 2; ++i) {
    bytes += Frame(1, 5, 2 * i + 1, std::string("\x82\x86\x84\x41\x01") + "a");
  }
  for (uint32_t i = 2; i < 5'000; ++i) bytes += Frame(1, 5, 2 * i + 1, "");
  for (size_t sent = 0; sent < bytes.size() && !harness.session->flooded();) {
    sent += harness.client->wire().TrySend(std::string_view(bytes).substr(sent));
    harness.Turn();
  }
  harness.Turns(3);
  EXPECT_TRUE(harness.session->flooded());
  EXPECT_GE(harness.session->guard().TakeCounts()[static_cast<size_t>(Glitch::kRefused)], 500u);
  harness.client_reads = true;
  harness.Turns(10);
  ASSERT_FALSE(harness.client->goaways().empty());
  EXPECT_EQ(harness.client->goaways().back().first, kEnhanceYourCalm);
}

// A stream that is refused has no fields that could be awaited.
TEST(SessionTest, NothingIsAwaitedOfAStreamThatWasRefused) {
  SessionHarness harness({.limits = {.max_resets = 4}});
  for (int i = 0; i < 2; ++i) {
    int32_t id = 0;
    ServerStream* const stream = harness.Begin({}, &id);
    harness.client->Reset(id, kCancel);
    ASSERT_TRUE(harness.TurnUntil([&] { return stream->lost(); }));
    harness.Finish(*stream, /*complete=*/false);
  }
  const int32_t refused = harness.client->Send({});
  ASSERT_TRUE(harness.TurnUntil([&] { return harness.client->At(refused).reset.has_value(); }));
  EXPECT_EQ(harness.client->At(refused).reset, kRefusedStream);
  EXPECT_FALSE(harness.session->fields_since().has_value());
}

// Implementations of gRPC measure the way so.
TEST(SessionTest, APingForEachAnswerIsNoFlood) {
  SessionHarness harness({.limits = {.max_glitches = 20}, .answers = true});
  for (int i = 0; i < 100; ++i) {
    const int32_t id = harness.client->Send({});
    ASSERT_TRUE(harness.TurnUntil([&] { return harness.client->At(id).ended; }));
    harness.client->Ping();
    harness.Turns(2);
  }
  EXPECT_FALSE(harness.session->end_announced());
  EXPECT_EQ(harness.session->guard().TakeCounts()[static_cast<size_t>(Glitch::kPing)], 0u);
}

// A client that opens no windows has many answers made for it.
TEST(SessionTest, WhatAllStreamsHaveWaitingIsBounded) {
  SessionHarness harness({.client = {.stream_window = 0}});
  constexpr size_t kPart = 60 * 1024;
  std::vector<ServerStream*> streams;
  size_t waiting = 0;
  while (true) {
    streams.push_back(harness.Begin({}));
    streams.back()->SendHead(HeadOf(200, http::BodyKind::kChunked), {});
    EXPECT_FALSE(streams.back()->Congested()) << "each may have something";
    streams.back()->SendBody(std::string(kPart, 'x'));
    waiting += kPart;
    if (streams.back()->Congested()) break;
    ASSERT_LE(waiting, 2 * Session::kUnframedBytes);
  }
  EXPECT_GE(waiting, Session::kUnframedBytes);
  EXPECT_LE(waiting, Session::kUnframedBytes + kPart);
  // What is given up makes room again.
  for (int i = 0; i < 2; ++i) {
    harness.Finish(*streams[static_cast<size_t>(i)], /*complete=*/false);
  }
  harness.Turns(5);
  EXPECT_FALSE(streams[2]->Congested());
}

TEST(SessionTest, AWindowDoesNotGrowWhileItsReaderIsSlow) {
  constexpr int32_t kWindow = 64 * 1024;
  SessionHarness harness({.limits = {.stream_window = kWindow, .connection_window = 8 * kWindow}});
  int32_t id = 0;
  ServerStream* const stream = harness.Begin(Upload(Pattern(1024 * 1024), /*open=*/true), &id);
  for (size_t taken = 0; taken < 512 * 1024; taken += 4096) {
    harness.Turns(2);
    const auto step = stream->NextBody();
    ASSERT_GT(step.bytes, 4096u);
    step.buffer->Consume(4096);
  }
  EXPECT_LE(harness.client->Room(id), kWindow);
}

// What becomes of a body that nobody takes.
struct Leak {
  const char* name;
  uint32_t padding;
  void (*end)(SessionHarness& harness, ServerStream& stream, int32_t id);
};

void ResetByPeer(SessionHarness& harness, ServerStream& stream, int32_t id) {
  harness.client->Reset(id, kCancel);
  ASSERT_TRUE(harness.TurnUntil([&] { return stream.lost(); }));
  harness.Finish(stream, /*complete=*/false);
}

const Leak kLeaks[] = {
    {"the peer resets it unread", 0, ResetByPeer},
    {"the peer resets it, with padding", 200, ResetByPeer},
    {"the peer resets it half read", 0,
     [](SessionHarness& harness, ServerStream& stream, int32_t id) {
       const auto step = stream.NextBody();
       step.buffer->Consume(step.bytes / 2);
       ResetByPeer(harness, stream, id);
     }},
    {"it is read after the reset", 0,
     [](SessionHarness& harness, ServerStream& stream, int32_t id) {
       harness.client->Reset(id, kCancel);
       ASSERT_TRUE(harness.TurnUntil([&] { return stream.lost(); }));
       harness.TakeBody(stream);
       harness.Finish(stream, /*complete=*/false);
     }},
    {"we reset it", 0,
     [](SessionHarness& harness, ServerStream& stream, int32_t) {
       harness.Finish(stream, /*complete=*/false);
     }},
    {"it is answered early, with padding", 255,
     [](SessionHarness& harness, ServerStream& stream, int32_t) {
       harness.Answer(stream);
       harness.Finish(stream);
     }},
};

TEST(SessionTest, TheConnectionsWindowComesBackWhateverHappensToStreams) {
  for (const Leak& leak : kLeaks) {
    SCOPED_TRACE(leak.name);
    constexpr int32_t kWindow = 128 * 1024;
    SessionHarness harness({.limits = {.stream_window = 64 * 1024, .connection_window = kWindow},
                            .client = {.padding = leak.padding}});
    constexpr size_t kPart = 48 * 1024;
    for (size_t sent = 0; sent < 3 * kWindow; sent += kPart) {
      int32_t id = 0;
      ServerStream* const stream = harness.Begin(Upload(Pattern(kPart), /*open=*/true), &id);
      harness.Turns(5);
      ASSERT_EQ(harness.client->Unsent(id), 0u) << "after " << sent;
      leak.end(harness, *stream, id);
      harness.Turns(3);
      ASSERT_EQ(harness.session->streams(), 0u);
    }
    // WINDOW_UPDATE comes when half of a window is due.
    EXPECT_GE(harness.client->Room(0), kWindow / 2);
  }
}

TEST(SessionTest, WhatAFaultyStreamSendsCountsAgainstNoWindow) {
  constexpr int32_t kWindow = 128 * 1024;
  SessionHarness harness({.limits = {.stream_window = 64 * 1024, .connection_window = kWindow}});
  int32_t id = 0;
  harness.Begin({.method = "POST",
                 .fields = {{"content-length", "1"}},
                 .body = Pattern(3 * kWindow),
                 .open = true},
                &id);
  ASSERT_TRUE(harness.TurnUntil([&] { return harness.client->Unsent(id) == 0; }));
  EXPECT_GE(harness.client->Room(0), kWindow / 2);
}

TEST(SessionTest, ThePeersEndLosesAll) {
  SessionHarness harness;
  ServerStream* const stream = harness.Begin({});
  harness.client->wire().Close();
  harness.loop.RunOnce(pool::Duration::zero());
  EXPECT_TRUE(harness.session->over());
  EXPECT_FALSE(harness.session->failed());
  EXPECT_TRUE(stream->gone());
}

TEST(SessionTest, WhatCameBeforeThePeersEndIsKnown) {
  SessionHarness harness;
  harness.Turns(3);
  const int32_t id = harness.client->Send(Upload("all"));
  harness.client->SendWhatFits();
  harness.client->wire().ShutdownWrite();
  harness.loop.RunOnce(pool::Duration::zero());
  ASSERT_EQ(harness.begun.size(), 1u);
  EXPECT_EQ(id, 1);
  EXPECT_EQ(harness.TakeBody(*harness.begun[0]), "all");
  EXPECT_EQ(harness.last.kind, stream::BodyStep::Kind::kEnd);
}

TEST(SessionTest, ABrokenFrameEndsTheConnectionWithAWord) {
  SessionHarness harness;
  harness.Turns(3);
  harness.client->SendRaw(Frame(0, 0, 0, "data of no stream"));
  harness.Turns(3);
  ASSERT_EQ(harness.client->goaways().size(), 1u);
  EXPECT_EQ(harness.client->goaways()[0].first, kProtocolError);
  EXPECT_TRUE(harness.session->over());
  EXPECT_TRUE(harness.session->failed());
  EXPECT_FALSE(harness.session->flooded());
}

TEST(SessionTest, PriorityOfTheConnectionIsBroken) {
  SessionHarness harness;
  harness.Turns(3);
  harness.client->SendRaw(Frame(2, 0, 0, std::string("\0\0\0\0\x10", 5)));
  harness.Turns(3);
  ASSERT_EQ(harness.client->goaways().size(), 1u);
  EXPECT_EQ(harness.client->goaways()[0].first, kProtocolError);
  EXPECT_TRUE(harness.session->failed());
}

TEST(SessionTest, AFloodIsSentAwayAndThenEnded) {
  const std::pair<const char*, std::string> floods[] = {
      {"ping", kPing},
  };
  for (const auto& [name, frame] : floods) {
    SCOPED_TRACE(name);
    SessionHarness harness({.limits = {.max_glitches = 40}});
    harness.Turns(3);
    for (int i = 0; i < 30; ++i) harness.client->SendRaw(frame);
    harness.Turns(3);
    ASSERT_EQ(harness.client->goaways().size(), 1u);
    EXPECT_EQ(harness.client->goaways()[0], std::pair(kNoError, static_cast<int32_t>(kMaxId)));
    EXPECT_FALSE(harness.session->over());
    for (int i = 0; i < 10; ++i) harness.client->SendRaw(frame);
    harness.loop.RunOnce(pool::Duration::zero());
    const std::string last = Frame(7, 0, 0, std::string("\0\0\0\0\0\0\0\x0b", 8));
    EXPECT_TRUE(harness.client->wire().ReadSome(1024).ends_with(last));
    EXPECT_TRUE(harness.session->over());
    EXPECT_TRUE(harness.session->failed());
    EXPECT_TRUE(harness.session->flooded());
  }
}

TEST(SessionTest, AnswersThatNobodyReadsEndTheConnection) {
  SessionHarness harness({.limits = {.max_glitches = 1'000'000}});
  harness.Turns(3);
  harness.client_reads = false;
  std::string pings;
  for (int i = 0; i < 2'000; ++i) pings += kPing;
  for (int turn = 0; turn < 5'000 && !harness.session->flooded(); ++turn) {
    harness.client->wire().TrySend(pings);
    harness.loop.RunOnce(pool::Duration::zero());
  }
  EXPECT_TRUE(harness.session->flooded());
  EXPECT_TRUE(harness.session->failed());
}

TEST(SessionTest, ResetsAreRefusedAtHalfOfTheirBudget) {
  SessionHarness harness({.limits = {.max_resets = 20}});
  harness.Turns(3);
  for (int i = 0; i < 10; ++i) {
    const int32_t id = harness.client->Send({});
    harness.Turn();
    harness.client->Reset(id, kCancel);
    harness.Turns(2);
  }
  const int32_t id = harness.client->Send({});
  harness.Turns(3);
  EXPECT_EQ(harness.client->At(id).reset, kRefusedStream);
  EXPECT_FALSE(harness.session->over());
  harness.clock.Advance(std::chrono::seconds(1));
  harness.Begin({});
}

TEST(SessionTest, AClientThatLeavesIsServedAndThenOver) {
  SessionHarness harness;
  int32_t id = 0;
  ServerStream* const stream = harness.Begin({}, &id);
  harness.client->Leave();
  harness.Turns(3);
  EXPECT_FALSE(harness.session->over());
  harness.Answer(*stream);
  harness.Finish(*stream);
  harness.Turns(3);
  EXPECT_EQ(harness.client->At(id).body, "ok");
  EXPECT_TRUE(harness.session->over());
  EXPECT_FALSE(harness.session->failed());
}

TEST(SessionTest, AClientThatLeavesAtRestIsOverAtOnce) {
  SessionHarness harness;
  harness.Turns(3);
  harness.client->Leave();
  harness.Turns(3);
  EXPECT_TRUE(harness.session->over());
  EXPECT_FALSE(harness.session->failed());
}

}  // namespace
}  // namespace holdfast::http2
