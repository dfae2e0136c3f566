#include "pool/connection_tie.h"

#include <sys/socket.h>

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "pool/cluster.h"
#include "tests/pool/pool_harness.h"

namespace holdfast::pool {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Status = Checkout::Status;

class ConnectionTieTest : public testing::Test, protected PoolHarness {
 protected:
  ConnectionTieTest() { Start(PoolLimits{}); }
  void TearDown() override {
    holders_.clear();
    cluster_.reset();
    Turn();
    EXPECT_FALSE(tie_.held());
    EXPECT_EQ(ConnectionsGauge("idle"), 0);
    EXPECT_EQ(ConnectionsGauge("busy"), 0);
    EXPECT_EQ(shelves.idle_places(), 0u);
    EXPECT_EQ(AllOpened(), AllClosed());
    EXPECT_EQ(loop.timers().size(), 0u);
  }

  void Start(const PoolLimits& limits) {
    cluster_ = std::make_unique<Cluster>(
        context(), shard, upstream,
        ClusterOptions{.pool = limits, .balancing = {.policy = BalancePolicy::kRoundRobin}});
    SetEndpoints({a_.address()});
  }
  void SetEndpoints(const std::vector<SocketAddress>& addresses,
                    Availability first = Availability::kUp) {
    EndpointSet set;
    for (const SocketAddress& address : addresses) set.endpoints.push_back({{.address = address}});
    set.endpoints.front().availability = first;
    cluster_->SetEndpoints(set);
  }
  Holder& NewHolder() { return holders_.emplace_back(); }
  Status Ask(Holder& holder, const Request& request) {
    return holder.Accept(cluster_->Acquire(&holder, request, &picked_));
  }
  Holder& Lease(const Request& request = {}) {
    Holder& holder = NewHolder();
    Ask(holder, request);
    EXPECT_TRUE(TurnUntil([&] { return holder.holds(); }));
    return holder;
  }
  // The end of an exchange in which the connection authenticated its client.
  static CloseReason EndAuthenticated(Holder& holder, ConnectionTie* tie) {
    ReuseFacts facts = kGoodEnd;
    facts.authenticated = true;
    facts.tie = tie;
    return holder.lease().End(facts);
  }
  static CloseReason EndWithRest(Holder& holder) {
    ReuseFacts facts = kGoodEnd;
    facts.rest = true;
    return holder.lease().End(facts);
  }
  void Tie(ConnectionTie* tie) {
    EXPECT_EQ(EndAuthenticated(Lease({.tie = tie}), tie), CloseReason::kNone);
    EXPECT_TRUE(tie->held());
  }
  const ConnectionPool& pool() { return cluster_->pool(0); }

  Peer a_, b_;
  std::unique_ptr<Cluster> cluster_;
  ConnectionTie tie_;
  std::deque<Holder> holders_;
  SocketAddress picked_;
};

TEST_F(ConnectionTieTest, ATiedConnectionIsNobodyElses) {
  Tie(&tie_);
  EXPECT_EQ(pool().idle(), 0u);
  EXPECT_EQ(pool().aside(), 1u);
  EXPECT_EQ(ConnectionsGauge("idle"), 1);
  ConnectionTie other;
  EXPECT_EQ(Ask(NewHolder(), {}), Status::kWaiting);
  EXPECT_EQ(Ask(NewHolder(), {.tie = &other}), Status::kWaiting);
  EXPECT_TRUE(tie_.held());
}

TEST_F(ConnectionTieTest, ItsClientGetsItAgain) {
  Tie(&tie_);
  Holder& holder = NewHolder();
  EXPECT_EQ(Ask(holder, {.tie = &tie_}), Status::kLeased);
  EXPECT_EQ(holder.lease().result(), CheckoutResult::kTied);
  EXPECT_TRUE(holder.lease().was_kept());
  EXPECT_EQ(picked_, a_.address());
  EXPECT_FALSE(tie_.held()) << "while it is in use";
  EXPECT_EQ(Checkouts(CheckoutResult::kTied), 1u);
  EXPECT_EQ(AllOpened(), 1u);
}

// The last request carried no credentials and its answer no challenge, as NTLM has it.
TEST_F(ConnectionTieTest, OnceTiedItStaysSo) {
  Tie(&tie_);
  Holder& holder = Lease({.tie = &tie_});
  ReuseFacts facts = kGoodEnd;
  facts.tie = &tie_;
  EXPECT_EQ(holder.lease().End(facts), CloseReason::kNone);
  EXPECT_EQ(pool().aside(), 1u);
  EXPECT_EQ(Lease({.tie = &tie_}).GiveBack(), CloseReason::kOwnerGone) << "without its owner's tie";
}

TEST_F(ConnectionTieTest, ItGoesWithItsClient) {
  {
    ConnectionTie client;
    Tie(&client);
  }
  EXPECT_EQ(pool().connections(), 0u);
  EXPECT_EQ(Closed("owner_gone"), 1u);
  Lease();
  EXPECT_EQ(Opened(OpenReason::kNotKept), 1u);
}

TEST_F(ConnectionTieTest, ATieHoldsOne) {
  Tie(&tie_);
  SetEndpoints({b_.address(), a_.address()});
  Holder& other = Lease({.tried = std::vector{a_.address()}});
  EXPECT_EQ(EndAuthenticated(other, &tie_), CloseReason::kNone);
  EXPECT_EQ(Closed("owner_gone"), 1u);
  EXPECT_EQ(Lease({.tie = &tie_}).lease().address(), b_.address());
}

TEST_F(ConnectionTieTest, WhereItMayNotBeUsedItIsPassedBy) {
  SetEndpoints({a_.address(), b_.address()});
  Tie(&tie_);
  const std::vector tried{a_.address()};
  EXPECT_EQ(Ask(NewHolder(), {.tried = tried, .tie = &tie_}), Status::kWaiting);
  EXPECT_EQ(picked_, b_.address());
  EXPECT_EQ(Ask(NewHolder(), {.fresh = true, .tie = &tie_}), Status::kWaiting);
  Cluster elsewhere(context(), shard, "other", {});
  EXPECT_EQ(NewHolder().Accept(elsewhere.Acquire(&holders_.back(), {.tie = &tie_}, &picked_)),
            Status::kRefused);
  EXPECT_TRUE(tie_.held());
}

TEST_F(ConnectionTieTest, ADeadOneIsNotLeased) {
  Tie(&tie_);
  a_.Accept().Reset();
  EXPECT_EQ(Ask(NewHolder(), {.tie = &tie_}), Status::kWaiting);
  EXPECT_EQ(Closed("idle_peer_closed"), 1u);
}

TEST_F(ConnectionTieTest, TheIdleReaderWatchesIt) {
  Tie(&tie_);
  FileDescriptor& peer = a_.Accept();
  ASSERT_EQ(send(peer.get(), "HTTP/1.1 200 OK\r\n", 17, 0), 17);
  EXPECT_TRUE(TurnUntil([&] { return !tie_.held(); }));
  EXPECT_EQ(Closed("idle_bytes"), 1u);
}

TEST_F(ConnectionTieTest, ItExpiresAsAnIdleOne) {
  Start({.idle_learned = false, .idle_timeout = seconds(5)});
  Tie(&tie_);
  Advance(seconds(4));
  EXPECT_TRUE(tie_.held());
  Advance(seconds(2));
  EXPECT_FALSE(tie_.held());
  EXPECT_EQ(Closed("idle_timeout"), 1u);
}

TEST_F(ConnectionTieTest, NewLimitsReachItWhileItIsAside) {
  const ClusterOptions before{
      .pool = {.idle_learned = false, .idle_timeout = std::nullopt, .max_age = std::nullopt},
      .balancing = {.policy = BalancePolicy::kRoundRobin}};
  ClusterOptions after = before;
  cluster_->Configure(before);
  Tie(&tie_);
  Advance(seconds(30));
  after.pool.idle_timeout = seconds(40);
  cluster_->Configure(after);
  Advance(seconds(9));
  EXPECT_TRUE(tie_.held());
  Advance(seconds(2));
  EXPECT_FALSE(tie_.held());
  EXPECT_EQ(Closed("idle_timeout"), 1u);
  cluster_->Configure(before);
  Tie(&tie_);
  after.pool.idle_timeout = std::nullopt;
  after.pool.max_requests = 1;
  cluster_->Configure(after);
  EXPECT_EQ(EndAuthenticated(Lease({.tie = &tie_}), &tie_), CloseReason::kMaxRequests);
}

TEST_F(ConnectionTieTest, NewLimitsLeaveARestAsItIs) {
  EXPECT_EQ(EndWithRest(Lease()), CloseReason::kNone);
  cluster_->Configure({.pool = {.idle_learned = false, .idle_timeout = milliseconds(20)}});
  Advance(IdleStack::kRest / 2);
  EXPECT_EQ(pool().aside(), 1u);
  cluster_->Configure({.pool = {.idle_learned = false, .idle_timeout = seconds(20)}});
  Advance(IdleStack::kRest / 2 + milliseconds(20));
  EXPECT_EQ(pool().idle(), 1u);
}

TEST_F(ConnectionTieTest, ItGivesWayUnderTheCap) {
  Start({.max_connections = 1});
  Tie(&tie_);
  Lease();
  EXPECT_FALSE(tie_.held());
  EXPECT_EQ(Closed("idle_evicted"), 1u);
}

TEST_F(ConnectionTieTest, ItGoesWithItsEndpoint) {
  for (const Availability out : {Availability::kUnhealthy, Availability::kEjected,
                                 Availability::kDrained, Availability::kMaintenance}) {
    Tie(&tie_);
    SetEndpoints({a_.address()}, out);
    EXPECT_FALSE(tie_.held()) << AvailabilityName(out);
    SetEndpoints({a_.address()});
  }
  Tie(&tie_);
  SetEndpoints({b_.address()});
  EXPECT_FALSE(tie_.held()) << "it left";
  SetEndpoints({a_.address()});
  Tie(&tie_);
  cluster_->Drain();
  EXPECT_FALSE(tie_.held());
}

TEST_F(ConnectionTieTest, AConnectionAtRestServesNobodyYet) {
  EXPECT_EQ(EndWithRest(Lease()), CloseReason::kNone);
  EXPECT_EQ(pool().aside(), 1u);
  EXPECT_EQ(Ask(NewHolder(), {}), Status::kWaiting);
  EXPECT_EQ(Opened(OpenReason::kAllBusy), 1u);
}

TEST_F(ConnectionTieTest, WhenNothingCameItServesAgain) {
  EXPECT_EQ(EndWithRest(Lease()), CloseReason::kNone);
  Advance(IdleStack::kRest + milliseconds(20));
  EXPECT_EQ(pool().aside(), 0u);
  EXPECT_EQ(pool().idle(), 1u);
  EXPECT_EQ(Lease().lease().result(), CheckoutResult::kReused);
}

TEST_F(ConnectionTieTest, WhatComesWhileItRestsEndsIt) {
  EXPECT_EQ(EndWithRest(Lease()), CloseReason::kNone);
  FileDescriptor& peer = a_.Accept();
  ASSERT_EQ(send(peer.get(), "late", 4, 0), 4);
  EXPECT_TRUE(TurnUntil([&] { return pool().connections() == 0; }));
  EXPECT_EQ(Closed("idle_bytes"), 1u);
}

TEST_F(ConnectionTieTest, WhoWaitsGetsItAfterItsRest) {
  Start({.max_connections = 2});
  Holder& resting = Lease();
  Lease();
  EXPECT_EQ(EndWithRest(resting), CloseReason::kNone);
  Holder& next = NewHolder();
  EXPECT_EQ(Ask(next, {}), Status::kWaiting);
  EXPECT_TRUE(TurnUntil([&] { return next.holds(); }));
  EXPECT_EQ(Closed("idle_evicted"), 1u) << "a cap leaves no room for rest";
}

}  // namespace
}  // namespace holdfast::pool
