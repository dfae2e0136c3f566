#include "metrics/catalog.h"

#include <algorithm>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace holdfast::metrics {
namespace {

bool IsName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(),
                                      [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

TEST(CatalogTest, DescribeGivesTheRowOfEveryMetric) {
  ASSERT_EQ(AllMetrics().size(), kMetricCount);
  for (size_t i = 0; i < kMetricCount; ++i) {
    EXPECT_EQ(&Describe(static_cast<Metric>(i)), &AllMetrics()[i]);
    EXPECT_EQ(IndexOf(AllMetrics()[i].metric), i);
  }
}

TEST(CatalogTest, NamesAreUniqueAndCarryThePrefix) {
  std::set<std::string_view> names;
  for (const Description& row : AllMetrics()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_TRUE(IsName(row.name)) << row.name;
    EXPECT_TRUE(row.name.starts_with("holdfast_") || row.name.starts_with("process_")) << row.name;
  }
}

TEST(CatalogTest, OnlyCountersEndInTotal) {
  for (const Description& row : AllMetrics()) {
    EXPECT_EQ(row.name.ends_with("_total"), row.type == Type::kCounter) << row.name;
  }
}

TEST(CatalogTest, NamesEndInTheirUnit) {
  for (const Description& row : AllMetrics()) {
    std::string_view name = row.name;
    if (name.ends_with("_total")) name.remove_suffix(std::string_view("_total").size());
    const bool seconds = row.unit == Unit::kSeconds || row.unit == Unit::kNanoseconds;
    EXPECT_EQ(name.ends_with("_seconds"), seconds) << row.name;
    EXPECT_EQ(name.ends_with("_bytes"), row.unit == Unit::kBytes) << row.name;
  }
}

TEST(CatalogTest, NoNameIsOneThatAHistogramExports) {
  std::set<std::string> exported;
  for (const Description& row : AllMetrics()) {
    if (row.type != Type::kHistogram) continue;
    for (const char* suffix : {"_count", "_sum", "_bucket"}) {
      exported.insert(std::string(row.name) + suffix);
    }
  }
  for (const Description& row : AllMetrics()) {
    EXPECT_FALSE(exported.contains(std::string(row.name))) << row.name;
  }
}

TEST(CatalogTest, LabelNamesAreUniqueAndNotReserved) {
  for (const Description& row : AllMetrics()) {
    std::set<std::string_view> names;
    for (const std::string_view name : row.labels) {
      EXPECT_TRUE(IsName(name)) << row.name << " " << name;
      EXPECT_TRUE(names.insert(name).second) << row.name << " " << name;
      EXPECT_NE(name, "le") << row.name;
      EXPECT_FALSE(name.starts_with("__")) << row.name << " " << name;
    }
    EXPECT_EQ(names.size(), row.labels.size());
  }
}

TEST(CatalogTest, HelpIsASentenceThatNeedsNoEscaping) {
  for (const Description& row : AllMetrics()) {
    ASSERT_FALSE(row.help.empty()) << row.name;
    EXPECT_TRUE(row.help.ends_with('.')) << row.name;
    EXPECT_EQ(row.help.find_first_of("\\\n\r"), row.help.npos) << row.name;
  }
}

TEST(CatalogTest, NanosecondsAreExportedAsSeconds) {
  EXPECT_EQ(Describe(Metric::kLoopBusySecondsTotal).divisor(), 1e9);
  EXPECT_EQ(Describe(Metric::kConfigLastReloadTimestampSeconds).divisor(), 1.0);
  EXPECT_EQ(Describe(Metric::kRequestBytesTotal).divisor(), 1.0);
}

TEST(CatalogDeathTest, AWrongNumberOfLabelValuesNamesTheMetric) {
  CheckLabelCount(Metric::kRequestsTotal, 5);
  EXPECT_DEATH(CheckLabelCount(Metric::kRequestsTotal, 3),
               "metric holdfast_requests_total: given 3 label values, has 5 labels");
}

}  // namespace
}  // namespace holdfast::metrics
