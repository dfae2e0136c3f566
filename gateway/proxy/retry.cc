#include "gateway/proxy/retry.h"

#include "pool/net/check.h"

namespace holdfast::proxy {
namespace {

using stream::Evidence;

// What the upstream is known to have done, as far as it is still waited for.
Evidence EvidenceNow(const RetryFacts& facts) {
  const bool given_up = facts.evidence == Evidence::kPending && facts.patience_over;
  return given_up ? Evidence::kUnknown : facts.evidence;
}

bool ResponseBegun(const RetryFacts& facts) { return facts.evidence == Evidence::kProcessed; }

// A kept connection that has served before died under the request: the peer closed it while it was
// idle, most likely, which says nothing against the endpoint.
RetryDecision DecideStale(const RetryFacts& facts) {
  if (facts.nothing_written) return RetryDecision::kRetryUnwritten;
  const Evidence evidence = EvidenceNow(facts);
  if (evidence == Evidence::kUnprocessed) return RetryDecision::kRetryProven;
  if (facts.idempotent) return RetryDecision::kRetryIdempotent;
  return evidence == Evidence::kPending ? RetryDecision::kAwaitProof : RetryDecision::kNotProven;
}

// Not one byte of the request has left: to ask the next endpoint repeats nothing.
bool MayAskNext(const RetryFacts& facts) {
  if (!facts.untried || ResponseBegun(facts)) return false;
  const bool broken = facts.end == AttemptEnd::kClosed || facts.end == AttemptEnd::kReset;
  return facts.end == AttemptEnd::kNoConnection || facts.end == AttemptEnd::kRefused ||
         (broken && facts.nothing_written);
}

RetryDecision DecideBroken(const RetryFacts& facts) {
  const config::RetryPolicy& policy = *facts.policy;
  if (policy.reset && facts.idempotent && facts.elsewhere) return RetryDecision::kRetryReset;
  if (!policy.unprocessed && !policy.gateway_error) return RetryDecision::kNotInPolicy;
  if (policy.gateway_error && facts.idempotent) return RetryDecision::kRetryGatewayError;
  if (!policy.unprocessed) return RetryDecision::kNotIdempotent;
  switch (EvidenceNow(facts)) {
    case Evidence::kUnprocessed: return RetryDecision::kRetryRefused;
    case Evidence::kPending: return RetryDecision::kAwaitProof;
    case Evidence::kUnknown:
    case Evidence::kProcessed: return RetryDecision::kNotProven;
  }
  HOLDFAST_CHECK(false);
}

RetryDecision IfIdempotent(const RetryFacts& facts, RetryDecision decision) {
  return facts.idempotent ? decision : RetryDecision::kNotIdempotent;
}

RetryDecision DecideByPolicy(const RetryFacts& facts) {
  const config::RetryPolicy& policy = *facts.policy;
  switch (facts.end) {
    case AttemptEnd::kNoConnection:
      return policy.connect_failure ? RetryDecision::kRetryConnectFailure
                                    : RetryDecision::kNotInPolicy;
    case AttemptEnd::kRefused: return RetryDecision::kNotInPolicy;
    case AttemptEnd::kClosed:
    case AttemptEnd::kReset:
      if (facts.nothing_written && policy.connect_failure) return RetryDecision::kRetryUnwritten;
      return DecideBroken(facts);
    case AttemptEnd::kFirstByteTimeout:
      if (!policy.first_byte_timeout) return RetryDecision::kNotInPolicy;
      return IfIdempotent(facts, RetryDecision::kRetryFirstByteTimeout);
    case AttemptEnd::kStatus:
      // Whoever names a status says that such calls may be made again.
      if (PolicyCoversGrpcStatus(policy, facts.status.grpc)) return RetryDecision::kRetryGrpcStatus;
      if (!PolicyCoversStatus(policy, facts.status.http)) return RetryDecision::kNotInPolicy;
      return IfIdempotent(facts, policy.gateway_error && IsGatewayError(facts.status.http)
                                     ? RetryDecision::kRetryGatewayError
                                     : RetryDecision::kRetryStatus);
  }
  HOLDFAST_CHECK(false);
}

}  // namespace

std::string_view RetryDecisionName(RetryDecision decision) {
  switch (decision) {
    case RetryDecision::kRetryUnwritten: return "retry_unwritten";
    case RetryDecision::kRetryProven: return "retry_proven";
    case RetryDecision::kRetryIdempotent: return "retry_idempotent";
    case RetryDecision::kRetryReturned: return "retry_returned";
    case RetryDecision::kRetryNextEndpoint: return "retry_next_endpoint";
    case RetryDecision::kRetryConnectFailure: return "retry_connect_failure";
    case RetryDecision::kRetryRefused: return "retry_refused";
    case RetryDecision::kRetryReset: return "retry_reset";
    case RetryDecision::kRetryGatewayError: return "retry_gateway_error";
    case RetryDecision::kRetryStatus: return "retry_status";
    case RetryDecision::kRetryGrpcStatus: return "retry_grpc_status";
    case RetryDecision::kRetryFirstByteTimeout: return "retry_first_byte_timeout";
    case RetryDecision::kAwaitProof: return "await_proof";
    case RetryDecision::kSwitchedOff: return "switched_off";
    case RetryDecision::kAttemptsUsed: return "attempts_used";
    case RetryDecision::kNotInPolicy: return "not_in_policy";
    case RetryDecision::kResponseBegun: return "response_begun";
    case RetryDecision::kNotReplayable: return "not_replayable";
    case RetryDecision::kNotProven: return "not_proven";
    case RetryDecision::kNotIdempotent: return "not_idempotent";
    case RetryDecision::kBudgetExhausted: return "budget_exhausted";
    case RetryDecision::kNoTimeLeft: return "no_time_left";
  }
  HOLDFAST_CHECK(false);
}

bool IsRetry(RetryDecision decision) { return decision < RetryDecision::kAwaitProof; }

bool FreeOfBudget(RetryDecision decision) {
  return decision <= RetryDecision::kRetryConnectFailure;
}

RetryDecision DecideRetry(const RetryFacts& facts) {
  const bool switched_off = facts.policy == nullptr || facts.policy->attempts == 0;
  const bool broken = facts.end == AttemptEnd::kClosed || facts.end == AttemptEnd::kReset;
  if (broken && facts.returned && !switched_off && facts.returns_made < kMaxReturns) {
    return facts.replayable ? RetryDecision::kRetryReturned : RetryDecision::kNotReplayable;
  }
  const bool stale = broken && !facts.returned && facts.reused_connection &&
                     !facts.stale_retry_made && !switched_off;
  if (!stale && MayAskNext(facts)) {
    return facts.replayable ? RetryDecision::kRetryNextEndpoint : RetryDecision::kNotReplayable;
  }
  if (switched_off) return RetryDecision::kSwitchedOff;
  const bool answered = facts.end == AttemptEnd::kStatus;
  if (ResponseBegun(facts) && !answered) return RetryDecision::kResponseBegun;
  const RetryDecision decision = stale ? DecideStale(facts) : DecideByPolicy(facts);
  if (!IsRetry(decision) && decision != RetryDecision::kAwaitProof) return decision;
  if (!stale && facts.attempts_made >= facts.policy->attempts) return RetryDecision::kAttemptsUsed;
  return facts.replayable ? decision : RetryDecision::kNotReplayable;
}

}  // namespace holdfast::proxy
