#include "pool/bounded_count.h"

#include <cstdint>
#include <optional>

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

TEST(BoundedCountTest, GivesOutAsManyAsThereAre) {
  BoundedCount count;
  EXPECT_TRUE(count.Take()) << "without a limit there are always more";
  count.SetLimit(2);
  EXPECT_FALSE(count.full());
  EXPECT_TRUE(count.Take());
  EXPECT_TRUE(count.full());
  EXPECT_FALSE(count.Take());
  EXPECT_EQ(count.taken(), 2u);
  count.Return();
  EXPECT_TRUE(count.Take());
}

TEST(BoundedCountTest, ALoweredLimitTakesNothingAway) {
  BoundedCount count;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(count.Take());
  count.SetLimit(2);
  EXPECT_TRUE(count.over());
  count.Return();
  EXPECT_FALSE(count.over());
  EXPECT_FALSE(count.Take());
  count.Return(2);
  EXPECT_EQ(count.taken(), 0u);
}

TEST(BoundedCountTest, WithoutALimitThereAreAlwaysPlaces) {
  BoundedCount count;
  count.SetLimit(std::optional<uint32_t>(1));
  EXPECT_TRUE(count.Take());
  EXPECT_FALSE(count.Take());
  count.SetLimit(std::nullopt);
  EXPECT_TRUE(count.Take());
}

}  // namespace
}  // namespace holdfast::pool
