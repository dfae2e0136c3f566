#ifndef HOLDFAST_GATEWAY_PROXY_FAILURE_H_
#define HOLDFAST_GATEWAY_PROXY_FAILURE_H_

#include <cstdint>
#include <string_view>

#include "pool/pool_cells.h"

namespace holdfast::proxy {

// Why an exchange did not go as asked. The names are metric label values, the access log's
// `reason`, and what an error response says.
enum class Failure : uint8_t {
  kNone,
  // The request never met an upstream.
  kRefusedFraming,
  kNoRoute,
  kMethodNotAllowed,
  kUnsupportedMethod,
  kUnknownExpectation,
  kBodyTooLarge,
  kHeadTimeout,
  // No connection could be had.
  kNoEndpoint,
  kQueueFull,
  kQueueTimeout,
  kConnectRefused,
  kConnectTimeout,
  kConnectFailed,
  kNoDescriptors,
  // The upstream failed.
  kUpstreamClosed,  // the end came before any byte of a response
  kUpstreamReset,
  kUpstreamBadResponse,  // it broke the framing rules
  kUpstreamTruncated,    // the response broke off
  kFirstByteTimeout,
  kStallTimeout,
  kTotalTimeout,
  // The client failed.
  kClientGone,
  kClientBodyTimeout,
  kClientBodyBroken,
  kShutdown,  // cut off at the drain's deadline
};
inline constexpr int kFailures = 26;

std::string_view FailureName(Failure failure);
// The response's status when none has been sent yet; 0 when no response makes sense.
int FailureStatus(Failure failure);
// True for those that count against the upstream.
bool BlamesUpstream(Failure failure);
Failure FailureOf(pool::CheckoutResult result);

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_FAILURE_H_
