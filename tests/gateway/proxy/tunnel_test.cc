#include "gateway/proxy/tunnel.h"

#include <sys/socket.h>

#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "gateway/http1/client_stream.h"
#include "gateway/http1/server_stream.h"
#include "pool/net/plain_transport.h"
#include "tests/gateway/proxy/proxy_harness.h"
#include "tests/pool/net/socket_pair.h"
#include "tests/support/manual_clock.h"

namespace holdfast::proxy {
namespace {

using pool::Pattern;
using State = Tunnel::State;

// The tests look by themselves.
class NoListener final : public pool::ConnectionEvents {
  void OnConnectionReady() override {}
};

class NoTerms final : public http1::ServerTerms {
  Terms terms() const override { return {}; }
  std::string_view Date() override { return {}; }
};

class NoStreamListener final : public stream::StreamEvents {
  void OnStreamReady() override {}
};

class TunnelTest : public testing::Test {
 protected:
  ~TunnelTest() override {
    if (client_stream_.active()) client_stream_.Finish();
    if (upstream_stream_.active()) upstream_stream_.Finish();
  }

  void Open(pool::SocketPair client, pool::SocketPair upstream) {
    client_peer_ = Wire(std::move(client.theirs));
    upstream_peer_ = Wire(std::move(upstream.theirs));
    client_ = MakeConnection(std::move(client.ours));
    upstream_ = MakeConnection(std::move(upstream.ours));
    if (client_stream_.active()) client_stream_.Finish();
    if (upstream_stream_.active()) upstream_stream_.Finish();
    client_stream_.Start(client_.get(), &terms_);
    http::ResponseHead head;
    head.status = 101;
    client_stream_.Switch(head, "holdfast");
    client_->out().Clear();  // Of the head that says so.
    upstream_stream_.Start(upstream_.get(), http::Method::kGet, &no_stream_listener_);
    upstream_stream_.Switch();
  }
  std::unique_ptr<pool::Connection> MakeConnection(pool::FileDescriptor socket) {
    auto connection = std::make_unique<pool::Connection>(
        &loop_, &slabs_, std::make_unique<pool::PlainTransport>(std::move(socket)), &no_listener_,
        pool::Connection::Stage::kEstablished);
    EXPECT_EQ(connection->Open(), 0);
    return connection;
  }
  State Pump() {
    loop_.RunOnce(pool::Duration::zero());
    moved_ = false;
    return state_ = tunnel_.Pump(client_stream_, upstream_stream_, &moved_);
  }
  template <class Condition>
  bool PumpUntil(Condition condition) {
    for (int turn = 0; turn < 100'000 && !condition(); ++turn) {
      Pump();
      client_peer_.Pull();
      upstream_peer_.Pull();
    }
    return condition();
  }

  NoListener no_listener_;
  NoTerms terms_;
  NoStreamListener no_stream_listener_;
  pool::ManualClock clock_;
  pool::EventLoop loop_{&clock_};
  pool::SlabPool slabs_;
  std::unique_ptr<pool::Connection> client_;
  std::unique_ptr<pool::Connection> upstream_;
  http1::ServerStream client_stream_{&slabs_};
  http1::ClientStream upstream_stream_{&slabs_};
  Wire client_peer_;
  Wire upstream_peer_;
  Tunnel tunnel_;
  State state_ = State::kOpen;
  bool moved_ = false;
};

TEST_F(TunnelTest, BytesGoBothWays) {
  Open(pool::TcpPair(), pool::TcpPair());
  EXPECT_EQ(Pump(), State::kOpen);
  EXPECT_FALSE(moved_);
  client_peer_.Send("ping");
  upstream_peer_.Send("pong");
  EXPECT_TRUE(PumpUntil(
      [this] { return client_peer_.received() == "pong" && upstream_peer_.received() == "ping"; }));
  EXPECT_EQ(state_, State::kOpen);
  EXPECT_EQ(slabs_.in_use(), 0u) << "at rest it holds no buffer";
}

TEST_F(TunnelTest, SaysWhetherAnythingMoved) {
  Open(pool::UnixPair(), pool::UnixPair());
  client_peer_.Send("x");
  Pump();
  EXPECT_TRUE(moved_);
  Pump();
  EXPECT_FALSE(moved_);
}

TEST_F(TunnelTest, WhatWasReadBeforeTheSwitchGoesFirst) {
  Open(pool::UnixPair(), pool::UnixPair());
  client_->in().Append("early ");
  client_peer_.Send("late");
  EXPECT_TRUE(PumpUntil([this] { return upstream_peer_.received() == "early late"; }));
}

TEST_F(TunnelTest, OneSidesEndIsPassedOnAndTheOtherGoesOn) {
  Open(pool::TcpPair(), pool::TcpPair());
  client_peer_.Send("last words");
  client_peer_.End();
  EXPECT_TRUE(PumpUntil([this] { return upstream_peer_.ended(); }));
  EXPECT_EQ(upstream_peer_.received(), "last words");
  EXPECT_EQ(state_, State::kOpen);
  upstream_peer_.Send("answer");
  EXPECT_TRUE(PumpUntil([this] { return client_peer_.received() == "answer"; }));
  EXPECT_FALSE(client_peer_.ended());
  upstream_peer_.End();
  EXPECT_TRUE(PumpUntil([this] { return client_peer_.ended(); }));
  EXPECT_EQ(state_, State::kClosed);
}

TEST_F(TunnelTest, TheUpstreamMayEndFirst) {
  Open(pool::TcpPair(), pool::TcpPair());
  upstream_peer_.End();
  EXPECT_TRUE(PumpUntil([this] { return client_peer_.ended(); }));
  EXPECT_EQ(state_, State::kOpen);
  client_peer_.Send("still here");
  EXPECT_TRUE(PumpUntil([this] { return upstream_peer_.received() == "still here"; }));
  client_peer_.End();
  EXPECT_TRUE(PumpUntil([this] { return state_ == State::kClosed; }));
}

TEST_F(TunnelTest, AnEndWaitsForWhatCameBeforeIt) {
  Open(pool::TcpPair(), pool::TcpPair());
  const std::string bytes = Pattern(8'000'000);
  size_t sent = 0;
  while (sent < bytes.size()) {
    sent += client_peer_.SendSome(std::string_view(bytes).substr(sent));
    Pump();
    upstream_peer_.Pull();
  }
  client_peer_.End();
  EXPECT_TRUE(PumpUntil([this] { return upstream_peer_.ended(); }));
  EXPECT_TRUE(upstream_peer_.received() == bytes);
}

TEST_F(TunnelTest, AReaderThatIsSlowStopsTheWriter) {
  Open(pool::TcpPair(), pool::TcpPair());
  const std::string bytes = Pattern(32'000'000);
  size_t sent = 0;
  for (int idle_turns = 0; idle_turns < 50; ++idle_turns) {
    const size_t now = upstream_peer_.SendSome(std::string_view(bytes).substr(sent));
    sent += now;
    if (now > 0) idle_turns = 0;
    Pump();
    EXPECT_LE(client_->out().size() + upstream_->in().size(),
              2 * stream::kHighWatermark + 2 * pool::SlabPool::kSlabBytes);
  }
  ASSERT_LT(sent, bytes.size()) << "the sender was held up";
  EXPECT_TRUE(PumpUntil([this, sent] { return client_peer_.received().size() == sent; }));
  EXPECT_TRUE(client_peer_.received() == bytes.substr(0, sent));
}

TEST_F(TunnelTest, ATurnHasItsShare) {
  Open(pool::TcpPair(), pool::TcpPair());
  const size_t sent = client_peer_.SendSome(Pattern(4'000'000));
  uint64_t before = 0;
  while (upstream_->bytes_written() < sent) {
    Pump();
    EXPECT_LE(upstream_->bytes_written() - before,
              Tunnel::kMaxRounds * (stream::kHighWatermark + pool::Connection::kMaxReadBytes));
    before = upstream_->bytes_written();
    upstream_peer_.Pull();
  }
}

TEST_F(TunnelTest, AResetEndsBoth) {
  Open(pool::TcpPair(), pool::TcpPair());
  client_peer_.Reset();
  EXPECT_TRUE(PumpUntil([this] { return state_ == State::kClosed; }));
}

TEST_F(TunnelTest, AReaderThatIsGoneEndsBoth) {
  Open(pool::TcpPair(), pool::TcpPair());
  upstream_peer_.Reset();
  EXPECT_TRUE(PumpUntil([this] { return state_ == State::kClosed; }));
}

// Nothing is read from a side whose end was passed on, so nothing but its socket's state tells.
TEST_F(TunnelTest, AResetAfterTheEndIsNoticed) {
  Open(pool::TcpPair(), pool::TcpPair());
  client_peer_.End();
  ASSERT_TRUE(PumpUntil([this] { return upstream_peer_.ended(); }));
  ASSERT_EQ(state_, State::kOpen);
  client_peer_.Reset();
  EXPECT_TRUE(PumpUntil([this] { return state_ == State::kClosed; }));
}

TEST_F(TunnelTest, StartForgetsTheTunnelBefore) {
  Open(pool::UnixPair(), pool::UnixPair());
  client_peer_.End();
  upstream_peer_.End();
  ASSERT_TRUE(PumpUntil([this] { return state_ == State::kClosed; }));
  Open(pool::UnixPair(), pool::UnixPair());
  tunnel_ = Tunnel();
  client_peer_.Send("again");
  EXPECT_TRUE(PumpUntil([this] { return upstream_peer_.received() == "again"; }));
}

}  // namespace
}  // namespace holdfast::proxy
