// Responses before the response: 1xx, Expect, and final ones that come early.

#include <string>

#include <gtest/gtest.h>

#include "tests/support/raw_client.h"
#include "tests/support/scripted_hop.h"

namespace holdfast::support {
namespace {

constexpr std::string_view kExpecting =
    "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";

TEST(InterimResponseTest, EarlyHintsGoOnAtOnce) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Answer("HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n");
  const Message hints = hop.client.Response();
  EXPECT_EQ(hints.Status(), 103);
  EXPECT_TRUE(hints.HasLine("Link: </style.css>; rel=preload")) << hints.head;
  upstream.Send(OkResponse("x"));
  EXPECT_EQ(hop.client.Response().body, "x");
}

TEST(InterimResponseTest, SeveralGoOnInOrder) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Answer(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
      "HTTP/1.1 103 Early Hints\r\n\r\n" +
      OkResponse("x"));
  for (const int status : {100, 102, 103, 200}) EXPECT_EQ(hop.client.Response().Status(), status);
  hop.client.ExpectQuiet();
}

TEST(InterimResponseTest, EndlessOnesAreNoResponse) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Request();
  std::string many;
  for (int i = 0; i < 2000; ++i) many += "HTTP/1.1 102 Processing\r\n\r\n";
  upstream.SendIfWanted(many);
  Message response;
  do {
    response = hop.client.Response();
  } while (response.Status() == 102);
  EXPECT_EQ(response.Status(), 502);
}

TEST(InterimResponseTest, SwitchingProtocolsUnaskedIsNoResponse) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Answer(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
      "Upgrade: other\r\n\r\n");
  EXPECT_EQ(hop.client.Response().Status(), 502);
  StreamEnd end;
  upstream.ReadToEnd(&end);
  EXPECT_NE(end, StreamEnd::kOpen);
}

TEST(ExpectTest, TheClientIsToldToContinueByTheUpstream) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(kExpecting);
  Message request = ReadHead(upstream);
  EXPECT_TRUE(request.HasLine("Expect: 100-continue")) << request.head;
  upstream.ExpectQuiet();
  hop.client.ExpectQuiet();  // the gateway does not answer for it
  upstream.Send("HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(hop.client.Response().Status(), 100);
  hop.client.Send("body");
  ReadRequestBody(upstream, &request);
  EXPECT_EQ(request.body, "body");
  upstream.Send(OkResponse("x"));
  EXPECT_EQ(hop.client.Response().body, "x");
  EXPECT_EQ(hop.client.Get("/local").Status(), 200);
}

class FinalInsteadOfContinueTest : public ::testing::TestWithParam<int> {};

// The client keeps its body; where the next request would begin is known to nobody, so the
// connection ends, and says so.
TEST_P(FinalInsteadOfContinueTest, ReachesTheClientAndEndsTheConnection) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(kExpecting);
  ReadHead(upstream);
  upstream.Send("HTTP/1.1 " + std::to_string(GetParam()) + " No\r\nContent-Length: 2\r\n\r\nno");
  const Message response = hop.client.Response();
  EXPECT_EQ(response.Status(), GetParam());
  EXPECT_EQ(response.body, "no");
  EXPECT_TRUE(response.HasLine("Connection: close")) << response.head;
  hop.client.ExpectClosed();
  StreamEnd end;
  EXPECT_EQ(upstream.ReadToEnd(&end), "");
  EXPECT_NE(end, StreamEnd::kOpen);
}

INSTANTIATE_TEST_SUITE_P(Statuses, FinalInsteadOfContinueTest, ::testing::Values(417, 401, 200));

TEST(ExpectTest, AClientThatDoesNotWaitIsServed) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(std::string(kExpecting) + "body");
  EXPECT_EQ(upstream.Answer(OkResponse("x")).body, "body");
  EXPECT_EQ(hop.client.Response().body, "x");
  EXPECT_EQ(hop.client.Get("/local").Status(), 200);
}

TEST(ExpectTest, AnotherExpectationIsRefused) {
  ScriptedHop hop;
  EXPECT_EQ(hop.client.Get("/", "Expect: miracles\r\n").Status(), 417);
  hop.upstream.ExpectNoConnection();
}

TEST(ExpectTest, AnAnswerOfTheGatewayItselfEndsTheConnection) {
  ScriptedHop hop;
  const Message response = hop.client.Exchange(
      "POST /local HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(response.Status(), 200);
  EXPECT_TRUE(response.HasLine("Connection: close")) << response.head;
  hop.client.ExpectClosed();
}

TEST(EarlyResponseTest, ItReachesTheClientBeforeTheRequestIsComplete) {
  ScriptedHop hop;
  UpstreamConnection upstream =
      hop.Begin("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\nfirst bytes");
  ReadHead(upstream);
  upstream.Send("HTTP/1.1 422 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
  const Message response = hop.client.Response();
  EXPECT_EQ(response.Status(), 422);
  EXPECT_EQ(response.body, "no");
}

TEST(EarlyResponseTest, TheRequestGoesOnWhileTheResponseDoes) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(
      "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n" + Chunk("one"));
  Message request = ReadHead(upstream);
  EXPECT_EQ(ReadChunk(upstream, &request), "one");
  upstream.Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + Chunk("echo one"));
  Message response = ReadHead(hop.client);
  EXPECT_EQ(ReadChunk(hop.client, &response), "echo one");
  hop.client.Send(Chunk("two") + std::string(kLastChunk));
  EXPECT_EQ(ReadChunk(upstream, &request), "two");
  EXPECT_EQ(ReadChunk(upstream, &request), "");
  upstream.Send(Chunk("echo two") + std::string(kLastChunk));
  EXPECT_EQ(ReadChunk(hop.client, &response), "echo two");
  EXPECT_EQ(ReadChunk(hop.client, &response), "");
  EXPECT_EQ(hop.client.Get("/local").Status(), 200);
}

TEST(EarlyResponseTest, TheUpstreamConnectionIsNotUsedAgain) {
  ScriptedHop hop;
  UpstreamConnection upstream =
      hop.Begin("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\nfirst bytes");
  ReadHead(upstream);
  upstream.Send(OkResponse("early"));
  EXPECT_EQ(hop.client.Response().body, "early");
  StreamEnd end;
  upstream.ReadToEnd(&end);
  EXPECT_NE(end, StreamEnd::kOpen);
  hop.gateway.AwaitMetric("holdfast_upstream_connections_closed_total",
                          {{"reason", "request_unfinished"}}, 1);
}

TEST(EarlyResponseTest, AnUpstreamThatAnswersAndStopsReadingIsHeard) {
  ScriptedHop hop;
  UpstreamConnection upstream =
      hop.Begin("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 8000000\r\n\r\n");
  ReadHead(upstream);
  upstream.Send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
  upstream.ShutdownWrite();
  hop.client.SendIfWanted(Pattern(8'000'000));
  const Message response = hop.client.Response();
  EXPECT_EQ(response.Status(), 413);
  EXPECT_EQ(response.body, "no");
}

}  // namespace
}  // namespace holdfast::support
