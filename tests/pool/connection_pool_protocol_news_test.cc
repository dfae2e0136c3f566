// What a protocol learns of its peer while its connection is in use: other slots, an end.

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>

#include <gtest/gtest.h>

#include "pool/connection_pool.h"
#include "tests/pool/fake_dialer.h"
#include "tests/pool/pool_harness.h"
#include "tests/pool/scripted_protocol.h"

namespace holdfast::pool {
namespace {

constexpr uint32_t kSlots = 8;

class ConnectionPoolProtocolNewsTest : public testing::Test, protected PoolHarness {
 protected:
  void TearDown() override {
    holders_.clear();
    pool_.reset();
    Turn();
    EXPECT_EQ(AllOpened(), AllClosed());
  }
  void Start(const PoolLimits& limits = PoolLimits{}) {
    dialer = &fake_;
    PoolContext with = context();
    with.protocols = &script_;
    pool_ = std::make_unique<ConnectionPool>(with, key_, limits, &cells_);
  }
  void Ask(size_t times = 1) {
    for (size_t i = 0; i < times; ++i) {
      holders_.emplace_back().Ask(*pool_, /*fresh=*/false);
      EXPECT_TRUE(pool_->Validate());
    }
  }
  void Succeed() {
    fake_.Succeed();
    EXPECT_TRUE(pool_->Validate());
  }
  CloseReason GiveBack(size_t i) {
    const CloseReason end = holders_[i].GiveBack();
    EXPECT_TRUE(pool_->Validate());
    return end;
  }
  void Tell(uint32_t capacity, CloseReason end = CloseReason::kNone) {
    script_.Tell(capacity, end);
    EXPECT_TRUE(pool_->Validate());
    Turn();
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

TEST_F(ConnectionPoolProtocolNewsTest, FewerSlotsThanLeasesEndNone) {
  Start();
  Ask(4);
  Succeed();
  Tell(2);
  EXPECT_EQ(Holding(), 4u);
  Ask();
  EXPECT_TRUE(holders_.back().waiting());
  EXPECT_EQ(fake_.begun(), 2u) << "it is full, whatever it was before";
  Succeed();
  EXPECT_EQ(Holding(), 5u);
}

TEST_F(ConnectionPoolProtocolNewsTest, AFullOneTakesLeasesAgainOnlyBelowItsNewCapacity) {
  Start({.max_connections = 1});
  Ask(4);
  Succeed();
  Tell(2);
  Ask();
  for (size_t i = 0; i < 2; ++i) GiveBack(i);
  Turn();
  EXPECT_TRUE(holders_.back().waiting());
  GiveBack(2);
  Turn();
  EXPECT_TRUE(holders_.back().holds());
}

TEST_F(ConnectionPoolProtocolNewsTest, MoreSlotsServeThoseWhoWait) {
  script_.capacity = 2;
  Start({.max_connections = 1});
  Ask(2);
  Succeed();
  Ask(3);
  EXPECT_EQ(Holding(), 2u);
  Tell(4);
  EXPECT_EQ(Holding(), 4u);
  EXPECT_EQ(pool_->waiters(), 1u);
}

TEST_F(ConnectionPoolProtocolNewsTest, WhatOneHasShownIsExpectedOfTheNext) {
  Start();
  Ask(1);
  Succeed();
  Tell(2);
  Ask(7);
  EXPECT_EQ(Holding(), 2u);
  EXPECT_EQ(fake_.pending(), 3u) << "for six who wait, two each";
}

TEST_F(ConnectionPoolProtocolNewsTest, WhoSaysGoodbyeGetsNoNewLeaseAndEndsWithTheLast) {
  Start();
  Ask(3);
  Succeed();
  Tell(kSlots, CloseReason::kGoaway);
  EXPECT_EQ(Holding(), 3u);
  Ask();
  EXPECT_TRUE(holders_.back().waiting());
  Succeed();
  EXPECT_NE(&holders_[0].lease().connection(), &holders_[3].lease().connection());
  EXPECT_EQ(GiveBack(0), CloseReason::kNone);
  EXPECT_EQ(GiveBack(1), CloseReason::kNone);
  EXPECT_EQ(Closed("goaway"), 0u);
  EXPECT_EQ(GiveBack(2), CloseReason::kGoaway);
  EXPECT_EQ(Closed("goaway"), 1u);
  EXPECT_EQ(pool_->connections(), 1u);
}

TEST_F(ConnectionPoolProtocolNewsTest, WhoSaysGoodbyeWhileIdleIsClosed) {
  Start();
  Ask();
  Succeed();
  GiveBack(0);
  EXPECT_EQ(pool_->idle(), 1u);
  Tell(kSlots, CloseReason::kGoaway);
  EXPECT_EQ(pool_->idle(), 0u);
  EXPECT_EQ(Closed("goaway"), 1u);
}

TEST_F(ConnectionPoolProtocolNewsTest, OtherSlotsWhileIdleCount) {
  Start({.max_connections = 1});
  Ask();
  Succeed();
  GiveBack(0);
  Tell(3);
  Ask(4);
  EXPECT_EQ(Holding(), 3u);
}

TEST_F(ConnectionPoolProtocolNewsTest, TheLimitIsTheLesserOfBothSides) {
  Start({.streams_per_connection = 3});
  Ask(4);
  EXPECT_EQ(fake_.begun(), 2u);
  Succeed();
  EXPECT_EQ(Holding(), 3u);
  Tell(100);
  EXPECT_EQ(Holding(), 3u);
  Succeed();
  EXPECT_EQ(Holding(), 4u);
}

TEST_F(ConnectionPoolProtocolNewsTest, AnotherLimitCountsForConnectionsThatAreThere) {
  Start({.max_connections = 1, .streams_per_connection = 2});
  Ask(4);
  Succeed();
  EXPECT_EQ(Holding(), 2u);
  pool_->SetLimits({.max_connections = 1, .streams_per_connection = 3});
  Turn();
  EXPECT_EQ(Holding(), 3u);
  EXPECT_TRUE(pool_->Validate());
  pool_->SetLimits({.max_connections = 1, .streams_per_connection = 1});
  GiveBack(0);
  GiveBack(1);
  Turn();
  EXPECT_EQ(pool_->waiters(), 1u);
  EXPECT_TRUE(pool_->Validate());
}

TEST_F(ConnectionPoolProtocolNewsTest, TheFullestIsUsedFirst) {
  Start();
  Ask(kSlots);
  Succeed();
  Ask();
  Succeed();
  ASSERT_EQ(pool_->connections(), 2u);
  const Connection* const first = &holders_[0].lease().connection();
  GiveBack(0);
  GiveBack(1);
  Ask();
  EXPECT_EQ(&holders_.back().lease().connection(), first);
}

TEST_F(ConnectionPoolProtocolNewsTest, WhatEndsItIsBlamedOnce) {
  Start();
  Ask(2);
  Succeed();
  EXPECT_TRUE(holders_[1].lease().TakeBlame());
  EXPECT_FALSE(holders_[0].lease().TakeBlame());
}

}  // namespace
}  // namespace holdfast::pool
