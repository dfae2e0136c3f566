// Bodies are passed on, never held: what a slow reader costs is bounded. The sanitizers keep memory
// of their own, so these run without them.

#include <gtest/gtest.h>

#include "tests/integration/body_flow.h"

namespace holdfast::support {
namespace {

constexpr size_t kBody = 256u << 20;
constexpr size_t kBound = 4 << 20;

TEST(StreamingMemoryTest, ALargeResponseToASlowReaderIsNotHeld) {
  EXPECT_LT(FlowDown(kBody).growth, kBound);
}

TEST(StreamingMemoryTest, ALargeRequestToASlowUpstreamIsNotHeld) {
  EXPECT_LT(FlowUp(kBody).growth, kBound);
}

}  // namespace
}  // namespace holdfast::support
