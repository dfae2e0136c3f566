#include "tests/support/allocation_counter.h"

#include <algorithm>
#include <memory>
#include <new>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::support {
namespace {

struct alignas(256) Aligned {
  char bytes[256];
};

// What a test sees as "allocates nothing" would be this one's silence.
TEST(AllocationCounterTest, CountsEveryFormOfNew) {
  uint64_t before = AllocationCount();
  auto one = std::make_unique<int>(1);
  EXPECT_EQ(AllocationCount(), ++before);
  auto aligned = std::make_unique<Aligned>();
  EXPECT_EQ(AllocationCount(), ++before);
  std::vector<int> many(100);
  EXPECT_EQ(AllocationCount(), ++before);
  // Asks with nothrow.
  std::stable_sort(many.begin(), many.end());
  EXPECT_GE(AllocationCount(), ++before);
}

}  // namespace
}  // namespace holdfast::support
