#ifndef HOLDFAST_TESTS_GATEWAY_HTTP2_CLIENT_HARNESS_H_
#define HOLDFAST_TESTS_GATEWAY_HTTP2_CLIENT_HARNESS_H_

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "gateway/http2/client_session.h"
#include "pool/net/plain_transport.h"
#include "tests/gateway/http2/scripted_server.h"
#include "tests/pool/net/socket_pair.h"
#include "tests/pool/pool_harness.h"

namespace holdfast::http2 {

// The exchange's part of one request.
struct Caller final : public stream::StreamEvents {
  void OnStreamReady() override { ++events; }

  // All of the body that is there; the last step is in `last`.
  std::string Body() {
    std::string body;
    while ((last = stream->NextBody()).kind == stream::BodyStep::Kind::kData) {
      body += last.buffer->Linearize(last.bytes);
      last.buffer->Consume(last.bytes);
    }
    return body;
  }
  pool::ReuseFacts Finish() { return std::exchange(stream, nullptr)->Finish(); }

  ClientStream* stream = nullptr;
  http::ResponseHead head;
  stream::BodyStep last;
  int events = 0;
};

// A client session and its peer, over a socket pair; the test is the pool.
class ClientHarness : public testing::Test,
                      protected pool::PoolHarness,
                      private pool::ProtocolEvents {
 protected:
  void TearDown() override {
    for (Caller& caller : callers_) {
      if (caller.stream != nullptr) caller.Finish();
    }
    session_.reset();
    connection_.reset();
    EXPECT_EQ(slabs.in_use(), 0u);
  }
  void Start(const ServerTerms& terms = {}) {
    pair_ = pool::UnixPair();
    connection_ = std::make_unique<pool::Connection>(
        &loop, &slabs, std::make_unique<pool::PlainTransport>(std::move(pair_.ours)), nullptr,
        pool::Connection::Stage::kEstablished);
    ASSERT_EQ(connection_->Open(), 0);
    session_ =
        std::make_unique<ClientSession>(&loop, &slabs, connection_.get(), Limits(), &resting_);
    session_->Attach(this);
    connection_->set_events(session_->listener());
    server_ = std::make_unique<ScriptedServer>(pair_.theirs.get(), terms);
  }
  void OnProtocolChanged() override { ++news_; }

  // A request with no body, or with one whose length is not known.
  Caller& Ask(http::Method method = http::Method::kGet,
              http::BodyKind body = http::BodyKind::kNone) {
    Caller& caller = callers_.emplace_back();
    caller.stream = session_->Open(method, &caller);
    http::RequestHead head;
    head.method = method;
    head.method_text = http::MethodName(method);
    head.target = head.path = "/";
    head.authority = head.host = "a.test";
    head.body = body;
    caller.stream->SendHead(head, {});
    if (body == http::BodyKind::kNone) caller.stream->SendEnd(nullptr);
    return caller;
  }
  // One for another protocol.
  Caller& AskForTunnel() {
    Caller& caller = callers_.emplace_back();
    caller.stream = session_->Open(http::Method::kGet, &caller);
    http::RequestHead head;
    head.method_text = http::MethodName(head.method);
    head.target = head.path = "/chat";
    head.authority = head.host = "a.test";
    head.connection_upgrade = true;
    head.headers.Add({.name = "Upgrade", .value = "websocket", .id = http::FieldId::kUpgrade});
    caller.stream->SendHead(head, {});
    caller.stream->SendEnd(nullptr);
    caller.stream->Flush();
    return caller;
  }
  void Send(Caller& caller, std::string_view bytes, const http::HeaderList* trailers = nullptr,
            bool end = true) {
    pool::Buffer body(&slabs);
    body.Append(bytes);
    caller.stream->SendBody(body, body.size());
    if (end) caller.stream->SendEnd(trailers);
    caller.stream->Flush();
  }
  // Both sides until nothing moves.
  void Settle() {
    for (int i = 0; i < 20; ++i) {
      Turn();
      alive_ = server_->Pump();
    }
    Turn();
  }
  SeenRequest& Seen(int32_t id) { return server_->requests[id]; }
  stream::HeadStep NextHead(Caller& caller) { return caller.stream->NextHead(&caller.head); }
  // A whole exchange on that caller's stream.
  void ExpectAnswer(Caller& caller, std::string_view body) {
    ASSERT_EQ(NextHead(caller).kind, stream::HeadStep::Kind::kHead);
    EXPECT_EQ(caller.head.status, 200);
    EXPECT_EQ(caller.Body(), body);
    EXPECT_EQ(caller.last.kind, stream::BodyStep::Kind::kEnd);
    EXPECT_FALSE(caller.Finish().broken);
  }

  pool::FreeList<ClientStream> resting_;
  pool::SocketPair pair_;
  std::unique_ptr<pool::Connection> connection_;
  std::unique_ptr<ClientSession> session_;
  std::unique_ptr<ScriptedServer> server_;
  std::deque<Caller> callers_;
  int news_ = 0;
  bool alive_ = true;
};

}  // namespace holdfast::http2

#endif  // HOLDFAST_TESTS_GATEWAY_HTTP2_CLIENT_HARNESS_H_
