#include "gateway/server/memory_gauges.h"

#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "metrics/registry.h"
#include "tests/support/manual_clock.h"

namespace holdfast::server {
namespace {

class MemoryGaugesTest : public testing::Test {
 protected:
  int64_t Bytes(const std::string& kind) {
    gauges_.Publish(context_);
    return registry_.Collect().Of<metrics::Gauge>(metrics::Metric::kMemoryBytes).at({kind});
  }

  pool::ManualClock clock_;
  pool::EventLoop loop_{&clock_};
  pool::SlabPool slabs_;
  pool::Random random_{1};
  metrics::Registry registry_;
  metrics::Shard* shard_ = registry_.AddShard();
  proxy::WorkerContext context_{&loop_, &slabs_, shard_, &random_};
  MemoryGauges gauges_{shard_};
};

TEST_F(MemoryGaugesTest, AtRestThereIsNothing) {
  for (const char* kind : {"buffers", "client_sessions", "http2_heads", "compression"}) {
    EXPECT_EQ(Bytes(kind), 0) << kind;
  }
  EXPECT_GE(Bytes("libraries"), 0);
}

TEST_F(MemoryGaugesTest, BuffersAreWhatIsAllocatedInUseOrNot) {
  constexpr auto kSlab = static_cast<int64_t>(pool::SlabPool::kSlabBytes);
  pool::Slab* const slab = slabs_.Take();
  EXPECT_EQ(Bytes("buffers"), kSlab);
  pool::Slab* const large = slabs_.TakeAtLeast(pool::SlabPool::kSlabBytes);
  large->capacity = 10;  // as a buffer may lower it
  EXPECT_EQ(Bytes("buffers"), 3 * kSlab);
  slabs_.Give(large);
  slabs_.Give(slab);
  EXPECT_EQ(Bytes("buffers"), kSlab) << "kept";
}

TEST_F(MemoryGaugesTest, SessionsAreTheirBlocks) {
  void* const block = context_.http1_sessions.Take();
  const int64_t bytes = Bytes("client_sessions");
  EXPECT_GT(bytes, 0);
  context_.http1_sessions.Give(block);
  EXPECT_EQ(Bytes("client_sessions"), bytes) << "kept";
}

}  // namespace
}  // namespace holdfast::server
