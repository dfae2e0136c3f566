#ifndef HOLDFAST_TESTS_SUPPORT_METRICS_SCRAPE_H_
#define HOLDFAST_TESTS_SUPPORT_METRICS_SCRAPE_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::support {

using Labels = std::map<std::string, std::string>;

// What one answer of /metrics says.
class MetricsScrape {
 public:
  MetricsScrape() = default;
  // Prometheus text form; a line that is none fails the test.
  explicit MetricsScrape(std::string text);

  // The sum of the series of `name` that have `labels` and maybe others; 0 without any.
  double Value(std::string_view name, const Labels& labels = {}) const;
  bool Has(std::string_view name, const Labels& labels = {}) const;
  const std::string& text() const { return text_; }

 private:
  struct Series {
    std::string name;
    Labels labels;
    double value = 0;
  };
  void ParseLine(const std::string& line);

  std::string text_;
  std::vector<Series> series_;
};

}  // namespace holdfast::support

#endif  // HOLDFAST_TESTS_SUPPORT_METRICS_SCRAPE_H_
