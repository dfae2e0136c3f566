#ifndef HOLDFAST_POOL_UPSTREAM_CONNECTION_H_
#define HOLDFAST_POOL_UPSTREAM_CONNECTION_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "pool/net/connection.h"
#include "pool/net/intrusive_list.h"
#include "pool/net/timer_wheel.h"
#include "pool/reasons.h"
#include "pool/shelf.h"

namespace holdfast::pool {

class ConnectionPool;
class ConnectionTie;

// What belongs to a connection for its whole life, whichever worker it is at.
struct ConnectionRecord {
  ConnectionPermit permit;
  OpenReason open_reason = OpenReason::kEmpty;
  TimePoint opened_at;
  std::optional<TimePoint> expires_at;
  std::optional<uint64_t> max_leases;
  uint64_t leases = 0;  // the present one included
  // How long the peer said that it keeps the connection while it is idle.
  std::optional<Duration> peer_timeout;
  TimePoint idle_since;
  bool authenticated = false;  // a client; it never serves another one
};

// An idle connection on its way from one worker to another.
struct SparedConnection {
  std::unique_ptr<Transport> transport;
  ConnectionRecord record;
};

// One connection to a backend and where it stands. While it is idle it listens to its socket
// itself: any byte or end that arrives then closes it. While leased the holder of the lease
// listens.
//
// One thread. Owned by its ConnectionPool, leased or not; nobody else destroys it.
class UpstreamConnection final : private ConnectionEvents, public ListNode<UpstreamConnection> {
 public:
  // kAside: idle, but not for everybody. It waits for the client that it is tied to, or is left
  // alone until what may still come has had the time to.
  // kNew: established a moment ago, and nobody has it yet.
  enum class State : uint8_t { kNew, kIdle, kAside, kLeased, kClosed };
  // How it came to this worker.
  enum class Origin : uint8_t { kOpenedHere, kSpared };

  // `connection` is established.
  UpstreamConnection(ConnectionPool* pool, EventLoop* loop, std::unique_ptr<Connection> connection,
                     ConnectionRecord record, Origin origin);
  ~UpstreamConnection() = default;

  // Whether the state may change so.
  static bool MayMove(State from, State to);

  State state() const { return state_; }
  Connection& connection() { return *connection_; }
  const Connection& connection() const { return *connection_; }
  // How many leases it has served, the present one included.
  uint64_t leases() const { return record_.leases; }
  // How the present lease was had.
  CheckoutResult result() const { return result_; }
  // It was kept before the present lease, used or not: the peer may have closed it meanwhile.
  bool was_kept() const { return was_kept_; }
  OpenReason open_reason() const { return record_.open_reason; }
  bool NothingAcknowledged() const;
  TimePoint idle_since() const { return record_.idle_since; }
  bool too_old(TimePoint now) const {
    return record_.expires_at.has_value() && now >= *record_.expires_at;
  }
  bool worn_out() const {
    return record_.max_leases.has_value() && record_.leases >= *record_.max_leases;
  }

 private:
  friend class ConnectionPool;
  friend class ConnectionTie;

  // The only place where the state changes; asserts the edge.
  void MoveTo(State next);
  void OnConnectionReady() override;
  // Looks at the socket: why the idle connection is of no use any more; kNone: it is.
  CloseReason IdleEnd();
  void OnTimer(TimePoint now);
  // `since` is in the past for one that was idle at another worker before.
  void BeginIdle(TimePoint since, std::optional<Duration> idle_timeout);
  // Gives socket and record away; it is closed after that.
  SparedConnection Spare();
  void ArmForIdleEnd();

  ConnectionPool* pool_;
  EventLoop* loop_;
  std::unique_ptr<Connection> connection_;
  MemberTimer<UpstreamConnection, &UpstreamConnection::OnTimer> timer_{this};
  ConnectionRecord record_;
  std::optional<TimePoint> deadline_;  // of being idle
  ConnectionTie* tie_ = nullptr;       // while aside for a client
  uint64_t written_before_lease_ = 0;  // of what crosses the wire
  CheckoutResult result_ = CheckoutResult::kFresh;
  bool was_kept_ = false;
  bool came_from_elsewhere_;  // and has not served here
  State state_;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_UPSTREAM_CONNECTION_H_
