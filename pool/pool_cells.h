#ifndef HOLDFAST_POOL_POOL_CELLS_H_
#define HOLDFAST_POOL_POOL_CELLS_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "metrics/cell.h"
#include "metrics/histogram.h"
#include "metrics/shard.h"
#include "pool/net/check.h"
#include "pool/net/event_loop.h"
#include "pool/reasons.h"

namespace holdfast::pool {

// The most upstreams that a configuration may have.
inline constexpr size_t kMaxUpstreams = 4096;
// Each of the words below has a series per upstream; they all fit into a family.
static_assert(kMaxUpstreams * std::max({kCheckoutResults, kOpenReasons, kCloseReasons}) <
              metrics::kMaxSeriesPerFamily);

// One upstream's cells in one worker's shard, each looked up once. A word gets its cell when it is
// first used, because most upstreams never use most words. The worker's thread.
class PoolCells {
 public:
  // `loop`: the one whose thread may use them (asserted); null: nobody looks.
  PoolCells(metrics::Shard* shard, std::string_view upstream, const EventLoop* loop = nullptr);

  metrics::Counter& checkout(CheckoutResult result) {
    AssertThread();
    metrics::Counter* cell = checkouts_[Index(result)];
    return cell != nullptr ? *cell : NewCheckout(result);
  }
  metrics::Counter& opened(OpenReason reason) {
    AssertThread();
    metrics::Counter* cell = opened_[Index(reason)];
    return cell != nullptr ? *cell : NewOpened(reason);
  }
  // Not kNone: a kept connection is not closed.
  metrics::Counter& closed(CloseReason reason) {
    AssertThread();
    HOLDFAST_CHECK(reason != CloseReason::kNone);
    metrics::Counter* cell = closed_[Index(reason)];
    return cell != nullptr ? *cell : NewClosed(reason);
  }

  // What is observed of many requests or connections, each made when it is first needed.
  metrics::Histogram& first_byte() { return HistogramOf(kFirstByte); }
  metrics::Histogram& connect() { return HistogramOf(kConnect); }
  metrics::Histogram& queue() { return HistogramOf(kQueue); }
  metrics::Histogram& requests() { return HistogramOf(kRequests); }  // of a connection

  metrics::Gauge& idle;
  metrics::Gauge& leased;   // the label says "busy"
  metrics::Gauge& streams;  // leases
  metrics::Gauge& connecting;
  metrics::Gauge& waiters;

 private:
  enum HistogramPlace : uint8_t { kFirstByte, kConnect, kQueue, kRequests };
  static constexpr size_t kHistograms = 4;

  template <class Enum>
  static size_t Index(Enum value) {
    return static_cast<size_t>(value);
  }

  void AssertThread() const {
    if (loop_ != nullptr) loop_->AssertInLoop();
  }

  // Asserts the thread when it makes one only: each request comes here.
  metrics::Histogram& HistogramOf(HistogramPlace place) {
    metrics::Histogram* cell = histograms_[place];
    return cell != nullptr ? *cell : NewHistogram(place);
  }

  metrics::Histogram& NewHistogram(HistogramPlace place);
  metrics::Counter& NewCheckout(CheckoutResult result);
  metrics::Counter& NewOpened(OpenReason reason);
  metrics::Counter& NewClosed(CloseReason reason);

  const EventLoop* loop_;
  metrics::Shard* shard_;
  const std::string upstream_;
  const metrics::Claim claim_;
  std::array<metrics::Histogram*, kHistograms> histograms_{};
  std::array<metrics::Counter*, kCheckoutResults> checkouts_{};
  std::array<metrics::Counter*, kOpenReasons> opened_{};
  std::array<metrics::Counter*, kCloseReasons> closed_{};  // kNone has none
};

// A collector that reports zero for each word that was not used yet, so that its first use shows as
// a rise. With more upstreams than kMaxUpstreamsWithZeros it reports nothing: a scrape of a million
// zeros helps nobody.
inline constexpr size_t kMaxUpstreamsWithZeros = 512;
void AddUnusedWords(metrics::Sums& sums);

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_POOL_CELLS_H_
