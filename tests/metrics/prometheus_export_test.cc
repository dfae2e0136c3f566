#include "metrics/prometheus_export.h"

#include <chrono>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace holdfast::metrics {
namespace {

bool HasLine(const std::string& text, std::string_view line) {
  return ("\n" + text).find("\n" + std::string(line) + "\n") != std::string::npos;
}

TEST(PrometheusExportTest, NoSeriesNoText) { EXPECT_EQ(ToPrometheusText(Registry()), ""); }

TEST(PrometheusExportTest, ACounterHasItsHelpTypeAndLabels) {
  Registry registry;
  registry.AddShard()
      ->CounterFor(Metric::kRequestsTotal, {"edge", "api", "GET", "200", "gateway"})
      .Add(12345678);
  EXPECT_EQ(ToPrometheusText(registry),
            "# HELP holdfast_requests_total Requests that have ended, by the status code that the "
            "client was sent, 499 if it left before one, 0 if the gateway cut it off before one; "
            "and by who made that answer: upstream or gateway.\n"
            "# TYPE holdfast_requests_total counter\n"
            "holdfast_requests_total{listener=\"edge\",route=\"api\",method=\"GET\",code=\"200\","
            "source=\"gateway\"} 12345678\n");
}

TEST(PrometheusExportTest, ShardsAppearAsOneSeries) {
  Registry registry;
  registry.AddShard()->GaugeFor(Metric::kWorkers, {}).Set(1);
  registry.AddShard()->GaugeFor(Metric::kWorkers, {}).Set(2);
  const std::string text = ToPrometheusText(registry);
  EXPECT_TRUE(HasLine(text, "holdfast_workers 3")) << text;
  EXPECT_TRUE(HasLine(text, "# TYPE holdfast_workers gauge")) << text;
}

TEST(PrometheusExportTest, NanosecondsBecomeSeconds) {
  Registry registry;
  registry.AddShard()->CounterFor(Metric::kLoopBusySecondsTotal, {"0"}).Add(2'500'000'000);
  const std::string text = ToPrometheusText(registry);
  EXPECT_TRUE(HasLine(text, "holdfast_loop_busy_seconds_total{worker=\"0\"} 2.5")) << text;
}

TEST(PrometheusExportTest, QuotesBackslashesAndNewlinesInLabelValuesAreEscaped) {
  Registry registry;
  registry.AddShard()->GaugeFor(Metric::kTunnels, {"a\"b\\c\nd"}).Set(1);
  const std::string text = ToPrometheusText(registry);
  EXPECT_TRUE(HasLine(text, R"(holdfast_tunnels{upstream="a\"b\\c\nd"} 1)")) << text;
}

TEST(PrometheusExportTest, BucketsAreCumulativeAndEndAtInfinity) {
  Registry registry;
  Histogram& times =
      registry.AddShard()->HistogramFor(Metric::kRequestDurationSeconds, {"edge", "api"});
  times.Observe(std::chrono::microseconds(50));
  times.Observe(std::chrono::microseconds(250));
  times.Observe(std::chrono::seconds(90));
  const std::string text = ToPrometheusText(registry);
  const std::string bucket =
      "holdfast_request_duration_seconds_bucket{listener=\"edge\",route=\"api\",le=";
  EXPECT_TRUE(HasLine(text, bucket + "\"0.0001\"} 1")) << text;
  EXPECT_TRUE(HasLine(text, bucket + "\"0.00025\"} 2")) << text;
  EXPECT_TRUE(HasLine(text, bucket + "\"2.5\"} 2")) << text;
  EXPECT_TRUE(HasLine(text, bucket + "\"60\"} 2")) << text;
  EXPECT_TRUE(HasLine(text, bucket + "\"+Inf\"} 3")) << text;
  EXPECT_TRUE(
      HasLine(text, "holdfast_request_duration_seconds_count{listener=\"edge\",route=\"api\"} 3"))
      << text;
  EXPECT_TRUE(HasLine(
      text, "holdfast_request_duration_seconds_sum{listener=\"edge\",route=\"api\"} 90.0003"))
      << text;
  EXPECT_TRUE(HasLine(text, "# TYPE holdfast_request_duration_seconds histogram")) << text;
}

TEST(PrometheusExportTest, EveryBoundIsWrittenInItsShortestForm) {
  Registry registry;
  registry.AddShard()->HistogramFor(Metric::kRequestDurationSeconds, {"edge", "api"});
  const std::string text = ToPrometheusText(registry);
  for (const char* bound :
       {"0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1",
        "0.25", "0.5", "1", "2.5", "5", "10", "30", "60", "+Inf"}) {
    const std::string label = std::string("le=\"") + bound + "\"";
    EXPECT_NE(text.find(label), std::string::npos) << bound << "\n" << text;
  }
}

TEST(PrometheusExportTest, AHistogramOfNumbersHasWholeBounds) {
  Registry registry;
  registry.AddShard()->HistogramFor(Metric::kUpstreamConnectionRequests, {"web"}).ObserveCount(7);
  const std::string text = ToPrometheusText(registry);
  for (const char* line :
       {"holdfast_upstream_connection_requests_bucket{upstream=\"web\",le=\"5\"} 0",
        "holdfast_upstream_connection_requests_bucket{upstream=\"web\",le=\"10\"} 1",
        "holdfast_upstream_connection_requests_sum{upstream=\"web\"} 7",
        "holdfast_upstream_connection_requests_count{upstream=\"web\"} 1"}) {
    EXPECT_TRUE(HasLine(text, line)) << line << "\n" << text;
  }
}

TEST(PrometheusExportTest, AFamilysSeriesFollowOneHeadInLabelOrder) {
  Registry registry;
  Shard* shard = registry.AddShard();
  shard->GaugeFor(Metric::kTunnels, {"zebra"}).Set(1);
  shard->GaugeFor(Metric::kTunnels, {"ant"}).Set(2);
  EXPECT_EQ(ToPrometheusText(registry),
            "# HELP holdfast_tunnels Open tunnels of upgraded connections.\n"
            "# TYPE holdfast_tunnels gauge\n"
            "holdfast_tunnels{upstream=\"ant\"} 2\n"
            "holdfast_tunnels{upstream=\"zebra\"} 1\n");
}

TEST(PrometheusExportTest, CountersBeyondADoublesDigitsAreStillNumbers) {
  Registry registry;
  registry.AddShard()->CounterFor(Metric::kRequestBytesTotal, {"edge"}).Add((1ull << 60) + 1);
  const std::string text = ToPrometheusText(registry);
  const size_t space = text.rfind(' ');
  ASSERT_NE(space, std::string::npos);
  EXPECT_EQ(std::stod(text.substr(space + 1)), static_cast<double>(1ull << 60)) << text;
}

}  // namespace
}  // namespace holdfast::metrics
