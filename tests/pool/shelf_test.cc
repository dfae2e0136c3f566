#include "pool/shelf.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "pool/shelves.h"

namespace holdfast::pool {
namespace {

TimePoint At(int seconds) { return TimePoint(std::chrono::seconds(seconds)); }

class ShelfTest : public testing::Test {
 protected:
  Shelves shelves_{3};
  EndpointKey key_{"web", *SocketAddress::Parse("127.0.0.1:80")};
  std::shared_ptr<Shelf> shelf_ = shelves_.For(key_);
};

TEST_F(ShelfTest, TheCapIsStrictWhoeverTakesAtTheSameTime) {
  constexpr size_t kCap = 50;
  shelf_->SetCaps(kCap, kCap);
  std::atomic<size_t> most{0};
  std::atomic<size_t> taken{0};
  std::atomic<size_t> places{0};
  const auto work = [&] {
    for (int i = 0; i < 20'000; ++i) {
      if (!shelf_->TakeConnection()) continue;
      const size_t now = taken.fetch_add(1) + 1;
      size_t seen = most.load();
      while (now > seen && !most.compare_exchange_weak(seen, now)) {
      }
      taken.fetch_sub(1);
      shelf_->ReturnConnection();
    }
    for (int i = 0; i < 40; ++i) places.fetch_add(shelf_->TakeIdlePlace() ? 1 : 0);
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most.load(), kCap);
  EXPECT_EQ(places.load(), kCap);
  EXPECT_EQ(shelf_->connections(), 0u);
}

TEST_F(ShelfTest, AtItsOwnCapAnEndpointIsNotOutOfDescriptors) {
  shelves_.SetConnectionLimit(1);
  shelf_->SetCaps(1, 1);
  EXPECT_TRUE(shelf_->TakeConnection());
  EXPECT_FALSE(shelf_->OutOfDescriptors());
}

TEST_F(ShelfTest, ASpareIsClaimedFromTheRichestAboveItsFloor) {
  shelf_->ShowLoad(1, 0, 1 + Shelf::kFloor);
  shelf_->ShowLoad(2, 0, 2 + Shelf::kFloor);
  EXPECT_EQ(shelf_->ClaimSpare(0, false), 2u);
  EXPECT_TRUE(shelf_->ClaimSpare(0, false).has_value());
  EXPECT_TRUE(shelf_->ClaimSpare(0, false).has_value());
  EXPECT_FALSE(shelf_->ClaimSpare(0, false).has_value()) << "all are claimed";
  EXPECT_TRUE(shelf_->ClaimSpare(0, true).has_value());
  shelf_->EndClaim(2);
  EXPECT_EQ(shelf_->ClaimSpare(2, false), std::nullopt) << "its own do not count";
}

TEST_F(ShelfTest, TheLongestWaitComesFirstAndEachWishOnce) {
  EXPECT_FALSE(shelf_->SomeoneWaits());
  shelf_->ShowWaiting(0, 1, At(20));
  shelf_->ShowWaiting(1, 1, At(10));
  EXPECT_EQ(shelf_->WantedElsewhere(2), 2u);
  EXPECT_EQ(shelf_->TakeWish(2, At(5)), std::nullopt) << "it waits longer itself";
  EXPECT_EQ(shelf_->TakeWish(2, TimePoint::max()), 1u);
  EXPECT_EQ(shelf_->TakeWish(2, TimePoint::max()), 0u);
  EXPECT_EQ(shelf_->TakeWish(2, TimePoint::max()), std::nullopt);
  EXPECT_FALSE(shelf_->SomeoneWaits());
  shelf_->ShowWaiting(0, 0, TimePoint());
  EXPECT_FALSE(shelf_->SomeoneWaits());
}

TEST_F(ShelfTest, LoadElsewhereLeavesOutTheOwn) {
  for (size_t i = 0; i < 3; ++i) shelf_->ShowLoad(i, i + 1, 0);
  EXPECT_EQ(shelf_->LoadElsewhere(0), 5u);
  EXPECT_EQ(shelf_->LoadElsewhere(2), 3u);
}

TEST_F(ShelfTest, ErrorsCountUntilAnAnswer) {
  EXPECT_EQ(shelf_->CountError(), 1u);
  EXPECT_EQ(shelf_->CountError(), 2u);
  shelf_->ForgetErrors();
  EXPECT_EQ(shelf_->CountError(), 1u);
}

}  // namespace
}  // namespace holdfast::pool
