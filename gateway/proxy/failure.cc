#include "gateway/proxy/failure.h"

#include <array>

#include "pool/net/check.h"

namespace holdfast::proxy {
namespace {

struct Row {
  Failure failure;
  std::string_view name;
  int status;
  bool blames_upstream;
};

constexpr std::array<Row, kFailures> kRows = {{
    {Failure::kNone, "none", 0, false},
    {Failure::kRefusedFraming, "refused_framing", 400, false},
    {Failure::kAmbiguousPath, "ambiguous_path", 400, false},
    {Failure::kEncodedSlash, "encoded_slash", 400, false},
    {Failure::kNoRoute, "no_route", 404, false},
    {Failure::kMethodNotAllowed, "method_not_allowed", 405, false},
    {Failure::kUnsupportedMethod, "unsupported_method", 501, false},
    {Failure::kUnknownExpectation, "unknown_expectation", 417, false},
    {Failure::kBodyTooLarge, "body_too_large", 413, false},
    {Failure::kHeadTimeout, "head_timeout", 408, false},
    {Failure::kLoopDetected, "loop_detected", 508, false},
    {Failure::kClientDenied, "client_denied", 403, false},
    {Failure::kRateLimited, "rate_limited", 429, false},
    {Failure::kInFlightFull, "in_flight_full", 503, false},
    {Failure::kInFlightTimeout, "in_flight_timeout", 503, false},
    {Failure::kUnauthorized, "unauthorized", 401, false},
    {Failure::kForwardAuthRefused, "forward_auth_refused", 403, false},
    {Failure::kForwardAuthFailed, "forward_auth_failed", 503, false},
    {Failure::kAuthOverloaded, "auth_overloaded", 503, false},
    {Failure::kJwtMissing, "jwt_missing", 401, false},
    {Failure::kJwtInvalid, "jwt_invalid", 401, false},
    {Failure::kJwtExpired, "jwt_expired", 401, false},
    {Failure::kJwtKeysUnavailable, "jwt_keys_unavailable", 503, false},
    {Failure::kClientCertificateRequired, "client_certificate_required", 403, false},
    {Failure::kClientCertificateTooLarge, "client_certificate_too_large", 431, false},
    {Failure::kMisdirected, "misdirected", 421, false},
    {Failure::kUpgradeUnsupported, "upgrade_unsupported", 501, false},
    {Failure::kNoHost, "no_host", 400, false},
    {Failure::kNoEndpoint, "no_endpoint", 503, true},
    {Failure::kQueueFull, "queue_full", 503, true},
    {Failure::kQueueTimeout, "queue_timeout", 503, true},
    {Failure::kConnectRefused, "connect_refused", 502, true},
    {Failure::kConnectTimeout, "connect_timeout", 504, true},
    {Failure::kConnectUnreachable, "connect_unreachable", 502, true},
    {Failure::kConnectFailed, "connect_failed", 502, true},
    {Failure::kTlsFailed, "tls_failed", 502, true},
    {Failure::kTlsTimeout, "tls_handshake_timeout", 504, true},
    {Failure::kNoDescriptors, "no_descriptors", 503, true},
    {Failure::kNoLocalPort, "no_local_port", 503, true},
    {Failure::kNoMemory, "no_memory", 503, true},
    {Failure::kBreakerOpen, "breaker_open", 503, true},
    {Failure::kUpstreamClosed, "upstream_closed", 502, true},
    {Failure::kUpstreamReset, "upstream_reset", 502, true},
    {Failure::kUpstreamHeadTruncated, "upstream_head_truncated", 502, true},
    {Failure::kUpstreamBadResponse, "upstream_bad_response", 502, true},
    {Failure::kUpstreamTruncated, "upstream_truncated", 502, true},
    {Failure::kFirstByteTimeout, "first_byte_timeout", 504, true},
    {Failure::kStallTimeout, "stall_timeout", 504, true},
    {Failure::kTotalTimeout, "total_timeout", 504, true},
    {Failure::kClientGone, "client_gone", 0, false},
    {Failure::kClientBodyTimeout, "client_body_timeout", 408, false},
    {Failure::kClientBodyBroken, "client_body_broken", 400, false},
    {Failure::kShutdown, "shutdown", 0, false},
}};

const Row& RowOf(Failure failure) {
  const Row& row = kRows[static_cast<size_t>(failure)];
  HOLDFAST_CHECK(row.failure == failure);
  return row;
}

}  // namespace

std::string_view FailureName(Failure failure) { return RowOf(failure).name; }
int FailureStatus(Failure failure) { return RowOf(failure).status; }
bool BlamesUpstream(Failure failure) { return RowOf(failure).blames_upstream; }

Failure FailureOf(pool::CheckoutResult result) {
  using pool::CheckoutResult;
  switch (result) {
    case CheckoutResult::kQueueFull: return Failure::kQueueFull;
    case CheckoutResult::kQueueTimeout: return Failure::kQueueTimeout;
    case CheckoutResult::kConnectRefused: return Failure::kConnectRefused;
    case CheckoutResult::kConnectTimeout: return Failure::kConnectTimeout;
    case CheckoutResult::kConnectUnreachable: return Failure::kConnectUnreachable;
    case CheckoutResult::kConnectFailed: return Failure::kConnectFailed;
    case CheckoutResult::kTlsFailed: return Failure::kTlsFailed;
    case CheckoutResult::kTlsTimeout: return Failure::kTlsTimeout;
    case CheckoutResult::kNoDescriptors: return Failure::kNoDescriptors;
    case CheckoutResult::kNoLocalPort: return Failure::kNoLocalPort;
    case CheckoutResult::kNoMemory: return Failure::kNoMemory;
    case CheckoutResult::kNoEndpoint: return Failure::kNoEndpoint;
    case CheckoutResult::kRequestsBreaker:
    case CheckoutResult::kConnectionsBreaker:
    case CheckoutResult::kPendingBreaker: return Failure::kBreakerOpen;
    case CheckoutResult::kReused:
    case CheckoutResult::kShared:
    case CheckoutResult::kTied:
    case CheckoutResult::kFresh:
    case CheckoutResult::kCancelled: break;
  }
  HOLDFAST_CHECK(false);
}

Failure FailureOf(http::PathDoubt doubt) {
  using http::PathDoubt;
  switch (doubt) {
    case PathDoubt::kNone: return Failure::kNone;
    case PathDoubt::kEncodedSlash: return Failure::kEncodedSlash;
    case PathDoubt::kMalformedEscape:
    case PathDoubt::kNul:
    case PathDoubt::kHiddenDotSegment:
    case PathDoubt::kUnclearParameter:
    case PathDoubt::kHiddenAuthority:
    case PathDoubt::kRewrittenToDots:
    case PathDoubt::kRewrittenToHost:
    case PathDoubt::kRewrittenToNoPath:
    case PathDoubt::kOtherRoute: return Failure::kAmbiguousPath;
  }
  HOLDFAST_CHECK(false);
}

std::optional<pool::Outcome> OutcomeOf(Failure failure) {
  switch (failure) {
    case Failure::kUpstreamClosed: return pool::Outcome::kClosed;
    case Failure::kUpstreamReset: return pool::Outcome::kReset;
    case Failure::kUpstreamHeadTruncated: return pool::Outcome::kHeadTruncated;
    case Failure::kUpstreamBadResponse: return pool::Outcome::kBadResponse;
    case Failure::kUpstreamTruncated: return pool::Outcome::kTruncated;
    case Failure::kFirstByteTimeout: return pool::Outcome::kFirstByteTimeout;
    case Failure::kStallTimeout: return pool::Outcome::kStallTimeout;
    // What the pool reports by itself, the client's doing, ours, or that of nobody in particular:
    // the total time counts the client's own slowness, too.
    default: return std::nullopt;
  }
}

}  // namespace holdfast::proxy
