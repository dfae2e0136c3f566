// What a tunnel is, over each pair of protocols: an upgrade over HTTP/1.1 (RFC 9110 section 7.8),
// an extended CONNECT over HTTP/2 (RFC 8441).

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "gateway/proxy/websocket_handshake.h"
#include "tests/gateway/http2/http2_upstream.h"
#include "tests/gateway/http2/support/http2_client.h"
#include "tests/integration/pair_peers.h"
#include "tests/support/gateway_process.h"
#include "tests/support/pattern.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"

namespace holdfast::support {
namespace {

using http2::Http2Upstream;
using http2::ScriptedServer;
using http2::SeenRequest;

constexpr uint32_t kRefusedStream = 7;
constexpr uint32_t kCancel = 8;
constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";  // of RFC 6455 section 1.3

// One side of a tunnel in a test's hands. What does not come in time fails the test.
class TunnelEnd {
 public:
  virtual ~TunnelEnd() = default;
  virtual void Send(std::string_view bytes) = 0;
  virtual std::string Read(size_t bytes) = 0;
  // It will send no more, and still reads.
  virtual void End() = 0;
  // The other side has ended in order, and nothing came before that.
  virtual void ExpectEnd() = 0;
  virtual void Reset() = 0;
  // The other side is gone, in order or not.
  virtual void ExpectGone() = 0;
  // Without waiting: takes of `*unsent` what it can, adds to `*read` what has come.
  virtual void Turn(std::string_view* unsent, std::string* read) = 0;
};

class TunnelClient : public TunnelEnd {
 public:
  static std::unique_ptr<TunnelClient> New(Protocol protocol, const std::string& address);
  // Asks for a tunnel to a WebSocket.
  virtual void Ask(std::string_view path) = 0;
  // What answers that; 101 of HTTP/1 is 200 of HTTP/2.
  virtual int AwaitStatus() = 0;
  // Of an answer that is no tunnel.
  virtual std::string Body() = 0;
  // An ordinary request on the same connection.
  virtual std::string Get(const std::string& path) = 0;
};

class TunnelUpstream : public TunnelEnd {
 public:
  static std::unique_ptr<TunnelUpstream> New(Protocol protocol);
  virtual const std::string& address() const = 0;
  // Waits for the next to ask, whose is from now on what the rest speaks of: the path.
  virtual std::string Accept() = 0;
  virtual void Switch() = 0;
  virtual void Refuse(int status, std::string_view body) = 0;
};

class Http1TunnelClient final : public TunnelClient {
 public:
  explicit Http1TunnelClient(const std::string& address) : socket_(address) {}

  void Ask(std::string_view path) override {
    socket_.Send(GetRequest(path,
                            "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " +
                                std::string(kKey) + "\r\n"));
  }
  int AwaitStatus() override {
    answer_ = socket_.Response();
    if (answer_.Status() != 101) return answer_.Status();
    EXPECT_EQ(answer_.Value("sec-websocket-accept"), proxy::WebSocketAccept(kKey));
    return 200;
  }
  std::string Body() override { return answer_.body; }
  std::string Get(const std::string& path) override { return socket_.Get(path).body; }
  void Send(std::string_view bytes) override { socket_.Send(bytes); }
  std::string Read(size_t bytes) override { return socket_.ReadBytes(bytes); }
  void End() override { socket_.ShutdownWrite(); }
  void ExpectEnd() override { socket_.ExpectClosed(); }
  void Reset() override { socket_.Reset(); }
  void ExpectGone() override {
    StreamEnd end = StreamEnd::kOpen;
    socket_.ReadToEnd(&end);
    EXPECT_NE(end, StreamEnd::kOpen);
  }
  void Turn(std::string_view* unsent, std::string* read) override {
    StreamEnd end = StreamEnd::kOpen;
    unsent->remove_prefix(socket_.TrySend(*unsent));
    *read += socket_.ReadNow(&end);
    EXPECT_EQ(end, StreamEnd::kOpen);
  }

 private:
  RawClient socket_;
  Message answer_;
};

class Http2TunnelClient final : public TunnelClient {
 public:
  explicit Http2TunnelClient(const std::string& address) : client_(address) {}

  void Ask(std::string_view path) override {
    stream_ = client_.Send({.fields = {{"sec-websocket-version", "13"}},
                            .open = true,
                            .pseudo_fields = {{":method", "CONNECT"},
                                              {":protocol", "websocket"},
                                              {":scheme", "http"},
                                              {":path", std::string(path)},
                                              {":authority", "test"}}});
    client_.Flush();
  }
  int AwaitStatus() override {
    client_.AwaitHead(stream_);
    return client_.At(stream_).Status();
  }
  std::string Body() override { return client_.Await(stream_).body; }
  std::string Get(const std::string& path) override { return client_.Get(path).body; }
  void Send(std::string_view bytes) override {
    client_.SendBody(stream_, bytes, /*last=*/false);
    client_.Flush();
  }
  std::string Read(size_t bytes) override {
    client_.AwaitBody(stream_, read_ + bytes);
    return client_.At(stream_).body.substr(std::exchange(read_, read_ + bytes), bytes);
  }
  void End() override {
    client_.SendBody(stream_, "", /*last=*/true);
    client_.Flush();
  }
  void ExpectEnd() override {
    const Http2Response& response = client_.Await(stream_);
    EXPECT_TRUE(response.ended);
    EXPECT_EQ(response.body.substr(read_), "");
  }
  void Reset() override {
    client_.Reset(stream_, kCancel);
    client_.Flush();
  }
  void ExpectGone() override { client_.Await(stream_); }
  void Turn(std::string_view* unsent, std::string* read) override {
    client_.SendBody(stream_, std::exchange(*unsent, {}), /*last=*/false);
    client_.SendWhatFits();
    client_.TakeWhatIsThere();
    read->append(client_.At(stream_).body, read->size());
  }

 private:
  Http2Client client_;
  int32_t stream_ = 0;
  size_t read_ = 0;
};

class Http1TunnelUpstream final : public TunnelUpstream {
 public:
  const std::string& address() const override { return upstream_.address(); }
  std::string Accept() override {
    if (!kept_) socket_ = upstream_.Accept();
    kept_ = false;
    request_ = socket_.Request();
    EXPECT_TRUE(request_.HasLine("Upgrade: websocket")) << request_.head;
    EXPECT_EQ(request_.Value("sec-websocket-version"), "13");
    return request_.Target();
  }
  void Switch() override {
    socket_.Send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Accept: " +
        proxy::WebSocketAccept(request_.Value("sec-websocket-key")) + "\r\n\r\n");
  }
  void Refuse(int status, std::string_view body) override {
    kept_ = true;
    socket_.Send("HTTP/1.1 " + std::to_string(status) + " No\r\nContent-Length: " +
                 std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
  }
  void Send(std::string_view bytes) override { socket_.Send(bytes); }
  std::string Read(size_t bytes) override { return socket_.ReadBytes(bytes); }
  void End() override { socket_.ShutdownWrite(); }
  void ExpectEnd() override { socket_.ExpectClosed(); }
  void Reset() override { socket_.Reset(); }
  void ExpectGone() override {
    StreamEnd end = StreamEnd::kOpen;
    socket_.ReadToEnd(&end);
    EXPECT_NE(end, StreamEnd::kOpen);
  }
  void Turn(std::string_view* unsent, std::string* read) override {
    StreamEnd end = StreamEnd::kOpen;
    unsent->remove_prefix(socket_.TrySend(*unsent));
    *read += socket_.ReadNow(&end);
    EXPECT_EQ(end, StreamEnd::kOpen);
  }

 private:
  ScriptedUpstream upstream_;
  UpstreamConnection socket_{-1};
  bool kept_ = false;  // it was refused, and the next to ask comes on it
  Message request_;
};

class Http2TunnelUpstream final : public TunnelUpstream {
 public:
  Http2TunnelUpstream()
      : upstream_({}, {.tunnels = true}, [this](ScriptedServer& server, SeenRequest& request) {
          if (refusals-- > 0) return server.Reset(request.id, kRefusedStream);
          EXPECT_EQ(request.Field(":method"), "CONNECT");
          EXPECT_EQ(request.Field(":protocol"), "websocket");
          EXPECT_EQ(request.Field("sec-websocket-version"), "13");
          asked_ = request.id;
        }) {}

  const std::string& address() const override { return upstream_.address(); }
  std::string Accept() override {
    EXPECT_TRUE(Eventually([&] { return asked_ > stream_; }));
    stream_ = asked_;
    read_ = 0;
    std::string path;
    With([&](ScriptedServer&, SeenRequest& request) { path = request.Field(":path"); });
    return path;
  }
  void Switch() override {
    With([](ScriptedServer& server, SeenRequest& request) {
      server.Respond(request.id, 200, {}, "", /*end=*/false);
    });
  }
  void Refuse(int status, std::string_view body) override {
    With([&](ScriptedServer& server, SeenRequest& request) {
      server.Respond(request.id, status, {}, body);
    });
  }
  void Send(std::string_view bytes) override {
    With([&](ScriptedServer& server, SeenRequest& request) {
      server.SendBody(request.id, bytes, /*end=*/false);
    });
  }
  std::string Read(size_t bytes) override {
    AwaitThat([&](const SeenRequest& request) { return request.body.size() >= read_ + bytes; });
    std::string read;
    With([&](ScriptedServer&, SeenRequest& request) { read = request.body.substr(read_, bytes); });
    read_ += bytes;
    return read;
  }
  void End() override {
    With([](ScriptedServer& server, SeenRequest& request) {
      server.SendBody(request.id, "", /*end=*/true);
    });
  }
  void ExpectEnd() override {
    AwaitThat(
        [&](const SeenRequest& request) { return request.ended && request.body.size() == read_; });
  }
  void Reset() override {
    With([](ScriptedServer& server, SeenRequest& request) { server.Reset(request.id, kCancel); });
  }
  void ExpectGone() override {
    AwaitThat([](const SeenRequest& request) { return request.ended || request.reset; });
  }
  void Turn(std::string_view* unsent, std::string* read) override {
    With([&](ScriptedServer& server, SeenRequest& request) {
      server.SendBody(request.id, std::exchange(*unsent, {}), /*end=*/false);
      read->append(request.body, read->size());
    });
  }

  // How many are given back unprocessed before one is accepted.
  std::atomic<int> refusals = 0;

 private:
  // On the upstream's thread, with the tunnel.
  void With(const std::function<void(ScriptedServer&, SeenRequest&)>& what) {
    upstream_.ForEach([&](ScriptedServer& server) { what(server, server.requests[stream_]); });
  }
  void AwaitThat(const std::function<bool(const SeenRequest&)>& condition) {
    EXPECT_TRUE(Eventually([&] {
      bool holds = false;
      With([&](ScriptedServer&, SeenRequest& request) { holds = condition(request); });
      return holds;
    }));
  }

  std::atomic<int32_t> asked_ = 0;
  int32_t stream_ = 0;
  size_t read_ = 0;
  Http2Upstream upstream_;
};

std::unique_ptr<TunnelClient> TunnelClient::New(Protocol protocol, const std::string& address) {
  if (protocol == Protocol::kHttp1) return std::make_unique<Http1TunnelClient>(address);
  return std::make_unique<Http2TunnelClient>(address);
}

std::unique_ptr<TunnelUpstream> TunnelUpstream::New(Protocol protocol) {
  if (protocol == Protocol::kHttp1) return std::make_unique<Http1TunnelUpstream>();
  return std::make_unique<Http2TunnelUpstream>();
}

class PairsTunnelTest : public testing::TestWithParam<Pair> {
 protected:
  void Ask(GatewayConfig config = {}) {
    upstream_ = TunnelUpstream::New(GetParam().upstream);
    if (GetParam().upstream == Protocol::kHttp2) config.upstream = "protocol: h2";
    config.endpoints = {upstream_->address()};
    gateway_ = std::make_unique<GatewayProcess>(config);
    client_ = NewClient();
    client_->Ask("/chat?room=1");
    EXPECT_EQ(upstream_->Accept(), "/chat?room=1");
  }
  void Open(const GatewayConfig& config = {}) {
    Ask(config);
    upstream_->Switch();
    EXPECT_EQ(client_->AwaitStatus(), 200);
  }
  std::unique_ptr<TunnelClient> NewClient() {
    return TunnelClient::New(GetParam().client, gateway_->address());
  }
  void AwaitTunnels(int tunnels) {
    gateway_->AwaitMetric("holdfast_tunnels", {{"upstream", "web"}}, tunnels);
  }

  std::unique_ptr<TunnelUpstream> upstream_;
  std::unique_ptr<GatewayProcess> gateway_;
  std::unique_ptr<TunnelClient> client_;
};

HOLDFAST_OVER_EACH_PAIR(PairsTunnelTest);

TEST_P(PairsTunnelTest, BytesGoBothWays) {
  Open();
  for (int i = 0; i < 3; ++i) {
    client_->Send(std::string_view("\0\xff up", 5));
    EXPECT_EQ(upstream_->Read(5), std::string_view("\0\xff up", 5));
    upstream_->Send("down\r\n\r\n");
    EXPECT_EQ(client_->Read(8), "down\r\n\r\n");
  }
}

TEST_P(PairsTunnelTest, TheClientsEndGoesOnAndTheUpstreamMayStillSend) {
  Open();
  client_->Send("last words");
  client_->End();
  EXPECT_EQ(upstream_->Read(10), "last words");
  upstream_->ExpectEnd();
  for (int i = 0; i < 3; ++i) {
    upstream_->Send("answer");
    EXPECT_EQ(client_->Read(6), "answer");
  }
  upstream_->End();
  client_->ExpectEnd();
  AwaitTunnels(0);
}

TEST_P(PairsTunnelTest, TheUpstreamsEndGoesOnAndTheClientMayStillSend) {
  Open();
  upstream_->Send("last words");
  upstream_->End();
  EXPECT_EQ(client_->Read(10), "last words");
  client_->ExpectEnd();
  for (int i = 0; i < 3; ++i) {
    client_->Send("answer");
    EXPECT_EQ(upstream_->Read(6), "answer");
  }
  client_->End();
  upstream_->ExpectEnd();
  AwaitTunnels(0);
}

TEST_P(PairsTunnelTest, ARefusalIsAnAnswerAndTheConnectionGoesOn) {
  Ask();
  upstream_->Refuse(403, "not you");
  EXPECT_EQ(client_->AwaitStatus(), 403);
  EXPECT_EQ(client_->Body(), "not you");
  EXPECT_EQ(client_->Get("/local"), "local");
  client_->Ask("/again");
  EXPECT_EQ(upstream_->Accept(), "/again");
  upstream_->Switch();
  EXPECT_EQ(client_->AwaitStatus(), 200);
}

TEST_P(PairsTunnelTest, WhatIsSentBeforeTheAnswerWaitsForIt) {
  Ask();
  client_->Send("early");
  upstream_->Switch();
  EXPECT_EQ(client_->AwaitStatus(), 200);
  EXPECT_EQ(upstream_->Read(5), "early");
}

TEST_P(PairsTunnelTest, AResetOfTheClientsEndsTheOtherSide) {
  Open();
  client_->Reset();
  upstream_->ExpectGone();
  AwaitTunnels(0);
}

TEST_P(PairsTunnelTest, AResetOfTheUpstreamsEndsTheOtherSide) {
  Open();
  upstream_->Reset();
  client_->ExpectGone();
  AwaitTunnels(0);
}

TEST_P(PairsTunnelTest, AnIdleOneIsClosed) {
  Open({.route = "tunnel_idle_timeout: 200ms"});
  client_->ExpectGone();
  upstream_->ExpectGone();
  AwaitTunnels(0);
}

TEST_P(PairsTunnelTest, TheTimeoutsOfRequestsDoNotEndIt) {
  Open({.listener = "idle_timeout: 3s, head_timeout: 3s, body_timeout: 3s",
        .route = "timeouts: {first_byte: 3s, stall: 3s, total: 3s}"});
  RawClient idle(gateway_->address());
  idle.ExpectClosed();  // so long was the tunnel silent
  client_->Send("up");
  EXPECT_EQ(upstream_->Read(2), "up");
  upstream_->Send("down");
  EXPECT_EQ(client_->Read(4), "down");
}

TEST_P(PairsTunnelTest, MegabytesGoBothWaysAtOnce) {
  const std::string bytes = Pattern(4 << 20);
  Open();
  std::string_view up = bytes;
  std::string_view down = bytes;
  std::string at_client;
  std::string at_upstream;
  const auto done = [&] {
    return HasFailure() || (at_client.size() >= bytes.size() && at_upstream.size() >= bytes.size());
  };
  EXPECT_TRUE(Eventually([&] {
    for (int i = 0; i < 50 && !done(); ++i) {
      client_->Turn(&up, &at_client);
      upstream_->Turn(&down, &at_upstream);
    }
    return done();
  }));
  EXPECT_TRUE(at_client == bytes) << at_client.size();
  EXPECT_TRUE(at_upstream == bytes) << at_upstream.size();
}

TEST_P(PairsTunnelTest, EachHasItsOwnBytes) {
  Open();
  const std::unique_ptr<TunnelClient> other = NewClient();
  client_->Send("from one");
  EXPECT_EQ(upstream_->Read(8), "from one");
  other->Ask("/other");
  EXPECT_EQ(upstream_->Accept(), "/other");
  upstream_->Switch();
  EXPECT_EQ(other->AwaitStatus(), 200);
  AwaitTunnels(2);
  other->Send("from another");
  EXPECT_EQ(upstream_->Read(12), "from another");
  upstream_->Send("to another");
  EXPECT_EQ(other->Read(10), "to another");
}

class PairsTunnelReturnTest : public PairsTunnelTest {};
INSTANTIATE_TEST_SUITE_P(, PairsTunnelReturnTest, testing::ValuesIn(kPairsToHttp2), PairName);

// RFC 9113 section 8.7: nothing was done about it.
TEST_P(PairsTunnelReturnTest, ARefusedStreamIsAskedForAgain) {
  auto upstream = std::make_unique<Http2TunnelUpstream>();
  upstream->refusals = 2;
  GatewayProcess gateway(
      GatewayConfig{.endpoints = {upstream->address()}, .upstream = "protocol: h2"});
  const std::unique_ptr<TunnelClient> client =
      TunnelClient::New(GetParam().client, gateway.address());
  client->Ask("/chat");
  EXPECT_EQ(upstream->Accept(), "/chat");
  upstream->Switch();
  EXPECT_EQ(client->AwaitStatus(), 200);
  client->Send("up");
  EXPECT_EQ(upstream->Read(2), "up");
  gateway.AwaitMetric("holdfast_upstream_retries_total", {{"result", "retry_returned"}}, 2);
}

}  // namespace
}  // namespace holdfast::support
