#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "pool/cluster.h"
#include "tests/pool/fake_dialer.h"
#include "tests/pool/net/socket_pair.h"
#include "tests/pool/pool_harness.h"
#include "tests/pool/scripted_protocol.h"

// Pools whose connections are introduced as one client's each (EndpointKey::of_one_client).

namespace holdfast::pool {
namespace {

using Status = Checkout::Status;

ProxiedEnds EndsOf(int client) {
  return {*SocketAddress::FromIp("192.0.2." + std::to_string(client), 4711),
          *SocketAddress::Parse("198.51.100.2:443")};
}
std::string LineOf(int client) {
  return "PROXY TCP4 192.0.2." + std::to_string(client) + " 198.51.100.2 4711 443\r\n";
}

class ConnectionPoolClientsTest : public testing::Test, protected PoolHarness {
 protected:
  ConnectionPoolClientsTest() { Start({}); }
  void TearDown() override {
    holders_.clear();
    cluster_.reset();
    Turn();
    EXPECT_EQ(ConnectionsGauge("idle"), 0);
    EXPECT_EQ(ConnectionsGauge("busy"), 0);
    EXPECT_EQ(ConnectionsGauge("connecting"), 0);
    EXPECT_EQ(WaitersGauge(), 0);
    EXPECT_EQ(shelves.idle_places(), 0u);
    EXPECT_EQ(AllOpened(), AllClosed());
    EXPECT_EQ(loop.timers().size(), 0u);
  }

  void Start(const PoolLimits& limits) {
    options_.pool = limits;
    options_.proxy = ProxyVersion::kV1;
    options_.balancing.policy = BalancePolicy::kRoundRobin;
    PoolContext with = context();
    if (protocols_ != nullptr) with.protocols = protocols_;
    cluster_ = std::make_unique<Cluster>(with, shard, upstream, options_);
    SetEndpoints({a_.address()});
  }
  void SetEndpoints(const std::vector<SocketAddress>& addresses) {
    EndpointSet set;
    for (const SocketAddress& address : addresses) set.endpoints.push_back({{.address = address}});
    cluster_->SetEndpoints(set);
  }
  Status Ask(Holder& holder, const Request& request) {
    SocketAddress picked;
    return holder.Accept(cluster_->Acquire(&holder, request, &picked));
  }
  Holder& NewHolder() { return holders_.emplace_back(); }
  Holder& Lease(const Request& request) {
    Holder& holder = NewHolder();
    Ask(holder, request);
    EXPECT_TRUE(TurnUntil([&] { return holder.holds(); }));
    EXPECT_TRUE(pool().Validate());
    return holder;
  }
  static CloseReason End(Holder& holder, ConnectionTie* tie) {
    ReuseFacts facts = kGoodEnd;
    facts.tie = tie;
    return holder.lease().End(facts);
  }
  const ConnectionPool& pool() { return cluster_->pool(0); }

  Peer a_, b_;
  ClusterOptions options_;
  const ProtocolChoice* protocols_ = nullptr;  // null: as usual
  std::unique_ptr<Cluster> cluster_;
  ConnectionTie tie_, other_;
  std::deque<Holder> holders_;
  const ProxiedEnds one_ = EndsOf(1);
  const ProxiedEnds two_ = EndsOf(2);
};

TEST_F(ConnectionPoolClientsTest, EachIsIntroducedAsItsClients) {
  Lease({.tie = &tie_, .ends = &one_});
  EXPECT_EQ(Receive(a_.Accept(), LineOf(1).size()), LineOf(1));
  Lease({.tie = &other_, .ends = &two_});
  EXPECT_EQ(Receive(a_.Accept(), LineOf(2).size()), LineOf(2));
}

TEST_F(ConnectionPoolClientsTest, WhoIsNotKnownIsIntroducedAsSuch) {
  Lease({.tie = &tie_});
  EXPECT_EQ(Receive(a_.Accept(), 15), "PROXY UNKNOWN\r\n");
}

TEST_F(ConnectionPoolClientsTest, ItsClientGetsItAgainAndNobodyElse) {
  EXPECT_EQ(End(Lease({.tie = &tie_, .ends = &one_}), &tie_), CloseReason::kNone);
  EXPECT_EQ(pool().aside(), 1u);
  EXPECT_EQ(pool().idle(), 0u);
  const ProxiedEnds again = EndsOf(1);
  Holder& holder = NewHolder();
  EXPECT_EQ(Ask(holder, {.tie = &tie_, .ends = &again}), Status::kLeased);
  EXPECT_EQ(holder.lease().result(), CheckoutResult::kTied);
  EXPECT_EQ(End(holder, &tie_), CloseReason::kNone);
  Lease({.tie = &other_, .ends = &one_});  // from the same address, on another connection
  EXPECT_EQ(AllOpened(), 2u);
  EXPECT_TRUE(tie_.held());
}

TEST_F(ConnectionPoolClientsTest, WithoutAClientItEnds) {
  EXPECT_EQ(End(Lease({.ends = &one_}), nullptr), CloseReason::kOwnerGone);
  EXPECT_EQ(pool().connections(), 0u);
  {
    ConnectionTie client;
    EXPECT_EQ(End(Lease({.tie = &client, .ends = &one_}), &client), CloseReason::kNone);
    EXPECT_EQ(pool().connections(), 1u);
  }
  EXPECT_EQ(pool().connections(), 0u);
}

// A proxy before us asks for many on one connection.
TEST_F(ConnectionPoolClientsTest, ForWhomElseItsClientSpeaksItIsNotUsed) {
  EXPECT_EQ(End(Lease({.tie = &tie_, .ends = &one_}), &tie_), CloseReason::kNone);
  for (const ProxiedEnds* ends : {&two_, static_cast<const ProxiedEnds*>(nullptr), &one_}) {
    Holder& holder = NewHolder();
    EXPECT_EQ(Ask(holder, {.tie = &tie_, .ends = ends}), Status::kWaiting);
    ASSERT_TRUE(TurnUntil([&] { return holder.holds(); }));
    EXPECT_EQ(holder.lease().result(), CheckoutResult::kFresh);
    EXPECT_EQ(End(holder, &tie_), CloseReason::kNone);
    EXPECT_EQ(pool().aside(), 1u) << "the one before has been closed";
  }
}

TEST_F(ConnectionPoolClientsTest, AtTheCapWhatIsAsideGivesWay) {
  Start({.max_connections = 1});
  EXPECT_EQ(End(Lease({.tie = &tie_, .ends = &one_}), &tie_), CloseReason::kNone);
  EXPECT_EQ(Receive(a_.Accept(), LineOf(1).size()), LineOf(1));
  Lease({.tie = &other_, .ends = &two_});
  EXPECT_FALSE(tie_.held());
  EXPECT_EQ(Receive(a_.Accept(), LineOf(2).size()), LineOf(2));
}

// Who waits in the queue gets one of its own once there is room.
TEST_F(ConnectionPoolClientsTest, WhoQueuesIsIntroducedAsWell) {
  Start({.max_connections = 1});
  Holder& first = Lease({.tie = &tie_, .ends = &one_});
  Holder& second = NewHolder();
  EXPECT_EQ(Ask(second, {.tie = &other_, .ends = &two_}), Status::kWaiting);
  Turn();
  EXPECT_EQ(End(first, &tie_), CloseReason::kNone);
  ASSERT_TRUE(TurnUntil([&] { return second.holds(); }));
  EXPECT_EQ(Receive(a_.Accept(), LineOf(1).size()), LineOf(1));
  EXPECT_EQ(Receive(a_.Accept(), LineOf(2).size()), LineOf(2));
}

TEST_F(ConnectionPoolClientsTest, AnotherVersionIsAnotherPool) {
  EXPECT_EQ(End(Lease({.tie = &tie_, .ends = &one_}), &tie_), CloseReason::kNone);
  options_.proxy = ProxyVersion::kV2;
  cluster_->Configure(options_);
  EXPECT_FALSE(tie_.held()) << "it is drained";
  Lease({.tie = &tie_, .ends = &one_});
  options_.proxy = ProxyVersion::kNone;
  cluster_->Configure(options_);
  EXPECT_EQ(Lease({.tie = &tie_, .ends = &one_}).GiveBack(), CloseReason::kNone);
  EXPECT_EQ(pool().idle(), 1u) << "it is everybody's";
}

// The attempts in the test's hands.
class ConnectionPoolClientsOpeningTest : public ConnectionPoolClientsTest {
 protected:
  ConnectionPoolClientsOpeningTest() {
    dialer = &fake_;
    Start({});
  }
  void TearDown() override {
    ConnectionPoolClientsTest::TearDown();
    dialer = &socket_dialer;
  }
  FakeDialer fake_{&loop, &slabs};
};

TEST_F(ConnectionPoolClientsOpeningTest, WhoHasGoneLeavesItToNobody) {
  Holder& first = NewHolder();
  Holder& second = NewHolder();
  EXPECT_EQ(Ask(first, {.tie = &tie_, .ends = &one_}), Status::kWaiting);
  EXPECT_EQ(Ask(second, {.tie = &other_, .ends = &two_}), Status::kWaiting);
  EXPECT_EQ(fake_.begun(), 2u);
  first.CancelWait();
  fake_.Succeed();
  Turn();
  EXPECT_FALSE(second.holds()) << "it was introduced as the first one's";
  EXPECT_EQ(Closed("owner_gone"), 1u);
  fake_.Succeed();
  EXPECT_TRUE(second.holds());
  EXPECT_EQ(fake_.begun(), 2u);
  EXPECT_TRUE(pool().Validate());
}

TEST_F(ConnectionPoolClientsOpeningTest, EachGetsItsOwnWhicheverComesFirst) {
  Holder& first = NewHolder();
  Holder& second = NewHolder();
  EXPECT_EQ(Ask(first, {.ends = &one_}), Status::kWaiting);
  first.CancelWait();
  EXPECT_EQ(Ask(second, {.ends = &two_}), Status::kWaiting);
  EXPECT_EQ(Ask(first, {.ends = &one_}), Status::kWaiting);
  EXPECT_EQ(fake_.begun(), 3u) << "what was begun for a wait is for that wait alone";
  fake_.Succeed();
  EXPECT_FALSE(first.holds() || second.holds());
  fake_.Succeed();
  EXPECT_TRUE(second.holds());
  fake_.Succeed();
  EXPECT_TRUE(first.holds());
}

TEST_F(ConnectionPoolClientsOpeningTest, AFailureIsItsClientsAlone) {
  Holder& first = NewHolder();
  Holder& second = NewHolder();
  EXPECT_EQ(Ask(first, {.ends = &one_}), Status::kWaiting);
  EXPECT_EQ(Ask(second, {.ends = &two_}), Status::kWaiting);
  first.CancelWait();
  fake_.Fail(CheckoutResult::kConnectRefused);
  Turn();
  EXPECT_TRUE(second.waiting()) << "that was the first one's";
  fake_.Fail(CheckoutResult::kConnectRefused);
  EXPECT_EQ(second.failure(), CheckoutResult::kConnectRefused);
}

TEST_F(ConnectionPoolClientsOpeningTest, WhenItIsSlowItsClientGoesOnElsewhere) {
  SetEndpoints({a_.address(), b_.address()});
  Holder& holder = NewHolder();
  EXPECT_EQ(Ask(holder, {.tie = &tie_, .ends = &one_}), Status::kWaiting);
  const SocketAddress slow = fake_.key().address;
  fake_.SaySlow();
  Turn();
  EXPECT_EQ(fake_.begun(), 2u);
  ASSERT_NE(fake_.terms().ends, nullptr);
  EXPECT_EQ(*fake_.terms().ends, one_);
  fake_.Succeed();
  ASSERT_TRUE(holder.holds()) << "it was introduced as its client's";
  EXPECT_EQ(holder.lease().address(), slow);
  fake_.Succeed();
  Turn();
  EXPECT_EQ(Closed("owner_gone"), 1u) << "one is enough";
  EXPECT_EQ(End(holder, &tie_), CloseReason::kNone);
  EXPECT_TRUE(tie_.held());
}

// Of several who have gone on elsewhere, each gets what was opened in its name, and nothing else.
TEST_F(ConnectionPoolClientsOpeningTest, WhatWasSlowServesWhomItWasOpenedFor) {
  Holder& first = NewHolder();
  Holder& second = NewHolder();
  Holder& unknown = NewHolder();
  EXPECT_EQ(Ask(first, {.ends = &one_}), Status::kWaiting);
  EXPECT_EQ(Ask(second, {.ends = &two_}), Status::kWaiting);
  EXPECT_EQ(Ask(unknown, {}), Status::kWaiting);
  SetEndpoints({a_.address(), b_.address()});
  for (size_t i = 0; i < 3; ++i) fake_.SaySlow(i);
  Turn();
  EXPECT_EQ(fake_.begun(), 6u);
  first.CancelWait();
  fake_.Succeed();
  Turn();
  EXPECT_FALSE(second.holds() || unknown.holds()) << "it was introduced as another one's";
  EXPECT_EQ(Closed("owner_gone"), 1u);
  fake_.Succeed();
  ASSERT_TRUE(second.holds());
  EXPECT_EQ(second.lease().address(), a_.address());
  EXPECT_FALSE(unknown.holds());
  fake_.Succeed();
  EXPECT_TRUE(unknown.holds());
  EXPECT_TRUE(pool().Validate());
  while (fake_.pending() > 0) fake_.Succeed();
  Turn();
  EXPECT_EQ(Closed("owner_gone"), 4u);
}

// Nobody waits for a probe, which speaks for nobody.
TEST_F(ConnectionPoolClientsOpeningTest, WhatIsOpenedForNobodyIsClosed) {
  SetEndpoints({a_.address(), b_.address()});
  Holder& holder = NewHolder();
  EXPECT_EQ(Ask(holder, {.ends = &one_}), Status::kWaiting);
  fake_.Fail(CheckoutResult::kConnectUnreachable);
  EXPECT_TRUE(holder.failure().has_value());
  holder.ForgetFailure();
  Advance(Openings::kDoubtTime);
  EXPECT_EQ(Ask(holder, {.ends = &one_}), Status::kWaiting);
  ASSERT_EQ(fake_.begun(), 3u);
  fake_.Succeed();
  fake_.Succeed();
  Turn();
  EXPECT_TRUE(holder.holds());
  EXPECT_EQ(Closed("owner_gone"), 1u);
  EXPECT_EQ(ConnectionsGauge("idle"), 0);
}

// A protocol that could carry eight on each connection.
class ConnectionPoolClientsSlotsTest : public ConnectionPoolClientsOpeningTest {
 protected:
  ConnectionPoolClientsSlotsTest() {
    protocols_ = &script_;
    Start({});
  }
  ScriptedProtocols script_{8};
};

TEST_F(ConnectionPoolClientsSlotsTest, OneCarriesOneClientsRequestAlone) {
  Holder& first = NewHolder();
  Holder& second = NewHolder();
  EXPECT_EQ(Ask(first, {.tie = &tie_, .ends = &one_}), Status::kWaiting);
  EXPECT_EQ(Ask(second, {.tie = &other_, .ends = &two_}), Status::kWaiting);
  EXPECT_EQ(fake_.begun(), 2u) << "each is introduced as its client's";
  fake_.Succeed();
  EXPECT_TRUE(first.holds());
  Turn();
  EXPECT_FALSE(second.holds());
  Holder& third = NewHolder();
  EXPECT_EQ(Ask(third, {.tie = &tie_, .ends = &one_}), Status::kWaiting);
  EXPECT_EQ(fake_.begun(), 3u);
  fake_.Succeed();
  EXPECT_TRUE(second.holds());
  fake_.Succeed();
  EXPECT_TRUE(third.holds());
  EXPECT_TRUE(pool().Validate());
}

TEST_F(ConnectionPoolClientsSlotsTest, ItsClientGetsItAgainAndWithoutOneItEnds) {
  Holder& first = NewHolder();
  EXPECT_EQ(Ask(first, {.tie = &tie_, .ends = &one_}), Status::kWaiting);
  fake_.Succeed();
  EXPECT_EQ(End(first, &tie_), CloseReason::kNone);
  EXPECT_EQ(pool().aside(), 1u);
  EXPECT_EQ(Ask(first, {.tie = &tie_, .ends = &one_}), Status::kLeased);
  EXPECT_TRUE(pool().Validate());
  EXPECT_EQ(End(first, nullptr), CloseReason::kOwnerGone);
  EXPECT_EQ(pool().connections(), 0u);
}

}  // namespace
}  // namespace holdfast::pool
