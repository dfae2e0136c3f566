#ifndef HOLDFAST_GATEWAY_PROXY_FAILURE_H_
#define HOLDFAST_GATEWAY_PROXY_FAILURE_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "gateway/grpc/status.h"
#include "gateway/http/path_form.h"
#include "pool/cluster.h"

namespace holdfast::proxy {

// Why an exchange did not go as asked. The names are metric label values, the access log's
// `reason`, and what an error response says.
enum class Failure : uint8_t {
  kNone,
  // The request never met an upstream.
  kRefusedFraming,
  kAmbiguousPath,  // readers would take the path for different ones
  kEncodedSlash,   // the listener takes no path that has one
  kNoRoute,
  kMethodNotAllowed,
  kUnsupportedMethod,
  kUnknownExpectation,
  kBodyTooLarge,
  kHeadTimeout,
  kLoopDetected,
  kClientDenied,               // the route is not for clients of that network
  kRateLimited,                // the route has taken as many requests of theirs as it may
  kInFlightFull,               // ... has as many under way as may be, and as many that wait
  kInFlightTimeout,            // ... and none of those ended in time
  kUnauthorized,               // the route is for users with a password, and this is none of them
  kForwardAuthRefused,         // the service that is asked has said no
  kForwardAuthFailed,          // that service has said nothing that counts
  kAuthOverloaded,             // more passwords are to be checked than may wait
  kJwtMissing,                 // the route is for who has a token, and none was sent
  kJwtInvalid,                 // ... and this is no good one
  kJwtExpired,                 // ... and this was one
  kJwtKeysUnavailable,         // ... and what it is to be checked with has not been fetched yet
  kClientCertificateRequired,  // the route is for who has shown one that is good
  kClientCertificateTooLarge,  // to be told to an upstream
  kMisdirected,         // the host has another way to check clients than the one of the connection
  kUpgradeUnsupported,  // the upstream speaks HTTP/2, where connections change no protocol
  kNoHost,  // the route leads to another scheme of a host that the request does not name
  // No connection could be had.
  kNoEndpoint,
  kQueueFull,
  kQueueTimeout,
  kConnectRefused,
  kConnectTimeout,
  kConnectUnreachable,
  kConnectFailed,
  kTlsFailed,
  kTlsTimeout,
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
inline constexpr int kFailures = 53;

std::string_view FailureName(Failure failure);
// The response's status when none has been sent yet; 0 when no response makes sense.
int FailureStatus(Failure failure);
// Whether the failure counts against the upstream.
bool BlamesUpstream(Failure failure);
Failure FailureOf(pool::CheckoutResult result);
// kNone for no doubt.
Failure FailureOf(http::PathDoubt doubt);

// 502, 503 or 504: the endpoint, or something behind it, could not serve the request.
constexpr bool IsGatewayError(int status) { return status >= 502 && status <= 504; }
// What a failure says about the endpoint that had the request; nullopt: nothing.
std::optional<pool::Outcome> OutcomeOf(Failure failure);
// How an answer ends, as far as its head tells: the status of HTTP, 0 when there is none, and that
// of gRPC when nothing but the head follows it.
struct AnswerStatus {
  int http = 0;
  std::optional<grpc::Status> grpc;
};
// What such an answer says about it. UNAVAILABLE is gRPC's 503.
constexpr pool::Outcome OutcomeOfAnswer(const AnswerStatus& status) {
  if (status.grpc == grpc::Status::kUnavailable) return pool::Outcome::kStatus503;
  switch (status.http) {
    case 502: return pool::Outcome::kStatus502;
    case 503: return pool::Outcome::kStatus503;
    case 504: return pool::Outcome::kStatus504;
    default: return pool::Outcome::kAnswered;
  }
}

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_FAILURE_H_
