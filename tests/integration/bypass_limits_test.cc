// Ways past what a route takes of a client: how often, and how much at a time.

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/gateway/http2/support/http2_client.h"
#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"

namespace holdfast::support {
namespace {

using Lines = std::vector<std::string_view>;

// A route that takes one request of each key.
class BypassLimitsRateTest : public testing::Test {
 protected:
  static GatewayConfig Config(const std::string& key) {
    return {
        .listener = "protocols: [h2, h1]",
        .routes = "- {name: few, match: {path: /few}, rate_limit: {requests: 1, per: 1h, key: " +
                  key + "}, respond: {body: few}}\n"};
  }
  static int Ask(const GatewayProcess& gateway, std::string_view lines,
                 std::string_view from = "127.0.0.1") {
    RawClient client(gateway.address(), {.local_address = std::string(from)});
    return client.Get("/few", lines).Status();
  }
  // The first is served; each of the rest is the same client by another spelling.
  static void ExpectOne(const GatewayProcess& gateway, const Lines& spellings) {
    EXPECT_EQ(Ask(gateway, spellings[0]), 200) << spellings[0];
    for (const std::string_view lines : spellings) EXPECT_EQ(Ask(gateway, lines), 429) << lines;
  }
  static int AskOverHttp2(const GatewayProcess& gateway, const Http2Fields& fields) {
    Http2Client client(gateway.address());
    return client.Await(client.Send({.path = "/few", .fields = fields})).Status();
  }
};

TEST_F(BypassLimitsRateTest, NoFieldMakesAnotherClientOfOne) {
  GatewayProcess gateway(Config("client"));
  ExpectOne(gateway, {"", "X-Forwarded-For: 203.0.113.9\r\n", "Forwarded: for=203.0.113.9\r\n",
                      "X-Real-IP: 203.0.113.9\r\n", "X_Forwarded_For: 203.0.113.9\r\n",
                      "Cookie: a=1\r\n", "Authorization: Basic YTpi\r\n", "User-Agent: b\r\n",
                      "Via: 1.1 proxy\r\n", "Connection: close\r\n"});
  EXPECT_EQ(AskOverHttp2(gateway, {{"x-forwarded-for", "203.0.113.9"}}), 429);
  EXPECT_EQ(Ask(gateway, "", "127.0.0.2"), 200) << "another client";
}

TEST_F(BypassLimitsRateTest, NorAnotherKeyOfAFieldsValue) {
  GatewayProcess gateway(Config("\"header:x-key\""));
  ExpectOne(gateway, {"X-Key: a\r\n", "x-key: a\r\n", "X-KEY:a\r\n", "X-Key: \t a \t\r\n",
                      "X-Other: b\r\nX-Key: a\r\n", "Connection: close\r\nX-Key: a\r\n"});
  EXPECT_EQ(AskOverHttp2(gateway, {{"x-key", "a"}}), 429);
  // Those without one, or with more than one, are counted by address.
  ExpectOne(gateway, {"", "X-Key:\r\n", "X_Key: a\r\n", "X-Keys: a\r\n", "Cookie: x-key=a\r\n",
                      "X-Key: 1\r\nX-Key: a\r\n", "X-Key: a\r\nX-Key: 2\r\n",
                      "X-Key: 3\r\nX_Key: a\r\n", "X-Key:\r\nX-Key: a\r\n"});
  EXPECT_EQ(AskOverHttp2(gateway, {{"x-key", "4"}, {"x-key", "a"}}), 429);
  EXPECT_EQ(AskOverHttp2(gateway, {{"x-key", "b"}}), 200) << "another key";
}

TEST_F(BypassLimitsRateTest, NorOfACookies) {
  GatewayProcess gateway(Config("\"cookie:sid\""));
  ExpectOne(gateway, {"Cookie: sid=a\r\n", "cookie: b=1; sid=a\r\n", "Cookie: sid = a ;b=1\r\n",
                      "Cookie: b=1\r\nCookie: sid=a\r\n", "Cookie: sid=; sid=a\r\n",
                      "Cookie: SID=1; sid=a; sid2=3\r\n", "Cookie: sid=a; sid=a\r\n"});
  EXPECT_EQ(AskOverHttp2(gateway, {{"cookie", "b=1"}, {"cookie", "sid=a"}}), 429);
  ExpectOne(gateway, {"", "Cookie: sid\r\n", "Cookie: sid=\r\n", "Cookie: SID=a\r\n",
                      "Cookie2: sid=a\r\n", "Sid: a\r\n", "Cookie: sid=1; sid=a\r\n",
                      "Cookie: sid=2\r\nCookie: sid=a\r\n", "Cookie: sid=a; b=1; sid=3\r\n"});
  EXPECT_EQ(AskOverHttp2(gateway, {{"cookie", "sid=4"}, {"cookie", "sid=a"}}), 429);
  EXPECT_EQ(AskOverHttp2(gateway, {{"cookie", "sid=b"}}), 200) << "another key";
}

TEST_F(BypassLimitsRateTest, NorOfACertificateThatNobodyHasShown) {
  GatewayProcess gateway(Config("client_certificate"));
  ExpectOne(gateway, {"", "Client-Cert: :AA==:\r\n", "Client-Cert: :AB==:\r\n",
                      "X-SSL-Client-Fingerprint: ab\r\n"});
  EXPECT_EQ(Ask(gateway, "", "127.0.0.2"), 200) << "another client";
}

TEST_F(BypassLimitsRateTest, NorOfAllTogether) {
  GatewayProcess gateway(Config("global"));
  ExpectOne(gateway, {"", "X-Forwarded-For: 203.0.113.9\r\n", "Cookie: a=1\r\n"});
  EXPECT_EQ(Ask(gateway, "", "127.0.0.2"), 429);
  EXPECT_EQ(AskOverHttp2(gateway, {}), 429);
}

// More keys than there is room for: they take each other's place, and no more memory.
TEST_F(BypassLimitsRateTest, ManyKeysAreNoMoreThanThereIsRoomFor) {
  GatewayConfig config = Config("\"header:x-key\", max_keys: 100");
  GatewayProcess gateway(config);
  const auto reserved = [&] {
    return gateway.Scrape().Value("holdfast_memory_bytes", {{"kind", "rate_limits"}});
  };
  const double before = reserved();
  RawClient client(gateway.address());
  constexpr int kKeys = 1'000;
  int served = 0;
  for (int i = 0; i < kKeys; ++i) {
    const std::string key = std::to_string(i) + std::string(static_cast<size_t>(i), 'k');
    served += client.Get("/few", "X-Key: " + key + "\r\n").Status() == 200 ? 1 : 0;
  }
  EXPECT_GT(served, kKeys * 9 / 10) << "two may share a bucket by chance";
  EXPECT_EQ(reserved(), before);
}

// A route that takes ten bytes; the one behind them is '#', which no upstream sees.
struct TooLong {
  std::string_view name;
  std::string request;
  bool begun;  // the upstream is asked before it shows how long it is
};

constexpr std::string_view kFits = "0123456789";
constexpr std::string_view kOneMore = "0123456789#";

std::string WithLength(std::string_view line, std::string_view fields = "") {
  return std::string(line) + "\r\nHost: test\r\nContent-Length: 11\r\n" + std::string(fields) +
         "\r\n" + std::string(kOneMore);
}

std::string WithChunks(const std::string& chunks, std::string_view fields = "") {
  return "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n" + std::string(fields) +
         "\r\n" + chunks;
}

// One byte each, with an extension.
std::string Small(std::string_view bytes) {
  std::string chunks;
  for (const char byte : bytes) chunks += std::string("1;a=b\r\n") + byte + "\r\n";
  return chunks + std::string(kLastChunk);
}

std::vector<TooLong> TooLongOnes() {
  const std::string whole = Chunk(kOneMore) + std::string(kLastChunk);
  return {
      {"a length", WithLength("POST / HTTP/1.1"), false},
      {"of an old client", WithLength("POST / HTTP/1.0"), false},
      {"of a GET", WithLength("GET / HTTP/1.1"), false},
      {"of any method", WithLength("PURGE / HTTP/1.1"), false},
      {"with zeros before it",
       "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 0011\r\n\r\n" + std::string(kOneMore),
       false},
      {"held back", WithLength("POST / HTTP/1.1", "Expect: 100-continue\r\n"), false},
      {"before a tunnel",
       WithLength("GET / HTTP/1.1", "Connection: upgrade\r\nUpgrade: websocket\r\n"), false},
      {"of a call of gRPC", WithLength("POST / HTTP/1.1", "Content-Type: application/grpc\r\n"),
       false},
      {"one chunk", WithChunks(whole), true},
      {"two chunks", WithChunks(Chunk(kFits) + Chunk("#") + std::string(kLastChunk)), true},
      {"small chunks", WithChunks(Small(kOneMore)), true},
      {"a chunk without an end", WithChunks("ffffffff\r\n" + std::string(kOneMore)), true},
      {"chunks that are held back", WithChunks(whole, "Expect: 100-continue\r\n"), true},
      {"chunks of a call of gRPC", WithChunks(whole, "Content-Type: application/grpc\r\n"), true},
      {"chunks before a tunnel", WithChunks(whole, "Connection: upgrade\r\nUpgrade: websocket\r\n"),
       true},
  };
}

class BypassLimitsBodyTest : public testing::Test {
 protected:
  // What the upstream has got of a request that broke off.
  void ExpectCutShort() {
    StreamEnd end = StreamEnd::kOpen;
    const std::string seen = upstream_.Accept().ReadToEnd(&end);
    EXPECT_NE(end, StreamEnd::kOpen);
    EXPECT_EQ(seen.find('#'), std::string::npos) << seen;
    EXPECT_FALSE(seen.ends_with(kLastChunk)) << seen;
  }

  ScriptedUpstream upstream_;
  GatewayProcess gateway_{GatewayConfig{.endpoints = {upstream_.address()},
                                        .listener = "protocols: [h2, h1]",
                                        .upstream = "max_idle: 0",
                                        .route = "max_request_body: 10"}};
};

TEST_F(BypassLimitsBodyTest, NoSpellingMakesALongBodyShort) {
  for (const TooLong& attempt : TooLongOnes()) {
    SCOPED_TRACE(attempt.name);
    RawClient client(gateway_.address());
    const Message answer = client.Exchange(attempt.request);
    const bool grpc = answer.Status() == 200 && answer.Value("grpc-status") != "0";
    EXPECT_TRUE(answer.Status() == 413 || (grpc && answer.Has("grpc-status"))) << answer.head;
    if (attempt.begun) ExpectCutShort();
  }
  upstream_.ExpectNoConnection();
}

TEST_F(BypassLimitsBodyTest, NorOverHttp2) {
  const std::string body(kOneMore);
  for (const Http2Request& request : std::vector<Http2Request>{
           {.method = "POST", .body = body},
           {.method = "GET", .body = body},
           {.method = "POST", .body = body, .trailers = {{"x-sum", "1"}}},
           {.method = "POST", .body = body, .open = true},
       }) {
    Http2Client client(gateway_.address());
    EXPECT_EQ(client.Await(client.Send(request)).Status(), 413) << request.method;
    ExpectCutShort();
  }
  Http2Client client(gateway_.address());
  const Http2Request with_length = {
      .method = "POST", .fields = {{"content-length", "11"}}, .body = body};
  EXPECT_EQ(client.Await(client.Send(with_length)).Status(), 413);
  upstream_.ExpectNoConnection();
}

TEST_F(BypassLimitsBodyTest, AShortOneIsShortInEachOfThem) {
  for (const std::string& request :
       {PostRequest("/", kFits), WithChunks(Chunk(kFits) + std::string(kLastChunk)),
        WithChunks(Small(kFits))}) {
    RawClient client(gateway_.address());
    client.Send(request);
    EXPECT_EQ(upstream_.Accept().Answer(OkResponse("ok")).body, kFits) << request;
    EXPECT_EQ(client.Response().Status(), 200) << request;
  }
  Http2Client client(gateway_.address());
  const int32_t stream = client.Send({.method = "POST", .body = std::string(kFits)});
  client.Flush();
  EXPECT_EQ(upstream_.Accept().Answer(OkResponse("ok")).body, kFits);
  EXPECT_EQ(client.Await(stream).Status(), 200);
}

}  // namespace
}  // namespace holdfast::support
