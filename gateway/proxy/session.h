#ifndef HOLDFAST_GATEWAY_PROXY_SESSION_H_
#define HOLDFAST_GATEWAY_PROXY_SESSION_H_

#include <cstdint>
#include <string_view>

#include "gateway/proxy/context.h"
#include "gateway/proxy/listener.h"
#include "pool/net/clock.h"
#include "pool/net/connection.h"
#include "pool/net/intrusive_list.h"

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
  kIdleEvicted,  // at a cap it gave way to a newcomer
  kUpgraded,     // the tunnel that it became has ended
  kTlsFailed,    // the handshake did
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
  // Counts it as busy with a client, or as idle.
  void CountActive(bool active);
  // It is over. Its owner destroys it at the end of the turn.
  void Delist(std::string_view reason);

 private:
  Listener* listener_;
  bool counted_active_ = false;
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_SESSION_H_
