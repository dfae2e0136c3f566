#include "gateway/server/ticket_keeper.h"

#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"

namespace holdfast::server {
namespace {

TEST(TicketKeeperTest, TheNextKeyBecomesTheCurrentOneInTime) {
  pool::ManualClock clock;
  pool::EventLoop loop(&clock);
  std::vector<std::shared_ptr<const pool::TicketKeys>> told;
  TicketKeeper keeper(&loop, [&](auto keys) { told.push_back(std::move(keys)); });
  const pool::TicketKeys first = *keeper.current();
  clock.Advance(TicketKeeper::kRotateEvery - std::chrono::seconds(1));
  loop.RunOnce(pool::Duration::zero());
  EXPECT_TRUE(told.empty());
  for (int i = 1; i <= 3; ++i) {
    clock.Advance(TicketKeeper::kRotateEvery + std::chrono::seconds(1));
    loop.RunOnce(pool::Duration::zero());
    ASSERT_EQ(told.size(), static_cast<size_t>(i));
    EXPECT_EQ(told.back(), keeper.current());
  }
  EXPECT_EQ(told[0]->current, first.next);
  EXPECT_EQ(told[0]->previous, first.current) << "what it has sealed is opened";
  EXPECT_EQ(told[1]->current, told[0]->next);
}

}  // namespace
}  // namespace holdfast::server
