#ifndef HOLDFAST_GATEWAY_PROXY_RETRY_H_
#define HOLDFAST_GATEWAY_PROXY_RETRY_H_

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "gateway/config/config.h"
#include "gateway/proxy/failure.h"
#include "gateway/stream/stream.h"

namespace holdfast::proxy {

// Whether a request is sent once more, and on what ground. Names are metric label values, the
// access log's `retry`, and what an error response says; kAwaitProof alone has no name there,
// because another decision always follows it.
enum class RetryDecision : uint8_t {
  // A kept connection turned out dead. Once for each request, beyond the route's attempts.
  // kRetryUnwritten may be said of a new connection, too, and then spends one of the attempts.
  kRetryUnwritten,   // not one byte of the request had left
  kRetryProven,      // the upstream has read none of it
  kRetryIdempotent,  // doing it twice does no harm (RFC 9110 section 9.2.2)
  // The upstream has given it back unprocessed, in so many words (RFC 9113 section 8.7): some times
  // for each request, beyond the route's attempts.
  kRetryReturned,
  // No connection could be had there, or it was gone before one byte had left: the search goes on
  // at an endpoint that was not asked yet, whatever the route's policy is.
  kRetryNextEndpoint,
  // The route's policy.
  kRetryConnectFailure,
  kRetryRefused,
  kRetryReset,
  kRetryGatewayError,
  kRetryStatus,
  kRetryGrpcStatus,
  kRetryFirstByteTimeout,
  // Not decided: whether it was read will be known shortly.
  kAwaitProof,
  // It is not sent again.
  kSwitchedOff,      // the route allows no attempts
  kAttemptsUsed,     // it has been repeated as often as the route allows
  kNotInPolicy,      // the route repeats other failures
  kResponseBegun,    // bytes of a response have arrived
  kNotReplayable,    // the body is no longer at hand
  kNotProven,        // the upstream may have acted on it when the connection died
  kNotIdempotent,    // the upstream may have acted on it otherwise
  kBudgetExhausted,  // too many requests are being repeated already
  kNoTimeLeft,       // the route's total time would be over first
};
inline constexpr int kRetryDecisions = 22;
std::string_view RetryDecisionName(RetryDecision decision);
bool IsRetry(RetryDecision decision);
// The repetition adds no load to the upstream: it replaces a request that it has not seen, or that
// was lost with one kept connection. The retry budget is not asked.
bool FreeOfBudget(RetryDecision decision);

// A peer that gives the same request back more often does not want it.
inline constexpr uint32_t kMaxReturns = 3;

// How an attempt ended that brought no response, or not the one that was hoped for.
enum class AttemptEnd : uint8_t {
  kNoConnection,
  // No connection, either, but the endpoint would refuse one again. What was sent it has not read.
  kRefused,
  kClosed,  // the connection's orderly end
  kReset,
  kFirstByteTimeout,
  kStatus,
};

// The defaults are those of a fact that was forgotten: it never makes a repetition.
struct RetryFacts {
  AttemptEnd end = AttemptEnd::kReset;
  const config::RetryPolicy* policy = nullptr;
  AnswerStatus status;         // with kStatus
  uint32_t attempts_made = 0;  // of the policy's
  bool stale_retry_made = false;
  bool returned = false;      // the upstream says that it has not processed it and will not
  uint32_t returns_made = 0;  // repetitions for that
  bool reused_connection = false;
  bool nothing_written = false;  // not one byte of the request left this process
  // Whether the upstream has acted on it; http1/client_stream.h says what proves that it has not.
  stream::Evidence evidence = stream::Evidence::kUnknown;
  bool patience_over = false;  // evidence that is pending has been waited for long enough
  bool elsewhere = false;      // an endpoint may be asked that has not failed this request
  // So it is, any endpoint counted, and the search for a connection may go on.
  bool untried = false;
  bool idempotent = false;
  bool replayable = false;  // every byte of the request sent so far is still at hand
};

// Pure.
RetryDecision DecideRetry(const RetryFacts& facts);

inline bool PolicyCoversStatus(const config::RetryPolicy& policy, int status) {
  if (policy.gateway_error && IsGatewayError(status)) return true;
  return !policy.statuses.empty() &&
         std::ranges::find(policy.statuses, status) != policy.statuses.end();
}
inline bool PolicyCoversGrpcStatus(const config::RetryPolicy& policy,
                                   std::optional<grpc::Status> status) {
  return status.has_value() && !policy.grpc_statuses.empty() &&
         std::ranges::find(policy.grpc_statuses, *status) != policy.grpc_statuses.end();
}
// Whether an answer is to be replaced by another attempt's, if that can be done.
inline bool PolicyCovers(const config::RetryPolicy& policy, const AnswerStatus& status) {
  return PolicyCoversStatus(policy, status.http) || PolicyCoversGrpcStatus(policy, status.grpc);
}

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_RETRY_H_
