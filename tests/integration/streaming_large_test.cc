// As streaming_memory_test, beyond 2^31 bytes and with the strict bound of one connection.

#include <gtest/gtest.h>

#include "tests/integration/body_flow.h"

namespace holdfast::support {
namespace {

constexpr size_t kBody = (2048ull << 20) + 12345;
constexpr size_t kBound = 1 << 20;

TEST(StreamingLargeTest, TwoGibibytesToASlowReaderArrive) {
  EXPECT_LT(FlowDown(kBody).growth, kBound);
}

TEST(StreamingLargeTest, TwoGibibytesToASlowUpstreamArrive) {
  EXPECT_LT(FlowUp(kBody).growth, kBound);
}

}  // namespace
}  // namespace holdfast::support
