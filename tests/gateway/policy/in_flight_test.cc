#include "gateway/policy/in_flight.h"

#include <optional>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::policy {
namespace {

constexpr uint32_t kMost = 10;

TEST(InFlightTest, ThereAreAsManyPlacesAsTheLimitSays) {
  InFlight in_flight(2);
  EXPECT_TRUE(in_flight.TakeAtOnce());
  EXPECT_TRUE(in_flight.TakeAtOnce());
  EXPECT_FALSE(in_flight.TakeAtOnce());
  EXPECT_EQ(in_flight.taken(), 2u);
  EXPECT_EQ(in_flight.Return(), std::nullopt);
  EXPECT_TRUE(in_flight.TakeAtOnce());
  EXPECT_FALSE(in_flight.TakeAtOnce());
}

TEST(InFlightTest, AsManyWaitAsMay) {
  InFlight in_flight(1);
  ASSERT_TRUE(in_flight.TakeAtOnce());
  EXPECT_FALSE(in_flight.BeginWait(0, 0));
  EXPECT_TRUE(in_flight.BeginWait(0, 2));
  EXPECT_TRUE(in_flight.BeginWait(1, 2));
  EXPECT_FALSE(in_flight.BeginWait(0, 2));
  EXPECT_FALSE(in_flight.BeginWait(2, 2));
  in_flight.EndWait(0, /*last=*/true);
  EXPECT_TRUE(in_flight.BeginWait(2, 2));
  EXPECT_EQ(in_flight.waiting(), 2u);
}

TEST(InFlightTest, APlaceThatComesBackIsTakenForWhoeverWaits) {
  InFlight in_flight(1);
  ASSERT_TRUE(in_flight.TakeAtOnce());
  ASSERT_TRUE(in_flight.BeginWait(7, kMost));
  EXPECT_EQ(in_flight.Return(), 7u);
  EXPECT_EQ(in_flight.taken(), 1u) << "it is on its way";
  in_flight.EndWait(7, /*last=*/true);
  EXPECT_EQ(in_flight.Return(), std::nullopt);
  EXPECT_EQ(in_flight.taken(), 0u);
}

TEST(InFlightTest, WhoComesLaterDoesNotOvertakeThoseThatWait) {
  InFlight in_flight(2);
  ASSERT_TRUE(in_flight.TakeAtOnce());
  ASSERT_TRUE(in_flight.BeginWait(0, kMost));
  EXPECT_FALSE(in_flight.TakeAtOnce()) << "there is a place, and one that waits for it";
  EXPECT_TRUE(in_flight.Take()) << "that one looks once more";
  in_flight.EndWait(0, /*last=*/true);
}

TEST(InFlightTest, WorkersGetPlacesInTurn) {
  InFlight in_flight(1);
  ASSERT_TRUE(in_flight.TakeAtOnce());
  for (const size_t worker : {0, 3, 64, 1023}) ASSERT_TRUE(in_flight.BeginWait(worker, kMost));
  for (int round = 0; round < 3; ++round) {
    for (const size_t worker : {0, 3, 64, 1023}) EXPECT_EQ(in_flight.Return(), worker);
  }
  in_flight.EndWait(3, /*last=*/true);
  EXPECT_EQ(in_flight.Return(), 0u);
  EXPECT_EQ(in_flight.Return(), 64u);
  EXPECT_EQ(in_flight.Return(), 1023u);
}

// Marks in the word in which the search begins, before and behind its first bit.
TEST(InFlightTest, AWorkerBeforeTheTurnIsFound) {
  InFlight in_flight(1);
  ASSERT_TRUE(in_flight.TakeAtOnce());
  ASSERT_TRUE(in_flight.BeginWait(5, kMost));
  EXPECT_EQ(in_flight.Return(), 5u);
  EXPECT_EQ(in_flight.Return(), 5u);
  ASSERT_TRUE(in_flight.BeginWait(2, kMost));
  EXPECT_EQ(in_flight.Return(), 2u);
  EXPECT_EQ(in_flight.Return(), 5u);
}

TEST(InFlightTest, OneOfSeveralWaitsLeavesTheOthersMarked) {
  InFlight in_flight(1);
  ASSERT_TRUE(in_flight.TakeAtOnce());
  ASSERT_TRUE(in_flight.BeginWait(1, kMost));
  ASSERT_TRUE(in_flight.BeginWait(1, kMost));
  in_flight.EndWait(1, /*last=*/false);
  EXPECT_EQ(in_flight.Return(), 1u);
}

TEST(InFlightTest, ALoweredLimitGivesNothingOutUntilEnoughAreBack) {
  InFlight in_flight(3);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(in_flight.TakeAtOnce());
  in_flight.SetLimit(1);
  ASSERT_TRUE(in_flight.BeginWait(0, kMost));
  EXPECT_EQ(in_flight.Return(), std::nullopt);
  EXPECT_EQ(in_flight.Return(), std::nullopt);
  EXPECT_EQ(in_flight.Return(), 0u);
  EXPECT_EQ(in_flight.taken(), 1u);
}

TEST(InFlightTest, ARaisedLimitIsOfferedToThoseThatWait) {
  InFlight in_flight(1);
  ASSERT_TRUE(in_flight.TakeAtOnce());
  ASSERT_TRUE(in_flight.BeginWait(0, kMost));
  ASSERT_TRUE(in_flight.BeginWait(1, kMost));
  EXPECT_EQ(in_flight.Offer(), std::nullopt);
  in_flight.SetLimit(3);
  EXPECT_EQ(in_flight.Offer(), 0u);
  EXPECT_EQ(in_flight.Offer(), 1u);
  EXPECT_EQ(in_flight.Offer(), std::nullopt);
}

TEST(InFlightTest, AShadowTakesPlacesBeyondTheLimit) {
  InFlight in_flight(1);
  EXPECT_TRUE(in_flight.TakeAnyway());
  EXPECT_FALSE(in_flight.TakeAnyway());
  EXPECT_EQ(in_flight.taken(), 2u);
  EXPECT_EQ(in_flight.Return(), std::nullopt);
  EXPECT_FALSE(in_flight.TakeAtOnce());
  EXPECT_EQ(in_flight.Return(), std::nullopt);
  EXPECT_TRUE(in_flight.TakeAtOnce());
}

}  // namespace
}  // namespace holdfast::policy
