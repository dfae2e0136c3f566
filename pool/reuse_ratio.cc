#include "pool/reuse_ratio.h"

#include <cstdint>
#include <map>
#include <string>

#include "pool/reasons.h"

namespace holdfast::pool {

using metrics::Metric;

void AddReuseRatios(metrics::Sums& sums) {
  struct Count {
    uint64_t kept = 0;
    uint64_t all = 0;
  };
  std::map<std::string, Count> counts;
  for (const auto& [labels, value] : sums.Of<metrics::Counter>(Metric::kUpstreamCheckoutsTotal)) {
    const std::string& result = labels[1];
    const bool kept = result == CheckoutResultName(CheckoutResult::kReused) ||
                      result == CheckoutResultName(CheckoutResult::kShared) ||
                      result == CheckoutResultName(CheckoutResult::kTied);
    if (!kept && result != CheckoutResultName(CheckoutResult::kFresh)) continue;
    Count& count = counts[labels[0]];
    count.all += value;
    if (kept) count.kept += value;
  }
  constexpr double kWhole = 1e6;
  for (const auto& [upstream, count] : counts) {
    if (count.all == 0) continue;
    const double ratio = static_cast<double>(count.kept) / static_cast<double>(count.all);
    sums.Add<metrics::Gauge>(Metric::kUpstreamReuseRatio, {upstream},
                             static_cast<int64_t>(ratio * kWhole));
  }
}

}  // namespace holdfast::pool
