#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/policy/client_connections.h"
#include "pool/net/random.h"

namespace holdfast::policy {
namespace {

using Place = ClientConnections::Place;
using Verdict = ClientConnections::Verdict;

constexpr int kThreads = 4;

// Runs work(i) on each thread, all at once.
template <class Work>
void OnEachThread(const Work& work) {
  std::atomic<int> ready{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      ready.fetch_add(1);
      while (ready.load() < kThreads) std::this_thread::yield();
      work(i);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(ClientConnectionsThreadsTest, TogetherTheyGetExactlyTheCap) {
  constexpr uint32_t kCap = 100'000;
  ClientConnections connections(1000);
  Place first = Place::kNowhere;
  ASSERT_EQ(connections.Take(42, kCap, &first), Verdict::kCounted);
  std::atomic<uint32_t> counted{1};
  OnEachThread([&](int) {
    for (uint32_t i = 0; i < kCap / 2; ++i) {
      Place place = Place::kNowhere;
      if (connections.Take(42, kCap, &place) == Verdict::kCounted) counted.fetch_add(1);
    }
  });
  EXPECT_EQ(counted.load(), kCap);
  EXPECT_EQ(connections.counted(), kCap);
}

// Few words, clients that come and go: their first connections meet in one set, whose words become
// free before and behind theirs.
TEST(ClientConnectionsThreadsTest, NoClientHasMoreThanItMayAndNothingLeaks) {
  constexpr uint64_t kKeys = 6;
  constexpr int kCap = 2;
  constexpr int kSteps = 100'000;
  ClientConnections connections(1);
  std::atomic<int> open[kKeys + 1] = {};
  std::atomic<uint64_t> counted{0};
  OnEachThread([&](int thread) {
    pool::Random random(static_cast<uint64_t>(thread) + 1);
    struct Held {
      uint64_t key;
      Place place;
    };
    std::vector<Held> held;
    const auto give_back = [&](const Held& one) {
      open[one.key].fetch_sub(1);
      connections.Return(one.place);
    };
    for (int i = 0; i < kSteps; ++i) {
      if (held.size() > random.Below(4)) {
        const size_t which = random.Below(held.size());
        give_back(held[which]);
        held[which] = held.back();
        held.pop_back();
        continue;
      }
      const uint64_t key = 1 + random.Below(kKeys);
      Place place = Place::kNowhere;
      if (connections.Take(key, kCap, &place) != Verdict::kCounted) continue;
      EXPECT_LE(open[key].fetch_add(1) + 1, kCap);
      counted.fetch_add(1);
      held.push_back({key, place});
    }
    for (const Held& one : held) give_back(one);
  });
  EXPECT_EQ(connections.counted(), 0u);
  EXPECT_GT(counted.load(), uint64_t{kSteps} / 10);
  // All words are free again.
  for (uint64_t key = 1; key <= 8; ++key) {
    Place place = Place::kNowhere;
    EXPECT_EQ(connections.Take(key + 100, 1, &place), Verdict::kCounted);
  }
}

}  // namespace
}  // namespace holdfast::policy
