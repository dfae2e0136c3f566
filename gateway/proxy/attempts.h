#ifndef HOLDFAST_GATEWAY_PROXY_ATTEMPTS_H_
#define HOLDFAST_GATEWAY_PROXY_ATTEMPTS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <absl/container/inlined_vector.h>

#include "gateway/config/config.h"
#include "gateway/proxy/retry.h"
#include "pool/cluster.h"
#include "pool/net/check.h"
#include "pool/net/clock.h"
#include "pool/net/random.h"
#include "pool/net/socket_address.h"

namespace holdfast::proxy {

// The attempts that one request has had: how often it was repeated and why, at which endpoints it
// failed, and how long it waits before the next attempt.
//
// A search for a connection goes from endpoint to endpoint until one takes it; that repeats
// nothing. A new search begins with every repetition.
//
//   attempts.Begin(route.retry);
//   attempts.BeginSearch(now);
//   ...
//   attempts.NoteFailed(endpoint);
//   if (attempts.Permit(decision, cluster)) WaitFor(attempts.NextPause(decision, ...));
//   ...
//   attempts.End();
//
// One thread. A member of its exchange, which calls End before the cluster may go.
class Attempts {
 public:
  // The most endpoints that are remembered, and so asked in one search.
  static constexpr size_t kMaxTried = 128;

  void Begin(const config::RetryPolicy& policy) {
    HOLDFAST_CHECK(!permit_.held());
    if (!tried_.empty()) ForgetTried();
    policy_ = &policy;
    search_began_.reset();
    searching_ = false;
    made_ = 0;
    stale_retry_made_ = false;
    returns_made_ = 0;
  }
  // Begins a search; no effect while one goes on.
  void BeginSearch(pool::TimePoint now) {
    if (!search_began_.has_value()) search_began_ = now;
  }
  // Whether a search goes on, in which no endpoint has taken a connection yet.
  bool searching() const { return searching_; }
  // Whether the search has room and time for another endpoint.
  bool MaySearchOn(pool::TimePoint now, pool::Duration connect_timeout) const {
    return tried_.size() < kMaxTried && now < search_began_.value_or(now) + connect_timeout;
  }
  // Whether anything that is sent now may have to be sent again.
  bool MaySendAgain(bool reused_connection, bool idempotent) const {
    if (policy_->attempts == 0) return false;
    return (reused_connection && !stale_retry_made_) || MayByPolicy(idempotent);
  }

  // So may a call of gRPC, for its status.
  bool MayByGrpcStatus() const {
    return made_ < policy_->attempts && !policy_->grpc_statuses.empty();
  }

  void NoteFailed(const pool::SocketAddress& endpoint);
  // Takes the right to make the decided repetition and keeps it until End. False: the budget says
  // no.
  bool Permit(RetryDecision decision, pool::Cluster& cluster);
  // Counts the repetition and says how long it waits. Going on to the next endpoint counts as none
  // and does not wait. The first repetition of its kind does not wait either, because it goes to
  // another endpoint or one that is alive. The next ones wait `backoff`, doubled each time up to
  // `max_backoff` and shortened by a random part of up to a half, so that many do not come back
  // together.
  pool::Duration NextPause(RetryDecision decision, size_t endpoints, pool::Random* random);
  void End() {
    permit_.Release();
    if (!tried_.empty()) ForgetTried();
  }

  std::span<const pool::SocketAddress> tried() const { return tried_; }
  // The repetitions by the policy, and whether there was one for a kept connection that was dead.
  uint32_t made() const { return made_; }
  bool stale_retry_made() const { return stale_retry_made_; }
  // Those for a request that was given back; there may be more.
  uint32_t returns_made() const { return returns_made_; }
  bool MayReturn() const { return policy_->attempts > 0 && returns_made_ < kMaxReturns; }

 private:
  bool MayByPolicy(bool idempotent) const;
  void ForgetTried();

  const config::RetryPolicy* policy_ = nullptr;
  pool::RetryPermit permit_;
  absl::InlinedVector<pool::SocketAddress, 4> tried_;
  std::optional<pool::TimePoint> search_began_;
  bool searching_ = false;
  uint32_t made_ = 0;
  bool stale_retry_made_ = false;
  uint32_t returns_made_ = 0;
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_ATTEMPTS_H_
