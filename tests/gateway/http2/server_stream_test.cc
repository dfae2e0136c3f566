#include "gateway/http2/server_stream.h"

#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "gateway/http2/session.h"
#include "tests/gateway/http2/support/session_harness.h"

namespace holdfast::http2 {
namespace {

using http::BodyKind;
using http::Refusal;
using stream::HeadFacts;
using support::Http2Fields;
using support::Http2Request;
using Kind = stream::BodyStep::Kind;

constexpr uint32_t kProtocolError = 1;
constexpr uint32_t kStreamClosed = 5;

class ServerStreamTest : public testing::Test {
 protected:
  void Start(const Http2Request& request, const HarnessOptions& options = {}) {
    harness_ = std::make_unique<SessionHarness>(options);
    stream_ = harness_->Begin(request, &id_);
  }
  const support::Http2Response& response() { return harness_->client->At(id_); }
  void End() {
    harness_->Finish(*stream_);
    harness_->Turns(3);
  }
  // What a trailer section of `fields` leads to.
  Refusal RefusalOfTrailers(const Http2Fields& fields) {
    Start({.method = "POST", .body = "hello", .trailers = fields});
    harness_->Turns(3);
    harness_->TakeBody(*stream_);
    EXPECT_EQ(harness_->last.kind, Kind::kBroken);
    return harness_->last.refusal;
  }

  std::unique_ptr<SessionHarness> harness_;
  ServerStream* stream_ = nullptr;
  int32_t id_ = 0;
};

TEST_F(ServerStreamTest, ARequestIsReadAsAnyOther) {
  Start({.path = "/a?b=c",
         .method = "PUT",
         .authority = "example.com:8080",
         .fields = {{"content-length", "4"}, {"x-a", "1"}},
         .body = "body"});
  const http::RequestHead& request = stream_->request();
  EXPECT_EQ(request.method, http::Method::kPut);
  EXPECT_EQ(request.version, http::Version::kHttp2);
  EXPECT_EQ(request.path, "/a");
  EXPECT_EQ(request.query, "b=c");
  EXPECT_EQ(request.host, "example.com");
  EXPECT_EQ(request.authority, "example.com:8080");
  EXPECT_EQ(request.body, BodyKind::kLength);
  EXPECT_EQ(request.content_length, 4u);
  EXPECT_FALSE(stream_->TakeBegin()) << "once";
  EXPECT_EQ(harness_->TakeBody(*stream_), "body");
  EXPECT_EQ(harness_->last.kind, Kind::kEnd);
  EXPECT_FALSE(stream_->peer_ended());
  EXPECT_FALSE(stream_->persists());
}

TEST_F(ServerStreamTest, TrailersComeAfterTheBody) {
  Start({.method = "POST", .body = "hello", .trailers = {{"checksum", "sum"}}});
  harness_->Turns(3);
  EXPECT_EQ(harness_->TakeBody(*stream_), "hello");
  EXPECT_EQ(harness_->last.kind, Kind::kEnd);
  ASSERT_EQ(stream_->request_trailers()->size(), 1u);
  EXPECT_EQ(stream_->request_trailers()->fields()[0].value, "sum");
}

TEST_F(ServerStreamTest, BrokenTrailersBreakTheBody) {
  EXPECT_NE(RefusalOfTrailers({{":path", "/"}}), Refusal::kNone);
  EXPECT_NE(RefusalOfTrailers({{"x", "a\r\nb"}}), Refusal::kNone);
  EXPECT_NE(RefusalOfTrailers({{"connection", "close"}}), Refusal::kNone);
}

TEST_F(ServerStreamTest, TrailersThatDoNotEndTheStreamResetIt) {
  Start({.method = "POST", .body = "hello", .open = true});
  harness_->Turns(3);
  // x: y, END_HEADERS alone.
  harness_->client->SendRaw(Frame(1, 4, static_cast<uint32_t>(id_), std::string("\0\1x\1y", 5)));
  harness_->Turns(3);
  EXPECT_TRUE(stream_->gone());
  EXPECT_EQ(response().reset, kProtocolError);
  EXPECT_EQ(harness_->TakeBody(*stream_), "");  // Nothing more of it goes on.
  EXPECT_EQ(harness_->last.kind, Kind::kBroken);
  EXPECT_EQ(harness_->last.refusal, Refusal::kMisplacedPseudoField);
  End();
  EXPECT_FALSE(harness_->session->over());
}

TEST_F(ServerStreamTest, HeadersAfterTheEndBreakTheConnection) {
  Start({});
  harness_->client->SendRaw(
      Frame(1, 4 | 1, static_cast<uint32_t>(id_), std::string("\0\1x\1y", 5)));
  harness_->Turns(3);
  EXPECT_TRUE(harness_->session->over());
  EXPECT_TRUE(harness_->session->failed());
  ASSERT_EQ(harness_->client->goaways().size(), 1u);
  EXPECT_EQ(harness_->client->goaways()[0].first, kStreamClosed);
}

TEST_F(ServerStreamTest, AResponseHasItsBodyAndTrailers) {
  Start({});
  harness_->date = "today";
  stream_->SendHead(HeadOf(200, BodyKind::kChunked), HeadFacts{.via_name = "holdfast"});
  stream_->SendBody("hello");
  stream_->SendEnd(nullptr);
  stream_->Flush();
  End();
  EXPECT_EQ(response().Status(), 200);
  EXPECT_EQ(response().Value("date"), "today");
  EXPECT_NE(response().Value("via").find("holdfast"), std::string::npos);
  EXPECT_EQ(response().Value("transfer-encoding"), "");
  EXPECT_EQ(response().Value("content-length"), "");
  EXPECT_EQ(response().body, "hello");
  EXPECT_TRUE(response().ended);
}

TEST_F(ServerStreamTest, WhatTheGatewayMakesHasNoVia) {
  Start({});
  stream_->SendHead(HeadOf(404, BodyKind::kLength),
                    HeadFacts{.generated = true, .via_name = "holdfast"});
  stream_->Flush();
  End();
  EXPECT_EQ(response().Status(), 404);
  EXPECT_EQ(response().Value("via"), "");
  EXPECT_EQ(response().Value("content-length"), "0");
}

TEST_F(ServerStreamTest, WhatEndsWithTheCloseEndsWithTheStream) {
  Start({});
  stream_->SendHead(HeadOf(200, BodyKind::kUntilClose), {});
  stream_->SendBody("hello");
  stream_->SendEnd(nullptr);
  stream_->Flush();
  End();
  EXPECT_EQ(response().body, "hello");
  EXPECT_TRUE(response().ended);
}

TEST_F(ServerStreamTest, InterimResponsesComeFirst) {
  Start({});
  stream_->SendInformational(HeadOf(103, BodyKind::kNone), "holdfast");
  stream_->SendInformational(HeadOf(101, BodyKind::kNone), "holdfast");  // RFC 9113 section 8.6
  stream_->Flush();
  harness_->Turns(2);
  ASSERT_EQ(response().interim.size(), 1u);
  EXPECT_EQ(response().interim[0][0].second, "103");
  EXPECT_TRUE(response().head.empty());
  harness_->Answer(*stream_);
  End();
  EXPECT_EQ(response().body, "ok");
}

TEST_F(ServerStreamTest, AResponseWithoutABodyEndsWithItsHead) {
  const struct {
    const char* method;
    uint16_t status;
    BodyKind body;
    uint64_t length;
  } cases[] = {
      {"HEAD", 200, BodyKind::kLength, 5}, {"HEAD", 200, BodyKind::kChunked, 0},
      {"GET", 204, BodyKind::kNone, 0},    {"GET", 304, BodyKind::kNone, 0},
      {"GET", 200, BodyKind::kLength, 0},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.status);
    Start({.method = test.method});
    harness_->Turns(2);
    const uint64_t before = harness_->connection->bytes_written();
    stream_->SendHead(HeadOf(test.status, test.body, test.length), {});
    stream_->SendEnd(nullptr);
    EXPECT_EQ(stream_->Flush(), pool::FlushStatus::kDone);
    harness_->loop.RunOnce(pool::Duration::zero());
    const uint64_t written = harness_->connection->bytes_written() - before;
    End();
    EXPECT_TRUE(response().ended);
    EXPECT_EQ(response().body, "");
    EXPECT_FALSE(response().reset.has_value());
    EXPECT_EQ(harness_->connection->bytes_written() - before, written) << "HEADERS alone";
    EXPECT_EQ(harness_->session->streams(), 0u);
  }
}

TEST_F(ServerStreamTest, ABrokenHeadIsAnsweredAndThenReset) {
  const Http2Fields heads[] = {
      {{":method", "GET"}, {":scheme", "http"}, {":path", "/a b"}, {":authority", "a"}},
      {{":method", "GET"}, {":path", "/"}, {":authority", "a"}},
      {{":method", "GET"}, {":scheme", "http"}, {":path", ""}, {":authority", "a"}},
  };
  for (const Http2Fields& head : heads) {
    for (const bool open : {false, true}) {
      Start({.body = open ? std::optional<std::string>("x") : std::nullopt,
             .open = open,
             .pseudo_fields = head});
      ASSERT_NE(stream_->refusal(), Refusal::kNone);
      EXPECT_EQ(http::RefusalStatus(stream_->refusal()), 400);
      stream_->SendHead(HeadOf(400, BodyKind::kLength, 3), HeadFacts{.generated = true});
      stream_->SendBody("bad");
      stream_->SendEnd(nullptr);
      stream_->Flush();
      End();
      EXPECT_EQ(response().Status(), 400);
      EXPECT_EQ(response().body, "bad");
      EXPECT_TRUE(response().ended);
      EXPECT_EQ(response().reset == kProtocolError, open);
      EXPECT_EQ(harness_->session->streams(), 0u);
    }
  }
}

TEST_F(ServerStreamTest, WhatIsTooLongIsRefusedButNoFault) {
  const std::pair<Http2Request, int> cases[] = {
      {{.fields = {{"x", std::string(2'000, 'x')}}}, 431},
      {{.path = "/" + std::string(600, 'x')}, 414},
      {{.fields = Http2Fields(30, {"x", ""})}, 431},
  };
  for (const auto& [request, status] : cases) {
    SCOPED_TRACE(status);
    Start(request, {.limits = {.max_head_bytes = 1'500, .max_fields = 20, .max_uri_bytes = 500}});
    EXPECT_EQ(http::RefusalStatus(stream_->refusal()), status);
    harness_->Answer(*stream_, "no");
    End();
    EXPECT_EQ(response().body, "no");
    EXPECT_FALSE(response().reset.has_value());
    EXPECT_FALSE(harness_->session->guard().has_counts());
    EXPECT_FALSE(harness_->session->over());
  }
}

TEST_F(ServerStreamTest, CountsTheBytesOfBothWays) {
  Start({.method = "POST", .body = "hello"});
  harness_->Turns(2);
  // RFC 9113 section 6.5.2: 32 more for each field.
  const uint64_t head = 7 + 4 + 7 + 4 + 10 + 4 + 5 + 1 + 4 * 32;
  EXPECT_EQ(stream_->bytes_received(), head + 5);
  EXPECT_EQ(stream_->bytes_sent(), 0u);
  stream_->SendHead(HeadOf(200, BodyKind::kChunked), {});
  const uint64_t sent = stream_->bytes_sent();
  EXPECT_GT(sent, 0u);
  EXPECT_EQ(stream_->given_head_bytes(), sent);
  stream_->SendBody("12345678");
  EXPECT_EQ(stream_->bytes_sent(), sent) << "it waits";
  stream_->Flush();
  harness_->Turns(2);
  EXPECT_EQ(stream_->bytes_sent(), sent + 8);
  EXPECT_EQ(stream_->given_head_bytes(), sent);
}

TEST_F(ServerStreamTest, NothingIsSentOnALostStream) {
  Start({});
  harness_->client->Reset(id_, 8);
  ASSERT_TRUE(harness_->TurnUntil([&] { return stream_->gone(); }));
  const uint64_t before = harness_->connection->bytes_written();
  stream_->SendInformational(HeadOf(103, BodyKind::kNone), "");
  harness_->Answer(*stream_);
  End();
  EXPECT_EQ(harness_->connection->bytes_written(), before);
  EXPECT_EQ(harness_->session->streams(), 0u);
}

}  // namespace
}  // namespace holdfast::http2
