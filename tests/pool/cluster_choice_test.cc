// Which endpoint a request goes to, as the cluster asks its balancer.

#include <array>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "pool/cluster.h"
#include "pool/key_hash.h"
#include "tests/pool/pool_harness.h"

namespace holdfast::pool {
namespace {

using std::chrono::seconds;

class ClusterChoiceTest : public testing::Test, protected PoolHarness {
 protected:
  ClusterChoiceTest() {
    for (Peer& peer : peers_) set_.endpoints.push_back({{.address = peer.address()}});
  }

  void Start(const BalancerOptions& balancing) {
    ClusterOptions options;
    options.balancing = balancing;
    cluster_ = std::make_unique<Cluster>(context(), shard, upstream, options);
    cluster_->SetEndpoints(set_);
  }

  // The number of the endpoint that serves the request; -1 when there is none.
  int Serve(const Request& request = {}) {
    Holder holder;
    SocketAddress picked;
    holder.Accept(cluster_->Acquire(&holder, request, &picked));
    if (holder.failure() == CheckoutResult::kNoEndpoint) return -1;
    EXPECT_TRUE(TurnUntil([&] { return holder.holds(); }));
    EXPECT_EQ(holder.lease().address(), picked);
    holder.GiveBack();
    return IndexOf(picked);
  }
  // How many of thirty requests each endpoint serves.
  std::vector<int> Spread(const Request& request = {}) {
    std::vector<int> counts(set_.endpoints.size());
    for (int i = 0; i < 30; ++i) ++counts.at(static_cast<size_t>(Serve(request)));
    return counts;
  }
  int IndexOf(const SocketAddress& address) const {
    int index = 0;
    while (!(peers_[static_cast<size_t>(index)].address() == address)) ++index;
    return index;
  }

  std::array<Peer, 3> peers_;
  EndpointSet set_;
  std::unique_ptr<Cluster> cluster_;
};

TEST_F(ClusterChoiceTest, WeightsCount) {
  set_.endpoints[1].weight = 4;
  Start({.policy = BalancePolicy::kRoundRobin});
  EXPECT_EQ(Spread(), (std::vector<int>{5, 20, 5}));
}

TEST_F(ClusterChoiceTest, EveryEndpointThatWasTriedIsAvoided) {
  Start({.policy = BalancePolicy::kRoundRobin});
  const std::array<SocketAddress, 2> tried = {peers_[2].address(), peers_[0].address()};
  EXPECT_EQ(Spread({.tried = tried}), (std::vector<int>{0, 30, 0}));
}

TEST_F(ClusterChoiceTest, AKeyStaysAtItsEndpoint) {
  Start({.policy = BalancePolicy::kMaglev});
  std::set<int> owners;
  for (int key = 0; key < 30; ++key) {
    const uint64_t hash = HashBytes(std::to_string(key));
    const int owner = Serve({.hash = hash});
    EXPECT_EQ(Serve({.hash = hash}), owner);
    owners.insert(owner);
  }
  EXPECT_EQ(owners.size(), 3u);
}

TEST_F(ClusterChoiceTest, UnhealthyAndEjectedOnesAreLeftOutUntilNoOtherIsLeft) {
  set_.endpoints[0].availability = Availability::kUnhealthy;
  set_.endpoints[2].availability = Availability::kEjected;
  Start({.policy = BalancePolicy::kRoundRobin});
  EXPECT_EQ(Spread(), (std::vector<int>{0, 30, 0}));
  set_.endpoints[1].availability = Availability::kUnhealthy;
  cluster_->SetEndpoints(set_);
  EXPECT_EQ(Spread(), (std::vector<int>{10, 10, 10}));
}

TEST_F(ClusterChoiceTest, DrainedOnesAndThoseInMaintenanceGetNothingEvenThen) {
  set_.endpoints[0].availability = Availability::kDrained;
  set_.endpoints[1].availability = Availability::kUnhealthy;
  set_.endpoints[2].availability = Availability::kMaintenance;
  Start({.policy = BalancePolicy::kRoundRobin});
  EXPECT_EQ(Spread(), (std::vector<int>{0, 30, 0}));
  set_.endpoints[1].availability = Availability::kDrained;
  cluster_->SetEndpoints(set_);
  EXPECT_EQ(Serve(), -1);
}

TEST_F(ClusterChoiceTest, BackupsServeWhileTheFirstTierIsDown) {
  set_.endpoints[1].backup = true;
  Start({.policy = BalancePolicy::kRoundRobin});
  EXPECT_EQ(Spread(), (std::vector<int>{15, 0, 15}));
  set_.endpoints[0].availability = Availability::kUnhealthy;
  set_.endpoints[2].availability = Availability::kEjected;
  cluster_->SetEndpoints(set_);
  EXPECT_EQ(Spread(), (std::vector<int>{0, 30, 0}));
}

TEST_F(ClusterChoiceTest, SlowStartIsOnTheLoopsClock) {
  set_.endpoints.resize(2);
  set_.endpoints[0].up_since = clock.Now();
  Start({.policy = BalancePolicy::kRoundRobin, .slow_start = seconds(10)});
  EXPECT_LE(Spread()[0], 4);  // a tenth of the other's part
  Advance(seconds(10));
  EXPECT_EQ(Spread(), (std::vector<int>{15, 15}));
}

TEST_F(ClusterChoiceTest, ReconfiguringChangesThePolicy) {
  Start({.policy = BalancePolicy::kRoundRobin});
  ClusterOptions options;
  options.balancing.policy = BalancePolicy::kRingHash;
  cluster_->Configure(options);
  const std::vector<int> counts = Spread({.hash = 99});
  EXPECT_EQ(std::multiset<int>(counts.begin(), counts.end()), (std::multiset<int>{0, 0, 30}));
}

// What the main thread does for all workers.
std::shared_ptr<const KeyTable> TableOf(const EndpointSet& set, BalancePolicy policy) {
  std::vector<BalancerEndpoint> choices;
  for (const EndpointState& endpoint : set.endpoints) {
    choices.push_back(BalancerEndpointOf(endpoint));
  }
  return MakeKeyTable(policy, choices, nullptr);
}

TEST_F(ClusterChoiceTest, ATableThatCameWithTheEndpointsIsUsedAsItIs) {
  for (const BalancePolicy policy : {BalancePolicy::kRingHash, BalancePolicy::kMaglev}) {
    Start({.policy = policy});
    EXPECT_NE(cluster_->keys(), nullptr);
    set_.keys = TableOf(set_, policy);
    cluster_->SetEndpoints(set_);
    EXPECT_EQ(cluster_->keys(), set_.keys.get());
    // Neither health nor a reload of other options makes another one.
    set_.endpoints[0].availability = Availability::kEjected;
    cluster_->SetEndpoints(set_);
    EXPECT_EQ(cluster_->keys(), set_.keys.get());
    ClusterOptions options;
    options.balancing = {.policy = policy, .panic_percent = 10};
    cluster_->Configure(options);
    EXPECT_EQ(cluster_->keys(), set_.keys.get());
    set_.endpoints[0].availability = Availability::kUp;
    set_.keys = nullptr;
  }
}

TEST_F(ClusterChoiceTest, ATableForOtherEndpointsOrAnotherPolicyIsNotUsed) {
  set_.keys = TableOf(set_, BalancePolicy::kRingHash);
  Start({.policy = BalancePolicy::kMaglev});
  EXPECT_NE(cluster_->keys(), nullptr);
  EXPECT_NE(cluster_->keys(), set_.keys.get());
  Start({.policy = BalancePolicy::kRingHash});
  EXPECT_EQ(cluster_->keys(), set_.keys.get());
  set_.endpoints[2].backup = true;
  cluster_->SetEndpoints(set_);
  EXPECT_NE(cluster_->keys(), set_.keys.get());
  Start({.policy = BalancePolicy::kLeastRequest});
  EXPECT_EQ(cluster_->keys(), nullptr);
}

}  // namespace
}  // namespace holdfast::pool
