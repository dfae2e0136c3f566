#include "pool/dns/name_record.h"

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class NameRecordTest : public testing::Test {
 protected:
  NameNews Fail(Duration after = seconds(1)) { return Look(false, true, after); }
  NameNews Succeed(Duration after = seconds(1)) { return Look(true, false, after); }
  NameNews SucceedInPart(Duration after = seconds(1)) { return Look(true, true, after); }
  NameNews Look(bool found, bool trouble, Duration after) {
    now_ += after;
    wall_ += after;
    return record_.OnLookup(found, trouble, now_, wall_);
  }

  TimePoint now_;
  WallTime wall_{seconds(1'000'000)};
  NameRecord record_;
};

TEST_F(NameRecordTest, SuccessIsNoNews) {
  EXPECT_EQ(Succeed(), NameNews::kNone);
  EXPECT_EQ(Succeed(minutes(30)), NameNews::kNone);
  EXPECT_EQ(record_.failures(), 0u);
  EXPECT_EQ(record_.last_success(), wall_);
}

TEST_F(NameRecordTest, TheFirstFailureIsToldAtOnceAndThenRarely) {
  EXPECT_EQ(Fail(), NameNews::kTrouble);
  int told = 0;
  for (Duration passed{0}; passed < minutes(35); passed += seconds(30)) {
    told += Fail(seconds(30)) == NameNews::kStillTrouble ? 1 : 0;
  }
  EXPECT_EQ(told, 3);
  EXPECT_EQ(record_.failures(), 71u);
  EXPECT_FALSE(record_.last_success().has_value());
}

TEST_F(NameRecordTest, TheEndOfTroubleIsTold) {
  Fail();
  EXPECT_EQ(Succeed(), NameNews::kResolved);
  EXPECT_EQ(Succeed(), NameNews::kNone);
}

TEST_F(NameRecordTest, WhatIsWorseIsToldAtOnce) {
  EXPECT_EQ(SucceedInPart(), NameNews::kTrouble);
  EXPECT_EQ(SucceedInPart(), NameNews::kNone);
  EXPECT_EQ(Fail(), NameNews::kTrouble);
  EXPECT_EQ(SucceedInPart(), NameNews::kNone) << "better, and not well";
  EXPECT_EQ(Fail(), NameNews::kNone);
}

TEST_F(NameRecordTest, ANameThatComesAndGoesDoesNotFillTheLog) {
  int told = 0;
  for (int i = 0; i < 600; ++i) {
    const NameNews news = i % 2 == 0 ? Fail(milliseconds(500)) : Succeed(milliseconds(500));
    told += news != NameNews::kNone ? 1 : 0;
  }
  EXPECT_LE(told, 12);
  EXPECT_GE(told, 6);
}

}  // namespace
}  // namespace holdfast::pool
