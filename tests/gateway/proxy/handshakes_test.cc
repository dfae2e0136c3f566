#include "gateway/proxy/handshakes.h"

#include <deque>

#include <gtest/gtest.h>

namespace holdfast::proxy {
namespace {

using std::chrono::milliseconds;

class FakeHandshake final : public PendingHandshake {
 public:
  FakeHandshake(Handshakes* all, pool::TimePoint began) : all_(all), began_(began) {
    all_->Add(*this);
  }
  ~FakeHandshake() {
    if (!yielded) all_->Remove(*this);
  }
  pool::TimePoint began_at() const override { return began_; }
  void Yield() override {
    yielded = true;
    all_->Remove(*this);
  }

  bool yielded = false;

 private:
  Handshakes* all_;
  pool::TimePoint began_;
};

class HandshakesTest : public testing::Test {
 protected:
  void Fill() {
    while (all_.count() < Handshakes::kMax) fakes_.emplace_back(&all_, begin_ + ++age_);
  }

  const pool::TimePoint begin_ = pool::TimePoint() + std::chrono::hours(1);
  pool::Duration age_{0};
  Handshakes all_;
  std::deque<FakeHandshake> fakes_;
};

TEST_F(HandshakesTest, BelowTheLimitNobodyGivesWay) {
  EXPECT_TRUE(all_.MakeRoom(begin_));
  Fill();
  fakes_.back().Yield();
  EXPECT_TRUE(all_.MakeRoom(begin_ + std::chrono::hours(1)));
  EXPECT_FALSE(fakes_.front().yielded);
}

TEST_F(HandshakesTest, AtTheLimitTheOldestGivesWayUnlessItIsYoung) {
  Fill();
  EXPECT_FALSE(all_.MakeRoom(begin_ + milliseconds(100)));
  EXPECT_FALSE(fakes_.front().yielded);
  EXPECT_TRUE(all_.MakeRoom(begin_ + Handshakes::kGivesWayAfter + milliseconds(1)));
  EXPECT_TRUE(fakes_.front().yielded);
  EXPECT_FALSE(fakes_[1].yielded) << "one newcomer takes one place";
  EXPECT_EQ(all_.count(), Handshakes::kMax - 1);
}

}  // namespace
}  // namespace holdfast::proxy
