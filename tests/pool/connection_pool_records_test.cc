#include <sys/socket.h>

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "pool/connection_pool.h"
#include "tests/pool/net/socket_pair.h"
#include "tests/pool/pool_harness.h"
#include "tests/pool/tls/support/tls_script.h"

// The pool over a transport that is not the socket itself: what it does for plain connections holds
// for others.

namespace holdfast::pool {
namespace {

using std::chrono::seconds;
using Status = Checkout::Status;
// Makes the transport that the script of the moment is the peer of.
class ScriptDialer final : public SocketDialer {
 public:
  using SocketDialer::SocketDialer;
  std::unique_ptr<TransportScript>* script = nullptr;

 private:
  std::unique_ptr<Transport> MakeTransport(FileDescriptor socket, const EndpointKey&) override {
    return (*script)->Make(std::move(socket));
  }
};

class PoolRecordsTest : public testing::TestWithParam<ScriptKind>, protected PoolHarness {
 protected:
  PoolRecordsTest() {
    dialer = &script_dialer_;
    script_dialer_.script = &script_;
    pool_ = std::make_unique<ConnectionPool>(context(), EndpointKey{upstream, peer_.address()},
                                             PoolLimits{.idle_learned = true}, &cells_);
  }
  ~PoolRecordsTest() override {
    holders_.clear();
    pool_.reset();
    Turn();
  }

  // Asks for a connection that is opened for it, with a peer of its own.
  Holder& Ask() {
    script_ = NewScript(GetParam(), /*server=*/false);
    Holder& holder = holders_.emplace_back();
    EXPECT_EQ(holder.Ask(*pool_), Status::kWaiting);
    socket_ = &peer_.Accept();
    return holder;
  }
  // Goes on with the handshake; `*said` becomes true once the peer has said something.
  void Talk(bool* said = nullptr) {
    const std::string answer = script_->Answer(ReceiveSome(*socket_));
    if (said != nullptr) *said |= !answer.empty();
    SendAll(*socket_, answer);
  }
  Holder& LeaseNew() {
    Holder& holder = Ask();
    EXPECT_TRUE(TurnUntil([&] {
      Talk();
      return holder.holds() && script_->established();
    }));
    Talk();
    return holder;
  }
  Holder& LeaseKept() {
    Holder& holder = holders_.emplace_back();
    EXPECT_EQ(holder.Ask(*pool_), Status::kLeased);
    return holder;
  }
  void Settle() {
    for (int i = 0; i < 5; ++i) Turn();
  }

  ScriptDialer script_dialer_{&loop, &slabs};
  Peer peer_;
  PoolCells cells_{shard, upstream};
  std::unique_ptr<TransportScript> script_;
  std::unique_ptr<ConnectionPool> pool_;
  std::deque<Holder> holders_;
  FileDescriptor* socket_ = nullptr;
};

INSTANTIATE_TEST_SUITE_P(Records, PoolRecordsTest, testing::Values(ScriptKind::kRecords));
INSTANTIATE_TEST_SUITE_P(Tls, PoolRecordsTest, testing::Values(ScriptKind::kTls));

TEST_P(PoolRecordsTest, AConnectionIsGivenOnceItIsEstablished) {
  Holder& holder = Ask();
  Settle();
  EXPECT_FALSE(holder.holds()) << "connected, but not established";
  EXPECT_TRUE(TurnUntil([&] {
    Talk();
    return holder.holds();
  }));
}

TEST_P(PoolRecordsTest, OneThatDoesNotGetThereFailsInTime) {
  Holder& holder = Ask();
  Settle();
  Advance(PoolLimits{}.connect_timeout + seconds(1));
  ASSERT_TRUE(holder.failure().has_value());
  EXPECT_EQ(*holder.failure(), CheckoutResult::kTlsTimeout) << "connected, but not established";
}

TEST_P(PoolRecordsTest, OneThatSpeaksOtherwiseFailsToConnect) {
  Holder& holder = Ask();
  SendAll(*socket_, script_->Nonsense());
  ASSERT_TRUE(TurnUntil([&] { return holder.failure().has_value(); }));
  EXPECT_EQ(*holder.failure(), CheckoutResult::kTlsFailed);
  EXPECT_FALSE(holder.word().empty()) << "over what";
}

// A server's session tickets come when it likes: with the handshake, or to an idle connection.
TEST_P(PoolRecordsTest, WhatIsNobodysDataDoesNotSpoilAKeptConnection) {
  Holder& holder = LeaseNew();
  SendAll(*socket_, script_->Aside());
  Settle();
  EXPECT_EQ(holder.GiveBack(), CloseReason::kNone);
  SendAll(*socket_, script_->Aside());
  SendAll(*socket_, script_->Aside());
  Settle();
  EXPECT_EQ(pool_->idle(), 1u);
  EXPECT_TRUE(LeaseKept().lease().reused());
}

TEST_P(PoolRecordsTest, ATicketThatComesWithTheHelloIsNoAnswer) {
  Holder& holder = Ask();
  bool said = false;
  EXPECT_TRUE(TurnUntil([&] {
    if (!said) {
      Talk(&said);
      if (said) SendAll(*socket_, script_->EarlyAside());
    }
    return holder.holds();
  }));
}

TEST_P(PoolRecordsTest, DataOnAnIdleConnectionClosesIt) {
  LeaseNew().GiveBack();
  SendAll(*socket_, script_->Data("unasked"));
  ASSERT_TRUE(TurnUntil([&] { return pool_->idle() == 0; }));
  EXPECT_EQ(Closed("idle_bytes"), 1u);
}

// The data lies behind a ticket, and nobody has looked since it came.
TEST_P(PoolRecordsTest, AKeptConnectionIsLookedIntoBeforeItServes) {
  LeaseNew().GiveBack();
  std::string wire = script_->Aside();
  wire += script_->Data("unasked");
  SendAll(*socket_, wire);
  Holder& holder = holders_.emplace_back();
  EXPECT_EQ(holder.Ask(*pool_), Status::kWaiting);
  EXPECT_EQ(Closed("idle_bytes"), 1u);
}

TEST_P(PoolRecordsTest, ThePeersEndIsLearnedFrom) {
  for (int i = 0; i < 3; ++i) {
    LeaseNew().GiveBack();
    Advance(seconds(1));
    SendAll(*socket_, script_->End());
    shutdown(socket_->get(), SHUT_WR);
    ASSERT_TRUE(TurnUntil([&] { return pool_->idle() == 0; }));
    Advance(seconds(2));
  }
  EXPECT_GE(Closed("idle_peer_closed"), 2u) << "then ours comes first";
  EXPECT_LE(shelves.TotalsOf(upstream)->idle_expiry(), LearnedExpiry::WithMargin(seconds(1)));
}

// RFC 8446 section 6.1: each side says its end before it closes.
TEST_P(PoolRecordsTest, ThePeerOfAConnectionAtRestIsToldOfTheEnd) {
  LeaseNew().GiveBack();
  pool_->CloseAllIdle(CloseReason::kDrained);
  Talk();
  EXPECT_TRUE(script_->heard_end());
  ReuseFacts facts = kGoodEnd;
  facts.peer_allows = false;
  EXPECT_EQ(LeaseNew().lease().End(facts), CloseReason::kPeerAskedClose);
  Talk();
  EXPECT_TRUE(script_->heard_end());
}

// An end in good order would make a whole of what is a part.
TEST_P(PoolRecordsTest, ThePeerOfOneThatIsBrokenOffIsNot) {
  LeaseNew().Drop();
  Talk();
  EXPECT_FALSE(script_->heard_end());
}

}  // namespace
}  // namespace holdfast::pool
