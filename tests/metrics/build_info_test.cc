#include "metrics/build_info.h"

#include <string>

#include <gtest/gtest.h>

namespace holdfast::metrics {
namespace {

TEST(BuildInfoTest, ReportsOneSeriesOfValueOneThatSaysWhatRuns) {
  const Collector collector = BuildInfoCollector("1.2.3", "abcdef0");
  Sums sums;
  collector(sums);
  const auto& info = sums.Of<Gauge>(Metric::kBuildInfo);
  ASSERT_EQ(info.size(), 1u);
  EXPECT_EQ(info.at({"1.2.3", "abcdef0", std::string(CompilerName())}), 1);
}

TEST(BuildInfoTest, CompilerNameHoldsAVersionNumber) {
  const std::string_view name = CompilerName();
  EXPECT_TRUE(name.starts_with("gcc ") || name.starts_with("clang ")) << name;
  EXPECT_NE(name.find_first_of("0123456789"), name.npos) << name;
}

}  // namespace
}  // namespace holdfast::metrics
