#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "pool/connection_pool.h"
#include "tests/pool/pool_harness.h"

namespace holdfast::pool {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kTick = TimerWheel::kTick;
constexpr int kSteps = 3000;
constexpr size_t kHolders = 24;

struct Parameters {
  PeerKind kind;
  unsigned seed;
};

// Requests, peers and the clock do as chance has it, and what must hold always is looked at after
// every step.
class PoolModelTest : public testing::TestWithParam<Parameters>, protected PoolHarness {
 protected:
  struct Client {
    Holder holder;
    bool fresh = false;
    uint64_t arrival = 0;
    TimePoint since;
  };

  PoolModelTest() {
    shelves.SetIdleLimit(5);
    for (Client& client : clients_) {
      client.holder.on_lease = [this, &client] { OnServed(client); };
      client.holder.on_failure = [&client] { client.holder.ForgetFailure(); };
    }
  }

  size_t Chance(size_t bound) { return random_() % bound; }
  bool OneIn(size_t n) { return Chance(n) == 0; }

  PoolLimits RandomLimits() {
    PoolLimits limits;
    limits.max_connections = 1 + Chance(8);
    limits.max_idle = Chance(6);
    limits.idle_learned = false;
    limits.idle_timeout = milliseconds(100 + Chance(3000));
    limits.max_age = seconds(1 + Chance(20));
    limits.connect_timeout = seconds(2);
    limits.queue_size = Chance(12);
    limits.queue_timeout = kQueueTimeout;
    return limits;
  }

  void Step() {
    switch (Chance(20)) {
      case 0: return clients_[Chance(kHolders)].holder.CancelWait();
      case 1: return PeerActs();
      case 2: return clock.Advance(milliseconds(Chance(500)));
      case 3:
        if (OneIn(10)) ChangeLimits();
        return;
      case 4:
      case 5:
      case 6:
      case 7:
      case 8:
      case 9: return TurnAndCheck();
      default: return AskOrEnd(clients_[Chance(kHolders)]);
    }
  }

  void AskOrEnd(Client& client) {
    if (client.holder.holds()) {
      if (OneIn(4)) return client.holder.Drop();
      client.holder.GiveBack();
    } else if (!client.holder.waiting()) {
      client.fresh = OneIn(6);
      client.arrival = ++arrivals_;
      client.since = loop.now();
      const Checkout::Status status = client.holder.Ask(*pool_, client.fresh);
      ++asked_;
      EXPECT_FALSE(status == Checkout::Status::kLeased && client.fresh);
      client.holder.ForgetFailure();
    }
  }

  void PeerActs() {
    peer_.AcceptAll();
    std::deque<FileDescriptor>& accepted = peer_.accepted();
    std::erase_if(accepted, [](const FileDescriptor& socket) { return !socket.valid(); });
    if (accepted.empty()) return;
    FileDescriptor& socket = accepted[Chance(accepted.size())];
    if (OneIn(3)) {
      send(socket.get(), "?", 1, MSG_NOSIGNAL);
    } else {
      socket.Reset();
    }
  }

  void ChangeLimits() {
    limits_ = RandomLimits();
    pool_->SetLimits(limits_);
  }

  // In order of arrival; only a wait for a fresh connection is passed over by reused ones.
  void OnServed(const Client& served) {
    EXPECT_FALSE(served.fresh && served.holder.lease().reused());
    for (const Client& other : clients_) {
      if (!other.holder.waiting() || other.arrival > served.arrival) continue;
      EXPECT_TRUE(other.fresh && served.holder.lease().reused());
    }
  }

  void TurnAndCheck() {
    Turn();
    peer_.AcceptAll();
    EXPECT_EQ(AllOpened() - AllClosed(), pool_->connections());
    EXPECT_LE(pool_->idle(), 5u);
    EXPECT_LE(shelves.idle_places(), pool_->connections());
    EXPECT_LE(pool_->idle(), limits_.max_idle);
    if (pool_->connections() > limits_.max_connections) {
      EXPECT_EQ(pool_->idle(), 0u) << "only what is in use may be over a lowered cap";
    }
    const bool at_cap = pool_->connections() >= limits_.max_connections;
    EXPECT_TRUE(at_cap || pool_->connecting() >= pool_->waiters()) << "nobody waits for nothing";
    for (const Client& client : clients_) {
      if (!client.holder.waiting()) continue;
      EXPECT_TRUE(client.fresh || pool_->idle() == 0) << "an idle connection and one who waits";
      EXPECT_LE(loop.now() - client.since, kQueueTimeout + kTick);
    }
  }

  void CheckAlways() {
    ASSERT_TRUE(pool_->Validate());
    ASSERT_EQ(pool_->shelf().connections(), pool_->connections());
    size_t leased = 0;
    size_t waiting = 0;
    for (const Client& client : clients_) {
      leased += client.holder.holds() ? 1 : 0;
      waiting += client.holder.waiting() ? 1 : 0;
    }
    ASSERT_EQ(pool_->leased(), leased);
    ASSERT_EQ(pool_->waiters(), waiting);
    ASSERT_EQ(cells_.idle.value(), static_cast<int64_t>(pool_->idle()));
    ASSERT_EQ(cells_.leased.value(), static_cast<int64_t>(pool_->leased()));
    ASSERT_EQ(cells_.connecting.value(), static_cast<int64_t>(pool_->connecting()));
    ASSERT_EQ(cells_.waiters.value(), static_cast<int64_t>(pool_->waiters()));
    most_ = std::max(most_, pool_->connections());
  }

  uint64_t AllCheckouts() {
    uint64_t total = 0;
    for (int i = 0; i < kCheckoutResults; ++i) total += Checkouts(static_cast<CheckoutResult>(i));
    return total;
  }

  static constexpr Duration kQueueTimeout = seconds(1);

  std::mt19937 random_{GetParam().seed};
  Peer peer_{GetParam().kind};
  PoolCells cells_{shard, upstream};
  PoolLimits limits_ = RandomLimits();
  std::unique_ptr<ConnectionPool> pool_ = std::make_unique<ConnectionPool>(
      context(), EndpointKey{upstream, peer_.address()}, limits_, &cells_);
  std::array<Client, kHolders> clients_;
  uint64_t arrivals_ = 0;
  uint64_t asked_ = 0;
  size_t most_ = 0;
};

INSTANTIATE_TEST_SUITE_P(
    Seeds, PoolModelTest,
    testing::Values(Parameters{PeerKind::kTcp, 1}, Parameters{PeerKind::kTcp, 2},
                    Parameters{PeerKind::kTcp, 3}, Parameters{PeerKind::kUnix, 4},
                    Parameters{PeerKind::kUnix, 5}, Parameters{PeerKind::kUnix, 6}),
    [](const auto& info) {
      return (info.param.kind == PeerKind::kTcp ? "Tcp" : "Unix") + std::to_string(info.param.seed);
    });

TEST_P(PoolModelTest, HoldsItsInvariantsWhateverHappens) {
  for (int step = 0; step < kSteps && !HasFailure(); ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    Step();
    CheckAlways();
  }
  EXPECT_GT(most_, 2u);
  EXPECT_GT(Checkouts(CheckoutResult::kReused), 50u);
  EXPECT_GT(Checkouts(CheckoutResult::kFresh), 50u);
  EXPECT_EQ(AllCheckouts() + pool_->waiters(), asked_) << "every request has one answer";

  for (Client& client : clients_) {
    client.holder.CancelWait();
    client.holder.Drop();
  }
  pool_.reset();
  Turn();
  EXPECT_EQ(AllOpened(), AllClosed());
  EXPECT_EQ(shelves.idle_places(), 0u);
  EXPECT_EQ(loop.timers().size(), 0u);
  for (const char* state : {"idle", "busy", "connecting"}) {
    EXPECT_EQ(ConnectionsGauge(state), 0) << state;
  }
}

}  // namespace
}  // namespace holdfast::pool
