#ifndef HOLDFAST_TESTS_SUPPORT_ALLOCATION_COUNTER_H_
#define HOLDFAST_TESTS_SUPPORT_ALLOCATION_COUNTER_H_

#include <cstdint>

namespace holdfast::support {

// How often the program has asked for memory with `new`: what is linked with this replaces the
// operators. For programs with one thread.
//
//   const uint64_t before = AllocationCount();
//   table.Match(...);
//   EXPECT_EQ(AllocationCount(), before);
uint64_t AllocationCount();

}  // namespace holdfast::support

#endif  // HOLDFAST_TESTS_SUPPORT_ALLOCATION_COUNTER_H_
