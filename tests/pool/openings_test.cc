#include "pool/openings.h"

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/pool/fake_dialer.h"
#include "tests/pool/pool_harness.h"

namespace holdfast::pool {
namespace {

using std::chrono::seconds;

class OpeningsTest : public testing::Test, protected PoolHarness, private OpeningsOwner {
 protected:
  ~OpeningsTest() override {
    openings_.Abandon(CloseReason::kDrained);
    kept_.clear();
    loop.DestroyAside();
    EXPECT_EQ(cells_.connecting.value(), 0);
    EXPECT_EQ(shelf_->connections(), 0u);
  }

  ConnectionRecord Record() {
    bool breaker = false;
    return {.permit = ConnectionPermit::Take(shelf_, &breaker), .open_reason = OpenReason::kEmpty};
  }
  bool Start(bool forsaken = false) {
    return openings_.Start(Record(), DialTerms{}, forsaken, /*whom=*/nullptr, &refusal_);
  }

  FakeDialer fake_{&loop, &slabs};
  const EndpointKey key_{upstream, *SocketAddress::Parse("192.0.2.1:80")};
  PoolCells cells_{shard, upstream};
  std::shared_ptr<Shelf> shelf_ = shelves.For(key_);
  Openings openings_{&loop, &fake_, &key_, shelf_, &cells_, this};
  CheckoutResult refusal_ = CheckoutResult::kNoEndpoint;
  std::vector<std::string> told_;
  std::deque<std::pair<std::unique_ptr<Connection>, ConnectionRecord>> kept_;
  bool forsake_slow_ = false;
  // Idle connections that could give way.
  std::deque<ConnectionPermit> here_;
  std::deque<ConnectionPermit> elsewhere_;
  size_t leased_ = 0;

 private:
  static bool Evict(std::deque<ConnectionPermit>* from) {
    if (from->empty()) return false;
    from->pop_back();
    return true;
  }
  bool EvictHere() override { return Evict(&here_); }
  bool EvictElsewhere() override { return Evict(&elsewhere_); }
  size_t OtherConnections() const override { return leased_ + here_.size(); }
  void OnOpeningSlow(Opening& opening) override {
    told_.push_back("slow");
    if (forsake_slow_) openings_.Forsake(opening);
  }
  void OnOpened(std::unique_ptr<Connection> connection, ConnectionRecord record, Waiter*) override {
    told_.push_back("opened");
    EXPECT_TRUE(record.permit.held());
    kept_.emplace_back(std::move(connection), std::move(record));
  }
  void OnOpeningFailed(CheckoutFailure failure, bool forsaken, Waiter*) override {
    told_.push_back(std::string(CheckoutResultName(failure.result)) +
                    (forsaken ? " for nobody" : ""));
  }
};

using Told = std::vector<std::string>;

TEST_F(OpeningsTest, DialsItsEndpointAndHandsOverConnectionAndPlace) {
  ASSERT_TRUE(Start());
  EXPECT_EQ(fake_.key(), key_);
  EXPECT_EQ(openings_.size(), 1u);
  EXPECT_EQ(openings_.standing(), 1u);
  EXPECT_EQ(cells_.connecting.value(), 1);
  EXPECT_EQ(Opened(OpenReason::kEmpty), 1u);
  fake_.Succeed();
  EXPECT_EQ(told_, Told{"opened"});
  EXPECT_TRUE(openings_.empty());
  EXPECT_EQ(shelf_->connections(), 1u) << "its place goes with it";
}

TEST_F(OpeningsTest, AFailureAtOnceIsTheAnswerAndCountsAsNothingOpened) {
  fake_.RefuseAtOnce(CheckoutResult::kNoDescriptors);
  EXPECT_FALSE(Start());
  EXPECT_EQ(refusal_, CheckoutResult::kNoDescriptors);
  EXPECT_TRUE(told_.empty());
  EXPECT_EQ(AllOpened(), 0u);
  EXPECT_EQ(shelf_->connections(), 0u);
}

TEST_F(OpeningsTest, AFailureGivesItsPlaceBackBeforeItIsTold) {
  ASSERT_TRUE(Start());
  ASSERT_TRUE(Start());
  fake_.Fail(CheckoutResult::kConnectRefused);
  fake_.Fail(CheckoutResult::kConnectTimeout);
  EXPECT_EQ(told_, (Told{"connect_refused", "connect_timeout"}));
  EXPECT_EQ(shelf_->connections(), 0u);
  EXPECT_EQ(Closed("connect_failed"), 1u);
  EXPECT_EQ(Closed("connect_timeout"), 1u);
}

TEST_F(OpeningsTest, OneThatIsForsakenStandsForNobody) {
  ASSERT_TRUE(Start());
  ASSERT_TRUE(Start(/*forsaken=*/true));
  EXPECT_EQ(openings_.standing(), 1u);
  forsake_slow_ = true;
  fake_.SaySlow();
  EXPECT_EQ(openings_.standing(), 0u);
  EXPECT_EQ(openings_.size(), 2u);
  fake_.Fail(CheckoutResult::kConnectRefused);
  EXPECT_EQ(openings_.standing(), 0u);
  fake_.Succeed();
  EXPECT_EQ(told_, (Told{"slow", "connect_refused for nobody", "opened"}));
}

TEST_F(OpeningsTest, SlowConnectsPassTheEndpointOverUntilOneEnds) {
  ASSERT_TRUE(Start());
  EXPECT_FALSE(openings_.passed_over());
  fake_.SaySlow();
  EXPECT_TRUE(openings_.passed_over());
  ASSERT_TRUE(Start());
  fake_.Fail(CheckoutResult::kConnectRefused);
  EXPECT_FALSE(openings_.passed_over()) << "it has answered";
}

TEST_F(OpeningsTest, ASilentEndpointIsInDoubtUntilAConnectSucceeds) {
  ASSERT_TRUE(Start());
  fake_.Fail(CheckoutResult::kConnectTimeout);
  EXPECT_TRUE(openings_.doubtful());
  EXPECT_TRUE(openings_.passed_over());
  EXPECT_FALSE(openings_.TakeProbe());
  Advance(Openings::kDoubtTime);
  EXPECT_TRUE(openings_.TakeProbe());
  EXPECT_FALSE(openings_.TakeProbe()) << "one each time";
  ASSERT_TRUE(Start(/*forsaken=*/true));
  fake_.Succeed();
  EXPECT_FALSE(openings_.doubtful());
  EXPECT_FALSE(openings_.TakeProbe());
}

TEST_F(OpeningsTest, NoRouteIsADoubtAndARefusalIsNone) {
  fake_.RefuseAtOnce(CheckoutResult::kConnectRefused);
  EXPECT_FALSE(Start());
  EXPECT_FALSE(openings_.doubtful());
  fake_.RefuseAtOnce(CheckoutResult::kConnectUnreachable);
  EXPECT_FALSE(Start());
  EXPECT_TRUE(openings_.doubtful());
}

TEST_F(OpeningsTest, AbandonGivesUpAllAndTellsNobody) {
  ASSERT_TRUE(Start());
  ASSERT_TRUE(Start(/*forsaken=*/true));
  openings_.Abandon(CloseReason::kDrained);
  EXPECT_EQ(fake_.pending(), 0u);
  EXPECT_TRUE(openings_.empty());
  EXPECT_TRUE(told_.empty());
  EXPECT_EQ(Closed("drained"), 2u);
  EXPECT_EQ(shelf_->connections(), 0u);
}

TEST_F(OpeningsTest, EveryRecordCanBeReached) {
  ASSERT_TRUE(Start());
  ASSERT_TRUE(Start());
  int records = 0;
  openings_.ForEachRecord([&](ConnectionRecord* record) {
    record->terms.max_leases = 7;
    ++records;
  });
  EXPECT_EQ(records, 2);
  fake_.Succeed();
  EXPECT_EQ(kept_.back().second.terms.max_leases, 7u);
}

TEST_F(OpeningsTest, RoomIsMadeByTheOldestIdleOneAtTheCap) {
  shelf_->SetCaps(1, 1);
  CheckoutResult refusal = CheckoutResult::kNoEndpoint;
  here_.push_back(Record().permit);
  ConnectionPermit permit;
  EXPECT_EQ(openings_.MakeRoom(&permit, &refusal), Openings::Room::kThere);
  EXPECT_TRUE(here_.empty());
  ConnectionPermit another;
  EXPECT_EQ(openings_.MakeRoom(&another, &refusal), Openings::Room::kCapped);
  EXPECT_FALSE(another.held());
}

TEST_F(OpeningsTest, AtTheUpstreamsLimitABreakerRefuses) {
  shelf_->totals().SetLimits({.connections = 1}, {});
  const ConnectionPermit held = Record().permit;
  ConnectionPermit permit;
  EXPECT_EQ(openings_.MakeRoom(&permit, &refusal_), Openings::Room::kRefused);
  EXPECT_EQ(refusal_, CheckoutResult::kConnectionsBreaker);
}

TEST_F(OpeningsTest, WithoutDescriptorsAnotherPoolGivesWay) {
  shelves.SetConnectionLimit(1);
  elsewhere_.push_back(Record().permit);
  ConnectionPermit permit;
  EXPECT_EQ(openings_.MakeRoom(&permit, &refusal_), Openings::Room::kThere);
  ConnectionPermit another;
  leased_ = 1;
  EXPECT_EQ(openings_.MakeRoom(&another, &refusal_), Openings::Room::kCapped) << "one comes back";
  leased_ = 0;
  EXPECT_EQ(openings_.MakeRoom(&another, &refusal_), Openings::Room::kRefused);
  EXPECT_EQ(refusal_, CheckoutResult::kNoDescriptors);
}

// A reload may have lowered the limit below what there is.
TEST_F(OpeningsTest, WhatGaveWayInVainIsNotWaitedFor) {
  const ConnectionPermit others[] = {Record().permit, Record().permit};
  here_.push_back(Record().permit);
  shelves.SetConnectionLimit(1);
  ConnectionPermit permit;
  EXPECT_EQ(openings_.MakeRoom(&permit, &refusal_), Openings::Room::kRefused);
  EXPECT_EQ(refusal_, CheckoutResult::kNoDescriptors);
  EXPECT_TRUE(here_.empty());
}

TEST(WhyOpenTest, TheFirstThatHoldsIsTheReason) {
  EXPECT_EQ(WhyOpen({}), OpenReason::kEmpty);
  EXPECT_EQ(WhyOpen({.idle_elsewhere = true}), OpenReason::kKeyMismatch);
  EXPECT_EQ(WhyOpen({.has_connections = true, .last_end = CloseReason::kIdleTimeout}),
            OpenReason::kAllBusy);
  EXPECT_EQ(WhyOpen({.fresh = true, .has_connections = true}), OpenReason::kRetry);
  const std::pair<CloseReason, OpenReason> ends[] = {
      {CloseReason::kIdleTimeout, OpenReason::kExpired},
      {CloseReason::kIdlePeerClosed, OpenReason::kPeerClosed},
      {CloseReason::kIdleBytes, OpenReason::kPeerClosed},
      {CloseReason::kMaxAge, OpenReason::kMaxAge},
      {CloseReason::kMaxRequests, OpenReason::kMaxAge},
      {CloseReason::kIdleOff, OpenReason::kCap},
      {CloseReason::kIdleEvicted, OpenReason::kCap},
      {CloseReason::kDrained, OpenReason::kUnhealthy},
      {CloseReason::kUnhealthy, OpenReason::kUnhealthy},
      {CloseReason::kBroken, OpenReason::kNotKept},
      {CloseReason::kPeerAskedClose, OpenReason::kNotKept},
  };
  for (const auto& [end, reason] : ends) {
    EXPECT_EQ(WhyOpen({.last_end = end, .idle_elsewhere = true}), reason) << CloseReasonName(end);
  }
}

using OpeningsDeathTest = OpeningsTest;

TEST_F(OpeningsDeathTest, AnOpeningWithoutAPlaceIsFoundOut) {
  EXPECT_DEATH(openings_.Start(ConnectionRecord{}, DialTerms{}, false, nullptr, &refusal_),
               "broken invariant");
}

}  // namespace
}  // namespace holdfast::pool
