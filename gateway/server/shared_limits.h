#ifndef HOLDFAST_GATEWAY_SERVER_SHARED_LIMITS_H_
#define HOLDFAST_GATEWAY_SERVER_SHARED_LIMITS_H_

#include <memory>
#include <vector>

#include "gateway/route/snapshot.h"
#include "gateway/server/main_context.h"
#include "gateway/server/redis_link.h"
#include "metrics/sums.h"

namespace holdfast::server {

// The links to each Redis by which routes share their rate limits; none where no route does. A link
// is kept over reloads while its settings stay.
//
// Main thread; owned by the server; `main` outlives it. Destruction closes the links.
class SharedLimits {
 public:
  explicit SharedLimits(MainContext* main) : main_(main) {}
  SharedLimits(const SharedLimits&) = delete;
  SharedLimits& operator=(const SharedLimits&) = delete;

  // What the limits of a snapshot's routes need, from now on.
  void Adopt(const route::Snapshot& snapshot);

  // Adds which Redis is there, at the moment of a scrape.
  void AddTo(metrics::Sums& sums) const;

  size_t links() const { return links_.size(); }

 private:
  RedisLink* LinkFor(const policy::SharedLimit& shared);

  MainContext* main_;
  config::Dns dns_;                                // how names are looked up
  std::vector<std::unique_ptr<RedisLink>> links_;  // at most kMaxSharedLinks
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_SHARED_LIMITS_H_
