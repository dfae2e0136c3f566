#include "gateway/proxy/in_flight_queue.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/config/load.h"
#include "tests/gateway/proxy/proxy_harness.h"

namespace holdfast::proxy {
namespace {

using metrics::Metric;
using std::chrono::seconds;
using Verdict = InFlightPlace::Verdict;

// One who asks for places, and hears of them.
class Asker final : public InFlightEvents {
 public:
  explicit Asker(WorkerContext* context) : place(context, this) {}

  int heard = 0;
  std::function<void()> when_heard;
  InFlightPlace place;

 private:
  void OnPlaceHad() override {
    ++heard;
    if (when_heard) when_heard();
  }
};

std::string FileWith(const std::string& max_in_flight) {
  const std::string keys = max_in_flight.empty() ? "" : ", max_in_flight: " + max_in_flight;
  return "listeners: [{name: edge, bind: \"127.0.0.1:0\"}]\n"
         "routes: [{name: r, respond: {}" +
         keys + "}]\n";
}

// A worker beside the harness's own, on the same thread.
class InFlightQueueTest : public testing::Test {
 protected:
  InFlightQueueTest() {
    peers_.mailboxes = {&own_mail_, &other_mail_};
    places_.Join(0, &one_, &peers_);
    places_.Join(1, &other_, &peers_);
    one_.places = other_.places = &places_;
    other_.worker = 1;
  }
  ~InFlightQueueTest() override { one_.places = &harness_.places; }

  // The route's own configuration from now on, in either worker.
  const route::Route& Use(const std::string& max_in_flight) {
    config::LoadResult result = config::LoadConfig(FileWith(max_in_flight), "test.yaml");
    EXPECT_TRUE(result.config.has_value()) << config::FormatDiagnostics(result.diagnostics);
    const route::Snapshot* before = snapshots_.empty() ? nullptr : snapshots_.back().get();
    snapshots_.push_back(
        std::make_shared<const route::Snapshot>(*std::move(result.config), tls::TlsPlan(), before));
    one_.in_flight->Adopt(snapshots_.back()->routes());
    other_.in_flight->Adopt(snapshots_.back()->routes());
    return snapshots_.back()->routes().routes()[0];
  }
  uint64_t Results(const std::string& result) {
    return harness_.Count(Metric::kInFlightRequestsTotal, {"r", result});
  }
  int64_t UnderWay() { return harness_.Level(Metric::kRouteInFlight, {"r"}); }
  int64_t Waiting() { return harness_.Level(Metric::kRouteInFlightWaiting, {"r"}); }

  ProxyHarness harness_;
  WorkerContext& one_ = harness_.context;
  WorkerContext other_{&harness_.loop, &harness_.slabs, harness_.shard, &harness_.random};
  pool::Mailbox own_mail_{&harness_.loop};
  pool::Mailbox other_mail_{&harness_.loop};
  pool::Peers peers_;
  ClientPlaces places_{2};
  std::vector<std::shared_ptr<const route::Snapshot>> snapshots_;
};

TEST_F(InFlightQueueTest, ARequestHasAPlaceUntilItGivesItBack) {
  const route::Route& route = Use("{requests: 1, queue: {size: 0}}");
  Asker first(&one_);
  Asker second(&other_);
  EXPECT_EQ(first.place.Ask(route), Verdict::kHeld);
  EXPECT_EQ(UnderWay(), 1);
  EXPECT_EQ(second.place.Ask(route), Verdict::kFull) << "of all workers together";
  second.place.GiveBack();
  first.place.GiveBack();
  first.place.GiveBack();
  EXPECT_EQ(UnderWay(), 0);
  EXPECT_EQ(second.place.Ask(route), Verdict::kHeld);
  EXPECT_EQ(Results("at_once"), 2u);
  EXPECT_EQ(Results("full"), 1u);
}

TEST_F(InFlightQueueTest, ThoseOfOneWorkerGetPlacesInTheirOrderAndNeverFromInsideACall) {
  const route::Route& route = Use("1");
  Asker holder(&one_);
  Asker first(&one_);
  Asker second(&one_);
  ASSERT_EQ(holder.place.Ask(route), Verdict::kHeld);
  EXPECT_EQ(first.place.Ask(route), Verdict::kPending);
  EXPECT_EQ(second.place.Ask(route), Verdict::kPending);
  EXPECT_EQ(Waiting(), 2);
  holder.place.GiveBack();
  EXPECT_EQ(first.heard, 0);
  harness_.Turns(3);
  EXPECT_EQ(first.heard, 1);
  EXPECT_EQ(second.heard, 0);
  EXPECT_EQ(first.place.wake_at(), std::nullopt);
  first.place.GiveBack();
  harness_.Turns(3);
  EXPECT_EQ(second.heard, 1);
  EXPECT_EQ(UnderWay(), 1);
  EXPECT_EQ(Waiting(), 0);
  EXPECT_EQ(Results("waited"), 2u);
}

TEST_F(InFlightQueueTest, AFreedPlaceGoesToAnotherWorkerByMail) {
  const route::Route& route = Use("1");
  Asker holder(&one_);
  Asker waiting(&other_);
  ASSERT_EQ(holder.place.Ask(route), Verdict::kHeld);
  ASSERT_EQ(waiting.place.Ask(route), Verdict::kPending);
  holder.place.GiveBack();
  Asker late(&one_);
  EXPECT_EQ(late.place.Ask(route), Verdict::kPending) << "the place is on its way to another";
  harness_.Turns(3);
  EXPECT_EQ(waiting.heard, 1);
  EXPECT_EQ(late.heard, 0);
  waiting.place.GiveBack();
  harness_.Turns(3);
  EXPECT_EQ(late.heard, 1);
}

TEST_F(InFlightQueueTest, WhoLeavesWhileItsPlaceIsOnItsWayDoesNotTakeItAlong) {
  const route::Route& route = Use("1");
  Asker holder(&one_);
  Asker leaver(&other_);
  ASSERT_EQ(holder.place.Ask(route), Verdict::kHeld);
  ASSERT_EQ(leaver.place.Ask(route), Verdict::kPending);
  holder.place.GiveBack();
  leaver.place.GiveBack();
  Asker late(&one_);
  ASSERT_EQ(late.place.Ask(route), Verdict::kPending);
  harness_.Turns(5);
  EXPECT_EQ(leaver.heard, 0);
  EXPECT_EQ(late.heard, 1);
  EXPECT_EQ(Results("left"), 1u);
}

TEST_F(InFlightQueueTest, WhoLeavesBeforeItHearsOfItsPlaceGivesItToTheNext) {
  const route::Route& route = Use("1");
  Asker holder(&one_);
  Asker leaver(&one_);
  Asker next(&one_);
  ASSERT_EQ(holder.place.Ask(route), Verdict::kHeld);
  ASSERT_EQ(leaver.place.Ask(route), Verdict::kPending);
  ASSERT_EQ(next.place.Ask(route), Verdict::kPending);
  holder.place.GiveBack();
  leaver.place.GiveBack();
  harness_.Turns(3);
  EXPECT_EQ(leaver.heard, 0);
  EXPECT_EQ(next.heard, 1);
  EXPECT_EQ(Results("left"), 1u);
  EXPECT_EQ(Results("waited"), 1u);
}

TEST_F(InFlightQueueTest, DestructionGivesBack) {
  const route::Route& route = Use("1");
  Asker last(&one_);
  {
    Asker holder(&one_);
    Asker leaver(&one_);
    ASSERT_EQ(holder.place.Ask(route), Verdict::kHeld);
    ASSERT_EQ(leaver.place.Ask(route), Verdict::kPending);
  }
  EXPECT_EQ(UnderWay(), 0);
  EXPECT_EQ(Waiting(), 0);
  EXPECT_EQ(last.place.Ask(route), Verdict::kHeld);
}

// What one that has just heard does may end its request at once.
TEST_F(InFlightQueueTest, WhoHearsMayGiveBackAtOnce) {
  const route::Route& route = Use("1");
  Asker holder(&one_);
  std::vector<std::unique_ptr<Asker>> askers;
  ASSERT_EQ(holder.place.Ask(route), Verdict::kHeld);
  for (int i = 0; i < 10; ++i) {
    Asker& asker = *askers.emplace_back(std::make_unique<Asker>(i % 2 == 0 ? &one_ : &other_));
    asker.when_heard = [&asker] { asker.place.GiveBack(); };
    ASSERT_EQ(asker.place.Ask(route), Verdict::kPending);
  }
  holder.place.GiveBack();
  harness_.Turns(60);
  for (const std::unique_ptr<Asker>& asker : askers) EXPECT_EQ(asker->heard, 1);
  EXPECT_EQ(UnderWay(), 0);
  EXPECT_EQ(snapshots_.back()->routes().routes()[0].in_flight->taken(), 0u);
}

TEST_F(InFlightQueueTest, AWaitEndsWhenItsTimeIsOver) {
  const route::Route& route = Use("{requests: 1, queue: {timeout: 2s}}");
  Asker holder(&one_);
  Asker waiting(&one_);
  ASSERT_EQ(holder.place.Ask(route), Verdict::kHeld);
  EXPECT_EQ(holder.place.wake_at(), std::nullopt);
  ASSERT_EQ(waiting.place.Ask(route), Verdict::kPending);
  EXPECT_EQ(waiting.place.wake_at(), harness_.loop.now() + seconds(2));
  waiting.place.GiveUp();
  EXPECT_EQ(waiting.place.wake_at(), std::nullopt);
  EXPECT_EQ(Results("timeout"), 1u);
  EXPECT_EQ(Waiting(), 0);
  holder.place.GiveBack();
  harness_.Turns(3);
  EXPECT_EQ(waiting.heard, 0);
}

TEST_F(InFlightQueueTest, AShadowHoldsNobodyUp) {
  const route::Route& route = Use("{requests: 1, shadow: true}");
  Asker one(&one_);
  Asker two(&one_);
  EXPECT_EQ(one.place.Ask(route), Verdict::kHeld);
  EXPECT_EQ(two.place.Ask(route), Verdict::kHeld);
  EXPECT_EQ(UnderWay(), 2);
  EXPECT_EQ(Results("at_once"), 1u);
  EXPECT_EQ(Results("shadow"), 1u);
}

TEST_F(InFlightQueueTest, AReloadGoesOnCountingAndWakesThoseForWhomThereIsRoomNow) {
  const route::Route& before = Use("1");
  Asker holder(&one_);
  Asker here(&one_);
  Asker there(&other_);
  Asker more(&other_);
  ASSERT_EQ(holder.place.Ask(before), Verdict::kHeld);
  ASSERT_EQ(here.place.Ask(before), Verdict::kPending);
  ASSERT_EQ(there.place.Ask(before), Verdict::kPending);
  ASSERT_EQ(more.place.Ask(before), Verdict::kPending);
  const route::Route& after = Use("3");
  EXPECT_EQ(after.in_flight, before.in_flight);
  harness_.Turns(5);
  EXPECT_EQ(here.heard, 1);
  EXPECT_EQ(there.heard, 1);
  EXPECT_EQ(more.heard, 0);
  const route::Route& lowered = Use("1");
  holder.place.GiveBack();
  here.place.GiveBack();
  harness_.Turns(5);
  EXPECT_EQ(more.heard, 0);
  Asker next(&one_);
  EXPECT_EQ(next.place.Ask(lowered), Verdict::kPending);
  there.place.GiveBack();
  harness_.Turns(5);
  EXPECT_EQ(more.heard + next.heard, 1);
}

TEST_F(InFlightQueueTest, OnceItIsAShadowNobodyWaits) {
  const route::Route& before = Use("1");
  Asker holder(&one_);
  Asker here(&one_);
  Asker there(&other_);
  ASSERT_EQ(holder.place.Ask(before), Verdict::kHeld);
  ASSERT_EQ(here.place.Ask(before), Verdict::kPending);
  ASSERT_EQ(there.place.Ask(before), Verdict::kPending);
  const route::Route& after = Use("{requests: 1, shadow: true}");
  EXPECT_EQ(here.heard, 0);
  harness_.Turns(3);
  EXPECT_EQ(here.heard, 1);
  EXPECT_EQ(there.heard, 1);
  EXPECT_EQ(Waiting(), 0);
  EXPECT_EQ(after.in_flight->taken(), 3u);
  holder.place.GiveBack();
  here.place.GiveBack();
  there.place.GiveBack();
  EXPECT_EQ(after.in_flight->taken(), 0u);
}

// Its last requests keep what they have; the queue goes when there is nobody left in it.
TEST_F(InFlightQueueTest, ALimitThatIsDroppedIsForgottenWithItsLastRequest) {
  const route::Route& before = Use("1");
  Asker holder(&one_);
  Asker waiting(&one_);
  ASSERT_EQ(holder.place.Ask(before), Verdict::kHeld);
  ASSERT_EQ(waiting.place.Ask(before), Verdict::kPending);
  EXPECT_EQ(Use("").in_flight, nullptr);
  holder.place.GiveBack();
  harness_.Turns(3);
  EXPECT_EQ(waiting.heard, 1);
  waiting.place.GiveBack();
  Use("");
  EXPECT_EQ(UnderWay(), 0);
}

}  // namespace
}  // namespace holdfast::proxy
