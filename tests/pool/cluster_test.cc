#include "pool/cluster.h"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/pool/fake_dialer.h"
#include "tests/pool/pool_harness.h"

namespace holdfast::pool {
namespace {

using Status = Checkout::Status;

class ClusterTest : public testing::Test, protected PoolHarness {
 protected:
  void TearDown() override {
    holders_.clear();
    cluster_.reset();
    Turn();
    EXPECT_EQ(ConnectionsGauge("idle"), 0);
    EXPECT_EQ(ConnectionsGauge("busy"), 0);
    EXPECT_EQ(ConnectionsGauge("connecting"), 0);
    EXPECT_EQ(WaitersGauge(), 0);
    EXPECT_EQ(AllOpened(), AllClosed());
  }

  static ClusterOptions Options(const PoolLimits& limits, BalancePolicy policy) {
    return {.pool = limits, .balancing = {.policy = policy}};
  }
  void Start(const PoolLimits& limits = PoolLimits{},
             BalancePolicy policy = BalancePolicy::kRoundRobin) {
    cluster_ = std::make_unique<Cluster>(context(), shard, upstream, Options(limits, policy));
  }
  void SetEndpoints(const std::vector<SocketAddress>& addresses, std::string note = "") {
    EndpointSet set{.note = std::move(note)};
    for (const SocketAddress& address : addresses) set.endpoints.push_back({{.address = address}});
    cluster_->SetEndpoints(set);
  }
  Holder& NewHolder() { return holders_.emplace_back(); }
  Status Ask(Holder& holder, const SocketAddress* avoid = nullptr) {
    Request request;
    if (avoid != nullptr) request.tried = {avoid, 1};
    return holder.Accept(cluster_->Acquire(&holder, request, &picked_));
  }
  Holder& Lease() {
    Holder& holder = NewHolder();
    Ask(holder);
    EXPECT_TRUE(TurnUntil([&] { return holder.holds(); }));
    return holder;
  }
  size_t IdleAt(const SocketAddress& address) { return PoolAt(address).idle(); }
  const ConnectionPool& PoolAt(const SocketAddress& address) {
    for (size_t i = 0; i < cluster_->endpoints(); ++i) {
      if (cluster_->pool(i).key().address == address) return cluster_->pool(i);
    }
    ADD_FAILURE() << "no endpoint " << address.ToString();
    return cluster_->pool(0);
  }

  Peer a_, b_, c_;
  FakeDialer fake_{&loop, &slabs};  // of those tests that name it
  std::unique_ptr<Cluster> cluster_;
  std::deque<Holder> holders_;
  SocketAddress picked_;
};

TEST_F(ClusterTest, WithoutEndpointsItRefusesAndSaysWhy) {
  Start();
  Holder& holder = NewHolder();
  EXPECT_EQ(Ask(holder), Status::kRefused);
  EXPECT_EQ(holder.failure(), CheckoutResult::kNoEndpoint);
  EXPECT_EQ(Checkouts(CheckoutResult::kNoEndpoint), 1u);
  EXPECT_EQ(picked_, SocketAddress());
  SetEndpoints({}, "web.local: no answer yet");
  EXPECT_EQ(cluster_->note(), "web.local: no answer yet");
}

TEST_F(ClusterTest, AReloadBringsNumbersAndEndpointsTogether) {
  dialer = &fake_;
  Start(PoolLimits{.max_connections = 1});
  SetEndpoints({a_.address()});
  EndpointSet set;
  set.endpoints.push_back({{.address = b_.address()}});
  cluster_->Adopt(Options(PoolLimits{.max_connections = 2}, BalancePolicy::kRoundRobin), set);
  ASSERT_EQ(cluster_->endpoints(), 1u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Ask(NewHolder()), Status::kWaiting);
  }
  EXPECT_EQ(picked_, b_.address());
  EXPECT_EQ(fake_.pending(), 2u) << "as many as the new cap allows";
}

// A connection that was verified under the rules of before may serve nobody under those of now.
TEST_F(ClusterTest, AReloadThatChangesTheTlsIdentityHandsNoConnectionOver) {
  dialer = &fake_;
  const auto with = [&](std::string name) {
    ClusterOptions options = Options(PoolLimits{}, BalancePolicy::kRoundRobin);
    if (!name.empty()) options.tls = TlsIdentity(TlsSettings{.server_name = std::move(name)});
    return options;
  };
  const auto ask = [&](Holder& holder) {
    const Status status = Ask(holder);
    if (status == Status::kWaiting) fake_.Succeed();
    EXPECT_TRUE(holder.holds());
  };
  cluster_ = std::make_unique<Cluster>(context(), shard, upstream, with("a.test"));
  SetEndpoints({a_.address()});
  Holder& kept = NewHolder();
  Holder& busy = NewHolder();
  ask(kept);
  ask(busy);
  EXPECT_EQ(fake_.key().tls.settings().server_name, "a.test");
  kept.GiveBack();
  EXPECT_EQ(cluster_->pool(0).idle(), 1u);

  cluster_->Configure(with("a.test"));
  EXPECT_EQ(cluster_->pool(0).idle(), 1u) << "the same, said again";

  cluster_->Configure(with("b.test"));
  EXPECT_EQ(cluster_->pool(0).key().tls, with("b.test").tls);
  EXPECT_EQ(cluster_->pool(0).connections(), 0u);
  EXPECT_EQ(Closed("drained"), 1u);
  Holder& next = NewHolder();
  ask(next);
  EXPECT_EQ(fake_.begun(), 3u);
  EXPECT_EQ(fake_.key().tls.settings().server_name, "b.test");
  EXPECT_EQ(busy.GiveBack(), CloseReason::kDraining);
  Turn();
  next.GiveBack();

  cluster_->Configure(with(""));
  ask(NewHolder());
  EXPECT_EQ(fake_.begun(), 4u);
  EXPECT_TRUE(fake_.key().tls.plain());
}

// As with an endpoint that leaves and comes back while it is in use.
TEST_F(ClusterTest, ATlsIdentityThatComesBackFindsItsPool) {
  dialer = &fake_;
  ClusterOptions plain = Options(PoolLimits{}, BalancePolicy::kRoundRobin);
  ClusterOptions secure = plain;
  secure.tls = TlsIdentity(TlsSettings{.server_name = "a.test"});
  cluster_ = std::make_unique<Cluster>(context(), shard, upstream, plain);
  SetEndpoints({a_.address()});
  Holder& holder = NewHolder();
  ASSERT_EQ(Ask(holder), Status::kWaiting);
  fake_.Succeed();
  cluster_->Configure(secure);
  cluster_->Configure(plain);
  EXPECT_EQ(cluster_->pool(0).leased(), 1u);
  EXPECT_EQ(holder.GiveBack(), CloseReason::kNone);
  EXPECT_EQ(cluster_->pool(0).idle(), 1u);
}

TEST_F(ClusterTest, ItsPoolsAreKeyedByItsNameAndTheirAddresses) {
  Start();
  SetEndpoints({a_.address(), b_.address()});
  ASSERT_EQ(cluster_->endpoints(), 2u);
  EXPECT_EQ(cluster_->name(), upstream);
  EXPECT_EQ(cluster_->pool(0).key(), (EndpointKey{upstream, a_.address()}));
  EXPECT_EQ(cluster_->pool(1).key(), (EndpointKey{upstream, b_.address()}));
}

TEST_F(ClusterTest, RequestsGoToEveryEndpointInTurn) {
  Start();
  SetEndpoints({a_.address(), b_.address(), c_.address()});
  for (int i = 0; i < 9; ++i) {
    Holder& holder = Lease();
    EXPECT_EQ(holder.lease().address(), picked_);
  }
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(cluster_->pool(i).leased(), 3u);
}

TEST_F(ClusterTest, LeastRequestCountsThoseInFlightAndThoseWhoWait) {
  Start(PoolLimits{}, BalancePolicy::kLeastRequest);
  SetEndpoints({a_.address(), b_.address()});
  for (int i = 0; i < 20; ++i) {
    Ask(NewHolder());
    if (i % 5 == 0) Turn();
  }
  EXPECT_EQ(cluster_->pool(0).load(), 10u);
  EXPECT_EQ(cluster_->pool(1).load(), 10u);
}

TEST_F(ClusterTest, ARepetitionAvoidsTheEndpointThatFailed) {
  Start();
  SetEndpoints({a_.address(), b_.address()});
  for (int i = 0; i < 6; ++i) {
    Ask(NewHolder(), &a_.address());
    EXPECT_EQ(picked_, b_.address());
  }
  SetEndpoints({a_.address()});
  Ask(NewHolder(), &a_.address());
  EXPECT_EQ(picked_, a_.address()) << "the only one is better than none";
  Ask(NewHolder(), &b_.address());
  EXPECT_EQ(picked_, a_.address()) << "one that left is avoided anyway";
  ASSERT_TRUE(TurnUntil([&] { return ConnectionsGauge("busy") == 8; }));
}

TEST_F(ClusterTest, AnAddressNamedTwiceIsOneEndpoint) {
  Start();
  SetEndpoints({a_.address(), b_.address(), a_.address()});
  EXPECT_EQ(cluster_->endpoints(), 2u);
  SetEndpoints({b_.address(), b_.address()});
  EXPECT_EQ(cluster_->endpoints(), 1u);
}

TEST_F(ClusterTest, EndpointsThatStayKeepTheirConnectionsInAnyOrder) {
  Start();
  SetEndpoints({a_.address(), b_.address()});
  Holder& one = Lease();
  Holder& two = Lease();
  one.GiveBack();
  two.GiveBack();
  const ConnectionPool* pool = &PoolAt(a_.address());
  SetEndpoints({c_.address(), b_.address(), a_.address()});
  EXPECT_EQ(IdleAt(a_.address()), 1u);
  EXPECT_EQ(IdleAt(b_.address()), 1u);
  EXPECT_EQ(&PoolAt(a_.address()), pool);
  EXPECT_EQ(AllClosed(), 0u);
}

TEST_F(ClusterTest, AnEndpointThatLeavesClosesItsIdleConnectionsAtOnce) {
  Start();
  SetEndpoints({a_.address(), b_.address()});
  Holder& one = Lease();
  Holder& two = Lease();
  one.GiveBack();
  two.GiveBack();
  a_.AcceptAll();
  SetEndpoints({b_.address()});
  EXPECT_EQ(Closed("drained"), 1u);
  EXPECT_EQ(IdleAt(b_.address()), 1u);
  EXPECT_TRUE(SeesEnd(a_.accepted().front()));
}

TEST_F(ClusterTest, AnEndpointThatLeavesFinishesWhatIsInUse) {
  Start();
  SetEndpoints({a_.address()});
  Holder& busy = Lease();
  SetEndpoints({});
  Turn();
  EXPECT_TRUE(busy.lease().connection().open());
  EXPECT_EQ(ConnectionsGauge("busy"), 1);
  EXPECT_EQ(busy.GiveBack(), CloseReason::kDraining);
  EXPECT_EQ(ConnectionsGauge("busy"), 0);
}

TEST_F(ClusterTest, AnEndpointThatLeavesServesThoseWhoWaitForIt) {
  Start({.max_connections = 1});
  SetEndpoints({a_.address()});
  Holder& busy = Lease();
  Holder& waiting = NewHolder();
  ASSERT_EQ(Ask(waiting), Status::kWaiting);
  SetEndpoints({b_.address()});
  busy.GiveBack();
  ASSERT_TRUE(TurnUntil([&] { return waiting.holds(); }));
  EXPECT_EQ(waiting.lease().address(), a_.address());
}

// The pool that was on its way out is taken up again, so that the caps go on counting it.
TEST_F(ClusterTest, AnEndpointMayLeaveAndComeBackWhileInUse) {
  Start();
  SetEndpoints({a_.address()});
  Holder& before = Lease();
  SetEndpoints({});
  SetEndpoints({a_.address()});
  Holder& after = Lease();
  EXPECT_EQ(before.GiveBack(), CloseReason::kNone);
  EXPECT_EQ(after.GiveBack(), CloseReason::kNone);
  EXPECT_EQ(IdleAt(a_.address()), 2u);
}

// The attempt at an endpoint that has left fails, and the request is repeated elsewhere from inside
// the callback: the pool that calls must survive it.
TEST_F(ClusterTest, AFailureAtAnEndpointThatLeftMayBeRepeatedElsewhereAtOnce) {
  const RefusingAddress nobody;
  Start();
  SetEndpoints({nobody.address()});
  Holder& holder = NewHolder();
  ASSERT_EQ(Ask(holder), Status::kWaiting);
  SetEndpoints({b_.address()});
  holder.on_failure = [&] {
    holder.ForgetFailure();
    Ask(holder, &nobody.address());
  };
  ASSERT_TRUE(TurnUntil([&] { return holder.holds(); }));
  EXPECT_EQ(holder.lease().address(), b_.address());
}

TEST_F(ClusterTest, AQueueTimeoutAtAnEndpointThatLeftMayBeRepeatedElsewhereAtOnce) {
  const SilentAddress silent;
  Start({.queue_timeout = std::chrono::seconds(1)});
  SetEndpoints({silent.address()});
  Holder& holder = NewHolder();
  ASSERT_EQ(Ask(holder), Status::kWaiting);
  SetEndpoints({b_.address()});
  holder.on_failure = [&] {
    holder.ForgetFailure();
    Ask(holder, &silent.address());
  };
  Advance(std::chrono::seconds(2));
  ASSERT_TRUE(TurnUntil([&] { return holder.holds(); }));
}

TEST_F(ClusterTest, WhatAnUnusedEndpointThatLeftWasConnectingIsGivenUp) {
  const SilentAddress silent;
  Start();
  SetEndpoints({silent.address()});
  Holder& holder = NewHolder();
  ASSERT_EQ(Ask(holder), Status::kWaiting);
  holder.CancelWait();
  SetEndpoints({});
  Turn();
  EXPECT_EQ(ConnectionsGauge("connecting"), 0);
  EXPECT_EQ(Closed("drained"), 1u);
}

TEST_F(ClusterTest, NewLimitsHoldForEveryEndpointAndThoseToCome) {
  Start();
  SetEndpoints({a_.address()});
  Lease().GiveBack();
  cluster_->Configure(
      Options({.max_connections = 1, .queue_size = 0}, BalancePolicy::kLeastRequest));
  SetEndpoints({a_.address(), b_.address()});
  EXPECT_EQ(IdleAt(a_.address()), 1u);
  Ask(NewHolder());
  Ask(NewHolder());
  Holder& over = NewHolder();
  EXPECT_EQ(Ask(over), Status::kRefused);
  EXPECT_EQ(over.failure(), CheckoutResult::kQueueFull);
  ASSERT_TRUE(TurnUntil([&] { return ConnectionsGauge("busy") == 2; }));
}

TEST_F(ClusterTest, DrainHoldsForEveryEndpointAndThoseToCome) {
  Start();
  SetEndpoints({a_.address()});
  Lease().GiveBack();
  Holder& busy = Lease();
  cluster_->Drain();
  EXPECT_EQ(busy.GiveBack(), CloseReason::kDraining);
  SetEndpoints({a_.address(), b_.address()});
  for (int i = 0; i < 2; ++i) EXPECT_EQ(Lease().GiveBack(), CloseReason::kDraining);
  EXPECT_EQ(ConnectionsGauge("idle"), 0);
}

TEST_F(ClusterTest, KnowsWhetherAnotherEndpointIsThere) {
  Start();
  SetEndpoints({a_.address(), b_.address()});
  EXPECT_TRUE(cluster_->HasOther(a_.address(), {}));
  const SocketAddress tried[] = {b_.address()};
  EXPECT_FALSE(cluster_->HasOther(a_.address(), tried));
  EndpointSet set;
  set.endpoints.push_back({{.address = a_.address()}});
  set.endpoints.push_back({{.address = b_.address()}, Availability::kEjected});
  cluster_->SetEndpoints(set);
  EXPECT_FALSE(cluster_->HasOther(a_.address(), {}));
  EXPECT_TRUE(cluster_->HasOther(b_.address(), {}));
}

// What is there only for a request that would fail otherwise.
TEST_F(ClusterTest, TheLastResortIsAnEndpointThatIsNotUp) {
  Start();
  EndpointSet set;
  set.endpoints.push_back({{.address = a_.address()}});
  set.endpoints.push_back({{.address = b_.address()}, Availability::kEjected});
  set.endpoints.push_back({{.address = c_.address()}, Availability::kDrained});
  cluster_->SetEndpoints(set);
  EXPECT_TRUE(cluster_->HasUntried(a_.address(), {}));
  const SocketAddress tried[] = {a_.address()};
  Holder& holder = NewHolder();
  holder.Accept(cluster_->Acquire(&holder, {.tried = tried, .last_resort = true}, &picked_));
  EXPECT_EQ(picked_, b_.address());
  EXPECT_FALSE(cluster_->HasUntried(b_.address(), tried)) << "drained ones get nothing";
  ASSERT_TRUE(TurnUntil([&] { return ConnectionsGauge("busy") == 1; }));
}

TEST_F(ClusterTest, TheEndpointThatARequestPrefersIsTakenWhileItIsUp) {
  Start();
  EndpointSet set;
  set.endpoints.push_back({{.address = a_.address()}});
  set.endpoints.push_back({{.address = b_.address()}});
  cluster_->SetEndpoints(set);
  const SocketAddress preferred = b_.address();
  const SocketAddress tried[] = {b_.address()};
  const auto picked = [&](std::span<const SocketAddress> failed) {
    Holder& holder = NewHolder();
    Request request{.tried = failed};
    request.preferred = &preferred;
    holder.Accept(cluster_->Acquire(&holder, request, &picked_));
    EXPECT_TRUE(TurnUntil([&] { return holder.holds(); }));
    return picked_;
  };
  for (int i = 0; i < 4; ++i) EXPECT_EQ(picked({}), b_.address());
  EXPECT_EQ(picked(tried), a_.address()) << "it has failed this request";
  for (const Availability down : {Availability::kEjected, Availability::kDrained}) {
    set.endpoints[1].availability = down;
    cluster_->SetEndpoints(set);
    EXPECT_EQ(picked({}), a_.address());
  }
  set.endpoints[1].availability = Availability::kUp;
  set.endpoints[1].backup = true;
  cluster_->SetEndpoints(set);
  EXPECT_EQ(picked({}), a_.address()) << "a backup waits, whoever was there before";
  set.endpoints.pop_back();
  cluster_->SetEndpoints(set);
  EXPECT_EQ(picked({}), a_.address()) << "it has left";
}

TEST_F(ClusterTest, AConnectThatFailsIsReportedAgainstItsEndpoint) {
  const RefusingAddress nobody;
  std::vector<SocketAddress> troubled;
  PoolContext told = context();
  told.on_trouble = [&](const std::string&, const SocketAddress& at, const std::string&) {
    troubled.push_back(at);
  };
  ClusterOptions options;
  options.outlier->consecutive_errors = 1;
  cluster_ = std::make_unique<Cluster>(told, shard, upstream, options);
  SetEndpoints({nobody.address()});
  Holder& holder = NewHolder();
  Ask(holder);
  ASSERT_TRUE(TurnUntil([&] { return holder.failure().has_value(); }));
  EXPECT_EQ(troubled, std::vector<SocketAddress>{nobody.address()});
}

// Of a host with addresses of two families, one of which does not answer (RFC 8305).
class HappyEyeballsTest : public ClusterTest {
 protected:
  void StartWith(const SocketAddress& slow, const SocketAddress& other,
                 const std::string& other_host = "web.svc") {
    Start({.connect_timeout = std::chrono::seconds(2)});
    EndpointSet set;
    set.endpoints.push_back({{.address = slow, .host = "web.svc"}});
    set.endpoints.push_back({{.address = other, .host = other_host}});
    cluster_->SetEndpoints(set);
  }
  // One who waits at the slow address.
  Holder& AskAt(const SocketAddress& address) {
    while (true) {
      Holder& holder = NewHolder();
      Ask(holder);
      if (picked_ == address) return holder;
      EXPECT_TRUE(TurnUntil([&] { return !holder.waiting(); }));
      if (holder.holds()) holder.GiveBack();
    }
  }
  void BecomeSlow() { Advance(ConnectionPool::kSlowConnect + TimerWheel::kTick); }

  SilentAddress silent_;
  const SocketAddress same_port_ = *SocketAddress::FromIp("::1", silent_.address().port());
};

TEST_F(HappyEyeballsTest, ASlowConnectIsRacedByTheOtherFamily) {
  Peer other(same_port_);
  StartWith(silent_.address(), other.address());
  Holder& holder = AskAt(silent_.address());
  Turn();
  EXPECT_TRUE(holder.waiting());
  BecomeSlow();
  ASSERT_TRUE(TurnUntil([&] { return holder.holds(); }));
  EXPECT_EQ(holder.lease().address(), other.address());
  EXPECT_EQ(PoolAt(silent_.address()).connecting(), 1u) << "the slow one goes on";
}

TEST_F(HappyEyeballsTest, WhoComesLaterDoesNotWaitForTheSlowOne) {
  Peer other(same_port_);
  StartWith(silent_.address(), other.address());
  AskAt(silent_.address());
  BecomeSlow();
  for (int i = 0; i < 4; ++i) {
    Holder& holder = NewHolder();
    Ask(holder);
    EXPECT_EQ(picked_, other.address());
    EXPECT_TRUE(TurnUntil([&] { return holder.holds(); }));
  }
}

TEST_F(HappyEyeballsTest, TheSlowOneMayStillBeFirst) {
  SilentAddress other(same_port_);
  StartWith(silent_.address(), other.address());
  Holder& holder = NewHolder();
  ASSERT_EQ(Ask(holder), Status::kWaiting);
  SilentAddress& first = picked_ == silent_.address() ? silent_ : other;
  BecomeSlow();
  Turn();
  EXPECT_EQ(PoolAt(first.address()).waiters(), 0u) << "lent to the other";
  first.Relent();
  ASSERT_TRUE(TurnUntil([&] { return holder.holds(); }));
  EXPECT_EQ(holder.lease().address(), first.address());
}

TEST_F(HappyEyeballsTest, TheSlowOneMayBeTheOnlyOneLeft) {
  SilentAddress other(same_port_);
  StartWith(silent_.address(), other.address());
  Holder& holder = NewHolder();
  ASSERT_EQ(Ask(holder), Status::kWaiting);
  SilentAddress& first = picked_ == silent_.address() ? silent_ : other;
  BecomeSlow();
  Turn();
  SetEndpoints({first.address()});
  first.Relent();
  ASSERT_TRUE(TurnUntil([&] { return holder.holds(); }));
  EXPECT_EQ(holder.lease().address(), first.address());
}

TEST_F(HappyEyeballsTest, AnyEndpointStandsInWhenTheHostHasNoOtherFamily) {
  for (const SocketAddress& other : {a_.address(), b_.address(), c_.address()}) {
    StartWith(silent_.address(), other, "api.svc");
    Holder& holder = AskAt(silent_.address());
    BecomeSlow();
    ASSERT_TRUE(TurnUntil([&] { return holder.holds(); }));
    EXPECT_EQ(holder.lease().address(), other);
    holders_.clear();
  }
}

TEST_F(HappyEyeballsTest, TheOtherFamilyOfTheHostComesFirst) {
  Peer other(same_port_);
  Start();
  EndpointSet set;
  set.endpoints.push_back({{.address = silent_.address(), .host = "web.svc"}});
  for (const Peer* peer : {&a_, &b_, &c_}) set.endpoints.push_back({{.address = peer->address()}});
  set.endpoints.push_back({{.address = other.address(), .host = "web.svc"}});
  cluster_->SetEndpoints(set);
  Holder& holder = AskAt(silent_.address());
  BecomeSlow();
  ASSERT_TRUE(TurnUntil([&] { return holder.holds(); }));
  EXPECT_EQ(holder.lease().address(), other.address());
}

TEST_F(HappyEyeballsTest, OneThatIsNotUpDoesNotStandIn) {
  Start();
  EndpointSet set;
  set.endpoints.push_back({{.address = silent_.address()}});
  set.endpoints.push_back({{.address = a_.address()}, Availability::kUnhealthy});
  cluster_->SetEndpoints(set);
  Holder& holder = AskAt(silent_.address());
  BecomeSlow();
  Turn();
  EXPECT_TRUE(holder.waiting());
  EXPECT_EQ(PoolAt(silent_.address()).waiters(), 1u);
}

TEST_F(HappyEyeballsTest, ASlowOneAfterTheOtherIsLeftForTheNext) {
  const SilentAddress second, third;
  Start();
  SetEndpoints({silent_.address(), second.address(), third.address(), a_.address()});
  Holder& holder = NewHolder();
  Ask(holder);
  int waits = 0;
  for (; !holder.holds() && waits < 4; ++waits) {
    BecomeSlow();
    for (int i = 0; i < 5; ++i) Turn();
  }
  ASSERT_TRUE(holder.holds());
  EXPECT_EQ(holder.lease().address(), a_.address());
  EXPECT_LE(waits, 3);
}

TEST_F(HappyEyeballsTest, ManyEndpointsHaveTheirTurnWithinOneConnectTimeout) {
  std::deque<SilentAddress> silent(8);
  Start({.connect_timeout = std::chrono::milliseconds(800)});
  std::vector<SocketAddress> all;
  for (const SilentAddress& one : silent) all.push_back(one.address());
  SetEndpoints(all);
  Holder& holder = NewHolder();
  Ask(holder);
  for (int i = 0; i < 78; ++i) Advance(TimerWheel::kTick);
  EXPECT_TRUE(holder.waiting());
  for (const SocketAddress& one : all) EXPECT_EQ(PoolAt(one).connecting(), 1u) << one.ToString();
  for (int i = 0; i < 4; ++i) Advance(TimerWheel::kTick);
  EXPECT_EQ(holder.failure(), CheckoutResult::kConnectTimeout);
}

TEST_F(HappyEyeballsTest, AMoveToTheOtherFamilyDoesNotProlongTheWait) {
  SilentAddress other(same_port_);
  Start({.connect_timeout = std::chrono::seconds(30), .queue_timeout = std::chrono::seconds(1)});
  EndpointSet set;
  set.endpoints.push_back({{.address = silent_.address(), .host = "web.svc"}});
  set.endpoints.push_back({{.address = other.address(), .host = "web.svc"}});
  cluster_->SetEndpoints(set);
  Holder& holder = NewHolder();
  ASSERT_EQ(Ask(holder), Status::kWaiting);
  BecomeSlow();
  Turn();
  ASSERT_TRUE(holder.waiting());
  Advance(std::chrono::seconds(1) - ConnectionPool::kSlowConnect);
  EXPECT_EQ(holder.failure(), CheckoutResult::kQueueTimeout);
}

// The stand-in refuses: it is the one that is named, and the first attempt still counts.
TEST_F(HappyEyeballsTest, WhenTheStandInFailsTheFirstAttemptMayBeWaitedFor) {
  StartWith(silent_.address(), same_port_);  // Nobody listens there.
  Holder& holder = AskAt(silent_.address());
  BecomeSlow();
  ASSERT_TRUE(TurnUntil([&] { return holder.failure().has_value(); }));
  EXPECT_EQ(holder.failure(), CheckoutResult::kConnectRefused);
  EXPECT_EQ(holder.failed_at(), same_port_);
  holder.ForgetFailure();
  Ask(holder, &same_port_);
  EXPECT_EQ(picked_, silent_.address());
  silent_.Relent();
  ASSERT_TRUE(TurnUntil([&] { return holder.holds(); }));
}

// What is not answered is not asked again by a request that could go elsewhere.
class DoubtTest : public ClusterTest {
 protected:
  void SetUp() override {
    Start();
    SetEndpoints({silent_.address(), a_.address()});
    Holder& unlucky = NewHolder();
    do {
      if (unlucky.holds()) unlucky.Drop();
      Ask(unlucky);
      EXPECT_TRUE(TurnUntil([&] { return unlucky.holds() || picked_ == silent_.address(); }));
    } while (picked_ != silent_.address());
    unlucky.CancelWait();
    Advance(std::chrono::seconds(2));
    EXPECT_TRUE(PoolAt(silent_.address()).doubtful());
  }

  SilentAddress silent_;
};

TEST_F(DoubtTest, AnEndpointThatDidNotAnswerIsPassedOver) {
  for (int i = 0; i < 8; ++i) EXPECT_EQ(Lease().lease().address(), a_.address());
  EXPECT_EQ(PoolAt(silent_.address()).connecting(), 0u);
}

TEST_F(DoubtTest, WhetherItIsBackCostsNoRequest) {
  Advance(Openings::kDoubtTime);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(Lease().lease().address(), a_.address());
  EXPECT_EQ(PoolAt(silent_.address()).connecting(), 1u) << "one attempt that nobody waits for";
  silent_.Relent();
  ASSERT_TRUE(TurnUntil([&] { return PoolAt(silent_.address()).idle() == 1; }));
  int back = 0;
  for (int i = 0; i < 8; ++i) back += Lease().lease().address() == silent_.address() ? 1 : 0;
  EXPECT_EQ(back, 4);
}

TEST_F(DoubtTest, ItIsChosenWhenNoOtherIsLeft) {
  Holder& holder = NewHolder();
  Ask(holder, &a_.address());
  EXPECT_EQ(picked_, silent_.address());
}

}  // namespace
}  // namespace holdfast::pool
