#include "pool/net/timer_wheel.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr Duration kTick = TimerWheel::kTick;
constexpr uint64_t kSpanTicks = uint64_t{1} << (TimerWheel::kLevels * TimerWheel::kSlotBits);

TimePoint At(uint64_t tick) { return TimePoint(kTick * static_cast<Duration::rep>(tick)); }

TimePoint RoundedUpToTick(TimePoint time) {
  return TimePoint((time.time_since_epoch() + kTick - Duration(1)) / kTick * kTick);
}

// Does what the test says when it fires.
class TestTimer final : public Timer {
 public:
  TestTimer() = default;
  explicit TestTimer(std::function<void(TimePoint)> on_timer) : on_timer_(std::move(on_timer)) {}

  int fired() const { return fired_; }
  TimePoint fired_at() const { return fired_at_; }

 private:
  void OnTimer(TimePoint now) override {
    ++fired_;
    fired_at_ = now;
    const auto on_timer = on_timer_;  // the timer may be gone before the function is done
    if (on_timer) on_timer(now);
  }

  std::function<void(TimePoint)> on_timer_;
  int fired_ = 0;
  TimePoint fired_at_;
};

TEST(TimerWheelTest, FiresAtTheDeadlineAndNotBefore) {
  TimerWheel wheel(At(100));
  TestTimer timer;
  wheel.Arm(timer, At(103));
  EXPECT_TRUE(timer.armed());
  EXPECT_EQ(timer.deadline(), At(103));
  EXPECT_EQ(wheel.Advance(At(103) - Duration(1)), 0u);
  EXPECT_EQ(wheel.Advance(At(103)), 1u);
  EXPECT_EQ(timer.fired(), 1);
  EXPECT_EQ(timer.fired_at(), At(103));
  EXPECT_FALSE(timer.armed());
  EXPECT_EQ(wheel.Advance(At(200)), 0u);
}

TEST(TimerWheelTest, ADeadlineInsideATickFiresAtItsEnd) {
  TimerWheel wheel(At(0));
  TestTimer timer;
  wheel.Arm(timer, At(5) + Duration(1));
  EXPECT_EQ(wheel.NextExpiry(), At(6));
  EXPECT_EQ(wheel.Advance(At(5) + milliseconds(9)), 0u);
  EXPECT_EQ(wheel.Advance(At(6)), 1u);
}

TEST(TimerWheelTest, APastDeadlineFiresAtTheNextAdvance) {
  const TimePoint now = At(100) + milliseconds(7);
  TimerWheel wheel(now);
  TestTimer past;
  TestTimer present;
  TestTimer earlier_in_this_tick;
  wheel.Arm(past, At(3));
  wheel.Arm(present, now);
  wheel.Arm(earlier_in_this_tick, now - milliseconds(1));
  EXPECT_EQ(wheel.NextExpiry(), now);
  EXPECT_TRUE(wheel.Validate());
  EXPECT_EQ(wheel.Advance(now), 3u);
  EXPECT_EQ(wheel.NextExpiry(), std::nullopt);
}

TEST(TimerWheelTest, TimeThatGoesBackIsIgnored) {
  TimerWheel wheel(At(100));
  TestTimer timer;
  wheel.Arm(timer, At(101));
  EXPECT_EQ(wheel.Advance(At(7)), 0u);
  EXPECT_TRUE(wheel.Validate());
  EXPECT_EQ(wheel.Advance(At(101)), 1u);
}

TEST(TimerWheelTest, CancelledTimersDoNotFire) {
  TimerWheel wheel(At(0));
  TestTimer near;
  TestTimer far;
  wheel.Cancel(near);  // not armed: nothing to do
  wheel.Arm(near, At(2));
  wheel.Arm(far, At(kSpanTicks * 2));
  EXPECT_EQ(wheel.size(), 2u);
  wheel.Cancel(near);
  wheel.Cancel(far);
  EXPECT_FALSE(near.armed());
  EXPECT_EQ(wheel.size(), 0u);
  EXPECT_EQ(wheel.NextExpiry(), std::nullopt);
  EXPECT_TRUE(wheel.Validate());
  EXPECT_EQ(wheel.Advance(At(kSpanTicks * 3)), 0u);
}

TEST(TimerWheelTest, ReArmingMovesTheDeadlineEitherWay) {
  TimerWheel wheel(At(0));
  TestTimer timer;
  wheel.Arm(timer, At(5000));
  wheel.Arm(timer, At(2));
  EXPECT_EQ(wheel.size(), 1u);
  EXPECT_EQ(wheel.Advance(At(2)), 1u);
  wheel.Arm(timer, At(4));
  wheel.Arm(timer, At(5000));
  EXPECT_EQ(wheel.Advance(At(4999)), 0u);
  EXPECT_EQ(wheel.Advance(At(5000)), 1u);
}

TEST(TimerWheelTest, DestroyedTimersLeaveTheWheel) {
  TimerWheel wheel(At(0));
  TestTimer stays;
  wheel.Arm(stays, At(9));
  {
    TestTimer goes;
    wheel.Arm(goes, At(9));
    EXPECT_EQ(wheel.size(), 2u);
  }
  EXPECT_EQ(wheel.size(), 1u);
  EXPECT_TRUE(wheel.Validate());
  EXPECT_EQ(wheel.Advance(At(9)), 1u);
}

TEST(TimerWheelTest, ADestroyedWheelDisarmsWithoutFiring) {
  TestTimer near;
  TestTimer far;
  TestTimer beyond;
  TestTimer overdue;
  {
    TimerWheel wheel(At(10));
    wheel.Arm(near, At(11));
    wheel.Arm(far, At(70000));
    wheel.Arm(beyond, At(kSpanTicks * 5));
    wheel.Arm(overdue, At(1));
  }
  for (const TestTimer* timer : {&near, &far, &beyond, &overdue}) {
    EXPECT_FALSE(timer->armed());
    EXPECT_EQ(timer->fired(), 0);
  }
}

TEST(TimerWheelTest, FiresInTheOrderOfTicks) {
  TimerWheel wheel(At(60));
  std::vector<uint64_t> order;
  std::vector<std::unique_ptr<TestTimer>> timers;
  for (const uint64_t tick : {5000, 61, 64, 300000, 63, 4096, 128, 20000000, 65}) {
    timers.push_back(
        std::make_unique<TestTimer>([&order, tick](TimePoint) { order.push_back(tick); }));
    wheel.Arm(*timers.back(), At(tick));
  }
  EXPECT_EQ(wheel.Advance(At(kSpanTicks - 1)), timers.size());
  EXPECT_EQ(order.size(), timers.size());
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(TimerWheelTest, MemberTimerCallsItsOwner) {
  struct Owner {
    void OnIdle(TimePoint now) { idle_since = now; }
    TimePoint idle_since;
    MemberTimer<Owner, &Owner::OnIdle> timer{this};
  };
  static_assert(sizeof(Owner::timer) <= 56);
  TimerWheel wheel(At(0));
  Owner owner;
  wheel.Arm(owner.timer, At(3));
  wheel.Advance(At(4));
  EXPECT_EQ(owner.idle_since, At(4));
}

// Drives the wheel as the loop does, sleeping until NextExpiry each time, and returns when the
// timer fired: it takes a turn for each level on its way down and each span of the wheel.
TimePoint FireByNextExpiry(TimerWheel& wheel, const TestTimer& timer, uint64_t offset) {
  const uint64_t turns = TimerWheel::kLevels + 1 + offset / kSpanTicks;
  for (uint64_t turn = 0; turn <= turns && timer.fired() == 0; ++turn) {
    const std::optional<TimePoint> next = wheel.NextExpiry();
    if (!next.has_value()) break;
    wheel.Advance(*next);
    EXPECT_TRUE(wheel.Validate());
  }
  return timer.fired_at();
}

// Where the slots and levels meet, counted from `start`.
std::vector<uint64_t> BoundaryOffsets() {
  std::vector<uint64_t> offsets;
  for (uint64_t offset = 1; offset <= 3 * TimerWheel::kSlots; ++offset) offsets.push_back(offset);
  for (int level = 1; level <= TimerWheel::kLevels; ++level) {
    const uint64_t span = uint64_t{1} << (level * TimerWheel::kSlotBits);
    for (const uint64_t multiple : {1, 2, 63, 64, 65}) {
      for (uint64_t near = 0; near <= 4; ++near) offsets.push_back(span * multiple + near - 2);
    }
  }
  return offsets;
}

std::vector<uint64_t> StartTicks() {
  std::vector<uint64_t> starts = {0, 1, 31, 62, 63, 64, 65};
  for (int level = 2; level <= TimerWheel::kLevels; ++level) {
    const uint64_t span = uint64_t{1} << (level * TimerWheel::kSlotBits);
    for (const uint64_t start : {span - 2, span - 1, span, span + 1, 37 * span + 41}) {
      starts.push_back(start);
    }
  }
  return starts;
}

TEST(TimerWheelTest, EveryOffsetAroundEveryBoundaryFiresAtItsTick) {
  for (const uint64_t start : StartTicks()) {
    for (const uint64_t offset : BoundaryOffsets()) {
      TimerWheel wheel(At(start));
      TestTimer timer;
      wheel.Arm(timer, At(start + offset));
      ASSERT_TRUE(wheel.Validate());
      ASSERT_EQ(FireByNextExpiry(wheel, timer, offset), At(start + offset))
          << "start " << start << " offset " << offset;
      ASSERT_EQ(wheel.size(), 0u);
    }
  }
}

TEST(TimerWheelTest, EveryOffsetAroundEveryBoundaryFiresInOneStep) {
  for (const uint64_t start : StartTicks()) {
    for (const uint64_t offset : BoundaryOffsets()) {
      TimerWheel wheel(At(start));
      TestTimer timer;
      wheel.Arm(timer, At(start + offset));
      ASSERT_EQ(wheel.Advance(At(start + offset) - Duration(1)), 0u);
      ASSERT_TRUE(wheel.Validate());
      ASSERT_EQ(wheel.Advance(At(start + offset)), 1u) << "start " << start << " offset " << offset;
    }
  }
}

TEST(TimerWheelTest, DeadlinesBeyondTheSpanWait) {
  TimerWheel wheel(At(5));
  TestTimer never;
  TestTimer third_span;
  wheel.Arm(never, TimePoint::max());
  wheel.Arm(third_span, At(2 * kSpanTicks + 17));
  EXPECT_TRUE(wheel.Validate());
  EXPECT_EQ(wheel.NextExpiry(), At(kSpanTicks));  // only to look again
  EXPECT_EQ(wheel.Advance(At(kSpanTicks)), 0u);
  EXPECT_EQ(wheel.NextExpiry(), At(2 * kSpanTicks));
  EXPECT_EQ(wheel.Advance(At(2 * kSpanTicks)), 0u);
  EXPECT_EQ(wheel.NextExpiry(), At(2 * kSpanTicks + 17));
  EXPECT_EQ(wheel.Advance(At(2 * kSpanTicks + 16)), 0u);
  EXPECT_EQ(wheel.Advance(At(2 * kSpanTicks + 17)), 1u);
  EXPECT_TRUE(wheel.Validate());
  EXPECT_TRUE(never.armed());
}

TEST(TimerWheelTest, ATimerThatReArmsItselfInThePastFiresOncePerAdvance) {
  TimerWheel wheel(At(0));
  TestTimer timer([&](TimePoint now) { wheel.Arm(timer, now - hours(1)); });
  wheel.Arm(timer, At(1));
  EXPECT_EQ(wheel.Advance(At(10000)), 1u);
  EXPECT_TRUE(timer.armed());
  EXPECT_TRUE(wheel.Validate());
  EXPECT_EQ(wheel.NextExpiry(), At(10000));
  EXPECT_EQ(wheel.Advance(At(10000)), 1u);
  EXPECT_EQ(timer.fired(), 2);
}

TEST(TimerWheelTest, APeriodicTimerKeepsItsPace) {
  TimerWheel wheel(At(0));
  TestTimer timer([&](TimePoint now) { wheel.Arm(timer, now + 7 * kTick); });
  wheel.Arm(timer, At(7));
  for (uint64_t tick = 1; tick <= 700; ++tick) wheel.Advance(At(tick));
  EXPECT_EQ(timer.fired(), 100);
}

TEST(TimerWheelTest, ACallbackSeesAValidWheel) {
  TimerWheel wheel(At(62));
  bool valid = true;
  const auto look = [&](TimePoint) { valid = valid && wheel.Validate(); };
  std::vector<std::unique_ptr<TestTimer>> timers;
  for (const uint64_t tick : {1, 63, 63, 64, 64, 65, 5000, 5000, 5001}) {
    timers.push_back(std::make_unique<TestTimer>(look));
    wheel.Arm(*timers.back(), At(tick));
  }
  EXPECT_EQ(wheel.Advance(At(6000)), timers.size());
  EXPECT_TRUE(valid);
}

TEST(TimerWheelTest, ACallbackMayDestroyItsOwnTimer) {
  TimerWheel wheel(At(0));
  std::unique_ptr<TestTimer> timer;
  timer = std::make_unique<TestTimer>([&](TimePoint) { timer.reset(); });
  TestTimer neighbour;
  wheel.Arm(*timer, At(3));
  wheel.Arm(neighbour, At(3));
  EXPECT_EQ(wheel.Advance(At(3)), 2u);
  EXPECT_EQ(timer, nullptr);
  EXPECT_EQ(neighbour.fired(), 1);
}

// Ten timers in each of: overdue, one slot, a later slot, an upper level, beyond. Whichever fires
// first destroys all others.
TEST(TimerWheelTest, ACallbackMayDestroyEveryOtherTimer) {
  TimerWheel wheel(At(10));
  std::vector<std::unique_ptr<TestTimer>> timers;
  int fired = 0;
  for (int i = 0; i < 10; ++i) {
    for (const uint64_t tick :
         {uint64_t{1}, uint64_t{12}, uint64_t{13}, uint64_t{9000}, kSpanTicks}) {
      timers.push_back(std::make_unique<TestTimer>([&](TimePoint) {
        ++fired;
        timers.clear();
        EXPECT_TRUE(wheel.Validate());
      }));
      wheel.Arm(*timers.back(), At(tick));
    }
  }
  EXPECT_EQ(wheel.Advance(At(9000)), 1u);
  EXPECT_EQ(fired, 1);
  EXPECT_EQ(wheel.size(), 0u);
  EXPECT_TRUE(wheel.Validate());
}

TEST(TimerWheelTest, ACallbackMayPostponeOthersOfItsSlot) {
  TimerWheel wheel(At(0));
  std::vector<std::unique_ptr<TestTimer>> timers;
  for (int i = 0; i < 3; ++i) {
    timers.push_back(std::make_unique<TestTimer>([&](TimePoint now) {
      for (auto& other : timers) {
        if (other->armed()) wheel.Arm(*other, now + kTick);
      }
    }));
    wheel.Arm(*timers.back(), At(5));
  }
  EXPECT_EQ(wheel.Advance(At(5)), 1u);
  EXPECT_EQ(wheel.Advance(At(6)), 1u);
  EXPECT_EQ(wheel.Advance(At(7)), 1u);
  EXPECT_EQ(wheel.size(), 0u);
}

TEST(TimerWheelDeathTest, ATimerCannotBeInTwoWheels) {
  TimerWheel one(At(0));
  TimerWheel two(At(0));
  TestTimer timer;
  one.Arm(timer, At(1));
  EXPECT_DEATH(two.Arm(timer, At(1)), "broken invariant");
}

TEST(TimerWheelDeathTest, ACallbackMustNotAdvance) {
  TimerWheel wheel(At(0));
  TestTimer timer([&](TimePoint now) { wheel.Advance(now); });
  wheel.Arm(timer, At(1));
  EXPECT_DEATH(wheel.Advance(At(1)), "broken invariant");
}

// The wheel against a sorted map: both are told the same, and must fire the same.
class ModelTest : public testing::TestWithParam<uint64_t> {
 protected:
  static constexpr size_t kTimers = 200;

  ModelTest() : random_(GetParam()), now_(RandomStart()), wheel_(now_) {
    for (size_t i = 0; i < kTimers; ++i) {
      timers_.push_back(std::make_unique<TestTimer>([this, i](TimePoint now) { OnFire(i, now); }));
      due_.push_back(model_.end());
    }
  }

  // At the odds of a boundary of each level as much as anywhere.
  TimePoint RandomStart() {
    const uint64_t boundary = uint64_t{1} << (Below(6) * TimerWheel::kSlotBits);
    return At(boundary * (1 + Below(70)) - Below(3)) + Duration(Below(kTick.count()));
  }

  uint64_t Below(uint64_t bound) { return random_() % bound; }

  // Short and long alike: a random number of random bits, in nanoseconds.
  Duration RandomDelay(int max_bits) {
    return Duration(static_cast<Duration::rep>(random_() >> (64 - 1 - Below(max_bits))));
  }

  void Arm(size_t i, TimePoint deadline) {
    Forget(i);
    const TimePoint fires = deadline <= now_ ? TimePoint::min() : RoundedUpToTick(deadline);
    due_[i] = model_.emplace(fires, i);
    wheel_.Arm(*timers_[i], deadline);
  }

  void Cancel(size_t i) {
    Forget(i);
    wheel_.Cancel(*timers_[i]);
  }

  void Forget(size_t i) {
    if (due_[i] != model_.end()) model_.erase(due_[i]);
    due_[i] = model_.end();
  }

  void OnFire(size_t i, TimePoint now) {
    ASSERT_EQ(now, now_);
    ASSERT_NE(due_[i], model_.end()) << "fired but not armed";
    const TimePoint fires = due_[i]->first;
    ASSERT_LE(fires, now_) << "early";
    ASSERT_GE(fires, last_fired_) << "out of order";
    ASSERT_FALSE(overdue_.contains(i)) << "held the loop";
    last_fired_ = fires;
    Forget(i);
    Meddle();
  }

  // What callbacks do to others, and to themselves.
  void Meddle() {
    const size_t other = Below(kTimers);
    switch (Below(4)) {
      case 0:
        Cancel(other);
        overdue_.erase(other);
        break;
      case 1:
        Arm(other, now_ + RandomDelay(44) - RandomDelay(30));
        overdue_.erase(other);
        if (timers_[other]->deadline() <= now_) overdue_.insert(other);
        break;
      case 2:
        Forget(other);
        overdue_.erase(other);
        Replace(other);
        break;
      default: break;
    }
  }

  // Destroys a timer, though perhaps the one whose callback runs: that one goes at the end.
  void Replace(size_t i) {
    doomed_.push_back(std::move(timers_[i]));
    wheel_.Cancel(*doomed_.back());
    timers_[i] = std::make_unique<TestTimer>([this, i](TimePoint now) { OnFire(i, now); });
  }

  void Advance(TimePoint now) {
    now_ = now;
    last_fired_ = TimePoint::min();
    overdue_.clear();
    wheel_.Advance(now);
    doomed_.clear();
    for (const auto& [fires, i] : model_) {
      if (fires > now_) break;
      ASSERT_TRUE(overdue_.contains(i)) << "due but not fired";
    }
  }

  void CheckAgreement() {
    ASSERT_TRUE(wheel_.Validate());
    ASSERT_EQ(wheel_.size(), model_.size());
    const std::optional<TimePoint> next = wheel_.NextExpiry();
    ASSERT_EQ(next.has_value(), !model_.empty());
    if (next.has_value()) {
      ASSERT_LE(*next, std::max(model_.begin()->first, now_));
    }
  }

  using Model = std::multimap<TimePoint, size_t>;

  std::mt19937_64 random_;
  TimePoint now_;
  TimerWheel wheel_;
  Model model_;
  std::vector<Model::iterator> due_;
  std::vector<std::unique_ptr<TestTimer>> timers_;
  std::vector<std::unique_ptr<TestTimer>> doomed_;
  std::set<size_t> overdue_;  // armed by callbacks of this Advance
  TimePoint last_fired_ = TimePoint::min();
};

TEST_P(ModelTest, AgreesWithASortedMap) {
  for (int step = 0; step < 4000; ++step) {
    const size_t i = Below(kTimers);
    switch (Below(8)) {
      case 0: Cancel(i); break;
      case 1: Arm(i, now_ - RandomDelay(40)); break;
      case 2:
      case 3:
      case 4: Arm(i, now_ + RandomDelay(56)); break;
      case 5:
        if (const auto next = wheel_.NextExpiry()) Advance(std::max(*next, now_));
        break;
      case 6: Advance(now_ + RandomDelay(30)); break;
      default: Advance(now_ + RandomDelay(Below(20) == 0 ? 52 : 36)); break;
    }
    ASSERT_NO_FATAL_FAILURE(CheckAgreement()) << "step " << step;
    if (HasFatalFailure()) FAIL() << "step " << step;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ModelTest, testing::Range<uint64_t>(1, 21));

}  // namespace
}  // namespace holdfast::pool
