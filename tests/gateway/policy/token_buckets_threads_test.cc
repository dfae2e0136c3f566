#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/policy/token_buckets.h"
#include "pool/net/random.h"

namespace holdfast::policy {
namespace {

using pool::TimePoint;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kThreads = 4;
constexpr TimePoint kStart{hours(1234)};

// Runs work(i) on each thread, all at once, and adds up what they return.
template <class Work>
uint64_t SumOfThreads(const Work& work) {
  std::atomic<int> ready{0};
  std::atomic<uint64_t> sum{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      ready.fetch_add(1);
      while (ready.load() < kThreads) std::this_thread::yield();
      sum.fetch_add(work(i));
    });
  }
  for (std::thread& thread : threads) thread.join();
  return sum.load();
}

TEST(TokenBucketsThreadsTest, TogetherTheyGetOfOneKeyExactlyItsBurst) {
  constexpr uint32_t kBurst = 1'000'000;
  TokenBuckets buckets({1, hours(1), kBurst}, 1000, kStart);
  EXPECT_EQ(SumOfThreads([&](int) {
              uint64_t allowed = 0;
              for (uint32_t i = 0; i < kBurst / 2; ++i) allowed += buckets.Take(42, kStart).allowed;
              return allowed;
            }),
            kBurst);
}

TEST(TokenBucketsThreadsTest, NoKeyGetsTwoBucketsWhereThreadsMeetIt) {
  constexpr uint32_t kBurst = 3;
  constexpr uint64_t kKeys = 8;  // as many as have a place in the only set
  for (int round = 0; round < 1000; ++round) {
    TokenBuckets buckets({1, hours(1), kBurst}, 1, kStart);
    ASSERT_EQ(SumOfThreads([&](int thread) {
                uint64_t allowed = 0;
                for (uint64_t i = 0; i < kKeys * kBurst; ++i) {
                  const uint64_t key = 1 + (i + static_cast<uint64_t>(thread)) % kKeys;
                  allowed += buckets.Take(key, kStart).allowed;
                }
                return allowed;
              }),
              kKeys * kBurst)
        << round;
  }
}

TEST(TokenBucketsThreadsTest, ThePaceIsOneAlthoughTheClocksAreMany) {
  TokenBuckets buckets({100'000, seconds(1), 100}, 1000, kStart);
  std::atomic<int64_t> clock{0};  // in microseconds
  const uint64_t allowed = SumOfThreads([&](int thread) {
    uint64_t mine = 0;
    while (true) {
      const int64_t now = clock.fetch_add(1);
      if (now >= 1'000'000) return mine;
      mine += buckets.Take(42, kStart + microseconds(now + thread * 500)).allowed;
    }
  });
  // The pace of the fastest clock, whose thread may not always run.
  EXPECT_LE(allowed, 100'000u + 100 + kThreads * 50);
  EXPECT_GE(allowed, 95'000u);
}

// Many keys, few places, times that wrap and are swept: for ThreadSanitizer above all.
TEST(TokenBucketsThreadsTest, AnyKeysAtAnyTimeAreLimited) {
  constexpr uint32_t kBurst = 5;
  constexpr int kTakes = 100'000;
  TokenBuckets buckets({100'000'000, seconds(1), kBurst}, 100, kStart);
  std::atomic<int64_t> clock{0};  // in milliseconds
  const uint64_t allowed = SumOfThreads([&](int thread) {
    pool::Random random(static_cast<uint64_t>(thread) + 1);
    uint64_t mine = 0;
    for (int i = 0; i < kTakes; ++i) {
      const TimePoint now = kStart + milliseconds(clock.fetch_add(random.Below(3)));
      const TokenBuckets::Verdict verdict = buckets.Take(random.Next(), now);
      EXPECT_LT(verdict.remaining, kBurst);
      EXPECT_LE(verdict.reset, seconds(1));
      mine += verdict.allowed ? 1 : 0;
    }
    return mine;
  });
  EXPECT_GE(allowed, uint64_t{kThreads} * kTakes * 99 / 100) << "each key is new";
}

}  // namespace
}  // namespace holdfast::policy
