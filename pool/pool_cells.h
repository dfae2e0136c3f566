#ifndef HOLDFAST_POOL_POOL_CELLS_H_
#define HOLDFAST_POOL_POOL_CELLS_H_

#include <array>
#include <cstdint>
#include <string_view>

#include "metrics/cell.h"
#include "metrics/shard.h"
#include "pool/net/check.h"
#include "pool/reasons.h"

namespace holdfast::pool {

// One upstream's cells in one worker's shard, looked up once.
class PoolCells {
 public:
  PoolCells(metrics::Shard* shard, std::string_view upstream);

  metrics::Counter& checkout(CheckoutResult result) { return *checkouts_[Index(result)]; }
  metrics::Counter& opened(OpenReason reason) { return *opened_[Index(reason)]; }
  // Not kNone: a kept connection is not closed.
  metrics::Counter& closed(CloseReason reason) {
    HOLDFAST_CHECK(reason != CloseReason::kNone);
    return *closed_[Index(reason)];
  }

  metrics::Gauge& idle;
  metrics::Gauge& busy;
  metrics::Gauge& connecting;
  metrics::Gauge& waiters;

 private:
  template <class Enum>
  static size_t Index(Enum value) {
    return static_cast<size_t>(value);
  }

  std::array<metrics::Counter*, kCheckoutResults> checkouts_;
  std::array<metrics::Counter*, kOpenReasons> opened_;
  std::array<metrics::Counter*, kCloseReasons> closed_{};  // kNone has none
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_POOL_CELLS_H_
