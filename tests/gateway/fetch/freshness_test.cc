#include "gateway/fetch/freshness.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace holdfast::fetch {
namespace {

using std::chrono::seconds;

std::optional<pool::Duration> OfControl(const std::string& cache_control,
                                        const std::string& age = "") {
  return FreshFor({.cache_control = cache_control, .age = age});
}

TEST(FreshnessTest, MaxAgeSaysIt) {
  EXPECT_EQ(OfControl("max-age=300"), seconds(300));
  EXPECT_EQ(OfControl("public, Max-Age=300 , must-revalidate"), seconds(300));
  EXPECT_EQ(OfControl("max-age=\"300\""), seconds(300));
  EXPECT_EQ(OfControl("max-age=300, max-age=5"), seconds(300)) << "the first counts";
  EXPECT_EQ(OfControl("s-maxage=5, max-age=300"), seconds(300)) << "this is no shared cache's";
  EXPECT_EQ(OfControl("max-age=99999999999999999999999"), seconds(int64_t{1} << 31));
}

TEST(FreshnessTest, TimeOnTheWayCounts) {
  EXPECT_EQ(OfControl("max-age=300", "100"), seconds(200));
  EXPECT_EQ(OfControl("max-age=300", "400"), seconds(0));
  EXPECT_EQ(OfControl("max-age=300", "-1"), seconds(300));
}

TEST(FreshnessTest, WhatIsNotToBeKeptIsFreshForNoTime) {
  EXPECT_EQ(OfControl("no-store"), seconds(0));
  EXPECT_EQ(OfControl("max-age=300, No-Cache"), seconds(0));
}

TEST(FreshnessTest, WhatSaysNothingIsToldApart) {
  for (const char* value : {"", "public", "max-age", "max-age=", "max-age=-1", "max-age=1.5",
                            "max-age=a", "max-age= ", ",,,", "xmax-age=5"}) {
    EXPECT_EQ(OfControl(value), std::nullopt) << value;
  }
}

TEST(FreshnessTest, OtherwiseADateSaysIt) {
  const std::string date = "Tue, 01 Dec 2026 10:00:00 GMT";
  const auto until = [&](const std::string& expires, const std::string& control = "") {
    return FreshFor({.cache_control = control, .expires = expires, .date = date});
  };
  EXPECT_EQ(until("Tue, 01 Dec 2026 10:05:00 GMT"), seconds(300));
  EXPECT_EQ(until("Tue, 01 Dec 2026 09:05:00 GMT"), seconds(0));
  EXPECT_EQ(until("0"), seconds(0)) << "RFC 9111 section 5.3";
  EXPECT_EQ(until("Tue, 01 Dec 2026 10:05:00 GMT", "max-age=7"), seconds(7));
  EXPECT_EQ(FreshFor({.expires = "Tue, 01 Dec 2026 10:05:00 GMT"}), std::nullopt);
}

}  // namespace
}  // namespace holdfast::fetch
