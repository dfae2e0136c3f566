#include "gateway/http2/flood_guard.h"

#include <chrono>

#include <gtest/gtest.h>

namespace holdfast::http2 {
namespace {

using Verdict = FloodGuard::Verdict;
using std::chrono::milliseconds;

constexpr Limits kLimits{.max_resets = 8, .max_glitches = 8};
const pool::TimePoint kStart = pool::TimePoint() + std::chrono::hours(1);

Verdict NoteMany(FloodGuard* guard, Glitch glitch, int times, pool::TimePoint now) {
  Verdict verdict = Verdict::kFine;
  for (int i = 0; i < times; ++i) verdict = guard->Note(glitch, now);
  return verdict;
}

TEST(FloodGuardTest, ResetsAreRefusedAtHalfAndEndedAtTheWhole) {
  FloodGuard guard(kLimits);
  EXPECT_EQ(NoteMany(&guard, Glitch::kReset, 3, kStart), Verdict::kFine);
  EXPECT_EQ(guard.Note(Glitch::kReset, kStart), Verdict::kRefuse);
  EXPECT_EQ(guard.Judge(kStart), Verdict::kRefuse);
  EXPECT_EQ(NoteMany(&guard, Glitch::kReset, 4, kStart), Verdict::kEnd);
}

TEST(FloodGuardTest, OthersAreSentAwayAtThreeQuartersAndEndedAtTheWhole) {
  for (const Glitch glitch :
       {Glitch::kPing, Glitch::kSettings, Glitch::kPriority, Glitch::kEmptyData,
        Glitch::kWindowUpdate, Glitch::kRefused, Glitch::kHeads}) {
    FloodGuard guard(kLimits);
    EXPECT_EQ(NoteMany(&guard, glitch, 5, kStart), Verdict::kFine);
    EXPECT_EQ(guard.Note(glitch, kStart), Verdict::kGoodbye);
    EXPECT_EQ(NoteMany(&guard, glitch, 2, kStart), Verdict::kEnd);
  }
}

TEST(FloodGuardTest, HalfIsForgottenEverySecond) {
  FloodGuard guard(kLimits);
  EXPECT_EQ(NoteMany(&guard, Glitch::kReset, 7, kStart), Verdict::kRefuse);
  EXPECT_EQ(guard.Judge(kStart + milliseconds(999)), Verdict::kRefuse);
  EXPECT_EQ(guard.Judge(kStart + milliseconds(1'000)), Verdict::kFine);
  EXPECT_EQ(guard.Note(Glitch::kReset, kStart + milliseconds(1'000)), Verdict::kRefuse);
  EXPECT_EQ(guard.Judge(kStart + std::chrono::hours(24)), Verdict::kFine);
  EXPECT_EQ(NoteMany(&guard, Glitch::kReset, 3, kStart + std::chrono::hours(24)), Verdict::kFine);
}

TEST(FloodGuardTest, RoomForWhatWasSentIsNoGlitch) {
  FloodGuard guard(kLimits);
  int free = 0;
  while (!guard.SpendUpdate()) ++free;
  EXPECT_EQ(free, 100);
  guard.NoteSentData(1);
  EXPECT_FALSE(guard.SpendUpdate());
  EXPECT_FALSE(guard.SpendUpdate());
  EXPECT_TRUE(guard.SpendUpdate());
  for (int i = 0; i < 10'000; ++i) guard.NoteSentData(1);
  free = 0;
  while (!guard.SpendUpdate()) ++free;
  EXPECT_EQ(free, 10'000);
}

// As gRPC does of a stream of short ones.
TEST(FloodGuardTest, RoomForEachOfManyMessagesInAFrameIsNoGlitch) {
  constexpr size_t kMessages = 1'000;
  FloodGuard guard(kLimits);
  while (!guard.SpendUpdate()) {
  }
  guard.NoteSentData(kMessages * 9);
  for (size_t i = 0; i < 2 * kMessages; ++i) ASSERT_FALSE(guard.SpendUpdate()) << i;
}

TEST(FloodGuardTest, APingForEachFrameOfABodyIsNoGlitch) {
  FloodGuard guard(kLimits);
  EXPECT_TRUE(guard.SpendPing());
  guard.NoteSentData(1);
  EXPECT_FALSE(guard.SpendPing());
  EXPECT_TRUE(guard.SpendPing());
}

TEST(FloodGuardTest, CountsAreTakenOnce) {
  FloodGuard guard(kLimits);
  EXPECT_FALSE(guard.has_counts());
  NoteMany(&guard, Glitch::kPing, 2, kStart);
  EXPECT_TRUE(guard.has_counts());
  EXPECT_EQ(guard.TakeCounts()[static_cast<size_t>(Glitch::kPing)], 2u);
  EXPECT_FALSE(guard.has_counts());
}

}  // namespace
}  // namespace holdfast::http2
