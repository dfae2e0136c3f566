// Responses that break the rules, and connections that break: the client gets 502 or a visible
// break, and no byte reaches another exchange.

#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/raw_client.h"
#include "tests/support/scripted_hop.h"
#include "tests/support/wire.h"

namespace holdfast::support {
namespace {

constexpr std::string_view kRefusals = "holdfast_framing_refusals_total";

struct Broken {
  std::string reason;
  std::string response;
};

void PrintTo(const Broken& broken, std::ostream* out) {
  *out << ::testing::PrintToString(broken.response.substr(0, 80));
}

std::string ReasonAndNumber(const ::testing::TestParamInfo<Broken>& info) {
  return info.param.reason + "_" + std::to_string(info.index);
}

void ExpectEnded(UpstreamConnection& upstream) {
  StreamEnd end;
  upstream.ReadToEnd(&end);
  EXPECT_NE(end, StreamEnd::kOpen) << "the gateway keeps the connection";
}

// The next request gets an answer of its own, over another connection.
void ExpectFreshConnection(ScriptedHop& hop) {
  hop.client.Send(GetRequest("/next"));
  UpstreamConnection fresh = hop.upstream.Accept();
  EXPECT_EQ(fresh.Answer(OkResponse("next")).Target(), "/next");
  EXPECT_EQ(hop.client.Response().body, "next");
}

class BrokenHeadTest : public ::testing::TestWithParam<Broken> {};

TEST_P(BrokenHeadTest, GivesBadGatewayAndTheConnectionIsNotUsedAgain) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/first"));
  upstream.Answer(GetParam().response);
  const Message response = hop.client.Response();
  EXPECT_EQ(response.Status(), 502) << response.head;
  EXPECT_NE(response.body.find("upstream_bad_response"), std::string::npos) << response.body;
  EXPECT_FALSE(response.Has("leak")) << response.head;
  ExpectEnded(upstream);
  hop.gateway.AwaitMetric(kRefusals, {{"side", "upstream"}, {"reason", GetParam().reason}}, 1);
  ExpectFreshConnection(hop);
}

const Broken kHeads[] = {
    {"malformed_start_line", "garbage\r\n\r\n"},
    {"malformed_start_line", "HTTP/1.1 20 OK\r\n\r\n"},
    {"malformed_start_line", "HTTP/1.1 2000 OK\r\n\r\n"},
    {"malformed_start_line", "HTTP/1.1  200 OK\r\n\r\n"},
    {"unsupported_version", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"},
    {"length_and_encoding",
     "HTTP/1.1 200 OK\r\nLeak: 1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
     "0\r\n\r\n"},
    {"repeated_content_length",
     "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"},
    {"malformed_content_length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"},
    {"content_length_overflow",
     "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n"},
    {"unknown_transfer_coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"},
    {"chunked_not_final", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n"},
    {"transfer_encoding_in_http10",
     "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"bare_lf", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"},
    {"bare_cr", "HTTP/1.1 200 OK\r\nA: b\rLeak: 1\r\nContent-Length: 0\r\n\r\n"},
    {"nul", std::string("HTTP/1.1 200 OK\r\nA: b\0c\r\nContent-Length: 0\r\n\r\n", 47)},
    {"obs_fold", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n"},
    {"space_before_colon", "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n"},
    {"malformed_field_name", "HTTP/1.1 200 OK\r\nA b: 0\r\n\r\n"},
    {"head_too_large", "HTTP/1.1 200 OK\r\nA: " + std::string(70'000, 'a') + "\r\n\r\n"},
};
INSTANTIATE_TEST_SUITE_P(Heads, BrokenHeadTest, ::testing::ValuesIn(kHeads), ReasonAndNumber);

// What becomes of a response whose head has so many bytes and fields.
Message Relayed(ScriptedHop& hop, size_t bytes, size_t fields) {
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n";
  for (size_t i = 3; i < fields; ++i) head += "B: c\r\n";
  head += "A: " + std::string(bytes - head.size() - std::string_view("A: \r\n\r\n").size(), 'a');
  upstream.Answer(head + "\r\n\r\nok");
  return hop.client.Response();
}

TEST(ResponseHeadLimitTest, TheUpstreamSaysHowLargeAHeadMayBe) {
  ScriptedHop hop(GatewayConfig{.upstream = "max_head_bytes: 100KiB, max_header_fields: 300"});
  const Message large = Relayed(hop, 100 * 1024, 300);
  EXPECT_EQ(large.Status(), 200);
  EXPECT_EQ(large.body, "ok");
  EXPECT_EQ(large.Count("B"), 297u);
  EXPECT_EQ(Relayed(hop, 100 * 1024 + 1, 300).Status(), 502);
  EXPECT_EQ(Relayed(hop, 100 * 1024, 301).Status(), 502);
  for (const std::string reason : {"head_too_large", "too_many_fields"}) {
    hop.gateway.AwaitMetric(kRefusals, {{"side", "upstream"}, {"reason", reason}}, 1);
  }
}

TEST(ResponseHeadLimitTest, ItMayBeLessThanUsualAndAReloadChangesIt) {
  ScriptedUpstream upstream;
  GatewayConfig config{.endpoints = {upstream.address()}, .upstream = "max_head_bytes: 1KiB"};
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  const auto status = [&] {
    client.Send(GetRequest("/"));
    UpstreamConnection connection = upstream.Accept();
    connection.Answer(
        OkResponse("x", "Connection: close\r\nA: " + std::string(1'024, 'a') + "\r\n"));
    return client.Response().Status();
  };
  EXPECT_EQ(status(), 502);
  config.upstream = "";
  gateway.Reload(config.Text());
  EXPECT_EQ(status(), 200);
  config.upstream = "max_header_fields: 2";
  gateway.Reload(config.Text());
  EXPECT_EQ(status(), 502);
}

class BrokenChunksTest : public ::testing::TestWithParam<Broken> {};

// The status has been sent: all that is left to tell the client is a break.
TEST_P(BrokenChunksTest, BreakTheClientsResponseOff) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + Chunk("fine"));
  Message response = ReadHead(hop.client);
  EXPECT_EQ(ReadChunk(hop.client, &response), "fine");
  upstream.SendIfWanted(GetParam().response);
  StreamEnd end;
  const std::string rest = hop.client.ReadToEnd(&end);
  EXPECT_EQ(rest.find("0\r\n\r\n"), std::string::npos) << rest;
  EXPECT_NE(end, StreamEnd::kOpen);
  ExpectEnded(upstream);
  hop.gateway.AwaitMetric(kRefusals, {{"side", "upstream"}, {"reason", GetParam().reason}}, 1);
}

const Broken kChunks[] = {
    {"malformed_chunk_size", "nonsense\r\n"},
    {"malformed_chunk_size", "-1\r\n"},
    {"chunk_size_overflow", "fffffffffffffffff\r\n"},
    {"missing_chunk_end", "3\r\nabcde\r\n"},
    {"chunk_line_end", "3\nabc\r\n"},
};
INSTANTIATE_TEST_SUITE_P(Chunks, BrokenChunksTest, ::testing::ValuesIn(kChunks), ReasonAndNumber);

class BrokenConnectionTest : public OverEachWire {};
HOLDFAST_OVER_EACH_WIRE(BrokenConnectionTest);

TEST_P(BrokenConnectionTest, OneThatEndsWithoutAnyByteGivesBadGateway) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Request();
  upstream.Close();
  const Message response = hop.client.Response();
  EXPECT_EQ(response.Status(), 502);
  EXPECT_NE(response.body.find("upstream_closed"), std::string::npos) << response.body;
  ExpectFreshConnection(hop);
}

TEST_P(BrokenConnectionTest, OneThatIsResetGivesBadGateway) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Request();
  upstream.Reset();
  const Message response = hop.client.Response();
  EXPECT_EQ(response.Status(), 502);
  EXPECT_NE(response.body.find("upstream_reset"), std::string::npos) << response.body;
  ExpectFreshConnection(hop);
}

TEST_P(BrokenConnectionTest, OneThatEndsWithinTheHeadGivesBadGateway) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Answer("HTTP/1.1 200 OK\r\nContent-Le");
  upstream.Close();
  EXPECT_EQ(hop.client.Response().Status(), 502);
  ExpectFreshConnection(hop);
}

TEST_P(BrokenConnectionTest, OneThatEndsAfterAnInterimResponseGivesBadGateway) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Answer("HTTP/1.1 103 Early Hints\r\n\r\n");
  upstream.Close();
  EXPECT_EQ(hop.client.Response().Status(), 103);
  EXPECT_EQ(hop.client.Response().Status(), 502);
}

TEST_P(BrokenConnectionTest, FailuresAreCountedByReason) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Request();
  upstream.Close();
  hop.client.Response();
  hop.gateway.AwaitMetric("holdfast_upstream_request_failures_total",
                          {{"upstream", "web"}, {"reason", "upstream_closed"}}, 1);
}

class ExtraBytesTest : public OverEachWire {};
HOLDFAST_OVER_EACH_WIRE(ExtraBytesTest);

// Response splitting: whatever comes behind a response is nobody's.
TEST_P(ExtraBytesTest, ASecondResponseReachesNobody) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/first"));
  upstream.Answer(OkResponse("first") + OkResponse("poison"));
  EXPECT_EQ(hop.client.Response().body, "first");
  ExpectEnded(upstream);
  hop.client.ExpectQuiet();
  ExpectFreshConnection(hop);
  hop.gateway.AwaitMetric("holdfast_upstream_connections_closed_total", {{"reason", "extra_bytes"}},
                          1);
}

TEST_P(ExtraBytesTest, AnotherClientDoesNotGetThemEither) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/first"));
  upstream.Answer(OkResponse("first") + "HTTP/1.1 200 OK\r\n");
  EXPECT_EQ(hop.client.Response().body, "first");
  RawClient other(hop.gateway.address());
  other.Send(GetRequest("/other"));
  UpstreamConnection fresh = hop.upstream.Accept();
  EXPECT_EQ(fresh.Answer(OkResponse("other")).Target(), "/other");
  EXPECT_EQ(other.Response().body, "other");
}

TEST_P(ExtraBytesTest, BytesOnAnIdleConnectionEndIt) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Warm();
  upstream.Send("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
  ExpectEnded(upstream);
  ExpectFreshConnection(hop);
}

TEST_P(ExtraBytesTest, ABodyBehindAResponseToHeadReachesNobody) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin("HEAD / HTTP/1.1\r\nHost: test\r\n\r\n");
  upstream.Answer(OkResponse("a body all the same"));
  EXPECT_EQ(hop.client.Response("HEAD").Status(), 200);
  ExpectEnded(upstream);
  ExpectFreshConnection(hop);
}

TEST_P(ExtraBytesTest, ABodyBehindNoContentReachesNobody) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Answer("HTTP/1.1 204 No Content\r\n\r\nstray");
  EXPECT_EQ(hop.client.Response().Status(), 204);
  ExpectEnded(upstream);
  ExpectFreshConnection(hop);
}

// The late end of a body that must not be there would be the next request's answer.
TEST_P(ExtraBytesTest, AnAnnouncementOfContentThatMustNotComeEndsTheConnection) {
  ScriptedHop hop;
  const std::string_view heads[] = {
      "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
      "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
  };
  for (const std::string_view head : heads) {
    UpstreamConnection upstream = hop.Begin(GetRequest("/first"));
    upstream.Answer(head);
    EXPECT_LT(hop.client.Response().Status(), 400);
    ExpectEnded(upstream);
    UpstreamConnection next = hop.Begin(GetRequest("/next"));
    next.Answer(OkResponse("next", "Connection: close\r\n"));
    EXPECT_EQ(hop.client.Response().body, "next");
  }
  hop.gateway.AwaitMetric("holdfast_upstream_connections_closed_total",
                          {{"reason", "forbidden_content"}}, 3);
}

TEST_P(ExtraBytesTest, ALateBodyBehindAResponseToHeadReachesNobody) {
  ScriptedHop hop;
  // The next request is there when the first is answered, before anything else has come.
  UpstreamConnection upstream =
      hop.Begin("HEAD / HTTP/1.1\r\nHost: test\r\n\r\n" + GetRequest("/next"));
  upstream.Answer("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
  EXPECT_EQ(hop.client.Response("HEAD").Status(), 200);
  UpstreamConnection fresh = hop.upstream.Accept();
  upstream.Send("late");
  EXPECT_EQ(fresh.Answer(OkResponse("next")).Target(), "/next");
  EXPECT_EQ(hop.client.Response().body, "next");
  ExpectEnded(upstream);
}

// Stopped, the gateway finds both at once, the request first: the bytes were there before it.
TEST_P(ExtraBytesTest, AResponseThatCameBeforeTheRequestIsNotTakenForItsAnswer) {
  ScriptedHop hop;
  for (int i = 0; i < 10; ++i) {
    UpstreamConnection upstream = hop.Warm();
    hop.gateway.Pause();
    hop.client.Send(PostRequest("/asked", "body"));
    upstream.Send(OkResponse("unasked"));
    hop.gateway.Resume();
    UpstreamConnection fresh = hop.upstream.Accept();
    EXPECT_EQ(fresh.Answer(OkResponse("asked", "Connection: close\r\n")).Target(), "/asked");
    EXPECT_EQ(hop.client.Response().body, "asked");
  }
}

TEST_P(ExtraBytesTest, AnUnaskedResponseIsForgottenWithItsConnection) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Warm();
  upstream.Send(OkResponse("unasked"));
  hop.client.Send(GetRequest("/asked"));
  UpstreamConnection fresh = hop.upstream.Accept();
  fresh.Answer(OkResponse("asked"));
  EXPECT_EQ(hop.client.Response().body, "asked");
}

constexpr std::string_view kChallenge =
    "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM\r\n"
    "Content-Length: 0\r\n\r\n";
constexpr std::string_view kAskForProof =
    "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM TlRMTVNTUAACAAAA\r\n"
    "Content-Length: 0\r\n\r\n";

class ConnectionAuthTest : public OverEachWire {};
HOLDFAST_OVER_EACH_WIRE(ConnectionAuthTest);

// RFC 4559 section 6: what has authenticated one client must not serve another.
TEST_P(ConnectionAuthTest, AnAuthenticatedConnectionServesItsClientAlone) {
  ScriptedHop hop;
  UpstreamConnection alices = hop.Begin(GetRequest("/"));
  alices.Answer(kChallenge);
  EXPECT_EQ(hop.client.Response().Status(), 401);
  // Both legs, and what follows without credentials, arrive on one connection.
  hop.client.Send(GetRequest("/", "Authorization: NTLM TlRMTVNTUAABAAAA\r\n"));
  alices.Answer(kAskForProof);
  EXPECT_EQ(hop.client.Response().Status(), 401);
  hop.client.Send(GetRequest("/", "Authorization: NTLM TlRMTVNTUAADAAAA\r\n"));
  alices.Answer(OkResponse("alice's"));
  EXPECT_EQ(hop.client.Response().body, "alice's");
  hop.client.Send(GetRequest("/again"));
  EXPECT_EQ(alices.Answer(OkResponse("alice's")).Target(), "/again");
  EXPECT_EQ(hop.client.Response().body, "alice's");

  RawClient other(hop.gateway.address());
  other.Send(GetRequest("/other"));
  UpstreamConnection fresh = hop.upstream.Accept();
  EXPECT_EQ(fresh.Answer(OkResponse("nobody's")).Target(), "/other");
  EXPECT_EQ(other.Response().body, "nobody's");
  hop.gateway.AwaitMetric("holdfast_upstream_checkouts_total", {{"result", "tied"}}, 3);
  hop.client.Close();
  ExpectEnded(alices);
  hop.gateway.AwaitMetric("holdfast_upstream_connections_closed_total", {{"reason", "owner_gone"}},
                          1);
}

TEST_P(ConnectionAuthTest, CredentialsInTheFirstRequestAreEnough) {
  ScriptedHop hop;
  UpstreamConnection alices = hop.Begin(GetRequest("/", "Authorization: Negotiate YII=\r\n"));
  alices.Answer(OkResponse("alice's"));
  EXPECT_EQ(hop.client.Response().body, "alice's");
  RawClient other(hop.gateway.address());
  other.Send(GetRequest("/other"));
  UpstreamConnection fresh = hop.upstream.Accept();
  fresh.Answer(OkResponse("nobody's"));
  EXPECT_EQ(other.Response().body, "nobody's");
  hop.client.Send(GetRequest("/again"));
  EXPECT_EQ(alices.Answer(OkResponse("alice's")).Target(), "/again");
}

}  // namespace
}  // namespace holdfast::support
