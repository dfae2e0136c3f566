#include <sys/socket.h>

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "pool/connection_pool.h"
#include "tests/pool/net/record_transport.h"
#include "tests/pool/net/socket_pair.h"
#include "tests/pool/pool_harness.h"

// The pool over a transport that is not the socket itself: what it does for plain connections holds
// for others.

namespace holdfast::pool {
namespace {

using std::chrono::seconds;
using Status = Checkout::Status;
using Type = RecordTransport::Type;

class RecordDialer final : public SocketDialer {
 public:
  using SocketDialer::SocketDialer;

 private:
  std::unique_ptr<Transport> MakeTransport(FileDescriptor socket, const EndpointKey&) override {
    return std::make_unique<RecordTransport>(std::move(socket), /*server=*/false);
  }
};

class PoolRecordsTest : public testing::Test, protected PoolHarness {
 protected:
  PoolRecordsTest() {
    dialer = &record_dialer_;
    pool_ = std::make_unique<ConnectionPool>(context(), EndpointKey{upstream, peer_.address()},
                                             PoolLimits{.idle_learned = true}, &cells_);
  }
  ~PoolRecordsTest() override {
    holders_.clear();
    pool_.reset();
    Turn();
  }

  // A lease of a connection that was opened for it.
  Holder& LeaseNew() {
    Holder& holder = holders_.emplace_back();
    EXPECT_EQ(holder.Ask(*pool_), Status::kWaiting);
    socket_ = &peer_.Accept();
    EXPECT_TRUE(TurnUntil([&] { return ReceiveSome(*socket_) == Record(Type::kHello); }));
    SendAll(*socket_, Record(Type::kHello));
    EXPECT_TRUE(TurnUntil([&] { return holder.holds(); }));
    EXPECT_EQ(Receive(*socket_, 3), Record(Type::kFinished));
    return holder;
  }
  Holder& LeaseKept() {
    Holder& holder = holders_.emplace_back();
    EXPECT_EQ(holder.Ask(*pool_), Status::kLeased);
    return holder;
  }
  static std::string Record(Type type, std::string_view payload = {}) {
    return RecordTransport::Record(type, payload);
  }
  void Settle() {
    for (int i = 0; i < 5; ++i) Turn();
  }

  RecordDialer record_dialer_{&loop, &slabs};
  Peer peer_;
  PoolCells cells_{shard, upstream};
  std::unique_ptr<ConnectionPool> pool_;
  std::deque<Holder> holders_;
  FileDescriptor* socket_ = nullptr;
};

TEST_F(PoolRecordsTest, AConnectionIsGivenOnceItIsEstablished) {
  Holder& holder = holders_.emplace_back();
  EXPECT_EQ(holder.Ask(*pool_), Status::kWaiting);
  socket_ = &peer_.Accept();
  Settle();
  EXPECT_FALSE(holder.holds()) << "connected, but not established";
  SendAll(*socket_, Record(Type::kHello));
  EXPECT_TRUE(TurnUntil([&] { return holder.holds(); }));
}

TEST_F(PoolRecordsTest, OneThatDoesNotGetThereFailsInTime) {
  Holder& holder = holders_.emplace_back();
  holder.Ask(*pool_);
  peer_.Accept();
  Settle();
  Advance(PoolLimits{}.connect_timeout + seconds(1));
  ASSERT_TRUE(holder.failure().has_value());
  EXPECT_EQ(*holder.failure(), CheckoutResult::kConnectTimeout);
}

TEST_F(PoolRecordsTest, OneThatSpeaksOtherwiseFailsToConnect) {
  Holder& holder = holders_.emplace_back();
  holder.Ask(*pool_);
  SendAll(peer_.Accept(), Record(Type::kData, "who are you?"));
  ASSERT_TRUE(TurnUntil([&] { return holder.failure().has_value(); }));
  EXPECT_EQ(*holder.failure(), CheckoutResult::kConnectFailed);
}

// A server's session tickets come when it likes: with the handshake, or to an idle connection.
TEST_F(PoolRecordsTest, WhatIsNobodysDataDoesNotSpoilAKeptConnection) {
  Holder& holder = LeaseNew();
  SendAll(*socket_, Record(Type::kTicket));
  Settle();
  EXPECT_EQ(holder.GiveBack(), CloseReason::kNone);
  SendAll(*socket_, Record(Type::kTicket) + Record(Type::kTicket));
  Settle();
  EXPECT_EQ(pool_->idle(), 1u);
  EXPECT_TRUE(LeaseKept().lease().reused());
}

TEST_F(PoolRecordsTest, ATicketThatComesWithTheHelloIsNoAnswer) {
  Holder& holder = holders_.emplace_back();
  holder.Ask(*pool_);
  SendAll(peer_.Accept(), Record(Type::kHello) + Record(Type::kTicket));
  EXPECT_TRUE(TurnUntil([&] { return holder.holds(); }));
}

TEST_F(PoolRecordsTest, DataOnAnIdleConnectionClosesIt) {
  LeaseNew().GiveBack();
  SendAll(*socket_, Record(Type::kData, "unasked"));
  ASSERT_TRUE(TurnUntil([&] { return pool_->idle() == 0; }));
  EXPECT_EQ(Closed("idle_bytes"), 1u);
}

// The data lies behind a ticket, and nobody has looked since it came.
TEST_F(PoolRecordsTest, AKeptConnectionIsLookedIntoBeforeItServes) {
  LeaseNew().GiveBack();
  SendAll(*socket_, Record(Type::kTicket) + Record(Type::kData, "unasked"));
  Holder& holder = holders_.emplace_back();
  EXPECT_EQ(holder.Ask(*pool_), Status::kWaiting);
  EXPECT_EQ(Closed("idle_bytes"), 1u);
}

TEST_F(PoolRecordsTest, ThePeersEndIsLearnedFrom) {
  for (int i = 0; i < 3; ++i) {
    LeaseNew().GiveBack();
    Advance(seconds(1));
    SendAll(*socket_, Record(Type::kEnd));
    shutdown(socket_->get(), SHUT_WR);
    ASSERT_TRUE(TurnUntil([&] { return pool_->idle() == 0; }));
    Advance(seconds(2));
  }
  EXPECT_GE(Closed("idle_peer_closed"), 2u) << "then ours comes first";
  EXPECT_LE(shelves.TotalsOf(upstream)->idle_expiry(), LearnedExpiry::WithMargin(seconds(1)));
}

}  // namespace
}  // namespace holdfast::pool
