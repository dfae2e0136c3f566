// Requests that are too large, and responses that come before they are read.

#include <string>

#include <gtest/gtest.h>

#include "tests/support/raw_client.h"
#include "tests/support/scripted_hop.h"

namespace holdfast::support {
namespace {

constexpr size_t kMegabyte = 1 << 20;

TEST(BodyLimitTest, ALargerLengthIsRefusedBeforeTheUpstreamIsAsked) {
  ScriptedHop hop(GatewayConfig{.route = "max_request_body: 1KiB"});
  EXPECT_EQ(hop.client.Exchange(PostRequest("/", Pattern(1025))).Status(), 413);
  hop.upstream.ExpectNoConnection();
}

TEST(BodyLimitTest, ABodyOfExactlyTheLimitPasses) {
  ScriptedHop hop(GatewayConfig{.route = "max_request_body: 1KiB"});
  UpstreamConnection upstream = hop.Begin(PostRequest("/", Pattern(1024)));
  EXPECT_EQ(upstream.Answer(OkResponse("x")).body, Pattern(1024));
  EXPECT_EQ(hop.client.Response().Status(), 200);
}

TEST(BodyLimitTest, AChunkedBodyIsCountedAsItComes) {
  ScriptedHop hop(GatewayConfig{.route = "max_request_body: 1KiB"});
  UpstreamConnection upstream = hop.Begin(
      "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n" + Chunk(Pattern(1000)));
  Message request = ReadHead(upstream);
  EXPECT_EQ(ReadChunk(upstream, &request).size(), 1000u);
  hop.client.Send(Chunk(Pattern(100)));
  EXPECT_EQ(hop.client.Response().Status(), 413);
  StreamEnd end;
  EXPECT_EQ(upstream.ReadToEnd(&end).find(std::string(kLastChunk)), std::string::npos);
  EXPECT_NE(end, StreamEnd::kOpen);
}

// Closing a socket that holds unread bytes sends a reset, which would take the response with it.
TEST(LingeringCloseTest, AnEarlyRefusalIsReadableWhileTheClientStillSends) {
  ScriptedHop hop(GatewayConfig{.route = "max_request_body: 1KiB"});
  hop.client.Send(PostRequest("/", Pattern(kMegabyte)));
  const Message response = hop.client.Response();
  EXPECT_EQ(response.Status(), 413);
  EXPECT_TRUE(response.HasLine("Connection: close")) << response.head;
  hop.client.ExpectClosed();
}

TEST(LingeringCloseTest, ARefusedChunkedBodyIsReadToItsEndAsWell) {
  ScriptedHop hop(GatewayConfig{.route = "max_request_body: 1KiB"});
  std::string request = "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 256; ++i) request += Chunk(Pattern(4096));
  hop.client.Send(request);
  EXPECT_EQ(hop.client.Response().Status(), 413);
  hop.client.ExpectClosed();
}

TEST(LingeringCloseTest, ARefusedHeadBeforeALargeBodyIsAnswered) {
  ScriptedHop hop;
  hop.client.Send(
      "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1048576\r\nBad Name: x\r\n\r\n" +
      Pattern(kMegabyte));
  EXPECT_EQ(hop.client.Response().Status(), 400);
  hop.client.ExpectClosed();
}

TEST(LingeringCloseTest, AnAnswerOfTheGatewayToALargeBodyIsReadable) {
  ScriptedHop hop;
  hop.client.Send(PostRequest("/local", Pattern(kMegabyte)));
  EXPECT_EQ(hop.client.Response().body, "local");
}

TEST(LingeringCloseTest, AClientThatDoesNotCloseIsNotWaitedForLong) {
  ScriptedHop hop(GatewayConfig{.route = "max_request_body: 1KiB"});
  hop.client.Send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 2000000\r\n\r\n");
  EXPECT_EQ(hop.client.Response().Status(), 413);
  hop.client.ExpectClosed();  // our half; the socket stays until the client has closed, or a limit
  hop.gateway.AwaitMetric("holdfast_client_connections", {{"listener", "edge"}}, 0);
}

TEST(UnreadBodyTest, AShortOneIsDroppedAndTheConnectionKept) {
  ScriptedHop hop;
  EXPECT_EQ(hop.client.Exchange(PostRequest("/local", Pattern(10'000))).body, "local");
  EXPECT_EQ(hop.client.Get("/local").body, "local");
}

TEST(UnreadBodyTest, AShortChunkedOneIsDroppedAndTheConnectionKept) {
  ScriptedHop hop;
  EXPECT_EQ(
      hop.client
          .Exchange("POST /local HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n" +
                    Chunk(Pattern(1000)) + std::string(kLastChunk))
          .body,
      "local");
  EXPECT_EQ(hop.client.Get("/local").body, "local");
}

TEST(HeadLimitTest, ALongTargetIsRefused) {
  ScriptedHop hop(GatewayConfig{.listener = "max_uri_bytes: 100B"});
  const Message response = hop.client.Get("/" + std::string(100, 'a'));
  EXPECT_EQ(response.Status(), 414);
  hop.client.ExpectClosed();
}

TEST(HeadLimitTest, ATargetOfExactlyTheLimitPasses) {
  GatewayProcess gateway(GatewayConfig{.listener = "max_uri_bytes: 100B"});
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/" + std::string(99, 'a')).Status(), 404);
}

TEST(HeadLimitTest, TooManyFieldsAreRefused) {
  ScriptedHop hop(GatewayConfig{.listener = "max_header_fields: 10"});
  std::string lines;
  for (int i = 0; i < 10; ++i) lines += "X-" + std::to_string(i) + ": 1\r\n";  // and Host
  EXPECT_EQ(hop.client.Get("/", lines).Status(), 431);
  hop.client.ExpectClosed();
}

TEST(HeadLimitTest, ALargeHeadIsRefused) {
  ScriptedHop hop(GatewayConfig{.listener = "max_head_bytes: 2KiB, max_uri_bytes: 1KiB"});
  EXPECT_EQ(hop.client.Get("/", "Large: " + std::string(2048, 'a') + "\r\n").Status(), 431);
  hop.client.ExpectClosed();
}

TEST(HeadLimitTest, AHeadWithoutEndIsRefusedOnceItIsTooLarge) {
  ScriptedHop hop;
  hop.client.SendIfWanted("GET / HTTP/1.1\r\nHost: test\r\nEndless: " + std::string(100'000, 'a'));
  EXPECT_EQ(hop.client.Response().Status(), 431);
  hop.client.ExpectClosed();
}

TEST(HeadLimitTest, ALargeHeadWithinTheLimitPasses) {
  ScriptedHop hop;
  const std::string value(30'000, 'v');
  UpstreamConnection upstream = hop.Begin(GetRequest("/", "Large: " + value + "\r\n"));
  EXPECT_EQ(upstream.Answer(OkResponse("x")).Value("large"), value);
  EXPECT_EQ(hop.client.Response().Status(), 200);
}

}  // namespace
}  // namespace holdfast::support
