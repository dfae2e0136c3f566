#include "tests/support/http_message.h"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"

namespace holdfast::support {
namespace {

// Reads `bytes` as a response, after which the sender closes.
Message Read(std::string_view bytes, std::string_view method = "GET") {
  ScriptedUpstream server;
  RawClient client(server.address());
  UpstreamConnection peer = server.Accept();
  peer.Send(bytes);
  peer.Close();
  return client.Response(method);
}

TEST(HttpMessageTest, AResponseHasStatusFieldsAndBody) {
  const Message message = Read(
      "HTTP/1.1 404 Not Found\r\nX-A: 1\r\nx-a: 2\r\n"
      "Content-Length: 3\r\n\r\nabc");
  EXPECT_EQ(message.Status(), 404);
  EXPECT_EQ(message.Value("X-a"), "1");
  EXPECT_EQ(message.Count("X-A"), 2u);
  EXPECT_TRUE(message.HasLine("x-a: 2"));
  EXPECT_FALSE(message.HasLine("X-A: 2"));
  EXPECT_EQ(message.body, "abc");
}

TEST(HttpMessageTest, AChunkedBodyIsPutTogetherWithItsTrailers) {
  const Message message = Read(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\nA\r\n0123456789\r\n0\r\nSum: 7\r\n\r\n");
  EXPECT_EQ(message.body, "abc0123456789");
  EXPECT_EQ(message.chunks, (std::vector<size_t>{3, 10}));
  EXPECT_EQ(message.Trailer("sum"), "7");
}

TEST(HttpMessageTest, ABodyWithoutFramingEndsWithTheConnection) {
  const Message message = Read("HTTP/1.1 200 OK\r\n\r\nrest");
  EXPECT_EQ(message.body, "rest");
  EXPECT_TRUE(message.until_close);
}

TEST(HttpMessageTest, AResponseToHeadHasNoBodyWhateverItSays) {
  EXPECT_EQ(Read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD").body, "");
  EXPECT_EQ(Read("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n").body, "");
}

TEST(HttpMessageTest, TwoFramingsFail) {
  EXPECT_NONFATAL_FAILURE(Read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                               "Content-Length: 3\r\n\r\n0\r\n\r\n"),
                          "content-length");
}

TEST(HttpMessageTest, AChunkThatIsNotClosedFails) {
  EXPECT_NONFATAL_FAILURE(Read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "3\r\nabcXY0\r\n\r\n"),
                          "behind a chunk");
}

TEST(HttpMessageTest, AnInterimResponseWithFramingFails) {
  EXPECT_NONFATAL_FAILURE(Read("HTTP/1.1 103 Early Hints\r\nContent-Length: 0\r\n\r\n"),
                          "content-length");
}

TEST(HttpMessageTest, AFieldLineWithSpaceBeforeTheColonFails) {
  EXPECT_NONFATAL_FAILURE(Read("HTTP/1.1 204 No Content\r\nA : b\r\n\r\n"), "not a field line");
}

TEST(HttpMessageTest, ARequestHasMethodTargetAndBody) {
  ScriptedUpstream server;
  RawClient client(server.address());
  UpstreamConnection peer = server.Accept();
  client.Send(PostRequest("/a?b", "body") + GetRequest("/c"));
  const Message first = peer.Request();
  EXPECT_EQ(first.Method(), "POST");
  EXPECT_EQ(first.Target(), "/a?b");
  EXPECT_EQ(first.body, "body");
  EXPECT_EQ(peer.Request().Target(), "/c");
}

}  // namespace
}  // namespace holdfast::support
