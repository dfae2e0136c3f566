#include "gateway/config/units.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(ParseDurationTest, ReadsEachUnit) {
  EXPECT_EQ(ParseDuration("250ms"), milliseconds(250));
  EXPECT_EQ(ParseDuration("5s"), seconds(5));
  EXPECT_EQ(ParseDuration("30m"), minutes(30));
  EXPECT_EQ(ParseDuration("1h"), hours(1));
  EXPECT_EQ(ParseDuration("2d"), hours(48));
  EXPECT_EQ(ParseDuration("0s"), seconds(0));
}

TEST(ParseDurationTest, AddsUpDescendingUnits) {
  EXPECT_EQ(ParseDuration("1h30m"), minutes(90));
  EXPECT_EQ(ParseDuration("1d2h3m4s5ms"), hours(26) + minutes(3) + seconds(4) + milliseconds(5));
}

TEST(ParseDurationTest, RefusesWhatIsAmbiguousOrWrong) {
  for (const char* text : {"", "5", "s", "5 s", " 5s", "5s ", "-5s", "+5s", "1.5s", "5S", "5sec",
                           "5us", "30m1h", "1s1s", "5s3", "off", "99999999999999999999s", "0x5s"}) {
    EXPECT_EQ(ParseDuration(text), std::nullopt) << text;
  }
}

TEST(ParseDurationTest, HasAnUpperBound) {
  EXPECT_TRUE(ParseDuration("36600d"));
  EXPECT_EQ(ParseDuration("36601d"), std::nullopt);
  EXPECT_EQ(ParseDuration("36600d1ms"), std::nullopt);
  EXPECT_EQ(ParseDuration("18446744073709551615ms"), std::nullopt);
}

TEST(ParseShareTest, ReadsWhatItWrites) {
  for (const auto& [text, share] : {std::pair{"0", 0u},
                                    {"1", 1'000'000u},
                                    {"0.5", 500'000u},
                                    {"0.01", 10'000u},
                                    {"0.000001", 1u},
                                    {"0.999999", 999'999u}}) {
    EXPECT_EQ(ParseShare(text), share) << text;
    EXPECT_EQ(FormatShare(share), text);
  }
  EXPECT_EQ(ParseShare("0.10"), 100'000u);
  EXPECT_EQ(ParseShare("1.0"), 1'000'000u);
}

TEST(ParseShareTest, RefusesWhatIsNoShare) {
  for (const char* text :
       {"",     ".",  "0.",        "1.",   ".5",  "00",   "01",   "2",  "1.1", "1.000001",
        "-0.1", "+1", "0.0000001", "0.1%", "0,1", "1e-1", "0.1 ", " 0", "0.a", "0..1"}) {
    EXPECT_EQ(ParseShare(text), std::nullopt) << text;
  }
}

TEST(ParseSizeTest, ReadsBytesAndBinaryMultiples) {
  EXPECT_EQ(ParseSize("0"), 0u);
  EXPECT_EQ(ParseSize("512"), 512u);
  EXPECT_EQ(ParseSize("512B"), 512u);
  EXPECT_EQ(ParseSize("64KiB"), 65536u);
  EXPECT_EQ(ParseSize("10MiB"), 10u << 20);
  EXPECT_EQ(ParseSize("2GiB"), uint64_t{2} << 30);
  EXPECT_EQ(ParseSize("1024TiB"), uint64_t{1} << 50);
}

TEST(ParseSizeTest, RefusesWhatIsAmbiguousOrWrong) {
  for (const char* text : {"", "KiB", "64k", "64K", "64KB", "64kib", "64 KiB", "-1", "1.5MiB",
                           "1025TiB", "18446744073709551615KiB", "18446744073709551616"}) {
    EXPECT_EQ(ParseSize(text), std::nullopt) << text;
  }
}

TEST(ParseCountTest, ReadsDecimalDigitsOnly) {
  EXPECT_EQ(ParseCount("0"), 0u);
  EXPECT_EQ(ParseCount("1024"), 1024u);
  for (const char* text : {"", "-1", "+1", "1e3", "0x10", "1_000", "1 ", "18446744073709551616"}) {
    EXPECT_EQ(ParseCount(text), std::nullopt) << text;
  }
}

TEST(ParsePercentTest, IsAWholeNumberAndItsSign) {
  EXPECT_EQ(ParsePercent("0%"), 0u);
  EXPECT_EQ(ParsePercent("250%"), 250u);
  for (const char* text : {"", "%", "20", "20 %", "-1%", "1.5%", "20%%", "18446744073709551616%"}) {
    EXPECT_EQ(ParsePercent(text), std::nullopt) << text;
  }
}

TEST(ParseStatusRangeTest, IsOneCodeOrTheLowerAndTheHigher) {
  EXPECT_EQ(ParseStatusRange("204"), (StatusRange{204, 204}));
  EXPECT_EQ(ParseStatusRange("200-599"), (StatusRange{200, 599}));
  EXPECT_EQ(ParseStatusRange("404-404"), (StatusRange{404, 404}));
  for (const char* text : {"", "-", "200-", "-200", "199", "100-200", "600", "200-600", "399-200",
                           "200 - 399", "200-300-400", "2xx", "65736", "200-65935"}) {
    EXPECT_EQ(ParseStatusRange(text), std::nullopt) << text;
  }
}

TEST(FormatTest, PicksTheLargestUnitThatIsExact) {
  EXPECT_EQ(FormatDuration(seconds(0)), "0s");
  EXPECT_EQ(FormatDuration(milliseconds(1)), "1ms");
  EXPECT_EQ(FormatDuration(milliseconds(1500)), "1500ms");
  EXPECT_EQ(FormatDuration(seconds(75)), "75s");
  EXPECT_EQ(FormatDuration(minutes(60)), "1h");
  EXPECT_EQ(FormatSize(0), "0B");
  EXPECT_EQ(FormatSize(1000), "1000B");
  EXPECT_EQ(FormatSize(65536), "64KiB");
}

TEST(FormatTest, IsReadBackAsTheSameValue) {
  for (int64_t ms = 1; ms < 1'000'000'000; ms = ms * 3 + 7) {
    EXPECT_EQ(ParseDuration(FormatDuration(milliseconds(ms))), milliseconds(ms)) << ms;
    EXPECT_EQ(ParseSize(FormatSize(static_cast<uint64_t>(ms))), static_cast<uint64_t>(ms)) << ms;
  }
}

}  // namespace
}  // namespace holdfast::config
