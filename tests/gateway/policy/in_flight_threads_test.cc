#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/policy/in_flight.h"
#include "pool/net/random.h"

namespace holdfast::policy {
namespace {

constexpr size_t kThreads = 4;
constexpr uint32_t kMost = 1000;

// Whether somebody waits for what will never come, by a time that no slow machine reaches. Each
// thread has its own.
class Patience {
 public:
  // To be asked at each look.
  bool Over() {
    return ++looks_ % kLooks == 0 && std::chrono::steady_clock::now() - begun_ > kMost;
  }

 private:
  static constexpr int64_t kLooks = 4096;  // since the clock has its price
  static constexpr std::chrono::seconds kMost{100};

  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  int64_t looks_ = 0;
};

// Workers on threads, each with those that wait at it and a box for the places that the others
// bring. On the heap: AddressSanitizer does not align what it keeps of a stack.
class Workers {
 public:
  explicit Workers(uint32_t limit) : limit_(limit), in_flight_(limit) {}

  // Asks for a place. False: the queue is full.
  bool Ask(size_t worker, uint32_t most = kMost) {
    Worker& self = workers_[worker];
    if (in_flight_.TakeAtOnce()) {
      Hold(self);
      return true;
    }
    std::this_thread::yield();  // This is when others may come between.
    if (!in_flight_.BeginWait(worker, most)) return false;
    ++self.waiting;
    while (self.waiting > 0 && in_flight_.Take()) Serve(worker);
    return true;
  }
  // One that waits leaves.
  void Leave(size_t worker) {
    --workers_[worker].waiting;
    in_flight_.EndWait(worker, workers_[worker].waiting == 0);
  }
  void GiveBack(size_t worker) {
    --workers_[worker].held;
    held_.fetch_sub(1);
    Send(in_flight_.Return());
  }
  // Reads the mail.
  void Turn(size_t worker) {
    for (int left = workers_[worker].brought.exchange(0); left > 0; --left) {
      if (workers_[worker].waiting > 0) {
        Serve(worker);
      } else {
        Send(in_flight_.Return());
      }
    }
  }

  int waiting(size_t worker) const { return workers_[worker].waiting; }
  int held(size_t worker) const { return workers_[worker].held; }
  const InFlight& in_flight() const { return in_flight_; }
  int served() const { return served_.load(); }

  // Runs work(i) on each thread, all at once; then each reads its mail until all are done.
  template <class Work>
  void Run(const Work& work) {
    std::atomic<size_t> ready{0};
    std::atomic<size_t> done{0};
    std::vector<std::thread> threads;
    for (size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        ready.fetch_add(1);
        while (ready.load() < kThreads) std::this_thread::yield();
        work(i);
        done.fetch_add(1);
        while (done.load() < kThreads || workers_[i].brought.load() > 0) {
          Turn(i);
          std::this_thread::yield();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (size_t i = 0; i < kThreads; ++i) Turn(i);  // What the last of them has passed on.
  }

 private:
  struct alignas(64) Worker {
    std::atomic<int> brought{0};
    int waiting = 0;  // its thread's
    int held = 0;     // likewise
  };

  void Hold(Worker& worker) {
    ++worker.held;
    served_.fetch_add(1, std::memory_order_relaxed);
    EXPECT_LE(held_.fetch_add(1) + 1, static_cast<int>(limit_));
  }
  void Serve(size_t worker) {
    Leave(worker);
    Hold(workers_[worker]);
  }
  void Send(std::optional<size_t> worker) {
    if (worker.has_value()) workers_[*worker].brought.fetch_add(1);
  }

  const uint32_t limit_;
  InFlight in_flight_;
  std::array<Worker, kThreads> workers_;
  std::atomic<int> held_{0};
  std::atomic<int> served_{0};
};

// In each round all come at once, and each is served once. Whoever comes last to its place has no
// other to be woken by than the one before: one wake-up that is lost, and the round does not end.
TEST(InFlightThreadsTest, NobodyIsForgotten) {
  constexpr size_t kRounds = 5000;
  for (const uint32_t limit : {1u, 2u, 3u}) {
    const auto own = std::make_unique<Workers>(limit);
    Workers& workers = *own;
    std::atomic<size_t> begun{0};
    std::atomic<bool> stuck{false};
    workers.Run([&](size_t self) {
      pool::Random random(self + 1);
      const auto wait_until = [&](const auto& condition) {
        Patience patience;
        for (int64_t turns = 0; !condition() && !stuck.load(); ++turns) {
          workers.Turn(self);
          if (turns % 16 == 15) std::this_thread::yield();
          if (patience.Over()) stuck.store(true);
        }
      };
      for (size_t round = 1; round <= kRounds && !stuck.load(); ++round) {
        begun.fetch_add(1);
        wait_until([&] { return begun.load() >= round * kThreads; });
        for (volatile uint64_t pause = random.Below(200); pause > 0;) pause = pause - 1;
        EXPECT_TRUE(workers.Ask(self));
        wait_until([&] { return workers.held(self) > 0; });
        if (workers.held(self) > 0) workers.GiveBack(self);
      }
    });
    ASSERT_FALSE(stuck.load()) << "limit " << limit << ", round " << begun.load() / kThreads;
    EXPECT_EQ(workers.in_flight().taken(), 0u);
    EXPECT_EQ(workers.in_flight().waiting(), 0u);
    EXPECT_EQ(workers.served(), static_cast<int>(kRounds * kThreads));
  }
}

// One leaves while another comes and finds no place: nobody else is there to wake that one later.
TEST(InFlightThreadsTest, WhoComesAsTheOnlyOneLeavesIsServed) {
  constexpr size_t kRounds = 10'000;
  const auto own = std::make_unique<Workers>(1);
  Workers& workers = *own;
  ASSERT_TRUE(workers.Ask(0));
  std::atomic<size_t> arrived{0};
  std::atomic<bool> stuck{false};
  workers.Run([&](size_t self) {
    if (self > 1) return;
    pool::Random random(self + 1);
    const auto wait_until = [&](const auto& condition) {
      Patience patience;
      for (int64_t turns = 0; !condition() && !stuck.load(); ++turns) {
        workers.Turn(self);
        if (turns % 256 == 255) std::this_thread::yield();
        if (patience.Over()) stuck.store(true);
      }
    };
    for (size_t round = 1; round <= kRounds && !stuck.load(); ++round) {
      arrived.fetch_add(1);
      wait_until([&] { return arrived.load() >= round * 2; });
      for (volatile uint64_t pause = random.Below(20); pause > 0;) pause = pause - 1;
      if (workers.held(self) > 0) {
        workers.GiveBack(self);
      } else {
        EXPECT_TRUE(workers.Ask(self));
        wait_until([&] { return workers.held(self) > 0; });
      }
    }
  });
  ASSERT_FALSE(stuck.load()) << "round " << arrived.load() / 2;
  EXPECT_EQ(workers.served(), static_cast<int>(kRounds + 1));
}

// Whatever they do, and however it falls together, all is given back, and the limit holds.
TEST(InFlightThreadsTest, ComingWaitingAndLeavingTogetherLosesNoPlace) {
  constexpr int kSteps = 100'000;
  const auto own = std::make_unique<Workers>(3);
  Workers& workers = *own;
  workers.Run([&](size_t self) {
    pool::Random random(self + 1);
    for (int i = 0; i < kSteps; ++i) {
      workers.Turn(self);
      switch (random.Below(4)) {
        case 0:
        case 1:
          if (workers.held(self) + workers.waiting(self) < 4) workers.Ask(self, 6);
          break;
        case 2:
          if (workers.waiting(self) > 0) workers.Leave(self);
          break;
        default:
          if (workers.held(self) > 0) workers.GiveBack(self);
      }
    }
    // Those that are left wait without leaving: each is served.
    Patience patience;
    while (workers.held(self) + workers.waiting(self) > 0) {
      ASSERT_FALSE(patience.Over()) << "somebody was forgotten";
      workers.Turn(self);
      if (workers.held(self) > 0) workers.GiveBack(self);
      std::this_thread::yield();
    }
  });
  EXPECT_EQ(workers.in_flight().taken(), 0u);
  EXPECT_EQ(workers.in_flight().waiting(), 0u);
  EXPECT_GT(workers.served(), 100);
}

}  // namespace
}  // namespace holdfast::policy
