#include "tests/support/metrics_scrape.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <utility>

#include <gtest/gtest.h>

namespace holdfast::support {
namespace {

// The quoted value that begins at text[*at], which moves behind it.
std::string TakeQuoted(const std::string& text, size_t* at) {
  std::string value;
  while (++*at < text.size() && text[*at] != '"') {
    if (text[*at] == '\\' && ++*at < text.size() && text[*at] == 'n') {
      value += '\n';
    } else {
      value += text[*at];
    }
  }
  ++*at;
  return value;
}

bool Includes(const Labels& all, const Labels& wanted) {
  return std::ranges::all_of(wanted, [&](const auto& label) {
    const auto found = all.find(label.first);
    return found != all.end() && found->second == label.second;
  });
}

}  // namespace

MetricsScrape::MetricsScrape(std::string text) : text_(std::move(text)) {
  std::istringstream lines(text_);
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line[0] != '#') ParseLine(line);
  }
}

void MetricsScrape::ParseLine(const std::string& line) {
  size_t at = line.find_first_of("{ ");
  if (at == std::string::npos) {
    ADD_FAILURE() << "not a sample: " << line;
    return;
  }
  Series series{.name = line.substr(0, at), .labels = {}};
  if (line[at] == '{') {
    while (++at < line.size() && line[at] != '}') {
      const size_t equals = line.find('=', at);
      const std::string name = line.substr(at, equals - at);
      at = equals + 1;
      series.labels[name] = TakeQuoted(line, &at);
      if (at >= line.size() || line[at] == '}') break;
    }
    ++at;
  }
  series.value = std::strtod(line.c_str() + std::min(at, line.size()), nullptr);
  series_.push_back(std::move(series));
}

double MetricsScrape::Value(std::string_view name, const Labels& labels) const {
  double sum = 0;
  for (const Series& series : series_) {
    if (series.name == name && Includes(series.labels, labels)) sum += series.value;
  }
  return sum;
}

bool MetricsScrape::Has(std::string_view name, const Labels& labels) const {
  return std::ranges::any_of(series_, [&](const Series& series) {
    return series.name == name && Includes(series.labels, labels);
  });
}

}  // namespace holdfast::support
