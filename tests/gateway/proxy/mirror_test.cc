#include "gateway/proxy/mirror.h"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "tests/gateway/proxy/fake_streams.h"
#include "tests/gateway/proxy/proxy_harness.h"

namespace holdfast::proxy {
namespace {

using metrics::Metric;
using std::chrono::seconds;

// The mirror and the upstream are one backend: the first connection is the request's, the next one
// its copy's.
HarnessConfig Mirroring(const std::string& keys = "", const std::string& route_keys = "") {
  return {.listener = "",
          .upstream = "",
          .routes = "- {name: all, match: {path_prefix: /}, upstream: web, mirror: {upstream: web" +
                    keys + "}" + route_keys + "}"};
}

uint64_t Results(ProxyHarness& harness, MirrorResult result) {
  return harness.Count(Metric::kMirrorRequestsTotal,
                       {"all", std::string(kMirrorResultWords.WordOf(result))});
}

bool HasCopies(const ProxyHarness& harness) {
  return harness.context.mirrors != nullptr && harness.context.mirrors->size() > 0;
}

// Nobody has connected beside those that were accepted.
void ExpectNoCopy(ProxyHarness& harness) {
  harness.Turns(5);
  EXPECT_FALSE(harness.backend.TryAccept().valid());
}

constexpr std::string_view kPost =
    "POST /x?y=1 HTTP/1.1\r\nHost: a\r\nCookie: sid=1\r\nX-One: 1\r\nContent-Length: 4\r\n\r\n";

TEST(MirrorTest, ACopyHasAllThatTheUpstreamGets) {
  for (const std::string& request :
       {std::string(kGet), std::string("HEAD /a%20b HTTP/1.1\r\nHost: a\r\n\r\n"),
        std::string(kPost) + "body",
        std::string("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nX-Forwarded-For: "
                    "198.51.100.1\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\n4\r\nbody\r\n0\r\n\r\n"),
        std::string("PROPFIND / HTTP/1.0\r\n\r\n")}) {
    ProxyHarness harness(Mirroring("", ", request_headers: {set: {x-client: \"${client_ip}\"}}"));
    Wire client = harness.Connect();
    client.Send(request);
    Wire upstream = harness.Accept();
    Wire mirror = harness.Accept();
    const auto whole = [&] {
      upstream.Pull();
      mirror.Pull();
      return !mirror.received().empty() && mirror.received() == upstream.received();
    };
    EXPECT_TRUE(harness.TurnUntil(whole)) << upstream.received() << "and of the copy:\n"
                                          << mirror.received();
    EXPECT_NE(mirror.received().find("x-client: 192.0.2.7\r\n"), std::string::npos);
    EXPECT_EQ(mirror.received().find("X-Hop"), std::string::npos);
  }
}

TEST(MirrorTest, WhatWasRewrittenIsRewrittenInTheCopy) {
  ProxyHarness harness(Mirroring("", ", rewrite: {path_prefix: /new/, host: inner.test}"));
  Wire client = harness.Connect();
  client.Send("GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n");
  Wire upstream = harness.Accept();
  Wire mirror = harness.Accept();
  const std::string copy = harness.Await(mirror, kHeadEnd);
  EXPECT_TRUE(copy.starts_with("GET /new/a?b HTTP/1.1\r\nHost: inner.test\r\n")) << copy;
  EXPECT_EQ(copy, harness.Await(upstream, kHeadEnd));
}

TEST(MirrorTest, TheCopyOutlivesItsRequest) {
  ProxyHarness harness(Mirroring());
  Wire client = harness.Connect();
  client.Send(kGet);
  Wire upstream = harness.Accept();
  Wire mirror = harness.Accept();
  harness.Await(upstream, kHeadEnd);
  upstream.Send(kOk);
  EXPECT_TRUE(harness.Await(client, "ok").starts_with("HTTP/1.1 200 OK\r\n"));
  client.Close();
  harness.Await(mirror, kHeadEnd);
  EXPECT_TRUE(HasCopies(harness));
  mirror.Send("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 503 Service Unavailable\r\n");
  mirror.Send("Content-Length: 4\r\n\r\nnope");
  EXPECT_TRUE(harness.TurnUntil([&] { return !HasCopies(harness); }));
  EXPECT_EQ(Results(harness, MirrorResult::kAnswered), 1u);
  EXPECT_TRUE(harness.AtRest());
}

TEST(MirrorTest, ItBeginsWithTheEndOfTheBody) {
  ProxyHarness harness(Mirroring());
  Wire client = harness.Connect();
  client.Send(std::string(kPost) + "bo");
  Wire upstream = harness.Accept();
  harness.Await(upstream, "bo");
  ExpectNoCopy(harness);
  client.Send("dy");
  harness.Await(upstream, "dy");
  Wire mirror = harness.Accept();
  EXPECT_TRUE(harness.Await(mirror, "body").starts_with("POST /x?y=1 HTTP/1.1\r\n"));
}

TEST(MirrorTest, NobodyIsAskedToGoOnForACopy) {
  ProxyHarness harness(Mirroring());
  Wire client = harness.Connect();
  client.Send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  Wire upstream = harness.Accept();
  EXPECT_NE(harness.Await(upstream, kHeadEnd).find("Expect: 100-continue"), std::string::npos);
  upstream.Send("HTTP/1.1 100 Continue\r\n\r\n");
  harness.Await(client, kHeadEnd);
  client.Send("body");
  Wire mirror = harness.Accept();
  EXPECT_EQ(harness.Await(mirror, "body").find("Expect"), std::string::npos);
}

TEST(MirrorTest, ALongBodyHasNoCopy) {
  for (const std::string_view request :
       {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\n123\r\n2\r\n45\r\n0\r\n\r\n"}) {
    ProxyHarness harness(Mirroring(", max_body: 4B"));
    Wire client = harness.Connect();
    client.Send(request);
    Wire upstream = harness.Accept();
    EXPECT_TRUE(
        harness.TurnUntil([&] { return Results(harness, MirrorResult::kSkippedBody) == 1; }));
    ExpectNoCopy(harness);
    upstream.Send(kOk);
    harness.Await(client, "ok");
    EXPECT_FALSE(HasCopies(harness));
  }
}

TEST(MirrorTest, WhatIsSkippedKeepsNoMemory) {
  ProxyHarness harness(Mirroring(", max_body: 64KiB"));
  FakeServerStream stream(&harness.slabs);
  stream.head.body = http::BodyKind::kChunked;
  const ExchangeClient client{.stream = &stream,
                              .owner = nullptr,
                              .listener = harness.listener.get(),
                              .ip = "192.0.2.7",
                              .origin = "192.0.2.7"};
  View& view = *harness.context.view.get();
  const route::Route& route = *view.snapshot().routes().routes().begin();
  Mirrors mirrors(&harness.context);
  MirrorCopy* copy = mirrors.Begin({client, view, 0, &route, stream.head}, {});
  ASSERT_NE(copy, nullptr);
  pool::Buffer body(&harness.slabs);
  body.Append(std::string(60'000, 'x'));
  copy->TakeBody(body, body.size());
  EXPECT_GE(copy->body_room(), 60'000u);
  copy->TakeBody(body, body.size());
  EXPECT_LT(copy->body_room(), 100u);
  EXPECT_EQ(Results(harness, MirrorResult::kSkippedBody), 1u);
  copy->Abandon();
  harness.Turns(2);
}

TEST(MirrorTest, OneOfThatLengthHas) {
  ProxyHarness harness(Mirroring(", max_body: 4B"));
  Wire client = harness.Connect();
  client.Send(std::string(kPost) + "body");
  Wire upstream = harness.Accept();
  Wire mirror = harness.Accept();
  harness.Await(mirror, "body");
}

TEST(MirrorTest, ABodyThatWasHeldInManyPiecesHas) {
  ProxyHarness harness(Mirroring(", max_body: 1MiB", ", buffering: {request: 1MiB}"));
  Wire client = harness.Connect();
  constexpr size_t kPieces = 100;
  const std::string piece(5000, 'x');
  client.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n");
  for (size_t i = 1; i <= kPieces; ++i) {
    client.Send(piece);
    ASSERT_TRUE(
        harness.TurnUntil([&] { return harness.context.buffered_bytes > i * piece.size(); }));
  }
  Wire upstream = harness.Accept();
  Wire mirror = harness.Accept();
  EXPECT_TRUE(harness.TurnUntil([&] {
    upstream.Pull();
    mirror.Pull();
    return mirror.received().size() > kPieces * piece.size() &&
           mirror.received() == upstream.received();
  })) << mirror.received().size();
}

TEST(MirrorTest, NothingPartialIsSent) {
  ProxyHarness harness(Mirroring());
  Wire client = harness.Connect();
  client.Send(std::string(kPost) + "bo");
  Wire upstream = harness.Accept();
  harness.Await(upstream, "bo");
  EXPECT_TRUE(HasCopies(harness));
  client.Reset();
  EXPECT_TRUE(
      harness.TurnUntil([&] { return Results(harness, MirrorResult::kSkippedIncomplete) == 1; }));
  EXPECT_FALSE(HasCopies(harness));
  ExpectNoCopy(harness);
  EXPECT_TRUE(harness.AtRest());
}

TEST(MirrorTest, BeyondTheBoundTheyAreSkipped) {
  ProxyHarness harness(Mirroring(", max_in_flight: 1"));
  Wire client = harness.Connect();
  client.Send(kGet);
  Wire upstream = harness.Accept();
  Wire mirror = harness.Accept();
  harness.Await(mirror, kHeadEnd);
  harness.Await(upstream, kHeadEnd);
  upstream.Send(kOk);
  harness.Await(client, "ok");
  for (int i = 0; i < 3; ++i) harness.Serve(client, upstream);
  EXPECT_EQ(Results(harness, MirrorResult::kSkippedBusy), 3u);
  EXPECT_EQ(harness.context.mirrors->size(), 1u);
  mirror.Send(kOk);
  EXPECT_TRUE(harness.TurnUntil([&] { return !HasCopies(harness); }));
  client.Send(kGet);
  EXPECT_TRUE(harness.TurnUntil([&] { return HasCopies(harness); })) << "there is a place again";
}

TEST(MirrorTest, WhoIsLongAboutABodyKeepsNoPlace) {
  ProxyHarness harness(Mirroring(", max_in_flight: 1, timeout: 1s"));
  Wire slow = harness.Connect();
  slow.Send(std::string(kPost) + "bo");
  Wire upstream = harness.Accept();
  harness.Await(upstream, "bo");
  Wire client = harness.Connect();
  client.Send(kGet);
  Wire next = harness.Accept();
  harness.Await(next, kHeadEnd);
  EXPECT_EQ(Results(harness, MirrorResult::kSkippedBusy), 1u);
  next.Send(kOk);
  harness.Await(client, "ok");
  harness.Advance(seconds(2));
  client.Send(kGet);
  Wire mirror = harness.Accept();
  harness.Await(mirror, kHeadEnd);
  EXPECT_EQ(Results(harness, MirrorResult::kSkippedIncomplete), 1u);
  slow.Send("dy");
  harness.Await(upstream, "dy");
  upstream.Send(kOk);
  EXPECT_TRUE(harness.Await(slow, "ok").starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(harness.context.mirrors->size(), 1u);
}

TEST(MirrorTest, AMirrorThatHangsIsGivenUp) {
  ProxyHarness harness(Mirroring(", timeout: 3s"));
  Wire client = harness.Connect();
  client.Send(kGet);
  Wire upstream = harness.Accept();
  Wire mirror = harness.Accept();
  harness.Await(upstream, kHeadEnd);
  upstream.Send(kOk);
  harness.Await(client, "ok");
  harness.Advance(seconds(4));
  EXPECT_TRUE(harness.AwaitEnd(mirror));
  EXPECT_EQ(Results(harness, MirrorResult::kFailed), 1u);
  EXPECT_FALSE(HasCopies(harness));
}

TEST(MirrorTest, OneThatSaysWhateverItLikesHarmsNobody) {
  for (const std::string_view answer :
       {"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nok", "nonsense\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz"}) {
    ProxyHarness harness(Mirroring());
    Wire client = harness.Connect();
    client.Send(kGet);
    Wire upstream = harness.Accept();
    Wire mirror = harness.Accept();
    harness.Await(mirror, kHeadEnd);
    mirror.Send(answer);
    EXPECT_TRUE(harness.TurnUntil([&] { return Results(harness, MirrorResult::kFailed) == 1; }))
        << answer;
    harness.Await(upstream, kHeadEnd);
    upstream.Send(kOk);
    EXPECT_TRUE(harness.Await(client, "ok").starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  }
}

TEST(MirrorTest, ChangesOfProtocolAreNotCopied) {
  ProxyHarness harness(Mirroring());
  Wire client = harness.Connect();
  client.Send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: test\r\n\r\n");
  Wire upstream = harness.Accept();
  harness.Await(upstream, kHeadEnd);
  ExpectNoCopy(harness);
  EXPECT_FALSE(HasCopies(harness));
}

TEST(MirrorTest, NoneOfThemIsNone) {
  ProxyHarness harness(Mirroring(", share: 0"));
  Wire client = harness.Connect();
  client.Send(kGet);
  Wire upstream = harness.Accept();
  harness.Await(upstream, kHeadEnd);
  upstream.Send(kOk);
  harness.Await(client, "ok");
  for (int i = 0; i < 100; ++i) harness.Serve(client, upstream);
  EXPECT_EQ(harness.context.mirrors, nullptr);
}

// The first one that is drawn never gets an answer, and so all others find no place.
TEST(MirrorTest, AShareOfThemIsDrawnByLot) {
  ProxyHarness harness(Mirroring(", share: 0.5, max_in_flight: 1"));
  Wire client = harness.Connect();
  client.Send(kGet);
  Wire upstream = harness.Accept();
  harness.Await(upstream, kHeadEnd);
  upstream.Send(kOk);
  harness.Await(client, "ok");
  for (int i = 0; i < 200; ++i) harness.Serve(client, upstream);
  const uint64_t drawn = Results(harness, MirrorResult::kSkippedBusy);
  EXPECT_GT(drawn, 50u);
  EXPECT_LT(drawn, 150u);
}

TEST(MirrorTest, AReloadChangesNothingForThoseUnderWay) {
  ProxyHarness harness(Mirroring(", max_in_flight: 1"));
  Wire client = harness.Connect();
  client.Send(kGet);
  Wire upstream = harness.Accept();
  Wire mirror = harness.Accept();
  harness.Await(upstream, kHeadEnd);
  upstream.Send(kOk);
  harness.Await(client, "ok");
  harness.Adopt(
      ProxyHarness::Load("listeners: [{name: edge, bind: \"127.0.0.1:0\"}]\n"
                         "upstreams: {web: {endpoints: [\"127.0.0.1:1\"]}}\n"
                         "routes: [{name: all, upstream: web}]\n"));
  harness.Turns(3);
  EXPECT_TRUE(HasCopies(harness));
  harness.Await(mirror, kHeadEnd);
  mirror.Send(kOk);
  EXPECT_TRUE(harness.TurnUntil([&] { return !HasCopies(harness); }));
  EXPECT_EQ(Results(harness, MirrorResult::kAnswered), 1u);
}

TEST(MirrorTest, TheWorkersEndIsTheirs) {
  ProxyHarness harness(Mirroring());
  Wire client = harness.Connect();
  client.Send(kGet);
  Wire upstream = harness.Accept();
  Wire mirror = harness.Accept();
  Wire other = harness.Connect();
  other.Send(std::string(kPost) + "bo");
  harness.Turns(5);
  EXPECT_EQ(harness.context.mirrors->size(), 2u);
  client.Close();
  other.Close();
  EXPECT_TRUE(harness.TurnUntil([&] { return harness.context.mirrors->size() == 1; }));
  harness.context.mirrors.reset();
  EXPECT_TRUE(harness.AwaitEnd(mirror));
  EXPECT_EQ(Results(harness, MirrorResult::kFailed), 1u);
}

TEST(MirrorTest, ACopyTakesAsLongAsTheRoutesOwnRequestMay) {
  route::Route route;
  route.mirror.emplace();
  EXPECT_EQ(MirrorTimeout(route), seconds(30));
  route.timeouts.first_byte = seconds(7);
  EXPECT_EQ(MirrorTimeout(route), seconds(7));
  route.timeouts.first_byte.reset();
  EXPECT_EQ(MirrorTimeout(route), seconds(30));
  route.mirror->timeout = seconds(2);
  EXPECT_EQ(MirrorTimeout(route), seconds(2));
}

}  // namespace
}  // namespace holdfast::proxy
