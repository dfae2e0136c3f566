#ifndef HOLDFAST_POOL_UPSTREAM_CONNECTION_H_
#define HOLDFAST_POOL_UPSTREAM_CONNECTION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "pool/connection_protocol.h"
#include "pool/connection_record.h"
#include "pool/net/connection.h"
#include "pool/net/event_loop.h"
#include "pool/net/intrusive_list.h"
#include "pool/net/timer_wheel.h"
#include "pool/reasons.h"

namespace holdfast::pool {

class ConnectionPool;
class ConnectionTie;
class UpstreamConnection;

// Hears what an idle connection finds out by itself.
class UpstreamConnectionOwner {
 public:
  // It is of no use any more: the peer spoke or left, or its time is up.
  virtual void OnIdleEnd(UpstreamConnection& upstream, CloseReason end) = 0;
  // It has rested long enough to serve again.
  virtual void OnRestOver(UpstreamConnection& upstream) = 0;
  // Its protocol has another capacity than capacity(), or an end: Refresh and Retire are due.
  virtual void OnProtocolNews(UpstreamConnection& upstream) = 0;
  // The pool that owns it.
  virtual ConnectionPool* pool() = 0;

 protected:
  ~UpstreamConnectionOwner() = default;
};

// One established connection to a backend: its slots, each the right of one lease, and where it
// stands. While it is idle it listens to its socket itself, and what arrives then is the
// protocol's to judge; while it is used the holder of the lease listens, or the protocol where it
// has many leases.
//
// One thread. Owned by its ConnectionPool, leased or not; nobody else destroys it.
class UpstreamConnection final : private ConnectionEvents,
                                 private ProtocolEvents,
                                 public ListNode<UpstreamConnection> {
 public:
  enum class State : uint8_t {
    kNew,    // established a moment ago, and nobody has it yet
    kIdle,   // no lease
    kAside,  // idle, but not for everybody: it waits for the client that it is tied to, or is left
             // alone until what may still come has had the time to
    kOpen,   // leases, and room for more
    kFull,
    kRetired,  // takes no new lease, and closes with its last one
    kClosed,
  };
  // How it came to this worker.
  enum class Origin : uint8_t { kOpenedHere, kSpared };

  // `connection` is established.
  UpstreamConnection(UpstreamConnectionOwner* owner, EventLoop* loop,
                     std::unique_ptr<Connection> connection,
                     std::unique_ptr<ConnectionProtocol> protocol, ConnectionRecord record,
                     Origin origin);
  ~UpstreamConnection() = default;

  // Whether the state may change so.
  static bool MayMove(State from, State to);

  UpstreamConnectionOwner* owner() const { return owner_; }
  State state() const { return state_; }
  Connection& connection() { return *connection_; }
  const Connection& connection() const { return *connection_; }
  ConnectionProtocol& protocol() { return *protocol_; }
  const ConnectionRecord& record() const { return record_; }

  // Of a client's own: one.
  uint32_t capacity() const { return capacity_; }
  uint32_t used() const { return used_; }
  uint32_t free_slots() const {
    const bool takes = state_ != State::kRetired && state_ != State::kClosed;
    return takes && used_ < capacity_ ? capacity_ - used_ : 0;
  }
  // It has one slot, whose holder has the connection to itself.
  bool exclusive() const { return exclusive_; }
  // How many leases it has served, the present ones included.
  uint64_t leases() const { return record_.leases; }
  // It was kept idle before its present use: the peer may have closed it meanwhile.
  bool was_kept() const { return was_kept_; }
  TimePoint idle_since() const { return record_.idle_since; }
  bool too_old(TimePoint now) const {
    return record_.terms.expires_at.has_value() && now >= *record_.terms.expires_at;
  }
  bool worn_out() const {
    return record_.terms.max_leases.has_value() && record_.leases >= *record_.terms.max_leases;
  }
  // Its protocol lets it go to another worker; and nothing of it is buffered, either.
  bool travels() const { return travels_; }
  bool Detachable() const { return travels_ && connection_->Detachable(); }
  // Why it is of no use any more although nobody has said so; kNone: it is sound. One look at the
  // socket while it is idle, none while it is used.
  CloseReason FindEnd();

  // A lease begins. Returns how it was had.
  CheckoutResult TakeSlot();
  // A lease ends that is not the last.
  void ReturnSlot();
  // Takes over what its protocol and its terms say of its capacity.
  void Refresh();
  // From now on it takes no lease, and why.
  void Retire(CloseReason reason);
  CloseReason retired() const { return retired_; }
  // True the first time: what its end says against the peer is said once, not for each lease.
  bool TakeBlame() { return !std::exchange(blamed_, true); }
  // The last lease has ended, or it is new. `since` is in the past for one that was idle at another
  // worker before.
  void BeginIdle(TimePoint since, std::optional<Duration> timeout);
  // For its client alone, or to rest when `tie` is null.
  void BeginAside(ConnectionTie* tie, TimePoint since, std::optional<Duration> timeout);
  ConnectionTie* tie() const { return tie_; }
  void Untie() { tie_ = nullptr; }
  // While idle or aside: its time is up `timeout` after it became so.
  void SetIdleTimeout(std::optional<Duration> timeout);
  // Closes the socket and gives its place back.
  void Close();
  // Gives socket and record away; it is closed after that.
  SparedConnection Spare(TimePoint idle_since);

  void SetTerms(const ConnectionTerms& terms) { record_.terms = terms; }
  void SetPeerTimeout(Duration timeout) { record_.peer_timeout = timeout; }
  void SetAuthenticated() { record_.authenticated = true; }

  bool Validate() const;

 private:
  // The only place where the state changes; asserts the edge.
  void MoveTo(State next);
  void BecomeUnused(State next);
  uint32_t CapacityNow() const;
  void UpdateCapacity();
  void OnConnectionReady() override;
  void OnProtocolChanged() override;
  void OnTimer(TimePoint now);
  void SetDeadline(std::optional<Duration> timeout);
  void ArmForIdleEnd();

  UpstreamConnectionOwner* owner_;
  EventLoop* loop_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<ConnectionProtocol> protocol_;
  MemberTimer<UpstreamConnection, &UpstreamConnection::OnTimer> timer_{this};
  ConnectionRecord record_;
  TimePoint deadline_ = TimePoint::max();  // of being idle
  ConnectionTie* tie_ = nullptr;           // while aside for a client
  uint32_t capacity_;
  uint32_t used_ = 0;
  CloseReason retired_ = CloseReason::kNone;
  bool was_kept_ = false;
  bool came_from_elsewhere_;  // and has not served here
  bool exclusive_;
  bool travels_;
  bool blamed_ = false;
  State state_ = State::kNew;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_UPSTREAM_CONNECTION_H_
