#include "pool/worker_share.h"

#include <array>
#include <deque>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "pool/connection_pool.h"
#include "pool/connection_tie.h"
#include "pool/net/mailbox.h"
#include "pool/shelf.h"
#include "tests/pool/pool_harness.h"

namespace holdfast::pool {
namespace {

using std::chrono::milliseconds;
using Status = Checkout::Status;

// Two workers' pools for one endpoint, both turned by the test's thread, so that what crosses can
// be told step by step.
class WorkerShareTest : public testing::Test {
 protected:
  struct Worker : PoolHarness {
    Mailbox mailbox{&loop};
    PoolCells cells{shard, upstream};
    std::unique_ptr<ConnectionPool> pool;
  };

  WorkerShareTest() {
    for (Worker& worker : workers_) peers_.mailboxes.push_back(&worker.mailbox);
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
  template <class Condition>
  bool TurnUntil(Condition condition) {
    return workers_[0].TurnUntil([&] {
      workers_[1].Turn();
      return condition();
    });
  }
  void Settle() {
    for (int i = 0; i < 10; ++i) {
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
  Shelves shelves_{2};
  Peers peers_;
  std::array<Worker, 2> workers_;
  std::shared_ptr<Shelf> shelf_;
  std::deque<Holder> holders_;
};

TEST_F(WorkerShareTest, WhatOneWorkerHasToSpareAnotherUses) {
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

TEST_F(WorkerShareTest, AWorkerKeepsItsFloor) {
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
TEST_F(WorkerShareTest, WhatIsAsideAtAnotherWorkerGivesWayAtTheCap) {
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

TEST_F(WorkerShareTest, WhatRestsAtAnotherWorkerGivesWayAtTheCap) {
  Start({.max_connections = 1});
  ReuseFacts facts = kGoodEnd;
  facts.rest = true;
  EXPECT_EQ(Lease(0).lease().End(facts), CloseReason::kNone);
  Holder& other = Ask(1);
  ASSERT_TRUE(TurnUntil([&] { return other.holds(); })) << "without the time of a rest";
  EXPECT_EQ(workers_[0].Closed("idle_evicted"), 1u);
}

TEST_F(WorkerShareTest, BelowTheCapWhatIsAsideStays) {
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

TEST_F(WorkerShareTest, AFreshOneIsNotAskedFor) {
  Start({});
  Fill(0, 3);
  Holder& holder = Ask(1, /*fresh=*/true);
  ASSERT_TRUE(TurnUntil([&] { return holder.holds(); }));
  EXPECT_EQ(holder.lease().result(), CheckoutResult::kFresh);
  EXPECT_EQ(pool(0).idle(), 3u);
}

TEST_F(WorkerShareTest, NoMoreIsAskedForThanIsShown) {
  Start({});
  Fill(0, Shelf::kFloor + 2);
  for (int i = 0; i < 5; ++i) Ask(1);
  EXPECT_EQ(pool(1).connecting(), 3u);
  ASSERT_TRUE(TurnUntil([&] { return pool(1).leased() == 5; }));
  EXPECT_EQ(workers_[1].Checkouts(CheckoutResult::kShared), 2u);
  EXPECT_EQ(pool(0).idle(), size_t{Shelf::kFloor});
}

// Between the look at the shelf and the letter the owner has found use for it.
TEST_F(WorkerShareTest, AnOwnerThatHasNoneAnyMoreSaysSo) {
  Start({});
  Fill(0, Shelf::kFloor + 1);
  Holder& asking = Ask(1);
  std::vector<Holder*> busy = {&Ask(0), &Ask(0)};
  for (Holder* holder : busy) EXPECT_TRUE(holder->holds());
  ASSERT_TRUE(TurnUntil([&] { return asking.holds(); }));
  EXPECT_EQ(asking.lease().result(), CheckoutResult::kFresh);
}

TEST_F(WorkerShareTest, AnOwnerThatDoesNotAnswerIsNotWaitedFor) {
  Start({});
  Fill(0, 3);
  Holder& asking = Ask(1);
  for (int i = 0; i < 4; ++i) workers_[1].Advance(WorkerShare::kSharePatience);
  ASSERT_TRUE(workers_[1].TurnUntil([&] { return asking.holds(); }));
  EXPECT_EQ(asking.lease().result(), CheckoutResult::kFresh);
  // The late answer is kept for the next.
  Settle();
  EXPECT_EQ(pool(0).idle(), 2u);
  EXPECT_EQ(pool(1).idle(), 1u);
}

TEST_F(WorkerShareTest, ADeadSpareIsNotUsed) {
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

TEST_F(WorkerShareTest, AnAnswerToAPoolThatWentClosesTheConnection) {
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

TEST_F(WorkerShareTest, TheCapHoldsOverAllWorkers) {
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

TEST_F(WorkerShareTest, RoomUnderTheCapIsTold) {
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

TEST_F(WorkerShareTest, UnderTheCapNoFloorIsKept) {
  Start({.max_connections = 1});
  Fill(0, 1);
  Holder& holder = Ask(1);
  ASSERT_TRUE(TurnUntil([&] { return holder.holds(); }));
  EXPECT_EQ(holder.lease().result(), CheckoutResult::kShared);
}

// Whoever waits longest is next, wherever it waits.
TEST_F(WorkerShareTest, WorkersTakeTurnsByHowLongTheyWait) {
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

TEST_F(WorkerShareTest, RoomGoesToTheWorkerThatWaitsLonger) {
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

TEST_F(WorkerShareTest, RoomThatNobodyWantsAnyMoreIsFreeAgain) {
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

TEST_F(WorkerShareTest, AWaitThatWasCancelledIsNoWish) {
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
TEST_F(WorkerShareTest, APoolThatFollowsAnotherOneShares) {
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
TEST_F(WorkerShareTest, UnderTheBreakerNoFloorIsKept) {
  Start({});
  Fill(0, 1);
  shelf_->totals().SetLimits({.connections = 1}, {});
  Holder& holder = Ask(1);
  ASSERT_TRUE(TurnUntil([&] { return holder.holds(); }));
  EXPECT_EQ(holder.lease().result(), CheckoutResult::kShared);
}

TEST_F(WorkerShareTest, AskingAgainDoesNotExtendThePatience) {
  Start({});
  Fill(0, 6);
  Holder& first = Ask(1);
  for (int i = 0; i < 3; ++i) {
    workers_[1].Advance(milliseconds(10));
    Ask(1);
    workers_[1].Turn();
  }
  EXPECT_TRUE(workers_[1].TurnUntil([&] { return first.holds(); }));
  EXPECT_EQ(first.lease().result(), CheckoutResult::kFresh);
}

TEST_F(WorkerShareTest, TheLimitOfIdleConnectionsHoldsOverAllWorkers) {
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

TEST_F(WorkerShareTest, ALoweredIdleLimitCloses) {
  Start({});
  Fill(0, 3);
  Fill(1, 3);
  const PoolLimits lowered{.max_idle = 2};
  pool(0).SetLimits(lowered);
  pool(1).SetLimits(lowered);
  EXPECT_EQ(pool(0).idle() + pool(1).idle(), 2u);
}

TEST_F(WorkerShareTest, EachSeesWhatTheOtherHasInFlight) {
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
