// Bodies of requests that are held as a whole before the upstream, or who says whether they may
// pass, is asked.

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_hop.h"
#include "tests/support/scripted_upstream.h"

namespace holdfast::support {
namespace {

constexpr std::string_view kChunkedHead =
    "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";

GatewayConfig Buffering(const std::string& keys = "") {
  return {.listener = "body_timeout: 60s", .route = "buffering: {request: 100KiB}" + keys};
}

std::string Head(size_t bytes, std::string_view fields = "") {
  return "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(bytes) + "\r\n" +
         std::string(fields) + "\r\n";
}

void AwaitBodies(const ScriptedHop& hop, const char* outcome, double count) {
  hop.gateway.AwaitMetric("holdfast_request_buffering_total", {{"outcome", outcome}}, count);
}

TEST(BufferingTest, ASlowUploadTakesNoConnection) {
  ScriptedHop hop(Buffering());
  const std::string body = Pattern(90'000);
  hop.client.Send(Head(body.size()));
  for (size_t at = 0; at < body.size(); at += 30'000) {
    // Somebody else's request shows that what was sent so far has been read.
    EXPECT_EQ(RawClient(hop.gateway.address()).Get("/local").body, "local");
    hop.upstream.ExpectNoConnection();
    hop.client.Send(body.substr(at, 30'000));
  }
  UpstreamConnection upstream = hop.upstream.Accept();
  const Message request = upstream.Answer(OkResponse("ok"));
  EXPECT_TRUE(request.body == body);
  EXPECT_EQ(request.Value("content-length"), "90000");
  EXPECT_EQ(hop.client.Response().body, "ok");
  AwaitBodies(hop, "whole", 1);
  EXPECT_EQ(hop.client.Get("/local").body, "local") << "the connection is kept";
}

TEST(BufferingTest, OfALongerOneNotAByteIsLostOrDoubled) {
  ScriptedHop hop(Buffering());
  const std::string body = Pattern(1'000'000);
  std::string request(kChunkedHead);
  for (size_t at = 0; at < body.size(); at += 7'777) request += Chunk(body.substr(at, 7'777));
  UpstreamConnection upstream = hop.Begin(request + std::string(kLastChunk));
  EXPECT_TRUE(upstream.Answer(OkResponse("ok")).body == body);
  EXPECT_EQ(hop.client.Response().body, "ok");
  AwaitBodies(hop, "too_long", 1);
}

TEST(BufferingTest, OneThatSaysSoIsNotWaitedFor) {
  ScriptedHop hop(Buffering());
  UpstreamConnection upstream = hop.Begin(Head(200'000));
  Message request = ReadHead(upstream);
  const std::string body = Pattern(200'000);
  hop.client.Send(body);
  ReadRequestBody(upstream, &request);
  EXPECT_TRUE(request.body == body);
  AwaitBodies(hop, "too_long", 1);
}

TEST(BufferingTest, ChunksBecomeALengthAndTrailersStay) {
  ScriptedHop hop(Buffering());
  UpstreamConnection upstream =
      hop.Begin(std::string(kChunkedHead) + Chunk("one ") + Chunk("two") + std::string(kLastChunk));
  const Message plain = upstream.Answer(OkResponse("ok"));
  EXPECT_EQ(plain.body, "one two");
  EXPECT_FALSE(plain.chunked);
  EXPECT_EQ(plain.Value("content-length"), "7");
  EXPECT_EQ(hop.client.Response().body, "ok");

  hop.client.Send(std::string(kChunkedHead) + Chunk("three") + "0\r\nX-Sum: 7\r\n\r\n");
  const Message with_trailers = upstream.Answer(OkResponse("ok"));
  EXPECT_EQ(with_trailers.body, "three");
  EXPECT_EQ(with_trailers.Trailer("x-sum"), "7");
  EXPECT_EQ(hop.client.Response().body, "ok");
}

TEST(BufferingTest, AnEmptyBodyIsOne) {
  ScriptedHop hop(Buffering());
  UpstreamConnection upstream = hop.Begin(std::string(kChunkedHead) + std::string(kLastChunk));
  EXPECT_EQ(upstream.Answer(OkResponse("ok")).body, "");
  EXPECT_EQ(hop.client.Response().body, "ok");
  hop.client.Send(Head(0));
  EXPECT_EQ(upstream.Answer(OkResponse("ok")).body, "");
  EXPECT_EQ(hop.client.Response().body, "ok");
}

TEST(BufferingTest, TheGatewayTellsTheClientToGoOn) {
  ScriptedHop hop(Buffering());
  hop.client.Send(Head(4, "Expect: 100-continue\r\n"));
  EXPECT_EQ(hop.client.Response().Status(), 100);
  hop.upstream.ExpectNoConnection();
  UpstreamConnection upstream = hop.Begin("body");
  const Message request = upstream.Answer(OkResponse("ok"));
  EXPECT_FALSE(request.Has("expect")) << request.head;
  EXPECT_EQ(request.body, "body");
  const Message response = hop.client.Response();
  EXPECT_EQ(response.Status(), 200);
  EXPECT_FALSE(response.HasLine("Connection: close"));
}

// Whatever a request says of its body: while there is less of it than may be held, nobody is asked.
TEST(BufferingTest, NoSpellingOfARequestTakesAConnectionBeforeItsBody) {
  struct Attempt {
    std::string_view name;
    std::string line;
    std::string fields;
    bool chunked;
  };
  const std::string length = "Content-Length: 8\r\n";
  const std::string chunks = "Transfer-Encoding: chunked\r\n";
  const std::string grpc = "Content-Type: application/grpc\r\nTE: trailers\r\n";
  const std::string upgrade = "Connection: upgrade\r\nUpgrade: test\r\n";
  GatewayConfig config = Buffering();
  config.upstream = "max_idle: 0";
  ScriptedHop hop(config);
  for (const Attempt& attempt : std::vector<Attempt>{
           {"a length", "POST / HTTP/1.1", length, false},
           {"chunks", "POST / HTTP/1.1", chunks, true},
           {"HTTP/1.0", "POST / HTTP/1.0", length, false},
           {"GET", "GET / HTTP/1.1", length, false},
           {"DELETE", "DELETE / HTTP/1.1", chunks, true},
           {"PURGE", "PURGE / HTTP/1.1", length, false},
           {"OPTIONS", "OPTIONS / HTTP/1.1", length, false},
           {"gRPC", "POST / HTTP/1.1", grpc + length, false},
           {"gRPC in chunks", "POST / HTTP/1.1", grpc + chunks, true},
           {"an upgrade", "POST / HTTP/1.1", upgrade + length, false},
           {"the end", "POST / HTTP/1.1", "Connection: close\r\n" + chunks, true},
           {"another method's name", "POST / HTTP/1.1", "X-HTTP-Method-Override: GET\r\n" + length,
            false},
       }) {
    SCOPED_TRACE(attempt.name);
    const auto piece = [&](std::string_view bytes) {
      return attempt.chunked ? Chunk(bytes) : std::string(bytes);
    };
    RawClient client(hop.gateway.address());
    client.Send(attempt.line + "\r\nHost: test\r\n" + attempt.fields + "\r\n" + piece("half"));
    // Somebody else's request shows that what was sent so far has been read.
    EXPECT_EQ(RawClient(hop.gateway.address()).Get("/local").body, "local");
    hop.upstream.ExpectNoConnection();
    client.Send(piece("half") + std::string(attempt.chunked ? kLastChunk : ""));
    EXPECT_EQ(hop.upstream.Accept().Answer(OkResponse("ok")).body, "halfhalf");
    EXPECT_EQ(client.Response().body, "ok");
  }
}

TEST(BufferingTest, AnExpectationOfALongOneIsTheUpstreamsToMeet) {
  ScriptedHop hop(Buffering());
  UpstreamConnection upstream = hop.Begin(Head(200'000, "Expect: 100-continue\r\n"));
  EXPECT_TRUE(ReadHead(upstream).HasLine("Expect: 100-continue"));
  hop.client.ExpectQuiet();
  upstream.Send("HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(hop.client.Response().Status(), 413);
}

TEST(BufferingTest, ALongBodyIsSentAgain) {
  ScriptedHop hop(Buffering(", retry: {attempts: 1, on: [gateway_error]}"));
  const std::string body = Pattern(100'000);
  std::string request = Head(body.size()) + body;
  request.replace(0, 4, "PUT");
  UpstreamConnection first = hop.Begin(request);
  EXPECT_TRUE(first.Request().body == body);
  first.Close();
  UpstreamConnection second = hop.upstream.Accept();
  EXPECT_TRUE(second.Answer(OkResponse("ok")).body == body);
  EXPECT_EQ(hop.client.Response().body, "ok");
}

TEST(BufferingTest, ABodyThatStallsIsNotWaitedForLong) {
  GatewayConfig config = Buffering();
  config.listener = "body_timeout: 200ms";
  ScriptedHop hop(config);
  hop.client.Send(Head(10) + "01234");
  const Message response = hop.client.Response();
  EXPECT_EQ(response.Status(), 408);
  EXPECT_NE(response.body.find("reason: client_body_timeout\n"), std::string::npos);
  hop.upstream.ExpectNoConnection();
}

TEST(BufferingTest, AClientThatLeavesIsForgotten) {
  ScriptedHop hop(Buffering());
  for (int i = 0; i < 20; ++i) {
    RawClient client(hop.gateway.address());
    client.Send(Head(100'000) + Pattern(50'000));
    if (i % 2 == 0) client.Reset();
  }
  // The one that asks next is there already.
  hop.gateway.AwaitMetric("holdfast_client_connections", {{"listener", "edge"}}, 1);
  hop.upstream.ExpectNoConnection();
  UpstreamConnection upstream = hop.Begin(Head(4) + "body");
  EXPECT_EQ(upstream.Answer(OkResponse("ok")).body, "body");
  EXPECT_EQ(hop.client.Response().body, "ok");
}

TEST(BufferingTest, TheRoutesLimitIsMetBeforeTheUpstreamIsAsked) {
  ScriptedHop hop(Buffering(", max_request_body: 1KiB"));
  hop.client.Send(std::string(kChunkedHead) + Chunk(Pattern(1000)) + Chunk(Pattern(25)));
  EXPECT_EQ(hop.client.Response().Status(), 413);
  hop.upstream.ExpectNoConnection();
}

// 64 bodies of 20 KiB each do not fit into a mebibyte.
TEST(BufferingTest, AWorkerWithoutRoomStreams) {
  GatewayConfig config = Buffering();
  config.top = "max_buffered_bytes: 1MiB\n";
  AutoUpstream upstream;
  config.endpoints = {upstream.address()};
  GatewayProcess gateway(config);
  std::vector<RawClient> clients;
  for (int i = 0; i < 64; ++i) {
    clients.emplace_back(gateway.address());
    clients.back().Send(Head(20'480) + Pattern(20'000));
  }
  gateway.AwaitMetricAtLeast("holdfast_request_buffering_total", {{"outcome", "no_room"}}, 1);
  for (RawClient& client : clients) client.Send(Pattern(480));
  for (RawClient& client : clients) EXPECT_EQ(client.Response().Status(), 200);
  // Room again.
  RawClient late(gateway.address());
  const auto whole = [&] {
    return gateway.Scrape().Value("holdfast_request_buffering_total", {{"outcome", "whole"}});
  };
  const double before = whole();
  late.Send(Head(100'000) + Pattern(100'000));
  EXPECT_EQ(late.Response().Status(), 200);
  gateway.AwaitMetric("holdfast_request_buffering_total", {{"outcome", "whole"}}, before + 1);
}

TEST(BufferingTest, WhatIsHeldIsCutAtTheDrainsEnd) {
  GatewayConfig config = Buffering();
  config.drain = "{delay: 0s, timeout: 300ms}";
  ScriptedHop hop(config);
  hop.client.Send(Head(10) + "01234");
  EXPECT_EQ(RawClient(hop.gateway.address()).Get("/local").body, "local");
  hop.gateway.Signal(SIGTERM);
  StreamEnd end;
  EXPECT_EQ(hop.client.ReadToEnd(&end), "");
  EXPECT_NE(end, StreamEnd::kOpen);
  hop.upstream.ExpectNoConnection();
}

TEST(BufferingTest, WhatComesDuringTheDrainIsServed) {
  GatewayConfig config = Buffering();
  config.drain = "{delay: 0s, timeout: 10s}";
  ScriptedHop hop(config);
  hop.client.Send(Head(10) + "01234");
  EXPECT_EQ(RawClient(hop.gateway.address()).Get("/local").body, "local");
  hop.gateway.Signal(SIGTERM);
  UpstreamConnection upstream = hop.Begin("56789");
  EXPECT_EQ(upstream.Answer(OkResponse("ok")).body, "0123456789");
  EXPECT_EQ(hop.client.Response().body, "ok");
}

// Who says whether a request may pass sees its body.
class ForwardedBodyTest : public testing::Test {
 protected:
  GatewayConfig Config(const std::string& bound) const {
    return {.endpoints = {service_.address()},
            .routes =
                "- {name: in, match: {path_prefix: /in}, upstream: web, forward_auth: "
                "{upstream: door, path: /verify, body: " +
                bound + "}}\n",
            .upstreams = "door: {endpoints: [\"" + door_.address() + "\"]}\n"};
  }

  // Lets in whose body begins with "good", and says what it has seen.
  AutoUpstream door_ = AutoUpstream([](const Message& request) {
    const bool good = request.body.starts_with("good");
    const std::string seen =
        request.Method() + " " + std::to_string(request.body.size()) + " " + request.body;
    return AutoUpstream::Reply{.bytes = good ? "HTTP/1.1 204 No Content\r\n\r\n"
                                             : "HTTP/1.1 403 Forbidden\r\nContent-Length: " +
                                                   std::to_string(seen.size()) + "\r\n\r\n" + seen};
  });
  AutoUpstream service_ = AutoUpstream([](const Message& request) {
    return AutoUpstream::Reply{.bytes = OkResponse(request.body)};
  });
};

TEST_F(ForwardedBodyTest, TheServiceSeesWhatTheUpstreamGets) {
  GatewayProcess gateway(Config("1MiB"));
  RawClient client(gateway.address());
  for (const size_t bytes : {4u, 1'000u, 20'000u, 300'000u, 1'000'000u}) {
    const std::string good = "good" + Pattern(bytes);
    EXPECT_TRUE(client.Exchange(PostRequest("/in", good)).body == good) << bytes;
    const std::string bad = "bad " + Pattern(bytes % 60'000);
    const Message refused = client.Exchange(PostRequest("/in", bad));
    EXPECT_EQ(refused.Status(), 403);
    EXPECT_TRUE(refused.body == "POST " + std::to_string(bad.size()) + " " + bad) << bytes;
  }
  EXPECT_EQ(client.Get("/in").Status(), 403) << "without a body it has nothing to go by";
}

TEST_F(ForwardedBodyTest, ChunksComeAsOneBody) {
  GatewayProcess gateway(Config("1KiB"));
  RawClient client(gateway.address());
  client.Send("POST /in HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (const std::string_view piece : {"go", "od ", "body"}) client.Send(Chunk(piece));
  client.Send(kLastChunk);
  EXPECT_EQ(client.Response().body, "good body");
}

TEST_F(ForwardedBodyTest, ALongerBodyIsRefused) {
  GatewayProcess gateway(Config("1KiB"));
  RawClient client(gateway.address());
  EXPECT_EQ(client.Exchange(PostRequest("/in", "good" + Pattern(1'021))).Status(), 413);
  RawClient chunked(gateway.address());
  chunked.Send("POST /in HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n" +
               Chunk("good" + Pattern(1'021)));
  EXPECT_EQ(chunked.Response().Status(), 413);
  EXPECT_EQ(door_.requests(), 0);
  EXPECT_EQ(service_.requests(), 0);
}

TEST_F(ForwardedBodyTest, AnExpectationIsMetFirst) {
  GatewayProcess gateway(Config("1KiB"));
  RawClient client(gateway.address());
  client.Send(
      "POST /in HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.Response().Status(), 100);
  client.Send("good");
  EXPECT_EQ(client.Response().body, "good");
}

// Whatever else a request says, the service has judged the body that the upstream would get.
TEST_F(ForwardedBodyTest, NoSpellingOfARequestGetsPast) {
  GatewayProcess gateway(Config("1KiB"));
  const std::string length = "Host: test\r\nContent-Length: 3\r\n";
  const std::string chunked = "Host: test\r\nTransfer-Encoding: chunked\r\n";
  const std::vector<std::string> attempts = {
      "POST /in HTTP/1.1\r\n" + length + "\r\nbad",
      "POST /in HTTP/1.0\r\n" + length + "\r\nbad",
      "GET /in HTTP/1.1\r\n" + length + "\r\nbad",
      "HEAD /in HTTP/1.1\r\n" + length + "\r\nbad",
      "PURGE /in HTTP/1.1\r\n" + length + "\r\nbad",
      "POST /in HTTP/1.1\r\n" + length + "Content-Type: application/grpc\r\n\r\nbad",
      "POST /in HTTP/1.1\r\n" + length + "Connection: upgrade\r\nUpgrade: websocket\r\n\r\nbad",
      "POST /in HTTP/1.1\r\n" + length + "Connection: content-length\r\n\r\nbad",
      "POST /in HTTP/1.1\r\n" + length + "X-HTTP-Method-Override: GET\r\n\r\nbad",
      "POST /in/../in HTTP/1.1\r\n" + length + "\r\nbad",
      "POST /%69n HTTP/1.1\r\n" + length + "\r\nbad",
      // What comes behind it is the next request.
      "POST /in HTTP/1.1\r\n" + length + "\r\nbadgood",
      "POST /in HTTP/1.1\r\n" + chunked + "\r\n3\r\nbad\r\n0\r\n\r\n",
      "POST /in HTTP/1.1\r\n" + chunked + "\r\n3;good\r\nbad\r\n0\r\n\r\n",
      "POST /in HTTP/1.1\r\n" + chunked + "\r\n3\r\nbad\r\n0\r\nX-Body: good\r\n\r\n",
      "POST /in HTTP/1.1\r\n" + chunked + "\r\n0\r\n\r\n",
      "POST /in HTTP/1.1\r\n" + length + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST /in HTTP/1.1\r\n" + length + "Content-Length: 4\r\n\r\ngood",
  };
  for (const std::string& attempt : attempts) {
    RawClient client(gateway.address());
    client.Send(attempt);
    const Message answer = client.Response(attempt.substr(0, attempt.find(' ')));
    const bool grpc = attempt.find("grpc") != attempt.npos;  // which has its status in a field
    EXPECT_TRUE(grpc ? answer.Status() == 200 && answer.Value("grpc-status") != "0"
                     : answer.Status() == 403 || answer.Status() == 400)
        << answer.Status() << " to\n"
        << attempt;
  }
  EXPECT_EQ(service_.requests(), 0);
}

}  // namespace
}  // namespace holdfast::support
