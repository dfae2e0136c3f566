#include "pool/upstream_connection.h"

#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tests/pool/net/socket_pair.h"
#include "tests/pool/pool_harness.h"

namespace holdfast::pool {
namespace {

using State = UpstreamConnection::State;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// The tick to which the wheel rounds deadlines up.
constexpr Duration kTick = TimerWheel::kTick;

TEST(UpstreamStateTest, OnlyTheseEdgesAreLegal) {
  const State states[] = {State::kNew,  State::kIdle,    State::kAside, State::kOpen,
                          State::kFull, State::kRetired, State::kClosed};
  const std::map<State, std::set<State>> edges = {
      {State::kNew, {State::kIdle, State::kOpen, State::kFull, State::kClosed}},
      {State::kIdle, {State::kOpen, State::kFull, State::kClosed}},
      {State::kAside, {State::kIdle, State::kFull, State::kClosed}},
      {State::kOpen, {State::kFull, State::kIdle, State::kRetired, State::kClosed}},
      {State::kFull, {State::kOpen, State::kIdle, State::kAside, State::kRetired, State::kClosed}},
      {State::kRetired, {State::kClosed}},
      {State::kClosed, {}},
  };
  for (const State from : states) {
    for (const State to : states) {
      const bool legal = edges.at(from).contains(to);
      EXPECT_EQ(UpstreamConnection::MayMove(from, to), legal)
          << static_cast<int>(from) << " to " << static_cast<int>(to);
    }
  }
}

class UpstreamConnectionTest : public testing::Test, protected PoolHarness {
 protected:
  void Start(const PoolLimits& limits) {
    pool_.emplace(context(), EndpointKey{upstream, peer_.address()}, limits, &cells_);
  }
  void LeaseOne() {
    holder_.Ask(*pool_);
    ASSERT_TRUE(TurnUntil([&] { return holder_.holds(); }));
    peer_.Accept();
  }
  // One connection that has served once and is idle.
  void MakeIdle() {
    LeaseOne();
    ASSERT_EQ(holder_.GiveBack(), CloseReason::kNone);
    ASSERT_EQ(pool_->idle(), 1u);
  }
  FileDescriptor& their_end() { return peer_.accepted().back(); }
  bool TurnUntilNoneIdle() {
    return TurnUntil([&] { return pool_->idle() == 0; });
  }

  Peer peer_;
  PoolCells cells_{shard, upstream};
  std::optional<ConnectionPool> pool_;
  Holder holder_;
};

PoolLimits WithTimes(std::optional<Duration> idle_timeout, std::optional<Duration> max_age) {
  PoolLimits limits;
  limits.idle_learned = false;
  limits.idle_timeout = idle_timeout;
  limits.max_age = max_age;
  return limits;
}

TEST_F(UpstreamConnectionTest, AByteWhileIdleCloses) {
  Start(PoolLimits{});
  MakeIdle();
  SendAll(their_end(), "H");
  EXPECT_TRUE(TurnUntilNoneIdle());
  EXPECT_EQ(Closed("idle_bytes"), 1u);
  EXPECT_TRUE(SeesEnd(their_end()));
}

TEST_F(UpstreamConnectionTest, AnEndWhileIdleCloses) {
  Start(PoolLimits{});
  MakeIdle();
  their_end().Reset();
  EXPECT_TRUE(TurnUntilNoneIdle());
  EXPECT_EQ(Closed("idle_peer_closed"), 1u);
}

TEST_F(UpstreamConnectionTest, AHalfCloseWhileIdleCloses) {
  Start(PoolLimits{});
  MakeIdle();
  ASSERT_EQ(shutdown(their_end().get(), SHUT_WR), 0);
  EXPECT_TRUE(TurnUntilNoneIdle());
  EXPECT_EQ(Closed("idle_peer_closed"), 1u);
}

TEST_F(UpstreamConnectionTest, AResetWhileIdleCloses) {
  Start(PoolLimits{});
  MakeIdle();
  CloseWithReset(their_end());
  EXPECT_TRUE(TurnUntilNoneIdle());
  EXPECT_EQ(Closed("idle_peer_closed"), 1u);
}

TEST_F(UpstreamConnectionTest, WhileLeasedTheHolderHearsAndThePoolDoesNot) {
  Start(PoolLimits{});
  LeaseOne();
  SendAll(their_end(), "HTTP/1.1 200 OK\r\n");
  EXPECT_TRUE(TurnUntil([&] { return holder_.events > 0; }));
  EXPECT_TRUE(holder_.lease().connection().readable());
  EXPECT_EQ(pool_->leased(), 1u);
  EXPECT_EQ(AllClosed(), 0u);
}

TEST_F(UpstreamConnectionTest, AfterTheLeaseThePoolListensAgain) {
  Start(PoolLimits{});
  MakeIdle();
  ASSERT_EQ(holder_.Ask(*pool_), Checkout::Status::kLeased);
  ASSERT_EQ(holder_.GiveBack(), CloseReason::kNone);
  const int events = holder_.events;
  their_end().Reset();
  EXPECT_TRUE(TurnUntilNoneIdle());
  EXPECT_EQ(holder_.events, events);
}

TEST_F(UpstreamConnectionTest, IdleTooLongClosesAndNotBefore) {
  Start(WithTimes(seconds(4), std::nullopt));
  MakeIdle();
  Advance(seconds(4) - milliseconds(1));
  EXPECT_EQ(pool_->idle(), 1u);
  Advance(milliseconds(1) + kTick);
  EXPECT_EQ(pool_->idle(), 0u);
  EXPECT_EQ(Closed("idle_timeout"), 1u);
}

TEST_F(UpstreamConnectionTest, EveryLeaseBeginsTheIdleTimeAnew) {
  Start(WithTimes(seconds(4), std::nullopt));
  MakeIdle();
  for (int i = 0; i < 5; ++i) {
    Advance(seconds(3));
    ASSERT_EQ(holder_.Ask(*pool_), Checkout::Status::kLeased);
    ASSERT_EQ(holder_.GiveBack(), CloseReason::kNone);
  }
  Advance(seconds(4) - milliseconds(1));
  EXPECT_EQ(pool_->idle(), 1u);
  Advance(milliseconds(1) + kTick);
  EXPECT_EQ(pool_->idle(), 0u);
}

TEST_F(UpstreamConnectionTest, ALeaseCostsNoTimer) {
  Start(WithTimes(seconds(4), minutes(30)));
  MakeIdle();
  Advance(seconds(1));
  const uint64_t fired = loop.stats().timers_fired;
  for (int i = 0; i < 100; ++i) {
    Advance(milliseconds(20));
    ASSERT_EQ(holder_.Ask(*pool_), Checkout::Status::kLeased);
    ASSERT_EQ(holder_.GiveBack(), CloseReason::kNone);
  }
  // The deadlines of the connect and of the wait for it, which it did not pay to cancel.
  EXPECT_LE(loop.stats().timers_fired - fired, 2u);
}

TEST_F(UpstreamConnectionTest, ALeaseIsNeverTimedByThePool) {
  Start(WithTimes(seconds(4), minutes(30)));
  LeaseOne();
  for (int i = 0; i < 10; ++i) Advance(minutes(10));
  EXPECT_TRUE(holder_.lease().connection().open());
  EXPECT_EQ(pool_->leased(), 1u);
}

TEST_F(UpstreamConnectionTest, WithoutTimeoutsItStaysForEver) {
  Start(WithTimes(std::nullopt, std::nullopt));
  MakeIdle();
  for (int i = 0; i < 10; ++i) Advance(std::chrono::hours(100));
  EXPECT_EQ(pool_->idle(), 1u);
  EXPECT_EQ(loop.timers().size(), 0u);
}

TEST_F(UpstreamConnectionTest, TooOldWhileIdleClosesWithinATenthOfTheAge) {
  Start(WithTimes(std::nullopt, seconds(100)));
  MakeIdle();
  Advance(seconds(90) - milliseconds(1));
  EXPECT_EQ(pool_->idle(), 1u);
  Advance(seconds(20) + kTick);
  EXPECT_EQ(pool_->idle(), 0u);
  EXPECT_EQ(Closed("max_age"), 1u);
}

TEST_F(UpstreamConnectionTest, TooOldAtTheEndOfALeaseIsNotKept) {
  Start(WithTimes(std::nullopt, seconds(100)));
  LeaseOne();
  Advance(seconds(111));
  EXPECT_EQ(holder_.GiveBack(), CloseReason::kMaxAge);
  EXPECT_EQ(Closed("max_age"), 1u);
}

TEST_F(UpstreamConnectionTest, AgesVarySoThatNoneEndTogether) {
  Start(WithTimes(std::nullopt, seconds(100)));
  constexpr size_t kConnections = 20;
  std::deque<Holder> holders(kConnections);
  for (Holder& holder : holders) holder.Ask(*pool_);
  ASSERT_TRUE(TurnUntil([&] { return pool_->leased() == kConnections; }));
  peer_.AcceptAll();
  for (Holder& holder : holders) holder.GiveBack();
  Advance(seconds(90));
  size_t largest_step = 0;
  while (pool_->idle() > 0) {
    const size_t before = pool_->idle();
    Advance(seconds(1));
    largest_step = std::max(largest_step, before - pool_->idle());
  }
  EXPECT_LE(largest_step, kConnections / 3);
}

// Each of these ends a connection in the very turn in which its timer is due: the timer of what is
// closed must not fire.
TEST_F(UpstreamConnectionTest, AnEndAndTheIdleTimeoutInOneTurn) {
  Start(WithTimes(seconds(4), std::nullopt));
  MakeIdle();
  their_end().Reset();
  clock.Advance(seconds(4) + kTick);
  EXPECT_TRUE(TurnUntilNoneIdle());
  EXPECT_EQ(AllClosed(), 1u);
}

TEST_F(UpstreamConnectionTest, ADroppedLeaseAndItsOldTimerInOneTurn) {
  Start(WithTimes(seconds(4), std::nullopt));
  MakeIdle();
  ASSERT_EQ(holder_.Ask(*pool_), Checkout::Status::kLeased);
  clock.Advance(seconds(4) + kTick);
  holder_.Drop();
  Turn();
  EXPECT_EQ(Closed("not_asked"), 1u);
}

TEST_F(UpstreamConnectionTest, ARefusalAndTheConnectTimeoutInOneTurn) {
  const RefusingAddress nobody;
  ConnectionPool pool(context(), {upstream, nobody.address()}, PoolLimits{}, &cells_);
  holder_.Ask(pool);
  clock.Advance(PoolLimits{}.connect_timeout + kTick);
  EXPECT_TRUE(TurnUntil([&] { return holder_.failure().has_value(); }));
  EXPECT_EQ(holder_.failure(), CheckoutResult::kConnectRefused);
  Turn();
}

// A UNIX socket whose backlog is full refuses at once; TCP's would let the attempt wait.
class FullUnixBacklogTest : public UpstreamConnectionTest {
 protected:
  FullUnixBacklogTest() {
    pool_.emplace(context(), EndpointKey{upstream, silent_.address()}, PoolLimits{}, &cells_);
    holder_.Ask(*pool_);
  }
  SilentAddress silent_{
      *SocketAddress::Parse("unix:@holdfast-backlog-" + std::to_string(getpid()))};
};

TEST_F(FullUnixBacklogTest, ItIsTriedAgainUntilThereIsRoom) {
  for (int i = 0; i < 50; ++i) Advance(kTick);
  EXPECT_TRUE(holder_.waiting());
  EXPECT_EQ(pool_->connecting(), 1u);
  silent_.Relent();
  Advance(SocketDialer::kLastAgain + kTick);
  ASSERT_TRUE(TurnUntil([&] { return holder_.holds(); }));
  EXPECT_EQ(holder_.GiveBack(), CloseReason::kNone);
}

TEST_F(FullUnixBacklogTest, NoLongerThanAConnectMayTake) {
  Advance(PoolLimits{}.connect_timeout - kTick);
  EXPECT_TRUE(holder_.waiting());
  Advance(2 * kTick);
  EXPECT_EQ(holder_.failure(), CheckoutResult::kConnectTimeout);
  EXPECT_EQ(Closed("connect_timeout"), 1u);
}

TEST_F(FullUnixBacklogTest, AServerThatGoesMeanwhileIsARefusal) {
  silent_ = SilentAddress();
  Advance(SocketDialer::kLastAgain + kTick);
  EXPECT_EQ(holder_.failure(), CheckoutResult::kConnectRefused);
}

// RFC 9112 section 9.2: data that no request asked for is not a response.
TEST_F(UpstreamConnectionTest, APeerThatSpeaksFirstIsNotLeasedOut) {
  Start(PoolLimits{});
  holder_.Ask(*pool_);
  SendAll(peer_.Accept(), "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  EXPECT_TRUE(TurnUntil([&] { return !holder_.waiting(); }));
  EXPECT_EQ(holder_.failure(), CheckoutResult::kConnectFailed);
  EXPECT_EQ(pool_->connections(), 0u);
}

TEST_F(UpstreamConnectionTest, APeerThatEndsAtOnceIsNotLeasedOut) {
  Start(PoolLimits{});
  holder_.Ask(*pool_);
  peer_.Accept().Reset();
  EXPECT_TRUE(TurnUntil([&] { return !holder_.waiting(); }));
  EXPECT_EQ(holder_.failure(), CheckoutResult::kConnectFailed);
  EXPECT_EQ(pool_->connections(), 0u);
}

using UpstreamConnectionDeathTest = UpstreamConnectionTest;

TEST_F(UpstreamConnectionDeathTest, AHolderThatDoesNotListenIsFoundOut) {
  Start(PoolLimits{});
  MakeIdle();
  Holder next;
  Checkout checkout = pool_->Acquire(&next, /*fresh=*/false);
  ASSERT_TRUE(checkout.lease.held());
  SendAll(their_end(), "H");
  ASSERT_TRUE(WaitFor(checkout.lease.connection().fd(), POLLIN));
  EXPECT_DEATH(Turn(), "broken invariant");
}

}  // namespace
}  // namespace holdfast::pool
