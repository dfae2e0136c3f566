#ifndef HOLDFAST_POOL_REUSE_RATIO_H_
#define HOLDFAST_POOL_REUSE_RATIO_H_

#include "metrics/sums.h"

namespace holdfast::pool {

// Adds each upstream's reuse ratio to what a scrape has summed up: the share of kept connections,
// of the request's own worker or of another, among the connections that requests got. An upstream
// without requests has no ratio.
void AddReuseRatios(metrics::Sums& sums);

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_REUSE_RATIO_H_
