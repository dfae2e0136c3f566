// Ways to have more of a route's places (max_in_flight) than there are: by whatever a request is in
// the middle of, and by whatever way its client leaves.

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/gateway/http2/support/http2_client.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"

namespace holdfast::support {
namespace {

constexpr uint32_t kCancel = 8;
constexpr std::string_view kSwitching =
    "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: test\r\n\r\n";

// A route with one place, in whose queue there is room for one; the test is at both ends.
class BypassPlacesTest : public testing::Test {
 protected:
  explicit BypassPlacesTest(const std::string& more = "")
      : gateway_(GatewayConfig{
            .endpoints = {upstream_.address()},
            .listener = "protocols: [h2, h1], body_timeout: 60s",
            .upstream = "max_idle: 0, outlier: off",
            .route = "max_in_flight: {requests: 1, queue: {size: 1, timeout: 60s}}, timeouts: "
                     "{first_byte: 60s}, retry: {attempts: 1, on: [gateway_error]}" +
                     more,
            .upstreams = "shadow: {endpoints: [\"" + shadow_.address() + "\"]}\n"}) {}

  void AwaitUnderWay(int held, int waiting) {
    gateway_.AwaitMetric("holdfast_route_in_flight", {{"route", "web"}}, held);
    gateway_.AwaitMetric("holdfast_route_in_flight_waiting", {{"route", "web"}}, waiting);
  }
  void AwaitLeft(int requests) {
    gateway_.AwaitMetric("holdfast_in_flight_requests_total",
                         {{"route", "web"}, {"result", "left"}}, requests);
  }
  RawClient Asking(std::string_view target) {
    RawClient client(gateway_.address());
    client.Send(GetRequest(target));
    return client;
  }

  // The one place is somebody's: the next one waits, the one after that is refused, and the
  // upstream is asked for neither.
  void ExpectTaken() {
    AwaitUnderWay(1, 0);
    RawClient next = Asking("/next");
    AwaitUnderWay(1, 1);
    RawClient refused(gateway_.address());
    const Message answer = refused.Get("/refused");
    EXPECT_EQ(answer.Status(), 503);
    EXPECT_NE(answer.body.find("reason: in_flight_full\n"), std::string::npos) << answer.body;
    upstream_.ExpectNoConnection();
    next.Reset();
    AwaitUnderWay(1, 0);
  }

  // It is nobody's: who asks has it at once.
  void ExpectFree() {
    AwaitUnderWay(0, 0);
    RawClient next = Asking("/free");
    UpstreamConnection connection = upstream_.Accept();
    EXPECT_EQ(connection.Request().Target(), "/free");
    ExpectTaken();
    connection.Send(OkResponse("ok"));
    EXPECT_EQ(next.Response().Status(), 200);
    AwaitUnderWay(0, 0);
  }

  using Way = std::pair<std::string_view, std::function<void(RawClient&)>>;
  void Try(const std::vector<Way>& ways) {
    for (const auto& [name, run] : ways) {
      SCOPED_TRACE(name);
      RawClient client(gateway_.address());
      run(client);
      ExpectFree();
    }
  }
  // A request, which the upstream has.
  UpstreamConnection Begin(RawClient& client, std::string_view request) {
    client.Send(request);
    UpstreamConnection connection = upstream_.Accept();
    connection.Request();
    return connection;
  }

  ScriptedUpstream shadow_;
  ScriptedUpstream upstream_;
  GatewayProcess gateway_;
};

TEST_F(BypassPlacesTest, WhateverARequestSendsItHasOne) {
  Try({
      {"half a body",
       [&](RawClient& client) {
         client.Send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 8\r\n\r\nhalf");
         UpstreamConnection connection = upstream_.Accept();
         Message request = ReadHead(connection);
         ExpectTaken();
         client.Send("half");
         ReadRequestBody(connection, &request);
         connection.Send(OkResponse("ok"));
         EXPECT_EQ(client.Response().Status(), 200);
       }},
      {"chunks",
       [&](RawClient& client) {
         client.Send("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n" +
                     Chunk("half"));
         UpstreamConnection connection = upstream_.Accept();
         Message request = ReadHead(connection);
         ExpectTaken();
         client.Send(kLastChunk);
         ReadRequestBody(connection, &request);
         connection.Send(OkResponse("ok"));
         EXPECT_EQ(client.Response().Status(), 200);
       }},
      {"a body that is held back",
       [&](RawClient& client) {
         client.Send(
             "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
         UpstreamConnection connection = upstream_.Accept();
         Message request = ReadHead(connection);
         ExpectTaken();
         connection.Send("HTTP/1.1 100 Continue\r\n\r\n");
         EXPECT_EQ(client.Response().Status(), 100);
         ExpectTaken();
         client.Send("body");
         ReadRequestBody(connection, &request);
         connection.Send(OkResponse("ok"));
         EXPECT_EQ(client.Response().Status(), 200);
       }},
      {"HEAD",
       [&](RawClient& client) {
         UpstreamConnection connection = Begin(client, "HEAD / HTTP/1.1\r\nHost: test\r\n\r\n");
         ExpectTaken();
         connection.Send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
         EXPECT_EQ(client.Response("HEAD").Status(), 200);
       }},
      {"HTTP/1.0",
       [&](RawClient& client) {
         UpstreamConnection connection = Begin(client, "GET / HTTP/1.0\r\n\r\n");
         ExpectTaken();
         connection.Send(OkResponse("ok"));
         EXPECT_EQ(client.Response().Status(), 200);
       }},
  });
}

TEST_F(BypassPlacesTest, WhateverItIsForItHasOne) {
  Try({
      {"a call of gRPC",
       [&](RawClient& client) {
         UpstreamConnection connection =
             Begin(client, PostRequest("/", "12345", "Content-Type: application/grpc\r\n"));
         ExpectTaken();
         connection.Send(OkResponse("ok"));
         EXPECT_EQ(client.Response().Status(), 200);
       }},
      {"another request behind it",
       [&](RawClient& client) {
         UpstreamConnection first = Begin(client, GetRequest("/1") + GetRequest("/2"));
         ExpectTaken();
         first.Send(OkResponse("1"));
         EXPECT_EQ(client.Response().body, "1");
         UpstreamConnection second = upstream_.Accept();
         EXPECT_EQ(second.Request().Target(), "/2");
         ExpectTaken();
         second.Send(OkResponse("2"));
         EXPECT_EQ(client.Response().body, "2");
       }},
  });
}

TEST_F(BypassPlacesTest, WhateverAnUpstreamAnswersItHasOne) {
  Try({
      {"interim responses",
       [&](RawClient& client) {
         UpstreamConnection connection = Begin(client, GetRequest("/"));
         for (int i = 0; i < 3; ++i) {
           connection.Send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
           EXPECT_EQ(client.Response().Status(), 103);
         }
         ExpectTaken();
         connection.Send(OkResponse("ok"));
         EXPECT_EQ(client.Response().Status(), 200);
       }},
      {"half a response",
       [&](RawClient& client) {
         UpstreamConnection connection = Begin(client, GetRequest("/"));
         connection.Send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
         client.ReadUntil("half");
         ExpectTaken();
         connection.Send("half");
         EXPECT_EQ(client.ReadBytes(4), "half");
       }},
      {"a tunnel",
       [&](RawClient& client) {
         UpstreamConnection connection =
             Begin(client, GetRequest("/", "Connection: upgrade\r\nUpgrade: test\r\n"));
         connection.Send(kSwitching);
         EXPECT_EQ(client.Response().Status(), 101);
         client.Send("up");
         EXPECT_EQ(connection.ReadBytes(2), "up");
         ExpectTaken();
         client.Close();
         connection.Close();
       }},
      {"no tunnel",
       [&](RawClient& client) {
         UpstreamConnection connection =
             Begin(client, GetRequest("/", "Connection: upgrade\r\nUpgrade: test\r\n"));
         ExpectTaken();
         connection.Send(OkResponse("no"));
         EXPECT_EQ(client.Response().Status(), 200);
       }},
      {"nothing, so that it is asked again",
       [&](RawClient& client) {
         UpstreamConnection first = Begin(client, GetRequest("/"));
         first.Close();
         UpstreamConnection second = upstream_.Accept();
         EXPECT_EQ(second.Request().Target(), "/");
         ExpectTaken();
         second.Send(OkResponse("ok"));
         EXPECT_EQ(client.Response().Status(), 200);
       }},
  });
}

// The upstream's connection stays meanwhile: where it ends first, the request is asked again.
TEST_F(BypassPlacesTest, WhicheverWayAClientLeavesItKeepsNone) {
  Try({
      {"it is closed",
       [&](RawClient& client) {
         UpstreamConnection connection = Begin(client, GetRequest("/"));
         client.Close();
         AwaitUnderWay(0, 0);
       }},
      {"it ends its side and waits",
       [&](RawClient& client) {
         UpstreamConnection connection = Begin(client, GetRequest("/"));
         client.ShutdownWrite();
         AwaitUnderWay(0, 0);
       }},
      {"within its body",
       [&](RawClient& client) {
         client.Send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 8\r\n\r\nhalf");
         UpstreamConnection connection = upstream_.Accept();
         connection.ReadUntil("half");
         client.Reset();
         AwaitUnderWay(0, 0);
       }},
      {"while it holds its body back",
       [&](RawClient& client) {
         client.Send(
             "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
         UpstreamConnection connection = upstream_.Accept();
         ReadHead(connection);
         client.Reset();
         AwaitUnderWay(0, 0);
       }},
      {"after an interim response",
       [&](RawClient& client) {
         UpstreamConnection connection = Begin(client, GetRequest("/"));
         connection.Send("HTTP/1.1 103 Early Hints\r\n\r\n");
         EXPECT_EQ(client.Response().Status(), 103);
         client.Reset();
         AwaitUnderWay(0, 0);
       }},
      {"answered before its body",
       [&](RawClient& client) {
         client.Send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 8\r\n\r\nhalf");
         UpstreamConnection connection = upstream_.Accept();
         connection.ReadUntil("half");
         connection.Send(OkResponse("early"));
         EXPECT_EQ(client.Response().body, "early");
         client.Reset();
         AwaitUnderWay(0, 0);
       }},
      {"out of a tunnel",
       [&](RawClient& client) {
         UpstreamConnection connection =
             Begin(client, GetRequest("/", "Connection: upgrade\r\nUpgrade: test\r\n"));
         connection.Send(kSwitching);
         EXPECT_EQ(client.Response().Status(), 101);
         client.Reset();
         AwaitUnderWay(0, 0);
       }},
      {"with another request behind",
       [&](RawClient& client) {
         UpstreamConnection connection = Begin(client, GetRequest("/1") + GetRequest("/2"));
         client.Reset();
         AwaitUnderWay(0, 0);
       }},
  });
}

TEST_F(BypassPlacesTest, WhoEndsItsSideDoesNotWaitForLong) {
  RawClient client(gateway_.address());
  UpstreamConnection connection = Begin(client, GetRequest("/"));
  RawClient next = Asking("/next");
  next.ShutdownWrite();
  AwaitLeft(1);
  ExpectTaken();
  connection.Send(OkResponse("ok"));
  EXPECT_EQ(client.Response().Status(), 200);
  ExpectFree();
}

TEST_F(BypassPlacesTest, WhicheverWayAStreamIsResetItKeepsNone) {
  Http2Client client(gateway_.address());
  const auto begin = [&](const Http2Request& request) {
    const int32_t stream = client.Send(request);
    client.Flush();
    return stream;
  };
  const auto reset = [&](int32_t stream) {
    client.Reset(stream, kCancel);
    client.Flush();
  };
  {
    SCOPED_TRACE("before the response");
    const int32_t stream = begin({});
    UpstreamConnection connection = upstream_.Accept();
    connection.Request();
    ExpectTaken();
    reset(stream);
    ExpectFree();
  }
  {
    SCOPED_TRACE("within the response");
    const int32_t stream = begin({});
    UpstreamConnection connection = upstream_.Accept();
    connection.Answer("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
    client.AwaitBody(stream, 4);
    ExpectTaken();
    reset(stream);
    ExpectFree();
  }
  {
    SCOPED_TRACE("within its body");
    const int32_t stream = begin({.method = "POST", .body = "half", .open = true});
    UpstreamConnection connection = upstream_.Accept();
    connection.ReadUntil("half");
    ExpectTaken();
    reset(stream);
    ExpectFree();
  }
}

TEST_F(BypassPlacesTest, StreamsShareTheOneWithEverybody) {
  Http2Client client(gateway_.address());
  const int32_t held = client.Send({.path = "/held"});
  client.Flush();
  UpstreamConnection connection = upstream_.Accept();
  EXPECT_EQ(connection.Request().Target(), "/held");
  ExpectTaken();
  const int32_t waiting = client.Send({.path = "/waiting"});
  client.Flush();
  AwaitUnderWay(1, 1);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(client.Get("/refused").Status(), 503);
  client.Reset(waiting, kCancel);
  client.Flush();
  AwaitUnderWay(1, 0);
  client.Reset(held, kCancel);
  client.Flush();
  ExpectFree();
  // All of them at once.
  client.Send({.path = "/held"});
  client.Flush();
  UpstreamConnection last = upstream_.Accept();
  client.Send({.path = "/waiting"});
  client.Flush();
  AwaitUnderWay(1, 1);
  client.wire().Close();
  ExpectFree();
}

// Who sends requests one behind the other is not served before those who waited meanwhile.
TEST_F(BypassPlacesTest, NobodyGetsAheadOfThoseWhoWait) {
  RawClient client(gateway_.address());
  UpstreamConnection first = Begin(client, GetRequest("/1") + GetRequest("/2"));
  AwaitUnderWay(1, 0);
  RawClient other = Asking("/other");
  AwaitUnderWay(1, 1);
  first.Send(OkResponse("1"));
  UpstreamConnection second = upstream_.Accept();
  EXPECT_EQ(second.Request().Target(), "/other");
  EXPECT_EQ(client.Response().body, "1");
  AwaitUnderWay(1, 1);
  upstream_.ExpectNoConnection();
  second.Send(OkResponse("other"));
  EXPECT_EQ(other.Response().body, "other");
  UpstreamConnection third = upstream_.Accept();
  EXPECT_EQ(third.Answer(OkResponse("2")).Target(), "/2");
  EXPECT_EQ(client.Response().body, "2");
  AwaitUnderWay(0, 0);
}

// A body that is waited for has its place, since that is its request's.
class BypassPlacesBufferingTest : public BypassPlacesTest {
 protected:
  BypassPlacesBufferingTest() : BypassPlacesTest(", buffering: {request: 1KiB}") {}
};

TEST_F(BypassPlacesBufferingTest, ABodyThatIsWaitedForHasOne) {
  Try({
      {"to its end",
       [&](RawClient& client) {
         client.Send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 8\r\n\r\nhalf");
         ExpectTaken();
         client.Send("half");
         EXPECT_EQ(upstream_.Accept().Answer(OkResponse("ok")).body, "halfhalf");
         EXPECT_EQ(client.Response().Status(), 200);
       }},
      {"until it leaves",
       [&](RawClient& client) {
         client.Send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 8\r\n\r\nhalf");
         ExpectTaken();
         client.Reset();
       }},
  });
}

// Copies take no place, and keep none.
class BypassPlacesMirrorTest : public BypassPlacesTest {
 protected:
  BypassPlacesMirrorTest() : BypassPlacesTest(", mirror: {upstream: shadow}") {}
};

TEST_F(BypassPlacesMirrorTest, ACopyHasNone) {
  RawClient client(gateway_.address());
  UpstreamConnection connection = Begin(client, GetRequest("/"));
  UpstreamConnection copy = shadow_.Accept();
  EXPECT_EQ(copy.Request().Target(), "/");
  ExpectTaken();
  connection.Send(OkResponse("ok"));
  EXPECT_EQ(client.Response().Status(), 200);
  ExpectFree();
  copy.ExpectQuiet();
}

}  // namespace
}  // namespace holdfast::support
