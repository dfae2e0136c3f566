#ifndef HOLDFAST_METRICS_PROCESS_STATS_H_
#define HOLDFAST_METRICS_PROCESS_STATS_H_

#include <string>

#include "metrics/sums.h"

namespace holdfast::metrics {

// Reports the process_* metrics of this process, read from proc(5) at each scrape. A value that
// cannot be read (no /proc in a container, a limit that is "unlimited") is left out rather than
// reported as zero. `proc` is where procfs is mounted.
Collector ProcessCollector(std::string proc = "/proc");

}  // namespace holdfast::metrics

#endif  // HOLDFAST_METRICS_PROCESS_STATS_H_
