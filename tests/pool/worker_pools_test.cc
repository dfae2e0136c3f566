#include "pool/worker_pools.h"

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

// Has so many to spare.
class Spares final : public IdleHolder {
 public:
  explicit Spares(int count) : left(count) {}
  bool EvictIdle() override { return left > 0 && left-- > 0; }
  int left;
};

TEST(WorkerPoolsTest, EachPoolGivesWayInTurnButNotToItself) {
  WorkerPools pools;
  Spares asker(5), first(2), second(1);
  for (Spares* pool : {&asker, &first, &second}) pools.Add(pool);
  EXPECT_TRUE(pools.EvictIdle(asker));
  EXPECT_TRUE(pools.EvictIdle(asker));
  EXPECT_EQ(first.left, 1);
  EXPECT_EQ(second.left, 0);
  EXPECT_TRUE(pools.EvictIdle(asker));
  EXPECT_FALSE(pools.EvictIdle(asker)) << "nobody has any";
  EXPECT_EQ(asker.left, 5);
}

TEST(WorkerPoolsTest, OneThatWentIsAskedNoMore) {
  WorkerPools pools;
  Spares asker(0), other(1);
  pools.Add(&asker);
  pools.Add(&other);
  pools.Remove(&other);
  EXPECT_FALSE(pools.EvictIdle(asker));
  EXPECT_EQ(other.left, 1);
}

TEST(WorkerPoolsDeathTest, AStrangerCannotBeRemoved) {
  WorkerPools pools;
  Spares stranger(0);
  EXPECT_DEATH(pools.Remove(&stranger), "broken invariant");
}

}  // namespace
}  // namespace holdfast::pool
