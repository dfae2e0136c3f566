#include "pool/net/random.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

using std::chrono::hours;
using std::chrono::nanoseconds;

TEST(RandomTest, IsTheGeneratorOfThePaper) {
  // xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators,
  // scrambled"): shifts 12, 25, 27, then times 2685821657736338717. Of state 1 only the middle
  // shift leaves a trace.
  const uint64_t state = (uint64_t{1} << 25) + 1;
  EXPECT_EQ(Random(1).Next(), state * 2685821657736338717u);
}

TEST(RandomTest, TheSameSeedGivesTheSameNumbersAndAnotherDoesNot) {
  Random a(42);
  Random b(42);
  Random c(43);
  int same = 0;
  for (int i = 0; i < 100; ++i) {
    const uint64_t number = a.Next();
    EXPECT_EQ(number, b.Next());
    same += number == c.Next() ? 1 : 0;
  }
  EXPECT_EQ(same, 0);
}

TEST(RandomTest, SeedZeroIsNotStuck) {
  Random random(0);
  std::set<uint64_t> numbers;
  for (int i = 0; i < 100; ++i) numbers.insert(random.Next());
  EXPECT_EQ(numbers.size(), 100u);
}

TEST(RandomTest, BelowReachesEveryValueEvenlyAndNeverTheBound) {
  Random random(11);
  constexpr uint32_t kBound = 7;
  constexpr int kDraws = 70'000;
  std::vector<int> counts(kBound);
  for (int i = 0; i < kDraws; ++i) ++counts.at(random.Below(kBound));
  for (const int count : counts) EXPECT_NEAR(count, kDraws / kBound, kDraws / kBound / 20);
}

TEST(RandomTest, BelowHoldsAtTheEndsOfItsRange) {
  Random random(11);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(random.Below(1), 0u);
    EXPECT_LT(random.Below(UINT32_MAX), UINT32_MAX);
  }
}

TEST(JitterTest, StaysWithinATenthEitherWayAndReachesBothEnds) {
  Random random(5);
  constexpr nanoseconds kValue(1'000'000);
  nanoseconds least = nanoseconds::max();
  nanoseconds most = nanoseconds::min();
  for (int i = 0; i < 20'000; ++i) {
    const nanoseconds varied = random.JitterTenth(kValue);
    least = std::min(least, varied);
    most = std::max(most, varied);
  }
  EXPECT_GE(least, nanoseconds(900'000));
  EXPECT_LE(least, nanoseconds(901'000));
  EXPECT_LE(most, nanoseconds(1'100'000));
  EXPECT_GE(most, nanoseconds(1'099'000));
}

TEST(JitterTest, ShorteningStaysWithinATenthAndReachesBothEnds) {
  Random random(5);
  constexpr nanoseconds kValue(1'000'000);
  nanoseconds least = nanoseconds::max();
  nanoseconds most = nanoseconds::min();
  for (int i = 0; i < 20'000; ++i) {
    const nanoseconds varied = random.ShortenTenth(kValue);
    least = std::min(least, varied);
    most = std::max(most, varied);
  }
  EXPECT_GE(least, nanoseconds(900'000));
  EXPECT_LE(least, nanoseconds(901'000));
  EXPECT_LE(most, kValue);
  EXPECT_GE(most, nanoseconds(999'000));
}

TEST(JitterTest, LeavesNothingAlone) {
  Random random(5);
  EXPECT_EQ(random.ShortenTenth(nanoseconds(0)), nanoseconds(0));
  EXPECT_EQ(random.JitterTenth(nanoseconds(0)), nanoseconds(0));
}

TEST(JitterTest, HoldsForTheLongestDuration) {
  Random random(5);
  for (int i = 0; i < 1000; ++i) {
    const nanoseconds value = hours(24 * 365 * 200);
    const nanoseconds varied = random.JitterTenth(value);
    EXPECT_GE(varied, value / 10 * 9);
    EXPECT_LE(varied, value / 10 * 11);
  }
}

}  // namespace
}  // namespace holdfast::pool
