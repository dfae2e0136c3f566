// Runs the real linter over everything the catalog can export.

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "metrics/build_info.h"
#include "metrics/process_stats.h"
#include "metrics/prometheus_export.h"
#include "metrics/registry.h"

namespace holdfast::metrics {
namespace {

constexpr char kPromtool[] = "/usr/bin/promtool";

struct LintResult {
  int exit_code = -1;
  std::string output;
};

LintResult Lint(const std::string& text) {
  const std::string input = testing::TempDir() + "/metrics.prom";
  const std::string output = testing::TempDir() + "/promtool.out";
  std::ofstream(input) << text;
  const std::string command =
      std::string(kPromtool) + " check metrics <'" + input + "' >'" + output + "' 2>&1";
  const int status = std::system(command.c_str());
  LintResult result;
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  std::ostringstream written;
  written << std::ifstream(output).rdbuf();
  result.output = written.str();
  return result;
}

class PromtoolTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(access(kPromtool, X_OK), 0)
        << kPromtool << " is missing: install Debian's package \"prometheus\"";
  }
};

// Calls with(labels...) for as many label values as the metric has.
template <typename With>
void WithLabels(size_t count, With with) {
  constexpr const char* kOdd = "quote \" backslash \\ newline \n brace } \xc3\xa9";
  switch (count) {
    case 0: return with({});
    case 1: return with({kOdd});
    case 2: return with({kOdd, "idle"});
    case 3: return with({kOdd, "", "c"});
    case 4: return with({kOdd, "api", "GET", "200"});
    default: ASSERT_EQ(count, LabelNames::kMax); return with({kOdd, "api", "GET", "200", "x"});
  }
}

void Populate(const Description& row, Shard& shard) {
  WithLabels(row.labels.size(), [&](std::initializer_list<std::string_view> labels) {
    switch (row.type) {
      case Type::kCounter: return shard.CounterFor(row.metric, labels).Add(1'500'000'000);
      case Type::kGauge: return shard.GaugeFor(row.metric, labels).Add(7);
      case Type::kHistogram:
        return shard.HistogramFor(row.metric, labels).Observe(std::chrono::milliseconds(3));
    }
  });
}

std::string FullyPopulatedText() {
  Registry registry;
  for (Shard* shard : {registry.AddShard(), registry.AddShard()}) {
    for (const Description& row : AllMetrics()) {
      const bool collected = row.metric == Metric::kBuildInfo || row.name.starts_with("process_");
      if (!collected) Populate(row, *shard);
    }
  }
  registry.AddCollector(BuildInfoCollector("1.0.0", "0123456789ab"));
  registry.AddCollector(ProcessCollector());
  return ToPrometheusText(registry);
}

TEST_F(PromtoolTest, EveryMetricOfTheCatalogPassesTheLinter) {
  const std::string text = FullyPopulatedText();
  for (const Description& row : AllMetrics()) {
    EXPECT_NE(text.find("# TYPE " + std::string(row.name) + " "), std::string::npos) << row.name;
  }
  const LintResult result = Lint(text);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.output, "") << text;
}

TEST_F(PromtoolTest, TheLinterIsAwake) {
  const LintResult misnamed = Lint(
      "# HELP holdfast_things Things.\n"
      "# TYPE holdfast_things counter\n"
      "holdfast_things 1\n");
  EXPECT_NE(misnamed.exit_code, 0);
  EXPECT_NE(misnamed.output.find("_total"), std::string::npos) << misnamed.output;

  const LintResult unescaped = Lint("holdfast_things{upstream=\"a\"b\"} 1\n");
  EXPECT_NE(unescaped.exit_code, 0);
}

}  // namespace
}  // namespace holdfast::metrics
