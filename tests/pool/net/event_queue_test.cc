#include "pool/net/event_queue.h"

#include <sys/epoll.h>

#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

class Noter final : public EventHandler {
 public:
  Noter(int name, std::vector<std::pair<int, uint32_t>>* heard) : name_(name), heard_(heard) {}
  void OnEvents(uint32_t events) override {
    heard_->push_back({name_, events});
    if (on_events) on_events();
  }
  std::function<void()> on_events;

 private:
  int name_;
  std::vector<std::pair<int, uint32_t>>* heard_;
};

class EventQueueTest : public testing::Test {
 protected:
  Noter* New() { return &handlers_.emplace_back(static_cast<int>(handlers_.size()), &heard_); }
  void ServeAll() {
    while (!queue_.empty()) queue_.ServeNext();
  }
  std::vector<int> Names() const {
    std::vector<int> names;
    for (const auto& [name, events] : heard_) names.push_back(name);
    return names;
  }

  EventQueue queue_;
  std::deque<Noter> handlers_;
  std::vector<std::pair<int, uint32_t>> heard_;
};

TEST_F(EventQueueTest, ServesInTheOrderOfArrival) {
  for (int i = 0; i < 3; ++i) queue_.Add(New(), EPOLLIN);
  ServeAll();
  EXPECT_EQ(Names(), (std::vector{0, 1, 2}));
}

TEST_F(EventQueueTest, OneThatWaitsKeepsItsPlaceAndHearsOfEverythingAtOnce) {
  Noter* const first = New();
  queue_.Add(first, EPOLLIN);
  queue_.Add(New(), EPOLLIN);
  queue_.Add(first, EPOLLRDHUP);
  ServeAll();
  EXPECT_EQ(heard_,
            (std::vector<std::pair<int, uint32_t>>{{0, EPOLLIN | EPOLLRDHUP}, {1, EPOLLIN}}));
}

TEST_F(EventQueueTest, OneThatIsServedMayWaitAgainBehindTheOthers) {
  Noter* const first = New();
  first->on_events = [&] {
    if (heard_.size() == 1) queue_.Add(first, EPOLLOUT);
  };
  queue_.Add(first, EPOLLIN);
  queue_.Add(New(), EPOLLIN);
  ServeAll();
  EXPECT_EQ(heard_,
            (std::vector<std::pair<int, uint32_t>>{{0, EPOLLIN}, {1, EPOLLIN}, {0, EPOLLOUT}}));
}

TEST_F(EventQueueTest, WhoIsDroppedIsNotServed) {
  for (int i = 0; i < 4; ++i) queue_.Add(New(), EPOLLIN);
  queue_.Drop(&handlers_[0]);
  queue_.Drop(&handlers_[2]);
  queue_.Drop(&handlers_[2]);  // it waits no more
  ServeAll();
  EXPECT_EQ(Names(), (std::vector{1, 3}));
}

TEST_F(EventQueueTest, WhoIsServedMayDropTheOthers) {
  for (int i = 0; i < 3; ++i) queue_.Add(New(), EPOLLIN);
  handlers_[0].on_events = [&] {
    queue_.Drop(&handlers_[1]);
    queue_.Drop(&handlers_[2]);
  };
  queue_.ServeNext();
  EXPECT_TRUE(queue_.empty());
  EXPECT_EQ(Names(), (std::vector{0}));
}

TEST_F(EventQueueTest, WhoWasDroppedMayWaitAgain) {
  for (int i = 0; i < 2; ++i) queue_.Add(New(), EPOLLIN);
  queue_.Drop(&handlers_[0]);
  queue_.Add(&handlers_[0], EPOLLOUT);
  ServeAll();
  EXPECT_EQ(heard_, (std::vector<std::pair<int, uint32_t>>{{1, EPOLLIN}, {0, EPOLLOUT}}));
}

// The room grows and wraps around, with holes in it, and no one loses a place.
TEST_F(EventQueueTest, KeepsTheOrderThroughGrowthAndHoles) {
  std::deque<int> expected;
  int served = 0;
  for (int i = 0; i < 5000; ++i) {
    queue_.Add(New(), EPOLLIN);
    expected.push_back(i);
    if (i % 7 == 3) {
      queue_.Drop(&handlers_[static_cast<size_t>(i)]);
      expected.pop_back();
    }
    if (i % 3 == 0) {
      queue_.ServeNext();
      ASSERT_EQ(heard_.back().first, expected.front());
      expected.pop_front();
      ++served;
    }
  }
  ServeAll();
  ASSERT_EQ(heard_.size(), static_cast<size_t>(served) + expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(heard_[static_cast<size_t>(served) + i].first, expected[i]);
  }
}

// What is added and dropped again and again takes no more room.
TEST_F(EventQueueTest, HolesDoNotMakeItGrow) {
  Noter* const waits = New();
  Noter* const comes_and_goes = New();
  queue_.Add(waits, EPOLLIN);
  for (int i = 0; i < 100000; ++i) {
    queue_.Add(comes_and_goes, EPOLLIN);
    queue_.Drop(comes_and_goes);
  }
  EXPECT_EQ(queue_.room(), 64u);
  ServeAll();
  EXPECT_EQ(Names(), (std::vector{0}));
}

TEST_F(EventQueueTest, RoomForAThrongIsGivenBack) {
  for (int i = 0; i < 3000; ++i) queue_.Add(New(), EPOLLIN);
  EXPECT_GE(queue_.room(), 3000u);
  ServeAll();
  EXPECT_EQ(queue_.room(), 0u);
  queue_.Add(&handlers_[0], EPOLLIN);
  ServeAll();
  EXPECT_EQ(heard_.back().first, 0);
}

}  // namespace
}  // namespace holdfast::pool
