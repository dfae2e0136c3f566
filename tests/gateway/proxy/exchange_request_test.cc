#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "gateway/proxy/exchange.h"
#include "tests/gateway/proxy/retry_fixture.h"
#include "tests/pool/net/socket_pair.h"

namespace holdfast::proxy {
namespace {

using metrics::Metric;
using pool::Pattern;
using std::chrono::seconds;

constexpr std::string_view kChunkedHead =
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

HarnessConfig Buffering(const std::string& keys = "") {
  return {.listener = "body_timeout: 30s",
          .upstream = "",
          .routes =
              "- {name: all, match: {path_prefix: /}, upstream: web, buffering: {request: 100KiB}" +
              keys + "}"};
}

std::string Post(size_t bytes, std::string_view fields = "") {
  return "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(bytes) + "\r\n" +
         std::string(fields) + "\r\n";
}

class ExchangeRequestTest : public RetryTest {
 protected:
  explicit ExchangeRequestTest(const HarnessConfig& config = Buffering()) : RetryTest(config) {}

  uint64_t Bodies(const char* outcome) {
    return harness_.Count(Metric::kRequestBufferingTotal, {"all", outcome});
  }
  void ExpectNothingHeld() {
    EXPECT_TRUE(harness_.AtRest());
    EXPECT_EQ(harness_.context.buffered_bytes, 0u);
  }
  void SendAll(std::string_view bytes) {
    EXPECT_TRUE(harness_.TurnUntil([&] {
      bytes.remove_prefix(client_.SendSome(bytes));
      return bytes.empty();
    }));
  }
};

TEST_F(ExchangeRequestTest, NoConnectionIsAskedForBeforeTheBodyIsWhole) {
  client_.Send(Post(10));
  ExpectNoConnection();
  client_.Send("01234");
  ExpectNoConnection();
  EXPECT_EQ(harness_.context.buffered_bytes, 5 + RequestBody::kHeldOverhead);
  client_.Send("56789");
  upstream_ = harness_.Accept();
  EXPECT_TRUE(harness_.Await(upstream_, "\r\n\r\n0123456789").starts_with("POST / HTTP/1.1\r\n"));
  upstream_.Send(kOk);
  harness_.Await(client_, kOkEnd);
  EXPECT_EQ(Bodies("whole"), 1u);
  ExpectNothingHeld();
}

TEST_F(ExchangeRequestTest, AChunkedBodyThatIsWholeHasALength) {
  client_.Send(kChunkedHead);
  client_.Send("3\r\nabc\r\n");
  ExpectNoConnection();
  client_.Send("2\r\nde\r\n0\r\n\r\n");
  upstream_ = harness_.Accept();
  const std::string request = harness_.Await(upstream_, "\r\n\r\nabcde");
  EXPECT_NE(request.find("\r\nContent-Length: 5\r\n"), request.npos) << request;
  EXPECT_EQ(request.find("Transfer-Encoding"), request.npos) << request;
}

TEST_F(ExchangeRequestTest, TrailersAreKept) {
  client_.Send(kChunkedHead);
  client_.Send("3\r\nabc\r\n0\r\nX-Sum: 7\r\nX-Forwarded-For: 1\r\n\r\n");
  upstream_ = harness_.Accept();
  const std::string request = harness_.Await(upstream_, "0\r\nX-Sum: 7\r\n\r\n");
  EXPECT_NE(request.find("3\r\nabc\r\n"), request.npos) << request;
}

TEST_F(ExchangeRequestTest, ARequestWithoutABodyWaitsForNothing) {
  client_.Send(kGet);
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, kHeadEnd);
  EXPECT_EQ(Bodies("whole"), 0u);
}

// Neither is a reason to let a slow upload hold a connection: gRPC is not spoken over HTTP/1, and a
// protocol changes after the body.
TEST_F(ExchangeRequestTest, WhatOnlySaysThatItIsAStreamIsHeld) {
  for (const std::string_view fields :
       {"Content-Type: application/grpc\r\n", "Connection: upgrade\r\nUpgrade: other\r\n"}) {
    Wire client = harness_.Connect();
    client.Send(Post(2, fields));
    ExpectNoConnection();
    client.Send("hi");
    Wire upstream = harness_.Accept();
    harness_.Await(upstream, "\r\n\r\nhi");
    upstream.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    harness_.Await(client, kOkEnd);
  }
  EXPECT_EQ(Bodies("whole"), 2u);
  EXPECT_EQ(harness_.context.buffered_bytes, 0u);
}

TEST_F(ExchangeRequestTest, ALengthThatIsTooMuchIsNotWaitedFor) {
  client_.Send(Post(102'401));
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, kHeadEnd);
  EXPECT_EQ(Bodies("too_long"), 1u);
}

TEST_F(ExchangeRequestTest, ALongerBodyIsSentOnToItsEnd) {
  const std::string body = Pattern(1'000'000);
  client_.Send(kChunkedHead);
  client_.Send("f4240\r\n");
  std::string_view rest = body;
  std::string got;
  bool accepted = false;
  EXPECT_TRUE(harness_.TurnUntil([&] {
    rest.remove_prefix(client_.SendSome(rest.substr(0, 10'000)));
    if (!accepted) {
      pool::FileDescriptor socket = harness_.backend.TryAccept();
      accepted = socket.valid();
      if (accepted) upstream_ = Wire(std::move(socket));
    }
    if (accepted) upstream_.Pull();
    return rest.empty() && accepted;
  }));
  client_.Send("\r\n0\r\n\r\n");
  const std::string request = harness_.Await(upstream_, "\r\n0\r\n\r\n");
  // Whatever the chunks are.
  size_t at = request.find(kHeadEnd) + kHeadEnd.size();
  while (true) {
    const size_t size = std::stoul(request.substr(at, 16), nullptr, 16);
    if (size == 0) break;
    at = request.find("\r\n", at) + 2;
    got += request.substr(at, size);
    at += size + 2;
  }
  EXPECT_TRUE(got == body) << got.size();
  EXPECT_EQ(Bodies("too_long"), 1u);
  upstream_.Send(kOk);
  harness_.Await(client_, kOkEnd);
  ExpectNothingHeld();
}

TEST_F(ExchangeRequestTest, TheGatewayAnswersTheExpectation) {
  client_.Send(Post(4, "Expect: 100-continue\r\n"));
  EXPECT_EQ(harness_.Await(client_, kHeadEnd), "HTTP/1.1 100 Continue\r\n\r\n");
  ExpectNoConnection();
  client_.Send("body");
  upstream_ = harness_.Accept();
  const std::string request = harness_.Await(upstream_, "body");
  EXPECT_EQ(request.find("Expect"), request.npos) << request;
  upstream_.Send(kOk);
  EXPECT_TRUE(harness_.Await(client_, kOkEnd).starts_with("HTTP/1.1 200 "));
}

TEST_F(ExchangeRequestTest, ABodyThatDoesNotComeIsNotWaitedForLong) {
  client_.Send(Post(10));
  harness_.Turns(3);
  harness_.Advance(seconds(20));
  client_.Send("01234");
  harness_.Turns(3);
  harness_.Advance(seconds(20));
  harness_.Turns(3);
  client_.Pull();
  EXPECT_EQ(client_.received(), "");
  harness_.Advance(seconds(11));
  EXPECT_TRUE(ClientGets("408 ", "reason: client_body_timeout\n")) << client_.received();
  EXPECT_EQ(harness_.context.buffered_bytes, 0u);
  ExpectNoConnection();
}

TEST_F(ExchangeRequestTest, AClientThatLeavesLeavesNothing) {
  client_.Send(Post(10));
  client_.Send("01234");
  harness_.Turns(3);
  EXPECT_EQ(harness_.context.buffered_bytes, 5 + RequestBody::kHeldOverhead);
  client_.Close();
  ExpectNothingHeld();
  EXPECT_TRUE(harness_.TurnUntil([&] { return harness_.context.sessions.empty(); }));
  ExpectNoConnection();
}

TEST_F(ExchangeRequestTest, SoDoesOneThatIsCut) {
  client_.Send(Post(10));
  client_.Send("01234");
  harness_.Turns(3);
  harness_.context.sessions.front()->Cut();
  ExpectNothingHeld();
}

TEST_F(ExchangeRequestTest, WhatIsNoChunkIsRefused) {
  client_.Send(kChunkedHead);
  client_.Send("3\r\nabc\r\nx\r\n");
  EXPECT_TRUE(ClientGets("400 ", "\n")) << client_.received();
  EXPECT_NE(client_.received().find("client_body_broken"), std::string::npos);
  EXPECT_EQ(harness_.context.buffered_bytes, 0u);
}

TEST_F(ExchangeRequestTest, AFullWorkerWaitsForNoBody) {
  harness_.context.buffered_bytes = 64 << 20;
  client_.Send(Post(10));
  client_.Send("01234");
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, "01234");
  EXPECT_EQ(Bodies("no_room"), 1u);
  client_.Send("56789");
  harness_.Await(upstream_, "56789");
  upstream_.Send(kOk);
  harness_.Await(client_, kOkEnd);
  EXPECT_EQ(harness_.context.buffered_bytes, 64u << 20);
  harness_.context.buffered_bytes = 0;
}

class BufferedRetryTest : public ExchangeRequestTest {
 protected:
  BufferedRetryTest()
      : ExchangeRequestTest(
            Buffering(", retry: {attempts: 2, on: [connect_failure, gateway_error]}")) {}

  static std::string Put(size_t bytes) {
    return "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n";
  }
};

TEST_F(BufferedRetryTest, ABodyThatIsLongerThanWhatIsReplayedIsSentAgain) {
  const std::string body = Pattern(100'000);
  SendAll(Put(body.size()) + body);
  for (uint64_t attempt = 1; attempt <= 3; ++attempt) {
    upstream_ = harness_.Accept();
    const std::string request = harness_.Await(upstream_, body.substr(body.size() - 100));
    EXPECT_TRUE(request.ends_with(std::string(kHeadEnd) + body)) << attempt;
    EXPECT_EQ(harness_.context.buffered_bytes, body.size() + RequestBody::kHeldOverhead);
    if (attempt == 3) break;
    upstream_.Send(kBusy);
    EXPECT_TRUE(
        harness_.TurnUntil([&] { return harness_.Retries("retry_gateway_error") == attempt; }));
    harness_.Advance(std::chrono::milliseconds(30));
  }
  upstream_.Send(kOk);
  harness_.Await(client_, kOkEnd);
  ExpectNothingHeld();
}

TEST_F(BufferedRetryTest, AnAnswerBeforeTheEndLeavesNothing) {
  const std::string body = Pattern(100'000);
  SendAll(Put(body.size()) + body);
  upstream_ = harness_.Accept();
  EXPECT_TRUE(harness_.TurnUntil([&] {
    upstream_.Pull();
    return !upstream_.received().empty();
  }));
  upstream_.Send(kOk);
  harness_.Await(client_, kOkEnd);
  ExpectNothingHeld();
}

TEST_F(BufferedRetryTest, AChunkedBodyOfExactlyTheBoundIsWhole) {
  SendAll(std::string(kChunkedHead) + "19000\r\n" + Pattern(0x19000) + "\r\n");
  ExpectNoConnection();
  SendAll("0\r\n\r\n");
  upstream_ = harness_.Accept();
  EXPECT_EQ(Bodies("whole"), 1u);
}

class BufferedLimitTest : public ExchangeRequestTest {
 protected:
  BufferedLimitTest() : ExchangeRequestTest(Buffering(", max_request_body: 1KiB")) {}
};

TEST_F(BufferedLimitTest, ABodyBeyondItIsRefusedWithoutTheUpstream) {
  client_.Send(kChunkedHead);
  client_.Send("400\r\n" + Pattern(1024) + "\r\n");
  ExpectNoConnection();
  client_.Send("1\r\nx\r\n");
  EXPECT_TRUE(ClientGets("413 ", "\n")) << client_.received();
  ExpectNoConnection();
  EXPECT_EQ(harness_.context.buffered_bytes, 0u);
}

}  // namespace
}  // namespace holdfast::proxy
