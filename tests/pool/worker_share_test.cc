#include "pool/worker_share.h"

#include <array>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "pool/connection_pool.h"
#include "pool/connection_tie.h"
#include "pool/net/mailbox.h"
#include "pool/shelf.h"
#include "tests/pool/net/socket_pair.h"
#include "tests/pool/pool_harness.h"
#include "tests/pool/tls/support/tls_script.h"

namespace holdfast::pool {
namespace {

using std::chrono::milliseconds;
using Status = Checkout::Status;

enum class Over { kPlain, kTls };

// Makes transports whose peers are scripts, in the order in which they connect.
class ScriptDialer final : public SocketDialer {
 public:
  using SocketDialer::SocketDialer;
  std::deque<std::unique_ptr<TransportScript>>* scripts = nullptr;

 private:
  std::unique_ptr<Transport> MakeTransport(FileDescriptor socket, const EndpointKey&) override {
    scripts->push_back(NewTlsScript(/*server=*/false));
    return scripts->back()->Make(std::move(socket));
  }
};

// Two workers' pools for one endpoint, both turned by the test's thread, so that what crosses can
// be told step by step.
class WorkerShareTest : public testing::TestWithParam<Over> {
 protected:
  struct Worker : PoolHarness {
    Mailbox mailbox{&loop};
    PoolCells cells{shard, upstream};
    ScriptDialer script_dialer{&loop, &slabs};
    std::unique_ptr<ConnectionPool> pool;
  };

  WorkerShareTest() {
    for (Worker& worker : workers_) {
      peers_.mailboxes.push_back(&worker.mailbox);
      worker.script_dialer.scripts = &scripts_;
      if (GetParam() == Over::kTls) worker.dialer = &worker.script_dialer;
    }
  }

  void TearDown() override {
    holders_.clear();
    Settle();
    for (Worker& worker : workers_) worker.pool.reset();
    uint64_t opened = 0, closed = 0;
    for (Worker& worker : workers_) {
      worker.Turn();
      EXPECT_EQ(worker.ConnectionsGauge("idle"), 0);
      EXPECT_EQ(worker.ConnectionsGauge("busy"), 0);
      opened += worker.AllOpened();
      closed += worker.AllClosed();
    }
    EXPECT_EQ(opened, closed);
    EXPECT_EQ(shelf_->connections(), 0u);
    EXPECT_FALSE(shelf_->SomeoneWaits());
    EXPECT_EQ(shelves_.idle_places(), 0u);
    EXPECT_EQ(shelf_->totals().active(), 0u);
    EXPECT_EQ(shelf_->totals().pending(), 0u);
    EXPECT_EQ(shelf_->totals().connections(), 0u);
  }

  void Start(const PoolLimits& limits) {
    for (size_t i = 0; i < workers_.size(); ++i) Start(limits, i);
  }
  void Start(const PoolLimits& limits, size_t worker) {
    PoolContext context = workers_[worker].context();
    context.shelves = &shelves_;
    context.peers = &peers_;
    context.worker = worker;
    const EndpointKey key{workers_[worker].upstream, peer_.address()};
    workers_[worker].pool =
        std::make_unique<ConnectionPool>(context, key, limits, &workers_[worker].cells);
    shelf_ = shelves_.For(key);
  }

  ConnectionPool& pool(size_t i) { return *workers_[i].pool; }
  Holder& Ask(size_t worker, bool fresh = false) {
    Holder& holder = holders_.emplace_back();
    holder.Ask(pool(worker), fresh);
    return holder;
  }
  // The peers of TLS shake hands, and take what they are told.
  void TurnPeers() {
    if (GetParam() == Over::kPlain) return;
    peer_.AcceptAll();
    for (size_t i = 0; i < peer_.accepted().size(); ++i) {
      FileDescriptor& socket = peer_.accepted()[i];
      if (!socket.valid()) continue;
      const std::string answer = scripts_[i]->Answer(ReceiveSome(socket));
      // Whoever is gone hears nothing.
      if (!answer.empty()) SendSome(socket, answer);
    }
  }
  // One worker and the peers.
  template <class Condition>
  bool TurnAlone(size_t worker, Condition condition) {
    return workers_[worker].TurnUntil([&] {
      TurnPeers();
      return condition();
    });
  }
  template <class Condition>
  bool TurnUntil(Condition condition) {
    return TurnAlone(0, [&] {
      workers_[1].Turn();
      return condition();
    });
  }
  void Settle() {
    for (int i = 0; i < 10; ++i) {
      TurnPeers();
      for (Worker& worker : workers_) worker.Turn();
    }
  }
  void Advance(Duration step) {
    for (Worker& worker : workers_) worker.Advance(step);
  }
  Holder& Lease(size_t worker) {
    Holder& holder = Ask(worker);
    EXPECT_TRUE(TurnUntil([&] { return holder.holds(); }));
    return holder;
  }
  // So many idle connections at a worker.
  void Fill(size_t worker, size_t count) {
    std::vector<Holder*> busy;
    for (size_t i = 0; i < count; ++i) busy.push_back(&Lease(worker));
    for (Holder* holder : busy) holder->GiveBack();
    EXPECT_EQ(pool(worker).idle(), count);
  }
  uint64_t Opened() { return workers_[0].AllOpened() + workers_[1].AllOpened(); }

  Peer peer_;
  std::deque<std::unique_ptr<TransportScript>> scripts_;  // of what peer_ has accepted
  Shelves shelves_{2};
  Peers peers_;
  std::array<Worker, 2> workers_;
  std::shared_ptr<Shelf> shelf_;
  std::deque<Holder> holders_;
};

INSTANTIATE_TEST_SUITE_P(Plain, WorkerShareTest, testing::Values(Over::kPlain));
INSTANTIATE_TEST_SUITE_P(Tls, WorkerShareTest, testing::Values(Over::kTls));

TEST_P(WorkerShareTest, WhatOneWorkerHasToSpareAnotherUses) {
  Start({});
  Fill(0, 3);
  Holder& holder = Ask(1);
  EXPECT_TRUE(holder.waiting());
  EXPECT_EQ(pool(1).connecting(), 0u) << "it asks before it opens";
  ASSERT_TRUE(TurnUntil([&] { return holder.holds(); }));
  EXPECT_EQ(holder.lease().result(), CheckoutResult::kShared);
  EXPECT_TRUE(holder.lease().reused());
  EXPECT_EQ(pool(0).idle(), 2u);
  EXPECT_EQ(Opened(), 3u);
  EXPECT_EQ(workers_[1].Checkouts(CheckoutResult::kShared), 1u);
  EXPECT_EQ(holder.GiveBack(), CloseReason::kNone);
  // From now on it is this worker's own.
  Holder& again = Ask(1);
  ASSERT_TRUE(again.holds());
  EXPECT_EQ(again.lease().result(), CheckoutResult::kReused);
}

TEST_P(WorkerShareTest, AWorkerKeepsItsFloor) {
  Start({});
  Fill(0, Shelf::kFloor);
  Holder& holder = Ask(1);
  EXPECT_EQ(pool(1).connecting(), 1u);
  ASSERT_TRUE(TurnUntil([&] { return holder.holds(); }));
  EXPECT_EQ(holder.lease().result(), CheckoutResult::kFresh);
  EXPECT_EQ(pool(0).idle(), size_t{Shelf::kFloor});
}

// At the cap whoever holds connections for later makes room, whichever worker the next request is
// at; else a few clients that were authenticated could keep all others out.
TEST_P(WorkerShareTest, WhatIsAsideAtAnotherWorkerGivesWayAtTheCap) {
  Start({.max_connections = 1});
  ConnectionTie tie;
  ReuseFacts facts = kGoodEnd;
  facts.authenticated = true;
  facts.tie = &tie;
  EXPECT_EQ(Lease(0).lease().End(facts), CloseReason::kNone);
  ASSERT_TRUE(tie.held());
  Holder& other = Ask(1);
  ASSERT_TRUE(TurnUntil([&] { return other.holds(); }));
  EXPECT_FALSE(tie.held());
  EXPECT_EQ(other.lease().result(), CheckoutResult::kFresh);
  EXPECT_EQ(workers_[0].Closed("idle_evicted"), 1u);
}

TEST_P(WorkerShareTest, WhatRestsAtAnotherWorkerGivesWayAtTheCap) {
  Start({.max_connections = 1});
  ReuseFacts facts = kGoodEnd;
  facts.rest = true;
  EXPECT_EQ(Lease(0).lease().End(facts), CloseReason::kNone);
  Holder& other = Ask(1);
  ASSERT_TRUE(TurnUntil([&] { return other.holds(); })) << "without the time of a rest";
  EXPECT_EQ(workers_[0].Closed("idle_evicted"), 1u);
}

TEST_P(WorkerShareTest, BelowTheCapWhatIsAsideStays) {
  Start({.max_connections = 2});
  ConnectionTie tie;
  ReuseFacts facts = kGoodEnd;
  facts.authenticated = true;
  facts.tie = &tie;
  EXPECT_EQ(Lease(0).lease().End(facts), CloseReason::kNone);
  Holder& other = Ask(1);
  ASSERT_TRUE(TurnUntil([&] { return other.holds(); }));
  EXPECT_TRUE(tie.held());
}

TEST_P(WorkerShareTest, AFreshOneIsNotAskedFor) {
  Start({});
  Fill(0, 3);
  Holder& holder = Ask(1, /*fresh=*/true);
  ASSERT_TRUE(TurnUntil([&] { return holder.holds(); }));
  EXPECT_EQ(holder.lease().result(), CheckoutResult::kFresh);
  EXPECT_EQ(pool(0).idle(), 3u);
}

TEST_P(WorkerShareTest, NoMoreIsAskedForThanIsShown) {
  Start({});
  Fill(0, Shelf::kFloor + 2);
  for (int i = 0; i < 5; ++i) Ask(1);
  EXPECT_EQ(pool(1).connecting(), 3u);
  ASSERT_TRUE(TurnUntil([&] { return pool(1).leased() == 5; }));
  EXPECT_EQ(workers_[1].Checkouts(CheckoutResult::kShared), 2u);
  EXPECT_EQ(pool(0).idle(), size_t{Shelf::kFloor});
}

// Between the look at the shelf and the letter the owner has found use for it.
TEST_P(WorkerShareTest, AnOwnerThatHasNoneAnyMoreSaysSo) {
  Start({});
  Fill(0, Shelf::kFloor + 1);
  Holder& asking = Ask(1);
  std::vector<Holder*> busy = {&Ask(0), &Ask(0)};
  for (Holder* holder : busy) EXPECT_TRUE(holder->holds());
  ASSERT_TRUE(TurnUntil([&] { return asking.holds(); }));
  EXPECT_EQ(asking.lease().result(), CheckoutResult::kFresh);
}

TEST_P(WorkerShareTest, AnOwnerThatDoesNotAnswerIsNotWaitedFor) {
  Start({});
  Fill(0, 3);
  Holder& asking = Ask(1);
  for (int i = 0; i < 4; ++i) workers_[1].Advance(WorkerShare::kSharePatience);
  ASSERT_TRUE(TurnAlone(1, [&] { return asking.holds(); }));
  EXPECT_EQ(asking.lease().result(), CheckoutResult::kFresh);
  // The late answer is kept for the next.
  Settle();
  EXPECT_EQ(pool(0).idle(), 2u);
  EXPECT_EQ(pool(1).idle(), 1u);
}

TEST_P(WorkerShareTest, ADeadSpareIsNotUsed) {
  Start({});
  Fill(0, 3);
  peer_.AcceptAll();
  Holder& asking = Ask(1);
  // After the owner has looked, before the asking one does.
  workers_[0].Turn();
  for (FileDescriptor& socket : peer_.accepted()) socket.Reset();
  ASSERT_TRUE(TurnUntil([&] { return asking.holds(); }));
  EXPECT_EQ(asking.lease().result(), CheckoutResult::kFresh);
  EXPECT_EQ(workers_[1].Closed("idle_peer_closed"), 2u) << "those above the owner's floor";
}

TEST_P(WorkerShareTest, AnAnswerToAPoolThatWentClosesTheConnection) {
  Start({});
  Fill(0, 3);
  peer_.AcceptAll();
  {
    Holder asking;
    asking.Ask(pool(1));
  }
  workers_[1].pool.reset();
  workers_[0].Turn();
  workers_[1].Turn();
  EXPECT_EQ(pool(0).idle(), 2u);
  EXPECT_EQ(shelf_->connections(), 2u);
  EXPECT_TRUE(SeesEnd(peer_.accepted()[0]) || SeesEnd(peer_.accepted()[1]) ||
              SeesEnd(peer_.accepted()[2]));
  workers_[1].cells.closed(CloseReason::kDrained).Add();  // Told by nobody: its cells are gone.
}

TEST_P(WorkerShareTest, TheCapHoldsOverAllWorkers) {
  Start({.max_connections = 3});
  std::vector<Holder*> busy = {&Lease(0), &Lease(0), &Lease(1)};
  Holder& waiting = Ask(1);
  Settle();
  EXPECT_TRUE(waiting.waiting());
  EXPECT_EQ(shelf_->connections(), 3u);
  EXPECT_TRUE(shelf_->SomeoneWaits());
  // What comes back at the other worker goes where somebody waits.
  busy[0]->GiveBack();
  ASSERT_TRUE(TurnUntil([&] { return waiting.holds(); }));
  EXPECT_EQ(waiting.lease().result(), CheckoutResult::kShared);
  EXPECT_EQ(Opened(), 3u);
}

TEST_P(WorkerShareTest, RoomUnderTheCapIsTold) {
  Start({.max_connections = 2});
  Lease(0);
  Holder& lost = Lease(0);
  Holder& waiting = Ask(1);
  Settle();
  lost.Drop();
  ASSERT_TRUE(TurnUntil([&] { return waiting.holds(); }));
  EXPECT_EQ(waiting.lease().result(), CheckoutResult::kFresh);
  EXPECT_EQ(shelf_->connections(), 2u);
}

TEST_P(WorkerShareTest, UnderTheCapNoFloorIsKept) {
  Start({.max_connections = 1});
  Fill(0, 1);
  Holder& holder = Ask(1);
  ASSERT_TRUE(TurnUntil([&] { return holder.holds(); }));
  EXPECT_EQ(holder.lease().result(), CheckoutResult::kShared);
}

// Whoever waits longest is next, wherever it waits.
TEST_P(WorkerShareTest, WorkersTakeTurnsByHowLongTheyWait) {
  Start({.max_connections = 1});
  Holder& busy = Lease(0);
  Holder& first = Ask(1);
  Advance(milliseconds(10));
  Holder& second = Ask(0);
  Advance(milliseconds(10));
  Holder& third = Ask(1);
  Settle();
  busy.GiveBack();
  ASSERT_TRUE(TurnUntil([&] { return first.holds(); }));
  EXPECT_TRUE(second.waiting() && third.waiting());
  first.GiveBack();
  ASSERT_TRUE(TurnUntil([&] { return second.holds(); }));
  EXPECT_TRUE(third.waiting());
  second.GiveBack();
  ASSERT_TRUE(TurnUntil([&] { return third.holds(); }));
  EXPECT_EQ(Opened(), 1u);
}

TEST_P(WorkerShareTest, RoomGoesToTheWorkerThatWaitsLonger) {
  Start({.max_connections = 1});
  Holder& busy = Lease(0);
  Holder& first = Ask(1);
  Advance(milliseconds(1));
  Holder& second = Ask(0);
  Settle();
  busy.Drop();
  // Somebody who comes now has not waited at all.
  Holder& third = Ask(0);
  for (int i = 0; i < 10; ++i) workers_[0].Turn();
  EXPECT_FALSE(second.holds());
  ASSERT_TRUE(TurnUntil([&] { return first.holds(); }));
  EXPECT_TRUE(second.waiting());
  first.Drop();
  ASSERT_TRUE(TurnUntil([&] { return second.holds(); }));
  EXPECT_TRUE(third.waiting());
}

TEST_P(WorkerShareTest, RoomThatNobodyWantsAnyMoreIsFreeAgain) {
  Start({.max_connections = 1});
  Holder& busy = Lease(0);
  Holder& gone = Ask(1);
  Settle();
  busy.Drop();
  gone.CancelWait();
  Settle();
  EXPECT_EQ(shelf_->connections(), 0u);
  EXPECT_TRUE(TurnUntil([&, &next = Ask(0)] { return next.holds(); }));
}

TEST_P(WorkerShareTest, AWaitThatWasCancelledIsNoWish) {
  Start({.max_connections = 1, .queue_size = 2});
  Holder& busy = Lease(0);
  Holder& one = Ask(1);
  Holder& two = Ask(1);
  Settle();
  EXPECT_EQ(shelf_->WantedElsewhere(0), 2u);
  one.CancelWait();
  EXPECT_EQ(shelf_->WantedElsewhere(0), 1u);
  two.CancelWait();
  EXPECT_EQ(shelf_->WantedElsewhere(0), 0u);
  EXPECT_FALSE(shelf_->SomeoneWaits());
  EXPECT_TRUE(Ask(0).waiting()) << "the queue is empty";
  busy.GiveBack();
  Settle();
  EXPECT_EQ(pool(1).idle(), 0u);
}

// Its upstream was removed while it was in use, and came back.
TEST_P(WorkerShareTest, APoolThatFollowsAnotherOneShares) {
  Start({.max_connections = 2});
  Holder& old = Lease(0);
  std::unique_ptr<ConnectionPool> before = std::move(workers_[0].pool);
  before->Drain();
  Start({.max_connections = 2}, /*worker=*/0);
  Holder& busy = Lease(1);
  Holder& waits = Ask(0);
  Settle();
  EXPECT_TRUE(waits.waiting());
  old.GiveBack();
  Advance(WorkerShare::kSharePatience + milliseconds(10));
  ASSERT_TRUE(TurnUntil([&] { return waits.holds(); })) << "nobody tells it, so it looks itself";
  before.reset();
  Holder& next = Ask(0);
  Settle();
  EXPECT_TRUE(shelf_->SomeoneWaits());
  busy.GiveBack();
  EXPECT_TRUE(TurnUntil([&] { return next.holds(); }));
}

// Which counts over all endpoints.
TEST_P(WorkerShareTest, UnderTheBreakerNoFloorIsKept) {
  Start({});
  Fill(0, 1);
  shelf_->totals().SetLimits({.connections = 1}, {});
  Holder& holder = Ask(1);
  ASSERT_TRUE(TurnUntil([&] { return holder.holds(); }));
  EXPECT_EQ(holder.lease().result(), CheckoutResult::kShared);
}

TEST_P(WorkerShareTest, AskingAgainDoesNotExtendThePatience) {
  Start({});
  Fill(0, 6);
  Holder& first = Ask(1);
  for (int i = 0; i < 3; ++i) {
    workers_[1].Advance(milliseconds(10));
    Ask(1);
    workers_[1].Turn();
  }
  EXPECT_TRUE(TurnAlone(1, [&] { return first.holds(); }));
  EXPECT_EQ(first.lease().result(), CheckoutResult::kFresh);
}

TEST_P(WorkerShareTest, TheLimitOfIdleConnectionsHoldsOverAllWorkers) {
  Start({.max_idle = 3});
  std::vector<Holder*> busy;
  for (int i = 0; i < 4; ++i) {
    busy.push_back(&Lease(0));
    busy.push_back(&Lease(1));
  }
  for (Holder* holder : busy) holder->GiveBack();
  EXPECT_EQ(pool(0).idle() + pool(1).idle(), 3u);
  EXPECT_EQ(workers_[0].Closed("idle_evicted") + workers_[1].Closed("idle_evicted"), 5u);
}

TEST_P(WorkerShareTest, ALoweredIdleLimitCloses) {
  Start({});
  Fill(0, 3);
  Fill(1, 3);
  const PoolLimits lowered{.max_idle = 2};
  pool(0).SetLimits(lowered);
  pool(1).SetLimits(lowered);
  EXPECT_EQ(pool(0).idle() + pool(1).idle(), 2u);
}

TEST_P(WorkerShareTest, EachSeesWhatTheOtherHasInFlight) {
  Start({});
  Lease(0);
  Lease(0);
  Lease(1);
  Advance(WorkerShare::kLoadAge);
  EXPECT_EQ(pool(0).ProcessLoad(), 3u);
  EXPECT_EQ(pool(1).ProcessLoad(), 3u);
  EXPECT_EQ(shelf_->totals().active(), 3u);
}

}  // namespace
}  // namespace holdfast::pool
