#include "gateway/proxy/exchange.h"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/gateway/proxy/proxy_harness.h"
#include "tests/pool/net/socket_pair.h"

namespace holdfast::proxy {
namespace {

using metrics::Metric;
using pool::Pattern;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kOkEnd = "\r\n\r\nok";

std::string Post(size_t length) {
  return "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n";
}

size_t CountOf(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// What a body may move in one turn: its events and then its task have a go each.
constexpr size_t kShare =
    2 * Exchange::kMaxRounds * (stream::kHighWatermark + pool::Connection::kMaxReadBytes);

class ExchangeTest : public testing::Test {
 protected:
  // Connected, and one request served: the upstream connection is a kept one.
  void WarmUp() {
    client_.Send(kGet);
    upstream_ = harness_.Accept();
    harness_.Await(upstream_, kHeadEnd);
    upstream_.Send(kOk);
    harness_.Await(client_, kOkEnd);
  }

  ProxyHarness harness_;
  Wire client_ = harness_.Connect();
  Wire upstream_;
};

TEST_F(ExchangeTest, ARequestIsForwardedAndItsResponseComesBack) {
  client_.Send("GET /x HTTP/1.1\r\nHost: a\r\nX-Mine: 1\r\n\r\n");
  upstream_ = harness_.Accept();
  const std::string request = harness_.Await(upstream_, kHeadEnd);
  EXPECT_TRUE(request.starts_with("GET /x HTTP/1.1\r\nHost: a\r\n")) << request;
  EXPECT_NE(request.find("X-Forwarded-For: 192.0.2.7\r\n"), request.npos) << request;
  upstream_.Send("HTTP/1.1 404 Not Here\r\nContent-Length: 2\r\nX-Theirs: 2\r\n\r\nok");
  const std::string response = harness_.Await(client_, kOkEnd);
  EXPECT_TRUE(response.starts_with("HTTP/1.1 404 Not Here\r\n")) << response;
  EXPECT_NE(response.find("X-Theirs: 2\r\n"), response.npos);
  EXPECT_TRUE(harness_.AtRest());
  EXPECT_EQ(harness_.Count(Metric::kRequestsTotal, {"edge", "all", "GET", "404", "upstream"}), 1u);
}

// The fields that only CGI-like services would take for the real ones.
TEST_F(ExchangeTest, LookalikesOfFramingFieldsDoNotReachTheUpstream) {
  client_.Send(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\nContent_Length: 9\r\n"
      "X_Forwarded_For: 10.0.0.1\r\nX_Mine: kept\r\nContent-Length: \t2\t\r\n\r\nhi");
  upstream_ = harness_.Accept();
  const std::string request = harness_.Await(upstream_, "\r\n\r\nhi");
  EXPECT_EQ(request.find("r_E"), request.npos) << request;
  EXPECT_EQ(request.find("t_L"), request.npos) << request;
  EXPECT_EQ(request.find("X_Forwarded"), request.npos) << request;
  EXPECT_NE(request.find("X_Mine: kept\r\n"), request.npos) << request;
  EXPECT_NE(request.find("Content-Length: 2\r\n"), request.npos) << request;
}

TEST_F(ExchangeTest, AnUpstreamMayPadItsChunkSizesAndSpeakALaterVersion) {
  client_.Send(kGet);
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, kHeadEnd);
  upstream_.Send(
      "HTTP/1.2 200 OK\r\nTransfer-Encoding:\tchunked\t\r\n\r\n"
      "5   \r\nhello\r\n1 ;a=b\r\n!\r\n0  \r\n\r\n");
  const std::string response = harness_.Await(client_, "\r\n0\r\n\r\n");
  EXPECT_TRUE(response.starts_with("HTTP/1.1 200 OK\r\n")) << response;
  EXPECT_NE(response.find("5\r\nhello\r\n"), response.npos) << response;
  EXPECT_NE(response.find("1\r\n!\r\n"), response.npos) << response;
  harness_.Serve(client_, upstream_);  // It is kept.
}

TEST_F(ExchangeTest, AnUpstreamsExtensionsAreBoundedToo) {
  client_.Send(kGet);
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, kHeadEnd);
  std::string response = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 20; ++i) response += "1;" + std::string(1000, 'x') + "\r\na\r\n";
  upstream_.Send(response);
  EXPECT_TRUE(harness_.AwaitEnd(client_)) << "broken off";
  EXPECT_EQ(harness_.Count(Metric::kFramingRefusalsTotal, {"upstream", "too_much_chunk_overhead"}),
            1u);
}

// RFC 9110 section 7.6.2.
TEST_F(ExchangeTest, OptionsGoesAsFarAsItMay) {
  client_.Send("OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n");
  const std::string answer = harness_.Await(client_, kHeadEnd);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_NE(answer.find("Allow: GET, HEAD, POST"), answer.npos) << answer;
  client_.Send("OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 1\r\n\r\n");
  upstream_ = harness_.Accept();
  const std::string request = harness_.Await(upstream_, kHeadEnd);
  EXPECT_NE(request.find("Max-Forwards: 0\r\n"), request.npos) << request;
}

TEST_F(ExchangeTest, TheGatewayGoesByItsConfiguredName) {
  harness_.Adopt(ProxyHarness::Load(
      "via: edge-1\nlisteners: [{name: edge, bind: 127.0.0.1:8080}]\n"
      "upstreams: {web: {endpoints: [127.0.0.1:1]}}\nroutes: [{name: all, upstream: web}]\n"));
  client_.Send(
      "GET / HTTP/1.1\r\nHost: a\r\n"
      "Via: 1.1 holdfast, 1.1 holdfast, 1.1 holdfast, 1.1 holdfast, 1.1 holdfast\r\n\r\n");
  upstream_ = harness_.Accept();
  const std::string request = harness_.Await(upstream_, kHeadEnd);
  EXPECT_NE(request.find("Via: 1.1 edge-1\r\n"), request.npos) << request;
  upstream_.Send(kOk);
  EXPECT_NE(harness_.Await(client_, kOkEnd).find("Via: 1.1 edge-1\r\n"), std::string::npos);
}

TEST_F(ExchangeTest, TheNextRequestReusesTheConnection) {
  WarmUp();
  for (int i = 0; i < 3; ++i) harness_.Serve(client_, upstream_);
  EXPECT_EQ(harness_.cluster->pool(0).idle(), 1u);
  EXPECT_EQ(harness_.cluster->pool(0).connections(), 1u);
}

TEST_F(ExchangeTest, NothingOfAnExchangeIsInTheNext) {
  client_.Send(
      "POST /1 HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\n0\r\nx-trailer: 1\r\n\r\n");
  upstream_ = harness_.Accept();
  EXPECT_NE(harness_.Await(upstream_, "x-trailer: 1\r\n\r\n").find("TE: trailers"),
            std::string::npos);
  upstream_.Send(
      "HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n"
      "0\r\nx-response-trailer: 2\r\n\r\n");
  harness_.Await(client_, "x-response-trailer: 2\r\n\r\n");

  client_.Send("POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  const std::string request = harness_.Await(upstream_, "\r\n0\r\n\r\n");
  EXPECT_EQ(request.find("trailer"), request.npos) << request;
  EXPECT_EQ(request.find("hello"), request.npos) << request;
  upstream_.Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  const std::string response = harness_.Await(client_, "\r\n0\r\n\r\n");
  EXPECT_EQ(response.find("trailer"), response.npos) << response;
}

TEST_F(ExchangeTest, PipelinedRequestsGoOneAfterTheOther) {
  client_.Send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  upstream_ = harness_.Accept();
  EXPECT_TRUE(harness_.Await(upstream_, kHeadEnd).starts_with("GET /1 "));
  harness_.Turns(3);
  upstream_.Pull();
  EXPECT_EQ(upstream_.received(), "") << "the second waits for the first's response";
  upstream_.Send(kOk);
  EXPECT_TRUE(harness_.Await(upstream_, kHeadEnd).starts_with("GET /2 "));
  upstream_.Send(kOk);
  EXPECT_TRUE(harness_.TurnUntil([&] {
    client_.Pull();
    return CountOf(client_.received(), kOkEnd) == 2;
  }));
}

TEST_F(ExchangeTest, LargeBodiesGoBothWaysWithBoundedMemory) {
  const std::string body = Pattern(4'000'000);
  client_.Send(Post(body.size()));
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, kHeadEnd);
  size_t sent = 0;
  size_t most = 0;
  ASSERT_TRUE(harness_.TurnUntil([&] {
    sent += client_.SendSome(std::string_view(body).substr(sent));
    upstream_.Pull();
    most = std::max(most, harness_.slabs.in_use());
    return upstream_.received().size() == body.size();
  }));
  EXPECT_TRUE(upstream_.Take() == body);
  upstream_.Send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n");
  sent = 0;
  ASSERT_TRUE(harness_.TurnUntil([&] {
    sent += upstream_.SendSome(std::string_view(body).substr(sent));
    client_.Pull();
    most = std::max(most, harness_.slabs.in_use());
    return client_.received().ends_with(std::string_view(body).substr(body.size() - 1000));
  }));
  EXPECT_TRUE(client_.Take().ends_with(body));
  EXPECT_LE(most * pool::SlabPool::kSlabBytes, 4 * stream::kHighWatermark);
  EXPECT_TRUE(harness_.AtRest());
}

// Runs between a turn's events and the tasks that they queue.
class BetweenTask final : public pool::Task {
 public:
  explicit BetweenTask(std::function<void()> action) : action_(std::move(action)) {}

 private:
  void Run() override { action_(); }
  std::function<void()> action_;
};

// A body that comes as fast as it is passed on must not keep the others of its worker waiting.
TEST_F(ExchangeTest, ALongUploadGoesOnFromTurnToTurn) {
  const std::string body = Pattern(4'000'000);
  client_.Send(Post(body.size()));
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, kHeadEnd);
  const size_t sent = client_.SendSome(body);
  BetweenTask look([&] {
    upstream_.Pull();
    EXPECT_LE(upstream_.received().size(), kShare);
  });
  harness_.loop.Queue(look);
  EXPECT_TRUE(harness_.TurnUntil([&] {
    upstream_.Pull();
    return upstream_.received().size() == sent;
  })) << "the rest follows by itself";
  EXPECT_TRUE(upstream_.received() == body.substr(0, sent));
}

TEST_F(ExchangeTest, ALongResponseGoesOnFromTurnToTurn) {
  const std::string body = Pattern(8'000'000);
  client_.Send(kGet);
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, kHeadEnd);
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n";
  const size_t sent = upstream_.SendSome(head + body) - head.size();
  BetweenTask look([&] {
    client_.Pull();
    EXPECT_LE(client_.received().size(), kShare);
  });
  harness_.loop.Queue(look);
  harness_.Turn();
  const size_t head_bytes = client_.received().find(kHeadEnd) + kHeadEnd.size();
  EXPECT_TRUE(harness_.TurnUntil([&] {
    client_.Pull();
    return client_.received().size() == head_bytes + sent;
  })) << "the rest follows by itself";
}

// A client that reads late, and an upstream that reads late: the readiness of the other side came
// and went meanwhile, and nobody will tell of it again.
TEST_F(ExchangeTest, AnUploadGoesOnWhenASlowUpstreamReadsAgain) {
  const std::string body = Pattern(16'000'000);
  client_.Send(Post(body.size()));
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, kHeadEnd);
  size_t sent = 0;
  for (int quiet = 0; quiet < 20; ++quiet) {
    const size_t now = client_.SendSome(std::string_view(body).substr(sent));
    sent += now;
    if (now > 0) quiet = 0;
    harness_.Turn();
  }
  ASSERT_LT(sent, body.size()) << "everybody is held up";
  EXPECT_TRUE(harness_.TurnUntil([&] {
    upstream_.Pull();
    return upstream_.received().size() == sent;
  }));
  EXPECT_TRUE(upstream_.received() == body.substr(0, sent));
}

TEST_F(ExchangeTest, AResponseGoesOnWhenASlowClientReadsAgain) {
  client_.Send(kGet);
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, kHeadEnd);
  const std::string body = Pattern(24'000'000);
  upstream_.Send("HTTP/1.1 200 OK\r\nContent-Length: 24000000\r\n\r\n");
  size_t sent = 0;
  for (int quiet = 0; quiet < 20; ++quiet) {
    const size_t now = upstream_.SendSome(std::string_view(body).substr(sent));
    sent += now;
    if (now > 0) quiet = 0;
    harness_.Turn();
  }
  ASSERT_LT(sent, body.size()) << "everybody is held up";
  EXPECT_TRUE(harness_.TurnUntil([&] {
    client_.Pull();
    const size_t head = client_.received().find(kHeadEnd);
    return head != std::string::npos && client_.received().size() == head + 4 + sent;
  }));
  EXPECT_TRUE(client_.received().ends_with(body.substr(0, sent)));
}

// The task that goes on with a long body may belong to an exchange that has ended since.
TEST_F(ExchangeTest, AQueuedTurnFindsTheExchangeCut) {
  client_.Send(kGet);
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, kHeadEnd);
  upstream_.SendSome("HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n" + Pattern(8'000'000));
  BetweenTask cut([&] { harness_.context.sessions.front()->Cut(); });
  harness_.loop.Queue(cut);
  harness_.Turn();
  EXPECT_TRUE(harness_.context.sessions.empty());
  EXPECT_TRUE(harness_.AtRest());
}

TEST_F(ExchangeTest, InterimResponsesAreForwarded) {
  client_.Send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  upstream_ = harness_.Accept();
  EXPECT_NE(harness_.Await(upstream_, kHeadEnd).find("Expect: 100-continue"), std::string::npos);
  upstream_.Send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(harness_.TurnUntil([&] {
    client_.Pull();
    return client_.received().find("\r\n\r\nHTTP/1.1 100 Continue\r\n") != std::string::npos;
  }));
  EXPECT_TRUE(client_.Take().starts_with("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n"));
  client_.Send("hi");
  harness_.Await(upstream_, "hi");
  upstream_.Send(kOk);
  const std::string response = harness_.Await(client_, kOkEnd);
  EXPECT_EQ(response.find("Connection: close"), response.npos) << response;
  harness_.Serve(client_, upstream_);
}

TEST_F(ExchangeTest, AFinalResponseBeforeTheBodysEndReachesTheClient) {
  client_.Send(Post(1'000'000) + std::string(1000, 'x'));
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, std::string(1000, 'x'));
  upstream_.Send("HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_TRUE(harness_.AwaitEnd(client_));
  EXPECT_TRUE(client_.received().ends_with("\r\n\r\nno"));
  client_.Close();
  EXPECT_TRUE(harness_.TurnUntil([&] { return harness_.Closed("request_unread") == 1; }));
  EXPECT_EQ(harness_.Count(Metric::kUpstreamConnectionsClosedTotal, {"web", "request_unfinished"}),
            1u)
      << "an upstream that did not get all of the request gets no other";
}

// The loop tells of the upstream first, whoever was first.
TEST_F(ExchangeTest, ARequestWhoseEndComesWithItsAnswerIsReadToItsEnd) {
  client_.Send(Post(10) + "12345");
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, "\r\n\r\n12345");
  client_.Send("67890");
  upstream_.Send(kOk);
  const std::string response = harness_.Await(client_, kOkEnd);
  EXPECT_EQ(response.find("Connection: close"), response.npos) << response;
  harness_.Await(upstream_, "67890");
  EXPECT_TRUE(harness_.AtRest());
  harness_.Serve(client_, upstream_);
}

TEST_F(ExchangeTest, ASwitchOfProtocolsBecomesATunnel) {
  client_.Send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nearly");
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, kHeadEnd);
  upstream_.Send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhi");
  const std::string response = harness_.Await(client_, "\r\n\r\nhi");
  EXPECT_TRUE(response.starts_with("HTTP/1.1 101 ")) << response;
  EXPECT_NE(response.find("Upgrade: x\r\n"), response.npos) << response;
  harness_.Await(upstream_, "early");
  EXPECT_EQ(harness_.Level(Metric::kTunnels, {"web"}), 1);
  client_.Send("\x16\x03not http");
  harness_.Await(upstream_, "not http");
  client_.End();
  EXPECT_TRUE(harness_.AwaitEnd(upstream_));
  upstream_.Send("bye");
  upstream_.Close();
  EXPECT_TRUE(harness_.AwaitEnd(client_));
  EXPECT_EQ(client_.received(), "bye");
  EXPECT_EQ(harness_.Level(Metric::kTunnels, {"web"}), 0);
  EXPECT_EQ(harness_.Count(Metric::kTunnelsTotal, {"web"}), 1u);
  EXPECT_EQ(harness_.Count(Metric::kRequestsTotal, {"edge", "all", "GET", "101", "upstream"}), 1u);
  EXPECT_TRUE(harness_.TurnUntil([&] { return harness_.Closed("upgraded") == 1; }));
  EXPECT_TRUE(harness_.AtRest());
}

TEST_F(ExchangeTest, ASwitchNobodyAskedForIsABrokenResponse) {
  client_.Send(kGet);
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, kHeadEnd);
  upstream_.Send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhi");
  EXPECT_TRUE(harness_.TurnUntil([&] {
    client_.Pull();
    return client_.received().starts_with("HTTP/1.1 502 ");
  }));
  EXPECT_TRUE(harness_.AwaitEnd(upstream_));
  EXPECT_EQ(harness_.Level(Metric::kTunnels, {"web"}), 0);
}

// A reload may give the listener another place while an exchange runs on the old configuration.
TEST_F(ExchangeTest, AReloadThatMovesTheListenerLeavesARunningExchangeAlone) {
  client_.Send(kGet);
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, kHeadEnd);
  const auto next = ProxyHarness::Load(
      "listeners:\n  - {name: new, bind: 127.0.0.1:8080}\n  - {name: edge, bind: 127.0.0.1:8081}\n"
      "upstreams:\n  web: {endpoints: [\"127.0.0.1:1\"]}\n"
      "routes:\n  - {name: later, match: {path_prefix: /}, upstream: web}\n");
  harness_.Adopt(next);
  harness_.listener->Configure(ProxyHarness::ListenerConfig(next, 1), 1);
  harness_.Turn();
  upstream_.Send(kOk);
  harness_.Await(client_, kOkEnd);
  EXPECT_EQ(harness_.Count(Metric::kRequestsTotal, {"edge", "all", "GET", "200", "upstream"}), 1u);
  harness_.Serve(client_, upstream_);
  EXPECT_EQ(harness_.Count(Metric::kRequestsTotal, {"edge", "later", "GET", "200", "upstream"}),
            1u);
}

// A denied path, whatever its spelling.

class DeniedPathTest : public testing::Test {
 protected:
  // The answer, whose body ends with a line.
  std::string Ask(std::string_view target) {
    client_.Send("GET " + std::string(target) + " HTTP/1.1\r\nHost: t.example\r\n\r\n");
    return harness_.Await(client_, "\n");
  }
  // The path that the upstream gets.
  std::string Forwarded(std::string_view target) {
    client_.Send("GET " + std::string(target) + " HTTP/1.1\r\nHost: t.example\r\n\r\n");
    if (upstream_.fd() < 0) upstream_ = harness_.Accept();
    const std::string head = harness_.Await(upstream_, kHeadEnd);
    upstream_.Send(kOk);
    harness_.Await(client_, "ok");
    return head.substr(4, head.find(" HTTP/1.1") - 4);
  }

  ProxyHarness harness_{{
      .routes = "- {name: all, match: {path_prefix: /}, upstream: web}\n"
                "  - {match: {path_prefix: /admin/}, respond: {status: 403, body: \"no\\n\"}}\n"
                "  - {match: {path: /admin}, respond: {status: 403, body: \"no\\n\"}}\n"
                "  - {match: {path_prefix: /old/}, redirect: {to: /new/}}",
  }};
  Wire client_ = harness_.Connect();
  Wire upstream_;
};

TEST_F(DeniedPathTest, EverySpellingThatResolvesToItIsDenied) {
  for (const std::string_view target :
       {"/admin/secret", "/x/../admin/secret", "/./admin/secret", "/../../admin/secret",
        "//admin/secret", "/x//..//../admin/secret", "/%61dmin/secret", "/x/%2e%2e/admin/secret",
        "/x/.%2E/admin/secret", "http://t.example/x/../admin/secret", "/%61dmin", "/x/../admin",
        "http://t.example//admin"}) {
    EXPECT_TRUE(Ask(target).starts_with("HTTP/1.1 403 ")) << target;
  }
}

TEST_F(DeniedPathTest, ASpellingThatOnlySomeResolveToItIsRefusedAndTheConnectionGoesOn) {
  for (const std::string_view target :
       {"/x%2f..%2fadmin/secret", "/admin%2fsecret", "/admin;x=1/secret", "/x/..;/admin/secret",
        "/x\\..\\admin\\secret", "/admin%5csecret", "/x/%252e%252e/admin/secret",
        "http://t.example/admin%2fsecret", "/admin%00", "/%zz"}) {
    const std::string answer = Ask(target);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << target;
    EXPECT_NE(answer.find("reason: ambiguous_path\n"), std::string::npos) << target;
    EXPECT_EQ(answer.find("Connection: close"), std::string::npos) << target;
  }
  EXPECT_EQ(Forwarded("/a%2fb"), "/a%2fb");
}

TEST_F(DeniedPathTest, OrdinaryPathsPassByteForByteAndDotSegmentsAreResolved) {
  EXPECT_EQ(Forwarded("/caf%c3%a9/a%2Fb;v=1//x?q=/../%61"), "/caf%c3%a9/a%2Fb;v=1//x?q=/../%61");
  EXPECT_EQ(Forwarded("/a/../b%2bc/./d?/../e"), "/b%2bc/d?/../e");
  EXPECT_EQ(Forwarded("//x/y"), "/x/y");
  EXPECT_EQ(Forwarded("http://t.example/x/./%7e"), "/x/~");
}

TEST_F(DeniedPathTest, ARedirectHasTheRestOfTheResolvedPath) {
  const auto location = [&](std::string_view target) {
    client_.Send("GET " + std::string(target) + " HTTP/1.1\r\nHost: t.example\r\n\r\n");
    const std::string head = harness_.Await(client_, kHeadEnd);
    const size_t at = head.find("Location: ");
    return at == std::string::npos ? head : head.substr(at + 10, head.find('\r', at) - at - 10);
  };
  EXPECT_EQ(location("/old/a%2bb?c"), "/new/a%2bb?c");
  EXPECT_EQ(location("/x/../%6fld/a/../b"), "/new/b");
  EXPECT_EQ(location("/%6fld/%61"), "/new/a");
}

}  // namespace
}  // namespace holdfast::proxy
