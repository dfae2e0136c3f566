#include "pool/weighted_draw.h"

#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "tests/pool/balancer_harness.h"

namespace holdfast::pool {
namespace {

constexpr uint64_t kGreatest = std::numeric_limits<uint64_t>::max();
constexpr size_t kDraws = 60'000;

WeightedDraw Of(const std::vector<uint64_t>& weights) {
  WeightedDraw draw;
  for (const uint64_t weight : weights) {
    draw.Add(static_cast<uint32_t>(draw.size()) + 100, weight);
  }
  return draw;
}

std::vector<size_t> Count(const WeightedDraw& draw, size_t without = WeightedDraw::kNone) {
  Random random(11);
  std::vector<size_t> counts(draw.size());
  for (size_t i = 0; i < kDraws; ++i) ++counts.at(draw.Draw(random.Next(), without));
  return counts;
}

TEST(WeightedDrawTest, KnowsItsItemsAndWeights) {
  const WeightedDraw draw = Of({4, 1, 9});
  EXPECT_EQ(draw.size(), 3u);
  EXPECT_EQ(draw.item(2), 102u);
  EXPECT_EQ(draw.weight(0), 4u);
  EXPECT_EQ(draw.weight(1), 1u);
  EXPECT_EQ(draw.weight(2), 9u);
  EXPECT_EQ(draw.total(), 14u);
}

TEST(WeightedDrawTest, EvenWeightsAreEquallyLikely) {
  ExpectDrawn(Count(Of({3, 3, 3, 3})), {1, 1, 1, 1});
}

TEST(WeightedDrawTest, UnevenWeightsDecide) { ExpectDrawn(Count(Of({1, 5, 2})), {1, 5, 2}); }

TEST(WeightedDrawTest, OneInAThousand) { ExpectDrawn(Count(Of({1, 1000})), {1, 1000}); }

TEST(WeightedDrawTest, WhatIsLeftOutIsNeverDrawnAndTheOthersKeepTheirProportions) {
  const WeightedDraw even = Of({2, 2, 2, 2});
  const WeightedDraw uneven = Of({1, 5, 2, 4});
  for (size_t without = 0; without < 4; ++without) {
    std::vector<double> expected = {1, 1, 1, 1};
    expected[without] = 0;
    ExpectDrawn(Count(even, without), expected);
    expected = {1, 5, 2, 4};
    expected[without] = 0;
    ExpectDrawn(Count(uneven, without), expected);
  }
}

TEST(WeightedDrawTest, TheEndsOfTheRangeFallOnTheFirstAndTheLast) {
  const WeightedDraw even = Of({7, 7, 7});
  EXPECT_EQ(even.Draw(0), 0u);
  EXPECT_EQ(even.Draw(kGreatest), 2u);
  EXPECT_EQ(even.Draw(0, 0), 1u);
  EXPECT_EQ(even.Draw(kGreatest, 2), 1u);
  const WeightedDraw uneven = Of({1, 1'000'000'000'000, 1});
  EXPECT_EQ(uneven.Draw(0), 0u);
  EXPECT_EQ(uneven.Draw(kGreatest), 2u);
  EXPECT_EQ(uneven.Draw(0, 0), 1u);
  EXPECT_EQ(uneven.Draw(kGreatest, 2), 1u);
}

TEST(WeightedDrawTest, ForgetsItsUnevenWeightsWhenCleared) {
  WeightedDraw draw = Of({1, 9});
  draw.Clear();
  EXPECT_TRUE(draw.empty());
  EXPECT_EQ(draw.total(), 0u);
  draw.Add(0, 5);
  draw.Add(1, 5);
  ExpectDrawn(Count(draw), {1, 1});
}

TEST(WeightedDrawDeathTest, RefusesWeightZeroAndADrawFromNothing) {
  WeightedDraw draw;
  EXPECT_DEATH(draw.Add(0, 0), "weight > 0");
  EXPECT_DEATH(draw.Draw(1), "size\\(\\) >");
  draw.Add(0, 1);
  EXPECT_DEATH(draw.Draw(1, 0), "size\\(\\) >");
}

}  // namespace
}  // namespace holdfast::pool
