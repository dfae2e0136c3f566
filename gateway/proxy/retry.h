#ifndef HOLDFAST_GATEWAY_PROXY_RETRY_H_
#define HOLDFAST_GATEWAY_PROXY_RETRY_H_

#include <cstdint>
#include <string_view>

namespace holdfast::proxy {

// Whether a request is sent once more. Names are metric label values.
enum class RetryDecision : uint8_t {
  kRetry,
  kAttemptsUsed,     // it has been repeated as often as the route allows
  kResponseBegun,    // bytes of a response have arrived
  kFreshConnection,  // the connection was new: its death says something about the upstream
  kNotReplayable,    // the body is no longer at hand
  kNotIdempotent,    // the upstream may have acted on it (RFC 9110 section 9.2.2)
};
inline constexpr int kRetryDecisions = 6;
std::string_view RetryDecisionName(RetryDecision decision);

struct RetryFacts {
  uint32_t attempts_left = 0;
  bool response_begun = false;
  bool reused_connection = false;
  bool nothing_written = false;  // not one byte of the request left this process
  bool idempotent = false;
  bool replayable = false;  // every byte of the request sent so far is still at hand
};

// For a connection that died before the response began. Pure.
RetryDecision DecideRetry(const RetryFacts& facts);

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_RETRY_H_
