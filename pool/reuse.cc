#include "pool/reuse.h"

#include "pool/net/check.h"

namespace holdfast::pool {

std::string_view ReuseDecisionName(ReuseDecision decision) {
  switch (decision) {
    case ReuseDecision::kKeep: return "keep";
    case ReuseDecision::kNotAsked: return "not_asked";
    case ReuseDecision::kBroken: return "broken";
    case ReuseDecision::kPeerClosed: return "peer_closed";
    case ReuseDecision::kUpgraded: return "upgraded";
    case ReuseDecision::kRequestUnfinished: return "request_unfinished";
    case ReuseDecision::kResponseUnfinished: return "response_unfinished";
    case ReuseDecision::kExtraBytes: return "extra_bytes";
    case ReuseDecision::kPeerAskedClose: return "peer_asked_close";
    case ReuseDecision::kDraining: return "draining";
    case ReuseDecision::kMaxAge: return "max_age";
    case ReuseDecision::kIdleOff: return "idle_off";
  }
  HOLDFAST_CHECK(false);
}

ReuseDecision DecideReuse(const ReuseFacts& facts) {
  if (!facts.asked) return ReuseDecision::kNotAsked;
  if (facts.broken) return ReuseDecision::kBroken;
  if (facts.peer_closed) return ReuseDecision::kPeerClosed;
  if (facts.upgraded) return ReuseDecision::kUpgraded;
  if (!facts.request_finished) return ReuseDecision::kRequestUnfinished;
  if (!facts.response_finished) return ReuseDecision::kResponseUnfinished;
  if (facts.extra_bytes) return ReuseDecision::kExtraBytes;
  if (!facts.peer_allows) return ReuseDecision::kPeerAskedClose;
  if (facts.draining) return ReuseDecision::kDraining;
  if (facts.too_old) return ReuseDecision::kMaxAge;
  if (facts.idle_off) return ReuseDecision::kIdleOff;
  return ReuseDecision::kKeep;
}

}  // namespace holdfast::pool
