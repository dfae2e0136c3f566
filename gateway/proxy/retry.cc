#include "gateway/proxy/retry.h"

#include "pool/net/check.h"

namespace holdfast::proxy {

std::string_view RetryDecisionName(RetryDecision decision) {
  switch (decision) {
    case RetryDecision::kRetry: return "retry";
    case RetryDecision::kAttemptsUsed: return "attempts_used";
    case RetryDecision::kResponseBegun: return "response_begun";
    case RetryDecision::kFreshConnection: return "fresh_connection";
    case RetryDecision::kNotReplayable: return "not_replayable";
    case RetryDecision::kNotIdempotent: return "not_idempotent";
  }
  HOLDFAST_CHECK(false);
}

RetryDecision DecideRetry(const RetryFacts& facts) {
  if (facts.response_begun) return RetryDecision::kResponseBegun;
  if (facts.attempts_left == 0) return RetryDecision::kAttemptsUsed;
  if (!facts.replayable) return RetryDecision::kNotReplayable;
  if (facts.nothing_written) return RetryDecision::kRetry;
  if (!facts.reused_connection) return RetryDecision::kFreshConnection;
  if (!facts.idempotent) return RetryDecision::kNotIdempotent;
  return RetryDecision::kRetry;
}

}  // namespace holdfast::proxy
