#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "pool/connection_pool.h"
#include "tests/pool/pool_harness.h"

namespace holdfast::pool {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Status = Checkout::Status;

constexpr Duration kTick = TimerWheel::kTick;

// Those who wait: in which order they are served, by what, and what ends a wait otherwise.
class PoolWaitersTest : public testing::TestWithParam<PeerKind>, protected PoolHarness {
 protected:
  void TearDown() override {
    holders_.clear();
    pool_.reset();
    Turn();
    EXPECT_EQ(WaitersGauge(), 0);
    EXPECT_EQ(ConnectionsGauge("connecting"), 0);
    EXPECT_EQ(AllOpened(), AllClosed());
  }

  ConnectionPool& StartAt(const SocketAddress& address, const PoolLimits& limits) {
    pool_ = std::make_unique<ConnectionPool>(context(), EndpointKey{upstream, address}, limits,
                                             &cells_);
    return *pool_;
  }
  ConnectionPool& Start(const PoolLimits& limits) { return StartAt(peer_.address(), limits); }
  Holder& NewHolder() { return holders_.emplace_back(); }
  Holder& Lease() {
    Holder& holder = NewHolder();
    holder.Ask(*pool_);
    EXPECT_TRUE(TurnUntil([&] { return holder.holds(); }));
    return holder;
  }
  // `count` more who wait; served_ tells in which order they got a lease.
  std::vector<Holder*> Wait(size_t count) {
    std::vector<Holder*> waiting;
    for (size_t i = 0; i < count; ++i) {
      Holder& holder = NewHolder();
      EXPECT_EQ(holder.Ask(*pool_), Status::kWaiting);
      holder.on_lease = [this, &holder] { served_.push_back(&holder); };
      waiting.push_back(&holder);
    }
    return waiting;
  }

  Peer peer_{GetParam()};
  PoolCells cells_{shard, upstream};
  std::unique_ptr<ConnectionPool> pool_;
  std::deque<Holder> holders_;
  std::vector<Holder*> served_;
};

INSTANTIATE_TEST_SUITE_P(Sockets, PoolWaitersTest, testing::Values(PeerKind::kTcp, PeerKind::kUnix),
                         [](const auto& info) {
                           return std::string(info.param == PeerKind::kTcp ? "Tcp" : "Unix");
                         });

TEST_P(PoolWaitersTest, ReturnedConnectionsServeInOrderOfArrival) {
  Start({.max_connections = 1});
  Holder* busy = &Lease();
  const std::vector<Holder*> waiting = Wait(3);
  for (Holder* next : waiting) {
    ASSERT_EQ(busy->GiveBack(), CloseReason::kNone);
    EXPECT_FALSE(next->holds()) << "never from inside the call that returns it";
    Turn();
    ASSERT_TRUE(next->holds());
    EXPECT_TRUE(next->lease().reused());
    busy = next;
  }
  EXPECT_EQ(served_, waiting);
  EXPECT_EQ(AllOpened(), 1u);
  EXPECT_EQ(Checkouts(CheckoutResult::kReused), 3u);
}

TEST_P(PoolWaitersTest, AtTheProcessShareRequestsWaitForThePoolsOwnConnections) {
  shelves.SetConnectionLimit(1);
  Start({.max_connections = 5});
  Holder* busy = &Lease();
  const std::vector<Holder*> waiting = Wait(2);
  for (Holder* next : waiting) {
    ASSERT_EQ(busy->GiveBack(), CloseReason::kNone);
    ASSERT_TRUE(TurnUntil([&] { return next->holds(); }));
    busy = next;
  }
  EXPECT_EQ(AllOpened(), 1u);
}

TEST_P(PoolWaitersTest, AtTheProcessShareAPoolWithoutConnectionsRefuses) {
  shelves.SetConnectionLimit(1);
  Peer other_peer;
  ConnectionPool other(context(), EndpointKey{"api", other_peer.address()}, {}, &cells_);
  Holder other_holder;
  other_holder.Ask(other);
  ASSERT_TRUE(TurnUntil([&] { return other_holder.holds(); }));
  Start({.max_connections = 5});
  EXPECT_EQ(NewHolder().Ask(*pool_), Status::kRefused);
  EXPECT_EQ(Checkouts(CheckoutResult::kNoDescriptors), 1u);
  other_holder.Drop();
  Turn();
  Lease();
}

TEST_P(PoolWaitersTest, AtTheProcessShareAnIdleConnectionElsewhereGivesWay) {
  shelves.SetConnectionLimit(2);
  WorkerPools pools;
  PoolContext shared = context();
  shared.pools = &pools;
  Peer other_peer;
  ConnectionPool other(shared, EndpointKey{"api", other_peer.address()}, {}, &cells_);
  Holder first;
  Holder second;
  for (Holder* holder : {&first, &second}) {
    holder->Ask(other);
    ASSERT_TRUE(TurnUntil([&] { return holder->holds(); }));
  }
  first.GiveBack();
  pool_ = std::make_unique<ConnectionPool>(shared, EndpointKey{upstream, peer_.address()},
                                           PoolLimits{}, &cells_);
  Lease();
  EXPECT_EQ(other.idle(), 0u);
  EXPECT_EQ(Closed("idle_evicted"), 1u);
  EXPECT_EQ(NewHolder().Ask(*pool_), Status::kWaiting) << "what is in use does not give way";
  holders_.clear();
  pool_.reset();
  second.Drop();
  Turn();
}

TEST_P(PoolWaitersTest, NewConnectionsServeInOrderOfArrival) {
  Start({.max_connections = 1});
  Holder* busy = &Lease();
  const std::vector<Holder*> waiting = Wait(3);
  for (Holder* next : waiting) {
    busy->Drop();
    ASSERT_TRUE(TurnUntil([&] { return next->holds(); }));
    EXPECT_FALSE(next->lease().reused());
    busy = next;
  }
  EXPECT_EQ(served_, waiting);
  EXPECT_EQ(AllOpened(), 4u);
}

// A task of the loop opens the replacement, where one that connects at once is the special case.
TEST_P(PoolWaitersTest, AReplacementIsOneConnection) {
  Start({.max_connections = 5, .max_idle = 2});
  Holder& busy = Lease();
  for (int i = 0; i < 4; ++i) Lease();
  Wait(1);
  busy.Drop();
  ASSERT_TRUE(TurnUntil([&] { return served_.size() == 1; }));
  EXPECT_EQ(AllOpened(), 6u);
}

TEST_P(PoolWaitersTest, AReturnedConnectionServesOneWhoseOwnIsStillConnecting) {
  ConnectionPool& pool = Start(PoolLimits{});
  Holder& busy = Lease();
  const std::vector<Holder*> waiting = Wait(1);
  ASSERT_EQ(pool.connecting(), 1u);
  busy.GiveBack();
  ASSERT_TRUE(TurnUntil([&] { return waiting[0]->holds(); }));
  ASSERT_TRUE(TurnUntil([&] { return pool.connecting() == 0; }));
  EXPECT_EQ(pool.idle(), 1u) << "the other one is kept for the next";
}

TEST_P(PoolWaitersTest, WhatWasReturnedForAWaiterIsNotEvictedByANewcomer) {
  ConnectionPool& pool = Start({.max_connections = 1});
  Holder& busy = Lease();
  const std::vector<Holder*> waiting = Wait(1);
  busy.GiveBack();
  Holder& newcomer = NewHolder();
  EXPECT_EQ(newcomer.Ask(pool), Status::kWaiting) << "it stands behind the other";
  Turn();
  EXPECT_TRUE(waiting[0]->holds());
  EXPECT_TRUE(newcomer.waiting());
  EXPECT_EQ(AllOpened(), 1u);
  EXPECT_EQ(AllClosed(), 0u);
}

TEST_P(PoolWaitersTest, ANewcomerTakesWhatNobodyWaitsFor) {
  ConnectionPool& pool = Start({.max_connections = 2});
  Holder& first = Lease();
  Holder& second = Lease();
  Wait(1);
  first.GiveBack();
  second.GiveBack();
  EXPECT_EQ(NewHolder().Ask(pool), Status::kLeased);
  Turn();
  EXPECT_EQ(served_.size(), 1u);
}

TEST_P(PoolWaitersTest, TheQueueHasABound) {
  ConnectionPool& pool = Start({.max_connections = 1, .queue_size = 2});
  Lease();
  Wait(2);
  Holder& refused = NewHolder();
  EXPECT_EQ(refused.Ask(pool), Status::kRefused);
  EXPECT_EQ(refused.failure(), CheckoutResult::kQueueFull);
  EXPECT_EQ(Checkouts(CheckoutResult::kQueueFull), 1u);
  EXPECT_EQ(pool.waiters(), 2u);
}

// The queue is of those for whom no connection may be opened.
TEST_P(PoolWaitersTest, OneWhoseConnectionIsBeingOpenedIsNotInTheQueue) {
  ConnectionPool& pool = Start({.max_connections = 3, .queue_size = 0});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(NewHolder().Ask(pool), Status::kWaiting);
  EXPECT_EQ(NewHolder().Ask(pool), Status::kRefused);
  EXPECT_TRUE(TurnUntil([&] { return pool.leased() == 3; }));
}

TEST_P(PoolWaitersTest, AWaitEndsAfterTheQueueTimeoutAndNotBefore) {
  ConnectionPool& pool = Start({.max_connections = 1, .queue_timeout = seconds(3)});
  Lease();
  const std::vector<Holder*> waiting = Wait(1);
  Advance(seconds(3) - milliseconds(1));
  EXPECT_TRUE(waiting[0]->waiting());
  Advance(milliseconds(1) + kTick);
  EXPECT_EQ(waiting[0]->failure(), CheckoutResult::kQueueTimeout);
  EXPECT_EQ(Checkouts(CheckoutResult::kQueueTimeout), 1u);
  EXPECT_EQ(pool.waiters(), 0u);
}

TEST_P(PoolWaitersTest, EveryoneWaitsFromHisOwnArrival) {
  Start({.max_connections = 1, .queue_timeout = seconds(3)});
  Lease();
  const Holder* first = Wait(1)[0];
  Advance(seconds(1));
  const Holder* second = Wait(1)[0];
  Advance(seconds(2) + kTick);
  EXPECT_TRUE(first->failure().has_value());
  EXPECT_TRUE(second->waiting());
  Advance(seconds(1) - 2 * kTick);
  EXPECT_TRUE(second->waiting());
  Advance(2 * kTick);
  EXPECT_TRUE(second->failure().has_value());
}

TEST_P(PoolWaitersTest, TheTimerOfOneWhoWentHoldsForTheNext) {
  Start({.max_connections = 1, .queue_timeout = seconds(3)});
  Lease();
  Wait(1)[0]->CancelWait();
  Advance(seconds(2));
  const Holder* next = Wait(1)[0];
  Advance(seconds(3) - kTick);
  EXPECT_TRUE(next->waiting());
  Advance(2 * kTick);
  EXPECT_EQ(next->failure(), CheckoutResult::kQueueTimeout);
}

TEST_P(PoolWaitersTest, AShorterQueueTimeoutHoldsForNewcomers) {
  ConnectionPool& pool = Start({.max_connections = 1, .queue_timeout = seconds(300)});
  Lease();
  Wait(1)[0]->CancelWait();
  pool.SetLimits({.max_connections = 1, .queue_timeout = seconds(3)});
  const Holder* next = Wait(1)[0];
  Advance(seconds(3) + kTick);
  EXPECT_EQ(next->failure(), CheckoutResult::kQueueTimeout);
}

TEST_P(PoolWaitersTest, AShorterQueueTimeReachesWhoWaitsAlready) {
  ConnectionPool& pool = Start({.max_connections = 1, .queue_timeout = seconds(300)});
  Lease();
  const Holder* waiting = Wait(1)[0];
  Advance(seconds(2));
  pool.SetLimits({.max_connections = 1, .queue_timeout = seconds(3)});
  Advance(seconds(1) + kTick);
  EXPECT_EQ(waiting->failure(), CheckoutResult::kQueueTimeout);
}

TEST_P(PoolWaitersTest, AConnectionThatIsThereBeatsTheTimeout) {
  Start({.max_connections = 1, .queue_timeout = seconds(3)});
  Holder& busy = Lease();
  const std::vector<Holder*> waiting = Wait(1);
  clock.Advance(seconds(3) + kTick);
  busy.GiveBack();
  Turn();
  EXPECT_TRUE(waiting[0]->holds());
}

TEST_P(PoolWaitersTest, ACancelledWaitGetsNothing) {
  ConnectionPool& pool = Start({.max_connections = 1});
  Holder& busy = Lease();
  const std::vector<Holder*> waiting = Wait(2);
  waiting[0]->CancelWait();
  EXPECT_EQ(Checkouts(CheckoutResult::kCancelled), 1u);
  busy.GiveBack();
  Turn();
  EXPECT_TRUE(waiting[0]->at_rest());
  EXPECT_TRUE(waiting[1]->holds());
  waiting[0]->CancelWait();
  EXPECT_EQ(Checkouts(CheckoutResult::kCancelled), 1u) << "cancelling nothing is nothing";
  EXPECT_EQ(pool.waiters(), 0u);
}

TEST_P(PoolWaitersTest, DestructionOfAWaiterCancels) {
  ConnectionPool& pool = Start({.max_connections = 1});
  Lease();
  {
    Holder gone;
    gone.Ask(pool);
    EXPECT_EQ(pool.waiters(), 1u);
  }
  EXPECT_EQ(pool.waiters(), 0u);
  EXPECT_EQ(Checkouts(CheckoutResult::kCancelled), 1u);
}

TEST_P(PoolWaitersTest, AConnectionOpenedForOneWhoWentServesTheNext) {
  ConnectionPool& pool = Start(PoolLimits{});
  Wait(1)[0]->CancelWait();
  const std::vector<Holder*> next = Wait(1);
  EXPECT_EQ(pool.connecting(), 1u);
  EXPECT_TRUE(TurnUntil([&] { return next[0]->holds(); }));
  EXPECT_EQ(AllOpened(), 1u);
}

// ---- Attempts that fail.

TEST_P(PoolWaitersTest, EveryRefusedAttemptFailsOneWaiter) {
  const RefusingAddress nobody;
  ConnectionPool& pool = StartAt(nobody.address(), {.max_connections = 2});
  const std::vector<Holder*> waiting = Wait(5);
  EXPECT_EQ(pool.connecting(), 2u);
  EXPECT_TRUE(TurnUntil([&] { return pool.waiters() == 0; }));
  for (const Holder* holder : waiting) {
    EXPECT_EQ(holder->failure(), CheckoutResult::kConnectRefused);
  }
  EXPECT_EQ(AllOpened(), 5u);
  EXPECT_EQ(Closed("connect_failed"), 5u);
  EXPECT_EQ(Checkouts(CheckoutResult::kConnectRefused), 5u);
  EXPECT_EQ(pool.connections(), 0u);
}

TEST_P(PoolWaitersTest, AnAttemptThatTakesTooLongFailsOneWaiter) {
  const SilentAddress silent;
  ConnectionPool& pool =
      StartAt(silent.address(),
              {.max_connections = 1, .connect_timeout = seconds(2), .queue_timeout = seconds(60)});
  const std::vector<Holder*> waiting = Wait(2);
  Advance(seconds(2) - milliseconds(1));
  EXPECT_EQ(pool.connecting(), 1u);
  EXPECT_TRUE(waiting[0]->waiting());
  Advance(milliseconds(1) + kTick);
  EXPECT_EQ(waiting[0]->failure(), CheckoutResult::kConnectTimeout);
  EXPECT_TRUE(waiting[1]->waiting());
  EXPECT_EQ(pool.connecting(), 1u) << "the next one has an attempt of its own";
  EXPECT_EQ(Closed("connect_timeout"), 1u);
  Advance(seconds(2) + kTick);
  EXPECT_EQ(waiting[1]->failure(), CheckoutResult::kConnectTimeout);
  Turn();
  EXPECT_EQ(pool.connections(), 0u);
}

TEST_P(PoolWaitersTest, AnAddressThatFailsInsideTheCallIsAnAnswer) {
  const SocketAddress nowhere = *SocketAddress::Parse("unix:/nonexistent/holdfast.sock");
  ConnectionPool& pool = StartAt(nowhere, PoolLimits{});
  Holder& holder = NewHolder();
  EXPECT_EQ(holder.Ask(pool), Status::kRefused);
  EXPECT_EQ(holder.failure(), CheckoutResult::kConnectFailed);
  const SocketAddress nobody = *SocketAddress::Parse("unix:@holdfast-pool-test-nobody");
  ConnectionPool& refusing = StartAt(nobody, PoolLimits{});
  holder.ForgetFailure();
  EXPECT_EQ(holder.Ask(refusing), Status::kRefused);
  EXPECT_EQ(holder.failure(), CheckoutResult::kConnectRefused);
  EXPECT_EQ(AllOpened(), 0u);
  EXPECT_EQ(refusing.connections(), 0u);
}

TEST(PoolWaitersTcpTest, AFailedAttemptDoesNotFailOneForWhomAConnectionCameBack) {
  PoolHarness harness;
  PoolCells cells(harness.shard, harness.upstream);
  std::optional<Peer> peer(std::in_place);
  ConnectionPool pool(harness.context(), {harness.upstream, peer->address()}, PoolLimits{}, &cells);
  Holder busy;
  busy.Ask(pool);
  ASSERT_TRUE(harness.TurnUntil([&] { return busy.holds(); }));
  const FileDescriptor kept = std::move(peer->Accept());
  peer.reset();
  Holder waiting;
  ASSERT_EQ(waiting.Ask(pool), Status::kWaiting);
  busy.GiveBack();
  ASSERT_TRUE(harness.TurnUntil([&] { return pool.connecting() == 0 && !waiting.waiting(); }));
  EXPECT_TRUE(waiting.holds());
  EXPECT_FALSE(waiting.failure().has_value());
}

TEST(PoolWaitersUnixTest, AttemptsThatFailAtOnceFailEveryWaiterAndStop) {
  PoolHarness harness;
  PoolCells cells(harness.shard, harness.upstream);
  std::optional<Peer> peer(std::in_place, PeerKind::kUnix);
  ConnectionPool pool(harness.context(), {harness.upstream, peer->address()},
                      {.max_connections = 1}, &cells);
  std::deque<Holder> holders(4);
  for (Holder& holder : holders) ASSERT_EQ(holder.Ask(pool), Status::kWaiting);
  ASSERT_TRUE(harness.TurnUntil([&] { return holders[0].holds(); }));
  peer.reset();
  holders[0].Drop();
  ASSERT_TRUE(harness.TurnUntil([&] { return pool.waiters() == 0; }));
  for (size_t i = 1; i < holders.size(); ++i) {
    EXPECT_EQ(holders[i].failure(), CheckoutResult::kConnectRefused);
  }
  const uint64_t opened = harness.AllOpened();
  for (int i = 0; i < 3; ++i) harness.Turn();
  EXPECT_EQ(harness.AllOpened(), opened);
}

// ---- Callbacks that use the pool at once.

TEST_P(PoolWaitersTest, ALeaseMayBeReturnedFromInsideTheCall) {
  ConnectionPool& pool = Start({.max_connections = 1});
  Holder& busy = Lease();
  const std::vector<Holder*> waiting = Wait(3);
  for (Holder* holder : waiting) {
    holder->on_lease = [this, holder] {
      served_.push_back(holder);
      holder->GiveBack();
    };
  }
  busy.GiveBack();
  ASSERT_TRUE(TurnUntil([&] { return pool.waiters() == 0; }));
  EXPECT_EQ(served_, waiting);
  EXPECT_EQ(AllOpened(), 1u);
}

TEST_P(PoolWaitersTest, ALeaseMayBeDroppedFromInsideTheCall) {
  ConnectionPool& pool = Start({.max_connections = 2});
  const std::vector<Holder*> waiting = Wait(6);
  for (Holder* holder : waiting) {
    holder->on_lease = [this, holder] {
      served_.push_back(holder);
      holder->Drop();
    };
  }
  ASSERT_TRUE(TurnUntil([&] { return pool.waiters() == 0; }));
  EXPECT_EQ(served_, waiting);
  EXPECT_EQ(AllOpened(), 6u);
}

// Two who return what they get and ask again would keep the turn for ever.
TEST_P(PoolWaitersTest, ThoseWhoAskAgainAtOnceDoNotHoldTheLoop) {
  ConnectionPool& pool = Start({.max_connections = 1});
  Holder& busy = Lease();
  const std::vector<Holder*> waiting = Wait(2);
  constexpr int kRounds = 1000;
  int rounds = 0;
  for (Holder* holder : waiting) {
    holder->on_lease = [&pool, &rounds, holder] {
      ++rounds;
      holder->GiveBack();
      if (rounds < kRounds) holder->Ask(pool);
    };
  }
  busy.GiveBack();
  Turn();
  EXPECT_LE(rounds, 4) << "in one turn";
  ASSERT_TRUE(TurnUntil([&] { return rounds >= kRounds; })) << "and yet nobody is forgotten";
}

TEST_P(PoolWaitersTest, OneThatFailedMayAskAgainAtOnce) {
  const RefusingAddress nobody;
  ConnectionPool& pool = StartAt(nobody.address(), {.max_connections = 1});
  const std::vector<Holder*> waiting = Wait(2);
  int failures = 0;
  for (Holder* holder : waiting) {
    holder->on_failure = [&pool, &failures, holder] {
      if (++failures < 10) {
        holder->ForgetFailure();
        holder->Ask(pool);
      }
    };
  }
  ASSERT_TRUE(TurnUntil([&] { return pool.waiters() == 0; }));
  EXPECT_EQ(AllOpened(), pool.connections() + AllClosed());
}

TEST_P(PoolWaitersTest, OneThatTimedOutMayAskAgainAtOnce) {
  ConnectionPool& pool = Start({.max_connections = 1, .queue_timeout = Duration::zero()});
  Holder& busy = Lease();
  const std::vector<Holder*> waiting = Wait(1);
  waiting[0]->on_failure = [&] {
    waiting[0]->ForgetFailure();
    waiting[0]->Ask(pool);
  };
  for (int i = 0; i < 5; ++i) Advance(kTick);
  EXPECT_TRUE(waiting[0]->waiting());
  EXPECT_GE(Checkouts(CheckoutResult::kQueueTimeout), 1u);
  EXPECT_LE(Checkouts(CheckoutResult::kQueueTimeout), 6u);
  busy.GiveBack();
}

TEST_P(PoolWaitersTest, OneThatIsServedMayCancelTheOthers) {
  ConnectionPool& pool = Start({.max_connections = 2});
  Holder& first = Lease();
  Holder& second = Lease();
  const std::vector<Holder*> waiting = Wait(2);
  waiting[0]->on_lease = [&] { waiting[1]->CancelWait(); };
  first.GiveBack();
  second.GiveBack();
  Turn();
  EXPECT_TRUE(waiting[0]->holds());
  EXPECT_TRUE(waiting[1]->at_rest());
  EXPECT_EQ(pool.idle(), 1u);
}

}  // namespace
}  // namespace holdfast::pool
