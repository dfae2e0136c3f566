#ifndef HOLDFAST_POOL_REASONS_H_
#define HOLDFAST_POOL_REASONS_H_

#include <cstdint>
#include <string_view>

namespace holdfast::pool {

// The words for what happens to upstream connections. Each name is the one word for its thing in
// metric labels and in the access log.

// How a request for a connection ended.
enum class CheckoutResult : uint8_t {
  kReused,        // a connection of this worker that has served before
  kShared,        // one that another worker had to spare
  kTied,          // the one that has authenticated this client
  kFresh,         // one that has not served yet
  kQueueFull,     // too many requests wait already
  kQueueTimeout,  // waited too long
  kConnectRefused,
  kConnectTimeout,
  kConnectUnreachable,  // no route to the address, or nobody answers for it
  kConnectFailed,       // any other error of connect(2)
  kTlsFailed,           // connected, but the TLS handshake failed
  kTlsTimeout,          // connected, but the TLS handshake was not over in time
  // The gateway's own trouble, which says nothing of the endpoint.
  kNoDescriptors,       // the process, or its share for upstreams, is out of descriptors
  kNoLocalPort,         // every local port is taken by connections to this endpoint
  kNoMemory,            // the kernel has no memory or no epoll watch left
  kNoEndpoint,          // the upstream has no address (yet)
  kRequestsBreaker,     // the upstream has as many requests as it may
  kConnectionsBreaker,  // as many connections, over all endpoints
  kPendingBreaker,      // as many that wait, over all endpoints
  kCancelled,           // the request went away while it waited
};
inline constexpr int kCheckoutResults = 20;
std::string_view CheckoutResultName(CheckoutResult result);

// Why no connection was had.
struct CheckoutFailure {
  // NOLINTNEXTLINE(google-explicit-constructor): most failures are a result and no more.
  CheckoutFailure(CheckoutResult failed, const char* transport_word = nullptr)
      : result(failed), word(transport_word) {}

  bool operator==(CheckoutResult other) const { return result == other; }

  CheckoutResult result;
  const char* word;  // the transport's own for it, static; null: the result says it all
};

// Why a connection was opened although kept ones are used first: what became of the endpoint's kept
// ones.
enum class OpenReason : uint8_t {
  kEmpty,        // it has had none yet
  kAllBusy,      // every one is leased or connecting
  kExpired,      // the last one reached its idle timeout
  kPeerClosed,   // the last one was closed by the peer, or spoiled by it
  kMaxAge,       // the last one was too old, or had served enough
  kNotKept,      // the last one was not kept when its request ended
  kCap,          // the last one gave way to a limit
  kUnhealthy,    // they were closed when the endpoint was taken out
  kKeyMismatch,  // kept ones are there, but for other endpoints of the upstream
  kRetry,        // a repeated request wants a connection that nobody has used
};
inline constexpr int kOpenReasons = 10;
std::string_view OpenReasonName(OpenReason reason);

// Why a connection was closed; kNone: it was kept.
enum class CloseReason : uint8_t {
  kNone,
  // At the end of a lease, in the order in which DecideReuse looks.
  kNotAsked,            // the lease ended without asking for reuse
  kBroken,              // the socket failed
  kPeerClosed,          // the peer sent its end
  kGoaway,              // the peer takes no more requests on it (RFC 9113 section 6.8)
  kUpgraded,            // the connection left HTTP
  kRequestUnfinished,   // part of the request was never sent
  kResponseUnfinished,  // the response was not read to its end
  kExtraBytes,          // bytes after the response's end
  kForbiddenContent,    // the response announced content that it must not have
  kPeerAskedClose,      // Connection: close, HTTP/1.0, or a body that ends with the connection
  kOwnerGone,           // it has authenticated a client that is gone; while idle, too
  kDraining,            // the pool takes nothing back
  kMaxAge,              // while idle, too
  kMaxRequests,         // it has served as many as it may, by our limit or the peer's
  kIdleOff,             // idle connections are not kept
  // While idle.
  kIdleTimeout,
  kIdlePeerClosed,
  kIdleBytes,    // the upstream spoke without being asked
  kIdleEvicted,  // a limit, or a newer one that needed its place
  kDrained,      // the endpoint left, or the process stops
  kUnhealthy,    // the endpoint was taken out
  // While connecting.
  kConnectFailed,
  kConnectTimeout,
  kTlsFailed,
};
inline constexpr int kCloseReasons = 25;
std::string_view CloseReasonName(CloseReason reason);

// How an attempt at an endpoint ended, as far as that says something of the endpoint. The names are
// the words of the access log's `reason`, or the status.
enum class Outcome : uint8_t {
  kAnswered,  // with a status that does not speak against it; all other outcomes do
  kStatus502,
  kStatus503,
  kStatus504,
  kClosed,
  kReset,
  kHeadTruncated,
  kBadResponse,
  kTruncated,
  kFirstByteTimeout,
  kStallTimeout,
  kConnectRefused,
  kConnectTimeout,
  kConnectUnreachable,
  kConnectFailed,
  kTlsFailed,
  kTlsTimeout,
};
std::string_view OutcomeName(Outcome outcome);

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_REASONS_H_
