#include <chrono>
#include <deque>
#include <memory>
#include <optional>

#include <gtest/gtest.h>

#include "pool/connection_pool.h"
#include "tests/pool/pool_harness.h"

namespace holdfast::pool {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Why a connection is opened, and when a kept one has had its time.
class PoolSupplyTest : public testing::Test, protected PoolHarness {
 protected:
  void TearDown() override {
    holders_.clear();
    pool_.reset();
    Turn();
    EXPECT_EQ(AllOpened(), AllClosed());
  }
  ConnectionPool& Start(const PoolLimits& limits) {
    pool_ = std::make_unique<ConnectionPool>(context(), EndpointKey{upstream, peer_.address()},
                                             limits, &cells_);
    return *pool_;
  }
  Holder& Lease(bool fresh = false) {
    Holder& holder = holders_.emplace_back();
    holder.Ask(*pool_, fresh);
    EXPECT_TRUE(TurnUntil([&] { return holder.holds(); }));
    return holder;
  }
  CloseReason GiveBack(Holder& holder, std::optional<Duration> timeout,
                       std::optional<uint32_t> max = std::nullopt) {
    ReuseFacts facts = kGoodEnd;
    facts.keep_alive_timeout = timeout;
    facts.keep_alive_max = max;
    return holder.lease().End(facts);
  }
  OpenReason WhyOpened(bool fresh = false) { return Lease(fresh).lease().open_reason(); }

  Peer peer_;
  PoolCells cells_{shard, upstream};
  std::unique_ptr<ConnectionPool> pool_;
  std::deque<Holder> holders_;
};

TEST_F(PoolSupplyTest, TheFirstAndThoseBesideIt) {
  Start({});
  EXPECT_EQ(WhyOpened(), OpenReason::kEmpty);
  EXPECT_EQ(WhyOpened(), OpenReason::kAllBusy);
  EXPECT_EQ(WhyOpened(/*fresh=*/true), OpenReason::kRetry);
  EXPECT_EQ(Opened(OpenReason::kEmpty), 1u);
  EXPECT_EQ(Opened(OpenReason::kAllBusy), 1u);
  EXPECT_EQ(Opened(OpenReason::kRetry), 1u);
}

TEST_F(PoolSupplyTest, TheLastOneExpired) {
  Start({.idle_learned = false, .idle_timeout = milliseconds(100)});
  Lease().GiveBack();
  Advance(milliseconds(150));
  EXPECT_EQ(WhyOpened(), OpenReason::kExpired);
}

TEST_F(PoolSupplyTest, ThePeerClosedTheLastOne) {
  ConnectionPool& pool = Start({});
  Lease().GiveBack();
  peer_.Accept().Reset();
  ASSERT_TRUE(TurnUntil([&] { return pool.idle() == 0; }));
  EXPECT_EQ(WhyOpened(), OpenReason::kPeerClosed);
}

TEST_F(PoolSupplyTest, TheLastOneWasTooOld) {
  Start({.idle_learned = false, .idle_timeout = std::nullopt, .max_age = milliseconds(100)});
  Lease().GiveBack();
  Advance(milliseconds(150));
  EXPECT_EQ(WhyOpened(), OpenReason::kMaxAge);
}

TEST_F(PoolSupplyTest, TheLastOneWasNotKept) {
  Start({});
  Lease().Drop();
  EXPECT_EQ(WhyOpened(), OpenReason::kNotKept);
}

TEST_F(PoolSupplyTest, NoneMayBeKept) {
  Start({.max_idle = 0});
  EXPECT_EQ(Lease().GiveBack(), CloseReason::kIdleOff);
  EXPECT_EQ(WhyOpened(), OpenReason::kCap);
}

TEST_F(PoolSupplyTest, TheEndpointWasTakenOut) {
  ConnectionPool& pool = Start({});
  Lease().GiveBack();
  pool.CloseAllIdle(CloseReason::kUnhealthy);
  EXPECT_EQ(Closed("unhealthy"), 1u);
  EXPECT_EQ(WhyOpened(), OpenReason::kUnhealthy);
}

TEST_F(PoolSupplyTest, TheKeptOnesAreForAnotherEndpoint) {
  Start({});
  Lease().GiveBack();
  Peer other_peer;
  ConnectionPool other(context(), {upstream, other_peer.address()}, {}, &cells_);
  Holder holder;
  holder.Ask(other);
  ASSERT_TRUE(TurnUntil([&] { return holder.holds(); }));
  EXPECT_EQ(holder.lease().open_reason(), OpenReason::kKeyMismatch);
}

TEST_F(PoolSupplyTest, OneThatHasServedEnoughIsNotKept) {
  Start({.max_requests = 3});
  EXPECT_EQ(Lease().GiveBack(), CloseReason::kNone);
  EXPECT_EQ(Lease().GiveBack(), CloseReason::kNone);
  EXPECT_EQ(Lease().GiveBack(), CloseReason::kMaxRequests);
  EXPECT_EQ(AllOpened(), 1u);
}

TEST_F(PoolSupplyTest, OneThatThePeerTakesNoMoreRequestsOnIsNotKept) {
  Start({});
  EXPECT_EQ(GiveBack(Lease(), std::nullopt, 1), CloseReason::kNone);
  EXPECT_EQ(GiveBack(Lease(), std::nullopt, 0), CloseReason::kMaxRequests);
}

TEST_F(PoolSupplyTest, WhatThePeerAnnouncesShortensTheLearnedExpiry) {
  ConnectionPool& pool = Start(PoolLimits{});
  GiveBack(Lease(), seconds(2));
  Advance(LearnedExpiry::WithMargin(seconds(2)) - milliseconds(50));
  EXPECT_EQ(pool.idle(), 1u);
  Advance(milliseconds(100));
  EXPECT_EQ(pool.idle(), 0u);
  EXPECT_EQ(Closed("idle_timeout"), 1u);
  // A longer one than was learned changes nothing.
  GiveBack(Lease(), seconds(60));
  Advance(shelves.TotalsOf(upstream)->idle_expiry() + milliseconds(50));
  EXPECT_EQ(pool.idle(), 0u);
}

TEST_F(PoolSupplyTest, WhatIsConfiguredIsNotShortened) {
  ConnectionPool& pool = Start({.idle_learned = false, .idle_timeout = seconds(4)});
  GiveBack(Lease(), seconds(1));
  Advance(seconds(3));
  EXPECT_EQ(pool.idle(), 1u);
}

TEST_F(PoolSupplyTest, WhenThePeerClosesIsLearned) {
  ConnectionPool& pool = Start(PoolLimits{});
  for (int i = 0; i < 4; ++i) {
    Lease().GiveBack();
    FileDescriptor& socket = peer_.Accept();
    Advance(seconds(1));
    socket.Reset();
    ASSERT_TRUE(TurnUntil([&] { return pool.idle() == 0; }));
    Advance(seconds(2));
  }
  EXPECT_LE(shelves.TotalsOf(upstream)->idle_expiry(), LearnedExpiry::WithMargin(seconds(1)));
}

}  // namespace
}  // namespace holdfast::pool
