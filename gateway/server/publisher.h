#ifndef HOLDFAST_GATEWAY_SERVER_PUBLISHER_H_
#define HOLDFAST_GATEWAY_SERVER_PUBLISHER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gateway/acme/challenges.h"
#include "gateway/route/snapshot.h"
#include "gateway/server/listener_set.h"
#include "gateway/server/worker_set.h"
#include "pool/endpoint.h"

namespace holdfast::server {

// Door 2: what the main thread has decided goes to every worker by mail, in the order in which it
// was published. A snapshot goes with the sockets and endpoints that it needs, so that a worker can
// serve as soon as it has the letter.
//
// Main thread; owned by the server. What is given to it outlives it, and so does the main loop's
// mailbox.
class Publisher {
 public:
  // By an upstream's name.
  using EndpointsOf = std::function<pool::EndpointSet(const std::string& upstream)>;
  // Main thread, from the loop: every worker has adopted the publication with this number and
  // closed the sockets of listeners that it does not have.
  using OnAdopted = std::function<void(uint64_t publication)>;

  Publisher(MainContext* main, WorkerSet* workers, EndpointsOf endpoints_of, OnAdopted on_adopted);
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  // The number of the publication that comes next; they count from 1.
  uint64_t next() const { return publications_ + 1; }
  // `bound` has the sockets of the listeners that the workers have not yet; they are spread over
  // the workers, and each has at least one.
  void Publish(std::shared_ptr<const route::Snapshot> snapshot, const WorkerShares& shares,
               const tls::TicketKeySets& ticket_keys, BoundListeners bound);
  // The keys of session tickets from now on.
  void PublishTicketKeys(const tls::TicketKeySets& keys);
  // What is answered to authorities from now on; null: nothing. `known`, unless it is null, is
  // called on this thread, from the loop, once every worker does.
  void PublishChallenges(std::shared_ptr<const acme::Challenges> challenges,
                         std::function<void()> known);
  // An upstream's endpoints from now on.
  void PublishEndpoints(const std::string& upstream, const pool::EndpointSet& endpoints);

  // Published last; null: nothing yet.
  const route::Snapshot* snapshot() const { return snapshot_.get(); }
  // Of that; there has to be one.
  const config::Config& config() const { return snapshot_->config(); }
  const tls::TlsPlan& tls() const { return snapshot_->tls(); }

 private:
  MainContext* main_;
  WorkerSet* workers_;
  EndpointsOf endpoints_of_;
  OnAdopted on_adopted_;
  std::shared_ptr<const route::Snapshot> snapshot_;
  std::vector<tls::TlsContexts> contexts_;  // what each worker has, or is about to get
  uint64_t publications_ = 0;
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_PUBLISHER_H_
