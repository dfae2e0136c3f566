#ifndef HOLDFAST_POOL_REUSE_H_
#define HOLDFAST_POOL_REUSE_H_

#include <cstdint>
#include <string_view>

namespace holdfast::pool {

// Why a connection is closed instead of kept when its lease ends; kKeep is the one way back into
// the pool. Names are metric label values.
enum class ReuseDecision : uint8_t {
  kKeep,
  kNotAsked,            // the lease ended without asking for reuse
  kBroken,              // the socket failed
  kPeerClosed,          // the peer sent its end
  kUpgraded,            // the connection left HTTP
  kRequestUnfinished,   // part of the request was never sent
  kResponseUnfinished,  // the response was not read to its end
  kExtraBytes,          // bytes after the response's end
  kPeerAskedClose,      // Connection: close, HTTP/1.0, or a body that ends with the connection
  kDraining,            // the pool takes nothing back
  kMaxAge,
  kIdleOff,  // idle connections are not kept
};
std::string_view ReuseDecisionName(ReuseDecision decision);
inline constexpr int kReuseDecisions = 12;

// What is known at the end of a lease. The defaults are those of a lease that was forgotten.
struct ReuseFacts {
  bool asked = false;
  bool broken = false;
  bool peer_closed = false;
  bool upgraded = false;
  bool request_finished = false;
  bool response_finished = false;
  bool extra_bytes = false;
  bool peer_allows = false;
  bool draining = false;
  bool too_old = false;
  bool idle_off = false;
};

// Pure. Refuses on the first fact, in the order of the enum.
ReuseDecision DecideReuse(const ReuseFacts& facts);

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_REUSE_H_
