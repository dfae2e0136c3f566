#include "gateway/proxy/attempts.h"

#include <algorithm>

#include "pool/net/check.h"

namespace holdfast::proxy {
namespace {

// Doublings after which any back-off has reached its maximum (10 attempts are the most there are).
constexpr uint32_t kMaxDoublings = 10;

bool IsStaleRetry(RetryDecision decision) {
  return decision == RetryDecision::kRetryUnwritten || decision == RetryDecision::kRetryProven ||
         decision == RetryDecision::kRetryIdempotent;
}

}  // namespace

bool Attempts::MayByPolicy(bool idempotent) const {
  if (made_ >= policy_->attempts) return false;
  return (policy_->reset && idempotent) || policy_->unprocessed || policy_->gateway_error ||
         policy_->first_byte_timeout || !policy_->statuses.empty();
}

void Attempts::NoteFailed(const pool::SocketAddress& endpoint) {
  if (tried_.size() == kMaxTried || std::ranges::find(tried_, endpoint) != tried_.end()) return;
  tried_.push_back(endpoint);
}

bool Attempts::Permit(RetryDecision decision, pool::Cluster& cluster) {
  if (FreeOfBudget(decision) || permit_.held()) return true;
  permit_ = cluster.TakeRetryPermit();
  return permit_.held();
}

pool::Duration Attempts::NextPause(RetryDecision decision, size_t endpoints, pool::Random* random) {
  searching_ = decision == RetryDecision::kRetryNextEndpoint;
  if (searching_) return pool::Duration::zero();
  search_began_.reset();
  if (IsStaleRetry(decision) && !stale_retry_made_) {
    stale_retry_made_ = true;
    return pool::Duration::zero();
  }
  const bool returned = decision == RetryDecision::kRetryReturned;
  HOLDFAST_CHECK(returned || made_ < policy_->attempts);
  const uint32_t made = returned ? ++returns_made_ : ++made_;
  const bool nowhere_else =
      decision == RetryDecision::kRetryConnectFailure && endpoints <= tried_.size();
  if (made == 1 && !nowhere_else) return pool::Duration::zero();
  pool::Duration pause = policy_->backoff;
  for (uint32_t i = 2; i < made && i < kMaxDoublings && pause < policy_->max_backoff; ++i) {
    pause *= 2;
  }
  pause = std::min(pause, policy_->max_backoff);
  constexpr int kSteps = 1000;
  return pause - pause / (2 * kSteps) * random->Below(kSteps + 1);
}

void Attempts::ForgetTried() {
  tried_.clear();
  tried_.shrink_to_fit();  // Exchanges at rest hold no memory for what went wrong once.
}

}  // namespace holdfast::proxy
