#include "pool/net/ticket_queue.h"

#include <cstdint>
#include <deque>

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

// It grows and wraps around, and nothing loses its place.
TEST(TicketQueueTest, KeepsTheOrder) {
  TicketQueue queue;
  std::deque<uint64_t> expected;
  for (uint64_t i = 0; i < 5000; ++i) {
    queue.Push(i);
    expected.push_back(i);
    if (i % 3 != 0) continue;
    ASSERT_EQ(queue.Pop(), expected.front());
    expected.pop_front();
  }
  ASSERT_EQ(queue.size(), expected.size());
  for (; !expected.empty(); expected.pop_front()) ASSERT_EQ(queue.Pop(), expected.front());
  EXPECT_TRUE(queue.empty());
}

TEST(TicketQueueTest, WhatIsTakenMakesRoom) {
  TicketQueue queue;
  for (uint64_t i = 0; i < 100000; ++i) {
    queue.Push(i);
    queue.Push(i);
    queue.Pop();
    queue.Pop();
  }
  EXPECT_EQ(queue.room(), 64u);
}

TEST(TicketQueueTest, RoomForAThrongIsGivenBack) {
  TicketQueue queue;
  for (uint64_t i = 0; i <= TicketQueue::kKeptRoom; ++i) queue.Push(i);
  EXPECT_GT(queue.room(), TicketQueue::kKeptRoom);
  while (!queue.empty()) queue.Pop();
  EXPECT_EQ(queue.room(), 0u);
  queue.Push(7);
  EXPECT_EQ(queue.Pop(), 7u);
}

TEST(TicketQueueDeathTest, NothingComesOutOfAnEmptyOne) {
  TicketQueue queue;
  EXPECT_DEATH(queue.Pop(), "size_ > 0");
}

}  // namespace
}  // namespace holdfast::pool
