#include "gateway/record/line_filter.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace holdfast::record {
namespace {

using std::chrono::milliseconds;

TEST(LineFilterTest, StatusesAreCodesOrKinds) {
  EXPECT_EQ(ParseStatusSpan("404"), (StatusSpan{404, 404}));
  EXPECT_EQ(ParseStatusSpan("499"), (StatusSpan{499, 499}));
  EXPECT_EQ(ParseStatusSpan("5xx"), (StatusSpan{500, 599}));
  EXPECT_EQ(ParseStatusSpan("1xx"), (StatusSpan{100, 199}));
  for (const char* text : {"", "4", "44", "4040", "0xx", "6xx", "600", "099", "4x4", "40x", "xxx",
                           "5XX", "-40", "4 4", "404 ", "4xx-5xx"}) {
    EXPECT_EQ(ParseStatusSpan(text), std::nullopt) << text;
  }
  EXPECT_EQ(FormatStatusSpan({404, 404}), "404");
  EXPECT_EQ(FormatStatusSpan({500, 599}), "5xx");
}

TEST(LineFilterTest, SharesAreMillionths) {
  const std::pair<const char*, uint32_t> shares[] = {
      {"0", 0},         {"1", 1'000'000}, {"1.0", 1'000'000},    {"0.01", 10'000},
      {"0.5", 500'000}, {"0.000001", 1},  {"0.999999", 999'999}, {"0.0", 0},
  };
  for (const auto& [text, share] : shares) EXPECT_EQ(ParseShare(text), share) << text;
  for (const char* text : {"", ".5", "1.", "0.", "2", "1.1", "1.000001", "0.0000001", "-0.1", "1%",
                           "1e-2", "0,5", "01", "0.5 ", "nan", "10"}) {
    EXPECT_EQ(ParseShare(text), std::nullopt) << text;
  }
  for (const char* text : {"0", "1", "0.01", "0.000001", "0.999999"}) {
    EXPECT_EQ(FormatShare(*ParseShare(text)), text);
  }
}

ExchangeRecord Usual() {
  ExchangeRecord record;
  record.status = 200;
  record.route = "all";
  record.duration = milliseconds(10);
  return record;
}

TEST(LineFilterTest, OneThatAsksForNothingGetsNothing) {
  EXPECT_FALSE(IsToldOf(LineFilter{}, Usual()));
}

TEST(LineFilterTest, AnyOfItsConditionsIsEnough) {
  const LineFilter filter{.statuses = {{404, 404}, {500, 599}},
                          .slower_than = milliseconds(500),
                          .routes = {"pay", ""}};
  EXPECT_FALSE(IsToldOf(filter, Usual()));
  ExchangeRecord record = Usual();
  record.status = 404;
  EXPECT_TRUE(IsToldOf(filter, record));
  record.status = 405;
  EXPECT_FALSE(IsToldOf(filter, record));
  record.status = 599;
  EXPECT_TRUE(IsToldOf(filter, record));
  record = Usual();
  record.duration = milliseconds(500);
  EXPECT_FALSE(IsToldOf(filter, record)) << "no slower than that";
  record.duration += std::chrono::nanoseconds(1);
  EXPECT_TRUE(IsToldOf(filter, record));
  record = Usual();
  record.route = "pay";
  EXPECT_TRUE(IsToldOf(filter, record));
  record.route = "";
  EXPECT_TRUE(IsToldOf(filter, record)) << "no route has matched";
}

TEST(LineFilterTest, WithAShareWhatFailedIsAlwaysThere) {
  ExchangeRecord failed = Usual();
  failed.failed = true;
  EXPECT_TRUE(IsToldOf(LineFilter{.share = 0}, failed));
  EXPECT_FALSE(IsToldOf(LineFilter{.share = kWholeShare}, Usual())) << "that is the lot's to say";
  EXPECT_FALSE(IsToldOf(LineFilter{.routes = {"pay"}}, failed)) << "nobody has asked for it";
}

}  // namespace
}  // namespace holdfast::record
