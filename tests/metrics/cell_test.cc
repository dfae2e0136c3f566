#include "metrics/cell.h"

#include <cstdint>
#include <limits>
#include <thread>

#include <gtest/gtest.h>

namespace holdfast::metrics {
namespace {

TEST(CounterTest, StartsAtZeroAndAddsOneByDefault) {
  Counter counter;
  EXPECT_EQ(counter.value(), 0u);
  counter.Add();
  counter.Add(41);
  EXPECT_EQ(counter.value(), 42u);
}

TEST(CounterTest, CountsBeyondThirtyTwoBits) {
  Counter counter;
  counter.Add(std::numeric_limits<uint32_t>::max());
  counter.Add();
  EXPECT_EQ(counter.value(), uint64_t{1} << 32);
}

TEST(GaugeTest, GoesUpAndDownAndBelowZero) {
  Gauge gauge;
  gauge.Add(3);
  gauge.Add(-5);
  EXPECT_EQ(gauge.value(), -2);
}

TEST(GaugeTest, SetReplacesTheValue) {
  Gauge gauge;
  gauge.Add(7);
  gauge.Set(4);
  EXPECT_EQ(gauge.value(), 4);
}

TEST(CounterTest, AReaderNeverSeesItGoBack) {
  constexpr uint64_t kAdds = 200'000;
  Counter counter;
  std::thread writer([&] {
    for (uint64_t i = 0; i < kAdds; ++i) counter.Add();
  });
  uint64_t last = 0;
  bool went_back = false;
  while (last < kAdds && !went_back) {
    const uint64_t now = counter.value();
    went_back = now < last;
    last = now;
  }
  writer.join();
  EXPECT_FALSE(went_back);
  EXPECT_EQ(counter.value(), kAdds);
}

}  // namespace
}  // namespace holdfast::metrics
