#include "pool/reuse.h"

namespace holdfast::pool {

CloseReason DecideReuse(const ReuseFacts& facts) {
  if (!facts.asked) return CloseReason::kNotAsked;
  if (facts.broken) return CloseReason::kBroken;
  if (facts.peer_closed) return CloseReason::kPeerClosed;
  if (facts.upgraded) return CloseReason::kUpgraded;
  if (!facts.request_finished) return CloseReason::kRequestUnfinished;
  if (!facts.response_finished) return CloseReason::kResponseUnfinished;
  if (facts.extra_bytes) return CloseReason::kExtraBytes;
  if (facts.forbidden_content) return CloseReason::kForbiddenContent;
  if (!facts.peer_allows) return CloseReason::kPeerAskedClose;
  if (facts.authenticated && facts.tie == nullptr) return CloseReason::kOwnerGone;
  if (facts.draining) return CloseReason::kDraining;
  if (facts.too_old) return CloseReason::kMaxAge;
  if (facts.worn_out) return CloseReason::kMaxRequests;
  if (facts.idle_off) return CloseReason::kIdleOff;
  return CloseReason::kNone;
}

CloseReason DecideReuseOfShared(const ReuseFacts& facts) {
  if (facts.broken) return CloseReason::kBroken;
  if (facts.peer_closed) return CloseReason::kPeerClosed;
  if (facts.authenticated && facts.tie == nullptr) return CloseReason::kOwnerGone;
  if (facts.draining) return CloseReason::kDraining;
  if (facts.too_old) return CloseReason::kMaxAge;
  if (facts.worn_out) return CloseReason::kMaxRequests;
  return CloseReason::kNone;
}

}  // namespace holdfast::pool
