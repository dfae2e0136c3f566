#ifndef HOLDFAST_POOL_POOL_CELLS_H_
#define HOLDFAST_POOL_POOL_CELLS_H_

#include <array>
#include <cstdint>
#include <string_view>

#include "metrics/cell.h"
#include "metrics/shard.h"
#include "pool/net/check.h"
#include "pool/reuse.h"

namespace holdfast::pool {

// How a request for a connection ended. Names are metric label values.
enum class CheckoutResult : uint8_t {
  kReused,        // a connection that has served before
  kFresh,         // one that has not
  kQueueFull,     // too many requests wait already
  kQueueTimeout,  // waited too long
  kConnectRefused,
  kConnectTimeout,
  kConnectFailed,  // any other error of connect(2)
  kNoDescriptors,  // the process is out of file descriptors
  kNoEndpoint,     // the upstream has no address (yet)
  kCancelled,      // the request went away while it waited
};
inline constexpr int kCheckoutResults = 10;
std::string_view CheckoutResultName(CheckoutResult result);

// Why a connection was opened.
enum class OpenReason : uint8_t {
  kEmpty,    // the pool had no connection
  kAllBusy,  // every connection was leased or connecting
};
inline constexpr int kOpenReasons = 2;
std::string_view OpenReasonName(OpenReason reason);

// Why a connection that was not leased was closed; the ends of leases are ReuseDecisions.
enum class IdleEnd : uint8_t {
  kIdleTimeout,
  kIdlePeerClosed,
  kIdleBytes,    // the upstream spoke without being asked
  kIdleEvicted,  // a newer one needed its place
  kMaxAge,
  kDrained,  // the endpoint left, or the process stops
  kConnectFailed,
  kConnectTimeout,
};
inline constexpr int kIdleEnds = 8;
std::string_view IdleEndName(IdleEnd end);

// One upstream's cells in one worker's shard, looked up once.
class PoolCells {
 public:
  PoolCells(metrics::Shard* shard, std::string_view upstream);

  metrics::Counter& checkout(CheckoutResult result) { return *checkouts_[Index(result)]; }
  metrics::Counter& opened(OpenReason reason) { return *opened_[Index(reason)]; }
  metrics::Counter& closed(IdleEnd end) { return *idle_ends_[Index(end)]; }
  // Any refusal; a kept connection is not closed.
  metrics::Counter& closed(ReuseDecision refusal) {
    HOLDFAST_CHECK(refusal != ReuseDecision::kKeep);
    return *lease_ends_[Index(refusal)];
  }

  metrics::Gauge& idle;
  metrics::Gauge& busy;
  metrics::Gauge& connecting;
  metrics::Gauge& waiters;
  metrics::Gauge& endpoints;

 private:
  template <class Enum>
  static size_t Index(Enum value) {
    return static_cast<size_t>(value);
  }

  std::array<metrics::Counter*, kCheckoutResults> checkouts_;
  std::array<metrics::Counter*, kOpenReasons> opened_;
  std::array<metrics::Counter*, kIdleEnds> idle_ends_;
  std::array<metrics::Counter*, kReuseDecisions> lease_ends_{};  // kKeep has none
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_POOL_CELLS_H_
