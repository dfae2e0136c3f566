#include "gateway/server/ticket_keeper.h"

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"

namespace holdfast::server {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using Listeners = std::map<std::string, pool::TlsTickets>;

class TicketKeeperTest : public testing::Test {
 protected:
  static pool::TlsTickets Shared(const std::string& secret) {
    return {.secret = {.pem = secret, .name = "secret"}, .rotate = hours(1)};
  }
  void Wait(pool::Duration time) {
    clock_.Advance(time);
    loop_.RunOnce(pool::Duration::zero());
  }
  static pool::TicketKeys Keys(const TicketKeeper& keeper, const std::string& listener) {
    return *keeper.current().at(listener);
  }

  pool::ManualClock clock_;
  pool::EventLoop loop_{&clock_};
  std::vector<tls::TicketKeySets> told_;
  TicketKeeper keeper_{&loop_, [this](const tls::TicketKeySets& keys) { told_.push_back(keys); }};
};

TEST_F(TicketKeeperTest, TheNextKeyBecomesTheCurrentOneInTime) {
  keeper_.Adopt({{"edge", {}}});
  const pool::TicketKeys first = Keys(keeper_, "edge");
  Wait(hours(12) - seconds(1));
  EXPECT_TRUE(told_.empty());
  for (size_t i = 1; i <= 3; ++i) {
    Wait(hours(12) + seconds(1));
    ASSERT_EQ(told_.size(), i);
    EXPECT_EQ(told_.back().at("edge"), keeper_.current().at("edge"));
  }
  EXPECT_EQ(told_[0].at("edge")->current, first.next);
  EXPECT_EQ(told_[0].at("edge")->previous, first.current) << "what it has sealed is opened";
  EXPECT_EQ(told_[1].at("edge")->current, told_[0].at("edge")->next);
}

TEST_F(TicketKeeperTest, EachListenerHasItsOwnAndItsOwnTime) {
  keeper_.Adopt(
      {{"a", {.secret = {}, .rotate = hours(1)}}, {"b", {.secret = {}, .rotate = hours(5)}}});
  const pool::TicketKeys a = Keys(keeper_, "a"), b = Keys(keeper_, "b");
  EXPECT_FALSE(a == b);
  Wait(hours(1) + seconds(1));
  EXPECT_EQ(Keys(keeper_, "a").current, a.next);
  EXPECT_EQ(Keys(keeper_, "b"), b);
}

TEST_F(TicketKeeperTest, AReloadKeepsThem) {
  keeper_.Adopt({{"a", {}}, {"b", {}}});
  const pool::TicketKeys a = Keys(keeper_, "a");
  Wait(hours(11));
  keeper_.Adopt({{"a", {}}});
  EXPECT_EQ(Keys(keeper_, "a"), a);
  EXPECT_FALSE(keeper_.current().contains("b"));
  Wait(hours(1) + seconds(1));
  EXPECT_EQ(Keys(keeper_, "a").current, a.next) << "at the time that was set";
  keeper_.Adopt({});
  Wait(hours(100));
  EXPECT_EQ(told_.size(), 1u);
}

TEST_F(TicketKeeperTest, WhoHasTheSecretHasTheSameAtTheSameTime) {
  keeper_.Adopt({{"edge", Shared("secret")}});
  Wait(std::chrono::minutes(10));
  TicketKeeper other(&loop_, [](const tls::TicketKeySets&) {});
  other.Adopt({{"other", Shared("secret")}, {"third", Shared("another")}});
  EXPECT_EQ(Keys(other, "other"), Keys(keeper_, "edge"));
  EXPECT_FALSE(Keys(other, "third") == Keys(keeper_, "edge"));
  const pool::TicketKeys before = Keys(keeper_, "edge");
  Wait(hours(1));
  EXPECT_EQ(Keys(keeper_, "edge").current, before.next);
  EXPECT_EQ(Keys(other, "other"), Keys(keeper_, "edge"));
  keeper_.Adopt({{"edge", {}}});
  EXPECT_FALSE(Keys(keeper_, "edge") == Keys(other, "other"));
}

TEST_F(TicketKeeperTest, TheNextProcessGoesOnWithWhatIsMadeUp) {
  keeper_.Adopt({{"a b", {}}, {"shared", Shared("secret")}});
  Wait(hours(11));
  const std::string text = keeper_.Serialize();
  TicketKeeper next(&loop_, [](const tls::TicketKeySets&) {});
  next.Inherit(text);
  next.Adopt({{"a b", {}}, {"new", {}}});
  EXPECT_EQ(Keys(next, "a b"), Keys(keeper_, "a b"));
  const pool::TicketKeys before = Keys(next, "a b");
  Wait(hours(1) + seconds(2));
  EXPECT_EQ(Keys(next, "a b").current, before.next);
}

TEST_F(TicketKeeperTest, WhatCannotBeReadIsNothing) {
  keeper_.Adopt({{"a", {}}});
  const std::string text = keeper_.Serialize();
  for (const std::string& odd :
       {std::string("rubbish"), std::string("61 5 00"), std::string("6z 5 00"),
        "62 -5 " + text.substr(text.rfind(' ') + 1), text.substr(0, 40)}) {
    TicketKeeper next(&loop_, [](const tls::TicketKeySets&) {});
    next.Inherit(odd);
    next.Adopt({{"a", {}}, {"b", {}}});
    EXPECT_FALSE(Keys(next, "a") == Keys(keeper_, "a")) << odd;
    EXPECT_FALSE(Keys(next, "b") == Keys(keeper_, "a")) << odd;
  }
}

}  // namespace
}  // namespace holdfast::server
