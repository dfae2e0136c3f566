#ifndef HOLDFAST_POOL_UPSTREAM_CONNECTION_H_
#define HOLDFAST_POOL_UPSTREAM_CONNECTION_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "pool/net/connection.h"
#include "pool/net/intrusive_list.h"
#include "pool/net/socket.h"
#include "pool/net/timer_wheel.h"

namespace holdfast::pool {

class ConnectionPool;

// One connection to a backend and where it stands. While it connects or is idle it listens to its
// socket itself: any byte or end that arrives on an idle connection closes it. While leased the
// holder of the lease listens.
//
// One thread. Owned by its ConnectionPool, leased or not; nobody else destroys it.
class UpstreamConnection final : private ConnectionEvents, public ListNode<UpstreamConnection> {
 public:
  enum class State : uint8_t { kConnecting, kIdle, kLeased, kClosed };

  // `socket` has a connect in progress, or one that has succeeded already.
  UpstreamConnection(ConnectionPool* pool, EventLoop* loop, SlabPool* slabs, FileDescriptor socket,
                     std::optional<TimePoint> expires_at);
  ~UpstreamConnection() = default;

  // Whether the state may change so.
  static bool MayMove(State from, State to);

  State state() const { return state_; }
  Connection& connection() { return connection_; }
  // How many leases it has served, the present one included.
  uint64_t leases() const { return leases_; }
  TimePoint idle_since() const { return idle_since_; }
  bool too_old(TimePoint now) const { return expires_at_.has_value() && now >= *expires_at_; }

 private:
  friend class ConnectionPool;

  // The only place where the state changes; asserts the edge.
  void MoveTo(State next);
  void OnConnectionReady() override;
  void FinishConnect();
  void OnTimer(TimePoint now);
  void BeginIdle(TimePoint now, std::optional<Duration> idle_timeout);
  void ArmForIdleEnd();

  ConnectionPool* pool_;
  EventLoop* loop_;
  Connection connection_;
  MemberTimer<UpstreamConnection, &UpstreamConnection::OnTimer> timer_{this};
  std::optional<TimePoint> expires_at_;
  TimePoint idle_since_;
  std::optional<TimePoint> idle_deadline_;
  uint64_t leases_ = 0;
  State state_ = State::kConnecting;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_UPSTREAM_CONNECTION_H_
