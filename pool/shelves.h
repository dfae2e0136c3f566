#ifndef HOLDFAST_POOL_SHELVES_H_
#define HOLDFAST_POOL_SHELVES_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include <absl/container/flat_hash_map.h>

#include "metrics/sums.h"
#include "pool/bounded_count.h"
#include "pool/endpoint_key.h"
#include "pool/endpoint_series.h"
#include "pool/net/clock.h"
#include "pool/shelf.h"
#include "pool/upstream_totals.h"

namespace holdfast::pool {

// Door 4: the shelves of the process, by endpoint, and its totals by upstream. Any thread; asked
// when a pool or a cluster is made.
class Shelves {
 public:
  // Endpoints that have left keep their metric series for so long.
  explicit Shelves(size_t workers, Duration keep_series = EndpointSeries::kKeepFor)
      : workers_(workers), keep_series_(keep_series) {}

  // Made when it is asked for first; gone with the last who holds it.
  std::shared_ptr<Shelf> For(const EndpointKey& key);
  std::shared_ptr<UpstreamTotals> TotalsOf(const std::string& upstream);
  // Changes whenever the upstream has had requests; 0 for one that nobody uses.
  uint64_t RequestsOf(const std::string& upstream);
  // Of idle connections over all endpoints.
  void SetIdleLimit(size_t limit) { idle_->SetLimit(limit); }
  // Of connections over all endpoints, whatever the caps add up to.
  void SetConnectionLimit(size_t limit) { connections_->SetLimit(limit); }
  size_t idle_places() const { return idle_->taken(); }
  // What is known of each upstream and its endpoints, for a scrape at that time.
  void AddTo(TimePoint now, metrics::Sums& sums);
  // What metrics call an endpoint of the upstream: `other` unless it has series of its own
  // (endpoint_series.h). As the last AddTo has it.
  std::string LabelOf(const std::string& upstream, const SocketAddress& endpoint);

 private:
  // Beyond so many endpoints there are no series of answers that never came.
  static constexpr size_t kMaxEndpointsWithZeros = 1000;

  // These are called under mutex_.
  std::shared_ptr<UpstreamTotals> LockedTotalsOf(const std::string& upstream);
  void AddEndpoints(TimePoint now, metrics::Sums& sums);

  const size_t workers_;
  const Duration keep_series_;
  // The process's places for idle connections: a share of its descriptors.
  const std::shared_ptr<BoundedCount> idle_ = std::make_shared<BoundedCount>();
  // Its places for connections, idle ones among them.
  const std::shared_ptr<BoundedCount> connections_ = std::make_shared<BoundedCount>();
  std::mutex mutex_;
  // Under mutex_.
  absl::flat_hash_map<EndpointKey, std::weak_ptr<Shelf>> shelves_;
  std::map<std::string, std::weak_ptr<UpstreamTotals>> totals_;
  std::map<std::string, EndpointSeries> series_;  // by upstream
  size_t shelves_swept_at_ = 0;
  size_t totals_swept_at_ = 0;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_SHELVES_H_
