#ifndef HOLDFAST_GATEWAY_PROXY_FAILURE_H_
#define HOLDFAST_GATEWAY_PROXY_FAILURE_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "pool/cluster.h"

namespace holdfast::proxy {

// Why an exchange did not go as asked. The names are metric label values, the access log's
// `reason`, and what an error response says.
enum class Failure : uint8_t {
  kNone,
  // The request never met an upstream.
  kRefusedFraming,
  kAmbiguousPath,  // readers would take the path for different ones
  kNoRoute,
  kMethodNotAllowed,
  kUnsupportedMethod,
  kUnknownExpectation,
  kBodyTooLarge,
  kHeadTimeout,
  kLoopDetected,
  kMisdirected,  // the host has another way to check clients than the one of the connection
  // No connection could be had.
  kNoEndpoint,
  kQueueFull,
  kQueueTimeout,
  kConnectRefused,
  kConnectTimeout,
  kConnectUnreachable,
  kConnectFailed,
  kTlsFailed,
  kNoDescriptors,
  kNoLocalPort,
  kNoMemory,
  kBreakerOpen,  // the upstream has as much as it may
  // The upstream failed.
  kUpstreamClosed,  // the end came before any byte of a response
  kUpstreamReset,
  kUpstreamHeadTruncated,  // the end or a reset came after part of a response's head
  kUpstreamBadResponse,    // it broke the framing rules
  kUpstreamTruncated,      // the response broke off
  kFirstByteTimeout,
  kStallTimeout,
  kTotalTimeout,
  // The client failed.
  kClientGone,
  kClientBodyTimeout,
  kClientBodyBroken,
  kShutdown,  // cut off at the drain's deadline
};
inline constexpr int kFailures = 35;

std::string_view FailureName(Failure failure);
// The response's status when none has been sent yet; 0 when no response makes sense.
int FailureStatus(Failure failure);
// Whether the failure counts against the upstream.
bool BlamesUpstream(Failure failure);
Failure FailureOf(pool::CheckoutResult result);

// 502, 503 or 504: the endpoint, or something behind it, could not serve the request.
constexpr bool IsGatewayError(int status) { return status >= 502 && status <= 504; }
// What a failure says about the endpoint that had the request; nullopt: nothing.
std::optional<pool::Outcome> OutcomeOf(Failure failure);
// What an answer with this status says about it.
constexpr pool::Outcome OutcomeOfStatus(int status) {
  switch (status) {
    case 502: return pool::Outcome::kStatus502;
    case 503: return pool::Outcome::kStatus503;
    case 504: return pool::Outcome::kStatus504;
    default: return pool::Outcome::kAnswered;
  }
}

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_FAILURE_H_
