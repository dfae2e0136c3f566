#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/policy/shared_spending.h"

namespace holdfast::policy {
namespace {

// Keys of one set, which the workers fill while it is drained: each request is told once or
// dropped.
TEST(SharedSpendingThreadsTest, NothingIsLostOrToldTwice) {
  constexpr int kThreads = 3;
  constexpr uint64_t kNotes = 50'000;
  constexpr uint64_t kKeys = 10;
  SharedSpending spending;
  std::atomic<int> running{kThreads};
  std::vector<std::thread> workers;
  for (int i = 0; i < kThreads; ++i) {
    workers.emplace_back([&] {
      for (uint64_t n = 0; n < kNotes; ++n) spending.Note(n % kKeys);
      running.fetch_sub(1);
    });
  }
  uint64_t told = 0;
  std::vector<SharedSpending::Spent> spent;
  const auto drain = [&] {
    spending.Drain(5, &spent);
    for (const SharedSpending::Spent& some : spent) {
      EXPECT_LT(some.key, kKeys);
      told += some.requests;
    }
    spent.clear();
  };
  while (running.load() > 0) drain();
  for (std::thread& worker : workers) worker.join();
  for (int i = 0; i < 10; ++i) drain();
  EXPECT_EQ(told + spending.TakeDropped(), kThreads * kNotes);
}

}  // namespace
}  // namespace holdfast::policy
