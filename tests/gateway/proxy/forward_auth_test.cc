#include "gateway/proxy/forward_auth.h"

#include <chrono>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/gateway/proxy/proxy_harness.h"

namespace holdfast::proxy {
namespace {

using metrics::Metric;
using std::chrono::seconds;

HarnessConfig Asking(const std::string& keys = "") {
  return {.listener = "",
          .upstream = "",
          .routes =
              "- {name: all, match: {path_prefix: /}, upstream: web, forward_auth: {upstream: "
              "web, path: /verify, copy_response_headers: [x-user, x-groups]" +
              keys + "}}"};
}

constexpr std::string_view kYes =
    "HTTP/1.1 204 No Content\r\nX-User: ann\r\nX-Other: 1\r\nConnection: keep-alive\r\n\r\n";

// The service that is asked and the upstream are one backend.
class ForwardAuthTest : public testing::Test {
 protected:
  bool Has(const std::string& text, std::string_view line) {
    return text.find("\r\n" + std::string(line) + "\r\n") != std::string::npos;
  }
  // What the client is answered when the service has said nothing that counts.
  std::string Failure(ProxyHarness& harness, Wire& client) {
    EXPECT_TRUE(harness.TurnUntil([&] {
      client.Pull();
      return client.received().find("gave no answer: ") != std::string::npos &&
             client.received().ends_with("\n");
    })) << client.received();
    EXPECT_NE(client.received().find("reason: forward_auth_failed\n"), std::string::npos);
    return client.Take();
  }
  uint64_t Answers(ProxyHarness& harness, const char* answer) {
    return harness.Count(Metric::kAuthRequestsTotal, {"all", answer});
  }
};

TEST_F(ForwardAuthTest, WhoIsLetInIsMarked) {
  ProxyHarness harness(Asking());
  Wire client = harness.Connect();
  client.Send(
      "POST /x?y=1 HTTP/1.1\r\nHost: a\r\nCookie: sid=1\r\nX-User: root\r\nX_User: root\r\n"
      "X-Groups: admins\r\nX-Forwarded-Uri: /free\r\nX_Original_URL: /free\r\nX-Forwarded-Method: "
      "HEAD\r\n"
      "If-None-Match: \"1\"\r\nRange: bytes=0-1\r\nContent-Length: 2\r\n\r\nhi");
  Wire backend = harness.Accept();
  const std::string asked = harness.Await(backend, kHeadEnd);
  EXPECT_TRUE(asked.starts_with("GET /verify HTTP/1.1\r\nHost: a\r\n")) << asked;
  EXPECT_TRUE(Has(asked, "Cookie: sid=1")) << asked;
  EXPECT_TRUE(Has(asked, "X-Forwarded-Method: POST")) << asked;
  EXPECT_TRUE(Has(asked, "X-Forwarded-Uri: /x?y=1")) << asked;
  EXPECT_TRUE(Has(asked, "X-Forwarded-For: 192.0.2.7")) << asked;
  for (const std::string_view word : {"root", "admins", "/free", "HEAD", "If-None", "Range",
                                      "Content-Length", "Transfer-Encoding"}) {
    EXPECT_EQ(asked.find(word), asked.npos) << word << " in " << asked;
  }
  backend.Take();
  backend.Send(kYes);
  const std::string request = harness.Await(backend, "hi");
  EXPECT_TRUE(request.starts_with("POST /x?y=1 HTTP/1.1\r\n")) << request;
  EXPECT_TRUE(Has(request, "X-User: ann")) << request;
  EXPECT_TRUE(Has(request, "If-None-Match: \"1\"")) << request;
  for (const std::string_view word : {"root", "admins", "X-Other"}) {
    EXPECT_EQ(request.find(word), request.npos) << word << " in " << request;
  }
  backend.Send(kOk);
  EXPECT_TRUE(harness.Await(client, "ok").starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(Answers(harness, "admitted"), 1u);
  EXPECT_TRUE(harness.TurnUntil([&] { return harness.AtRest(); }));
}

TEST_F(ForwardAuthTest, AnyOtherAnswerIsTheClients) {
  for (const std::string_view answer :
       {"401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nSet-Cookie: a=1\r\n",
        "302 Found\r\nLocation: https://login.test/\r\n", "403 Forbidden\r\n",
        "404 Not Found\r\n"}) {
    ProxyHarness harness(Asking());
    Wire client = harness.Connect();
    client.Send(kGet);
    Wire backend = harness.Accept();
    harness.Await(backend, kHeadEnd);
    backend.Send("HTTP/1.1 " + std::string(answer) + "Content-Length: 4\r\n\r\nnope");
    const std::string response = harness.Await(client, "nope");
    EXPECT_TRUE(response.starts_with("HTTP/1.1 " + std::string(answer))) << response;
    EXPECT_EQ(response.find("Via:"), response.npos) << response;
    EXPECT_EQ(Answers(harness, "refused"), 1u);
    EXPECT_TRUE(harness.TurnUntil([&] { return harness.AtRest(); }));
  }
}

TEST_F(ForwardAuthTest, AQuestionWithoutAnAnswerIsANo) {
  for (const std::string_view answer :
       {"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n"}) {
    ProxyHarness harness(Asking());
    Wire client = harness.Connect();
    client.Send(kGet);
    Wire backend = harness.Accept();
    harness.Await(backend, kHeadEnd);
    backend.Send(answer);
    const std::string response = Failure(harness, client);
    EXPECT_TRUE(response.starts_with("HTTP/1.1 503 ")) << response;
    EXPECT_EQ(Answers(harness, "failed"), 1u) << answer;
  }
}

TEST_F(ForwardAuthTest, LateIsNoAnswerEither) {
  ProxyHarness harness(Asking(", timeout: 2s"));
  harness.LogExchanges();
  Wire client = harness.Connect();
  client.Send(kGet);
  Wire backend = harness.Accept();
  harness.Await(backend, kHeadEnd);
  harness.Advance(seconds(3));
  EXPECT_TRUE(Failure(harness, client).starts_with("HTTP/1.1 503 "));
  EXPECT_TRUE(harness.TurnUntil([&] {
    harness.access_log->Flush();
    return harness.log_lines.find("first_byte_timeout") != std::string::npos;
  })) << harness.log_lines;
}

TEST_F(ForwardAuthTest, WhereItFailsOpenNobodyIsMarked) {
  ProxyHarness harness(Asking(", fail: open"));
  harness.LogExchanges();
  Wire client = harness.Connect();
  client.Send("GET / HTTP/1.1\r\nHost: a\r\nX-User: root\r\n\r\n");
  Wire backend = harness.Accept();
  harness.Await(backend, kHeadEnd);
  backend.Take();
  backend.Send("HTTP/1.1 502 Bad Gateway\r\nX-User: ann\r\nContent-Length: 0\r\n\r\n");
  const std::string request = harness.Await(backend, kHeadEnd);
  EXPECT_TRUE(request.starts_with("GET / HTTP/1.1\r\n")) << request;
  EXPECT_EQ(request.find("X-User"), request.npos) << request;
  EXPECT_EQ(Answers(harness, "unasked"), 1u);
  backend.Send(kOk);
  harness.Await(client, "ok");
  EXPECT_TRUE(harness.TurnUntil([&] {
    harness.access_log->Flush();
    return harness.log_lines.find("\"detail\":\"unasked: status 502\"") != std::string::npos;
  })) << harness.log_lines;
}

TEST_F(ForwardAuthTest, NoClientOpensItByMakingTheServiceStumble) {
  for (const std::string_view answer :
       {"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n",
        "HTTP/1.1 302 Found\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 302 Found\r\nX Y: 1\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLoc", ""}) {
    ProxyHarness harness(Asking(", fail: open"));
    Wire client = harness.Connect();
    client.Send(kGet);
    Wire backend = harness.Accept();
    harness.Await(backend, kHeadEnd);
    backend.Send(answer);
    if (answer.find("70000") != answer.npos) backend.SendSome(std::string(70'000, 'x'));
    if (!answer.ends_with("\r\n\r\n")) backend.Close();
    EXPECT_TRUE(Failure(harness, client).starts_with("HTTP/1.1 503 "));
    EXPECT_EQ(Answers(harness, "unasked"), 0u);
  }
}

TEST_F(ForwardAuthTest, ACredentialMayBeExchanged) {
  ProxyHarness harness(HarnessConfig{
      .listener = "",
      .upstream = "",
      .routes =
          "- {name: all, match: {path_prefix: /}, upstream: web, forward_auth: {upstream: web, "
          "path: /verify, copy_response_headers: [authorization]}}"});
  Wire client = harness.Connect();
  client.Send("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic x\r\n\r\n");
  Wire backend = harness.Accept();
  EXPECT_TRUE(Has(harness.Await(backend, kHeadEnd), "Authorization: Basic x"));
  backend.Take();
  backend.Send("HTTP/1.1 200 OK\r\nAuthorization: Bearer y\r\nContent-Length: 0\r\n\r\n");
  const std::string request = harness.Await(backend, kHeadEnd);
  EXPECT_TRUE(Has(request, "Authorization: Bearer y")) << request;
  EXPECT_EQ(request.find("Basic"), request.npos) << request;
}

TEST_F(ForwardAuthTest, TheWholeTimeIsThatOfTheQuestion) {
  HarnessConfig config = Asking();
  config.routes.insert(config.routes.size() - 1, ", timeouts: {total: 1s}");
  ProxyHarness harness(config);
  Wire client = harness.Connect();
  client.Send(kGet);
  Wire backend = harness.Accept();
  harness.Await(backend, kHeadEnd);
  harness.Advance(seconds(2));
  EXPECT_TRUE(harness.Await(client, "total_timeout\n").starts_with("HTTP/1.1 504 "));
  EXPECT_TRUE(harness.AwaitEnd(backend));
  EXPECT_EQ(harness.Count(Metric::kRequestFailuresTotal, {"all", "total_timeout"}), 1u);
  EXPECT_EQ(harness.Count(Metric::kUpstreamRequestFailuresTotal, {"web", "total_timeout"}), 0u)
      << "the upstream was not asked";
}

TEST_F(ForwardAuthTest, OnlyTheNamedFieldsAreCopied) {
  ProxyHarness harness(Asking(", copy_request_headers: [authorization]"));
  Wire client = harness.Connect();
  client.Send("GET / HTTP/1.1\r\nHost: a\r\nCookie: a=1\r\nAuthorization: Bearer x\r\n\r\n");
  Wire backend = harness.Accept();
  const std::string asked = harness.Await(backend, kHeadEnd);
  EXPECT_TRUE(Has(asked, "Authorization: Bearer x")) << asked;
  EXPECT_EQ(asked.find("Cookie"), asked.npos) << asked;
}

TEST_F(ForwardAuthTest, FieldsOfOneHopAreNotCopied) {
  ProxyHarness harness(Asking());
  Wire client = harness.Connect();
  client.Send(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: x-hop, upgrade\r\nX-Hop: 1\r\n"
      "Upgrade: websocket\r\nTE: trailers\r\n\r\n");
  Wire backend = harness.Accept();
  const std::string asked = harness.Await(backend, kHeadEnd);
  for (const std::string_view word : {"X-Hop", "Upgrade", "TE:", "Connection"}) {
    EXPECT_EQ(asked.find(word), asked.npos) << word << " in " << asked;
  }
}

TEST_F(ForwardAuthTest, AClientThatLeavesEndsTheQuestion) {
  ProxyHarness harness(Asking());
  Wire client = harness.Connect();
  client.Send(kGet);
  Wire backend = harness.Accept();
  harness.Await(backend, kHeadEnd);
  client.Reset();
  EXPECT_TRUE(harness.AwaitEnd(backend));
  EXPECT_TRUE(harness.TurnUntil([&] { return harness.context.sessions.empty(); }));
}

TEST_F(ForwardAuthTest, TheServiceSeesTheBodyThatTheUpstreamGets) {
  ProxyHarness harness(Asking(", body: 1KiB, copy_request_headers: [cookie]"));
  Wire client = harness.Connect();
  client.Send(
      "PUT /x HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\n");
  client.Send("abc");
  harness.Turns(5);
  EXPECT_FALSE(harness.backend.TryAccept().valid()) << "not before it is whole";
  client.Send("def");
  Wire backend = harness.Accept();
  const std::string asked = harness.Await(backend, "\r\n\r\nabcdef");
  EXPECT_TRUE(asked.starts_with("POST /verify HTTP/1.1\r\n")) << asked;
  EXPECT_TRUE(Has(asked, "Content-Type: text/plain")) << asked;
  EXPECT_TRUE(Has(asked, "Content-Length: 6")) << asked;
  EXPECT_TRUE(Has(asked, "X-Forwarded-Method: PUT")) << asked;
  backend.Send(kYes);
  const std::string request = harness.Await(backend, "\r\n\r\nabcdef");
  EXPECT_TRUE(request.starts_with("PUT /x HTTP/1.1\r\n")) << request;
  EXPECT_TRUE(Has(request, "X-User: ann")) << request;
  backend.Send(kOk);
  harness.Await(client, "ok");
  EXPECT_EQ(harness.context.buffered_bytes, 0u);
  EXPECT_TRUE(harness.AtRest());
}

TEST_F(ForwardAuthTest, WithoutABodyItIsAskedWithGet) {
  ProxyHarness harness(Asking(", body: 1KiB"));
  Wire client = harness.Connect();
  client.Send(kGet);
  Wire backend = harness.Accept();
  EXPECT_TRUE(harness.Await(backend, kHeadEnd).starts_with("GET /verify HTTP/1.1\r\n"));
}

TEST_F(ForwardAuthTest, WhoIsRefusedLeavesNoBody) {
  ProxyHarness harness(Asking(", body: 1KiB"));
  Wire client = harness.Connect();
  client.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
  Wire backend = harness.Accept();
  harness.Await(backend, "hi");
  backend.Send("HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nnope");
  EXPECT_TRUE(harness.Await(client, "nope").starts_with("HTTP/1.1 403 "));
  EXPECT_EQ(harness.context.buffered_bytes, 0u);
  client.Send(kGet);
  harness.Await(backend, kHeadEnd);
}

TEST_F(ForwardAuthTest, ALongerBodyIsRefusedUnasked) {
  for (const std::string_view request :
       {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n01234",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n"}) {
    ProxyHarness harness(Asking(", body: 4B, fail: open"));
    Wire client = harness.Connect();
    client.Send(request);
    EXPECT_TRUE(harness.TurnUntil([&] {
      client.Pull();
      return client.received().ends_with("\n");
    }));
    EXPECT_TRUE(client.received().starts_with("HTTP/1.1 413 ")) << client.received();
    EXPECT_FALSE(harness.backend.TryAccept().valid());
    EXPECT_EQ(harness.context.buffered_bytes, 0u);
  }
}

TEST_F(ForwardAuthTest, WithoutRoomForTheBodyNobodyComesIn) {
  ProxyHarness harness(Asking(", body: 1KiB, fail: open"));
  harness.context.buffered_bytes = 64 << 20;
  Wire client = harness.Connect();
  client.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
  EXPECT_NE(Failure(harness, client).find("no room for the request's body"), std::string::npos);
  EXPECT_EQ(Answers(harness, "failed"), 1u);
  EXPECT_FALSE(harness.backend.TryAccept().valid());
  EXPECT_EQ(harness.context.buffered_bytes, 64u << 20);
  harness.context.buffered_bytes = 0;
}

TEST_F(ForwardAuthTest, AClientThatLeavesWhileItIsAskedTakesItsBodyAlong) {
  ProxyHarness harness(Asking(", body: 1KiB"));
  Wire client = harness.Connect();
  client.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
  Wire backend = harness.Accept();
  harness.Await(backend, "hi");
  client.Reset();
  EXPECT_TRUE(harness.AwaitEnd(backend));
  EXPECT_EQ(harness.context.buffered_bytes, 0u);
  EXPECT_TRUE(harness.AtRest());
}

TEST_F(ForwardAuthTest, ATunnelKeepsNoBody) {
  ProxyHarness harness(Asking(", body: 1KiB"));
  Wire client = harness.Connect();
  client.Send(
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: test\r\nContent-Length: 2\r\n"
      "\r\nhi");
  Wire backend = harness.Accept();
  harness.Await(backend, "hi");
  backend.Send(kYes);
  EXPECT_TRUE(harness.Await(backend, "hi").starts_with("POST / "));
  EXPECT_GT(harness.context.buffered_bytes, 0u);
  backend.Send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: test\r\n\r\n");
  EXPECT_TRUE(harness.Await(client, kHeadEnd).starts_with("HTTP/1.1 101 "));
  EXPECT_EQ(harness.context.buffered_bytes, 0u);
}

TEST_F(ForwardAuthTest, CallsOfGrpcHaveNoWayAroundIt) {
  ProxyHarness harness(Asking(", body: 1KiB"));
  Wire client = harness.Connect();
  client.Send(
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\nContent-Length: 2\r\n"
      "\r\nhi");
  Wire backend = harness.Accept();
  EXPECT_TRUE(harness.Await(backend, "hi").starts_with("POST /verify "));
}

}  // namespace
}  // namespace holdfast::proxy
