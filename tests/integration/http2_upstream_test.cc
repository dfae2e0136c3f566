// Clients of HTTP/1.1 before an upstream that speaks HTTP/2 in clear.

#include "tests/gateway/http2/http2_upstream.h"

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"

namespace holdfast::support {
namespace {

using http2::Http2Upstream;
using http2::ScriptedServer;
using http2::SeenRequest;
using http2::ServerTerms;

// RFC 9113 section 7.
constexpr uint32_t kInternalError = 2;
constexpr uint32_t kRefusedStream = 7;
constexpr uint32_t kCancel = 8;

void Echo(ScriptedServer& server, SeenRequest& request) {
  const std::string method(request.Field(":method"));
  http2::Fields trailers;
  for (const auto& [name, value] : request.trailers) trailers.emplace_back("x-got-" + name, value);
  server.Respond(request.id, 200,
                 {{"x-method", method}, {"x-path", std::string(request.Field(":path"))}},
                 method == "HEAD" ? std::string() : "body:" + request.body, true, trailers);
}

GatewayConfig Before(const Http2Upstream& upstream, const std::string& more = "",
                     const std::string& route = "") {
  GatewayConfig config{.endpoints = {upstream.address()}};
  config.upstream = "protocol: h2" + (more.empty() ? "" : ", " + more);
  config.route = route;
  config.top = "access_log: {path: stdout}\n";
  return config;
}

std::string ChunkedRequest(std::string_view body, std::string_view trailers = "") {
  return "POST /chunked HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nTE: "
         "trailers\r\nConnection: te\r\n\r\n" +
         Chunk(body) + "0\r\n" + std::string(trailers) + "\r\n";
}

// Clients in parallel, each so many requests; how many were not answered 200.
int RunClients(const std::string& address, int clients, int each, bool post = false) {
  std::atomic<int> failed = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < clients; ++i) {
    threads.emplace_back([&, i] {
      RawClient client(address);
      for (int j = 0; j < each; ++j) {
        const std::string target = "/" + std::to_string(i) + "/" + std::to_string(j);
        const Message answer =
            client.Exchange(post ? PostRequest(target, target) : GetRequest(target));
        const bool own = answer.Value("x-path") == target;
        if (answer.Status() != 200 || !own) ++failed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return failed;
}

TEST(Http2UpstreamTest, MethodsAndBodiesGoBothWays) {
  Http2Upstream upstream(Echo);
  GatewayProcess gateway(Before(upstream));
  RawClient client(gateway.address());
  EXPECT_EQ(client.Exchange(GetRequest("/a?b=c")).body, "body:");
  EXPECT_EQ(client.Exchange(PostRequest("/a", "some bytes")).body, "body:some bytes");
  EXPECT_EQ(client.Exchange(PostRequest("/a", "")).body, "body:");
  EXPECT_EQ(client.Exchange(ChunkedRequest("in chunks")).body, "body:in chunks");
  const Message head = client.Exchange("HEAD /h HTTP/1.1\r\nHost: test\r\n\r\n");
  EXPECT_EQ(head.Status(), 200);
  EXPECT_EQ(head.Value("x-method"), "HEAD");
  EXPECT_EQ(client.Exchange(GetRequest("/last")).Value("x-path"), "/last");
  EXPECT_EQ(upstream.accepted(), 1);
  EXPECT_TRUE(
      Eventually([&] { return gateway.Stdout().find("\"reused\":true") != std::string::npos; }));
}

TEST(Http2UpstreamTest, WhatTheUpstreamSees) {
  std::mutex mutex;
  SeenRequest seen;
  Http2Upstream upstream([&](ScriptedServer& server, SeenRequest& request) {
    {
      const std::lock_guard lock(mutex);
      seen = request;
    }
    Echo(server, request);
  });
  GatewayProcess gateway(Before(upstream));
  RawClient client(gateway.address());
  client.Exchange(
      "GET /p HTTP/1.1\r\nHost: A.test\r\nX-Own: 1\r\nConnection: x-hop\r\nX-Hop: 2\r\nCookie: "
      "a=b\r\n\r\n");
  const std::lock_guard lock(mutex);
  EXPECT_EQ(seen.Field(":scheme"), "http");
  EXPECT_EQ(seen.Field(":authority"), "A.test");
  EXPECT_EQ(seen.Field("x-own"), "1");
  EXPECT_EQ(seen.Field("x-hop"), "");
  EXPECT_EQ(seen.Field("cookie"), "a=b");
  EXPECT_EQ(seen.Field("host"), "");
  EXPECT_EQ(seen.Field("x-forwarded-for"), "127.0.0.1");
  EXPECT_NE(seen.Field("via"), "");
}

TEST(Http2UpstreamTest, TrailersGoBothWays) {
  Http2Upstream upstream(Echo);
  GatewayProcess gateway(Before(upstream));
  RawClient client(gateway.address());
  const Message answer = client.Exchange(ChunkedRequest("x", "X-Sum: 17\r\n"));
  EXPECT_EQ(answer.body, "body:x");
  EXPECT_EQ(answer.Trailer("x-got-x-sum"), "17");
}

TEST(Http2UpstreamTest, ResponsesWithoutABody) {
  Http2Upstream upstream([](ScriptedServer& server, SeenRequest& request) {
    const bool same = request.Field(":path") == "/304";
    server.Respond(request.id, same ? 304 : 204,
                   same ? http2::Fields{{"content-length", "5"}} : http2::Fields{});
  });
  GatewayProcess gateway(Before(upstream));
  RawClient client(gateway.address());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(client.Exchange(GetRequest("/204")).Status(), 204);
    EXPECT_EQ(client.Exchange(GetRequest("/304")).Status(), 304);
  }
}

TEST(Http2UpstreamTest, InterimResponsesGoOn) {
  Http2Upstream upstream([](ScriptedServer& server, SeenRequest& request) {
    server.Inform(request.id, 103, {{"link", "</style.css>"}});
    server.Respond(request.id, 200, {}, "ok");
  });
  GatewayProcess gateway(Before(upstream));
  RawClient client(gateway.address());
  const Message hint = client.Exchange(GetRequest("/"));
  EXPECT_EQ(hint.Status(), 103);
  EXPECT_EQ(hint.Value("link"), "</style.css>");
  EXPECT_EQ(client.Response().body, "ok");
}

TEST(Http2UpstreamTest, AnExpectationIsMetByTheUpstream) {
  Http2Upstream upstream(Echo, {}, [](ScriptedServer& server, SeenRequest& request) {
    if (request.Field("expect") == "100-continue") server.Inform(request.id, 100);
  });
  GatewayProcess gateway(Before(upstream));
  RawClient client(gateway.address());
  client.Send("POST / HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  EXPECT_EQ(client.Response().Status(), 100);
  client.Send("body");
  EXPECT_EQ(client.Response().body, "body:body");
}

TEST(Http2UpstreamTest, LargeBodiesGoBothWaysUnharmed) {
  Http2Upstream upstream(Echo);
  GatewayProcess gateway(Before(upstream));
  constexpr size_t kBytes = 10 * 1024 * 1024;
  const std::string body = Pattern(kBytes);
  RawClient client(gateway.address());
  std::thread sender([&] { client.Send(PostRequest("/large", body)); });
  const Message answer = client.Response();
  sender.join();
  EXPECT_EQ(answer.Status(), 200);
  EXPECT_TRUE(answer.body == "body:" + body) << answer.body.size();
}

TEST(Http2UpstreamTest, OneThatReadsSlowlyHoldsUpNoOther) {
  constexpr size_t kBytes = 8 * 1024 * 1024;
  Http2Upstream upstream([&](ScriptedServer& server, SeenRequest& request) {
    const bool large = request.Field(":path") == "/large";
    server.Respond(request.id, 200, {{"x-path", std::string(request.Field(":path"))}},
                   large ? Pattern(kBytes) : "ok");
  });
  GatewayProcess gateway(Before(upstream));
  std::vector<RawClient> slow;
  for (int i = 0; i < 20; ++i) {
    slow.emplace_back(gateway.address());
    slow.back().Send(GetRequest("/large"));
  }
  for (RawClient& client : slow) client.AwaitInput();
  EXPECT_EQ(RunClients(gateway.address(), 8, 50), 0);
  RawClient quick(gateway.address());
  EXPECT_EQ(quick.Exchange(GetRequest("/large")).body.size(), kBytes);
  EXPECT_EQ(upstream.accepted(), 1);
  EXPECT_LT(gateway.ResidentBytes(), 96u * 1024 * 1024 + GatewayProcess::SanitizerBytes());
  // They have lost nothing.
  const Message late = slow[7].Response();
  EXPECT_TRUE(late.body == Pattern(kBytes)) << late.body.size();
}

TEST(Http2UpstreamTest, TwoHundredClientsNeedTwoConnections) {
  std::mutex mutex;
  std::vector<std::pair<ScriptedServer*, int32_t>> held;
  Http2Upstream upstream([&](ScriptedServer& server, SeenRequest& request) {
    const std::lock_guard lock(mutex);
    held.emplace_back(&server, request.id);
  });
  GatewayProcess gateway(Before(upstream));
  std::vector<RawClient> clients;
  for (int i = 0; i < 200; ++i) {
    clients.emplace_back(gateway.address());
    clients.back().Send(GetRequest("/"));
  }
  EXPECT_TRUE(Eventually([&] { return upstream.requests() == 200; })) << upstream.requests();
  EXPECT_LE(upstream.accepted(), 3);
  EXPECT_EQ(upstream.most_streams(), 100);
  gateway.AwaitMetric("holdfast_upstream_streams", {{"upstream", "web"}}, 200);
  upstream.ForEach([&](ScriptedServer& server) {
    const std::lock_guard lock(mutex);
    for (const auto& [whose, id] : held) {
      if (whose == &server) server.Respond(id, 200, {}, "ok");
    }
  });
  for (RawClient& client : clients) EXPECT_EQ(client.Response().body, "ok");
  gateway.AwaitMetric("holdfast_upstream_streams", {{"upstream", "web"}}, 0);
}

TEST(Http2UpstreamTest, ManyClientsGatherOnFewConnections) {
  Http2Upstream upstream(Echo);
  GatewayProcess gateway(Before(upstream));
  EXPECT_EQ(RunClients(gateway.address(), 100, 30), 0);
  EXPECT_LE(upstream.accepted(), 3);
  EXPECT_EQ(
      gateway.Scrape().Value("holdfast_upstream_connections_closed_total", {{"upstream", "web"}}),
      0);
}

// "/BYTES/FIELDS": as many fields, of which one has a value of as many bytes.
void AnswerAtLength(ScriptedServer& server, SeenRequest& request) {
  const std::string path(request.Field(":path"));
  const size_t slash = path.find('/', 1);
  http2::Fields fields(std::stoul(path.substr(slash + 1)) - 1, {"b", "c"});
  fields.emplace_back("a", std::string(std::stoul(path.substr(1, slash - 1)), 'a'));
  server.Respond(request.id, 200, fields, "ok");
}

TEST(Http2UpstreamTest, ItSaysHowLargeTheHeadsOfItsResponsesMayBe) {
  Http2Upstream upstream(AnswerAtLength);
  GatewayProcess gateway(Before(upstream, "max_head_bytes: 8KiB, max_header_fields: 200"));
  RawClient client(gateway.address());
  const Message most = client.Get("/7000/200");
  EXPECT_EQ(most.Status(), 200);
  EXPECT_EQ(most.Count("b"), 199u);
  EXPECT_EQ(client.Get("/7000/201").Status(), 502);
  EXPECT_EQ(client.Get("/17000/1").Status(), 502);
  const MetricsScrape scrape = gateway.Scrape();
  for (const std::string reason : {"head_too_large", "too_many_fields"}) {
    EXPECT_EQ(
        scrape.Value("holdfast_framing_refusals_total", {{"side", "upstream"}, {"reason", reason}}),
        1)
        << reason;
  }
  EXPECT_EQ(client.Get("/10/10").Status(), 200);
}

TEST(Http2UpstreamTest, WhatThePeerAllowsIsKept) {
  Http2Upstream upstream(Echo, {.max_streams = 4});
  GatewayProcess gateway(Before(upstream, "max_connections: 3, queue: {timeout: 20s}"));
  EXPECT_EQ(RunClients(gateway.address(), 40, 20), 0);
  EXPECT_LE(upstream.accepted(), 3 + 1);
}

TEST(Http2UpstreamTest, OurOwnLimitIsKept) {
  Http2Upstream upstream(Echo);
  GatewayProcess gateway(
      Before(upstream, "streams_per_connection: 2, max_connections: 4, queue: {timeout: 20s}"));
  EXPECT_EQ(RunClients(gateway.address(), 20, 20), 0);
  EXPECT_LE(upstream.most_streams(), 2);
  EXPECT_LE(upstream.accepted(), 4);
}

TEST(Http2UpstreamTest, OtherSettingsInTheMiddle) {
  Http2Upstream upstream(Echo);
  GatewayProcess gateway(Before(upstream));
  std::atomic<bool> over = false;
  std::thread changer([&] {
    for (int i = 0; !over; ++i) {
      Eventually([&] { return over || upstream.requests() >= 10 * i; });
      upstream.ForEach([&](ScriptedServer& server) { server.SendSettings(1 + i % 20); });
    }
  });
  EXPECT_EQ(RunClients(gateway.address(), 20, 50), 0);
  over = true;
  changer.join();
}

TEST(Http2UpstreamTest, GoodbyesInTheMiddleFailNoRequestWhateverItsMethod) {
  Http2Upstream upstream(Echo);
  GatewayProcess gateway(Before(upstream));
  std::atomic<bool> over = false;
  std::atomic<int> goodbyes = 0;
  std::thread leaver([&] {
    while (!over) {
      // From now on: in a hurry the same request might be given back each time.
      const int next = upstream.requests() + 100;
      Eventually([&] { return over || upstream.requests() >= next; });
      upstream.ForEach([&](ScriptedServer& server) {
        // What comes above the last one is passed over from now on.
        if (server.requests.empty() || server.said_goodbye()) return;
        server.GoAway(server.requests.rbegin()->first);
        ++goodbyes;
      });
    }
  });
  // They may be faster than who takes leave.
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(RunClients(gateway.address(), 16, 100, /*post=*/true), 0);
    return goodbyes > 3;
  }));
  over = true;
  leaver.join();
  gateway.AwaitMetricAtLeast("holdfast_upstream_connections_closed_total",
                             {{"upstream", "web"}, {"reason", "goaway"}}, 3);
}

TEST(Http2UpstreamTest, ARefusedStreamIsAskedAgain) {
  std::atomic<int> asked = 0;
  Http2Upstream upstream([&](ScriptedServer& server, SeenRequest& request) {
    if (++asked % 2 == 1) return server.Reset(request.id, kRefusedStream);
    Echo(server, request);
  });
  GatewayProcess gateway(Before(upstream));
  RawClient client(gateway.address());
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(client.Exchange(PostRequest("/p", "once")).body, "body:once");
  }
  EXPECT_EQ(asked, 40);
  EXPECT_EQ(upstream.accepted(), 1) << "the connection is sound";
  gateway.AwaitMetric("holdfast_upstream_retries_total",
                      {{"upstream", "web"}, {"result", "retry_returned"}}, 20);
}

TEST(Http2UpstreamTest, OneThatRefusesAllIsAskedAFewTimes) {
  std::atomic<int> asked = 0;
  Http2Upstream upstream([&](ScriptedServer& server, SeenRequest& request) {
    ++asked;
    server.Reset(request.id, kRefusedStream);
  });
  GatewayProcess gateway(Before(upstream));
  RawClient client(gateway.address());
  EXPECT_EQ(client.Exchange(PostRequest("/p", "once")).Status(), 502);
  EXPECT_EQ(asked, 4);
}

TEST(Http2UpstreamTest, AnyOtherResetOfAPostIsNotRepeated) {
  std::atomic<int> asked = 0;
  Http2Upstream upstream([&](ScriptedServer& server, SeenRequest& request) {
    ++asked;
    server.Reset(request.id, kInternalError);
  });
  GatewayProcess gateway(Before(upstream));
  RawClient client(gateway.address());
  const Message answer = client.Exchange(PostRequest("/p", "once"));
  EXPECT_EQ(answer.Status(), 502);
  EXPECT_NE(answer.body.find("upstream_reset"), std::string::npos) << answer.body;
  EXPECT_EQ(asked, 1);
}

TEST(Http2UpstreamTest, ABodyThatIsCutIsNoCleanEnd) {
  Http2Upstream upstream([&](ScriptedServer& server, SeenRequest& request) {
    server.Respond(request.id, 200, {}, "part", /*end=*/request.Field(":path") != "/cut");
  });
  GatewayProcess gateway(Before(upstream));
  RawClient client(gateway.address());
  client.Send(GetRequest("/cut"));
  EXPECT_EQ(ReadHead(client).Status(), 200);
  EXPECT_EQ(client.ReadUntil("part\r\n"), "4\r\npart\r\n");
  upstream.ForEach([](ScriptedServer& server) { server.Reset(1, kInternalError); });
  StreamEnd end = StreamEnd::kOpen;
  EXPECT_EQ(client.ReadToEnd(&end), "");
  EXPECT_NE(end, StreamEnd::kOpen);
  RawClient other(gateway.address());
  EXPECT_EQ(other.Exchange(GetRequest("/")).body, "part");
  EXPECT_EQ(upstream.accepted(), 1);
}

TEST(Http2UpstreamTest, AClientThatLeavesCancelsItsStreamAlone) {
  std::mutex mutex;
  std::map<int32_t, uint32_t> codes;
  Http2Upstream upstream([&](ScriptedServer& server, SeenRequest& request) {
    if (request.Field(":path") != "/held") Echo(server, request);
  });
  GatewayProcess gateway(Before(upstream));
  RawClient other(gateway.address());
  {
    RawClient client(gateway.address());
    client.Send(GetRequest("/held"));
    EXPECT_TRUE(Eventually([&] { return upstream.requests() == 1; }));
  }
  EXPECT_TRUE(Eventually([&] { return upstream.resets() == 1; }));
  upstream.ForEach([](ScriptedServer& server) { EXPECT_EQ(server.requests[1].reset, kCancel); });
  EXPECT_EQ(other.Exchange(GetRequest("/")).Status(), 200);
  EXPECT_EQ(upstream.accepted(), 1);
}

TEST(Http2UpstreamTest, AnEarlyAnswerReachesTheClient) {
  Http2Upstream upstream(nullptr, {}, [](ScriptedServer& server, SeenRequest& request) {
    server.Respond(request.id, 413, {}, "too much");
  });
  GatewayProcess gateway(Before(upstream));
  RawClient client(gateway.address());
  client.Send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\nsome");
  const Message answer = client.Response();
  EXPECT_EQ(answer.Status(), 413);
  EXPECT_EQ(answer.body, "too much");
  EXPECT_TRUE(Eventually([&] { return upstream.resets() == 1; }));
}

TEST(Http2UpstreamTest, AConnectionThatDiesWithManyStreamsIsBlamedOnce) {
  Http2Upstream upstream(nullptr);
  GatewayProcess gateway(
      Before(upstream, "outlier: {consecutive_errors: 5}", "retry: {attempts: 0}"));
  std::vector<RawClient> clients;
  for (int i = 0; i < 30; ++i) {
    clients.emplace_back(gateway.address());
    clients.back().Send(PostRequest("/", "x"));
  }
  EXPECT_TRUE(Eventually([&] { return upstream.requests() == 30; }));
  upstream.Kill();
  for (RawClient& client : clients) EXPECT_EQ(client.Response("POST").Status(), 502);
  EXPECT_EQ(gateway.Scrape().Value("holdfast_upstream_ejections_total", {{"upstream", "web"}}), 0);
}

TEST(Http2UpstreamTest, WhatIsIdempotentOutlivesItsConnection) {
  std::atomic<int> asked = 0;
  Http2Upstream upstream([&](ScriptedServer& server, SeenRequest& request) {
    if (++asked > 30) Echo(server, request);
  });
  GatewayProcess gateway(
      Before(upstream, "outlier: off, retry_budget: off", "retry: {on: [gateway_error]}"));
  std::vector<RawClient> clients;
  for (int i = 0; i < 30; ++i) {
    clients.emplace_back(gateway.address());
    clients.back().Send(GetRequest("/"));
  }
  EXPECT_TRUE(Eventually([&] { return upstream.requests() == 30; }));
  upstream.Kill();
  for (RawClient& client : clients) EXPECT_EQ(client.Response().Status(), 200);
  EXPECT_EQ(upstream.accepted(), 2);
}

TEST(Http2UpstreamTest, AnUpstreamThatSpeaksHttp1IsNamed) {
  ScriptedUpstream upstream;
  GatewayConfig config{.endpoints = {upstream.address()}, .upstream = "protocol: h2"};
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  client.Send(GetRequest("/"));
  auto served = upstream.Accept();
  served.ReadUntil("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  served.Send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  const Message answer = client.Response();
  EXPECT_EQ(answer.Status(), 502);
  EXPECT_NE(answer.body.find("reason: upstream_bad_response\ndetail: not_http2"), std::string::npos)
      << answer.body;
}

// It says so and closes at once.
TEST(Http2UpstreamTest, AnUpstreamThatSpeaksHttp1AndLeavesIsNamed) {
  ScriptedUpstream upstream;
  GatewayConfig config{.endpoints = {upstream.address()}, .upstream = "protocol: h2"};
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  client.Send(GetRequest("/"));
  {
    auto served = upstream.Accept();
    served.ReadUntil("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    served.Send("HTTP/1.1 505 X\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    served.ShutdownWrite();
  }
  const Message answer = client.Response();
  EXPECT_EQ(answer.Status(), 502);
  EXPECT_NE(answer.body.find("reason: upstream_bad_response\ndetail: not_http2"), std::string::npos)
      << answer.body;
}

TEST(Http2UpstreamTest, AutoInClearIsHttp1) {
  AutoUpstream upstream(
      [](const Message&) { return AutoUpstream::Reply{.bytes = OkResponse("plain")}; });
  GatewayProcess gateway(
      GatewayConfig{.endpoints = {upstream.address()}, .upstream = "protocol: auto"});
  RawClient client(gateway.address());
  EXPECT_EQ(client.Exchange(GetRequest("/")).body, "plain");
}

TEST(Http2UpstreamTest, AnUpgradeIsRefusedHere) {
  Http2Upstream upstream(Echo);
  GatewayProcess gateway(Before(upstream));
  RawClient client(gateway.address());
  const Message answer =
      client.Exchange(GetRequest("/", "Connection: upgrade\r\nUpgrade: websocket\r\n"));
  EXPECT_EQ(answer.Status(), 501);
  EXPECT_NE(answer.body.find("reason: upgrade_unsupported"), std::string::npos) << answer.body;
  EXPECT_EQ(upstream.requests(), 0);
  EXPECT_EQ(RawClient(gateway.address()).Exchange(GetRequest("/")).Status(), 200);
  EXPECT_EQ(upstream.accepted(), 1) << "the connection was kept";
}

TEST(Http2UpstreamTest, HealthChecksSpeakIt) {
  std::atomic<bool> well = true;
  Http2Upstream upstream([&](ScriptedServer& server, SeenRequest& request) {
    const bool check = request.Field(":path") == "/healthz";
    server.Respond(request.id, check && !well ? 500 : 200, {}, "x");
  });
  GatewayProcess gateway(
      Before(upstream, "health_check: {path: /healthz, interval: 100ms, timeout: 100ms}"));
  const auto await = [&](const char* result) {
    gateway.AwaitMetricAtLeast("holdfast_health_checks_total",
                               {{"upstream", "web"}, {"result", result}}, 3);
  };
  await("ok");
  RawClient client(gateway.address());
  EXPECT_EQ(client.Exchange(GetRequest("/")).Status(), 200);
  well = false;
  await("bad_status");
}

TEST(Http2UpstreamTest, AReloadKeepsConnectionsAndAnotherProtocolDoesNot) {
  Http2Upstream upstream(Echo);
  const GatewayConfig config = Before(upstream);
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  EXPECT_EQ(client.Exchange(GetRequest("/1")).Status(), 200);
  GatewayConfig other = config;
  other.upstream = "protocol: h2, streams_per_connection: 5";
  gateway.Reload(other.Text());
  EXPECT_EQ(client.Exchange(GetRequest("/2")).Status(), 200);
  EXPECT_EQ(upstream.accepted(), 1);
  other.upstream = "protocol: h1";
  gateway.Reload(other.Text());
  EXPECT_TRUE(Eventually([&] { return upstream.live() == 0; }));
}

TEST(Http2UpstreamTest, ADrainLetsStreamsFinish) {
  std::mutex mutex;
  Http2Upstream upstream(nullptr);
  GatewayConfig config = Before(upstream);
  config.drain = "{delay: 0s, timeout: 20s}";
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  client.Send(GetRequest("/"));
  EXPECT_TRUE(Eventually([&] { return upstream.requests() == 1; }));
  gateway.Signal(SIGTERM);
  EXPECT_TRUE(gateway.AwaitStderr("drain"));
  upstream.ForEach([](ScriptedServer& server) { server.Respond(1, 200, {}, "ok"); });
  EXPECT_EQ(client.Response().body, "ok");
  EXPECT_EQ(gateway.WaitExit(), 0);
}

}  // namespace
}  // namespace holdfast::support
