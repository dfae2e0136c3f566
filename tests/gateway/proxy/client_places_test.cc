#include "gateway/proxy/client_places.h"

#include <chrono>
#include <memory>

#include <gtest/gtest.h>

#include "pool/net/mailbox.h"
#include "tests/gateway/proxy/proxy_harness.h"

namespace holdfast::proxy {
namespace {

using pool::TimePoint;
using std::chrono::seconds;

TEST(ListenerPlacesTest, TheLongestIdleOfAllWorkersIsFound) {
  ListenerPlaces places(3);
  EXPECT_FALSE(places.LongestIdle().has_value());
  const TimePoint start{};
  places.ShowIdle(0, start + seconds(5));
  places.ShowIdle(2, start + seconds(3));
  EXPECT_EQ(places.LongestIdle()->worker, 2u);
  EXPECT_EQ(places.LongestIdle()->since, start + seconds(3));
  places.ShowIdle(2, std::nullopt);
  EXPECT_EQ(places.LongestIdle()->worker, 0u);
  places.ShowIdle(0, std::nullopt);
  EXPECT_FALSE(places.LongestIdle().has_value());
}

TEST(ClientPlacesTest, AListenersPlacesAreTheSameForAllWhoAskForThem) {
  ClientPlaces places(2);
  const std::shared_ptr<ListenerPlaces> edge = places.Of("edge");
  EXPECT_EQ(places.Of("edge"), edge);
  EXPECT_NE(places.Of("door"), edge);
}

TEST(ClientPlacesTest, TheyAreGoneWithTheLastWhoHoldsThem) {
  ClientPlaces places(1);
  std::shared_ptr<ListenerPlaces> edge = places.Of("edge");
  ASSERT_TRUE(edge->count().Take());
  edge.reset();
  EXPECT_EQ(places.Of("edge")->count().taken(), 0u);
}

TEST(ClientPlacesTest, LimitsAndWhatIsTakenOfThemAreGauges) {
  using metrics::Metric;
  ClientPlaces places(1);
  const std::shared_ptr<ListenerPlaces> edge = places.Of("edge");
  const std::shared_ptr<ListenerPlaces> door = places.Of("door");
  places.all().SetLimit(size_t{5});
  edge->count().SetLimit(size_t{3});
  ASSERT_TRUE(places.all().Take());
  metrics::Sums sums;
  places.AddTo(sums);
  EXPECT_EQ(sums.Of<metrics::Gauge>(Metric::kLimitUsed).at({"client_connections"}), 1);
  EXPECT_EQ(sums.Of<metrics::Gauge>(Metric::kLimitMax).at({"client_connections"}), 5);
  EXPECT_EQ(sums.Of<metrics::Gauge>(Metric::kClientConnectionsMax).at({"edge"}), 3);
  EXPECT_FALSE(sums.Of<metrics::Gauge>(Metric::kClientConnectionsMax).contains({"door"})) << "none";
  EXPECT_GT(sums.Of<metrics::Gauge>(Metric::kMemoryBytes).at({"client_counts"}), 0);
}

// A worker beside the harness's own, on the same thread.
class WakeTest : public testing::Test {
 protected:
  WakeTest() {
    peers_.mailboxes = {&own_mail_, &other_mail_};
    places_.Join(0, &harness_.context, &peers_);
    places_.Join(1, &other_, &peers_);
    harness_.context.at_cap = {harness_.listener.get()};
    other_.at_cap = {harness_.listener.get()};
  }
  ~WakeTest() override { harness_.context.at_cap.clear(); }

  ProxyHarness harness_;
  WorkerContext other_{&harness_.loop, &harness_.slabs, harness_.shard, &harness_.random};
  pool::Mailbox own_mail_{&harness_.loop};
  pool::Mailbox other_mail_{&harness_.loop};
  pool::Peers peers_;
  ClientPlaces places_{2};
};

TEST_F(WakeTest, NobodyIsWokenWhoDoesNotWait) {
  places_.WakeWaiting(0);
  harness_.Turns(3);
  EXPECT_EQ(harness_.context.at_cap.size(), 1u);
  EXPECT_EQ(other_.at_cap.size(), 1u);
}

TEST_F(WakeTest, TheWorkersOwnListenersGoOnAtOnceAndOthersByMail) {
  places_.ShowWaiting(0);
  places_.ShowWaiting(1);
  places_.WakeWaiting(0);
  EXPECT_TRUE(harness_.context.at_cap.empty());
  EXPECT_EQ(other_.at_cap.size(), 1u);
  harness_.Turns(3);
  EXPECT_TRUE(other_.at_cap.empty());
}

TEST_F(WakeTest, ALetterIsRunWithWhatTheOtherWorkerHas) {
  WorkerContext* had = nullptr;
  places_.PostWith(1, [&had](WorkerContext& context) { had = &context; });
  EXPECT_EQ(had, nullptr);
  harness_.Turns(3);
  EXPECT_EQ(had, &other_);
}

TEST_F(WakeTest, ItIsToldOnceForEachTimeItWaits) {
  places_.ShowWaiting(1);
  places_.WakeWaiting(0);
  harness_.Turns(3);
  other_.at_cap = {harness_.listener.get()};
  places_.WakeWaiting(0);
  harness_.Turns(3);
  EXPECT_EQ(other_.at_cap.size(), 1u) << "it has not said that it waits again";
}

}  // namespace
}  // namespace holdfast::proxy
