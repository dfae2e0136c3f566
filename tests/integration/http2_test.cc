// HTTP/2 clients in clear before HTTP/1 upstreams.

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/gateway/http2/support/http2_client.h"
#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"

namespace holdfast::support {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kClosed = "holdfast_client_connections_closed_total";
constexpr uint32_t kNoError = 0;
constexpr uint32_t kProtocolError = 1;
constexpr uint32_t kCancel = 8;

GatewayConfig Config(const std::string& endpoint, const std::string& listener = "") {
  return {.endpoints = {endpoint},
          .listener = "protocols: [h2, h1]" + (listener.empty() ? "" : ", " + listener)};
}

TEST(Http2Test, ARequestIsServedInEitherProtocol) {
  AutoUpstream upstream;
  GatewayProcess gateway(Config(upstream.address()));
  Http2Client client(gateway.address());
  const Http2Response response = client.Get("/");
  EXPECT_EQ(response.Status(), 200);
  EXPECT_EQ(response.body, "hello");
  EXPECT_TRUE(response.ended);
  EXPECT_FALSE(response.reset.has_value());
  RawClient old(gateway.address());
  EXPECT_EQ(old.Get("/").body, "hello");
}

// Streams of one connection each go where their own key leads.
TEST(Http2Test, ASplitIsChosenForEachStream) {
  AutoUpstream v1("v1");
  AutoUpstream v2("v2");
  GatewayProcess gateway(GatewayConfig{
      .listener = "protocols: [h2, h1]",
      .routes =
          "- {name: all, split: [{upstream: v1}, {upstream: v2}], split_by: \"cookie:sid\"}\n",
      .top = "upstreams:\n  v1: {endpoints: [\"" + v1.address() + "\"]}\n  v2: {endpoints: [\"" +
             v2.address() + "\"]}\n"});
  RawClient old(gateway.address());
  Http2Client client(gateway.address());
  std::vector<int32_t> streams;
  for (int user = 0; user < 16; ++user) {
    streams.push_back(
        client.Send({.fields = {{"cookie", "a=1"}, {"cookie", "sid=" + std::to_string(user)}}}));
  }
  for (int user = 0; user < 16; ++user) {
    EXPECT_EQ(client.Await(streams[user]).body,
              old.Get("/", "Cookie: sid=" + std::to_string(user) + "\r\n").body)
        << user;
  }
  EXPECT_GT(v1.requests(), 0);
  EXPECT_GT(v2.requests(), 0);
}

TEST(Http2Test, TheUpstreamSeesOrdinaryHttp1) {
  ScriptedUpstream upstream;
  GatewayProcess gateway(Config(upstream.address()));
  Http2Client client(gateway.address());
  const int32_t stream =
      client.Send({.path = "/a?b",
                   .authority = "web.example",
                   .fields = {{"cookie", "a=1"}, {"x-y", "z"}, {"cookie", "b"}}});
  client.Flush();
  UpstreamConnection connection = upstream.Accept();
  const Message request =
      connection.Answer(OkResponse("x", "Connection: keep-alive\r\nX-B: C\r\n"));
  EXPECT_THAT(request.head, HasSubstr("GET /a?b HTTP/1.1\r\nHost: web.example\r\n"));
  EXPECT_EQ(request.Value("cookie"), "a=1; b");
  EXPECT_EQ(request.Value("x-y"), "z");
  EXPECT_THAT(request.Value("via"), HasSubstr("2.0 "));
  EXPECT_FALSE(request.Has("transfer-encoding"));
  const Http2Response& response = client.Await(stream);
  EXPECT_EQ(response.Value("x-b"), "C");
  EXPECT_EQ(response.Value("connection"), "");
  EXPECT_EQ(response.Value("content-length"), "1");
}

TEST(Http2Test, BodiesWithAndWithoutALengthAndTrailers) {
  ScriptedUpstream upstream;
  GatewayProcess gateway(Config(upstream.address()));
  Http2Client client(gateway.address());
  const int32_t sized =
      client.Send({.method = "POST", .fields = {{"content-length", "3"}}, .body = "abc"});
  client.Flush();
  UpstreamConnection connection = upstream.Accept();
  EXPECT_EQ(connection.Answer(OkResponse("x")).body, "abc");
  EXPECT_EQ(client.Await(sized).body, "x");

  const int32_t open = client.Send({.method = "POST", .body = "abc", .trailers = {{"t", "1"}}});
  client.Flush();
  const Message request = connection.Request();
  EXPECT_EQ(request.body, "abc");
  EXPECT_EQ(request.Value("transfer-encoding"), "chunked");
  connection.Send(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: s\r\n\r\n2\r\nxy\r\n0\r\ns: "
      "2\r\n\r\n");
  const Http2Response& response = client.Await(open);
  EXPECT_EQ(response.body, "xy");
  EXPECT_EQ(response.trailers, (Http2Fields{{"s", "2"}}));
}

TEST(Http2Test, ResponsesWithoutABody) {
  ScriptedUpstream upstream;
  GatewayProcess gateway(Config(upstream.address()));
  Http2Client client(gateway.address());
  const int32_t head = client.Send({.method = "HEAD"});
  client.Flush();
  upstream.Accept().Answer("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n");
  EXPECT_EQ(client.Await(head).Value("content-length"), "50");
  for (const std::string status : {"204 No Content", "304 Not Modified"}) {
    const int32_t stream = client.Send({});
    client.Flush();
    upstream.Accept().Answer("HTTP/1.1 " + status + "\r\n\r\n");
    const Http2Response& response = client.Await(stream);
    EXPECT_TRUE(response.ended);
    EXPECT_EQ(response.Value(":status"), status.substr(0, 3));
    EXPECT_EQ(response.body, "");
  }
}

TEST(Http2Test, InterimResponsesGoOn) {
  ScriptedUpstream upstream;
  GatewayProcess gateway(Config(upstream.address()));
  Http2Client client(gateway.address());
  const int32_t stream = client.Send({});
  client.Flush();
  UpstreamConnection connection = upstream.Accept();
  connection.Answer("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OkResponse("y"));
  const Http2Response& response = client.Await(stream);
  ASSERT_EQ(response.interim.size(), 1u);
  EXPECT_EQ(response.interim[0][0].second, "103");
  EXPECT_EQ(response.body, "y");
}

TEST(Http2Test, StreamsRunSideBySide) {
  ScriptedUpstream upstream;
  GatewayProcess gateway(Config(upstream.address()));
  Http2Client client(gateway.address());
  const int32_t slow = client.Send({.path = "/slow"});
  client.Flush();
  UpstreamConnection first = upstream.Accept();
  first.Request();
  const int32_t fast = client.Send({.path = "/fast"});
  client.Flush();
  UpstreamConnection second = upstream.Accept();
  second.Answer(OkResponse("fast"));
  EXPECT_EQ(client.Await(fast).body, "fast");
  gateway.AwaitMetric("holdfast_client_streams", {{"listener", "edge"}}, 1);
  first.Send(OkResponse("slow"));
  EXPECT_EQ(client.Await(slow).body, "slow");
  gateway.AwaitMetric("holdfast_client_streams", {{"listener", "edge"}}, 0);
}

TEST(Http2Test, LargeBodiesBothWays) {
  const std::string large(5'000'000, 'x');
  AutoUpstream upstream([](const Message& request) {
    return AutoUpstream::Reply{.bytes = OkResponse(request.body)};
  });
  GatewayProcess gateway(Config(upstream.address()));
  Http2Client client(gateway.address());
  const Http2Response& response = client.Await(client.Send({.method = "POST", .body = large}));
  EXPECT_EQ(response.body.size(), large.size());
  EXPECT_TRUE(response.body == large);
}

TEST(Http2Test, ASlowReaderDoesNotHoldUpTheOthers) {
  const std::string large(2'000'000, 'x');
  AutoUpstream upstream([&](const Message& request) {
    return AutoUpstream::Reply{
        .bytes = OkResponse(request.head.starts_with("GET /large") ? large : "small")};
  });
  GatewayProcess gateway(Config(upstream.address()));
  Http2Client client(gateway.address(), {.reads_bodies = false});
  const int32_t stream = client.Send({.path = "/large"});
  client.AwaitBody(stream, 65'535);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(client.Get("/small").body, "small");
  EXPECT_EQ(client.At(stream).body.size(), 65'535u);
  while (client.At(stream).body.size() < large.size() && !::testing::Test::HasFailure()) {
    const size_t had = client.At(stream).body.size();
    client.Grant(stream, 60'000);
    client.AwaitBody(stream, std::min(had + 30'000, large.size()));
  }
  EXPECT_TRUE(client.Await(stream).ended);
  EXPECT_EQ(client.At(stream).body.size(), large.size());
}

TEST(Http2Test, ACancelledStreamEndsItsRequestAlone) {
  ScriptedUpstream upstream;
  GatewayProcess gateway(Config(upstream.address()));
  Http2Client client(gateway.address());
  const int32_t stream = client.Send({});
  client.Flush();
  UpstreamConnection connection = upstream.Accept();
  connection.Request();
  client.Reset(stream, kCancel);
  client.Flush();
  connection.ExpectClosed();
  EXPECT_EQ(client.Get("/local").Status(), 200);
}

TEST(Http2Test, ACutResponseIsNoWholeOne) {
  ScriptedUpstream upstream;
  GatewayProcess gateway(Config(upstream.address()));
  Http2Client client(gateway.address());
  const int32_t stream = client.Send({});
  client.Flush();
  UpstreamConnection connection = upstream.Accept();
  connection.Request();
  connection.Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxy\r\n");
  connection.Close();
  const Http2Response& response = client.Await(stream);
  EXPECT_FALSE(response.ended);
  EXPECT_TRUE(response.reset.has_value());
  EXPECT_NE(response.reset.value_or(kNoError), kNoError);
}

TEST(Http2Test, WhatTheUpstreamAnsweredEarlyIsWhole) {
  ScriptedUpstream upstream;
  GatewayProcess gateway(Config(upstream.address()));
  Http2Client client(gateway.address());
  const int32_t stream = client.Send({.method = "POST", .body = "abc", .open = true});
  client.Flush();
  UpstreamConnection connection = upstream.Accept();
  connection.ReadUntil("abc");
  connection.Send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
  const Http2Response& response = client.Await(stream);
  EXPECT_EQ(response.Status(), 413);
  EXPECT_EQ(response.body, "no");
  EXPECT_TRUE(response.ended);
  EXPECT_EQ(client.Get("/local").Status(), 200);
}

TEST(Http2Test, ABrokenHeadIsToldAndHurtsNobodyElse) {
  AutoUpstream upstream;
  GatewayProcess gateway(Config(upstream.address()));
  Http2Client client(gateway.address());
  const std::vector<Http2Fields> kBroken = {
      {{"x", "a\r\nb: c"}}, {{"connection", "close"}},   {{"te", "gzip"}},
      {{":status", "200"}}, {{"host", "other.example"}}, {{"content-length", "5"}},
      {{"a b", "c"}},
  };
  for (const Http2Fields& fields : kBroken) {
    const Http2Response response = client.Await(client.Send({.fields = fields}));
    EXPECT_EQ(response.Status(), 400) << fields[0].first;
    EXPECT_EQ(client.Get("/").Status(), 200) << fields[0].first;
  }
  EXPECT_EQ(upstream.requests(), static_cast<int>(kBroken.size()));
  EXPECT_EQ(client.Await(client.Send({.path = "/" + std::string(9'000, 'a')})).Status(), 414);
  EXPECT_EQ(client.Await(client.Send({.fields = Http2Fields(101, {"a", "b"})})).Status(), 431);
}

TEST(Http2Test, AConnectionIsOneHoweverManyRequestsItHas) {
  AutoUpstream upstream;
  GatewayProcess gateway(Config(upstream.address(), "max_connections_per_client: 2"));
  Http2Client first(gateway.address());
  std::vector<int32_t> streams;
  for (int i = 0; i < 10; ++i) streams.push_back(first.Send({}));
  for (const int32_t stream : streams) EXPECT_EQ(first.Await(stream).Status(), 200);
  RawClient second(gateway.address());
  EXPECT_EQ(second.Get("/").Status(), 200);
  RawClient third(gateway.address());
  third.ExpectClosed();
  first.wire().Close();
  gateway.AwaitMetric("holdfast_client_connections", {{"listener", "edge"}}, 1);
  Http2Client fourth(gateway.address());
  EXPECT_EQ(fourth.Get("/").Status(), 200);
}

TEST(Http2Test, ABodyIsAsLongAsItSays) {
  ScriptedUpstream upstream;
  GatewayProcess gateway(Config(upstream.address()));
  Http2Client client(gateway.address());
  for (const std::string length : {"2", "4"}) {
    const int32_t stream =
        client.Send({.method = "POST", .fields = {{"content-length", length}}, .body = "abc"});
    client.Flush();
    UpstreamConnection connection = upstream.Accept();
    StreamEnd end = StreamEnd::kOpen;
    const std::string seen = connection.ReadToEnd(&end);
    EXPECT_NE(end, StreamEnd::kOpen);
    EXPECT_FALSE(seen.ends_with("abc") && length == "2") << seen;
    const Http2Response response = client.Await(stream);
    EXPECT_EQ(response.Status(), 400) << length;
    EXPECT_EQ(client.Get("/local").Status(), 200);
  }
}

TEST(Http2Test, ABrokenFrameEndsTheConnectionWithAWord) {
  GatewayProcess gateway(Config(UnusedAddress()));
  Http2Client client(gateway.address());
  EXPECT_EQ(client.Get("/local").Status(), 200);
  client.SendRaw(std::string("\0\0\5\6\0\0\0\0\0hello", 14));  // PING of the wrong size
  EXPECT_EQ(client.AwaitGoaway(), 6u);                         // FRAME_SIZE_ERROR
  client.AwaitEnd();
  client.wire().Close();
  gateway.AwaitMetric(kClosed, {{"listener", "edge"}, {"reason", "http2_broken"}}, 1);
}

TEST(Http2Test, AnIdleConnectionIsToldGoodbye) {
  GatewayProcess gateway(Config(UnusedAddress(), "idle_timeout: 2s"));
  Http2Client client(gateway.address());
  EXPECT_EQ(client.Get("/local").Status(), 200);
  EXPECT_EQ(client.AwaitGoaway(), kNoError);
  client.AwaitEnd();
  gateway.AwaitMetric(kClosed, {{"listener", "edge"}, {"reason", "idle_timeout"}}, 1);
}

TEST(Http2Test, ADrainServesWhatHasBegun) {
  ScriptedUpstream upstream;
  GatewayConfig config = Config(upstream.address());
  config.drain = "{delay: 0s, timeout: 20s}";
  GatewayProcess gateway(config);
  Http2Client client(gateway.address());
  const int32_t stream = client.Send({});
  client.Flush();
  UpstreamConnection connection = upstream.Accept();
  connection.Request();
  gateway.Signal(SIGTERM);
  EXPECT_EQ(client.AwaitGoaway(), kNoError);
  connection.Send(OkResponse("whole"));
  EXPECT_EQ(client.Await(stream).body, "whole");
  client.AwaitEnd();
  EXPECT_EQ(gateway.WaitExit(), 0);
}

// Whoever answers.
TEST(Http2Test, RequestsHaveIdsAndTraces) {
  ScriptedUpstream upstream;
  GatewayProcess gateway(Config(upstream.address(),
                                "request_id: {mode: keep, header: X-Request-Id}, trace: "
                                "{sample: 1}"));
  Http2Client client(gateway.address());
  const int32_t stream = client.Send({.fields = {{"x-request-id", "mine"},
                                                 {"x-request-id", "evil"},
                                                 {"x_request_id", "evil"},
                                                 {"traceparent", "evil"},
                                                 {"tracestate", "evil=1"}}});
  client.Flush();
  UpstreamConnection connection = upstream.Accept();
  const Message request = connection.Answer(OkResponse("x", "X-Request-Id: theirs\r\n"));
  EXPECT_EQ(request.Value("x-request-id"), "mine");
  EXPECT_EQ(request.Count("x-request-id"), 1u);
  EXPECT_EQ(request.Value("traceparent").size(), 55u) << request.head;
  EXPECT_EQ(request.head.find("evil"), request.head.npos) << request.head;
  EXPECT_EQ(client.Await(stream).Value("x-request-id"), "mine");
  const Http2Response local =
      client.Await(client.Send({.path = "/local", .fields = {{"x-request-id", "<evil>"}}}));
  EXPECT_EQ(local.Status(), 200);
  EXPECT_EQ(local.Value("x-request-id").size(), 36u);
  EXPECT_NE(client.Get("/local").Value("x-request-id"), local.Value("x-request-id"));
}

// While it still serves, as over HTTP/1: who has come asks elsewhere next time, who comes then is
// answered.
TEST(Http2Test, InADrainsDelayClientsAreAskedToGo) {
  GatewayConfig config = Config(UnusedAddress());
  config.drain = "{delay: 60s, timeout: 1s}";
  GatewayProcess gateway(config);
  Http2Client client(gateway.address());
  EXPECT_EQ(client.Get("/local").Status(), 200);
  gateway.Signal(SIGTERM);
  EXPECT_EQ(client.AwaitGoaway(), kNoError);
  client.AwaitEnd();
  Http2Client next(gateway.address());
  EXPECT_EQ(next.Get("/local").Status(), 200);
  EXPECT_EQ(next.AwaitGoaway(), kNoError);
  next.AwaitEnd();
  EXPECT_TRUE(gateway.running());
}

TEST(Http2Test, ThePrefaceAloneIsNoRequest) {
  GatewayProcess gateway(Config(UnusedAddress(), "head_timeout: 300ms"));
  RawClient client(gateway.address());
  client.Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  StreamEnd end = StreamEnd::kOpen;
  client.ReadToEnd(&end);
  EXPECT_EQ(end, StreamEnd::kClosed);
  gateway.AwaitMetric(kClosed, {{"listener", "edge"}, {"reason", "head_timeout"}}, 1);
}

TEST(Http2Test, WhoDoesNotSpeakItSaysSo) {
  GatewayProcess gateway(
      GatewayConfig{.endpoints = {UnusedAddress()}, .listener = "protocols: [h1]"});
  RawClient client(gateway.address());
  client.Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  EXPECT_EQ(client.Response().Status(), 505);
}

TEST(Http2Test, WhoSpeaksNothingElseSaysSoToo) {
  GatewayProcess gateway(
      GatewayConfig{.endpoints = {UnusedAddress()}, .listener = "protocols: [h2]"});
  Http2Client client(gateway.address());
  EXPECT_EQ(client.Get("/local").Status(), 200);
  RawClient old(gateway.address());
  EXPECT_EQ(old.Get("/local").Status(), 505);
}

}  // namespace
}  // namespace holdfast::support
