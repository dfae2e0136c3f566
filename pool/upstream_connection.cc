#include "pool/upstream_connection.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "pool/connection_pool.h"
#include "pool/net/check.h"
#include "pool/net/plain_transport.h"

namespace holdfast::pool {

// A connect that succeeded inside the call (UNIX sockets) is waited for as well: the socket reports
// writable in the next turn, and there is one way to become connected.
UpstreamConnection::UpstreamConnection(ConnectionPool* pool, EventLoop* loop, SlabPool* slabs,
                                       FileDescriptor socket, std::optional<TimePoint> expires_at)
    : pool_(pool),
      loop_(loop),
      connection_(loop, slabs, std::make_unique<PlainTransport>(std::move(socket)), this,
                  /*connecting=*/true),
      expires_at_(expires_at) {}

bool UpstreamConnection::MayMove(State from, State to) {
  switch (from) {
    case State::kConnecting: return to != State::kConnecting;
    case State::kIdle: return to == State::kLeased || to == State::kClosed;
    case State::kLeased: return to == State::kIdle || to == State::kClosed;
    case State::kClosed: return false;
  }
  HOLDFAST_CHECK(false);
}

void UpstreamConnection::MoveTo(State next) {
  HOLDFAST_CHECK(MayMove(state_, next));
  state_ = next;
  if (next == State::kLeased) {
    ++leases_;
  } else {
    connection_.set_events(this);
  }
  // It lives on to the end of the turn, in which the timer may be due.
  if (next == State::kClosed) loop_->timers().Cancel(timer_);
}

void UpstreamConnection::OnConnectionReady() {
  switch (state_) {
    case State::kConnecting:
      if (connection_.hung_up() || connection_.writable()) FinishConnect();
      return;
    case State::kIdle:
      if (connection_.hung_up() || connection_.peer_ended()) {
        pool_->CloseIdle(*this, IdleEnd::kIdlePeerClosed);
      } else if (connection_.readable()) {
        pool_->CloseIdle(*this, IdleEnd::kIdleBytes);
      }
      return;
    case State::kLeased:  // The holder listens instead.
    case State::kClosed:  // Closed sockets have no events.
      HOLDFAST_CHECK(false);
  }
}

void UpstreamConnection::FinishConnect() {
  const int error = TakeSocketError(connection_.fd());
  // A peer that has ended or spoken before it was asked is of no use to any request: what it says
  // is no response (RFC 9112 section 9.2).
  const bool usable = !connection_.hung_up() && !connection_.readable();
  if (error == 0 && usable) {
    pool_->OnConnected(*this);
  } else {
    pool_->OnConnectFailed(*this, error == ECONNREFUSED ? CheckoutResult::kConnectRefused
                                                        : CheckoutResult::kConnectFailed);
  }
}

void UpstreamConnection::OnTimer(TimePoint now) {
  switch (state_) {
    case State::kConnecting: pool_->OnConnectFailed(*this, CheckoutResult::kConnectTimeout); return;
    case State::kIdle:
      if (idle_deadline_.has_value() && now >= *idle_deadline_) {
        pool_->CloseIdle(*this, IdleEnd::kIdleTimeout);
      } else if (too_old(now)) {
        pool_->CloseIdle(*this, IdleEnd::kMaxAge);
      } else {
        ArmForIdleEnd();
      }
      return;
    case State::kLeased: return;  // Armed again when the lease ends.
    case State::kClosed: HOLDFAST_CHECK(false);
  }
}

void UpstreamConnection::BeginIdle(TimePoint now, std::optional<Duration> idle_timeout) {
  idle_since_ = now;
  idle_deadline_.reset();
  if (idle_timeout.has_value()) idle_deadline_ = now + *idle_timeout;
  ArmForIdleEnd();
}

// An earlier wake-up that is armed already may stay: it looks at the deadlines when it comes, which
// is cheaper than moving the timer for every lease.
void UpstreamConnection::ArmForIdleEnd() {
  const TimePoint next =
      std::min(idle_deadline_.value_or(TimePoint::max()), expires_at_.value_or(TimePoint::max()));
  if (next == TimePoint::max()) return;
  if (!timer_.armed() || timer_.deadline() > next) loop_->timers().Arm(timer_, next);
}

}  // namespace holdfast::pool
