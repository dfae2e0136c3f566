#include "pool/idle_stack.h"

#include <chrono>
#include <vector>

#include <gtest/gtest.h>

#include "tests/pool/pool_part_harness.h"

namespace holdfast::pool {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class IdleStackTest : public testing::Test, protected PoolPartHarness {
 protected:
  ~IdleStackTest() override {
    for (auto& upstream : made_) {
      if (stack_.Contains(*upstream)) stack_.Remove(*upstream);
      if (upstream->state() != UpstreamConnection::State::kClosed) upstream->Close();
    }
    EXPECT_EQ(cells_.idle.value(), 0);
    EXPECT_EQ(shelf_->connections(), 0u);
  }

  UpstreamConnection& New() { return *made_.emplace_back(Make()); }
  UpstreamConnection& Pushed() {
    UpstreamConnection& upstream = New();
    stack_.Push(upstream, loop.now());
    return upstream;
  }

  PoolLimits limits_{.idle_timeout = seconds(4)};
  IdleStack stack_{&loop, &limits_, shelf_.get(), &cells_};
  std::vector<CloseReason> ends_;
  int rested_ = 0;

 private:
  void OnIdleEnd(UpstreamConnection& upstream, CloseReason end) override {
    stack_.Learn(upstream, end);
    stack_.Remove(upstream);
    upstream.Close();
    ends_.push_back(end);
  }
  void OnRestOver(UpstreamConnection& upstream) override {
    ++rested_;
    stack_.Remove(upstream);
    stack_.Push(upstream, upstream.idle_since());
  }
};

TEST_F(IdleStackTest, TheOneUsedLastIsOnTop) {
  UpstreamConnection& first = Pushed();
  UpstreamConnection& second = Pushed();
  EXPECT_EQ(stack_.top(), &second);
  EXPECT_EQ(stack_.oldest(), &first);
  EXPECT_EQ(stack_.size(), 2u);
  EXPECT_EQ(stack_.slots(), 2u);
  EXPECT_EQ(cells_.idle.value(), 2);
  EXPECT_TRUE(stack_.Validate());
}

TEST_F(IdleStackTest, EachStaysForTheIdleTimeoutSinceItBecameIdle) {
  Pushed();
  Advance(seconds(3));
  UpstreamConnection& other = New();
  stack_.Push(other, loop.now() - seconds(2));
  Advance(seconds(1) + milliseconds(20));
  EXPECT_EQ(ends_, std::vector{CloseReason::kIdleTimeout});
  Advance(seconds(1));
  EXPECT_EQ(ends_.size(), 2u);
  EXPECT_TRUE(stack_.empty());
}

TEST_F(IdleStackTest, ANewTimeoutCountsForThoseThatAreThere) {
  Pushed();
  limits_.idle_learned = false;
  limits_.idle_timeout = seconds(1);
  stack_.OnNewLimits();
  Advance(seconds(1) + milliseconds(20));
  EXPECT_EQ(ends_.size(), 1u);
}

TEST_F(IdleStackTest, WhatThePeerAnnouncedShortensWhatWasLearned) {
  limits_.idle_learned = true;
  UpstreamConnection& upstream = New();
  upstream.SetPeerTimeout(seconds(2));
  stack_.Push(upstream, loop.now());
  Advance(LearnedExpiry::WithMargin(seconds(2)) + milliseconds(20));
  EXPECT_EQ(ends_, std::vector{CloseReason::kIdleTimeout});
}

TEST_F(IdleStackTest, ItLearnsFromThoseThatSurvive) {
  limits_.idle_learned = true;
  Pushed();
  Advance(LearnedExpiry::kStart + milliseconds(20));
  EXPECT_EQ(ends_, std::vector{CloseReason::kIdleTimeout});
  EXPECT_GT(shelf_->totals().idle_expiry(), LearnedExpiry::kStart);
}

TEST_F(IdleStackTest, ThereAreSoManyPlacesAndThoseThatAreWaitedForNeedNone) {
  shelf_->SetCaps(10, 2);
  for (int i = 0; i < 3; ++i) Pushed();
  EXPECT_TRUE(stack_.HasTooMany(/*needed=*/0, /*keep=*/true));
  EXPECT_FALSE(stack_.HasTooMany(/*needed=*/1, /*keep=*/true));
  EXPECT_TRUE(stack_.HasTooMany(/*needed=*/2, /*keep=*/false));
  EXPECT_FALSE(stack_.HasTooMany(/*needed=*/3, /*keep=*/false));
  shelf_->SetCaps(1, 5);
  EXPECT_TRUE(stack_.HasTooMany(/*needed=*/3, /*keep=*/true)) << "over the cap";
}

TEST_F(IdleStackTest, OneAsideIsNotOnTheStackAndRestsForAMoment) {
  UpstreamConnection& resting = New();
  resting.TakeSlot();
  stack_.PutAside(resting, nullptr);
  EXPECT_TRUE(stack_.empty());
  EXPECT_EQ(stack_.aside(), 1u);
  EXPECT_EQ(stack_.oldest_aside(), &resting);
  EXPECT_TRUE(stack_.Validate());
  Advance(IdleStack::kRest + milliseconds(20));
  EXPECT_EQ(rested_, 1);
  EXPECT_EQ(stack_.top(), &resting);
}

TEST_F(IdleStackTest, TheLastEndIsRemembered) {
  EXPECT_EQ(stack_.last_end(), CloseReason::kNone);
  stack_.NoteEnd(CloseReason::kBroken);
  EXPECT_EQ(stack_.last_end(), CloseReason::kBroken);
}

using IdleStackDeathTest = IdleStackTest;

TEST_F(IdleStackDeathTest, NobodyLearnsFromWhatIsNotHere) {
  UpstreamConnection& stranger = New();
  EXPECT_DEATH(stack_.Learn(stranger, CloseReason::kIdleTimeout), "broken invariant");
}

}  // namespace
}  // namespace holdfast::pool
