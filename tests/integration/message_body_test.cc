// Where bodies end, and that they arrive byte for byte, in both directions.

#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "tests/support/raw_client.h"
#include "tests/support/scripted_hop.h"
#include "tests/support/wire.h"

namespace holdfast::support {
namespace {

constexpr std::string_view kChunkedPost =
    "POST /p HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::string_view kChunkedOk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

TEST(RequestBodyTest, ALengthGoesOnAsALength) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(PostRequest("/", "body"));
  const Message request = upstream.Answer(OkResponse("x"));
  EXPECT_TRUE(request.HasLine("Content-Length: 4")) << request.head;
  EXPECT_EQ(request.body, "body");
  EXPECT_EQ(hop.client.Response().body, "x");
}

TEST(RequestBodyTest, ALengthOfZeroGoesOn) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(PostRequest("/", ""));
  EXPECT_TRUE(upstream.Answer(OkResponse("x")).HasLine("Content-Length: 0"));
  EXPECT_EQ(hop.client.Response().body, "x");
}

TEST(RequestBodyTest, ARequestWithoutBodyGetsNoFraming) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  const Message request = upstream.Answer(OkResponse("x"));
  EXPECT_FALSE(request.Has("content-length")) << request.head;
  EXPECT_FALSE(request.Has("transfer-encoding")) << request.head;
}

TEST(RequestBodyTest, AChunkedBodyGoesOnChunkedWithoutItsExtensions) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(
      std::string(kChunkedPost) + "3;name=value\r\nabc\r\n4;x=\"q\"\r\ndefg\r\n0;last\r\n\r\n");
  const Message request = upstream.Answer(OkResponse("x"));
  EXPECT_TRUE(request.chunked) << request.head;
  EXPECT_EQ(request.body, "abcdefg");
  EXPECT_EQ(hop.client.Response().Status(), 200);
}

TEST(RequestBodyTest, AnEmptyChunkedBodyStaysOne) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(std::string(kChunkedPost) + std::string(kLastChunk));
  const Message request = upstream.Answer(OkResponse("x"));
  EXPECT_TRUE(request.chunked);
  EXPECT_EQ(request.body, "");
  EXPECT_EQ(hop.client.Response().Status(), 200);
}

TEST(RequestBodyTest, TrailersGoOn) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(
      "POST / HTTP/1.1\r\nHost: test\r\nTrailer: Check-Sum\r\n"
      "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nCheck-Sum: 1\r\nB: 2\r\n\r\n");
  const Message request = upstream.Answer(OkResponse("x"));
  EXPECT_TRUE(request.HasLine("Trailer: Check-Sum")) << request.head;
  EXPECT_EQ(request.trailers, (Fields{{"Check-Sum", "1"}, {"B", "2"}}));
  EXPECT_EQ(hop.client.Response().Status(), 200);
}

TEST(RequestBodyTest, FieldsThatMayNotBeTrailersDoNotGoOn) {
  for (const std::string field : {"Content-Length: 5", "Host: other", "Connection: close",
                                  "Authorization: x", "X-Forwarded-For: 192.0.2.1"}) {
    ScriptedHop hop;
    UpstreamConnection upstream =
        hop.Begin(std::string(kChunkedPost) + "0\r\n" + field + "\r\nA: 1\r\n\r\n");
    EXPECT_EQ(upstream.Answer(OkResponse("x")).trailers, (Fields{{"A", "1"}})) << field;
    EXPECT_EQ(hop.client.Response().Status(), 200) << field;
  }
}

TEST(RequestBodyTest, EachPieceGoesOnWithoutWaitingForTheNext) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(std::string(kChunkedPost) + Chunk("one"));
  Message request = ReadHead(upstream);
  EXPECT_EQ(ReadChunk(upstream, &request), "one");
  hop.client.Send(Chunk("two"));
  EXPECT_EQ(ReadChunk(upstream, &request), "two");
  hop.client.Send(kLastChunk);
  EXPECT_EQ(ReadChunk(upstream, &request), "");
  upstream.Send(OkResponse("x"));
  EXPECT_EQ(hop.client.Response().Status(), 200);
}

TEST(RequestBodyTest, AMegabyteArrivesByteForByte) {
  const std::string body = Pattern(1 << 20);
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(PostRequest("/", body));
  EXPECT_EQ(upstream.Answer(OkResponse("x")).body, body);
  EXPECT_EQ(hop.client.Response().Status(), 200);
}

TEST(RequestBodyTest, AChunkedBodySplitAnywhereArrives) {
  const std::string body = "5\r\nabcde\r\n10;x=y\r\n0123456789abcdef\r\n0\r\nA: b\r\n\r\n";
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Warm();
  for (size_t cut = 1; cut < body.size(); ++cut) {
    hop.client.Send(std::string(kChunkedPost) + body.substr(0, cut));
    hop.client.Send(body.substr(cut));
    const Message request = upstream.Answer(OkResponse("x"));
    ASSERT_EQ(request.body, "abcde0123456789abcdef") << cut;
    ASSERT_EQ(request.Trailer("a"), "b") << cut;
    ASSERT_EQ(hop.client.Response().Status(), 200) << cut;
  }
}

class ResponseBodyTest : public OverEachWire {};
HOLDFAST_OVER_EACH_WIRE(ResponseBodyTest);

TEST_P(ResponseBodyTest, ALengthGoesOnAsALength) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Answer(OkResponse("body"));
  const Message response = hop.client.Response();
  EXPECT_TRUE(response.HasLine("Content-Length: 4")) << response.head;
  EXPECT_EQ(response.body, "body");
}

TEST_P(ResponseBodyTest, AnEmptyBodyIsOne) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Answer(OkResponse(""));
  EXPECT_TRUE(hop.client.Response().HasLine("Content-Length: 0"));
}

TEST_P(ResponseBodyTest, AChunkedBodyGoesOnChunkedWithItsTrailers) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Answer(
      "HTTP/1.1 200 OK\r\nTrailer: Sum\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nSum: 5\r\nContent-Length: 9\r\n\r\n");
  const Message response = hop.client.Response();
  EXPECT_TRUE(response.chunked);
  EXPECT_TRUE(response.HasLine("Trailer: Sum")) << response.head;
  EXPECT_EQ(response.body, "abcde");
  EXPECT_EQ(response.trailers, (Fields{{"Sum", "5"}}));
}

TEST_P(ResponseBodyTest, EachPieceGoesOnWithoutWaitingForTheNext) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/events"));
  upstream.Answer(std::string(kChunkedOk) + Chunk("one"));
  Message response = ReadHead(hop.client);
  EXPECT_EQ(ReadChunk(hop.client, &response), "one");
  upstream.Send(Chunk("two"));
  EXPECT_EQ(ReadChunk(hop.client, &response), "two");
  upstream.Send(kLastChunk);
  EXPECT_EQ(ReadChunk(hop.client, &response), "");
}

TEST_P(ResponseBodyTest, OneThatEndsWithTheConnectionIsChunkedForTheClient) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Answer("HTTP/1.1 200 OK\r\n\r\nuntil the end");
  upstream.Close();
  const Message response = hop.client.Response();
  EXPECT_TRUE(response.chunked) << response.head;
  EXPECT_EQ(response.body, "until the end");
  EXPECT_EQ(hop.client.Get("/local").Status(), 200);
}

// The end of the client's connection, which came in the middle of a response.
StreamEnd AwaitBreak(RawClient& client) {
  StreamEnd end;
  EXPECT_EQ(client.ReadToEnd(&end), "");
  EXPECT_NE(end, StreamEnd::kOpen);
  return end;
}

class TruncatedResponseTest : public OverEachWire {};
HOLDFAST_OVER_EACH_WIRE(TruncatedResponseTest);

TEST_P(TruncatedResponseTest, OneThatEndsWithAResetIsNotTakenForWhole) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Answer("HTTP/1.1 200 OK\r\n\r\npart");
  Message response = ReadHead(hop.client);
  EXPECT_EQ(ReadChunk(hop.client, &response), "part");
  upstream.Reset();
  AwaitBreak(hop.client);
}

TEST_P(TruncatedResponseTest, OneThatStopsShortOfItsLengthIsNotTakenForWhole) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart");
  EXPECT_TRUE(ReadHead(hop.client).HasLine("Content-Length: 10"));
  EXPECT_EQ(hop.client.ReadBytes(4), "part");
  upstream.Close();
  AwaitBreak(hop.client);
}

TEST_P(TruncatedResponseTest, OneThatStopsBeforeItsLastChunkIsNotTakenForWhole) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Answer(std::string(kChunkedOk) + Chunk("part"));
  Message response = ReadHead(hop.client);
  EXPECT_EQ(ReadChunk(hop.client, &response), "part");
  upstream.Close();
  AwaitBreak(hop.client);
}

// Whoever can cut the connection could end the body where it likes, were a FIN its end over TLS,
// too (RFC 9112 section 9.8); a plain upstream has no other way to say that it is whole.
TEST_P(TruncatedResponseTest, AFinIsNoEndOverTls) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Answer("HTTP/1.1 200 OK\r\n\r\npart");
  Message response = ReadHead(hop.client);
  EXPECT_EQ(ReadChunk(hop.client, &response), "part");
  upstream.Cut();
  if (OverTls()) {
    AwaitBreak(hop.client);
  } else {
    EXPECT_EQ(ReadChunk(hop.client, &response), "");
  }
}

// The end of the connection is the end of the body for an HTTP/1.0 client, so only a reset tells.
TEST_P(TruncatedResponseTest, AClientThatReadsToTheEndGetsAReset) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin("GET / HTTP/1.0\r\nHost: test\r\n\r\n");
  upstream.Answer(std::string(kChunkedOk) + Chunk("part"));
  ReadHead(hop.client);
  EXPECT_EQ(hop.client.ReadBytes(4), "part");
  upstream.Close();
  EXPECT_EQ(AwaitBreak(hop.client), StreamEnd::kReset);
}

TEST_P(ResponseBodyTest, SeveralMegabytesArriveByteForByte) {
  const std::string body = Pattern(8 << 20);
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Request();
  std::thread sender([&] { upstream.Send(OkResponse(body)); });
  EXPECT_TRUE(hop.client.Response().body == body);
  sender.join();
}

// It rests before it serves again, since content might follow such a response.
void ExpectKept(ScriptedHop& hop) {
  hop.gateway.AwaitMetric("holdfast_upstream_connections", {{"state", "idle"}}, 1);
  EXPECT_EQ(hop.gateway.Scrape().Value("holdfast_upstream_connections_closed_total"), 0);
}

TEST(BodilessResponseTest, HeadKeepsTheLengthAndTheConnection) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin("HEAD / HTTP/1.1\r\nHost: test\r\n\r\n");
  EXPECT_EQ(upstream.Answer("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n").Method(), "HEAD");
  EXPECT_TRUE(hop.client.Response("HEAD").HasLine("Content-Length: 1234"));
  ExpectKept(hop);
}

TEST(BodilessResponseTest, HeadOfAChunkedResourceHasNoBodyEither) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin("HEAD / HTTP/1.1\r\nHost: test\r\n\r\n");
  upstream.Answer(kChunkedOk);
  EXPECT_EQ(hop.client.Response("HEAD").Status(), 200);
  ExpectKept(hop);
}

TEST(BodilessResponseTest, HeadIsAnsweredLocallyWithTheLengthOfGet) {
  GatewayProcess gateway(GatewayConfig{});
  RawClient client(gateway.address());
  EXPECT_TRUE(
      client.Exchange("HEAD /local HTTP/1.1\r\nHost: test\r\n\r\n").HasLine("Content-Length: 5"));
  EXPECT_EQ(client.Get("/local").body, "local");
}

TEST(BodilessResponseTest, NoContentHasNoFraming) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Answer("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(hop.client.Response().Status(), 204);
  hop.client.Send(GetRequest("/"));
  upstream.Answer(OkResponse("next"));
  EXPECT_EQ(hop.client.Response().body, "next");
}

TEST(BodilessResponseTest, NotModifiedKeepsTheLengthAndTheConnection) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/", "If-None-Match: \"a\"\r\n"));
  upstream.Answer("HTTP/1.1 304 Not Modified\r\nContent-Length: 1234\r\nETag: \"a\"\r\n\r\n");
  const Message response = hop.client.Response();
  EXPECT_EQ(response.Status(), 304);
  EXPECT_TRUE(response.HasLine("Content-Length: 1234")) << response.head;
  ExpectKept(hop);
}

TEST(BodilessResponseTest, NotModifiedWithoutLengthGetsNone) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Answer("HTTP/1.1 304 Not Modified\r\n\r\n");
  const Message response = hop.client.Response();
  EXPECT_FALSE(response.Has("content-length")) << response.head;
  EXPECT_FALSE(response.Has("transfer-encoding")) << response.head;
}

}  // namespace
}  // namespace holdfast::support
