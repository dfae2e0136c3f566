#ifndef HOLDFAST_POOL_REUSE_RATIO_H_
#define HOLDFAST_POOL_REUSE_RATIO_H_

#include "metrics/sums.h"

namespace holdfast::pool {

// Adds each upstream's reuse ratio to what a scrape has summed up: of the requests that were given
// a connection, those that got a kept one, of their own worker or of another. Without any there is
// no ratio.
void AddReuseRatios(metrics::Sums& sums);

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_REUSE_RATIO_H_
