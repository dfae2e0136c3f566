// Clients that speak HTTP/1.0.

#include <gtest/gtest.h>

#include "tests/support/raw_client.h"
#include "tests/support/scripted_hop.h"

namespace holdfast::support {
namespace {

constexpr std::string_view kPlain = "GET / HTTP/1.0\r\nHost: test\r\n\r\n";
constexpr std::string_view kKeepAlive =
    "GET / HTTP/1.0\r\nHost: test\r\nConnection: keep-alive\r\n\r\n";
constexpr std::string_view kChunked =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Sum\r\n\r\n"
    "3\r\nabc\r\n3\r\ndef\r\n0\r\nSum: 6\r\n\r\n";

TEST(Http10Test, WithoutKeepAliveTheConnectionEnds) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(kPlain);
  const Message request = upstream.Answer(OkResponse("x"));
  EXPECT_EQ(request.start_line, "GET / HTTP/1.1");
  EXPECT_TRUE(request.HasLine("Via: 1.0 holdfast")) << request.head;
  const Message response = hop.client.Response();
  EXPECT_EQ(response.body, "x");
  EXPECT_TRUE(response.HasLine("Connection: close")) << response.head;
  hop.client.ExpectClosed();
}

TEST(Http10Test, WithKeepAliveTheConnectionIsKept) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(kKeepAlive);
  upstream.Answer(OkResponse("x"));
  const Message response = hop.client.Response();
  EXPECT_TRUE(response.HasLine("Connection: keep-alive")) << response.head;
  hop.client.Send(kKeepAlive);
  upstream.Answer(OkResponse("y"));
  EXPECT_EQ(hop.client.Response().body, "y");
}

TEST(Http10Test, AChunkedResponseGoesOutPlainAndEndsWithTheConnection) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(kPlain);
  upstream.Answer(kChunked);
  const Message response = hop.client.Response();
  EXPECT_TRUE(response.until_close) << response.head;
  EXPECT_FALSE(response.Has("trailer")) << response.head;
  EXPECT_EQ(response.body, "abcdef");
}

TEST(Http10Test, AChunkedResponseEndsTheConnectionEvenWithKeepAlive) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(kKeepAlive);
  upstream.Answer(kChunked);
  const Message response = hop.client.Response();
  EXPECT_TRUE(response.HasLine("Connection: close")) << response.head;
  EXPECT_TRUE(response.until_close);
  EXPECT_EQ(response.body, "abcdef");
}

TEST(Http10Test, ARequestMayComeWithoutHost) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin("GET / HTTP/1.0\r\n\r\n");
  const Message request = upstream.Answer(OkResponse("x"));
  EXPECT_EQ(request.Count("host"), 1u) << request.head;
  EXPECT_EQ(hop.client.Response().body, "x");
}

TEST(Http10Test, InterimResponsesAreKeptFromIt) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(kPlain);
  upstream.Answer("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OkResponse("x"));
  EXPECT_EQ(hop.client.Response().Status(), 200);
}

TEST(Http10Test, ItsExpectationIsNotPassedOn) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(
      "POST / HTTP/1.0\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab");
  const Message request = upstream.Answer(OkResponse("x"));
  EXPECT_FALSE(request.Has("expect")) << request.head;
  EXPECT_EQ(request.body, "ab");
  EXPECT_EQ(hop.client.Response().Status(), 200);
}

TEST(Http10Test, AnUpstreamOfHttp10IsAskedOnceByConnection) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Answer("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx");
  const Message response = hop.client.Response();
  EXPECT_EQ(response.start_line, "HTTP/1.1 200 OK");
  EXPECT_TRUE(response.HasLine("Via: 1.0 holdfast")) << response.head;
  upstream.ExpectClosed();
}

TEST(Http10Test, AnUpstreamOfHttp10ThatKeepsAliveIsAskedAgain) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Answer("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx");
  EXPECT_EQ(hop.client.Response().body, "x");
  hop.client.Send(GetRequest("/"));
  upstream.Answer("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\ny");
  EXPECT_EQ(hop.client.Response().body, "y");
}

}  // namespace
}  // namespace holdfast::support
