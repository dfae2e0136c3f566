#include "tests/support/metrics_scrape.h"

#include <gtest/gtest.h>

namespace holdfast::support {
namespace {

TEST(MetricsScrapeTest, SeriesAreSummedByTheLabelsThatAreGiven) {
  const MetricsScrape scrape(
      "# HELP a_total Help.\n# TYPE a_total counter\n"
      "a_total{code=\"200\",route=\"x\"} 3\na_total{code=\"200\",route=\"y\"} 4\n"
      "a_total{code=\"404\",route=\"x\"} 1\nb 2.5e+03\n");
  EXPECT_EQ(scrape.Value("a_total"), 8);
  EXPECT_EQ(scrape.Value("a_total", {{"code", "200"}}), 7);
  EXPECT_EQ(scrape.Value("a_total", {{"code", "200"}, {"route", "y"}}), 4);
  EXPECT_EQ(scrape.Value("b"), 2500);
}

TEST(MetricsScrapeTest, ASeriesOfValueZeroIsToldFromNone) {
  const MetricsScrape scrape("a{x=\"1\"} 0\n");
  EXPECT_TRUE(scrape.Has("a", {{"x", "1"}}));
  EXPECT_FALSE(scrape.Has("a", {{"x", "2"}}));
  EXPECT_FALSE(scrape.Has("b"));
}

TEST(MetricsScrapeTest, EscapesInLabelValuesAreUndone) {
  const MetricsScrape scrape("a{x=\"q\\\"b\\\\n\\nz\",y=\"2\"} 5\n");
  EXPECT_EQ(scrape.Value("a", {{"x", "q\"b\\n\nz"}, {"y", "2"}}), 5);
}

}  // namespace
}  // namespace holdfast::support
