// Copies of requests for another upstream: what they have, and that nothing that happens to them
// reaches the client.

#include <signal.h>

#include <atomic>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/gateway/http2/support/http2_client.h"
#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"
#include "tests/support/unserved_address.h"

namespace holdfast::support {
namespace {

// All requests go to `service` and copies of them to `mirror`; `keys` are more of the mirror's.
GatewayConfig Mirroring(const std::string& service, const std::string& mirror,
                        const std::string& keys = "") {
  return {.endpoints = {service},
          .route = "mirror: {upstream: shadow" + keys + "}",
          .upstreams = "shadow: {endpoints: [\"" + mirror + "\"]}\n"};
}

void AwaitResult(const GatewayProcess& gateway, const char* result, int count) {
  gateway.AwaitMetric("holdfast_mirror_requests_total", {{"route", "web"}, {"result", result}},
                      count);
}

class MirrorTest : public testing::Test {
 protected:
  GatewayConfig Config(const std::string& keys = "") const {
    return Mirroring(service_.address(), shadow_.address(), keys);
  }

  AutoUpstream service_{"served"};
  ScriptedUpstream shadow_;
};

TEST_F(MirrorTest, ACopyHasMethodTargetFieldsAndBody) {
  ScriptedUpstream service;
  GatewayConfig config = Mirroring(service.address(), shadow_.address());
  config.route += ", request_headers: {set: {x-set: \"1\"}, remove: [x-secret]}";
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  std::optional<UpstreamConnection> upstream;
  std::optional<UpstreamConnection> mirror;
  int copies = 0;
  for (const std::string& request :
       {GetRequest("/a?b=c", "X-One: 1\r\nX-Secret: s\r\nAuthorization: Basic YTpi\r\n"),
        PostRequest("/post", "some body", "Content-Type: text/plain\r\n"),
        "PUT /chunked HTTP/1.1\r\nHost: other.test\r\nTransfer-Encoding: chunked\r\n\r\n" +
            Chunk("one") + Chunk("two") + std::string(kLastChunk),
        std::string("DELETE /x HTTP/1.1\r\nHost: a:81\r\nCookie: a=b\r\n\r\n")}) {
    client.Send(request);
    if (!upstream.has_value()) upstream = service.Accept();
    const Message original = upstream->Answer(OkResponse("ok"));
    EXPECT_EQ(client.Response().body, "ok");
    if (!mirror.has_value()) mirror = shadow_.Accept();
    const Message copy = mirror->Answer(OkResponse("thrown away"));
    EXPECT_EQ(copy.head, original.head);
    EXPECT_EQ(copy.body, original.body);
    EXPECT_EQ(copy.Value("x-set"), "1");
    EXPECT_FALSE(copy.Has("x-secret"));
    AwaitResult(gateway, "answered", ++copies);
  }
}

TEST_F(MirrorTest, ItsConnectionIsKept) {
  AutoUpstream shadow("thrown away");
  GatewayProcess gateway(Mirroring(service_.address(), shadow.address()));
  RawClient client(gateway.address());
  for (int i = 1; i <= 5; ++i) {
    EXPECT_EQ(client.Get("/").body, "served");
    AwaitResult(gateway, "answered", i);
  }
  EXPECT_EQ(shadow.requests(), 5);
  EXPECT_EQ(shadow.accepted(), 1);
}

TEST_F(MirrorTest, OneThatHangsDelaysNobodyAndHasABound) {
  GatewayProcess gateway(Config(", max_in_flight: 3"));
  RawClient client(gateway.address());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(client.Get("/").body, "served");
  AwaitResult(gateway, "skipped_busy", 17);
  for (int i = 0; i < 3; ++i) {
    UpstreamConnection copy = shadow_.Accept();
    copy.Answer(OkResponse("late"));
  }
  AwaitResult(gateway, "answered", 3);
  shadow_.ExpectNoConnection();
}

TEST_F(MirrorTest, ItsTimeIsLimited) {
  GatewayProcess gateway(Config(", timeout: 1s"));
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/").body, "served");
  UpstreamConnection copy = shadow_.Accept();
  EXPECT_EQ(copy.Request().Target(), "/");
  AwaitResult(gateway, "failed", 1);
  copy.ExpectClosed();
}

TEST_F(MirrorTest, OneThatIsNotThereIsNoFailure) {
  SilentAddress silent;
  for (const std::string& address : {std::string("unix:/nobody/is/here"), silent.text()}) {
    GatewayProcess gateway(Mirroring(service_.address(), address, ", timeout: 200ms"));
    RawClient client(gateway.address());
    for (int i = 0; i < 10; ++i) EXPECT_EQ(client.Get("/").body, "served") << address;
    AwaitResult(gateway, "failed", 10);
  }
}

TEST_F(MirrorTest, WhateverItAnswersIsThrownAway) {
  std::atomic<int> answers = 0;
  AutoUpstream shadow([&answers](const Message&) {
    switch (answers++ % 6) {
      case 0:
        return AutoUpstream::Reply{.bytes = "HTTP/1.1 103 Early Hints\r\n\r\n" +
                                            OkResponse("after an interim one")};
      case 1: return AutoUpstream::Reply{.bytes = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"};
      case 2: return AutoUpstream::Reply{.bytes = "no HTTP at all\r\n\r\n", .close = true};
      case 3: return AutoUpstream::Reply{.bytes = "", .close = true};
      case 4: return AutoUpstream::Reply{.bytes = OkResponse(std::string(1'000'000, 'x'))};
      default:
        return AutoUpstream::Reply{
            .bytes = "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
            .close = true};
    }
  });
  GatewayConfig config = Mirroring(service_.address(), shadow.address());
  config.upstreams = "shadow: {endpoints: [\"" + shadow.address() + "\"], outlier: off}\n";
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  for (int i = 0; i < 30; ++i) {
    const Message response = client.Get("/");
    EXPECT_EQ(response.Status(), 200);
    EXPECT_EQ(response.body, "served");
  }
  EXPECT_EQ(service_.accepted(), 1);
  EXPECT_TRUE(Eventually([&] { return shadow.requests() >= 20; }));
}

TEST_F(MirrorTest, LongBodiesHaveNoCopies) {
  GatewayProcess gateway(Config(", max_body: 1000B"));
  RawClient client(gateway.address());
  const std::string body(1001, 'x');
  EXPECT_EQ(client.Exchange(PostRequest("/length", body)).body, "served");
  EXPECT_EQ(client
                .Exchange("POST /chunked HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: "
                          "chunked\r\n\r\n" +
                          Chunk(body) + std::string(kLastChunk))
                .body,
            "served");
  AwaitResult(gateway, "skipped_body", 2);
  shadow_.ExpectNoConnection();
  EXPECT_EQ(client.Exchange(PostRequest("/fits", std::string(1000, 'y'))).body, "served");
  UpstreamConnection copy = shadow_.Accept();
  EXPECT_EQ(copy.Answer(OkResponse("")).body, std::string(1000, 'y'));
}

TEST_F(MirrorTest, NothingPartialIsSent) {
  ScriptedUpstream service;
  GatewayProcess gateway(Mirroring(service.address(), shadow_.address()));
  RawClient client(gateway.address());
  client.Send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhalf");
  UpstreamConnection upstream = service.Accept();
  upstream.ReadUntil("half");
  client.Reset();
  AwaitResult(gateway, "skipped_incomplete", 1);
  shadow_.ExpectNoConnection();
}

TEST_F(MirrorTest, AnUpgradeHasNoCopy) {
  ScriptedUpstream service;
  GatewayProcess gateway(Mirroring(service.address(), shadow_.address()));
  RawClient client(gateway.address());
  client.Send(GetRequest("/", "Connection: upgrade\r\nUpgrade: test\r\n"));
  UpstreamConnection upstream = service.Accept();
  upstream.Answer("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: test\r\n\r\n");
  EXPECT_EQ(client.Response().Status(), 101);
  client.Send("up");
  EXPECT_EQ(upstream.ReadBytes(2), "up");
  shadow_.ExpectNoConnection();
}

TEST_F(MirrorTest, ClientsOfHttp2HaveCopies) {
  GatewayConfig config = Config();
  config.listener = "protocols: [h2, h1]";
  GatewayProcess gateway(config);
  Http2Client client(gateway.address());
  EXPECT_EQ(client.Get("/get?x").body, "served");
  UpstreamConnection mirror = shadow_.Accept();
  const Message got = mirror.Answer(OkResponse(""));
  EXPECT_EQ(got.start_line, "GET /get?x HTTP/1.1");
  EXPECT_EQ(got.Value("host"), "test");
  AwaitResult(gateway, "answered", 1);
  EXPECT_EQ(
      client
          .Await(client.Send(
              {.path = "/post", .method = "POST", .fields = {{"x-one", "1"}}, .body = "some body"}))
          .body,
      "served");
  const Message posted = mirror.Answer(OkResponse(""));
  EXPECT_EQ(posted.start_line, "POST /post HTTP/1.1");
  EXPECT_EQ(posted.Value("x-one"), "1");
  EXPECT_EQ(posted.body, "some body");
  AwaitResult(gateway, "answered", 2);
}

// The mirror is another gateway, which speaks HTTP/2; the body is longer than its first window.
TEST_F(MirrorTest, CopiesGoOverHttp2) {
  GatewayConfig behind{.endpoints = {shadow_.address()}};
  behind.listener = "protocols: [h2, h1]";
  GatewayProcess second(behind);
  GatewayConfig config = Mirroring(service_.address(), second.address(), ", max_body: 1MiB");
  config.upstreams = "shadow: {endpoints: [\"" + second.address() + "\"], protocol: h2}\n";
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  const std::string body(500'000, 'x');
  EXPECT_EQ(client.Exchange(PostRequest("/long", body)).body, "served");
  UpstreamConnection mirror = shadow_.Accept();
  const Message copy = mirror.Answer(OkResponse("thrown away"));
  EXPECT_EQ(copy.Target(), "/long");
  EXPECT_EQ(copy.body, body);
  AwaitResult(gateway, "answered", 1);
}

TEST_F(MirrorTest, AReloadEndsNoCopy) {
  GatewayProcess gateway(Config());
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/").body, "served");
  UpstreamConnection copy = shadow_.Accept();
  EXPECT_EQ(copy.Request().Target(), "/");
  // Neither the mirror nor its upstream is in the file any more.
  gateway.Reload(GatewayConfig{.endpoints = {service_.address()}}.Text());
  copy.Send(OkResponse("late"));
  AwaitResult(gateway, "answered", 1);
  copy.ExpectClosed();
  EXPECT_EQ(client.Get("/").body, "served");
  shadow_.ExpectNoConnection();
}

TEST_F(MirrorTest, TheEndWaitsForNoCopy) {
  GatewayConfig config = Config();
  config.drain = "{delay: 0s, timeout: 60s}";
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/").body, "served");
  UpstreamConnection copy = shadow_.Accept();
  EXPECT_EQ(copy.Request().Target(), "/");
  gateway.Signal(SIGTERM);
  EXPECT_EQ(gateway.WaitExit(), 0);
}

std::string Request(std::string_view line, std::string_view fields, std::string_view body = "") {
  return std::string(line) + "\r\nHost: test\r\n" + std::string(fields) + "\r\n" +
         std::string(body);
}

// Whatever a request looks like: it is served, and its copy is within the bounds.
struct Attempt {
  std::string_view name;
  std::string request;
};

TEST_F(MirrorTest, NoSpellingOfARequestGetsACopyBeyondTheBound) {
  GatewayProcess gateway(Config(", max_in_flight: 1"));
  RawClient first(gateway.address());
  EXPECT_EQ(first.Get("/first").body, "served");
  UpstreamConnection held = shadow_.Accept();
  EXPECT_EQ(held.Request().Target(), "/first");
  int skipped = 0;
  for (const Attempt& attempt : std::vector<Attempt>{
           {"GET", GetRequest("/")},
           {"another path", GetRequest("//x/../%61?y")},
           {"a whole URL", Request("GET http://test/ HTTP/1.1", "")},
           {"HTTP/1.0", Request("GET / HTTP/1.0", "")},
           {"PURGE", Request("PURGE / HTTP/1.1", "")},
           {"a length", PostRequest("/", "body")},
           {"chunks", Request("PUT / HTTP/1.1", "Transfer-Encoding: chunked\r\n",
                              Chunk("body") + std::string(kLastChunk))},
           {"trailers", Request("PUT / HTTP/1.1", "Transfer-Encoding: chunked\r\n",
                                Chunk("body") + "0\r\nX-Sum: 1\r\n\r\n")},
           {"an expectation", PostRequest("/", "body", "Expect: 100-continue\r\n")},
           {"gRPC", PostRequest("/", "12345", "Content-Type: application/grpc\r\n")},
           {"h2c", GetRequest("/", "Connection: upgrade\r\nUpgrade: h2c\r\n")},
           {"the end", GetRequest("/", "Connection: close\r\n")},
           {"another client", GetRequest("/", "X-Forwarded-For: 203.0.113.9\r\n")},
           {"hops", GetRequest("/", "Via: 1.1 other\r\nMax-Forwards: 3\r\n")},
       }) {
    SCOPED_TRACE(attempt.name);
    RawClient client(gateway.address());
    EXPECT_EQ(client.Exchange(attempt.request).body, "served");
    AwaitResult(gateway, "skipped_busy", ++skipped);
  }
  shadow_.ExpectNoConnection();
  held.Send(OkResponse(""));
  AwaitResult(gateway, "answered", 1);
  EXPECT_EQ(first.Get("/last").body, "served");
  EXPECT_EQ(held.Answer(OkResponse("")).Target(), "/last") << "there is room again";
}

TEST_F(MirrorTest, NoSpellingOfABodyIsCopiedBeyondTheBound) {
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  const std::string body = "0123456789#";
  std::string small;
  for (const char byte : body) small += std::string("1;a=b\r\n") + byte + "\r\n";
  small += kLastChunk;
  const std::vector<Attempt> attempts = {
      {"a length", PostRequest("/", body)},
      {"of an old client", Request("POST / HTTP/1.0", "Content-Length: 11\r\n", body)},
      {"of a GET", Request("GET / HTTP/1.1", "Content-Length: 11\r\n", body)},
      {"an expectation", PostRequest("/", body, "Expect: 100-continue\r\n")},
      {"gRPC", PostRequest("/", body, "Content-Type: application/grpc\r\n")},
      {"one chunk", Request("POST / HTTP/1.1", chunked, Chunk(body) + std::string(kLastChunk))},
      {"small chunks", Request("POST / HTTP/1.1", chunked, small)},
      {"trailers", Request("POST / HTTP/1.1", chunked, Chunk(body) + "0\r\nX-Sum: 1\r\n\r\n")},
  };
  for (const std::string buffering : {"", ", buffering: {request: 1KiB}"}) {
    SCOPED_TRACE(buffering);
    GatewayConfig config = Config(", max_body: 10B");
    config.route += buffering;
    config.listener = "protocols: [h2, h1]";
    GatewayProcess gateway(config);
    int skipped = 0;
    for (const Attempt& attempt : attempts) {
      SCOPED_TRACE(attempt.name);
      RawClient client(gateway.address());
      // With `buffering` the gateway tells the client to go on.
      client.Send(attempt.request);
      Message answer = client.Response();
      if (answer.Status() == 100) answer = client.Response();
      EXPECT_EQ(answer.body, "served");
      AwaitResult(gateway, "skipped_body", ++skipped);
    }
    Http2Client client(gateway.address());
    for (const Http2Fields& fields : {Http2Fields(), Http2Fields{{"content-length", "11"}}}) {
      const Http2Request request = {.method = "POST", .fields = fields, .body = body};
      EXPECT_EQ(client.Await(client.Send(request)).body, "served");
      AwaitResult(gateway, "skipped_body", ++skipped);
    }
    shadow_.ExpectNoConnection();
    EXPECT_EQ(client.Await(client.Send({.method = "POST", .body = body.substr(0, 10)})).body,
              "served");
    EXPECT_EQ(shadow_.Accept().Answer(OkResponse("")).body, body.substr(0, 10));
  }
}

TEST_F(MirrorTest, ABadMirrorChangesNothing) {
  GatewayProcess gateway(Config());
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/").body, "served");
  gateway.Reload(Config(", share: 10%").Text());
  EXPECT_TRUE(gateway.AwaitStderr("a share from 0 to 1"));
  EXPECT_EQ(client.Get("/").body, "served");
}

}  // namespace
}  // namespace holdfast::support
