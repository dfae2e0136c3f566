#include "pool/upstream_connection.h"

#include <algorithm>
#include <utility>

#include "pool/connection_pool.h"
#include "pool/net/check.h"
#include "pool/net/plain_transport.h"

namespace holdfast::pool {

UpstreamConnection::UpstreamConnection(ConnectionPool* pool, EventLoop* loop, SlabPool* slabs,
                                       FileDescriptor socket, bool connecting,
                                       std::optional<TimePoint> expires_at)
    : pool_(pool),
      loop_(loop),
      connection_(loop, slabs, std::make_unique<PlainTransport>(std::move(socket)), this,
                  connecting),
      expires_at_(expires_at) {}

void UpstreamConnection::MoveTo(State next) {
  switch (state_) {
    case State::kConnecting:
      HOLDFAST_CHECK(next == State::kIdle || next == State::kClosed);
      break;
    case State::kIdle:
      HOLDFAST_CHECK(next == State::kLeased || next == State::kClosed);
      break;
    case State::kLeased:
      HOLDFAST_CHECK(next == State::kIdle || next == State::kClosed);
      break;
    case State::kClosed:
      HOLDFAST_CHECK(false);
  }
  state_ = next;
  if (next == State::kLeased) {
    ++leases_;
  } else {
    connection_.set_events(this);
  }
}

void UpstreamConnection::OnConnectionReady() {
  switch (state_) {
    case State::kConnecting: {
      const bool failed = connection_.hung_up();
      if (!failed && !connection_.writable()) return;
      const int error = TakeSocketError(connection_.fd());
      if (failed || error != 0) {
        pool_->OnConnectFailed(*this, error == ECONNREFUSED ? CheckoutResult::kConnectRefused
                                                            : CheckoutResult::kConnectFailed);
      } else {
        pool_->OnConnected(*this);
      }
      return;
    }
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

void UpstreamConnection::OnTimer(TimePoint now) {
  switch (state_) {
    case State::kConnecting:
      pool_->OnConnectFailed(*this, CheckoutResult::kConnectTimeout);
      return;
    case State::kIdle:
      if (idle_deadline_.has_value() && now >= *idle_deadline_) {
        pool_->CloseIdle(*this, IdleEnd::kIdleTimeout);
      } else if (too_old(now)) {
        pool_->CloseIdle(*this, IdleEnd::kMaxAge);
      } else {
        ArmForIdleEnd();
      }
      return;
    case State::kLeased:
      return;  // Armed again when the lease ends.
    case State::kClosed:
      HOLDFAST_CHECK(false);
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
  const TimePoint next = std::min(idle_deadline_.value_or(TimePoint::max()),
                                  expires_at_.value_or(TimePoint::max()));
  if (next == TimePoint::max()) return;
  if (!timer_.armed() || timer_.deadline() > next) loop_->timers().Arm(timer_, next);
}

}  // namespace holdfast::pool
