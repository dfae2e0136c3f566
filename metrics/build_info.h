#ifndef HOLDFAST_METRICS_BUILD_INFO_H_
#define HOLDFAST_METRICS_BUILD_INFO_H_

#include <string>
#include <string_view>

#include "metrics/sums.h"

namespace holdfast::metrics {

// Name and version of the compiler that built this, such as "gcc 12.2.0".
std::string_view CompilerName();

// Reports holdfast_build_info.
Collector BuildInfoCollector(std::string version, std::string commit);

}  // namespace holdfast::metrics

#endif  // HOLDFAST_METRICS_BUILD_INFO_H_
