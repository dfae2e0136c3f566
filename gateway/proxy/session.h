#ifndef HOLDFAST_GATEWAY_PROXY_SESSION_H_
#define HOLDFAST_GATEWAY_PROXY_SESSION_H_

#include <cstdint>
#include <limits>
#include <string_view>

#include "gateway/proxy/context.h"
#include "gateway/proxy/listener.h"
#include "pool/net/clock.h"
#include "pool/net/connection.h"
#include "pool/net/intrusive_list.h"
#include "pool/net/peer_ip.h"

namespace holdfast::proxy {

// How a client's connection ended when no exchange decided it. The names are metric label values,
// beside those of http::ClientPersistence.
enum class SessionEnd : uint8_t {
  kClientClosed,
  kClientReset,
  kIdleTimeout,
  kHeadTimeout,
  kExchangeCut,  // an exchange broke off, and so did the connection
  kDrained,
  kHandshakeEvicted,  // at a cap of handshakes it gave way to a newcomer
  kIdleEvicted,       // at a cap it gave way to a newcomer
  kClientCap,         // its client had as many connections as it may
  kUpgraded,          // the tunnel that it became has ended
  kTlsFailed,         // the handshake did
  kTlsTimeout,        // it was not over in time
  // Of connections that are to begin with a PROXY header:
  kProxyRefused,    // its peer may not connect here
  kProxyMalformed,  // it began otherwise
  kProxyTruncated,  // it ended within the header
  kProxyTimeout,    // the header was not there in time
  kChallenged,      // an authority has seen the certificate that it asked for
  // Of HTTP/2:
  kHttp2Broken,   // the client has broken its rules
  kHttp2Flood,    // it has done too much that it gains nothing by
  kWriteStalled,  // it has taken nothing of what was sent for too long
};
std::string_view SessionEndName(SessionEnd end);

// One client's connection as its worker and its listener see it, whatever it speaks. It holds one
// of the listener's places from Enlist or Replace to its end.
//
// Loop thread. Owns itself: linked into its worker's list, destroyed through the loop's
// DestroyLater after Delist. The listener outlives it.
class Session : public pool::ListNode<Session>,
                public IdleSession,
                protected pool::ConnectionEvents {
 public:
  virtual ~Session() = default;

  // Its listener leaves, or the process does: closes now if at rest, else after what it does.
  virtual void BeginDrain() = 0;
  // The process is on its way out and serves on for now: lets the client know, if its protocol can
  // say so at any time.
  virtual void AskToLeave() {}
  // The drain's deadline: cuts the connection, whatever it does. True if an exchange was broken
  // off.
  virtual bool Cut() = 0;
  // The listener may have other limits now: looks at its deadline again.
  virtual void OnReconfigured() = 0;
  // At a cap: closes if idle, in favour of a newcomer. False when it has sent something after all.
  virtual bool GiveWay() = 0;
  // While it is idle.
  virtual pool::TimePoint idle_since() const = 0;

  Listener* listener() const { return listener_; }

 protected:
  explicit Session(Listener* listener) : listener_(listener) {}

  WorkerContext* context() const { return listener_->context(); }
  // It has been accepted: takes the place that the listener holds for it. It begins as idle.
  void Enlist();
  // It goes on with a connection that another session has begun; takes over its place in all books.
  void Replace(Session& predecessor);
  // What the listener has for one client's connection, as it is configured now.
  struct ConnectionTerms {
    bool trusted = false;  // what the peer says of others is believed
    pool::TimePoint expires_at = pool::TimePoint::max();  // after this no further request
    uint32_t max_requests = std::numeric_limits<uint32_t>::max();
  };
  // `unnamed`: the peer is a proxy that does not say for whom it asks.
  ConnectionTerms NewTerms(const pool::PeerIp& peer, bool unnamed,
                           pool::TimePoint accepted_at) const;
  // Counts it as busy with a client, or as idle.
  void CountActive(bool active);
  // It is the connection that the listener has counted for its client (Listener::AdmitClient).
  void TakeClientPlace() { client_place_ = listener_->TakeClientPlace(); }
  // It is over, and has brought so many requests. Its owner destroys it at the end of the turn.
  void Delist(std::string_view reason, uint64_t requests = 0);

 private:
  Listener* listener_;
  bool counted_active_ = false;
  policy::ClientConnections::Place client_place_ = policy::ClientConnections::Place::kNowhere;
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_SESSION_H_
