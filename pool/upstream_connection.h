#ifndef HOLDFAST_POOL_UPSTREAM_CONNECTION_H_
#define HOLDFAST_POOL_UPSTREAM_CONNECTION_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "pool/net/connection.h"
#include "pool/net/intrusive_list.h"
#include "pool/net/socket.h"
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

// One connection to a backend and where it stands. While it connects or is idle it listens to its
// socket itself: any byte or end that arrives on an idle connection closes it. While leased the
// holder of the lease listens.
//
// One thread. Owned by its ConnectionPool, leased or not; nobody else destroys it.
class UpstreamConnection final : private ConnectionEvents, public ListNode<UpstreamConnection> {
 public:
  // kAside: idle, but not for everybody. It waits for the client that it is tied to, or is left
  // alone until what may still come has had the time to.
  enum class State : uint8_t { kConnecting, kIdle, kAside, kLeased, kClosed };
  // A full backlog is tried again after so long, then after twice as long each time up to the
  // second.
  static constexpr Duration kFirstAgain = std::chrono::milliseconds(10);
  static constexpr Duration kLastAgain = std::chrono::milliseconds(100);

  // `socket` has a connect in progress, one that has succeeded already, or one that is to be tried
  // again because the backlog of a UNIX socket was full.
  UpstreamConnection(ConnectionPool* pool, EventLoop* loop, SlabPool* slabs, FileDescriptor socket,
                     ConnectionRecord record);
  // One that another worker had to spare: idle.
  UpstreamConnection(ConnectionPool* pool, EventLoop* loop, SlabPool* slabs,
                     SparedConnection spared);
  ~UpstreamConnection() = default;

  // Whether the state may change so.
  static bool MayMove(State from, State to);

  State state() const { return state_; }
  Connection& connection() { return connection_; }
  const Connection& connection() const { return connection_; }
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
  // How long an attempt lasts, and what it needs meanwhile.
  struct ConnectPlan {
    TimePoint slow_at;   // the pool hears that it is slow
    TimePoint deadline;  // it is given up
    bool again = false;  // the backlog is full: it is to be tried again
  };
  void BeginConnect(TimePoint now, const ConnectPlan& plan);
  void ArmForConnect();
  void ConnectOnceMore(TimePoint now);
  void FinishConnect();
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
  Connection connection_;
  MemberTimer<UpstreamConnection, &UpstreamConnection::OnTimer> timer_{this};
  ConnectionRecord record_;
  std::optional<TimePoint> deadline_;  // of connecting, or of being idle
  ConnectionTie* tie_ = nullptr;       // while aside for a client
  std::optional<TimePoint> slow_at_;   // while connecting
  std::optional<TimePoint> again_at_;  // while the backlog is full
  Duration again_after_{0};
  uint64_t written_before_lease_ = 0;  // of what crosses the wire
  CheckoutResult result_ = CheckoutResult::kFresh;
  bool was_kept_ = false;
  bool came_from_elsewhere_ = false;  // and has not served here
  bool forsaken_ = false;             // while connecting: who it was opened for waits elsewhere
  State state_;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_UPSTREAM_CONNECTION_H_
