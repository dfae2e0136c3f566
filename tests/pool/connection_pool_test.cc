#include "pool/connection_pool.h"

#include <poll.h>
#include <sys/resource.h>

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/pool/net/socket_pair.h"
#include "tests/pool/pool_harness.h"

namespace holdfast::pool {
namespace {

using std::chrono::seconds;
using Status = Checkout::Status;

class ConnectionPoolTest : public testing::TestWithParam<PeerKind>, protected PoolHarness {
 protected:
  // Everything is closed and nothing is counted as open any more, whatever the test did.
  void TearDown() override {
    holders_.clear();
    pool_.reset();
    Turn();
    EXPECT_EQ(ConnectionsGauge("idle"), 0);
    EXPECT_EQ(ConnectionsGauge("busy"), 0);
    EXPECT_EQ(ConnectionsGauge("connecting"), 0);
    EXPECT_EQ(WaitersGauge(), 0);
    EXPECT_EQ(shelves.idle_places(), 0u);
    EXPECT_EQ(AllOpened(), AllClosed());
    EXPECT_EQ(loop.timers().size(), 0u);
  }

  ConnectionPool& Start(const PoolLimits& limits) {
    pool_ = std::make_unique<ConnectionPool>(context(), EndpointKey{upstream, peer_.address()},
                                             limits, &cells_);
    return *pool_;
  }
  Holder& NewHolder() { return holders_.emplace_back(); }
  // A holder with a lease on a connection that may have to be opened.
  Holder& Lease(bool fresh = false) {
    Holder& holder = NewHolder();
    holder.Ask(*pool_, fresh);
    EXPECT_TRUE(TurnUntil([&] { return holder.holds(); }));
    return holder;
  }
  std::vector<Holder*> LeaseMany(size_t count) {
    std::vector<Holder*> leased;
    for (size_t i = 0; i < count; ++i) leased.push_back(&Lease());
    return leased;
  }
  // `count` connections at rest; the last one is used last.
  void MakeIdle(size_t count) {
    for (Holder* holder : LeaseMany(count)) EXPECT_EQ(holder->GiveBack(), CloseReason::kNone);
    EXPECT_EQ(pool_->idle(), count);
  }

  Peer peer_{GetParam()};
  PoolCells cells_{shard, upstream};
  std::unique_ptr<ConnectionPool> pool_;
  std::deque<Holder> holders_;
};

INSTANTIATE_TEST_SUITE_P(Sockets, ConnectionPoolTest,
                         testing::Values(PeerKind::kTcp, PeerKind::kUnix), [](const auto& info) {
                           return std::string(info.param == PeerKind::kTcp ? "Tcp" : "Unix");
                         });

TEST_P(ConnectionPoolTest, AConnectionIsTimedAndTellsItsRequestsWhenItCloses) {
  Start(PoolLimits{});
  Holder& holder = Lease();
  EXPECT_EQ(cells_.connect().value().count(), 1u);
  EXPECT_EQ(cells_.queue().value().count(), 1u);
  EXPECT_EQ(holder.GiveBack(), CloseReason::kNone);
  EXPECT_EQ(Lease().GiveBack(), CloseReason::kNone);
  Lease().Drop();
  EXPECT_EQ(cells_.requests().value().count(), 1u);
  EXPECT_EQ(cells_.requests().value().sum_nanoseconds, 3'000'000u) << "three, in millionths";
}

TEST_P(ConnectionPoolTest, AttemptsAreCountedByTheirAnswer) {
  Start(PoolLimits{});
  ReuseFacts facts;
  facts.answer = AnswerClass::k4xx;
  facts.first_byte = std::chrono::milliseconds(5);
  Lease().lease().End(facts);
  Lease().Drop();
  metrics::Sums sums;
  shelves.AddTo(loop.now(), sums);
  const auto& counts = sums.Of<metrics::Counter>(metrics::Metric::kUpstreamEndpointRequestsTotal);
  const std::string endpoint = peer_.address().ToString();
  EXPECT_EQ(counts.at({upstream, endpoint, "4xx"}), 1u);
  EXPECT_EQ(counts.at({upstream, endpoint, "none"}), 1u);
  EXPECT_EQ(counts.at({upstream, endpoint, "2xx"}), 0u);
  EXPECT_EQ(cells_.first_byte().value().count(), 1u);
  EXPECT_EQ(cells_.first_byte().value().sum_nanoseconds, 5'000'000u);
}

// The loop has not turned since: nobody has told the pool.
TEST_P(ConnectionPoolTest, BytesThatCameSinceTheLastTurnAreNotTheNextRequestsAnswer) {
  ConnectionPool& pool = Start(PoolLimits{});
  MakeIdle(1);
  ASSERT_EQ(send(peer_.Accept().get(), "HTTP/1.1 200 OK\r\n", 17, 0), 17);
  EXPECT_EQ(NewHolder().Ask(pool), Status::kWaiting);
  EXPECT_EQ(pool.idle(), 0u);
  EXPECT_EQ(Closed("idle_bytes"), 1u);
}

TEST_P(ConnectionPoolTest, AnEndThatCameSinceTheLastTurnIsNotReused) {
  ConnectionPool& pool = Start(PoolLimits{});
  MakeIdle(1);
  peer_.Accept().Reset();
  EXPECT_EQ(NewHolder().Ask(pool), Status::kWaiting);
  EXPECT_EQ(Closed("idle_peer_closed"), 1u);
}

TEST_P(ConnectionPoolTest, AWaiterDoesNotGetAConnectionThatHasSpokenOutOfTurn) {
  ConnectionPool& pool = Start(PoolLimits{.max_connections = 1});
  Holder& first = Lease();
  Holder& second = NewHolder();
  ASSERT_EQ(second.Ask(pool), Status::kWaiting);
  FileDescriptor& socket = peer_.Accept();
  EXPECT_EQ(first.GiveBack(), CloseReason::kNone);
  ASSERT_EQ(send(socket.get(), "HTTP/1.1 200 OK\r\n", 17, 0), 17);
  EXPECT_TRUE(TurnUntil([&] { return second.holds(); }));
  EXPECT_FALSE(second.lease().reused());
}

TEST_P(ConnectionPoolTest, TheFirstRequestOpensAConnection) {
  ConnectionPool& pool = Start(PoolLimits{});
  Holder& holder = NewHolder();
  EXPECT_EQ(holder.Ask(pool), Status::kWaiting);
  EXPECT_EQ(pool.connecting(), 1u);
  EXPECT_EQ(ConnectionsGauge("connecting"), 1);
  EXPECT_EQ(WaitersGauge(), 1);
  EXPECT_TRUE(TurnUntil([&] { return holder.holds(); }));
  EXPECT_FALSE(holder.lease().reused());
  EXPECT_EQ(pool.connecting(), 0u);
  EXPECT_EQ(pool.leased(), 1u);
  EXPECT_EQ(ConnectionsGauge("busy"), 1);
  EXPECT_EQ(Opened(OpenReason::kEmpty), 1u);
  EXPECT_EQ(Checkouts(CheckoutResult::kFresh), 1u);
}

TEST_P(ConnectionPoolTest, OneRequestOpensOneConnection) {
  ConnectionPool& pool = Start(PoolLimits{});
  EXPECT_FALSE(Lease().lease().was_kept());
  for (int i = 0; i < 10; ++i) Turn();
  EXPECT_EQ(pool.connections(), 1u);
  EXPECT_EQ(AllOpened(), 1u);
}

TEST_P(ConnectionPoolTest, AKeptConnectionServesTheNextRequestAtOnce) {
  ConnectionPool& pool = Start(PoolLimits{});
  MakeIdle(1);
  EXPECT_EQ(ConnectionsGauge("idle"), 1);
  Holder& next = NewHolder();
  EXPECT_EQ(next.Ask(pool), Status::kLeased);
  EXPECT_TRUE(next.lease().reused());
  EXPECT_TRUE(next.lease().was_kept());
  EXPECT_EQ(AllOpened(), 1u);
  EXPECT_EQ(Checkouts(CheckoutResult::kReused), 1u);
}

TEST_P(ConnectionPoolTest, TheLastUsedIsReusedFirst) {
  ConnectionPool& pool = Start(PoolLimits{});
  std::vector<const Connection*> returned;
  for (Holder* holder : LeaseMany(3)) {
    returned.push_back(&holder->lease().connection());
    holder->GiveBack();
  }
  for (size_t i = 3; i-- > 0;) {
    Holder& next = NewHolder();
    ASSERT_EQ(next.Ask(pool), Status::kLeased);
    EXPECT_EQ(&next.lease().connection(), returned[i]);
  }
}

TEST_P(ConnectionPoolTest, ASecondConnectionIsOpenedBecauseAllAreBusy) {
  Start(PoolLimits{});
  LeaseMany(2);
  EXPECT_EQ(Opened(OpenReason::kEmpty), 1u);
  EXPECT_EQ(Opened(OpenReason::kAllBusy), 1u);
}

TEST_P(ConnectionPoolTest, FreshPassesIdleConnectionsBy) {
  ConnectionPool& pool = Start(PoolLimits{});
  MakeIdle(2);
  Holder& repetition = Lease(/*fresh=*/true);
  EXPECT_FALSE(repetition.lease().reused());
  EXPECT_EQ(pool.idle(), 2u);
  EXPECT_EQ(AllOpened(), 3u);
}

// A backend that restarts ends all its idle connections; the repetition of a request that met the
// first of them must not be handed the next.
TEST_P(ConnectionPoolTest, FreshIsNotServedByAReusedConnectionWhileItWaits) {
  ConnectionPool& pool = Start(PoolLimits{});
  MakeIdle(3);
  Holder& busy = NewHolder();
  ASSERT_EQ(busy.Ask(pool), Status::kLeased);
  peer_.AcceptAll();
  Holder& repetition = NewHolder();
  ASSERT_EQ(repetition.Ask(pool, /*fresh=*/true), Status::kWaiting);
  busy.GiveBack();
  peer_.accepted().front().Reset();
  ASSERT_TRUE(TurnUntil([&] { return repetition.holds(); }));
  EXPECT_FALSE(repetition.lease().reused());
}

TEST_P(ConnectionPoolTest, AWaitForAFreshConnectionDoesNotKeepOthersFromIdleOnes) {
  ConnectionPool& pool = Start(PoolLimits{});
  MakeIdle(1);
  Holder& repetition = NewHolder();
  ASSERT_EQ(repetition.Ask(pool, /*fresh=*/true), Status::kWaiting);
  EXPECT_EQ(NewHolder().Ask(pool), Status::kLeased);
  EXPECT_EQ(AllOpened(), 2u);
}

TEST_P(ConnectionPoolTest, AtTheCapFreshTakesThePlaceOfTheOldestIdle) {
  ConnectionPool& pool = Start({.max_connections = 2});
  MakeIdle(2);
  peer_.AcceptAll();
  Holder& repetition = NewHolder();
  ASSERT_EQ(repetition.Ask(pool, /*fresh=*/true), Status::kWaiting);
  EXPECT_LE(pool.connections(), 2u);
  EXPECT_TRUE(SeesEnd(peer_.accepted().front()));
  EXPECT_TRUE(TurnUntil([&] { return repetition.holds(); }));
  EXPECT_FALSE(repetition.lease().reused());
  EXPECT_EQ(Closed("idle_evicted"), 1u);
}

TEST_P(ConnectionPoolTest, AtTheCapAWaitForAFreshOneTakesThePlaceOfOneThatComesBack) {
  ConnectionPool& pool = Start({.max_connections = 1});
  Holder& busy = Lease();
  Holder& repetition = NewHolder();
  ASSERT_EQ(repetition.Ask(pool, /*fresh=*/true), Status::kWaiting);
  EXPECT_EQ(busy.GiveBack(), CloseReason::kNone);
  EXPECT_TRUE(TurnUntil([&] { return repetition.holds(); }));
  EXPECT_FALSE(repetition.lease().reused());
}

TEST_P(ConnectionPoolTest, TheCapCountsConnectingLeasedAndIdle) {
  ConnectionPool& pool = Start({.max_connections = 3});
  for (int i = 0; i < 8; ++i) {
    NewHolder().Ask(pool);
    EXPECT_LE(pool.connections(), 3u);
  }
  EXPECT_EQ(pool.connections(), 3u);
  EXPECT_EQ(pool.waiters(), 8u);
  for (int i = 0; i < 10; ++i) {
    Turn();
    EXPECT_EQ(pool.connections(), 3u);
  }
  EXPECT_EQ(pool.leased(), 3u);
  EXPECT_EQ(pool.waiters(), 5u);
  EXPECT_EQ(AllOpened(), 3u);
}

TEST_P(ConnectionPoolTest, OverTheIdleCapTheOldestGoes) {
  Start({.max_idle = 2});
  const std::vector<Holder*> leased = LeaseMany(3);
  peer_.AcceptAll();
  for (Holder* holder : leased) EXPECT_EQ(holder->GiveBack(), CloseReason::kNone);
  EXPECT_EQ(pool_->idle(), 2u);
  EXPECT_EQ(Closed("idle_evicted"), 1u);
  EXPECT_TRUE(SeesEnd(peer_.accepted().front()));
}

TEST_P(ConnectionPoolTest, WithoutIdleConnectionsEveryOneServesOnce) {
  ConnectionPool& pool = Start({.max_idle = 0});
  EXPECT_EQ(Lease().GiveBack(), CloseReason::kIdleOff);
  EXPECT_EQ(Closed("idle_off"), 1u);
  EXPECT_FALSE(Lease().lease().reused());
  EXPECT_EQ(pool.idle(), 0u);
}

// Connections that are on their way to a waiter are not idle ones to be counted.
TEST_P(ConnectionPoolTest, AnIdleCapDoesNotCostNewConnections) {
  for (const uint32_t max_idle : {0u, 1u, 2u}) {
    const uint64_t opened_before = AllOpened();
    ConnectionPool& pool = Start({.max_idle = max_idle});
    for (int i = 0; i < 10; ++i) NewHolder().Ask(pool);
    EXPECT_TRUE(TurnUntil([&] { return pool.leased() == 10; }));
    EXPECT_EQ(AllOpened() - opened_before, 10u) << "max_idle " << max_idle;
    holders_.clear();
  }
}

TEST_P(ConnectionPoolTest, AnIdleCapDoesNotTakeWhatComesBackFromThoseWhoWait) {
  ConnectionPool& pool = Start({.max_connections = 4, .max_idle = 1});
  const std::vector<Holder*> leased = LeaseMany(4);
  for (int i = 0; i < 4; ++i) NewHolder().Ask(pool);
  for (Holder* holder : leased) EXPECT_EQ(holder->GiveBack(), CloseReason::kNone);
  Turn();
  EXPECT_EQ(pool.leased(), 4u);
  EXPECT_EQ(AllOpened(), 4u);
  EXPECT_EQ(AllClosed(), 0u);
}

TEST_P(ConnectionPoolTest, NothingIsKeptForAWaiterThatWent) {
  ConnectionPool& pool = Start({.max_idle = 0});
  Holder& gone = NewHolder();
  gone.Ask(pool);
  gone.CancelWait();
  EXPECT_TRUE(TurnUntil([&] { return pool.connections() == 0; }));
}

TEST_P(ConnectionPoolTest, AConnectionThatServedNobodyIsNotReused) {
  ConnectionPool& pool = Start(PoolLimits{});
  Holder& gone = NewHolder();
  gone.Ask(pool);
  gone.CancelWait();
  ASSERT_TRUE(TurnUntil([&] { return pool.idle() == 1; }));
  Holder& next = NewHolder();
  EXPECT_EQ(next.Ask(pool), Status::kLeased);
  EXPECT_FALSE(next.lease().reused());
  EXPECT_TRUE(next.lease().was_kept()) << "its peer may have closed it while it was idle";
  EXPECT_EQ(Checkouts(CheckoutResult::kFresh), 1u);
  EXPECT_EQ(Checkouts(CheckoutResult::kReused), 0u);
}

TEST_P(ConnectionPoolTest, TheBudgetIsSharedByAllPools) {
  shelves.SetIdleLimit(2);
  ConnectionPool& pool = Start(PoolLimits{});
  Peer other_peer;
  ConnectionPool other(context(), {upstream, other_peer.address()}, PoolLimits{}, &cells_);
  MakeIdle(2);
  Holder holder;
  holder.Ask(other);
  ASSERT_TRUE(TurnUntil([&] { return holder.holds(); }));
  EXPECT_EQ(holder.GiveBack(), CloseReason::kNone);
  EXPECT_EQ(other.idle(), 0u) << "it has no older one to close instead";
  EXPECT_EQ(pool.idle(), 2u);
  EXPECT_EQ(shelves.idle_places(), 2u);
  EXPECT_EQ(Closed("idle_evicted"), 1u);
}

TEST_P(ConnectionPoolTest, WithTheBudgetSpentANewerConnectionReplacesTheOldestOfItsPool) {
  shelves.SetIdleLimit(2);
  ConnectionPool& pool = Start(PoolLimits{});
  const std::vector<Holder*> leased = LeaseMany(3);
  const Connection* last = &leased.back()->lease().connection();
  for (Holder* holder : leased) holder->GiveBack();
  EXPECT_EQ(pool.idle(), 2u);
  EXPECT_EQ(shelves.idle_places(), 2u);
  Holder& next = NewHolder();
  ASSERT_EQ(next.Ask(pool), Status::kLeased);
  EXPECT_EQ(&next.lease().connection(), last);
}

TEST_P(ConnectionPoolTest, ABudgetOfNothingStillServes) {
  shelves.SetIdleLimit(0);
  ConnectionPool& pool = Start(PoolLimits{});
  EXPECT_EQ(Lease().GiveBack(), CloseReason::kNone);
  EXPECT_EQ(pool.idle(), 0u);
  EXPECT_TRUE(Lease().holds());
}

TEST_P(ConnectionPoolTest, LowerLimitsCloseTheOldestIdle) {
  ConnectionPool& pool = Start(PoolLimits{});
  MakeIdle(4);
  pool.SetLimits({.max_idle = 3});
  EXPECT_EQ(pool.idle(), 3u);
  pool.SetLimits({.max_connections = 2});
  EXPECT_EQ(pool.idle(), 2u);
  EXPECT_EQ(Closed("idle_evicted"), 2u);
}

TEST_P(ConnectionPoolTest, NewLimitsReachWhatIsIdleAlready) {
  const PoolLimits before{
      .idle_learned = false, .idle_timeout = std::nullopt, .max_age = std::nullopt};
  ConnectionPool& pool = Start(before);
  MakeIdle(1);
  Advance(std::chrono::seconds(30));
  pool.SetLimits({.idle_learned = false, .idle_timeout = std::chrono::seconds(60)});
  Advance(std::chrono::seconds(29));
  EXPECT_EQ(pool.idle(), 1u);
  Advance(std::chrono::seconds(1));
  EXPECT_EQ(pool.idle(), 0u);
  EXPECT_EQ(Closed("idle_timeout"), 1u);
  pool.SetLimits(before);
  MakeIdle(1);
  Advance(std::chrono::seconds(30));
  pool.SetLimits(
      {.idle_learned = false, .idle_timeout = std::nullopt, .max_age = std::chrono::seconds(60)});
  EXPECT_EQ(pool.idle(), 1u);
  Advance(std::chrono::seconds(36));
  EXPECT_EQ(pool.idle(), 0u);
  EXPECT_EQ(Closed("max_age"), 1u);
}

TEST_P(ConnectionPoolTest, ANewNumberOfRequestsCountsThoseOfBefore) {
  ConnectionPool& pool = Start(PoolLimits{});
  MakeIdle(1);
  Holder& holder = NewHolder();
  ASSERT_EQ(holder.Ask(pool), Status::kLeased);
  pool.SetLimits({.max_requests = 2});
  EXPECT_EQ(holder.GiveBack(), CloseReason::kMaxRequests);
}

TEST_P(ConnectionPoolTest, OverALoweredCapWhatComesBackIsClosedEvenIfOthersWait) {
  ConnectionPool& pool = Start({.max_connections = 4});
  const std::vector<Holder*> leased = LeaseMany(4);
  for (int i = 0; i < 4; ++i) NewHolder().Ask(pool);
  pool.SetLimits({.max_connections = 2});
  EXPECT_EQ(pool.leased(), 4u) << "leases go on";
  leased[0]->GiveBack();
  leased[1]->GiveBack();
  Turn();
  EXPECT_EQ(pool.connections(), 2u);
  EXPECT_EQ(pool.waiters(), 4u);
  leased[2]->GiveBack();
  Turn();
  EXPECT_EQ(pool.connections(), 2u);
  EXPECT_EQ(pool.waiters(), 3u);
}

TEST_P(ConnectionPoolTest, AHigherCapServesThoseWhoWait) {
  ConnectionPool& pool = Start({.max_connections = 1});
  for (int i = 0; i < 3; ++i) NewHolder().Ask(pool);
  EXPECT_TRUE(TurnUntil([&] { return pool.leased() == 1; }));
  pool.SetLimits({.max_connections = 3});
  EXPECT_TRUE(TurnUntil([&] { return pool.leased() == 3; }));
}

TEST_P(ConnectionPoolTest, DrainClosesIdleOnesAndKeepsNothing) {
  ConnectionPool& pool = Start(PoolLimits{});
  MakeIdle(2);
  Holder& busy = NewHolder();
  ASSERT_EQ(busy.Ask(pool), Status::kLeased);
  pool.Drain();
  EXPECT_EQ(pool.idle(), 0u);
  EXPECT_EQ(pool.leased(), 1u);
  EXPECT_EQ(Closed("drained"), 1u);
  EXPECT_EQ(busy.GiveBack(), CloseReason::kDraining);
  EXPECT_EQ(pool.connections(), 0u);
}

TEST_P(ConnectionPoolTest, DrainServesThoseWhoWait) {
  ConnectionPool& pool = Start({.max_connections = 1});
  Holder& busy = Lease();
  Holder& next = NewHolder();
  next.Ask(pool);
  pool.Drain();
  EXPECT_EQ(busy.GiveBack(), CloseReason::kDraining);
  EXPECT_TRUE(TurnUntil([&] { return next.holds(); }));
}

TEST_P(ConnectionPoolTest, WhatConnectsForNobodyWhileDrainingIsClosed) {
  ConnectionPool& pool = Start(PoolLimits{});
  Holder& gone = NewHolder();
  gone.Ask(pool);
  gone.CancelWait();
  pool.Drain();
  EXPECT_TRUE(TurnUntil([&] { return pool.connections() == 0; }));
  EXPECT_EQ(Closed("drained"), 1u);
}

TEST_P(ConnectionPoolTest, UnsentBytesOfTheRequestAreAReasonToClose) {
  Start(PoolLimits{});
  Holder& holder = Lease();
  holder.lease().connection().out().Append("unsent");
  EXPECT_EQ(holder.GiveBack(), CloseReason::kRequestUnfinished);
}

TEST_P(ConnectionPoolTest, BytesAfterTheResponseAreAReasonToClose) {
  Start(PoolLimits{});
  Holder& holder = Lease();
  SendAll(peer_.Accept(), "HTTP/1.1 200 OK");
  ASSERT_TRUE(TurnUntil([&] { return holder.lease().connection().readable(); }));
  EXPECT_EQ(holder.GiveBack(), CloseReason::kExtraBytes) << "not read yet";

  Holder& another = Lease();
  SendAll(peer_.Accept(), "HTTP/1.1 200 OK");
  ASSERT_TRUE(TurnUntil([&] { return another.lease().connection().readable(); }));
  ASSERT_EQ(another.lease().connection().Fill(1), FillStatus::kRead);
  EXPECT_EQ(another.GiveBack(), CloseReason::kExtraBytes) << "read and not consumed";
}

TEST_P(ConnectionPoolTest, ThePeersEndIsAReasonToClose) {
  Start(PoolLimits{});
  Holder& holder = Lease();
  ASSERT_EQ(shutdown(peer_.Accept().get(), SHUT_WR), 0);
  ASSERT_TRUE(TurnUntil([&] { return holder.lease().connection().end() != ConnectionEnd::kOpen; }));
  EXPECT_EQ(holder.GiveBack(), CloseReason::kPeerClosed);
}

// The response filled the read to the last byte and the end came after it: no event has told yet,
// only reading can.
TEST_P(ConnectionPoolTest, AnEndBehindAFullReadIsAReasonToClose) {
  Start(PoolLimits{});
  Holder& holder = Lease();
  Connection& connection = holder.lease().connection();
  FileDescriptor& theirs = peer_.Accept();
  SendAll(theirs, std::string(SlabPool::kSlabCapacity, 'x'));
  ASSERT_TRUE(TurnUntil([&] { return connection.readable(); }));
  ASSERT_EQ(connection.Fill(SlabPool::kSlabCapacity), FillStatus::kRead);
  ASSERT_EQ(connection.in().size(), SlabPool::kSlabCapacity);
  connection.in().Clear();
  ASSERT_TRUE(connection.readable()) << "more may be there";
  theirs.Reset();
  ASSERT_TRUE(WaitFor(connection.fd(), POLLRDHUP));
  EXPECT_EQ(holder.GiveBack(), CloseReason::kPeerClosed);
}

TEST_P(ConnectionPoolTest, ACloseByTheHolderIsAReasonToClose) {
  Start(PoolLimits{});
  Holder& holder = Lease();
  holder.lease().connection().Abort();
  EXPECT_EQ(holder.GiveBack(), CloseReason::kBroken);
}

// No socket can be had while this lives.
class NoDescriptors {
 public:
  NoDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit none = before_;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_;
};

TEST_P(ConnectionPoolTest, OutOfDescriptorsIsAnAnswerAndPasses) {
  ConnectionPool& pool = Start(PoolLimits{});
  {
    const NoDescriptors none;
    Holder& holder = NewHolder();
    EXPECT_EQ(holder.Ask(pool), Status::kRefused);
    EXPECT_EQ(holder.failure(), CheckoutResult::kNoDescriptors);
  }
  EXPECT_EQ(Checkouts(CheckoutResult::kNoDescriptors), 1u);
  EXPECT_TRUE(Lease().holds());
}

TEST_P(ConnectionPoolTest, DestructionClosesIdleAndConnecting) {
  ConnectionPool& pool = Start(PoolLimits{});
  MakeIdle(2);
  Holder& gone = NewHolder();
  gone.Ask(pool, /*fresh=*/true);
  gone.CancelWait();
  ASSERT_EQ(pool.connecting(), 1u);
  pool_.reset();  // Its task may still be queued.
  EXPECT_EQ(Closed("drained"), 3u);
  Turn();
}

using ConnectionPoolDeathTest = ConnectionPoolTest;
INSTANTIATE_TEST_SUITE_P(Sockets, ConnectionPoolDeathTest, testing::Values(PeerKind::kTcp));

TEST_P(ConnectionPoolDeathTest, ALeaseDoesNotOutliveThePool) {
  Start(PoolLimits{});
  Lease();
  EXPECT_DEATH(pool_.reset(), "broken invariant");
}

TEST_P(ConnectionPoolDeathTest, AWaiterWaitsOnce) {
  ConnectionPool& pool = Start(PoolLimits{});
  Holder& holder = NewHolder();
  holder.Ask(pool);
  EXPECT_DEATH(pool.Acquire(&holder, /*fresh=*/false), "broken invariant");
}

TEST_P(ConnectionPoolDeathTest, AnotherThreadIsFoundOut) {
  ConnectionPool& pool = Start(PoolLimits{});
  Lease();  // The loop has its thread.
  const auto elsewhere = [](auto call) { std::thread(call).join(); };
  Holder& holder = NewHolder();
  EXPECT_DEATH(elsewhere([&] { pool.Acquire(&holder, false); }), "broken invariant");
  EXPECT_DEATH(elsewhere([&] { holders_.front().GiveBack(); }), "broken invariant");
  EXPECT_DEATH(elsewhere([&] { pool.SetLimits(PoolLimits{}); }), "broken invariant");
  EXPECT_DEATH(elsewhere([&] { pool.Drain(); }), "broken invariant");
  EXPECT_DEATH(elsewhere([&] { pool.CloseAllIdle(CloseReason::kDrained); }), "broken invariant");
}

}  // namespace
}  // namespace holdfast::pool
