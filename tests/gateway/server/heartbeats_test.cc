#include "gateway/server/heartbeats.h"

#include <gtest/gtest.h>

namespace holdfast::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr pool::TimePoint kStart{seconds(1000)};

TEST(HeartbeatsTest, NobodyIsLateBeforeTheFirstPing) {
  const Heartbeats beats(2, kStart);
  EXPECT_EQ(beats.Trouble(kStart + seconds(3600)), "");
}

TEST(HeartbeatsTest, AWorkerIsPingedAgainOnceItHasAnswered) {
  Heartbeats beats(1, kStart);
  EXPECT_TRUE(beats.BeginPing(0, kStart));
  EXPECT_FALSE(beats.BeginPing(0, kStart + seconds(1)));
  beats.OnPong(0, kStart + seconds(2));
  EXPECT_TRUE(beats.BeginPing(0, kStart + seconds(2)));
}

TEST(HeartbeatsTest, AnAnswerIsLateAfterItsTime) {
  Heartbeats beats(1, kStart);
  beats.BeginPing(0, kStart);
  EXPECT_EQ(beats.Trouble(kStart + Heartbeats::kLate - milliseconds(1)), "");
  EXPECT_EQ(beats.Trouble(kStart + Heartbeats::kLate), "worker 0 has not answered for 5 s");
  EXPECT_EQ(beats.Trouble(kStart + seconds(90)), "worker 0 has not answered for 90 s");
}

TEST(HeartbeatsTest, LatenessCountsFromTheFirstPingThatIsNotAnswered) {
  Heartbeats beats(1, kStart);
  beats.BeginPing(0, kStart);
  beats.BeginPing(0, kStart + seconds(4));
  EXPECT_NE(beats.Trouble(kStart + seconds(5)), "");
}

TEST(HeartbeatsTest, ALateAnswerEndsTheTrouble) {
  Heartbeats beats(1, kStart);
  beats.BeginPing(0, kStart);
  beats.OnPong(0, kStart + seconds(60));
  EXPECT_EQ(beats.Trouble(kStart + seconds(60)), "");
  EXPECT_EQ(beats.Trouble(kStart + seconds(600)), "");
}

TEST(HeartbeatsTest, EveryLateWorkerIsNamedAndNoOther) {
  Heartbeats beats(3, kStart);
  for (size_t i = 0; i < 3; ++i) beats.BeginPing(i, kStart + seconds(i));
  beats.OnPong(1, kStart + seconds(2));
  EXPECT_EQ(beats.Trouble(kStart + seconds(8)),
            "worker 0 has not answered for 8 s; worker 2 has not answered for 6 s");
}

}  // namespace
}  // namespace holdfast::server
