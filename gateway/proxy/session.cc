#include "gateway/proxy/session.h"

#include <utility>

#include "pool/net/check.h"

namespace holdfast::proxy {

std::string_view SessionEndName(SessionEnd end) {
  switch (end) {
    case SessionEnd::kClientClosed: return "client_closed";
    case SessionEnd::kClientReset: return "client_reset";
    case SessionEnd::kIdleTimeout: return "idle_timeout";
    case SessionEnd::kHeadTimeout: return "head_timeout";
    case SessionEnd::kExchangeCut: return "exchange_cut";
    case SessionEnd::kDrained: return "drained";
    case SessionEnd::kIdleEvicted: return "idle_evicted";
    case SessionEnd::kUpgraded: return "upgraded";
    case SessionEnd::kTlsFailed: return "tls_failed";
  }
  HOLDFAST_CHECK(false);
}

void Session::Enlist() {
  context()->sessions.PushBack(*this);
  listener_->OnSessionOpened();
  listener_->cells().idle.Add(1);
}

void Session::Replace(Session& predecessor) {
  HOLDFAST_CHECK(predecessor.listener_ == listener_ && !predecessor.IdleSession::linked());
  context()->sessions.PushBack(*this);
  context()->sessions.Remove(predecessor);
  counted_active_ = std::exchange(predecessor.counted_active_, false);
}

void Session::CountActive(bool active) {
  if (active == counted_active_) return;
  counted_active_ = active;
  listener_->cells().active.Add(active ? 1 : -1);
  listener_->cells().idle.Add(active ? -1 : 1);
}

void Session::Delist(std::string_view reason) {
  (counted_active_ ? listener_->cells().active : listener_->cells().idle).Add(-1);
  listener_->cells().ClosedFor(reason).Add();
  if (IdleSession::linked()) listener_->OnSessionBusy(*this);
  context()->sessions.Remove(*this);
  listener_->OnSessionClosed();
  if (context()->sessions.empty() && context()->when_empty != nullptr) {
    context()->loop->Queue(*context()->when_empty);
  }
}

}  // namespace holdfast::proxy
