#include "metrics/build_info.h"

#include <utility>

namespace holdfast::metrics {

std::string_view CompilerName() {
#if defined(__clang__)
  return "clang " __clang_version__;
#else
  return "gcc " __VERSION__;
#endif
}

Collector BuildInfoCollector(std::string version, std::string commit) {
  LabelValues labels = {std::move(version), std::move(commit), std::string(CompilerName())};
  return
      [labels = std::move(labels)](Sums& sums) { sums.Add<Gauge>(Metric::kBuildInfo, labels, 1); };
}

}  // namespace holdfast::metrics
