#include "gateway/proxy/session.h"

#include <array>
#include <utility>

#include "pool/net/check.h"

namespace holdfast::proxy {
namespace {

// Most listeners trust nobody.
bool Trusts(const config::PeerSet& proxies, const pool::PeerIp& peer) {
  if (proxies.ranges().empty() && !proxies.unix_peers()) return false;
  std::array<char, pool::PeerIp::kMaxText> room;
  return proxies.Contains(
      pool::SocketAddress::FromIp(peer.Text(room), 0).value_or(pool::SocketAddress()));
}

}  // namespace

std::string_view SessionEndName(SessionEnd end) {
  switch (end) {
    case SessionEnd::kClientClosed: return "client_closed";
    case SessionEnd::kClientReset: return "client_reset";
    case SessionEnd::kIdleTimeout: return "idle_timeout";
    case SessionEnd::kHeadTimeout: return "head_timeout";
    case SessionEnd::kExchangeCut: return "exchange_cut";
    case SessionEnd::kDrained: return "drained";
    case SessionEnd::kHandshakeEvicted: return "handshake_evicted";
    case SessionEnd::kIdleEvicted: return "idle_evicted";
    case SessionEnd::kClientCap: return "client_cap";
    case SessionEnd::kUpgraded: return "upgraded";
    case SessionEnd::kTlsFailed: return "tls_failed";
    case SessionEnd::kTlsTimeout: return "tls_handshake_timeout";
    case SessionEnd::kProxyRefused: return "proxy_refused";
    case SessionEnd::kProxyMalformed: return "proxy_malformed";
    case SessionEnd::kProxyTruncated: return "proxy_truncated";
    case SessionEnd::kProxyTimeout: return "proxy_timeout";
    case SessionEnd::kChallenged: return "challenged";
    case SessionEnd::kHttp2Broken: return "http2_broken";
    case SessionEnd::kHttp2Flood: return "http2_flood";
    case SessionEnd::kWriteStalled: return "write_stalled";
  }
  HOLDFAST_CHECK(false);
}

void Session::Enlist() {
  context()->sessions.PushBack(*this);
  listener_->OnSessionOpened();
  TakeClientPlace();
  listener_->cells().idle.Add(1);
}

void Session::Replace(Session& predecessor) {
  HOLDFAST_CHECK(predecessor.listener_ == listener_ && !predecessor.IdleSession::linked());
  context()->sessions.PushBack(*this);
  context()->sessions.Remove(predecessor);
  counted_active_ = std::exchange(predecessor.counted_active_, false);
  client_place_ = std::exchange(predecessor.client_place_, {});
}

Session::ConnectionTerms Session::NewTerms(const pool::PeerIp& peer, bool unnamed,
                                           pool::TimePoint accepted_at) const {
  const config::Listener& config = listener_->config();
  ConnectionTerms terms{.trusted = !unnamed && Trusts(config.trusted_proxies, peer)};
  if (config.max_connection_age.has_value()) {
    terms.expires_at = accepted_at + context()->random->JitterTenth(*config.max_connection_age);
  }
  if (config.max_requests.has_value()) {
    terms.max_requests = context()->random->JitterTenth(*config.max_requests);
  }
  return terms;
}

void Session::CountActive(bool active) {
  if (active == counted_active_) return;
  counted_active_ = active;
  listener_->cells().active.Add(active ? 1 : -1);
  listener_->cells().idle.Add(active ? -1 : 1);
}

void Session::Delist(std::string_view reason, uint64_t requests) {
  listener_->ReturnClientPlace(std::exchange(client_place_, {}));
  (counted_active_ ? listener_->cells().active : listener_->cells().idle).Add(-1);
  listener_->cells().ClosedFor(reason).Add();
  listener_->cells().requests().ObserveCount(requests);
  if (IdleSession::linked()) listener_->OnSessionBusy(*this);
  context()->sessions.Remove(*this);
  listener_->OnSessionClosed();
  if (context()->sessions.empty() && context()->when_empty != nullptr) {
    context()->loop->Queue(*context()->when_empty);
  }
}

}  // namespace holdfast::proxy
