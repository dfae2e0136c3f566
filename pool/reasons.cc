#include "pool/reasons.h"

#include "pool/net/check.h"

namespace holdfast::pool {

std::string_view CheckoutResultName(CheckoutResult result) {
  switch (result) {
    case CheckoutResult::kReused: return "reused";
    case CheckoutResult::kShared: return "shared";
    case CheckoutResult::kTied: return "tied";
    case CheckoutResult::kFresh: return "fresh";
    case CheckoutResult::kQueueFull: return "queue_full";
    case CheckoutResult::kQueueTimeout: return "queue_timeout";
    case CheckoutResult::kConnectRefused: return "connect_refused";
    case CheckoutResult::kConnectTimeout: return "connect_timeout";
    case CheckoutResult::kConnectUnreachable: return "connect_unreachable";
    case CheckoutResult::kConnectFailed: return "connect_failed";
    case CheckoutResult::kTlsFailed: return "tls_failed";
    case CheckoutResult::kTlsTimeout: return "tls_handshake_timeout";
    case CheckoutResult::kNoDescriptors: return "no_descriptors";
    case CheckoutResult::kNoLocalPort: return "no_local_port";
    case CheckoutResult::kNoMemory: return "no_memory";
    case CheckoutResult::kNoEndpoint: return "no_endpoint";
    case CheckoutResult::kRequestsBreaker: return "breaker_requests";
    case CheckoutResult::kConnectionsBreaker: return "breaker_connections";
    case CheckoutResult::kPendingBreaker: return "breaker_pending";
    case CheckoutResult::kCancelled: return "cancelled";
  }
  HOLDFAST_CHECK(false);
}

std::string_view OpenReasonName(OpenReason reason) {
  switch (reason) {
    case OpenReason::kEmpty: return "empty";
    case OpenReason::kAllBusy: return "all_busy";
    case OpenReason::kExpired: return "expired";
    case OpenReason::kPeerClosed: return "peer_closed";
    case OpenReason::kMaxAge: return "max_age";
    case OpenReason::kNotKept: return "not_kept";
    case OpenReason::kCap: return "cap";
    case OpenReason::kUnhealthy: return "unhealthy";
    case OpenReason::kKeyMismatch: return "key_mismatch";
    case OpenReason::kRetry: return "retry";
  }
  HOLDFAST_CHECK(false);
}

std::string_view CloseReasonName(CloseReason reason) {
  switch (reason) {
    case CloseReason::kNone: return "none";
    case CloseReason::kNotAsked: return "not_asked";
    case CloseReason::kBroken: return "broken";
    case CloseReason::kPeerClosed: return "peer_closed";
    case CloseReason::kGoaway: return "goaway";
    case CloseReason::kUpgraded: return "upgraded";
    case CloseReason::kRequestUnfinished: return "request_unfinished";
    case CloseReason::kResponseUnfinished: return "response_unfinished";
    case CloseReason::kExtraBytes: return "extra_bytes";
    case CloseReason::kForbiddenContent: return "forbidden_content";
    case CloseReason::kPeerAskedClose: return "peer_asked_close";
    case CloseReason::kOwnerGone: return "owner_gone";
    case CloseReason::kDraining: return "draining";
    case CloseReason::kMaxAge: return "max_age";
    case CloseReason::kMaxRequests: return "max_requests";
    case CloseReason::kIdleOff: return "idle_off";
    case CloseReason::kIdleTimeout: return "idle_timeout";
    case CloseReason::kIdlePeerClosed: return "idle_peer_closed";
    case CloseReason::kIdleBytes: return "idle_bytes";
    case CloseReason::kIdleEvicted: return "idle_evicted";
    case CloseReason::kDrained: return "drained";
    case CloseReason::kUnhealthy: return "unhealthy";
    case CloseReason::kConnectFailed: return "connect_failed";
    case CloseReason::kConnectTimeout: return "connect_timeout";
    case CloseReason::kTlsFailed: return "tls_failed";
  }
  HOLDFAST_CHECK(false);
}

std::string_view OutcomeName(Outcome outcome) {
  switch (outcome) {
    case Outcome::kAnswered: return "answered";
    case Outcome::kStatus502: return "502";
    case Outcome::kStatus503: return "503";
    case Outcome::kStatus504: return "504";
    case Outcome::kClosed: return "upstream_closed";
    case Outcome::kReset: return "upstream_reset";
    case Outcome::kHeadTruncated: return "upstream_head_truncated";
    case Outcome::kBadResponse: return "upstream_bad_response";
    case Outcome::kTruncated: return "upstream_truncated";
    case Outcome::kFirstByteTimeout: return "first_byte_timeout";
    case Outcome::kStallTimeout: return "stall_timeout";
    case Outcome::kConnectRefused: return "connect_refused";
    case Outcome::kConnectTimeout: return "connect_timeout";
    case Outcome::kConnectUnreachable: return "connect_unreachable";
    case Outcome::kConnectFailed: return "connect_failed";
    case Outcome::kTlsFailed: return "tls_failed";
    case Outcome::kTlsTimeout: return "tls_handshake_timeout";
  }
  HOLDFAST_CHECK(false);
}

}  // namespace holdfast::pool
