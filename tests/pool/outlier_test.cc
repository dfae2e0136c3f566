#include "pool/outlier.h"

#include <set>
#include <string_view>

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

using std::chrono::seconds;

constexpr TimePoint kStart{seconds(1000)};
constexpr OutlierOptions kOptions{
    .base_time = seconds(10), .max_time = seconds(60), .max_percent = 50};

EjectionResult Decide(const EjectionFacts& facts, uint32_t max_percent = 50) {
  return DecideEjection(facts, {.max_percent = max_percent});
}

TEST(DecideEjectionTest, AFailingEndpointOfSeveralIsEjected) {
  EXPECT_EQ(Decide({.endpoints = 2, .all_ejected = 0, .all_usable = 2}), EjectionResult::kEjected);
}

TEST(DecideEjectionTest, OneThatGetsNoRequestsIsOutAlready) {
  EXPECT_EQ(Decide({.usable = false, .endpoints = 4, .all_ejected = 1, .all_usable = 3}),
            EjectionResult::kAlreadyOut);
}

TEST(DecideEjectionTest, TheShareIsKept) {
  EXPECT_EQ(Decide({.endpoints = 10, .all_ejected = 4, .all_usable = 6}), EjectionResult::kEjected);
  EXPECT_EQ(Decide({.endpoints = 10, .all_ejected = 5, .all_usable = 5}),
            EjectionResult::kMaxPercent);
  EXPECT_EQ(Decide({.endpoints = 10, .all_ejected = 5, .all_usable = 5}, 60),
            EjectionResult::kEjected);
}

TEST(DecideEjectionTest, OneMayBeEjectedHoweverSmallTheShare) {
  EXPECT_EQ(Decide({.endpoints = 3, .all_ejected = 0, .all_usable = 3}, 10),
            EjectionResult::kEjected);
  EXPECT_EQ(Decide({.endpoints = 3, .all_ejected = 1, .all_usable = 2}, 10),
            EjectionResult::kMaxPercent);
}

TEST(DecideEjectionTest, ZeroPercentIsNone) {
  EXPECT_EQ(Decide({.endpoints = 300, .all_ejected = 0, .all_usable = 300}, 0),
            EjectionResult::kMaxPercent);
}

TEST(DecideEjectionTest, TheLastUsableStays) {
  EXPECT_EQ(Decide({.endpoints = 1, .all_ejected = 0, .all_usable = 1}, 100),
            EjectionResult::kLastUsable);
  EXPECT_EQ(Decide({.endpoints = 4, .all_ejected = 1, .all_usable = 1}, 100),
            EjectionResult::kLastUsable);
}

TEST(EjectionTimeTest, DoublesUpToItsLimit) {
  EXPECT_EQ(EjectionTime(kOptions, 1), seconds(10));
  EXPECT_EQ(EjectionTime(kOptions, 2), seconds(20));
  EXPECT_EQ(EjectionTime(kOptions, 3), seconds(40));
  EXPECT_EQ(EjectionTime(kOptions, 4), seconds(60));
  EXPECT_EQ(EjectionTime(kOptions, 4'000'000'000u), seconds(60));
}

TEST(EjectionTimeTest, ALimitBelowTheBaseWins) {
  EXPECT_EQ(EjectionTime({.base_time = seconds(10), .max_time = seconds(3)}, 1), seconds(3));
}

TEST(EjectionTimeTest, VeryLongTimesDoNotOverflow) {
  const OutlierOptions options{.base_time = Duration::max() / 2 + Duration(1),
                               .max_time = Duration::max()};
  EXPECT_EQ(EjectionTime(options, 2), Duration::max());
}

// Ejects at `now` and lets it come back when that ends.
TimePoint EjectAndReturn(EjectionRecord& record, TimePoint now) {
  const TimePoint end = record.Eject(kOptions, now);
  EXPECT_TRUE(record.ejected());
  record.EndEjection(end);
  EXPECT_FALSE(record.ejected());
  return end;
}

TEST(EjectionRecordTest, EachEjectionInARowTakesTwiceAsLong) {
  EjectionRecord record;
  TimePoint now = kStart;
  for (const int expected : {10, 20, 40, 60, 60, 60}) {
    const TimePoint back = EjectAndReturn(record, now);
    EXPECT_EQ(back - now, seconds(expected));
    now = back + seconds(1);
  }
}

TEST(EjectionRecordTest, GoodTimeForgetsStepByStep) {
  EjectionRecord record;
  TimePoint back = kStart;
  for (int i = 0; i < 3; ++i) back = EjectAndReturn(record, back);
  EXPECT_EQ(record.InARow(kOptions, back), 3u);
  EXPECT_EQ(record.InARow(kOptions, back + seconds(39)), 3u);
  EXPECT_EQ(record.InARow(kOptions, back + seconds(40)), 2u);
  EXPECT_EQ(record.InARow(kOptions, back + seconds(59)), 2u);
  EXPECT_EQ(record.InARow(kOptions, back + seconds(60)), 1u);
  EXPECT_EQ(record.InARow(kOptions, back + seconds(70)), 0u);
  EXPECT_EQ(record.Eject(kOptions, back + seconds(41)) - (back + seconds(41)), seconds(40));
}

TEST(EjectionRecordTest, TimeSpentEjectedForgetsNothing) {
  EjectionRecord record;
  record.Eject(kOptions, kStart);
  EXPECT_EQ(record.InARow(kOptions, kStart + std::chrono::hours(1)), 1u);
}

TEST(EjectionRecordTest, LongTroubleIsForgivenAsFastAsShort) {
  EjectionRecord record;
  TimePoint back = kStart;
  for (int i = 0; i < 1000; ++i) back = EjectAndReturn(record, back);
  EXPECT_EQ(record.InARow(kOptions, back + seconds(60 + 40 + 20 + 10)), 0u);
}

TEST(EjectionResultTest, NamesAreDistinct) {
  const auto& words = WordsOf(EjectionResult{}).words();
  EXPECT_EQ(std::set<std::string_view>(words.begin(), words.end()).size(), words.size());
}

}  // namespace
}  // namespace holdfast::pool
