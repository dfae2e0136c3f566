// What a kept connection is leased and given back for costs no memory.

#include <cstdint>

#include <gtest/gtest.h>

#include "pool/cluster.h"
#include "tests/pool/pool_harness.h"
#include "tests/support/allocation_counter.h"

namespace holdfast::pool {
namespace {

using std::chrono::milliseconds;

constexpr int kRounds = 1000;

class AllocationTest : public testing::Test {
 protected:
  // Turns the loop until the holder has what it waits for.
  void Await(Holder& holder) {
    ASSERT_TRUE(harness_.TurnUntil([&] { return !holder.waiting(); }));
    ASSERT_TRUE(holder.holds());
  }

  PoolHarness harness_;
  Peer peer_;
};

TEST_F(AllocationTest, LeaseAndReturnAllocateNothing) {
  PoolCells cells(harness_.shard, harness_.upstream);
  ConnectionPool pool(harness_.context(), EndpointKey{harness_.upstream, peer_.address()},
                      PoolLimits{}, &cells);
  Holder one;
  Holder other;
  one.Ask(pool);
  other.Ask(pool);
  Await(one);
  Await(other);
  one.GiveBack();
  other.GiveBack();
  harness_.Turn();

  const uint64_t before = support::AllocationCount();
  int leased = 0;
  for (int round = 0; round < kRounds; ++round) {
    leased += one.Ask(pool) == Checkout::Status::kLeased;
    leased += other.Ask(pool) == Checkout::Status::kLeased;
    one.GiveBack();
    other.GiveBack();
    // Their idle time begins anew with every return.
    harness_.Advance(milliseconds(1));
  }
  EXPECT_EQ(support::AllocationCount(), before);
  EXPECT_EQ(leased, 2 * kRounds);
  EXPECT_EQ(pool.idle(), 2u);
}

TEST_F(AllocationTest, TheWayThroughTheClusterAllocatesNothing) {
  for (const BalancePolicy policy :
       {BalancePolicy::kRoundRobin, BalancePolicy::kLeastRequest, BalancePolicy::kRandom,
        BalancePolicy::kRingHash, BalancePolicy::kMaglev}) {
    Peer second;
    ClusterOptions options;
    options.balancing.policy = policy;
    Cluster cluster(harness_.context(), harness_.shard, harness_.upstream, options);
    EndpointSet set;
    set.endpoints.resize(2);
    set.endpoints[0].address = peer_.address();
    set.endpoints[1].address = second.address();
    cluster.SetEndpoints(set);

    Holder holder;
    SocketAddress picked;
    const auto lease = [&](uint64_t hash) {
      Checkout checkout = cluster.Acquire(&holder, Request{.hash = hash}, &picked);
      return holder.Accept(std::move(checkout));
    };
    uint64_t hash = 0;
    for (int i = 0; i < 100; ++i) {
      lease(hash = NextHash(hash));
      Await(holder);
      holder.GiveBack();
    }
    const uint64_t before = support::AllocationCount();
    int leased = 0;
    for (int round = 0; round < kRounds; ++round) {
      leased += lease(hash = NextHash(hash)) == Checkout::Status::kLeased;
      cluster.Report(picked, Outcome::kAnswered);
      holder.GiveBack();
    }
    EXPECT_EQ(support::AllocationCount(), before) << "policy " << static_cast<int>(policy);
    EXPECT_EQ(leased, kRounds);
  }
}

}  // namespace
}  // namespace holdfast::pool
