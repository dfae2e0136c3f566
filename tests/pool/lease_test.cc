#include "pool/lease.h"

#include <utility>

#include <gtest/gtest.h>

#include "tests/pool/pool_harness.h"

namespace holdfast::pool {
namespace {

class LeaseTest : public testing::Test, protected PoolHarness {
 protected:
  // A lease on a new connection; `their_end()` is the other side.
  Lease Take() {
    Holder holder;
    EXPECT_EQ(holder.Ask(pool_), Checkout::Status::kWaiting);
    EXPECT_TRUE(TurnUntil([&] { return holder.holds(); }));
    peer_.Accept();
    return std::move(holder.lease());
  }
  FileDescriptor& their_end() { return peer_.accepted().back(); }

  Peer peer_;
  PoolCells cells_{shard, upstream};
  ConnectionPool pool_{context(), {upstream, peer_.address()}, PoolLimits{}, &cells_};
};

TEST_F(LeaseTest, HoldsNothingByDefaultAndItsEndDoesNothing) {
  Lease lease;
  EXPECT_FALSE(lease.held());
  EXPECT_EQ(lease.End(kGoodEnd), CloseReason::kNotAsked);
  EXPECT_EQ(AllClosed(), 0u);
}

TEST_F(LeaseTest, DroppedIsClosed) {
  {
    const Lease lease = Take();
    EXPECT_TRUE(lease.held());
    EXPECT_EQ(pool_.leased(), 1u);
  }
  EXPECT_EQ(pool_.connections(), 0u);
  EXPECT_EQ(Closed("not_asked"), 1u);
  EXPECT_TRUE(SeesEnd(their_end()));
}

TEST_F(LeaseTest, EndWithGoodFactsKeeps) {
  Lease lease = Take();
  EXPECT_EQ(lease.End(kGoodEnd), CloseReason::kNone);
  EXPECT_FALSE(lease.held());
  EXPECT_EQ(pool_.idle(), 1u);
  EXPECT_EQ(pool_.leased(), 0u);
  EXPECT_EQ(lease.End(kGoodEnd), CloseReason::kNotAsked) << "only the first end counts";
  EXPECT_EQ(pool_.idle(), 1u);
}

TEST_F(LeaseTest, EndWithABadFactClosesAndSaysWhy) {
  Lease lease = Take();
  ReuseFacts facts = kGoodEnd;
  facts.peer_allows = false;
  EXPECT_EQ(lease.End(facts), CloseReason::kPeerAskedClose);
  EXPECT_EQ(Closed("peer_asked_close"), 1u);
  EXPECT_TRUE(SeesEnd(their_end()));
}

TEST_F(LeaseTest, MovingChangesTheHolderAndNothingElse) {
  Lease first = Take();
  Connection* connection = &first.connection();
  Lease second = std::move(first);
  EXPECT_FALSE(first.held());  // NOLINT(bugprone-use-after-move): what moving leaves is promised.
  EXPECT_TRUE(second.held());
  EXPECT_EQ(&second.connection(), connection);
  Lease third;
  third = std::move(second);
  EXPECT_TRUE(third.held());
  EXPECT_EQ(pool_.leased(), 1u);
  EXPECT_EQ(AllClosed(), 0u);
}

TEST_F(LeaseTest, AssignmentEndsWhatWasHeld) {
  Lease kept = Take();
  Lease replaced = Take();
  Connection* connection = &kept.connection();
  replaced = std::move(kept);
  EXPECT_EQ(pool_.leased(), 1u);
  EXPECT_EQ(Closed("not_asked"), 1u);
  EXPECT_EQ(&replaced.connection(), connection);
}

TEST_F(LeaseTest, AssignmentToItselfKeepsHolding) {
  Lease lease = Take();
  Lease& same = lease;
  lease = std::move(same);
  EXPECT_TRUE(lease.held());
  EXPECT_EQ(pool_.leased(), 1u);
}

TEST_F(LeaseTest, KnowsItsEndpointAndWhetherItIsReused) {
  Lease lease = Take();
  EXPECT_EQ(lease.address(), peer_.address());
  EXPECT_FALSE(lease.reused());
  lease.End(kGoodEnd);

  Holder next;
  ASSERT_EQ(next.Ask(pool_), Checkout::Status::kLeased);
  EXPECT_TRUE(next.lease().reused());
}

TEST_F(LeaseTest, WhatTheHolderSentReachesThePeer) {
  const Lease lease = Take();
  lease.connection().out().Append("ping");
  EXPECT_EQ(lease.connection().Flush(), FlushStatus::kDone);
  char bytes[8];
  EXPECT_EQ(recv(their_end().get(), bytes, sizeof(bytes), 0), 4);
}

}  // namespace
}  // namespace holdfast::pool
