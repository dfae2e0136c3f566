#include "pool/net/free_list.h"

#include <vector>

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"

namespace holdfast::pool {
namespace {

struct Item {
  Item(int given, int* destroyed_count) : value(given), destroyed(destroyed_count) {}
  ~Item() { ++*destroyed; }
  int value;
  int* destroyed;
};

class FreeListTest : public testing::Test {
 protected:
  ManualClock clock_;
  EventLoop loop_{&clock_};
  int destroyed_ = 0;
  FreeList<Item> free_;
};

TEST_F(FreeListTest, GivesBackTheOneUsedLast) {
  Item* a = free_.Take(1, &destroyed_);
  Item* b = free_.Take(2, &destroyed_);
  EXPECT_NE(a, b);
  free_.Give(&loop_, a);
  free_.Give(&loop_, b);
  EXPECT_EQ(free_.Take(3, &destroyed_), b);
  EXPECT_EQ(b->value, 2) << "as it was";
  EXPECT_EQ(free_.Take(3, &destroyed_), a);
  free_.Give(&loop_, a);
  free_.Give(&loop_, b);
}

// Destroyed at once it would pull the ground from under the frames that led to Give.
TEST_F(FreeListTest, OneTooManyIsDestroyedAtTheTurnsEnd) {
  std::vector<Item*> taken;
  for (size_t i = 0; i < FreeList<Item>::kMaxFree + 1; ++i) {
    taken.push_back(free_.Take(0, &destroyed_));
  }
  for (Item* item : taken) free_.Give(&loop_, item);
  EXPECT_EQ(destroyed_, 0) << "all are still alive";
  EXPECT_EQ(free_.Take(0, &destroyed_), taken[FreeList<Item>::kMaxFree - 1]);
  free_.Give(&loop_, taken[FreeList<Item>::kMaxFree - 1]);
  loop_.RunOnce(Duration::zero());
  EXPECT_EQ(destroyed_, 1);
}

}  // namespace
}  // namespace holdfast::pool
