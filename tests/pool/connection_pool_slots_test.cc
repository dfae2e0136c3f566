// A protocol with eight slots on each connection, over attempts that end when the test says.

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "pool/connection_pool.h"
#include "tests/pool/fake_dialer.h"
#include "tests/pool/net/socket_pair.h"
#include "tests/pool/pool_harness.h"
#include "tests/pool/scripted_protocol.h"

namespace holdfast::pool {
namespace {

using Status = Checkout::Status;

constexpr uint32_t kSlots = 8;

class PoolSlotsTest : public testing::Test, protected PoolHarness {
 protected:
  void TearDown() override {
    holders_.clear();
    pool_.reset();
    Turn();
    EXPECT_EQ(AllOpened(), AllClosed());
    for (const char* state : {"idle", "busy", "connecting"}) {
      EXPECT_EQ(ConnectionsGauge(state), 0) << state;
    }
    EXPECT_EQ(shelves.idle_places(), 0u);
  }
  void Start(const PoolLimits& limits = PoolLimits{}) {
    dialer = &fake_;
    PoolContext with = context();
    with.protocols = &script_;
    pool_ = std::make_unique<ConnectionPool>(with, key_, limits, &cells_);
  }
  Holder& Ask(bool fresh = false) {
    Holder& holder = holders_.emplace_back();
    holder.Ask(*pool_, fresh);
    EXPECT_TRUE(pool_->Validate());
    return holder;
  }
  void AskMany(size_t times) {
    for (size_t i = 0; i < times; ++i) Ask();
  }
  void Succeed() {
    fake_.Succeed();
    EXPECT_TRUE(pool_->Validate());
  }
  void GiveBack(size_t i) {
    EXPECT_EQ(holders_[i].GiveBack(), CloseReason::kNone);
    EXPECT_TRUE(pool_->Validate());
  }
  size_t Holding() const {
    size_t count = 0;
    for (const Holder& holder : holders_) count += holder.holds() ? 1 : 0;
    return count;
  }

  const EndpointKey key_{upstream, *SocketAddress::Parse("192.0.2.1:80")};
  ScriptedProtocols script_{kSlots};
  FakeDialer fake_{&loop, &slabs};
  PoolCells cells_{shard, upstream};
  std::unique_ptr<ConnectionPool> pool_;
  std::deque<Holder> holders_;
};

TEST_F(PoolSlotsTest, OneThatIsConnectingServesManyWhoWait) {
  Start();
  AskMany(kSlots);
  EXPECT_EQ(fake_.begun(), 1u);
  EXPECT_EQ(pool_->waiters(), kSlots);
  Succeed();
  EXPECT_EQ(Holding(), kSlots);
  EXPECT_EQ(pool_->leased(), kSlots);
  EXPECT_EQ(pool_->connections(), 1u);
  EXPECT_EQ(Checkouts(CheckoutResult::kFresh), 1u);
  EXPECT_EQ(Checkouts(CheckoutResult::kReused), kSlots - 1u);
}

TEST_F(PoolSlotsTest, EightLeasesShareOneConnectionAndTheNinthOpensAnother) {
  Start();
  Ask();
  Succeed();
  for (uint32_t i = 1; i < kSlots; ++i) EXPECT_TRUE(Ask().holds());
  EXPECT_EQ(pool_->connections(), 1u);
  EXPECT_EQ(ConnectionsGauge("busy"), 1);
  EXPECT_EQ(&holders_[0].lease().connection(), &holders_[7].lease().connection());
  Holder& ninth = Ask();
  EXPECT_TRUE(ninth.waiting());
  EXPECT_EQ(fake_.begun(), 2u);
  Succeed();
  EXPECT_TRUE(ninth.holds());
  EXPECT_EQ(pool_->leased(), 9u);
  EXPECT_EQ(ConnectionsGauge("busy"), 2);
}

TEST_F(PoolSlotsTest, TheNinthWhileItConnectsOpensAnother) {
  Start();
  AskMany(kSlots + 1);
  EXPECT_EQ(fake_.begun(), 2u);
  Succeed();
  EXPECT_EQ(Holding(), kSlots);
  Succeed();
  EXPECT_EQ(Holding(), kSlots + 1u);
}

TEST_F(PoolSlotsTest, AtTheCapTheNinthWaitsForASlot) {
  Start({.max_connections = 1});
  AskMany(kSlots);
  Succeed();
  Holder& ninth = Ask();
  EXPECT_TRUE(ninth.waiting());
  EXPECT_EQ(fake_.begun(), 1u);
  GiveBack(3);
  Turn();
  EXPECT_TRUE(ninth.holds());
  EXPECT_EQ(pool_->leased(), kSlots);
  EXPECT_TRUE(pool_->Validate());
}

TEST_F(PoolSlotsTest, ItIsIdleWhenTheLastLeaseEndsAndServesAgain) {
  Start();
  AskMany(3);
  Succeed();
  GiveBack(0);
  GiveBack(1);
  EXPECT_EQ(pool_->idle(), 0u);
  GiveBack(2);
  EXPECT_EQ(pool_->idle(), 1u);
  EXPECT_EQ(pool_->leased(), 0u);
  EXPECT_TRUE(Ask().holds());
  EXPECT_TRUE(holders_.back().lease().was_kept());
  EXPECT_EQ(fake_.begun(), 1u);
}

TEST_F(PoolSlotsTest, ItMaySpeakWhileItIsIdle) {
  Start();
  Ask();
  Succeed();
  GiveBack(0);
  SendAll(fake_.peers().back(), "ping");
  ASSERT_TRUE(TurnUntil([&] { return script_.idle_bytes == 4; }));
  EXPECT_EQ(pool_->idle(), 1u);
  SendAll(fake_.peers().back(), "again");
  ASSERT_TRUE(TurnUntil([&] { return script_.idle_bytes == 9; }));
  EXPECT_EQ(pool_->idle(), 1u);
  EXPECT_TRUE(Ask().holds());
}

TEST_F(PoolSlotsTest, ItsEndWhileItIsIdleClosesIt) {
  Start();
  Ask();
  Succeed();
  GiveBack(0);
  fake_.peers().back().Reset();
  ASSERT_TRUE(TurnUntil([&] { return pool_->idle() == 0; }));
  EXPECT_EQ(Closed("idle_peer_closed"), 1u);
  EXPECT_EQ(script_.ends_said, 0) << "the peer knows";
}

TEST_F(PoolSlotsTest, ThePeerIsToldWhenItIsClosedWhileIdle) {
  Start();
  Ask();
  Succeed();
  GiveBack(0);
  EXPECT_EQ(script_.ends_said, 0);
  pool_->CloseAllIdle(CloseReason::kUnhealthy);
  EXPECT_EQ(script_.ends_said, 1);
}

TEST_F(PoolSlotsTest, WhileItIsUsedItsProtocolHears) {
  Start();
  AskMany(2);
  Succeed();
  for (Holder& holder : holders_) EXPECT_EQ(holder.events, 0);
  GiveBack(1);
  EXPECT_EQ(pool_->leased(), 1u);
}

TEST_F(PoolSlotsTest, ALeaseThatIsDroppedTakesNobodyElsesConnection) {
  Start();
  AskMany(3);
  Succeed();
  holders_[0].Drop();
  EXPECT_TRUE(pool_->Validate());
  EXPECT_EQ(pool_->leased(), 2u);
  EXPECT_EQ(AllClosed(), 0u);
  EXPECT_TRUE(Ask().holds()) << "and its slot is free";
}

TEST_F(PoolSlotsTest, OneThatBrokeTakesNoNewLeaseAndClosesWithItsLast) {
  Start();
  AskMany(2);
  Succeed();
  fake_.peers().back().Reset();
  ASSERT_TRUE(
      TurnUntil([&] { return holders_[0].lease().connection().end() != ConnectionEnd::kOpen; }));
  Holder& next = Ask();
  EXPECT_TRUE(next.waiting());
  EXPECT_EQ(fake_.begun(), 2u);
  holders_[0].GiveBack();
  EXPECT_TRUE(pool_->Validate());
  EXPECT_EQ(AllClosed(), 0u);
  holders_[1].GiveBack();
  EXPECT_EQ(AllClosed(), 1u);
  Succeed();
  EXPECT_TRUE(next.holds());
}

TEST_F(PoolSlotsTest, AFailedAttemptFailsAllItStoodFor) {
  Start();
  AskMany(kSlots + 1);
  EXPECT_EQ(fake_.begun(), 2u);
  fake_.Fail(CheckoutResult::kConnectRefused);
  EXPECT_EQ(pool_->waiters(), kSlots) << "the other attempt stands for as many";
  fake_.Fail(CheckoutResult::kConnectRefused);
  EXPECT_EQ(pool_->waiters(), 0u);
  EXPECT_EQ(Checkouts(CheckoutResult::kConnectRefused), kSlots + 1u);
}

TEST_F(PoolSlotsTest, FewerSlotsThanWereHopedForOpenMore) {
  script_.capacity = 2;
  Start();
  AskMany(5);
  EXPECT_EQ(fake_.begun(), 1u);
  Succeed();
  EXPECT_EQ(Holding(), 2u);
  Turn();
  EXPECT_EQ(fake_.begun(), 2u);
  Succeed();
  Turn();
  Succeed();
  EXPECT_EQ(Holding(), 5u);
  EXPECT_TRUE(pool_->Validate());
}

TEST_F(PoolSlotsTest, ManyFreshOnesShareWhatHasJustBeenOpened) {
  Start();
  Ask();
  Succeed();
  GiveBack(0);
  Holder& first = Ask(/*fresh=*/true);
  Holder& second = Ask(/*fresh=*/true);
  EXPECT_TRUE(first.waiting() && second.waiting());
  EXPECT_EQ(fake_.begun(), 2u);
  Succeed();
  EXPECT_TRUE(first.holds() && second.holds());
  EXPECT_FALSE(second.lease().was_kept());
}

TEST_F(PoolSlotsTest, WhatEndsAtOnceLeavesItsSlotToThoseWhoWaitBehindIt) {
  Start();
  Ask();
  Holder& brief = Ask();
  Holder& fresh = Ask(/*fresh=*/true);
  brief.on_lease = [&] { brief.GiveBack(); };
  Succeed();
  EXPECT_TRUE(fresh.holds());
  EXPECT_EQ(pool_->leased(), 2u);
  EXPECT_EQ(&fresh.lease().connection(), &holders_[0].lease().connection());
}

TEST_F(PoolSlotsTest, ADrainClosesItWithItsLastLease) {
  Start();
  AskMany(2);
  Succeed();
  pool_->Drain();
  EXPECT_EQ(holders_[0].GiveBack(), CloseReason::kDraining);
  EXPECT_EQ(AllClosed(), 0u);
  EXPECT_EQ(holders_[1].GiveBack(), CloseReason::kDraining);
  EXPECT_EQ(Closed("pool_drained") + Closed("draining"), 1u);
}

// Requests, attempts, peers and the protocol's mind do as chance has it; every step leaves the
// parts in agreement.
class PoolSlotsModelTest : public PoolSlotsTest, public testing::WithParamInterface<unsigned> {
 protected:
  static constexpr size_t kHolders = 40;
  static constexpr size_t kCap = 4;

  size_t Chance(size_t bound) { return random_() % bound; }

  void Step() {
    Holder& holder = holders_[Chance(kHolders)];
    switch (Chance(16)) {
      case 0: return holder.CancelWait();
      case 1:
        if (fake_.pending() > 0) fake_.Fail(CheckoutResult::kConnectRefused);
        return;
      case 2:
      case 3:
        if (fake_.pending() > 0) fake_.Succeed();
        return;
      case 4: return PeerActs();
      case 5: script_.capacity = static_cast<uint32_t>(1 + Chance(kSlots)); return;
      case 6: return Advance(std::chrono::milliseconds(Chance(400)));
      case 7:
        if (Chance(20) == 0) pool_->CloseAllIdle(CloseReason::kUnhealthy);
        return;
      case 8:
      case 9: return Turn();
      default: return AskOrEnd(holder);
    }
  }
  void AskOrEnd(Holder& holder) {
    holder.ForgetFailure();
    if (holder.holds()) {
      Chance(4) == 0 ? holder.Drop() : static_cast<void>(holder.GiveBack());
    } else if (!holder.waiting()) {
      holder.Ask(*pool_, /*fresh=*/Chance(6) == 0);
      ++asked_;
    }
  }
  void PeerActs() {
    if (fake_.peers().empty()) return;
    FileDescriptor& peer = fake_.peers()[Chance(fake_.peers().size())];
    if (!peer.valid()) return;
    if (Chance(3) > 0) {
      send(peer.get(), "ping", 4, MSG_NOSIGNAL);
    } else {
      peer.Reset();
    }
  }
  void Check() {
    ASSERT_TRUE(pool_->Validate());
    size_t waiting = 0;
    for (const Holder& holder : holders_) waiting += holder.waiting() ? 1 : 0;
    ASSERT_EQ(pool_->leased(), Holding());
    ASSERT_EQ(pool_->waiters(), waiting);
    ASSERT_LE(pool_->connections(), kCap);
    ASSERT_EQ(pool_->shelf().connections(), pool_->connections());
    ASSERT_LE(pool_->leased(), kCap * kSlots);
    most_ = std::max(most_, pool_->leased());
  }

  std::mt19937 random_{GetParam()};
  uint64_t asked_ = 0;
  size_t most_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Seeds, PoolSlotsModelTest, testing::Values(1u, 2u, 3u, 4u));

TEST_P(PoolSlotsModelTest, HoldsItsInvariantsWhateverHappens) {
  Start({.max_connections = kCap,
         .idle_timeout = std::chrono::seconds(1),
         .queue_timeout = std::chrono::seconds(2)});
  holders_.resize(kHolders);
  for (int step = 0; step < 6000 && !HasFatalFailure(); ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    Step();
    Check();
  }
  EXPECT_GT(most_, size_t{kSlots});
  EXPECT_GT(Checkouts(CheckoutResult::kFresh), 20u);
  uint64_t answered = 0;
  for (int i = 0; i < kCheckoutResults; ++i) {
    answered += Checkouts(static_cast<CheckoutResult>(i));
  }
  EXPECT_EQ(answered + pool_->waiters(), asked_) << "every request has one answer";
}

// Two workers' pools for one endpoint.
TEST(PoolSlotsSharingTest, ItDoesNotTravelBetweenWorkers) {
  struct Worker : PoolHarness {
    Mailbox mailbox{&loop};
    FakeDialer fake{&loop, &slabs};
    PoolCells cells{shard, upstream};
    std::optional<ConnectionPool> pool;
    Holder holder;
    Holder other;
  };
  std::array<Worker, 2> workers;
  Shelves shelves{2};
  const Peers peers{.mailboxes = {&workers[0].mailbox, &workers[1].mailbox}};
  const ScriptedProtocols script{kSlots};
  for (size_t i = 0; i < workers.size(); ++i) {
    Worker& worker = workers[i];
    worker.dialer = &worker.fake;
    PoolContext context = worker.context();
    context.shelves = &shelves;
    context.peers = &peers;
    context.worker = i;
    context.protocols = &script;
    worker.pool.emplace(context, EndpointKey{"web", *SocketAddress::Parse("192.0.2.1:80")},
                        PoolLimits{.max_connections = 4}, &worker.cells);
  }
  const auto settle = [&] {
    for (int i = 0; i < 10; ++i) {
      for (Worker& worker : workers) worker.Advance(WorkerShare::kSharePatience);
    }
  };
  // Two idle ones at the first worker: more than its floor.
  Worker& rich = workers[0];
  ASSERT_EQ(rich.holder.Ask(*rich.pool, /*fresh=*/true), Status::kWaiting);
  rich.fake.Succeed();
  ASSERT_EQ(rich.other.Ask(*rich.pool, /*fresh=*/true), Status::kWaiting);
  rich.fake.Succeed();
  rich.holder.GiveBack();
  rich.other.GiveBack();
  ASSERT_EQ(rich.pool->idle(), 2u);

  Worker& poor = workers[1];
  ASSERT_EQ(poor.holder.Ask(*poor.pool), Status::kWaiting);
  settle();
  EXPECT_EQ(rich.pool->idle(), 2u);
  EXPECT_EQ(poor.fake.pending(), 1u) << "it opens its own";
  poor.fake.Succeed();
  EXPECT_TRUE(poor.holder.holds());
  poor.holder.Drop();
  settle();
  for (Worker& worker : workers) {
    EXPECT_TRUE(worker.pool->Validate());
    worker.pool.reset();
    worker.Turn();
  }
}

}  // namespace
}  // namespace holdfast::pool
