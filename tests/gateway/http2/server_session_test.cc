#include "gateway/http2/server_session.h"

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/gateway/http2/support/session_harness.h"

namespace holdfast::http2 {
namespace {

constexpr uint32_t kRefusedStream = 7;
constexpr uint32_t kEnhanceYourCalm = 11;
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// GET http://a/ in HPACK's static table.
std::string Get(uint32_t stream) {
  return Frame(1, 4 | 1, stream, std::string("\x82\x86\x84\x41\x01") + "a");
}

std::vector<std::string> Paths(const std::vector<ServerStream*>& streams) {
  std::vector<std::string> paths;
  for (ServerStream* const stream : streams) paths.emplace_back(stream->request().path);
  return paths;
}

TEST(ServerSessionTest, StreamsAreReadyInTheOrderOfTheirHeads) {
  SessionHarness harness;
  harness.Turns(3);
  for (const char* path : {"/c", "/a", "/b"}) harness.client->Send({.path = path});
  harness.Turn();
  EXPECT_EQ(Paths(harness.begun), (std::vector<std::string>{"/c", "/a", "/b"}));
  EXPECT_EQ(harness.ready, harness.begun) << "each once";
}

TEST(ServerSessionTest, AStreamWithNewsIsGivenOnceBehindThoseBeforeIt) {
  SessionHarness harness;
  int32_t first = 0;
  int32_t second = 0;
  ServerStream* const a = harness.Begin({.path = "/a", .method = "POST", .open = true}, &first);
  ServerStream* const b = harness.Begin({.path = "/b", .method = "POST", .open = true}, &second);
  harness.ready.clear();
  harness.client->SendBody(second, "1", false);
  harness.client->SendWhatFits();
  harness.client->SendBody(first, "1", false);
  harness.client->SendWhatFits();
  harness.client->SendBody(second, "2", false);
  harness.Turn();
  EXPECT_EQ(harness.ready, (std::vector<ServerStream*>{b, a}));
}

TEST(ServerSessionTest, MoreStreamsThanAnnouncedAreRefused) {
  SessionHarness harness({.limits = {.max_concurrent_streams = 3}});
  std::vector<int32_t> ids;
  // Before it has heard of the limit.
  for (int i = 0; i < 5; ++i) ids.push_back(harness.client->Send({}));
  harness.Turns(3);
  EXPECT_EQ(harness.client->AwaitMaxStreams(), 3u);
  EXPECT_EQ(harness.begun.size(), 3u);
  for (size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(harness.client->At(ids[i]).reset == kRefusedStream, i >= 3) << i;
  }
  EXPECT_FALSE(harness.session->over());
  // One place is free again.
  harness.Answer(*harness.begun[0]);
  harness.Finish(*harness.begun[0]);
  harness.Turns(2);
  harness.Begin({});
  EXPECT_EQ(harness.begun.size(), 3u);
}

// Streams that are over at once never add up to the maximum.
TEST(ServerSessionTest, TwiceTheMaximumInOneReadIsRefused) {
  SessionHarness harness({.limits = {.max_concurrent_streams = 5}});
  harness.Turns(3);
  harness.client_reads = false;  // It knows nothing of these streams.
  std::string bytes;
  for (uint32_t i = 0; i < 12; ++i) {
    bytes += Get(2 * i + 1) + Frame(3, 0, 2 * i + 1, std::string("\0\0\0\x8", 4));
  }
  harness.client->SendRaw(bytes);
  harness.Turns(2);
  EXPECT_EQ(harness.ready.size(), 10u);
  EXPECT_FALSE(harness.session->over());
  // The next read has a measure of its own.
  harness.ready.clear();
  harness.client->SendRaw(Get(25));
  harness.Turns(2);
  EXPECT_EQ(harness.ready.size(), 1u);
}

TEST(ServerSessionTest, ResponsesSayTheDateThatTheMeansKnow) {
  SessionHarness harness({.answers = true});
  for (const char* date : {"today", ""}) {
    harness.date = date;
    const int32_t id = harness.client->Send({});
    ASSERT_TRUE(harness.TurnUntil([&] { return harness.client->At(id).ended; }));
    EXPECT_EQ(harness.client->At(id).Value("date"), date);
  }
}

TEST(ServerSessionTest, StreamsAreUsedAgain) {
  SessionHarness harness;
  std::set<ServerStream*> used;
  for (int i = 0; i < 5; ++i) {
    int32_t id = 0;
    ServerStream* const stream = harness.Begin(
        {.path = "/" + std::to_string(i), .method = "POST", .body = std::to_string(i)}, &id);
    used.insert(stream);
    EXPECT_EQ(stream->request().path, "/" + std::to_string(i));
    EXPECT_EQ(stream->user(), nullptr);
    EXPECT_EQ(stream->refusal(), http::Refusal::kNone);
    EXPECT_FALSE(stream->gone());
    EXPECT_EQ(harness.TakeBody(*stream), std::to_string(i));
    stream->set_user(&harness);
    harness.Answer(*stream);
    harness.Finish(*stream);
    harness.Turns(2);
    EXPECT_EQ(harness.client->At(id).body, "ok");
    EXPECT_EQ(harness.session->streams(), 0u);
    EXPECT_EQ(harness.slabs.in_use(), 0u);
  }
  EXPECT_EQ(used.size(), 1u);
}

TEST(ServerSessionTest, AllThatComesInOneReadLeavesInOneWrite) {
  SessionHarness harness({.answers = true});
  harness.Turns(3);
  harness.client_reads = false;  // It knows nothing of these streams.
  std::string bytes;
  for (uint32_t i = 0; i < 20; ++i) bytes += Get(2 * i + 1);
  harness.client->SendRaw(bytes);
  const int news = harness.news;
  harness.loop.RunOnce(pool::Duration::zero());
  EXPECT_EQ(harness.news, news + 1);
  EXPECT_TRUE(harness.connection->out().empty());
  EXPECT_EQ(harness.session->streams(), 0u);
}

TEST(ServerSessionTest, AServerMayNotBePushedTo) {
  SessionHarness harness;
  harness.client->SendRaw(std::string(kPreface) + Frame(4, 0, 0, "") +
                          Frame(5, 4, 1, std::string("\0\0\0\2\x82", 5)));
  harness.Turns(3);
  EXPECT_TRUE(harness.session->over());
  EXPECT_TRUE(harness.session->failed());
}

// What is small on the wire (RFC 7541) and large in memory.
TEST(ServerSessionTest, HeadsAreKeptUpToABudget) {
  SessionHarness harness({.limits = {.max_head_bytes = 32'000, .max_heads_bytes = 64 * 1024}});
  const support::Http2Fields large = {{"x-large", std::string(20'000, 'x')}};
  std::vector<ServerStream*> streams;
  for (int i = 0; i < 3; ++i) streams.push_back(harness.Begin({.fields = large}));
  const int32_t refused = harness.client->Send({.fields = large});
  harness.Turns(3);
  EXPECT_EQ(harness.client->At(refused).reset, kRefusedStream);
  EXPECT_EQ(harness.begun.size(), 3u) << "nobody has seen it";
  // What is over makes room.
  harness.Answer(*streams[1]);
  harness.Finish(*streams[1]);
  harness.Turns(3);
  EXPECT_NE(harness.Begin({.fields = large}), nullptr);
  EXPECT_EQ(harness.session->guard().TakeCounts()[static_cast<size_t>(Glitch::kHeads)], 1u);
}

TEST(ServerSessionTest, TrailersCountLikeHeads) {
  SessionHarness harness({.limits = {.max_head_bytes = 64'000, .max_heads_bytes = 64 * 1024}});
  int32_t id = 0;
  ServerStream* const stream = harness.Begin({.method = "POST",
                                              .fields = {{"x-large", std::string(40'000, 'x')}},
                                              .body = "hello",
                                              .trailers = {{"x-more", std::string(40'000, 'x')}}},
                                             &id);
  harness.Turns(3);
  EXPECT_EQ(harness.client->At(id).reset, kEnhanceYourCalm);
  harness.TakeBody(*stream);
  EXPECT_EQ(harness.last.kind, stream::BodyStep::Kind::kBroken) << "this is no clean end";
}

TEST(ServerSessionTest, WhatOthersHoldIsNobodysFault) {
  SessionHarness harness({.limits = {.max_head_bytes = 32'000}});
  harness.heads_bytes = ServerMeans::kMaxHeadsBytes;
  harness.Begin({.fields = {{"x-large", std::string(20'000, 'x')}}});
  // Beyond the worth of one head it is refused, and not held against the client.
  const int32_t refused = harness.client->Send({.fields = {{"x-large", std::string(20'000, 'x')}}});
  ASSERT_TRUE(harness.TurnUntil([&] { return harness.client->At(refused).reset.has_value(); }));
  EXPECT_EQ(harness.client->At(refused).reset, kRefusedStream);
  EXPECT_EQ(harness.session->guard().TakeCounts()[static_cast<size_t>(Glitch::kHeads)], 0u);
  harness.heads_bytes -= ServerMeans::kMaxHeadsBytes;
}

}  // namespace
}  // namespace holdfast::http2
